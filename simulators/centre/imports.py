"""``medharness centre import``: a real hospital's codes into the books of our centre.

Institution, catalogue and 对码 come as the hospital exports them: CSV in UTF-8 or GB 18030, or
XLSX, with the names of the interface or with Chinese headings. All of it goes in, or nothing.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.probes.carried import read_table
from simulators import foreground
from simulators.centre import world
from simulators.centre.calc_money import PRICE_ONE, RATIO_ONE
from simulators.centre.ledger import SCHEMA
from simulators.centre.transaction import Statement
from simulators.store import Store, open_store, upsert

ROWS_MAX: Final = 500_000
"""More than the national catalogue of drugs has."""

_URL: Final = re.compile(r"postgres(ql)?://")
_BEGIN, _END = "2020-01-01", "2099-12-31"

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of export.

    Attributes:
        table: of the centre.
        key: what identifies a row.
        heads: our column and the headings that mean it; the first is the interface's own.
        needed: columns that must be there and filled.
        make: the row of the table; raises ``ValueError`` with what is wrong.
    """

    table: str
    key: tuple[str, ...]
    heads: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]
    make: Callable[[Row], dict[str, Any]]


def _institution(row: Row) -> dict[str, Any]:
    code = row["fixmedins_code"]
    if not re.fullmatch(r"[A-Z][0-9A-Z]{11}", code):
        raise ValueError(tr("“{code}” is no code of an institution", code=code))
    return {
        "fixmedins_code": code,
        "fixmedins_name": row["fixmedins_name"],
        "uscc": row.get("uscc", ""),
        "fixmedins_type": row.get("fixmedins_type") or "1",
        "hosp_lv": row.get("hosp_lv") or "2",
        "level": row.get("level") or "3",
        "admdvs": row.get("admdvs") or world.REGION,
        "opened": "1",
    }


def _item(row: Row) -> dict[str, Any]:
    return {
        "med_list_codg": row["med_list_codg"],
        "hilist_code": row.get("hilist_code") or row["med_list_codg"],
        "name": row["name"],
        "list_type": row["list_type"],
        "chrgitm_lv": row.get("chrgitm_lv") or "01",
        "med_chrgitm_type": row.get("med_chrgitm_type") or "14",
        "lmt_used_flag": row.get("lmt_used_flag") or "0",
        "ratio_310": _scaled(row.get("ratio_310") or "0", RATIO_ONE, most=1),
        "ratio_390": _scaled(row.get("ratio_390") or "0", RATIO_ONE, most=1),
        "limit_1": _scaled(row.get("limit_1") or "0", PRICE_ONE),
        "limit_2": _scaled(row.get("limit_2") or "0", PRICE_ONE),
        "limit_3": _scaled(row.get("limit_3") or "0", PRICE_ONE),
        "bas_medn_flag": row.get("bas_medn_flag") or "0",
        "hi_nego_drug_flag": row.get("hi_nego_drug_flag") or "0",
        "begndate": _day(row.get("begndate") or _BEGIN),
        "enddate": _day(row.get("enddate") or _END),
        "updt_time": f"{_BEGIN} 00:00:00",
    }


def _mapping(row: Row) -> dict[str, Any]:
    begin, end = _day(row.get("begndate") or _BEGIN), _day(row.get("enddate") or _END)
    if begin > end:
        raise ValueError(tr("it ends before it begins"))
    return {
        "fixmedins_code": row["fixmedins_code"],
        "fixmedins_hilist_id": row["fixmedins_hilist_id"],
        "fixmedins_hilist_name": row.get("fixmedins_hilist_name", ""),
        "list_type": row["list_type"],
        "med_list_codg": row["med_list_codg"],
        "begndate": begin,
        "enddate": end,
        "memo": row.get("memo", ""),
        "updt_time": f"{begin} 00:00:00",
    }


