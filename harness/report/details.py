"""What opens when a row of the ladder is clicked: fields, rows and bytes of one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.i18n import tr
from harness.model import Place
from harness.report.account import account_lines
from harness.report.decode import Decoded, decode, encoding_of, hex_dump
from harness.report.ladder import Ladder
from harness.report.mask import Mask
from harness.report.model import FindingEntry
from harness.report.text import cut
from harness.report.words import field_name, reach_name

ROWS_MAX: Final = 20
"""Rows shown of one probe's answer; the trace has all."""

COLUMNS_MAX: Final = 30
"""Columns shown of one probe's answer."""

CELL_COLUMNS: Final = 200
"""Width of one shown value."""

Places = set[tuple[str, str, str]]
"""Interface, protocol and path of every finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One decoded field; ``bad`` where a finding names it."""

    path: str
    name: str
    value: str
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """The details of one record.

    Attributes:
        id: of the element in the page.
        title: type and identity.
        facts: label and value, one a line.
        fields: the decoded message.
        header: columns of ``table``.
        table: rows of a probe's answer.
        dumps: label and hex, one a byte string.
        more: what was left out, in words.
        key: worth paper: it was hit by a fault, broke a rule, or holds a field of a finding.
    """

    id: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    fields: tuple[FieldRow, ...] = ()
    header: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    dumps: tuple[tuple[str, str], ...] = ()
    more: str = ""
    key: bool = False


def details(
    ladder: Ladder,
    records: Sequence[Record],
    *,
    prefix: str,
    mask: Mask,
    findings: Sequence[FindingEntry] = (),
) -> dict[int, Detail]:
    """Details of the rows that the ladder shows, by record number, in its order."""
    by_number = {int(record["n"]): record for record in records}
    places = [Place.parse(one.place) for one in findings]
    bad = {(place.interface, place.protocol, place.path) for place in places}
    made: dict[int, Detail] = {}
    for row in ladder.rows:
        numbers = row.faults if row.kind == "fault" else (row.n, *row.faults)
        for number in numbers:
            record = by_number.get(number)
            if record is not None and record["kind"] in _MAKERS:
                made[number] = _detail(
                    record, f"{prefix}-{number}", mask, bad, hit=bool(row.faults)
                )
    for number, line in account_lines(records).items():
        if number in made:
            facts = (*made[number].facts, (tr("message account"), line))
            made[number] = replace(made[number], facts=facts)
    return made


def _detail(record: Record, ident: str, mask: Mask, bad: Places, *, hit: bool) -> Detail:
    made = _MAKERS[record["kind"]](record, mask, bad)
    facts = [
        (tr("time"), _text(record, "w")[:23].replace("T", " ")),
        (tr("way"), _way(record)),
        *made.pop("facts"),
    ]
    shown = tuple((label, mask.text(value)) for label, value in facts if value)
    key = made.pop("key", False) or hit or any(one.bad for one in made.get("fields", ()))
    title = cut(mask.text(made.pop("title")), CELL_COLUMNS)
    return Detail(id=ident, title=title, facts=shown, key=key, **made)


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return "" if value is None else str(value)


def _way(record: Record) -> str:
    way = " → ".join(part for part in (_text(record, "frm"), _text(record, "to")) if part)
    where = " ".join(part for part in (_text(record, "interface"), _text(record, "conn")) if part)
    return f"{way} ({where})" if way and where else way or where


def _message(record: Record, mask: Mask, bad: Places) -> dict[str, Any]:
    protocol, encoding = _text(record, "protocol"), _text(record, "encoding")
    whole = unpack(_text(record, "raw"))
    raw = mask.raw(whole, protocol, encoding)
    # Blanked bytes would be read as plain ASCII, so the codec is that of the whole message.
    decoded = decode(raw, protocol, encoding_of(whole, protocol, encoding))
    size = int(record.get("size") or len(whole))
    missing = tr("the payload is not in the run folder") if size and not whole else ""
    left = tr("{count} more fields: see the trace", count=decoded.more) if decoded.more else ""
    return {
        "title": " ".join(part for part in (_text(record, "type"), _text(record, "id")) if part)
        or protocol,
        "facts": [
            (tr("size"), tr("{count} bytes", count=size)),
            (tr("read as"), decoded.encoding if decoded.clean else _unclean(decoded)),
            (tr("record"), _text(record, "n")),
        ],
        "fields": _fields(decoded, _text(record, "interface"), protocol, mask, bad),
        "dumps": ((tr("bytes"), hex_dump(raw)),) if raw else (),
        "more": missing or left,
    }


