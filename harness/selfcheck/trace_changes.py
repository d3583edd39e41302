"""The changes of which each makes a mutant of a recorded trace.

They are made at the records that a judgement cites, for anywhere else nobody claimed to have
looked. Each leaves a trace as a recorder would have written it: a message that was changed gets the
type, id and keys that are read off it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness.evidence import correlate
from harness.evidence.expect import Expectation, Judgement, items_of
from harness.evidence.line import pack, unpack
from harness.evidence.trace import Record
from harness.selfcheck.mutants import VOLATILE_PATHS, altered
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_spans import is_literal

BEYOND_S = 1.0
"""How far beyond its limit a delayed record comes."""

BETWEEN = 0.5
"""A record that is put in gets a number between two others, so that all others keep theirs."""


CONTENT = frozenset({"alter", "truncate", "re-encode"})
"""Kinds of changes to what a record says; an oracle may leave some of it to another."""

KINDS = CONTENT | {"drop", "cut", "repeat", "swap", "delay", "early", "appear", "no answer"}
"""``cut`` ends the trace before the record, ``early`` closes a window at once, ``appear`` puts a
row into an answer that should have none."""

MATTERS = frozenset(
    {
        # the patient
        "PID-2", "PID-3.1", "PID-3[2].1", "PID-5", "PID-5.1", "PID-7", "PID-8",
        "patient_id", "name", "sex", "birth", "id_card",
        # the specimen and the item
        "OBR-3", "SPM-2", "OBX-3", "OBX-3.1", "barcode", "lot", "item",
        # the value, the unit, and what qualifies them
        "OBX-5", "OBX-6", "OBX-8", "OBX-11", "OBX-14",
        "value", "unit", "flag", "status", "tested_at", "level",
        # the order and the answer
        "ORC-1", "OBR-5", "MSA-1", "MSA-2", "priority", "state",
    }
)  # fmt: skip
"""Fields whose change is a change of patient, specimen, value, unit or meaning: some oracle must
notice. What other fields are looked at is measured beside the rate (``OracleResult.left_alone``).
"""

FIRST = re.compile(r"\[\d+\](?=-)|\[1\]")
"""Numbers of segments, and of first repetitions: ``OBX[3]-5[1]`` is listed as ``OBX-5``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One mutant of a trace.

    Attributes:
        kind: one of ``KINDS``.
        target: what was changed: probe, type of message, or kind of record.
        field: what of it; empty for the record as a whole.
        matters: whether it must be noticed.
        records: the changed trace.
    """

    kind: str
    target: str
    field: str = ""
    matters: bool = True
    records: Sequence[Record]

    @property
    def name(self) -> str:
        """As survivors are listed."""
        return " ".join(part for part in (self.kind, self.target, self.field) if part)


def changes(
    expectation: Record, judgement: Judgement, records: Sequence[Record]
) -> Iterator[Change]:
    """Every mutant of a trace at the records that a judgement cites.

    Args:
        expectation: the ``expectation`` record that was judged.
        judgement: what it came to.
        records: the trace.
    """
    by_number = {record["n"]: record for record in records}
    cited = [by_number[number] for number in judgement.cited]
    for record in cited:
        yield Change(kind="drop", target=_target(record), records=without(records, record["n"]))
        yield Change(kind="cut", target=_target(record), records=_before(records, record["n"]))
        yield from _in_time(expectation, record, records)
        if record["kind"] == "probe":
            yield from _in_answer(Expectation.of(expectation["spec"]), record, records)
        if record["kind"] == "message":
            yield from _in_message(record, records)
    messages = [record for record in cited if record["kind"] == "message"]
    unlike = [pair for pair in pairwise(messages) if pair[0]["raw"] != pair[1]["raw"]]
    for first, second in unlike:
        yield Change(kind="swap", target=first["type"], records=_swapped(first, second, records))


def _target(record: Record) -> str:
    name = {"probe": "probe", "message": "type"}.get(record["kind"], "kind")
    return str(record[name])


def without(records: Sequence[Record], number: int) -> list[Record]:
    """The trace without one record."""
    return [record for record in records if record["n"] != number]


def _before(records: Sequence[Record], number: int) -> list[Record]:
    """The trace of a run that was killed when that record was to be written."""
    return [record for record in records if record["n"] < number]


def _replaced(records: Sequence[Record], record: Record, **fields: Any) -> list[Record]:
    return [one | fields if one["n"] == record["n"] else one for one in records]


def _swapped(first: Record, second: Record, records: Sequence[Record]) -> list[Record]:
    """Two records trade places: numbers and times stay where they are."""
    place = {name: first[name] for name in ("n", "t", "w")}
    other = {name: second[name] for name in ("n", "t", "w")}
    trade = {first["n"]: second | place, second["n"]: first | other}
    return [trade.get(one["n"], one) for one in records]


# -- time --------------------------------------------------------------------------------------


def _in_time(expectation: Record, record: Record, records: Sequence[Record]) -> Iterator[Change]:
    """Everything from the record on comes later than the limit; a window closes at once."""
    if record["kind"] == "note":
        yield Change(
            kind="early", target="note", records=_replaced(records, record, t=expectation["t"])
        )
        return
    limit_s = expectation["limit_s"] + expectation["spec"]["settle_s"]
    late_s = expectation["t"] + limit_s + BEYOND_S - record["t"]
    delayed = [
        one | {"t": one["t"] + late_s} if one["n"] >= record["n"] else one for one in records
    ]
    # Where nothing should come, watching for longer than the limit is no fault.
    if expectation["spec"]["mode"] == "eventually" and record["n"] > expectation["n"]:
        yield Change(kind="delay", target=_target(record), records=delayed)


# -- answers of probes -------------------------------------------------------------------------


def _in_answer(
    expected: Expectation, record: Record, records: Sequence[Record]
) -> Iterator[Change]:
    rows: list[Record] = record["rows"]
    probe = record["probe"]
    judged = _judged_rows(expected, record)

    def changed(kind: str, field: str, new: list[Record]) -> Change:
        return Change(
            kind=kind,
            target=probe,
            field=field,
            matters=kind not in CONTENT or field in MATTERS,
            records=_replaced(records, record, rows=new),
        )

    yield Change(
        kind="no answer",
        target=probe,
        records=_replaced(records, record, outcome="unknown", rows=[], error="no answer"),
    )
    if rows:
        yield changed("drop", "rows", [])
    for index, row in enumerate(rows):
        head, tail = rows[:index], rows[index + 1 :]
        if index in judged:
            yield changed("drop", "row", [*head, *tail])
            yield changed("repeat", "row", [*head, row, row, *tail])
        for column, value in row.items():
            if value not in {None, ""}:
                new = altered(str(value))
                yield changed("alter", column, [*head, row | {column: new}, *tail])
            if not str(value).isascii():
                new = str(value).encode("gb18030").decode("latin-1")
                yield changed("re-encode", column, [*head, row | {column: new}, *tail])
    others = [one for one in records if _answers_otherwise(one, record)]
    if others and rows:
        yield changed("swap", "answer", others[0]["rows"])
    elif others:
        yield changed("appear", "row", others[0]["rows"][:1])


def _judged_rows(expected: Expectation, record: Record) -> set[int]:
    """Rows whose loss or repetition the sentence speaks of.

    Not those that its own condition leaves out, and not one of several that show that a look works
    where none should be found: there the loss of all is what must be noticed.
    """
    items = items_of(record, expected.select)
    if expected.mode == "always" or expected.exact:
        return {item.index for item in items}
    keys = [wanted.key for wanted in expected.wanted]
    return {
        item.index
        for item in items
        if any(all(item.get(path) == value for path, value in key.items()) for key in keys)
    }


def _answers_otherwise(other: Record, record: Record) -> bool:
    """The same probe, asked about something else, showed something."""
    same = other["kind"] == "probe" and other["probe"] == record["probe"]
    return bool(same and other["rows"]) and other["rows"] != record["rows"]


# -- messages ----------------------------------------------------------------------------------


def _in_message(record: Record, records: Sequence[Record]) -> Iterator[Change]:
    again = {**record, "n": record["n"] + BETWEEN}
    at = records.index(record) + 1
    kind = record["type"]
    yield Change(kind="repeat", target=kind, records=[*records[:at], again, *records[at:]])
    if record["protocol"] != "hl7":
        return
    payload = unpack(record["raw"])
    message = Hl7Message.parse(payload)
    kept = payload.rstrip(b"\r").split(b"\r")[:-1]
    yield _rewritten("truncate", "", b"\r".join(kept) + b"\r", record, records)
    if not payload.isascii():
        other = "utf-8" if message.encoding != "utf-8" else "gb18030"
        text = payload.decode(message.encoding).encode(other)
        yield _rewritten("re-encode", "", text, record, records)
    for leaf in message.leaves():
        path = str(leaf.path)
        general = FIRST.sub("", path)
        fixed = is_literal(leaf.path) or general in VOLATILE_PATHS
        if leaf.end > leaf.begin and not fixed:
            new = message.set(path, altered(message.text_of(leaf))).raw
            yield _rewritten("alter", general, new, record, records)


def _rewritten(
    kind: str, field: str, payload: bytes, record: Record, records: Sequence[Record]
) -> Change:
    """The message with another payload, and with what a recorder reads off that."""
    read = correlate.hl7(payload)
    fields = {"raw": pack(payload), "type": read.type, "id": read.id, "corr": read.corr}
    changed = _replaced(records, record, **fields)
    return Change(
        kind=kind,
        target=record["type"],
        field=field,
        matters=not field or field in MATTERS,
        records=changed,
    )
