"""What is wrong with an analyzer model file: file, line, key and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.profile_check import nearest
from harness.profile_lines import Lines
from simulators.analyzer.astm_template import FieldTemplate

if TYPE_CHECKING:
    from simulators.analyzer.model import AnalyzerModel

PROBLEMS_MAX: Final = 50
"""A file that is wrong in more places is no model file at all."""

MESSAGE_HOLES: Final = frozenset({
    "control_id", "time", "sender", "version", "records_version", "processing", "mode",
})  # fmt: skip
"""Values that every record of a message can have."""

SPECIMEN_HOLES: Final = MESSAGE_HOLES | {
    "patient_id", "name", "sex", "birth", "specimen", "barcode", "rack", "position", "number",
    "operator", "attribute", "started", "completed", "priority", "tests", "action",
    "specimen_type", "report", "ordered",
}  # fmt: skip
"""Values that P and O have besides."""

RESULT_HOLES: Final = SPECIMEN_HOLES | {
    "code", "item", "value", "unit", "flag", "status", "started", "completed", "operator",
    "interpretation", "range", "alarm", "alarm_text", "comment", "loinc", "part",
    "value_1", "value_2", "value_3",
}  # fmt: skip
"""Values that R has besides."""

IMAGE_HOLES: Final = frozenset({"image", "image_name"})
"""Values of a record with a curve."""

QUERY_HOLES: Final = MESSAGE_HOLES | {"barcode", "rack", "position", "number", "query_status"}
"""Values of Q."""

Named = Iterator[tuple[str, Mapping[int, FieldTemplate], frozenset[str]]]


def check_holes(model: AnalyzerModel) -> None:
    """Every hole must be one that somebody fills: a value of the record, or a constant.

    Raises:
        ValueError: names the record, the field and the hole.
    """
    for table, fields, known in _records(model):
        for number, template in fields.items():
            _known(f"[{table}] {number}", template, known | model.constants.keys())
    tests = frozenset({"code", "item"}) | model.constants.keys()
    _known("[records] test", model.records.test, tests)


def _known(place: str, template: FieldTemplate, known: Iterable[str]) -> None:
    names = set(known)
    for hole in template.holes:
        if hole.name not in names:
            raise ValueError(tr("{place}: nothing fills “{hole}”: {remedy}", place=place,
                                hole=hole.name, remedy=nearest(hole.name, names)))  # fmt: skip


def _records(model: AnalyzerModel) -> Named:
    records = model.records
    yield "records.header", records.header, MESSAGE_HOLES | {"barcode"}
    yield "records.patient", records.patient, SPECIMEN_HOLES
    yield "records.patient_unknown", records.patient_unknown or {}, SPECIMEN_HOLES
    yield "records.order", records.order, SPECIMEN_HOLES | {"code", "item"}
    yield "records.terminator", records.terminator, MESSAGE_HOLES | {"specimen"}
    for line in records.results:
        yield "records.results", line.fields, RESULT_HOLES
    for one in records.attached:
        yield "records.attached", one.fields, RESULT_HOLES | IMAGE_HOLES
    if model.host_query is not None:
        terminator = model.host_query.terminator
        yield "host_query.terminator", terminator, MESSAGE_HOLES | {"specimen"}
    if model.query is not None:
        for name in ("header", "barcode", "position", "every", "terminator"):
            yield f"query.{name}", getattr(model.query, name) or {}, QUERY_HOLES


def problems(
    path: Path, text: str, error: ValidationError, root: type[BaseModel]
) -> InputErrors | InputError:
    """The errors of a file, one for each key; a single one stands alone."""
    lines = Lines(text)
    found = [
        _problem(path, lines, detail, root)
        for detail in error.errors(include_url=False)[:PROBLEMS_MAX]
    ]
    return found[0] if len(found) == 1 else InputErrors(found)


def _problem(path: Path, lines: Lines, detail: ErrorDetails, root: type[BaseModel]) -> InputError:
    loc = tuple(part for part in detail["loc"] if part != "[key]")
    key = ".".join(str(part) for part in loc)
    reason, remedy = _reason(detail, loc, root)
    message = f"{key}: {reason}" if key else reason
    return InputError(
        tr("not an analyzer model: {reason}", reason=message),
        where=f"{path}:{lines.of(loc)}",
        remedy=remedy,
    )


def _reason(
    detail: ErrorDetails, loc: tuple[str | int, ...], root: type[BaseModel]
) -> tuple[str, str]:
    """What is wrong, and what to do."""
    context: Mapping[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return tr("no such key"), nearest(str(loc[-1]), _keys(root, loc[:-1]))
        case "missing":
            return tr("the key is missing"), tr("add it")
        case "enum" | "literal_error":
            known = set(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
            given = str(detail["input"])[:40]
            return tr("it cannot be “{value}”", value=given), nearest(given, known)
        case "value_error":
            return str(context.get("error", detail["msg"])), ""
    return detail["msg"], ""


def _keys(root: type[BaseModel], loc: tuple[str | int, ...]) -> set[str]:
    """The keys of the table at ``loc``, or of the head of the file where it is no closed table."""
    model: Any = root
    for part in loc:
        field = model.model_fields.get(str(part)) if _is_table(model) else None
        found = None if field is None else next(_tables(field.annotation), None)
        if found is not None:
            model = found
        elif not isinstance(part, int):
            break
    return set(model.model_fields)


def _is_table(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:
    """The table types inside an annotation such as ``Query | None`` or ``tuple[Line, ...]``."""
    if _is_table(annotation):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _tables(inner)