def _unclean(decoded: Decoded) -> str:
    return tr("{encoding}, with bytes that it does not have", encoding=decoded.encoding)


def _fields(
    decoded: Decoded, interface: str, protocol: str, mask: Mask, bad: Places
) -> tuple[FieldRow, ...]:
    paths = {path for at, kind, path in bad if (at, kind) == (interface, protocol)}
    repeated = {one.path.partition("[")[0] for one in decoded.fields if "[2]" in one.path}
    rows = []
    for one in decoded.fields:
        single = one.path.partition("[")[0] not in repeated
        rows.append(
            FieldRow(
                path=one.name if single else one.path,
                name=field_name(one.name),
                value=mask.text(one.value),
                bad=_named(one.path, paths),
            )
        )
    return tuple(rows)


def _named(path: str, places: set[str]) -> bool:
    """Does a finding name this field, or a component of it? ``PID-5`` means ``PID[1]-5``."""
    short = path.replace("[1]", "")
    for place in places:
        for own in (path, short):
            rest = place.removeprefix(own)
            if rest != place and not rest[:1].isdecimal():
                return True
    return False


def _probe(record: Record, mask: Mask, _: Places) -> dict[str, Any]:
    rows = [row for row in record.get("rows") or () if isinstance(row, Mapping)]
    header = tuple(dict.fromkeys(str(name) for row in rows[:ROWS_MAX] for name in row))[
        :COLUMNS_MAX
    ]
    masked = [mask.row(dict(row)) for row in rows[:ROWS_MAX]]
    table = tuple(tuple(cut(row.get(name, ""), CELL_COLUMNS) for name in header) for row in masked)
    args = record.get("args")
    asked = ", ".join(f"{name}={value}" for name, value in args.items()) if args else ""
    left = len(rows) - ROWS_MAX
    return {
        "title": tr("probe {name}", name=_text(record, "probe")),
        "facts": [
            (tr("place"), _text(record, "place")),
            (tr("asked for"), asked),
            (tr("reach"), reach_name(_text(record, "reach"))),
            (tr("seen by"), _text(record, "by")),
            (tr("outcome"), _text(record, "outcome")),
            (tr("error"), _text(record, "error")),
            (tr("rows"), str(len(rows))),
            (tr("record"), _text(record, "n")),
        ],
        "header": header,
        "table": table,
        "more": tr("{count} more rows: see the trace", count=left) if left > 0 else "",
    }


def _fault(record: Record, mask: Mask, _: Places) -> dict[str, Any]:
    sides = (("before", tr("before the fault")), ("after", tr("after the fault")))
    dumps = []
    for name, label in sides:
        raw = unpack(_text(record, name))
        nothing = tr("(no bytes)")
        dumps.append((label, hex_dump(mask.raw(raw)) if raw else nothing))
    return {
        "title": "⚡ " + " ".join(_text(record, name) for name in ("fault_class", "id")).strip(),
        "facts": [
            (tr("action"), _text(record, "action")),
            (tr("layer"), _text(record, "layer")),
            (tr("hits"), _text(record, "identity")),
            (tr("detail"), _text(record, "detail")),
            (tr("record"), _text(record, "n")),
        ],
        "dumps": tuple(dumps) if record.get("before") or record.get("after") else (),
        "key": True,
    }


def _violation(record: Record, mask: Mask, _: Places) -> dict[str, Any]:
    raw = unpack(_text(record, "raw"))
    return {
        "title": _text(record, "code"),
        "facts": [
            (tr("seen"), _text(record, "message")),
            (tr("rule"), _text(record, "clause")),
            (tr("record"), _text(record, "n")),
        ],
        "dumps": ((tr("bytes"), hex_dump(mask.raw(raw))),) if raw else (),
        "key": True,
    }


_MAKERS: Final = {
    "message": _message,
    "probe": _probe,
    "fault": _fault,
    "violation": _violation,
}
