"""What one scenario observed, as values at paths: the unit that is compared.

Messages that went over a link in either direction, and the answers of probes that a judgement
rests on; not raw bytes and not log texts. A run is read scenario by scenario, so that memory does
not grow with the number of scenarios.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.evidence import trace
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.i18n import tr
from harness.report import intact
from harness.report.model import Run, ScenarioRun, parse
from harness.upgrade import archive, associations, bodies, dicom, trust
from harness.upgrade.given import Role, of_records, parts, short, sums, words
from harness.wire.astm_records import AstmMessage
from harness.wire.hl7 import Hl7Message

HOSPITAL: Final = frozenset({"LIS", "PACS", "RIS", "HIS"})
"""Roles that stand for the system under test also where the built-in hospital plays them."""

CANCELLED: Final = "FE00"
PENDING: Final = frozenset({"FF00", "FF01"})
"""Of an answer over DICOM (PS3.4 table C.4-1)."""

Values = Mapping[str, str]
"""Path to value."""


@dataclass(frozen=True)
class Observation:
    """One message or one answer of a probe.

    Attributes:
        kind: ``message``, ``probe``, or ``association`` over DICOM.
        interface: id of the interface; empty for a probe.
        link: the link; the role that was asked for a probe.
        sender: who sent it; the role for a probe.
        name: type of the message, or name of the probe.
        at: monotonic seconds of the run.
        record: the record of the trace.
        data: over DICOM, from the bytes: the data set of a message, or what an association says.
    """

    kind: str
    interface: str
    link: str
    sender: str
    name: str
    at: float
    record: Record = field(repr=False, compare=False)
    data: Values = field(default_factory=dict, repr=False, compare=False)

    @property
    def stream(self) -> tuple[str, str, str, str]:
        """What is counted and aligned together."""
        return (self.kind, self.link, self.sender, self.name)

    @property
    def played(self) -> bool:
        """Whether a test end of ours sent it in the name of a system.

        Such an end names its connections after the role that it plays.
        """
        return str(self.record.get("conn", "")).partition("#")[2].startswith(self.sender)

    @property
    def raw(self) -> bytes:
        """The bytes of a message."""
        return unpack(self.record["raw"])

    @cached_property
    def values(self) -> Values:
        """Every value that it holds, empty ones too: an empty field is not an absent one."""
        if self.kind == "probe":
            return dict(_row_values(self.record))
        if self.kind == associations.KIND:
            return self.data
        raw = self.raw
        match self.record["protocol"]:
            case "hl7":
                return dict(_hl7_values(raw))
            case "astm":
                return dict(_astm_values(raw, self.record.get("encoding") or "gb18030"))
            case "dicom":
                return dict(dicom.values(self.record, self.data))
        return _payload(raw)


def _payload(raw: bytes) -> Values:
    """A JSON or XML body by its paths; anything else as one text."""
    found = bodies.values(raw)
    if found is None:
        return {"payload": short(raw.decode("latin-1"))}
    return dict(_members(found))


def _members(found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for pointer, text in found:
        inside = archive.fields(text)
        if inside is None:
            yield pointer, short(text)
        else:
            yield from ((f"{pointer}!{place}", short(field)) for place, field in inside)


def _hl7_values(raw: bytes) -> Iterator[tuple[str, str]]:
    message = Hl7Message.parse(raw)
    yield "@charset", f"{message.declared or '-'}, written in {message.encoding}"
    for leaf in message.leaves():
        text = raw[leaf.begin : leaf.end].decode(message.encoding, "replace")
        yield str(leaf.path), short(text)


def _astm_values(raw: bytes, encoding: str) -> Iterator[tuple[str, str]]:
    message = AstmMessage.parse(raw, encoding)
    counts: dict[str, int] = {}
    for record in message.records:
        counts[record.type] = counts.get(record.type, 0) + 1
        for number, value in enumerate(record.fields, 1):
            yield f"{record.type}[{counts[record.type]}].{number}", short(value)


def _row_values(record: Record) -> Iterator[tuple[str, str]]:
    yield "@outcome", str(record["outcome"])
    for number, row in enumerate(record.get("rows", ()), 1):
        for column, value in row.items():
            yield f"row[{number}].{column}", "NULL" if value is None else short(str(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One scenario of a run: its verdict and what it observed, in order.

    Attributes:
        run: the scenario.
        observations: messages and answers.
        records: the whole trace.
        tested: roles whose messages are judged; None for every sender.
    """

    run: ScenarioRun
    observations: Sequence[Observation]
    records: Sequence[Record] = ()
    tested: frozenset[str] | None = None

    @property
    def transport(self) -> str:
        """What the run went over; ``memory`` is on the virtual clock."""
        return str(self.records[0].get("transport", "")) if self.records else ""

    def judged(self, one: Observation) -> bool:
        """Whether its values are the tested systems' own, not what we put in."""
        if one.kind == "probe" or self.tested is None:
            return True
        return one.sender in self.tested and not one.played

    def given(self) -> Mapping[Role, str]:
        """What was put in: commands, expectations, and the messages of the roles that we play."""
        roles = dict(of_records(self.records))
        counts: dict[tuple[str, ...], int] = {}
        for one in self.observations:
            if not self.judged(one):
                counts[one.stream] = counts.get(one.stream, 0) + 1
                head = (*one.stream, str(counts[one.stream]))
                for path, value in one.values.items():
                    roles[*head, path] = value
                    for number, part in enumerate(parts(value), 1):
                        roles[*head, path, f"part {number}"] = part
                roles |= {(*head, path, "sum"): text for path, text in sums(one.values)}
                if "payload" in one.values:
                    text = one.raw.decode("utf-8", "replace")
                    roles |= {(*head, path): value for path, value in words(text)}
        return roles


