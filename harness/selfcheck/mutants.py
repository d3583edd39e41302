"""Mutants of what goes over the links and of what stands in the store.

A mutant is a change that nobody may overlook: a scenario that passes all the same does not look
there. Each is applied to every scenario in which it can happen, and is caught if one of them fails.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.evidence import correlate
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.link.tap import Connection, Delivery, Tap
from harness.probes.probe import Answer, Probe
from harness.probes.sql import SqlProbe
from harness.scenario.runner import Prepare
from harness.scenario.world import World
from harness.selfcheck.runs import Played
from harness.wire.core import Unit
from harness.wire.hl7 import Hl7Message

VOLATILE_PATHS = frozenset({"MSH-1", "MSH-2", "MSH-7", "MSH-10", "EVN-2"})
"""Fields whose change is no fault: separators, times of sending, control ids."""

OTHER_PERSON = {"PID-2": "MH00000000ZZ", "PID-3[1].1": "MH00000000ZZ", "PID-5.1": "测试换人"}
"""Whom the mutation ``wrong-patient`` puts in the place of the right one."""

ASTM_FIELDS = {"O": (3,), "R": (3, 4, 5, 7, 9, 13)}
"""Fields of LIS02-A2 whose change the LIS must not swallow: specimen, item, value, unit, flag,
status, time. P is judged by its absence of effect."""

REPEATS_MAX = 3
"""Repetitions of a field that are altered one by one; a field may have thousands, all alike."""

TRACED = ("drop", "repeat", "truncate", "re-encode", "wrong-patient")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutation.

    Attributes:
        where: link and message type, or table.
        kind: ``alter``, ``drop``, ``repeat``, ``truncate``, ``re-encode``, ``wrong-patient``.
        field: what is altered; empty for the others.
    """

    where: str
    kind: str
    field: str = ""

    @property
    def name(self) -> str:
        """As survivors are listed."""
        return " ".join(part for part in (self.where, self.kind, self.field) if part)


@dataclass(slots=True)
class Outcome:
    """What became of one mutant."""

    mutant: Mutant
    applied_in: list[str] = field(default_factory=list)
    felt_in: list[str] = field(default_factory=list)
    caught_by: list[str] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        """For ``selfcheck.json``."""
        return {
            "mutant": self.mutant.name,
            "applied": len(self.applied_in),
            "felt": len(self.felt_in),
            "caught_by": self.caught_by,
        }


# -- links -------------------------------------------------------------------------------------


@dataclass(slots=True)
class MutatingTap:
    """Stands in front of the faults of a scenario and mutates every message of one type.

    Args:
        inner: what the messages go through behind it.
        mutants: of one place; several only of kind ``alter``.

    Attributes:
        applied: which of them changed something.
    """

    inner: Tap
    mutants: Sequence[Mutant]
    applied: set[Mutant] = field(default_factory=set)

    def connects(self, connection: Connection, now: float) -> bool:
        """Nothing happens to connections."""
        return self.inner.connects(connection, now)

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        """Mutate, then let the planned faults have their say."""
        if unit.kind == "frame":
            return self.inner.unit(connection, self._frame(connection, unit), now)
        is_message = unit.kind == "message"
        where = self.mutants[0].where
        if not is_message or message_type(connection.link, unit.payload) != where:
            return self.inner.unit(connection, unit, now)
        changed = [unit.payload]
        for mutant in self.mutants:
            before, changed = changed, [new for old in changed for new in mutated(mutant, old)]
            if changed != before:
                self.applied.add(mutant)
        if changed == [unit.payload]:
            return self.inner.unit(connection, unit, now)
        return [
            piece
            for payload in changed
            for piece in self.inner.unit(
                connection,
                Unit(kind=unit.kind, data=b"\x0b" + payload + b"\x1c\r", payload=payload),
                now,
            )
        ]

    def _frame(self, connection: Connection, unit: Unit) -> Unit:
        """An ASTM record with fields altered, in a frame whose checksum is right."""
        letter = unit.payload[:1].decode("latin-1")
        if self.mutants[0].where != f"{connection.link} {letter}":
            return unit
        fields = unit.payload.rstrip(b"\r").split(b"|")
        for mutant in self.mutants:
            index = int(mutant.field.partition(".")[2]) - 1
            if index < len(fields) and fields[index]:
                fields[index] = altered(fields[index].decode("latin-1")).encode("latin-1")
                self.applied.add(mutant)
        text = b"|".join(fields) + b"\r"
        body = unit.data[1:2] + text + unit.data[-5:-4]
        data = b"\x02" + body + b"%02X" % (sum(body) % 256) + b"\r\n"
        return Unit(kind=unit.kind, data=data, payload=text, attempt=unit.attempt)

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Unchanged."""
        return self.inner.outgoing(connection, data, now)

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Unchanged."""
        return self.inner.incoming(connection, data, now)


