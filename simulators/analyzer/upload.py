"""The ASTM message of an upload, built from a model and results (LIS02-A2 §6-§9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import Person
from simulators.analyzer.model import AnalyzerModel

FIELD, REPEAT, COMPONENT, ESCAPE = "|", "\\", "^", "&"
_ESCAPES = {ESCAPE: "&E&", FIELD: "&F&", COMPONENT: "&S&", REPEAT: "&R&"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result as the instrument sends it."""

    item: str
    value: str
    unit: str = ""
    flag: str = "N"
    status: str = "F"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One specimen with its results; without a person the instrument knows only the tube."""

    barcode: str
    results: Sequence[Result]
    person: Person | None = None
    quality_control: bool = False


def escaped(text: str) -> str:
    """A text that may stand in a field (LIS02-A2 §5.4.7)."""
    return "".join(_ESCAPES.get(char, char) for char in text)


def message(model: AnalyzerModel, tested: Sequence[Tested], *, control_id: str, time: str) -> bytes:
    """H, then P, O and R for each specimen, then L.

    Args:
        model: the instrument.
        tested: specimens in the order of the run.
        control_id: H.3.
        time: ``YYYYMMDDHHMMSS``, of the message and of every test.
    """
    sender = f"{escaped(model.sender)}{COMPONENT}{escaped(model.version)}"
    records = [
        _record("H", {2: f"{REPEAT}{COMPONENT}{ESCAPE}", 3: control_id, 5: sender, 12: "P",
                      13: model.records_version, 14: time})
    ]  # fmt: skip
    for number, one in enumerate(tested, 1):
        records.append(_patient(number, one.person))
        records.append(_order(one, time))
        records += [_result(index, result, time) for index, result in enumerate(one.results, 1)]
    records.append(_record("L", {2: "1", 3: "N"}))
    return "".join(f"{record}\r" for record in records).encode(model.encoding)


def _record(letter: str, fields: Mapping[int, str]) -> str:
    """A record from its fields by the standard's numbers; field 1 is the letter."""
    last = max(fields)
    return FIELD.join([letter, *(fields.get(number, "") for number in range(2, last + 1))])


def _patient(number: int, person: Person | None) -> str:
    if person is None:
        return _record("P", {2: str(number)})
    return _record(
        "P",
        {
            2: str(number),
            3: escaped(person.patient_id),
            6: escaped(person.name),
            8: person.birth,
            9: person.sex,
        },
    )


def _order(one: Tested, time: str) -> str:
    items = REPEAT.join(f"{COMPONENT * 3}{escaped(result.item)}" for result in one.results)
    fields = {2: "1", 3: escaped(one.barcode), 5: items, 6: "R", 7: time, 26: "F"}
    if one.quality_control:
        fields[12] = "Q"
    return _record("O", fields)


def _result(number: int, result: Result, time: str) -> str:
    return _record(
        "R",
        {
            2: str(number),
            3: f"{COMPONENT * 3}{escaped(result.item)}",
            4: escaped(result.value),
            5: escaped(result.unit),
            7: result.flag,
            9: result.status,
            13: time,
        },
    )
