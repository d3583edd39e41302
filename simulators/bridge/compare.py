"""Where an answer differs from what a province's profile and the specification say.

Each difference has a place that does not depend on the values, so the same habit in forty answers
is one difference, seen in forty. What was compared is counted: an answer without fields shows
nothing, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from harness.wire.envelope import as_number, as_text
from harness.wire.http1_events import HttpResponse
from harness.wire.json_exact import JsonError, decode
from simulators.bridge.values import value_differences
from simulators.centre import protection
from simulators.centre.provinces import Province
from simulators.centre.schema import Node, Specification, Transaction
from simulators.centre.signatures import GatewayRefusal

ROWS_MAX: Final = 200
"""Rows of one node that are looked at; a habit shows in the first ones."""

OK_STATUS: Final = 200

SEVERAL: Final = frozenset({("5201", "mdtrtinfo"), ("5206", "cuminfo"), ("5302", "psnfixmedin")})
"""Nodes that hold a row for each thing found though the specification marks them as one row."""

SHOWN_CHARS: Final = 60
"""Of a value in a difference."""

MEMBERS: Final[Mapping[str, str]] = {
    "infcode": "",
    "inf_refmsgid": r"[0-9A-Za-z]{1,30}",
    "refmsg_time": r"\d{17}",
    "respond_time": r"\d{17}",
    "err_msg": "",
    "output": "",
}
"""Members of an answer by the specification, and how each is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One way in which the centre differs.

    Attributes:
        place: such as ``HTTP status``, ``envelope infcode``, ``1101 output.baseinfo.gend``.
        kind: stable id, such as ``number-as-text``.
        expected: by profile and specification.
        actual: what came.
    """

    place: str
    kind: str
    expected: str
    actual: str


@dataclass(slots=True)
class Compared:
    """What one answer showed.

    Attributes:
        differences: in the order of the answer.
        fields: how many were compared.
        ok: ``infcode`` says success; None where it says nothing.
        infcode, err_msg: as text.
        output: in the clear; None where there is none.
    """

    differences: list[Difference] = field(default_factory=list)
    fields: int = 0
    ok: bool | None = None
    infcode: str = ""
    err_msg: str = ""
    output: Any = None

    def add(self, place: str, kind: str, expected: object, actual: object) -> None:
        """One more."""
        shown = as_text(actual) if isinstance(actual, str | int | Decimal) else str(actual)
        self.differences.append(
            Difference(
                place=place, kind=kind, expected=str(expected)[:SHOWN_CHARS],
                actual=shown[:SHOWN_CHARS],
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares answers of one centre with its profile.

    Args:
        province: the profile.
        spec: its specification with its code lists.
    """

    province: Province
    spec: Specification

    def answer(self, infno: str, response: HttpResponse) -> Compared:
        """Transport, envelope, nodes and fields of the answer to a transaction."""
        found = Compared()
        if response.status != OK_STATUS:
            found.err_msg = response.payload[:400].decode("utf-8", "replace")
            found.add("HTTP status", "status", OK_STATUS, response.status)
            return found
        if "octet-stream" in response.header("Content-Type"):
            found.ok, found.output = True, response.payload
            return found
        members = self._body(response, found)
        if members is None:
            return found
        self._envelope(members, found)
        self._output(infno, members, found)
        return found

    # -- transport and envelope ----------------------------------------------------------------

    def _body(self, response: HttpResponse, found: Compared) -> Mapping[str, Any] | None:
        kind = response.header("Content-Type")
        media = kind.partition(";")[0].strip().lower()
        if media != "application/json":
            found.add("HTTP header Content-Type", "header", "application/json", media or "-")
        try:
            decoded = decode(response.payload)
        except JsonError as error:
            found.add("HTTP body", "json", "JSON", error.message)
            return None
        expected = self.province.envelope.encoding
        if not response.payload.isascii():
            if decoded.encoding != expected:
                found.add("HTTP body", "encoding", expected, decoded.encoding)
            declared = _charset(kind)
            if declared and declared != decoded.encoding:
                found.add("HTTP header charset", "charset", decoded.encoding, declared)
        if decoded.bom:
            found.add("HTTP body", "bom", "no byte order mark", "byte order mark")
        if not isinstance(decoded.value, dict):
            found.add("HTTP body", "json", "JSON object", type(decoded.value).__name__)
            return None
        return decoded.value

    def _envelope(self, members: Mapping[str, Any], found: Compared) -> None:
        rules = self.province.envelope
        code = members.get("infcode")
        found.infcode, found.err_msg = as_text(code), as_text(members.get("err_msg"))
        found.ok = _zero(found.infcode) if found.infcode else None
        self._member_names(members, found)
        for name, pattern in MEMBERS.items():
            value = members.get(name)
            if pattern and name in members:
                found.fields += 1
                if not isinstance(value, str):
                    found.add(f"envelope {name}", _kind_of(value), "text", _typed(value))
                elif not re.fullmatch(pattern, value):
                    found.add(f"envelope {name}", "format", pattern, value)
        found.fields += 1
        as_written = "text" if isinstance(code, str) else "number"
        if code is not None and as_written != rules.infcode_as:
            found.add("envelope infcode", f"{as_written}-code", rules.infcode_as, as_written)
        if found.ok is False and found.infcode != str(rules.infcode_failed):
            found.add("envelope infcode", "failed-code", rules.infcode_failed, found.infcode)
        if members.get("err_msg", "") is None:
            found.add("envelope err_msg", "null", "text", "null")
        own = as_text(members.get("inf_refmsgid"))
        if own and not own.startswith(rules.division_code):
            found.add("envelope inf_refmsgid", "division", rules.division_code, own[:6])

    @staticmethod
    def _member_names(members: Mapping[str, Any], found: Compared) -> None:
        sealed = {"cainfo", "signtype", "enc_type"}
        folded = {_folded(name): name for name in members if name not in MEMBERS}
        for name in MEMBERS:
            if name not in members:
                other = folded.pop(_folded(name), "")
                kind = "renamed" if other else "missing"
                found.add(f"envelope {name}", kind, name, other or "-")
        for name in folded.values():
            if name not in sealed:
                found.add(f"envelope {name}", "extra", "-", name)

    # -- output --------------------------------------------------------------------------------

    def _output(self, infno: str, members: Mapping[str, Any], found: Compared) -> None:
        output = members.get("output")
        sealed = self.province.protection.answers
        if isinstance(output, str) and output and not sealed:
            found.add("envelope output", "output-as-text", "object", "text")
        try:
            output = protection.open_answer(self.province.protection, members)
            if isinstance(output, str) and output.lstrip()[:1] in {"{", "["}:
                output = decode(output.encode()).value
        except (GatewayRefusal, JsonError) as error:
            found.add("envelope output", "protection", self.province.protection.family, error)
            return
        found.output = output
        transaction = self.spec.transactions.get(infno)
        if found.ok and transaction is not None and isinstance(output, Mapping):
            self._nodes(transaction, output, found)

    def _nodes(self, transaction: Transaction, output: Mapping[str, Any], found: Compared) -> None:
        named = [table for table in transaction.outputs if table.name and not table.part]
        flat = [table for table in transaction.outputs if not table.name and not table.part]
        left = dict(output)
        for table in named:
            if table.name in left:
                self._node(transaction, table, table.name, left.pop(table.name), found)
                continue
            other = next((one for one in left if _folded(one) == _folded(table.name)), "")
            place = f"{transaction.infno} output.{table.name}"
            if other:
                found.add(place, "renamed", table.name, other)
                self._node(transaction, table, other, left.pop(other), found)
            elif any(one.required for one in table.fields.values()) and table is named[0]:
                found.add(place, "missing", table.name, "-")
        self._unnamed(transaction, flat, left, found)

    def _unnamed(
        self, transaction: Transaction, flat: list[Node], left: Mapping[str, Any], found: Compared
    ) -> None:
        """Tables whose node the specification does not name: fields, or rows in any node."""
        if not flat:
            for name in left:
                found.add(f"{transaction.infno} output.{name}", "extra", "-", name)
            return
        known = {code for table in flat for code in table.fields}
        direct = {name: value for name, value in left.items() if name in known}
        if direct:
            self._row(transaction, flat[0], "", direct, found)
        for name, value in left.items():
            if name in known:
                continue
            for row in _rows(value):
                table = max(flat, key=lambda one: len(one.fields.keys() & row.keys()))
                if table.fields.keys() & row.keys():
                    self._row(transaction, table, name, row, found)

    def _node(
        self, transaction: Transaction, table: Node, name: str, value: Any, found: Compared
    ) -> None:
        place = f"{transaction.infno} output.{name}"
        listed, single = isinstance(value, list), isinstance(value, Mapping)
        several = table.rows or (transaction.infno, table.name) in SEVERAL
        if not listed and not single:
            found.add(place, _kind_of(value), "array" if several else "object", _typed(value))
        elif table.rows and single:
            found.add(place, "object-for-array", "array", "object")
        elif not several and listed:
            found.add(place, "array-for-object", "object", "array")
        for row in _rows(value):
            self._row(transaction, table, name, row, found)

    def _row(
        self,
        transaction: Transaction,
        table: Node,
        name: str,
        row: Mapping[str, Any],
        found: Compared,
    ) -> None:
        head = f"{transaction.infno} output{'.' if name else ''}{name}"
        folded = {_folded(key): key for key in row if key not in table.fields}
        for code, one in table.fields.items():
            if code in row:
                found.fields += 1
                for kind, expected, actual in value_differences(self.spec, one, row[code]):
                    found.add(f"{head}.{code}", kind, expected, actual)
                continue
            other = folded.pop(_folded(code), "")
            if other:
                found.add(f"{head}.{code}", "renamed", code, other)
            elif one.required:
                found.fields += 1
                found.add(f"{head}.{code}", "missing", code, "-")
        beyond = self.province.beyond.get(transaction.infno, ())
        for key in folded.values():
            if name and key not in beyond:
                found.add(f"{head}.{key}", "extra", "-", key)