def message_type(link: str, payload: bytes) -> str:
    """Link and type of a message, as mutants name them; acknowledgements are left alone.

    So are blocks of HLLP: a change that leaves their checksum behind is refused before it is read.
    """
    kind = "" if payload.startswith(b"D") else correlate.hl7(payload).type
    return "" if kind.startswith("ACK") or "^" not in kind else f"{link} {kind}"


def mutated(mutant: Mutant, payload: bytes) -> list[bytes]:
    """What goes out in place of a message."""
    message = Hl7Message.parse(payload)
    match mutant.kind:
        case "alter":
            old = message.get(mutant.field)
            return [message.set(mutant.field, altered(old)).raw] if old else [payload]
        case "drop":
            # A message that nobody applies: resending would only heal a plain loss.
            return [message.set("MSH-9.2", "Z99").raw]
        case "repeat":
            again = message.set("MSH-10", f"{(message.get('MSH-10') or '')[:19]}Z").raw
            return [payload, again]
        case "truncate":
            kept = payload.rstrip(b"\r").split(b"\r")[:-1]
            return [b"\r".join(kept) + b"\r"]
        case "re-encode":
            text = payload.decode(message.encoding)
            return [text.encode("utf-8" if message.encoding != "utf-8" else "gb18030")]
        case _:
            for path, value in OTHER_PERSON.items():
                message = message.set(path, value) if message.get(path) else message
            return [message.raw]


def altered(text: str) -> str:
    """Another value of the same kind: digits stay digits, so that no format check helps."""
    if text[-1:].isdecimal():
        return text[:-1] + str((int(text[-1]) + 1) % 10)
    return text[:-1] + ("B" if text[-1:] != "B" else "C")


def link_mutants(passed: Sequence[Played]) -> list[Mutant]:
    """Every mutant that the messages of some passing runs allow."""
    found: dict[Mutant, None] = {}
    for played in passed:
        for record in played.records:
            if record["kind"] == "message" and record["protocol"] == "hl7":
                _add_mutants(found, record)
    for letter, numbers in ASTM_FIELDS.items():
        for number in numbers:
            field_name = f"{letter}.{number}"
            found.setdefault(Mutant(where=f"analyzer-lis {letter}", kind="alter", field=field_name))
    return list(found)


def _add_mutants(found: dict[Mutant, None], record: Record) -> None:
    payload = unpack(record["raw"])
    where = message_type(record["link"], payload)
    if not where:
        return
    for kind in TRACED:
        found.setdefault(Mutant(where=where, kind=kind))
    for leaf in Hl7Message.parse(payload).leaves():
        path = _generic(str(leaf.path))
        if leaf.repetition > REPEATS_MAX:
            continue
        if leaf.end > leaf.begin and path.partition(".")[0] not in VOLATILE_PATHS:
            found.setdefault(Mutant(where=where, kind="alter", field=path))