def tested(records: Sequence[Record]) -> frozenset[str]:
    """The systems that upgrades are about: every listed one but what we play around them."""
    return frozenset(
        str(one["role"])
        for one in records[0].get("systems", ())
        if one["mode"] != "simulated" or one["role"] in HOSPITAL
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """A finished run as it lies on the disk.

    Attributes:
        path: the folder.
        run: its ``run.json``.
        hashes: of its files, as the manifest of its evidence says; empty where there is none.
    """

    path: Path
    run: Run
    hashes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Read ``run.json``.

        Raises:
            InputError: the folder holds no finished run, or was edited since.
        """
        if not (path / "run.json").is_file():
            killed = (path / "plan.json").is_file()
            raise InputError(
                tr("this run was cut off")
                if killed
                else tr("not a run folder: {folder}", folder=path),
                where=str(path),
                remedy=tr("run it again") if killed else "",
            )
        run = parse(Run, path / "run.json")
        edited = intact.damage(path) or trust.contradiction(run)
        if edited:
            raise InputError(
                tr("the run folder cannot be trusted: {damage}", damage=edited),
                where=str(path),
                remedy=tr("take the folder as the run wrote it, or run again"),
            )
        return cls(path=path, run=run, hashes=trust.hashes(path))

    def seen(self, scenario: ScenarioRun) -> Seen:
        """What one of its scenarios observed.

        Raises:
            InputError: its trace is missing, cut off, or was edited after the run.
        """
        if not scenario.trace:
            return Seen(run=scenario, observations=())
        path = self.path / scenario.trace
        read = trace.read(path)
        damaged = trust.damage(self.path, scenario, read, self.hashes)
        if damaged:
            raise InputError(
                tr("the trace cannot be trusted: {damage}", damage=damaged), where=str(path)
            )
        return Seen(
            run=scenario, observations=tuple(_observations(read.records)), records=read.records,
            tested=tested(read.records),
        )  # fmt: skip


def _observations(records: Sequence[Record]) -> Iterator[Observation]:
    cited = {number for one in records if one["kind"] == "judgement" for number in one["cited"]}
    read = dicom.read(records)
    sets, said = read.data_sets, agreed(read.said)
    polls = _polls(records, cited, read.connections)
    cancelled = _cancelled(records)
    for record in records:
        if record.get("conn") not in polls:
            yield from said.get(int(record["n"]), ())
        if record["kind"] == "message":
            if record.get("conn") in polls or _overtaken(record, cancelled):
                continue
            yield Observation(
                "message", str(record["interface"]), str(record["link"]), str(record["frm"]),
                str(record["type"]), float(record["t"]), record, sets.get(int(record["n"]), {}),
            )  # fmt: skip
        elif record["kind"] == "probe" and record["n"] in cited:
            # Polling asks as often as it takes; only what a judgement rests on is an observation.
            role = str(record["role"])
            yield Observation(
                "probe", "", role, role, str(record["probe"]), float(record["t"]), record
            )


def _cancelled(records: Sequence[Record]) -> frozenset[tuple[str, str]]:
    """Connection and id of every question over DICOM that ended as cancelled."""
    return frozenset(
        (str(one["conn"]), str(one.get("id")))
        for one in records
        if one["kind"] == "message" and one.get("status") == CANCELLED
    )


def _overtaken(record: Record, cancelled: AbstractSet[tuple[str, str]]) -> bool:
    """A match on its way while its question was cancelled: how many there are, nobody defines.

    PS3.4 §C.4.1.3.2: the answers end some time after the cancel.
    """
    whose = (str(record.get("conn")), str(record.get("id")))
    return record.get("status") in PENDING and whose in cancelled


def agreed(said: Sequence[dicom.Said]) -> Mapping[int, Sequence[Observation]]:
    """What was said about associations, by the record of its bytes."""
    found: dict[int, list[Observation]] = {}
    for record, name, values in associations.observed(said):
        found.setdefault(int(record["n"]), []).append(
            Observation(
                associations.KIND, str(record["interface"]), str(record["link"]),
                str(record["frm"]), name, float(record["t"]),
                {"protocol": "dicom", "conn": record["conn"], "n": record["n"]}, values,
            )
        )  # fmt: skip
    return found


def _polls(
    records: Sequence[Record], cited: AbstractSet[int], over_dicom: AbstractSet[str]
) -> frozenset[str]:
    """Connections of queries over DICOM that were only waiting for something.

    Such a probe asks as often as it takes, over a connection of its own to the system that it asks;
    how often that was says how fast the machine is, and nothing of the system.
    """
    opened: list[Record] = []
    found: set[str] = set()
    for record in records:
        if record["kind"] == "link" and record["event"] == "opened":
            if str(record["conn"]) in over_dicom:  # what a system opens meanwhile is no question
                opened.append(record)
        elif record["kind"] == "probe":
            # Equal answers in a row are one record: it stands for the last of the questions.
            asked = [str(one["conn"]) for one in opened if one["to"] == record["role"]]
            found.update(asked[:-1] if record["n"] in cited else asked)
            opened.clear()
        elif record["kind"] in {"step", "command"}:
            opened.clear()
    return frozenset(found)
