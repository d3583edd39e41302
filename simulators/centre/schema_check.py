"""Checks a request, or an answer of our own, against the specification.

The input comes back in one shape, whatever the sender's habits: text is text, amounts are exact
numbers, what is empty is left out, one row without its list is still a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from harness.wire.envelope import absent, as_number, as_text
from simulators.centre.schema import Field, Node, Specification, Transaction
from simulators.centre.schema_fast import compiled

PROBLEMS_MAX: Final = 50
"""Problems that one answer names; a real centre joins them into one text."""

ROWS_MAX: Final = 20_000
"""Rows of one node."""

_DATES: Final = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y%m%d", "%Y%m%d%H%M%S")
_DASHED: Final = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?", re.ASCII)
_FRACTION: Final = re.compile(r"\.\d{1,6}$")


class Mode(StrEnum):
    """How much is refused."""

    LENIENT = "lenient"
    """Required fields and kinds."""
    SPEC = "spec"
    """Also code lists and lengths, each contradiction by its wider statement."""
    STRICT = "strict"
    """Also the declared lengths to the letter, and no number as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One thing that is wrong.

    Attributes:
        node: where; empty directly under ``input``.
        row: from 1 in a list of rows; 0 elsewhere.
        code: the field; empty for the node itself.
        name: its Chinese name.
        kind: ``missing``, ``kind``, ``long``, ``code``, ``node`` or ``rows``.
        value: what was sent, cut short.
    """

    node: str
    row: int
    code: str
    name: str
    kind: str
    value: str = ""


@dataclass(slots=True)
class Checked:
    """A tree of nodes after the check.

    Attributes:
        nodes: the input in one shape.
        problems: what is wrong, at most ``PROBLEMS_MAX``.
    """

    nodes: dict[str, Any] = field(default_factory=dict)
    problems: list[FieldProblem] = field(default_factory=list)

    def add(self, problem: FieldProblem) -> None:
        """One more problem, as long as anybody would read it."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


def check_input(
    spec: Specification, transaction: Transaction, nodes: Mapping[str, Any], mode: Mode = Mode.SPEC
) -> Checked:
    """Check ``input`` of a request."""
    return _Checker(spec, mode).check(transaction.inputs, nodes)


def check_output(spec: Specification, transaction: Transaction, nodes: Any) -> Checked:
    """Check ``output`` of an answer of our own, by the letter of the kinds and code lists."""
    return _Checker(spec, Mode.SPEC).check(
        transaction.outputs, nodes if isinstance(nodes, Mapping) else {}
    )