def _generic(path: str) -> str:
    """The first of repeated segments stands for all: ``OBX[3]-5`` is ``OBX-5``."""
    segment, _, rest = path.partition("-")
    return f"{segment.partition('[')[0]}-{rest}".replace("[1]", "") if rest else path


def on_links(mutants: Sequence[Mutant]) -> tuple[Prepare, list[MutatingTap]]:
    """How a world is tampered with, and where the tap can be asked what it did."""
    taps: list[MutatingTap] = []

    def prepare(world: World) -> None:
        tap = MutatingTap(world.injector, mutants)
        taps.append(tap)
        world.bench.switch.tap = tap

    return prepare, taps


# -- store -------------------------------------------------------------------------------------


@dataclass(slots=True)
class EditedProbe:
    """A probe whose database is edited behind the system's back before the first look."""

    inner: SqlProbe
    path: str
    mutant: Mutant
    judging: Callable[[], bool]
    applied: set[Mutant] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Of the probe."""
        return self.inner.name

    @property
    def role(self) -> str:
        """Of the probe."""
        return self.inner.role

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Edit what is there, then look; preparations are left alone."""
        if self.judging():
            db = sqlite3.connect(self.path)
            with db:
                if edit(db, self.mutant):
                    self.applied.add(self.mutant)
            db.close()
        return self.inner.ask(args)

    def close(self) -> None:
        """Let go of the database."""
        self.inner.close()


def edit(db: sqlite3.Connection, mutant: Mutant) -> int:
    """Carry a mutant out on every row that it was not carried out on yet."""
    table = mutant.where.partition(" ")[2]
    if mutant.kind == "drop":
        return db.execute(f"DELETE FROM {table}").rowcount
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    if mutant.kind == "repeat":
        if "id" not in columns or db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] > 9:
            return 0
        names = ", ".join(name for name in columns if name != "id")
        return db.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}").rowcount
    column = mutant.field
    if db.execute(f"SELECT 1 FROM {table} WHERE typeof({column}) = 'integer' LIMIT 1").fetchone():
        return db.execute(
            f"UPDATE {table} SET {column} = {column} + 500 WHERE {column} < 500"
        ).rowcount
    mark = "\u2009"  # a thin space: another value, told from a value that was edited before
    return db.execute(
        f"UPDATE {table} SET {column} = {column} || '{mark}'"
        f" WHERE {column} IS NOT NULL AND {column} <> '' AND {column} NOT LIKE '%{mark}'"
    ).rowcount


def store_mutants(tables: Mapping[str, Mapping[str, Sequence[str]]]) -> list[Mutant]:
    """Every column, every row lost, every row twice.

    Args:
        tables: columns by table by role.
    """
    found = []
    for role, by_table in tables.items():
        for table, columns in by_table.items():
            where = f"{role} {table}"
            found += [Mutant(where=where, kind="drop"), Mutant(where=where, kind="repeat")]
            found += [Mutant(where=where, kind="alter", field=column) for column in columns]
    return found


def on_store(mutants: Sequence[Mutant]) -> tuple[Prepare, list[EditedProbe]]:
    """How a world is tampered with by one, and where the probes can be asked what they did."""
    (mutant,) = mutants
    edited: list[EditedProbe] = []
    role, _, table = mutant.where.partition(" ")

    def prepare(world: World) -> None:
        def judging() -> bool:
            begun = (one["sentence"] for one in world.trace.records if one["kind"] == "expectation")
            return world.sentence in begun

        probes: dict[str, Probe] = dict(world.bench.probes)
        for name, probe in probes.items():
            read = isinstance(probe, SqlProbe) and re.search(rf"\bFROM {table}\b", probe.query)
            if isinstance(probe, SqlProbe) and probe.role == role and read:
                tampered = EditedProbe(probe, probe.url, mutant, judging)
                edited.append(tampered)
                probes[name] = tampered
        world.bench.probes = probes

    return prepare, edited
