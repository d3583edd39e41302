"""The canonical row of a settlement, as SQL over the text (or the typed columns) of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money, when
from harness.ledger.columns import AMOUNTS, FLAG, KEYS, SHORT, TIME

if TYPE_CHECKING:
    from harness.ledger.reading import Part, Side

_IDS: Final = ("setl_id", "msgid", "mdtrt_id", "psn_no", "medins_setl_id", "init_setl_id")
_PLAIN_ID: Final = r"\s*[0-9A-Za-z._:/-]*\s*"
_NO_ID: Final = frozenset({"", "null", "none", "nan", "\\n", "-", "无"})
_YES: Final = "'1', 'Y', 'YES', 'T', 'TRUE', '是', '退', '退费'"


def word(text: str) -> str | None:
    """An identifier or code tidied: half-width, upper case, nothing around it."""
    plain = money.tidy(text)
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    plain = plain.lstrip("'`").strip().upper()
    return None if plain.lower() in _NO_ID or not plain.strip("0") else plain


def odd_condition(name: str, cell: str) -> str:
    """SQL: this cell is written in a way that Python has to read."""
    if name in AMOUNTS:
        return f"{cell} IS NOT NULL AND NOT regexp_full_match({cell}, '{money.PLAIN_SQL}')"
    if name == TIME:
        return f"{cell} IS NOT NULL AND NOT regexp_full_match({cell}, '{when.PLAIN_SQL}')"
    if name in _IDS:
        return f"{cell} IS NOT NULL AND NOT regexp_full_match({cell}, '{_PLAIN_ID}')"
    return f"{cell} IS NOT NULL AND strlen({cell}) <> length({cell})"


def typed(by_name: dict[str, str], types: dict[str, str]) -> bool:
    """Whether every amount and time has a type, so that no text has to be read."""
    columns = [by_name[name] for name in (*AMOUNTS, TIME) if name in by_name]
    return all(types[column] != "VARCHAR" for column in columns)


def _money(name: str, cell: str, kind: str, odd: str) -> str:
    if kind == "VARCHAR":
        usual = f"CAST(CAST({cell} AS DECIMAL(18,2)) * 100 AS BIGINT)"
        plain = f"regexp_full_match({cell}, '{money.PLAIN_SQL}')"
        return f"CASE WHEN {plain} THEN {usual} ELSE {odd}.fen END" if odd else usual
    if kind.startswith("DECIMAL"):
        return f"CAST({cell} * 100 AS BIGINT)"
    if "INT" in kind:
        return f"CAST({cell} AS BIGINT) * 100"
    raise InputError(
        tr("{column} has type {kind}: amounts need an exact type", column=name, kind=kind),
        remedy=tr("export the column as text or as DECIMAL(16,2)"),
    )


def _time(cell: str, kind: str, odd: str) -> str:
    if kind != "VARCHAR":
        return f"CAST({cell} AS TIMESTAMP)"
    usual = f"TRY_CAST({cell} AS TIMESTAMP)"
    if not odd:
        return usual
    return (
        f"CASE WHEN regexp_full_match({cell}, '{when.PLAIN_SQL}') THEN {usual}"
        f" ELSE TRY_CAST({odd}.word AS TIMESTAMP) END"
    )


def _word(name: str, cell: str, kind: str, odd: str) -> str:
    text = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    plain = f"UPPER(TRIM({text}))"
    # An id of zeros only is what programs write where they have none.
    usual = f"CASE WHEN {plain} IN ('', 'NULL', 'NONE', 'NAN', '-') THEN NULL ELSE {plain} END"
    if name in _IDS:
        # What begins with another digit can be neither; most ids do, and this is cheap.
        zeros = f"CASE WHEN LTRIM({plain}, '0') = '' THEN NULL ELSE {usual} END"
        usual = (
            f"CASE WHEN {text} >= '1' AND {text} < ':' THEN UPPER(RTRIM({text})) ELSE {zeros} END"
        )
    return (
        f"CASE WHEN {odd_condition(name, cell)} THEN {odd}.word ELSE {usual} END" if odd else usual
    )


def _flag(cell: str, kind: str) -> str:
    """1 where the row says that it is a refund."""
    if "INT" in kind:
        return f"CASE WHEN {cell} = 1 THEN 1 ELSE 0 END"
    return f"CASE WHEN UPPER(TRIM(CAST({cell} AS VARCHAR))) IN ({_YES}) THEN 1 ELSE 0 END"


def select(side: Side, part: Part, types: dict[str, str], *, odd: tuple[str, ...]) -> str:
    """SELECT of the canonical rows of one file, the columns of the whole side in one order."""
    by_name = dict(zip(part.names, part.columns, strict=True))

    def cell(name: str) -> str:
        return f't."{by_name[name]}"'

    def mapped(name: str) -> str:
        return f"o_{name}" if name in odd else ""

    terms = [f"t.file_row_number + 1 + {part.offset} AS rid"]
    for name, short in KEYS.items():
        has = name in by_name
        kind = types[by_name[name]] if has else ""
        value = _word(name, cell(name), kind, mapped(name)) if has else "CAST(NULL AS VARCHAR)"
        terms.append(f"{value} AS {short}")
    for name in AMOUNTS:
        has = name in by_name
        value = _money(name, cell(name), types[by_name[name]], mapped(name)) if has else "0"
        empty = "NULL" if name == AMOUNTS[0] else "0"
        blank = f"CASE WHEN {cell(name)} IS NULL THEN {empty} ELSE {value} END" if has else value
        terms.append(f"CAST({blank} AS BIGINT) AS {SHORT[name]}")
    stamp = _time(cell(TIME), types[by_name[TIME]], mapped(TIME)) if TIME in by_name else "NULL"
    terms.append(f"CAST({stamp} AS TIMESTAMP) AS moment")
    terms.append(f"{_flag(cell(FLAG), types[by_name[FLAG]]) if FLAG in by_name else '0'} AS flag")
    terms.append(f"'{part.feed.label.replace(chr(39), chr(39) * 2)}' AS source")
    line = "t.__line" if part.straightened else f"t.file_row_number + 1 + {part.header}"
    terms.append(f"CAST({line} AS BIGINT) AS raw_line")
    terms.append(f"{_fault(part, by_name, types, stamp, mapped)} AS fault")
    terms += _raw(by_name, odd)
    for name in side.further:
        value = f"CAST({cell(name)} AS VARCHAR)" if name in by_name else "CAST(NULL AS VARCHAR)"
        terms.append(f'{value} AS "x_{name}"')
    joins = [
        f"LEFT JOIN odd_{part.offset} o_{n} ON o_{n}.kind = '{n}' AND o_{n}.text = {cell(n)}"
        for n in odd
    ]
    return f"SELECT {', '.join(terms)} FROM {part.table} t {' '.join(joins)}"


def _raw(by_name: dict[str, str], odd: tuple[str, ...]) -> list[str]:
    """The cells as they were written: the id always, amounts only where one is unusual."""
    kept = {"setl_id", *odd} & {*by_name}
    return [
        f'CAST(t."{by_name[n]}" AS VARCHAR) AS "raw_{n}"'
        if n in kept
        else f'CAST(NULL AS VARCHAR) AS "raw_{n}"'
        for n in ("setl_id", *AMOUNTS)
    ]


def _fault(
    part: Part,
    by_name: dict[str, str],
    types: dict[str, str],
    stamp: str,
    mapped: object,
) -> str:
    cases = ["WHEN t.__fault IS NOT NULL AND t.__fault <> '' THEN t.__fault"]
    if not part.straightened:
        cases = []
    for name in AMOUNTS:
        if name not in by_name:
            continue
        cell = f't."{by_name[name]}"'
        kind = types[by_name[name]]
        odd = mapped(name)  # type: ignore[operator]
        if name == AMOUNTS[0]:
            nothing = f"lower(trim(CAST({cell} AS VARCHAR))) IN ('', 'null', 'none', 'nan', '-')"
            # Only text can be blank in other ways; a cast of every row would cost a scan.
            blank = f" OR {nothing}" if kind == "VARCHAR" else ""
            cases.append(f"WHEN {cell} IS NULL{blank} THEN '{name}: '")
        if odd:
            cases.append(f"WHEN {_money(name, cell, kind, odd)} IS NULL THEN '{name}: ' || {cell}")
    if TIME in by_name and types[by_name[TIME]] == "VARCHAR":
        cell = f't."{by_name[TIME]}"'
        filled = f"lower(trim({cell})) NOT IN ('', 'null', 'none', '-')"
        cases.append(
            f"WHEN {cell} IS NOT NULL AND {filled} AND ({stamp}) IS NULL THEN '{TIME}: ' || {cell}"
        )
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"


def control_of_parquet(con: duckdb.DuckDBPyConnection, part: Part, types: dict[str, str]) -> None:
    """Rows and sums of a Parquet file from its own columns, before anything is made of them."""
    by_name = dict(zip(part.names, part.columns, strict=True))
    part.control.rows = part.rows
    for name in AMOUNTS:
        if name not in by_name:
            continue
        cell = f'"{by_name[name]}"'
        if types[name] == "VARCHAR":
            texts = con.execute(f"SELECT {cell}, COUNT(*) FROM {part.table} GROUP BY 1").fetchall()
            total = sum((money.rough(text) or 0) * n for text, n in texts if text is not None)
        else:
            row = con.execute(f"SELECT SUM({cell}) * 100 FROM {part.table}").fetchone()
            total = int(row[0] or 0) if row else 0
        part.control.sums[name] = total
