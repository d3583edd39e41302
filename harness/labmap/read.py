"""Reading an item map from CSV (UTF-8 or GBK), XLSX or TOML; every problem with ``file:line``.

Columns, in any order, by their English or Chinese name: ``channel`` 通道, ``item`` 项目, ``factor``
系数, ``decimals`` 小数位, ``unit`` 单位, ``texts`` 文本对照. Further columns are left alone. A text
map is written ``neg=阴性;pos=阳性``. TOML has a table ``[[item]]`` a row.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from harness.digits import whole_number
from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.labmap.model import DECIMALS_MAX, ItemMap, ItemRow, Remark

ROWS_MAX: Final = 20_000
"""Rows of one map: above the whole catalogue of a large laboratory."""

BYTES_MAX: Final = 16_000_000
"""Size of a file that is read."""

NAMES: Final = {
    "channel": ("channel", "通道", "通道号", "仪器通道", "通道码"),
    "item": ("item", "项目", "项目代码", "lis项目", "lis项目代码"),
    "factor": ("factor", "系数", "换算系数", "因子"),
    "decimals": ("decimals", "小数位", "小数位数"),
    "unit": ("unit", "单位"),
    "texts": ("texts", "文本对照", "结果对照", "文字对照"),
}
"""Column names that are understood, in lower case."""

REQUIRED: Final = ("channel", "item")

_TOML_ROW = re.compile(r"\s*\[\[\s*item\s*\]\]")

Cells = tuple[int, Mapping[str, str]]
"""A line number, and the texts of a row by our column names."""


def read_map(path: Path, *, encoding: str = "") -> ItemMap:
    """Read and check a map.

    Args:
        path: ``.csv``, ``.txt``, ``.xlsx`` or ``.toml``.
        encoding: of a CSV; empty: UTF-8 if it is that, else GB18030.

    Raises:
        InputErrors: all problems of the file.
    """
    data = _bytes(path)
    kind = path.suffix.lower()
    if kind == ".toml":
        cells = list(_toml(path.name, data))
    elif kind in {".xlsx", ".xls"}:
        cells = list(_named(path.name, _sheet(path)))
    elif kind in {".csv", ".txt"}:
        cells = list(_named(path.name, _csv(path.name, data, encoding)))
    else:
        raise InputError(tr("not an item map: {name}", name=path.name), remedy=".csv .xlsx .toml")
    return check(path.name, cells)


def check(name: str, cells: Iterable[Cells]) -> ItemMap:
    """The map of these rows.

    Raises:
        InputErrors: all problems, in the order of the lines.
    """
    problems: list[InputError] = []
    rows: list[ItemRow] = []
    for line, texts in cells:
        try:
            rows.append(_row(name, line, texts))
        except InputErrors as errors:
            problems += errors.problems
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row.channel, row.line)
        if first != row.line:
            text = tr("channel {channel} stands on line {line} already",
                      channel=row.channel, line=first)  # fmt: skip
            problems.append(InputError(text, where=f"{name}:{row.line}"))
    if not rows and not problems:
        problems.append(InputError(tr("the item map has no rows"), where=name))
    if problems:
        raise InputErrors(problems)
    return ItemMap(name=name, rows=tuple(rows), remarks=tuple(_remarks(name, rows)))


def _row(name: str, line: int, texts: Mapping[str, str]) -> ItemRow:
    where = f"{name}:{line}"
    got = {column: texts.get(column, "").strip() for column in NAMES}
    problems = [
        InputError(tr("{column} is empty", column=column), where=where)
        for column in REQUIRED
        if not got[column]
    ]
    factor, decimals = Decimal(1), None
    pairs: tuple[tuple[str, str], ...] = ()
    for read in ("factor", "decimals", "texts"):
        try:
            match read:
                case "factor":
                    factor = _factor(got["factor"], where)
                case "decimals":
                    decimals = _decimals(got["decimals"], where)
                case _:
                    pairs = _pairs(got["texts"], where)
        except InputError as error:
            problems.append(error)
    if problems:
        raise InputErrors(problems)
    return ItemRow(
        channel=got["channel"],
        item=got["item"],
        factor=factor,
        decimals=decimals,
        unit=got["unit"],
        texts=pairs,
        line=line,
    )


def _factor(text: str, where: str) -> Decimal:
    if not text:
        return Decimal(1)
    try:
        factor = Decimal(text)
    except InvalidOperation:
        factor = Decimal(0)
    if not factor.is_finite() or factor <= 0 or len(text) > DECIMALS_MAX * 2:
        raise InputError(
            tr("factor {text} is no number above zero", text=text),
            where=where,
            remedy=tr("write a decimal point, such as 0.1"),
        )
    return factor


def _decimals(text: str, where: str) -> int | None:
    if not text:
        return None
    places = whole_number(text.removesuffix(".0"))  # a sheet knows no whole numbers
    if places is None or places > DECIMALS_MAX:
        raise InputError(
            tr("decimals {text} is no number from 0 to {most}", text=text, most=DECIMALS_MAX),
            where=where,
        )
    return places


def _pairs(text: str, where: str) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for part in filter(None, (one.strip() for one in re.split("[;；]", text))):
        sent, equals, stored = part.partition("=")
        if not equals or not sent.strip() or not stored.strip():
            raise InputError(
                tr("{part} is no pair of texts", part=part), where=where, remedy="neg=阴性;pos=阳性"
            )
        if sent.strip() in dict(pairs):
            raise InputError(tr("text {sent} is mapped twice", sent=sent.strip()), where=where)
        pairs.append((sent.strip(), stored.strip()))
    return tuple(pairs)


def _remarks(name: str, rows: list[ItemRow]) -> Iterable[Remark]:
    """Several channels may feed one item, and a text may be mapped to itself: worth a look."""
    first: dict[str, str] = {}
    for row in rows:
        other = first.setdefault(row.item, row.channel)
        if other != row.channel:
            text = tr("item {item} comes from channels {first} and {second}",
                      item=row.item, first=other, second=row.channel)  # fmt: skip
            yield Remark(where=f"{name}:{row.line}", text=text)
        if row.factor != 1 and row.decimals is None:
            text = tr("channel {channel} has a factor and no decimals", channel=row.channel)
            yield Remark(where=f"{name}:{row.line}", text=text)


# -- files -----------------------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputError(
            tr("cannot be read: {reason}", reason=error.strerror or error), where=str(path)
        ) from error
    if len(data) > BYTES_MAX:
        raise InputError(tr("larger than {most} bytes", most=BYTES_MAX), where=str(path))
    return data


def _csv(name: str, data: bytes, encoding: str) -> Iterable[tuple[int, list[str]]]:
    text = ""
    for codec in [encoding] if encoding else ["utf-8-sig", "gb18030"]:
        try:
            text = data.decode(codec)
            break
        except LookupError as error:
            raise InputError(tr("no such character set: {name}", name=codec)) from error
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            problem = InputError(tr("not text of {codec}", codec=codec), where=f"{name}:{line}")
    else:
        raise problem
    dialect = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(str(error), where=f"{name}:{line}") from error


def _sheet(path: Path) -> Iterable[tuple[int, list[str]]]:
    """The first sheet; whole numbers lose the ``.0`` that the file format gives them."""
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - slow to import

    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except (CalamineError, OSError, IndexError) as error:
        raise InputError(tr("not a readable sheet"), where=str(path)) from error
    for line, cells in enumerate(rows, 1):
        yield line, [_cell(cell) for cell in cells]


def _cell(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


def _named(name: str, lines: Iterable[tuple[int, list[str]]]) -> Iterable[Cells]:
    """Rows by column name; the first line that is not empty has the names."""
    columns: dict[int, str] = {}
    for count, (line, cells) in enumerate(lines):
        if count > ROWS_MAX:
            raise InputError(tr("more than {most} rows", most=ROWS_MAX), where=f"{name}:{line}")
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = _columns(name, line, cells)
            continue
        yield line, {columns[at]: cell for at, cell in enumerate(cells) if at in columns}


def _columns(name: str, line: int, cells: list[str]) -> dict[int, str]:
    columns: dict[int, str] = {}
    for at, cell in enumerate(cells):
        word = cell.strip().lower()
        for column, words in NAMES.items():
            if word in words and column not in columns.values():
                columns[at] = column
    missing = [column for column in REQUIRED if column not in columns.values()]
    if missing:
        raise InputError(
            tr("column {column} is missing", column=", ".join(missing)),
            where=f"{name}:{line}",
            remedy=", ".join(f"{column} ({words[1]})" for column, words in NAMES.items()),
        )
    return columns


def _toml(name: str, data: bytes) -> Iterable[Cells]:
    try:
        text = data.decode("utf-8-sig")
        tables: Any = tomllib.loads(text).get("item", [])
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(str(error), where=name) from error
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise InputError(tr("an item map needs [[item]] tables"), where=name)
    begins = [at for at, line in enumerate(text.splitlines(), 1) if _TOML_ROW.match(line)]
    for number, table in enumerate(tables):
        line = begins[number] if number < len(begins) else 0
        unknown = sorted(set(table) - set(NAMES))
        if unknown:
            raise InputError(
                tr("unknown key {key}", key=", ".join(unknown)), where=f"{name}:{line}"
            )
        row = {key: value for key, value in table.items() if key != "texts"}
        texts = table.get("texts", {})
        if not isinstance(texts, dict):
            raise InputError(tr("texts must be a table"), where=f"{name}:{line}")
        joined = ";".join(f"{sent}={stored}" for sent, stored in texts.items())
        yield line, {key: str(value) for key, value in row.items()} | {"texts": joined}
