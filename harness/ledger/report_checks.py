"""What a reconciliation checked beyond pairs: identities, lines of 3201, and what it cannot.

Tables for the page and the workbook, from ``totals.json`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness import i18n
from harness.i18n import tr
from harness.ledger import cut, money, report_cells, report_uploads
from harness.ledger.class_words import side_name, word

Table = tuple[str, Sequence[str], list[Sequence[Any]]]
"""Name, heads, rows; an ``int`` in a row is an amount in fen."""

NOT_JUDGED: Final = (
    (
        "registration_only",
        (
            "未判：没有给出双方的登记清单（5201，--his-visits 与 --centre-visits）",
            "not judged: no lists of visits (5201; --his-visits and --centre-visits)",
        ),
    ),
    (
        "trace_code_missing",
        (
            "未判：没有给出双方的追溯码（3513，--his-boxes 与 --centre-boxes）",
            "not judged: no trace codes (3513; --his-boxes and --centre-boxes)",
        ),
    ),
    (
        "list_differs",
        (
            "未判：没有给出双方的结算清单（4103，--his-lists 与 --centre-lists）",
            "not judged: no settlement lists (4103; --his-lists and --centre-lists)",
        ),
    ),
)
"""Classes that lists of settlements cannot show, and what would show them."""


def not_judged(totals: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """Name of each class that a run could not judge, and the lists that it would need."""
    place = 0 if i18n.current() == "zh-CN" else 1
    known = report_uploads.judged(totals or {})
    return [
        (f"{word(code).name} {code}", needs[place])
        for code, needs in NOT_JUDGED
        if code not in known
    ]


def checks(totals: Mapping[str, Any]) -> list[Table]:
    """Sheets of what was checked; none for a run that is INCOMPLETE."""
    if not totals.get("waterfall"):
        return []
    of_uploads = report_uploads.tables(totals)
    own = (_not_read, _cut, _still_open, report_cells.table, _lines, _identities, _broken)
    found = (*(one(totals) for one in own), *of_uploads)
    return [one for one in found if one[2]]


def _cut(totals: Mapping[str, Any]) -> Table:
    heads = (tr("cut of the HIS list"),)
    return heads[0], heads, [(line,) for line in cut.lines(totals.get("cut") or {})]


def _not_read(totals: Mapping[str, Any]) -> Table:
    heads = (tr("files and records that were not read"),)
    return heads[0], heads, [(one,) for one in totals.get("not_read", [])]


def _still_open(totals: Mapping[str, Any]) -> Table:
    heads = (tr("open from earlier days"), "setl_id", tr("refund"), tr("amount"), tr("since"),
             tr("longer than allowed"))  # fmt: skip
    rows: list[Sequence[Any]] = [
        (side_name(one["side"]), one["setl_id"], _yes(one["refund"]), _fen(one["amount"]),
         one["since"], _yes(one["overdue"]))
        for one in (totals.get("still_open") or {}).get("listed", [])
    ]  # fmt: skip
    return heads[0], heads, rows


def _yes(holds: object) -> str:
    return tr("yes") if holds else tr("no")


def _lines(totals: Mapping[str, Any]) -> Table:
    found = totals.get("totals_3201", {})
    compared = [one for one in found.get("compared", []) if one != "fixmedins_setl_cnt"]
    heads = (
        "insutype", "clr_type", "setl_optins", tr("HIS amount"), tr("centre amount"),
        tr("HIS rows"), tr("centre rows"), *(f"{one} \u0394" for one in compared),
        tr("balanced?"),
    )  # fmt: skip
    rows = [
        (
            one["insutype"], one["clr_type"], one["setl_optins"], _fen(one["his"]),
            _fen(one["centre"]), str(one["count_his"]), str(one["count_centre"]),
            *(_fen(one[f"{name}_delta"]) for name in compared),
            _balance(one),
        )
        for one in found.get("lines", [])
    ]  # fmt: skip
    return tr("totals as 3201"), heads, list(rows)


def _balance(line: Mapping[str, Any]) -> str:
    if not line["balanced"]:
        return tr("no")
    if not line["differences"]:
        return tr("yes")
    return tr("only because {count} differing rows cancel out", count=line["differences"])


def _identities(totals: Mapping[str, Any]) -> Table:
    heads = (tr("side"), tr("identity"), tr("formula"), tr("rows"), tr("does not hold"))
    rows: list[Sequence[Any]] = [
        (
            side_name(one["side"]),
            one["identity"] + (f" ({tr('our reading')})" if one["guess"] else ""),
            one["formula"],
            str(one["rows"]),
            str(one["broken"]),
        )
        for one in totals.get("identities", [])
    ]
    return tr("identities"), heads, rows


def _broken(totals: Mapping[str, Any]) -> Table:
    heads = (
        tr("side"), tr("line"), "setl_id", tr("identity"), tr("first wrong part"), tr("stated"),
        tr("computed"),
    )  # fmt: skip
    rows: list[Sequence[Any]] = [
        (
            side_name(one["side"]), str(one["line"]), one["setl_id"], one["identity"], one["part"],
            _fen(one["stated"]), _fen(one["computed"]),
        )
        for one in totals.get("identity_broken", [])
    ]  # fmt: skip
    return tr("rows that do not add up"), heads, rows


def _fen(text: str) -> int:
    return money.fen(str(text)) or 0
