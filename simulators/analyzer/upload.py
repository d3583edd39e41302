"""The ASTM message of an upload, built from a model and results (LIS02-A2 §6-§9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Final

from harness.model import Person
from harness.wire.astm_build import AstmBuilder, Components, FieldValue
from simulators.analyzer.astm_template import FieldTemplate, field_value, filled
from simulators.analyzer.astm_values import (
    OUR_TIME,
    images,
    is_number,
    written_birth,
    written_time,
    written_value,
)
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.model_astm import Kind, Mark, ResultLine
from simulators.analyzer.model_link import RECORD_ENDS

RUN_S: Final = 600
"""From the start of a test to its end where nobody says otherwise: ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result as the instrument sends it.

    Attributes:
        item: LIS item.
        value: with a point as decimal mark; ``<`` or ``>`` before it; empty where not measured.
        unit: ours; the model may write another.
        flag: R.7 in the words of the standard.
        status: R.9, a letter of the standard.
        reference: R.6, as text.
        alarm: number of an instrument alarm.
        comment: free text of the instrument.
    """

    item: str
    value: str
    unit: str = ""
    flag: str = "N"
    status: str = "F"
    reference: str = ""
    alarm: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One specimen with its results; without a person the instrument knows only the tube.

    Attributes:
        barcode: of the tube, or lot of a control.
        results: in the order of the run.
        person: as the instrument knows them.
        quality_control: short for ``kind="quality-control"``.
        kind: what the specimen is to the instrument.
        mark: why results are sent.
        rack: in which rack the tube stood; empty for the model's constant.
        position: in the rack, likewise.
        number: the instrument's own sample number; empty counts from 1.
        priority: letter of O.6, as it was ordered; empty for routine.
        specimen_type: O.16.1, as it was ordered.
    """

    barcode: str
    results: Sequence[Result]
    person: Person | None = None
    quality_control: bool = False
    kind: Kind = "patient"
    mark: Mark = "first"
    rack: str = ""
    position: str = ""
    number: str = ""
    priority: str = ""
    specimen_type: str = ""

    @property
    def what(self) -> Kind:
        """The kind, whichever way it was given."""
        return "quality-control" if self.quality_control else self.kind


Values = Mapping[str, str]
Fields = Mapping[int, FieldTemplate]


def message(
    model: AnalyzerModel,
    tested: Sequence[Tested],
    *,
    control_id: str,
    time: str,
    mark: Mark | None = None,
) -> bytes:
    """H, then P, O and R for each specimen with what the model attaches, then L.

    Args:
        model: the instrument.
        tested: specimens in the order of the run.
        control_id: H.3.
        time: ``YYYYMMDDHHMMSS``, of the message and of every test.
        mark: why the message is sent, in place of what each specimen says.

    Raises:
        UnicodeEncodeError: a text outside the character set of a model that refuses it.
    """
    writer = Writer(model, control_id=control_id, time=time)
    first = tested[0] if tested else Tested(barcode="", results=[])
    head = writer.base | model.of_kind(first.what) | model.of_mark(mark or first.mark)
    writer.add("H", model.records.header, head | {"barcode": first.barcode})
    writer.attach("header", head)
    for number, one in enumerate(tested, 1):
        _specimen(writer, number, one, mark or one.mark)
    writer.terminate(model.records.terminator)
    return writer.build()


@dataclass(slots=True)
class Writer:
    """Writes the records of one message as a model has them.

    Args:
        model: the instrument.
        control_id: H.3.
        time: ``YYYYMMDDHHMMSS``.
    """

    model: AnalyzerModel
    control_id: str
    time: str
    base: dict[str, str] = field(init=False)
    _builder: AstmBuilder = field(init=False)
    _counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        model, records = self.model, self.model.records
        self._builder = AstmBuilder(model.encoding, records.signs, RECORD_ENDS[records.record_end])
        layout = model.values.time_format
        started = datetime.strptime(self.time, OUR_TIME) - timedelta(seconds=RUN_S)  # noqa: DTZ007
        self.base = {
            "processing": "P", "mode": "REAL", "priority": "R", "report": "F", "operator": "",
            "sender": model.sender, "version": model.version,
            "records_version": records.version, "control_id": self.control_id,
            "time": written_time(self.time, layout), "ordered": written_time(self.time, layout),
            "completed": written_time(self.time, layout), "started": started.strftime(layout),
        } | model.constants  # fmt: skip

    def add(self, letter: str, fields: Fields, values: Values, tests: Sequence[str] = ()) -> None:
        """Append a record; ``{tests}`` becomes a repeat for each of the items."""
        given = {number: self._field(one, values, tests) for number, one in fields.items()}
        kept = _without_trailing(given) if self.model.records.trailing == "drop" else given
        records = self.model.records
        escaped = records.escapes == "standard"
        written: dict[int, FieldValue] = {
            number: field_value(repeats, records.signs, escaped=escaped)
            for number, repeats in kept.items()
        }
        self._counts[letter] += 1
        if records.sequence == "global" and letter not in "HL":
            written.setdefault(2, str(self._counts[letter]))
        self._builder.add(letter, written)

    def _field(
        self, template: FieldTemplate, values: Values, tests: Sequence[str]
    ) -> list[Components]:
        if all(hole.name != "tests" for hole in template.holes):
            return template.each(values)
        model = self.model
        codes = [(item, model.values.channels.get(item, item)) for item in tests]
        each = [model.records.test.each({**values, "item": i, "code": c}) for i, c in codes]
        return [repeat for repeats in each for repeat in repeats] or [Components(("",))]

    def terminate(self, fields: Fields) -> None:
        """L; where field 2 counts over the message, it gets the number of the last patient."""
        numbers = {"specimen": str(self._counts["P"])}
        self.add("L", fields, self.base | numbers)

    def attach(self, after: str, values: Values) -> None:
        """C, M and S records that the model has after a record."""
        for one in self.model.records.attached:
            if one.after == after and _applies(one.when, values):
                for image in images(one, values.get("barcode", "")):
                    self.add(one.type, one.fields, {**values, **image})

    def build(self) -> bytes:
        """The message."""
        records = self.model.records
        end = RECORD_ENDS[records.message_end] if records.message_end else ""
        refuse = records.unencodable == "refuse"
        return self._builder.build("strict" if refuse else "replace") + end.encode("ascii")