@dataclass(slots=True)
class _Checker:
    spec: Specification
    mode: Mode
    found: Checked = field(default_factory=Checked)

    def check(self, tables: tuple[Node, ...], nodes: Mapping[str, Any]) -> Checked:
        known: set[str] = set()
        for table in tables:
            if table.part or (table.name and table.name in known):
                continue
            known.add(table.name)
            if not table.name:
                known.update(table.fields)
                flat = {code: value for code, value in nodes.items() if code in table.fields}
                self.found.nodes.update(self._row(table, flat, 0))
            else:
                self._node(table, nodes, first=table is tables[0])
        extra = {name: value for name, value in nodes.items() if name not in known}
        self.found.nodes = {**extra, **self.found.nodes}
        return self.found

    def _node(self, table: Node, nodes: Mapping[str, Any], *, first: bool) -> None:
        value = nodes.get(table.name)
        if value is None and "#" in table.name:  # a path, as 4102 writes its one node
            outer, _, inner = table.name.partition("#")
            holder = nodes.get(outer)
            value = holder.get(inner) if isinstance(holder, Mapping) else None
        if absent(value) or value in ([], {}):
            if first and any(one.required for one in table.fields.values()):
                self._problem(table, 0, None, "missing")
            return
        rows = value if isinstance(value, list) else [value]
        if not all(isinstance(row, Mapping) for row in rows):
            self._problem(table, 0, None, "node", as_text(value) if isinstance(value, str) else "")
            return
        if len(rows) > (ROWS_MAX if table.rows else 1) and not self._many(table):
            self._problem(table, 0, None, "rows", str(len(rows)))
            return
        many = table.rows or len(rows) > 1
        checked = [self._row(table, row, at if many else 0) for at, row in enumerate(rows, 1)]
        self.found.nodes[table.name] = checked if many else checked[0]

    def _many(self, table: Node) -> bool:
        """The specification does not mark lists; only a strict centre insists on its sample."""
        return not table.rows and self.mode is not Mode.STRICT

    def _row(self, table: Node, row: Mapping[str, Any], number: int) -> dict[str, Any]:
        fast = compiled(self.spec, table, self.mode, _is_date).row(row)
        if fast is not None:
            return fast
        given = {code: value for code, value in row.items() if not absent(value)}
        kept: dict[str, Any] = {}
        for code, one in table.fields.items():
            if code in given:
                kept[code] = self._value(table, number, one, given.pop(code))
            elif one.required:
                self._problem(table, number, one, "missing")
        return kept | given

    def _value(self, table: Node, number: int, one: Field, value: Any) -> Any:
        if one.kind in "XBL":
            return value
        if isinstance(value, Mapping | list):
            self._problem(table, number, one, "kind")
            return value
        if one.kind == "N":
            return self._number(table, number, one, value)
        text = as_text(value)
        if one.kind in {"D", "DT"}:
            if not _is_date(text):
                self._problem(table, number, one, "kind", text)
        elif one.kind == "S" and not text.isdecimal():
            self._problem(table, number, one, "kind", text)
        elif self.mode is not Mode.LENIENT and self._too_long(one, text):
            self._problem(table, number, one, "long", text)
        elif self.mode is not Mode.LENIENT and one.listed and not self._listed(one, text):
            self._problem(table, number, one, "code", text)
        return text

    def _number(self, table: Node, row: int, one: Field, value: Any) -> Any:
        try:
            if self.mode is Mode.STRICT and isinstance(value, str):
                raise ValueError(value)
            number = as_number(value)
        except ValueError:
            self._problem(table, row, one, "kind", as_text(value))
            return value
        if number is not None and self.mode is not Mode.LENIENT and _beyond(one, number):
            self._problem(table, row, one, "long", as_text(value))
        return number

    def _too_long(self, one: Field, text: str) -> bool:
        if not one.length:
            return False
        tolerated = 0 if self.mode is Mode.STRICT else self.spec.lengths.get(one.code, 0)
        return len(text) > max(one.length, tolerated)

    def _listed(self, one: Field, text: str) -> bool:
        values = self.spec.code_lists.get(one.code)
        return values is None or text in values

    def _problem(
        self, table: Node, row: int, one: Field | None, kind: str, value: str = ""
    ) -> None:
        code, name = (one.code, one.name) if one is not None else ("", "")
        self.found.add(
            FieldProblem(
                node=table.name, row=row, code=code, name=name, kind=kind, value=value[:40]
            )
        )


@lru_cache(maxsize=4096)
def _is_date(text: str) -> bool:
    """``yyyy-MM-dd`` with or without a time; a fraction of a second is the habit of some."""
    plain = _FRACTION.sub("", text)
    if _DASHED.fullmatch(plain):  # what nearly every sender writes, and a tenth of the time
        try:
            datetime.fromisoformat(plain)
        except ValueError:
            return False
        return True
    for form in _DATES:
        try:
            datetime.strptime(plain, form)  # noqa: DTZ007 - only looked at
        except ValueError:
            continue
        return True
    return False


def _beyond(one: Field, number: Decimal) -> bool:
    """More digits before the point than the field has; further decimals are rounding."""
    whole = one.length - one.decimals
    return bool(one.length) and abs(number) >= Decimal(10) ** max(whole, 1)


def shaped(
    spec: Specification, transaction: Transaction, given: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    """An answer that satisfies the specification and means nothing: for what is not modelled."""
    known = dict(_flat(given))
    output: dict[str, Any] = {}
    for table in transaction.outputs:
        if table.part:
            continue
        row = {
            one.code: _filled(spec, one, known, at) for one in table.fields.values() if one.required
        }
        if table.name:
            output[table.name] = [row] if table.rows else row
        else:
            output.update(row)
    return output


def _flat(nodes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in nodes.items():
        rows = value if isinstance(value, list) else [value]
        for row in rows[:1]:
            if isinstance(row, Mapping):
                yield from row.items()
            else:
                yield name, row


def _filled(spec: Specification, one: Field, known: Mapping[str, Any], at: datetime) -> Any:
    if one.code in known and one.kind not in "XB":
        return known[one.code]
    if one.listed and spec.code_lists.get(one.code):
        return next(iter(spec.code_lists[one.code]))
    match one.kind:
        case "N":
            return Decimal(0).quantize(Decimal(1).scaleb(-one.decimals))
        case "S":
            return "1"
        case "D":
            return f"{at:%Y-%m-%d}"
        case "DT":
            return f"{at:%Y-%m-%d %H:%M:%S}"
        case "X":
            return []
        case "L":
            return True
    return "0"
