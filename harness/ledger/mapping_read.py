"""Reads the tables that 对码 is checked from: HIS catalogue, 1316 to 1319, 3301, and bill lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.detail_read import columns_of, decimal_of, fen_of, read_table
from harness.ledger.mapping import Item, Listed, Match, Used

_T = TypeVar("_T")

DATE_CHARS: Final = 10
INVALID: Final = frozenset({"0", "n", "no", "false", "否", "无效"})
"""``vali_flag``: 1 valid, 0 not."""


def items_of(path: Path) -> list[Item]:
    """The HIS catalogue, one item a line.

    Raises:
        InputError: no usable table, or a code that stands twice.
    """
    found: list[Item] = []
    seen: dict[str, int] = {}
    for line, cells in read_table(path, required=("medins_list_codg",)):
        where = f"{path.name}:{line}"
        code = _filled(cells, "medins_list_codg", where)
        if code in seen:
            raise InputError(
                tr("item {code} stands twice, first in line {line}", code=code, line=seen[code]),
                where=where,
            )
        seen[code] = line
        found.append(
            Item(
                code=code,
                name=cells.get("medins_list_name", ""),
                national=cells.get("med_list_codg", ""),
                level=cells.get("chrgitm_lv", ""),
                ratio=decimal_of(cells, "selfpay_prop", where),
                price=decimal_of(cells, "pric", where),
                line=line,
            )
        )
    return _some(found, path)


def matches_of(path: Path) -> list[Match]:
    """Rows of 1317 or 3301.

    Raises:
        InputError: no usable table.
    """
    found = []
    for line, cells in read_table(path, required=("medins_list_codg", "med_list_codg")):
        where = f"{path.name}:{line}"
        found.append(
            Match(
                code=_filled(cells, "medins_list_codg", where),
                national=_filled(cells, "med_list_codg", where),
                name=cells.get("medins_list_name", ""),
                level=cells.get("chrgitm_lv", ""),
                ratio=decimal_of(cells, "selfpay_prop", where),
                limit=decimal_of(cells, "hilist_pric_uplmt_amt", where),
                begin=_day(cells, "begndate", where),
                end=_day(cells, "enddate", where),
                valid=_valid(cells),
                line=line,
            )
        )
    return _some(found, path)


def listed_of(path: Path, value: str = "") -> list[Listed]:
    """Rows of 1316 (no ``value``), 1318 (``hilist_pric_uplmt_amt``) or 1319 (``selfpay_prop``).

    Raises:
        InputError: no usable table.
    """
    names = columns_of(path)
    key = "med_list_codg" if not value or "hilist_code" not in names else "hilist_code"
    found = []
    for line, cells in read_table(path, required=(key, *([value] if value else []))):
        where = f"{path.name}:{line}"
        found.append(
            Listed(
                key=_filled(cells, key, where),
                to="" if value else cells.get("hilist_code", ""),
                level=cells.get("chrgitm_lv", ""),
                value=decimal_of(cells, value, where) if value else None,
                begin=_day(cells, "begndate", where),
                end=_day(cells, "enddate", where),
                valid=_valid(cells),
            )
        )
    return _some(found, path)


def bills_of(path: Path) -> dict[str, Used]:
    """How each item was billed: lines of 2204, 2301 or 5204, summed by hospital code.

    Raises:
        InputError: no usable table, or an amount that is none.
    """
    used: dict[str, Used] = {}
    for line, cells in read_table(path, required=("medins_list_codg", "det_item_fee_sumamt")):
        where = f"{path.name}:{line}"
        code, so_far = cells["medins_list_codg"], used.get(cells["medins_list_codg"], Used())
        used[code] = Used(
            cnt=so_far.cnt + (decimal_of(cells, "cnt", where) or Decimal(0)),
            fen=so_far.fen + fen_of(cells, "det_item_fee_sumamt", where),
            lines=so_far.lines + 1,
        )
    return used


def _some(rows: list[_T], path: Path) -> list[_T]:
    if not rows:
        raise InputError(tr("the table has no rows"), where=path.name)
    return rows


def _filled(cells: Mapping[str, str], column: str, where: str) -> str:
    text = cells.get(column, "")
    if not text:
        raise InputError(tr("{column} is empty", column=column), where=where)
    return text


def _valid(cells: Mapping[str, str]) -> bool:
    return cells.get("vali_flag", "").lower() not in INVALID


def _day(cells: Mapping[str, str], column: str, where: str) -> date | None:
    """``2026-09-01``, ``20260901``, ``2026/9/1``, with or without a time behind it."""
    text = cells.get(column, "").split("T")[0].split(" ")[0].replace("/", "-").replace(".", "-")
    if not text:
        return None
    parts = text.split("-")
    if len(parts) == 3:
        text = "-".join(part.zfill(2) for part in parts)
    try:
        return date.fromisoformat(text[:DATE_CHARS])
    except ValueError as error:
        raise InputError(
            tr("{text} is no date", text=text[:40]),
            where=f"{where}:{column}",
            remedy=tr("write it as 2026-09-01"),
        ) from error
