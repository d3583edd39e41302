"""One value beside its field: kind, length, decimals, code, and how nothing is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from harness.wire.envelope import as_number
from simulators.centre.schema import Field, Specification

Finding = tuple[str, str, str]
"""Kind, what was expected, what came."""

FORMATS: Final[Mapping[str, str]] = {
    "D": r"\d{4}-\d\d-\d\d",
    "DT": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
}
"""Dates as the specification wants them written (formatting rules of the baseline)."""

FORMAT_NAMES: Final = {"D": "yyyy-MM-dd", "DT": "yyyy-MM-dd HH:mm:ss"}


def value_differences(spec: Specification, one: Field, value: Any) -> Iterator[Finding]:
    """What is otherwise than the specification says; nothing where all is well."""
    if one.kind in "XBL":
        return
    if value is None:
        yield "null", "0" if one.kind == "N" else '""', "null"
    elif isinstance(value, Mapping | list):
        yield "kind", _name(one), "array" if isinstance(value, list) else "object"
    elif value == "null":
        yield "word-null", "0" if one.kind == "N" else '""', '"null"'
    elif isinstance(value, str) and not value.strip():
        if one.kind == "N":
            yield "empty-number", "0", '""'
        elif one.required:
            yield "empty-required", _name(one), '""'
    elif one.kind == "N":
        yield from _number(one, value)
    elif not isinstance(value, str):
        yield "number-for-text", _name(one), str(value)
    else:
        yield from _text(spec, one, value)


def _number(one: Field, value: Any) -> Iterator[Finding]:
    if isinstance(value, str):
        yield "number-as-text", _name(one), f'"{value}"'
    try:
        number = as_number(value)
    except ValueError:
        yield "kind", _name(one), str(value)
        return
    if number is None:
        return
    exponent = number.normalize().as_tuple().exponent
    # Tables that give no decimals leave them to the general rule on amounts, prices and ratios.
    if one.decimals and isinstance(exponent, int) and -exponent > one.decimals:
        yield "decimals", _name(one), str(value)
    whole = max(one.length - one.decimals, 1)
    if one.length and abs(number) >= Decimal(10) ** whole:
        yield "long", _name(one), str(value)


def _text(spec: Specification, one: Field, value: str) -> Iterator[Finding]:
    if one.kind in FORMATS:
        # What is called a time and declared a date is written either way by the same centre.
        forms = FORMATS.values() if one.code.endswith("time") else [FORMATS[one.kind]]
        if not any(re.fullmatch(form, value) for form in forms):
            yield "format", FORMAT_NAMES[one.kind], value
        return
    if one.kind == "S" and not value.isdecimal():
        yield "kind", "digits", value
    longest = max(one.length, spec.lengths.get(one.code, 0))
    if one.length and len(value) > longest:
        yield "long", f"{longest} characters", f"{len(value)} characters"
    listed = spec.code_lists.get(one.code) if one.listed else None
    if listed is not None and value not in listed:
        yield "code", f"a value of {one.code}", value


def _name(one: Field) -> str:
    return one.text().rstrip("!#")