def code_list_differences(
    spec: Specification, name: str, output: Any
) -> tuple[list[Difference], int]:
    """A code list as 1901 tells it beside the profile's: values that one of them lacks."""
    rows = output.get("list") if isinstance(output, Mapping) else None
    told = {as_text(row.get("value")): as_text(row.get("label")) for row in _rows(rows)}
    known = spec.code_lists.get(name, {})
    place = f"1901 list {name}"
    differences = [
        Difference(place=place, kind="code-lacking", expected=value, actual="-")
        for value in known
        if value not in told
    ]
    differences += [
        Difference(
            place=place, kind="code-added", expected="-", actual=f"{value} {label}"[:SHOWN_CHARS]
        )
        for value, label in told.items()
        if value not in known
    ]
    return differences, len(told)


def _rows(value: Any) -> Iterator[Mapping[str, Any]]:
    rows = value if isinstance(value, list) else [value]
    yield from (row for row in rows[:ROWS_MAX] if isinstance(row, Mapping))


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _zero(text: str) -> bool:
    try:
        return as_number(text) == 0
    except ValueError:
        return False


def _charset(kind: str) -> str:
    found = re.search(r"charset=\"?([\w-]+)", kind, re.IGNORECASE)
    name = found[1].lower() if found else ""
    return {"utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030"}.get(name, name)


def _kind_of(value: Any) -> str:
    return "null" if value is None else "kind"


def _typed(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "text"
        case int() | Decimal():
            return "number"
        case list():
            return "array"
    return "object"