def _scaled(text: str, one: Any, *, most: int | None = None) -> int:
    try:
        value = Decimal(text)
        whole = value * int(one)
    except InvalidOperation:
        raise ValueError(tr("“{text}” is no amount", text=text)) from None
    if not whole.is_finite() or whole != int(whole) or value < 0 or (most and value > most):
        raise ValueError(tr("“{text}” is no amount", text=text))
    return int(whole)


def _day(text: str) -> str:
    """``YYYY-MM-DD``; a spreadsheet may have put slashes or a time."""
    parts = re.fullmatch(r"(\d{4})[-/]?(\d{1,2})[-/]?(\d{1,2})(?:[ T].*)?", text)
    if parts is None:
        raise ValueError(tr("no day: {day}", day=text[:20]))
    try:
        return date(int(parts[1]), int(parts[2]), int(parts[3])).isoformat()
    except ValueError:
        raise ValueError(tr("no day: {day}", day=text[:20])) from None


_CODE = ("med_list_codg", "医保目录编码", "国家医保编码")
_TYPE = ("list_type", "目录类别")
_DATES = {"begndate": ("begndate", "开始日期"), "enddate": ("enddate", "结束日期")}

KINDS: Final[Mapping[str, Kind]] = {
    "institution": Kind(
        table="hospitals",
        key=("fixmedins_code",),
        heads={
            "fixmedins_code": ("fixmedins_code", "定点医药机构编号", "机构编码"),
            "fixmedins_name": ("fixmedins_name", "定点医药机构名称", "机构名称"),
            "uscc": ("uscc", "统一社会信用代码"),
            "fixmedins_type": ("fixmedins_type", "机构类型"),
            "hosp_lv": ("hosp_lv", "医院等级"),
            "level": ("level", "收费等级"),
            "admdvs": ("admdvs", "医保区划"),
        },
        needed=("fixmedins_code", "fixmedins_name"),
        make=_institution,
    ),
    "catalogue": Kind(
        table="catalogue",
        key=("med_list_codg",),
        heads={
            "med_list_codg": _CODE,
            "hilist_code": ("hilist_code", "地方目录编码"),
            "name": ("name", "项目名称", "注册名称"),
            "list_type": _TYPE,
            "chrgitm_lv": ("chrgitm_lv", "收费项目等级"),
            "med_chrgitm_type": ("med_chrgitm_type", "医疗收费项目类别"),
            "lmt_used_flag": ("lmt_used_flag", "限制使用标志"),
            "ratio_310": ("ratio_310", "职工先行自付比例"),
            "ratio_390": ("ratio_390", "居民先行自付比例"),
            "limit_1": ("limit_1", "一级限价"),
            "limit_2": ("limit_2", "二级限价"),
            "limit_3": ("limit_3", "三级限价"),
            "bas_medn_flag": ("bas_medn_flag", "基本药物标志"),
            "hi_nego_drug_flag": ("hi_nego_drug_flag", "谈判药品标志"),
            **_DATES,
        },
        needed=("med_list_codg", "name", "list_type"),
        make=_item,
    ),
    "mapping": Kind(
        table="mappings",
        key=("fixmedins_code", "fixmedins_hilist_id", "list_type"),
        heads={
            "fixmedins_code": ("fixmedins_code", "定点医药机构编号", "机构编码"),
            "fixmedins_hilist_id": ("fixmedins_hilist_id", "院内项目编码", "医院项目编码"),
            "fixmedins_hilist_name": ("fixmedins_hilist_name", "院内项目名称", "医院项目名称"),
            "list_type": _TYPE,
            "med_list_codg": _CODE,
            "memo": ("memo", "备注"),
            **_DATES,
        },
        needed=("fixmedins_code", "fixmedins_hilist_id", "list_type", "med_list_codg"),
        make=_mapping,
    ),
}  # fmt: skip
"""What can be imported."""


