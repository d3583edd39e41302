"""The check of a row that is in order, compiled once for each table.

Nearly every row that comes is in order, and to interpret the specification field by field takes
four times as long as to look at what was sent. So a row is first put through rules that were made
from its table; one that any rule does not pass is checked again by ``schema_check``, which alone
says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from harness.wire.json_exact import NUMBER_CHARS_MAX
from simulators.centre.schema import Field, Node, Specification

TABLES_MAX: Final = 4096
"""Compiled tables kept: twenty specifications; a long-lived process that reads more starts anew."""

Rule = Callable[[Any], Any]
"""A value that is no blank to what is kept of it; None where it has to be looked at."""


class Compiled:
    """Rules of one table.

    Args:
        spec: whose table.
        table: whose fields.
        strict: declared lengths to the letter, and no number as text.
        lenient: no lengths and no code lists.
        is_date: whether a text is a date.
    """

    __slots__ = ("_owner", "_plain", "_required", "_rules")

    def __init__(
        self,
        spec: Specification,
        table: Node,
        *,
        strict: bool,
        lenient: bool,
        is_date: Callable[[str], bool],
    ) -> None:
        # What the cache knows by its address must not be freed.
        self._owner = (spec, table)
        self._required = frozenset(one.code for one in table.fields.values() if one.required)
        # Texts of which only the length matters are looked at without a call for each.
        self._plain = {} if lenient else _plain_texts(spec, table, strict=strict)
        self._rules = {
            code: _rule(spec, one, strict=strict, lenient=lenient, is_date=is_date)
            for code, one in table.fields.items()
        }

    def row(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """The row in one shape, or None where it has to be checked at length."""
        rules, plain = self._rules, self._plain
        kept: dict[str, Any] = {}
        for code, value in row.items():
            if value is None:
                continue
            inner = value
            if type(value) is str:
                inner = value.strip()
                if not inner or inner == "null":
                    continue
                if len(inner) <= plain.get(code, -1):
                    kept[code] = inner
                    continue
            rule = rules.get(code)
            if rule is None:
                kept[code] = value
                continue
            passed = rule(inner)
            if passed is None:
                return None
            kept[code] = passed
        return kept if self._required <= kept.keys() else None


def _rule(
    spec: Specification,
    one: Field,
    *,
    strict: bool,
    lenient: bool,
    is_date: Callable[[str], bool],
) -> Rule:
    if one.kind in "XBL":
        return _unknown
    if one.kind == "N":
        whole = max(one.length - one.decimals, 1)
        bounded = bool(one.length) and not lenient
        return _number(Decimal(10) ** whole if bounded else None, as_text=not strict)
    if one.kind in {"D", "DT"}:
        return lambda value: value if type(value) is str and is_date(value) else None
    if one.kind == "S":
        return lambda value: value if type(value) is str and value.isdecimal() else None
    if lenient:
        return lambda value: value if type(value) is str else None
    longest = one.length
    if longest and not strict:
        longest = max(longest, spec.lengths.get(one.code, 0))
    return _text(longest, spec.code_lists.get(one.code) if one.listed else None)


def _plain_texts(spec: Specification, table: Node, *, strict: bool) -> dict[str, int]:
    """Fields of text without a code list, and how long each may be."""
    found = {}
    for code, one in table.fields.items():
        listed = one.listed and one.code in spec.code_lists
        if one.kind in {"X", "B", "L", "N", "D", "DT", "S"} or listed or not one.length:
            continue
        found[code] = one.length if strict else max(one.length, spec.lengths.get(one.code, 0))
    return found


def _unknown(_value: Any) -> None:
    return None


def _text(longest: int, values: Mapping[str, str] | None) -> Rule:
    def check(value: Any) -> Any:
        if type(value) is not str or (longest and len(value) > longest):
            return None
        return value if values is None or value in values else None

    return check


def _number(limit: Decimal | None, *, as_text: bool) -> Rule:
    def check(value: Any) -> Any:
        kind = type(value)
        if kind is str and as_text:
            try:
                value = Decimal(value)
            except InvalidOperation:
                return None
        elif kind is int:
            value = Decimal(value)
        elif kind is not Decimal:
            return None
        if not value.is_finite() or abs(value.adjusted()) > NUMBER_CHARS_MAX:
            return None
        if limit is not None and abs(value) >= limit:
            return None
        return value

    return check


_cache: dict[tuple[int, int, str], Compiled] = {}


def compiled(
    spec: Specification, table: Node, mode: str, is_date: Callable[[str], bool]
) -> Compiled:
    """The rules of a table, made once."""
    key = (id(spec), id(table), mode)
    found = _cache.get(key)
    if found is None:
        if len(_cache) >= TABLES_MAX:
            _cache.clear()
        found = Compiled(
            spec, table, strict=mode == "strict", lenient=mode == "lenient", is_date=is_date
        )
        _cache[key] = found
    return found
