"""Tables of fee lines and catalogues: CSV and TXT in UTF-8 or GBK, and XLSX.

Rows come one by one with the number of their line; names of columns are those of the national
interface (5204, 2204, 2301, 1316 to 1319, 3301), or the Chinese heads that exports usually carry.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money
from harness.ledger.sniff import encoding_of

COLUMNS_MAX: Final = 500
LINE_CHARS_MAX: Final = 1_000_000
SHEET_SUFFIXES: Final = frozenset({".xlsx", ".xls", ".xlsm", ".xlsb"})
EXACT_FLOAT: Final = 2**53
"""A spreadsheet number beyond this has lost digits."""

ALIASES: Final[Mapping[str, str]] = {
    "结算id": "setl_id",
    "结算编号": "setl_id",
    "就诊id": "mdtrt_id",
    "就诊编号": "mdtrt_id",
    "费用明细流水号": "feedetl_sn",
    "明细流水号": "feedetl_sn",
    "医药机构目录编码": "medins_list_codg",
    "项目编码": "medins_list_codg",
    "院内编码": "medins_list_codg",
    "fixmedins_hilist_id": "medins_list_codg",
    "定点医药机构目录编号": "medins_list_codg",
    "医药机构目录名称": "medins_list_name",
    "项目名称": "medins_list_name",
    "fixmedins_hilist_name": "medins_list_name",
    "定点医药机构目录名称": "medins_list_name",
    "医疗目录编码": "med_list_codg",
    "国家编码": "med_list_codg",
    "医保目录编码": "hilist_code",
    "目录类别": "list_type",
    "数量": "cnt",
    "单价": "pric",
    "金额": "det_item_fee_sumamt",
    "明细项目费用总额": "det_item_fee_sumamt",
    "上传标志": "upld_flag",
    "收费项目等级": "chrgitm_lv",
    "项目等级": "chrgitm_lv",
    "自付比例": "selfpay_prop",
    "定价上限金额": "hilist_pric_uplmt_amt",
    "医保目录定价上限金额": "hilist_pric_uplmt_amt",
    "限价": "hilist_pric_uplmt_amt",
    "开始日期": "begndate",
    "结束日期": "enddate",
    "有效标志": "vali_flag",
}


def read_table(
    path: Path, *, required: tuple[str, ...] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a table: number of the line, and its cells by column.

    Args:
        path: CSV, TXT or XLSX with a header.
        required: columns that must be there.

    Raises:
        InputError: no such file, no header, a missing or doubled column, a line too long.
    """
    if not path.is_file():
        raise InputError(tr("no such file"), where=str(path))
    rows = _sheet(path) if path.suffix.lower() in SHEET_SUFFIXES else _text(path)
    number, first = next(rows, (1, []))
    names = _names(first, path)
    missing = [name for name in required if name not in names]
    if missing:
        raise InputError(
            tr("column {name} is missing", name=", ".join(missing)),
            where=f"{path.name}:{number}",
            remedy=tr("name the columns as the interface does"),
        )
    for number, cells in rows:
        if any(cell.strip() for cell in cells):
            yield (
                number,
                {
                    name: "" if money.is_nothing(cell) else money.tidy(cell)
                    for name, cell in zip(names, cells, strict=False)
                },
            )


def columns_of(path: Path) -> list[str]:
    """Names of the columns of a table."""
    if not path.is_file():
        raise InputError(tr("no such file"), where=str(path))
    rows = _sheet(path) if path.suffix.lower() in SHEET_SUFFIXES else _text(path)
    return _names(next(rows, (1, []))[1], path)


def fen_of(cells: Mapping[str, str], column: str, where: str) -> int:
    """An amount of a row in fen.

    Raises:
        InputError: it is no exact amount of yuan.
    """
    found = money.fen(cells.get(column, ""))
    if found is None:
        raise InputError(
            tr("{column} is no amount: {text}", column=column, text=cells.get(column, "")[:40]),
            where=where,
        )
    return found


def decimal_of(cells: Mapping[str, str], column: str, where: str) -> Decimal | None:
    """A quantity, price or ratio of a row exactly as written; None where there is none.

    Raises:
        InputError: it is no plain number.
    """
    text = cells.get(column, "").replace(",", "")
    if not text:
        return None
    factor = Decimal(1)
    if text.endswith("%"):
        text, factor = text[:-1], Decimal("0.01")
    try:
        value = Decimal(text) * factor
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 15:
        raise InputError(
            tr("{column} is no number: {text}", column=column, text=text[:40]), where=where
        )
    return value


def _names(cells: list[str], path: Path) -> list[str]:
    names = [_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names or all(money.fen(name) is not None for name in names if name):
        raise InputError(
            tr("there is no header line"),
            where=f"{path.name}:1",
            remedy=tr("name the columns as the interface does"),
        )
    if len(names) > COLUMNS_MAX:
        raise InputError(
            tr("{count} columns in one line: this is no ledger", count=len(names)),
            where=f"{path.name}:1",
        )
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(tr("column {name} stands twice", name=name), where=f"{path.name}:1")
    return names


def _name(cell: str) -> str:
    lower = money.tidy(cell).lstrip("\ufeff").strip("`'\"").lower()
    return ALIASES.get(lower, lower)


def _text(path: Path) -> Iterator[tuple[int, list[str]]]:
    encoding, damaged = encoding_of(path)
    if damaged:
        raise InputError(
            tr("the file is neither UTF-8 nor GBK"),
            where=path.name,
            remedy=tr("export it again"),
        )
    try:
        with path.open(encoding=encoding, newline="") as stream:
            head = stream.readline(LINE_CHARS_MAX)
            stream.seek(0)
            delimiter = "\t" if head.count("\t") > head.count(",") else ","
            csv.field_size_limit(LINE_CHARS_MAX)
            reader = csv.reader(_bounded(stream, path), delimiter=delimiter)
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
    except UnicodeDecodeError as error:  # all of it decodes but for its end
        raise InputError(
            tr("the file ends in the middle of a character"),
            where=path.name,
            remedy=tr("export it again"),
        ) from error


def _bounded(stream: Iterator[str], path: Path) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        if len(line) > LINE_CHARS_MAX:
            raise InputError(
                tr("a line of more than {limit} characters", limit=LINE_CHARS_MAX),
                where=f"{path.name}:{number}",
            )
        yield line


def _sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except (CalamineError, OSError, IndexError) as error:
        raise InputError(tr("this is no readable workbook"), where=path.name) from error
    for number, row in enumerate(rows, 1):
        yield number, [_cell(value, f"{path.name}:{number}") for value in row]


def _cell(value: object, where: str) -> str:
    """A cell as text; a number without the noise of its binary form."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float | int):
        if abs(value) >= EXACT_FLOAT:
            raise InputError(
                tr("a long number was stored as a number and has lost digits"),
                where=where,
                remedy=tr("store the column as text and export again"),
            )
        return str(int(value)) if value == int(value) else f"{Decimal(repr(value)):f}"
    return "" if value is None else str(value)