def read_export(kind: Kind, path: Path) -> list[dict[str, Any]]:
    """The rows of an export.

    Raises:
        InputErrors: every row that cannot be used, with its line.
    """
    table = read_table(path)
    if not table or len(table) - 1 > ROWS_MAX:
        raise InputErrors([InputError(tr("no rows, or too many"), where=str(path))])
    ours = {name: head for head, names in kind.heads.items() for name in names}
    heads = [ours.get(cell.strip(), "") for cell in table[0]]
    missing = [kind.heads[name][-1] for name in kind.needed if name not in heads]
    if missing:
        told = tr("these columns are missing, or stand twice: {names}", names=", ".join(missing))
        raise InputErrors([InputError(told, where=f"{path}:1")])
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    problems: list[InputError] = []
    for line, cells in enumerate(table[1:], 2):
        row = {head: cell.strip() for head, cell in zip(heads, cells, strict=False) if head}
        try:
            made = _checked(kind, row)
            key = tuple(made[name] for name in kind.key)
            if key in rows:
                raise ValueError(tr("it stands twice: {key}", key=" ".join(map(str, key))))
            rows[key] = made
        except ValueError as error:
            problems.append(InputError(str(error), where=f"{path}:{line}"))
    if problems:
        raise InputErrors(problems)
    return list(rows.values())


def _checked(kind: Kind, row: Row) -> dict[str, Any]:
    empty = [kind.heads[name][-1] for name in kind.needed if not row.get(name)]
    if empty:
        raise ValueError(tr("nothing stands in {names}", names=", ".join(empty)))
    return kind.make(row)


def statements(store: Store, found: Mapping[str, list[dict[str, Any]]]) -> Iterator[Statement]:
    """What is written; 对码 must lead to institutions and items that the centre will know.

    Raises:
        InputErrors: a mapping leads to nothing.
    """
    known = {
        name: {row[name] for row in store.rows(f"SELECT {name} FROM {table}")}
        for name, table in (("fixmedins_code", "hospitals"), ("med_list_codg", "catalogue"))
    }
    known["fixmedins_code"] |= {one["fixmedins_code"] for one in found.get("institution", ())}
    known["med_list_codg"] |= {one["med_list_codg"] for one in found.get("catalogue", ())}
    problems = [
        InputError(tr("{code} is not known to the centre", code=row[name]),
                   where=row["fixmedins_hilist_id"])
        for row in found.get("mapping", ())
        for name in known
        if row[name] not in known[name]
    ]  # fmt: skip
    if problems:
        raise InputErrors(problems)
    for name, rows in found.items():
        for row in rows:
            yield upsert(KINDS[name].table, KINDS[name].key, row)


def import_codes(args: argparse.Namespace) -> int:
    """Take ``--institution``, ``--catalogue`` and ``--mapping`` into ``--ledger``.

    Raises:
        InputError: nothing was named, or the ledger is none.
        InputErrors: a file cannot be used; nothing was written.
    """
    given = {name: Path(path) for name in KINDS if (path := getattr(args, name, ""))}
    if not given:
        raise InputError(tr("name at least one file to import"))
    found = {name: read_export(KINDS[name], path) for name, path in given.items()}
    ledger = str(args.ledger)
    fresh = not _URL.match(ledger) and not Path(ledger).is_file()
    try:
        store = open_store(ledger, SCHEMA)
        try:
            begin = world.seed_world(int(args.seed)) if fresh else []
            if begin:
                store.commit(begin)
            store.commit(list(statements(store, found)))
        finally:
            store.close()
    except sqlite3.DatabaseError as error:
        raise InputError(
            tr("this is no ledger of the centre: {reason}", reason=error), where=ledger
        ) from error
    result = {name: len(rows) for name, rows in found.items()}
    if not args.json:
        for name, count in result.items():
            foreground.say(tr("{name}: {count} rows", name=name, count=count))
    return foreground.finish(result, 0, as_json=args.json)