def _without_trailing(fields: dict[int, list[Components]]) -> dict[int, list[Components]]:
    """What is left when empty fields at the end are not sent (LIS02-A2 §5.4.9 allows both)."""
    filled_ones = [n for n, repeats in fields.items() if repeats != [Components(("",))]]
    last = max(filled_ones, default=1)
    return {number: repeats for number, repeats in fields.items() if number <= last}


def _applies(when: str, values: Values) -> bool:
    match when:
        case "alarm":
            return bool(values.get("alarm"))
        case "comment":
            return bool(values.get("comment"))
        case "patient":
            return values.get("kind") == "patient"
    return True


def _specimen(writer: Writer, number: int, one: Tested, mark: Mark) -> None:
    """P, O and R of one specimen, and what is attached."""
    records = writer.model.records
    values = _specimen_values(writer, number, one, mark)
    known = records.patient if one.person is not None else records.patient_unknown
    writer.add("P", {} if known is None else known, values)
    writer.attach("patient", values)
    for results in _batteries(one, split=records.orders == "a-test"):
        items = [result.item for result in results]
        codes = [writer.model.values.channels.get(item, item) for item in items]
        named = dict(zip(("item", "code"), (*items[:1], *codes[:1]), strict=False))
        writer.add("O", records.order, values | named, items)
        writer.attach("order", values)
        for result in results:
            _result(writer, result, values, one, mark)
    writer.attach("last-result", values)


def _batteries(one: Tested, *, split: bool) -> list[Sequence[Result]]:
    return [[result] for result in one.results] if split else [one.results]


def _specimen_values(writer: Writer, number: int, one: Tested, mark: Mark) -> dict[str, str]:
    model, person = writer.model, one.person
    values = writer.base | {"specimen": str(number), "number": str(number), "action": ""}
    values |= {"barcode": one.barcode, "kind": one.what}
    given = {
        "rack": one.rack, "position": one.position, "number": one.number,
        "priority": one.priority, "specimen_type": one.specimen_type,
    }  # fmt: skip
    values |= {name: text for name, text in given.items() if text}
    if person is not None:
        values |= {
            "patient_id": person.patient_id,
            "name": person.name,
            "sex": model.values.sexes.get(person.sex, person.sex),
            "birth": written_birth(person.birth, model.values.birth_format),
        }
    values["priority"] = model.values.priorities.get(values["priority"], values["priority"])
    overrides = model.of_kind(one.what) | model.of_mark(mark)
    return values | {
        name: filled(text, values) for name, text in overrides.items() if name != "status"
    }


def _result(writer: Writer, result: Result, values: Values, one: Tested, mark: Mark) -> None:
    """Every R record of one test."""
    model = writer.model
    own = dict(values) | {
        "item": result.item,
        "code": model.values.channels.get(result.item, result.item),
        "unit": model.values.units.get(result.unit, result.unit),
        "status": _status(model, result, one, mark),
        "interpretation": model.values.interpretations.get(result.flag, ""),
        "range": result.reference,
        "alarm": result.alarm,
        "comment": result.comment,
        "loinc": model.values.loinc.get(result.item, ""),
    }
    own |= {f"value_{n}": text for n, text in enumerate(result.value.split(" ", 2), 1)}
    for line in _lines(model, result):
        for part, text in _parts(model, line, result.value):
            value, flag = written_value(text, result.flag, model.values, line)
            writer.add("R", line.fields, own | {"value": value, "flag": flag, "part": part})
    writer.attach("result", own)


def _parts(model: AnalyzerModel, line: ResultLine, value: str) -> list[tuple[str, str]]:
    """Name and text of each record of a line: the value itself, or the reading of each part.

    Nothing is sent of parts where the model knows no reading for the value.
    """
    if not line.parts:
        return [("", value)]
    readings = model.values.readings(value)[: len(line.parts)]
    return list(zip_longest(line.parts, readings, fillvalue="")) if readings else []


def _lines(model: AnalyzerModel, result: Result) -> Iterator[ResultLine]:
    for line in model.records.results:
        if _is_sent(line, result):
            yield line


def _is_sent(line: ResultLine, result: Result) -> bool:
    match line.when:
        case "numeric":
            return is_number(result.value)
        case "measured":
            return result.status != "X"
        case "failed":
            return result.status == "X"
    return True


def _status(model: AnalyzerModel, result: Result, one: Tested, mark: Mark) -> str:
    """A mark replaces ``F`` alone: what could not be done was not done the second time either."""
    replaced = model.of_kind(one.what) | model.of_mark(mark)
    if result.status == "F" and "status" in replaced:
        return replaced["status"]
    return model.values.statuses.get(result.status, result.status)
