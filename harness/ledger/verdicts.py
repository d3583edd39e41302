"""The verdict of every row: from pairs and claims to the Parquet that reports are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import duckdb

from harness.ledger import columns, tables
from harness.ledger.columns import BIT_FIELDS, SHORT
from harness.ledger.sides import Side

_PLAIN_NUMBER: Final = r"[-+]?[0-9]*(\.[0-9]+)?"

_CLASS_OF_PAIR: Final = f"""CASE
WHEN p.d & 32 <> 0 THEN 'state_differs'
WHEN p.d & 16 <> 0 THEN 'other_person'
WHEN p.d & {columns.BIT_SWAPPED} <> 0 THEN 'swapped_parts'
WHEN p.d & 15 <> 0 THEN 'amount_mismatch'
WHEN p.weak = 1 THEN 'id_suspect'
WHEN p.d & 960 <> 0 THEN 'wrong_category'
WHEN p.d & {columns.BIT_DAY} <> 0 THEN 'cross_day'
WHEN p.d & {columns.BIT_SKEW} <> 0 THEN 'time_skew'
ELSE 'matched' END"""
"""The class of a pair from the bits of its difference: the gravest first."""

CLASS_OF_PLAIN: Final = f"""CASE WHEN p.d = 0 THEN 'matched'
WHEN p.d & 960 <> 0 THEN 'wrong_category'
WHEN p.d & {columns.BIT_DAY} <> 0 THEN 'cross_day'
WHEN p.d & {columns.BIT_SKEW} <> 0 THEN 'time_skew' END"""
"""The same for pairs that the exact key closes; anything else would have no class and fail."""

CLOSE: Final = "verdict_close"
"""View of the verdicts of all rows but the plain pairs; only where nothing changes them later."""

_COLUMN_OF_FAULT: Final = (
    "CASE WHEN split_part(k.fault, ': ', 1) IN ("
    + ", ".join(f"'{name}'" for name in columns.KNOWN)
    + ") THEN split_part(k.fault, ': ', 1) ELSE '' END"
)
"""The column that made a row unreadable; nothing where it was the whole line."""


def _fields(p: str) -> str:
    cases = [f"CASE WHEN {p}.d & {bit} <> 0 THEN '{name}' END" for bit, name in BIT_FIELDS]
    by_id = f"CASE WHEN {p}.weak = 1 THEN 'setl_id' END"
    times = f"CASE WHEN {p}.class IN ('cross_day', 'time_skew') THEN '{columns.TIME}' END"
    return f"COALESCE(concat_ws('+', {by_id}, {', '.join(cases)}, {times}), '')"


def build(con: duckdb.DuckDBPyConnection, sides: list[Side]) -> None:
    """Make ``verdict``: one line for every row of every side; a view, where nothing changes it.

    Columns: side, line, class, stage, d, weak, mate, delta_fen, rf and the signed amounts; field
    and partner only where they are not told by the pair. Rejected rows, which no stage saw, are in
    it too; a row in two classes or in none fails the count of ``conserve``.
    """
    join_mates(con)
    parts = " ".join(
        f"WHEN p.d & {bit} <> 0 THEN h.{short} - c.{short}"
        for bit, short in ((1, "fee"), (2, "fund"), (4, "acct"), (8, "cash"))
    )
    # Few pairs differ in an amount; only for these the partner's row is fetched.
    con.execute(
        f"CREATE OR REPLACE TABLE deltas AS SELECT p.hr, p.cr, CASE {parts} ELSE 0 END AS delta"
        " FROM (SELECT hr, cr, d FROM pair WHERE d & 15 <> 0) p JOIN hs h ON h.rid = p.hr"
        " JOIN cs c ON c.rid = p.cr"
    )
    for one in sides:
        rows = f"AS SELECT rid, fault FROM canon_{one.name} WHERE fault IS NOT NULL"
        shape = "(rid BIGINT, fault VARCHAR)" if one.clean else rows
        con.execute(f"CREATE OR REPLACE TABLE faulty_{one.name} {shape}")
    near = [_channel() if one.name == "channel" else _of_side(one) for one in sides]
    plain = [of_plain(one.name) for one in sides if one.name != "channel"]
    select = " UNION ALL ".join((*near, *plain))
    con.execute(f"DROP VIEW IF EXISTS {CLOSE}")
    if all(one.few for one in sides):
        con.execute(f"CREATE OR REPLACE TABLE verdict AS {select}")
        return
    if not changed_later(con, sides):
        con.execute(f"CREATE OR REPLACE VIEW {CLOSE} AS {' UNION ALL '.join(near)}")
        con.execute(f"CREATE OR REPLACE VIEW verdict AS {select}")
        return
    con.execute("SET preserve_insertion_order = false")
    con.execute(f"CREATE OR REPLACE TABLE verdict AS {select}")
    con.execute("SET preserve_insertion_order = true")


def join_mates(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``joined``: of each row that has no single partner the rows that it belongs to."""
    con.execute(
        "CREATE OR REPLACE TABLE joined AS SELECT side, rid,"
        " string_agg(oside || ':' || orid, '+' ORDER BY oside = side, oside, orid) AS mates"
        " FROM edge GROUP BY side, rid"
    )


def changed_later(con: duckdb.DuckDBPyConnection, sides: list[Side]) -> bool:
    """A third ledger, the memory of earlier days and a cut change classes in place."""
    changers = ("state_open", "cut_out")
    return len(sides) > 2 or any(tables.stands(con, one) for one in changers)


def _of_side(side: Side) -> str:
    name = side.name
    own, far, table = ("hr", "cr", "h") if name == "his" else ("cr", "hr", "c")
    alone = "h.fee" if name == "his" else "-c.fee"
    harmless = ", ".join(f"'{one}'" for one in columns.HARMLESS)
    cls = f"COALESCE(l.cls, CASE WHEN p.{own} IS NOT NULL THEN {_CLASS_OF_PAIR} END)"
    inner = (
        f"SELECT {table}.rid, {cls} AS cls, COALESCE(l.stage, p.stage, '') AS stage, p.d,"
        f" COALESCE(p.weak, 0) AS weak, p.{far} AS mate, {table}.rf, {table}.fee, {table}.fund,"
        f" {table}.acct, {table}.cash,"
        f" CASE WHEN p.{own} IS NULL THEN {alone} ELSE COALESCE(x.delta, 0) END AS delta"
        f" FROM {table}s {table} LEFT JOIN pair p ON p.{own} = {table}.rid"
        f" LEFT JOIN (SELECT rid, cls, stage FROM claim WHERE side = '{name}') l"
        f" ON l.rid = {table}.rid LEFT JOIN deltas x ON x.{own} = {table}.rid"
    )
    judged = (
        f"SELECT '{name}' AS side, rid AS line, cls AS class, CAST(NULL AS VARCHAR) AS field,"
        f" CAST(NULL AS VARCHAR) AS partner, stage, d, weak, mate,"
        f" CASE WHEN cls IN ({harmless}) THEN 0 ELSE delta END AS delta_fen,"
        f" rf, fee, fund, acct, cash FROM ({inner}) y"
    )
    rejected = (
        f" UNION ALL SELECT '{name}', rid, 'rejected', {_COLUMN_OF_FAULT}, '', 'read', 0, 0,"
        f" NULL, 0, 0, NULL, NULL, NULL, NULL FROM faulty_{name} k"
    )
    return judged if side.clean else judged + rejected


def of_plain(name: str) -> str:
    """Pairs that nothing else touches; what differs in money, person or state is never plain."""
    own, far = ("hr", "cr") if name == "his" else ("cr", "hr")
    return (
        f"SELECT '{name}', p.{own}, {CLASS_OF_PLAIN}, NULL, NULL, 'exact', p.d, 0,"
        f" p.{far}, 0, p.rf, p.fee, p.fund, p.acct, p.cash FROM plain p"
    )


def _channel() -> str:
    return (
        "SELECT 'channel' AS side, k.rid AS line,"
        " CASE WHEN k.fault IS NOT NULL THEN 'rejected' ELSE v.cls END AS class,"
        f" CASE WHEN k.fault IS NOT NULL THEN {_COLUMN_OF_FAULT}"
        " ELSE COALESCE(v.field, '') END AS field, COALESCE(v.partner, '') AS partner,"
        " CASE WHEN k.fault IS NOT NULL THEN 'read' ELSE 'channel' END AS stage,"
        " 0 AS d, 0 AS weak, CAST(NULL AS BIGINT) AS mate, COALESCE(v.delta, 0) AS delta_fen,"
        " CASE WHEN k.flag = 1 OR k.fee < 0 THEN 1 ELSE 0 END AS rf,"
        " k.fee, k.fund, k.acct, k.cash"
        " FROM canon_channel k LEFT JOIN channel_verdict v ON v.rid = k.rid"
    )


def further_of(sides: list[Side]) -> tuple[str, ...]:
    """Columns that are carried through, of all sides, in order of first appearance."""
    return tuple(dict.fromkeys(name for side in sides for name in side.further))


def write(con: duckdb.DuckDBPyConnection, sides: list[Side], out: Path) -> None:
    """What the reports need: ``verdicts.parquet`` and ``classes.parquet``.

    Reports show what differs and the beginning of what agrees: of pairs that agree in everything
    and concern no other row only the first ``SETTLED_ROWS_MAX`` a side go to ``verdicts.parquet``.
    ``classes.parquet`` counts all.
    """
    further = further_of(sides)
    con.execute(f"CREATE OR REPLACE VIEW every_row AS {_every(sides, further)}")
    view = _every(sides, further, shown=True) if _shown(con, sides) else "SELECT * FROM every_row"
    # No join keeps the order of a file for sure, so the rows are sorted.
    work = out / "work"
    con.execute(
        f"COPY (SELECT * EXCLUDE (place) FROM ({view}) y ORDER BY place, line)"
        f" TO '{_path(work / 'verdicts.parquet')}' (FORMAT parquet)"
    )
    con.execute(
        "COPY (SELECT class, side, COUNT(*) AS rows, COALESCE(SUM(fee), 0) AS fen FROM verdict"
        f" GROUP BY class, side) TO '{_path(work / 'classes.parquet')}' (FORMAT parquet)"
    )


def rows(
    con: duckdb.DuckDBPyConnection, sides: list[Side]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows as ``verdicts.parquet`` has them, of ledgers that are small."""
    told = con.execute(_together(sides, further_of(sides)))
    return [str(one[0]) for one in told.description or []], told.fetchall()


def field_cell() -> str:
    """SQL of what differs, over a verdict ``v``."""
    return f"COALESCE(v.field, CASE WHEN v.d = 0 AND v.weak = 0 THEN '' ELSE {_fields('v')} END)"


def partner_cell(side: str, mates: str) -> str:
    """SQL of the rows that a verdict ``v`` belongs with; ``mates`` is what knows the others."""
    return _partner(f"'{_other(side)}:'", mates)


def _other(side: str) -> str:
    return "centre" if side == "his" else "his"


def _partner(other: str, mates: str) -> str:
    return (
        f"COALESCE(v.partner, CASE WHEN {mates}.mates IS NULL"
        f" THEN COALESCE({other} || v.mate, '')"
        f" ELSE concat_ws('+', {other} || v.mate, {mates}.mates) END)"
    )


def _shown(con: duckdb.DuckDBPyConnection, sides: list[Side]) -> bool:
    """Make the table ``shown`` of what reports show; False where that is everything."""
    if changed_later(con, sides):
        return False
    kept = []
    for side, own, rows in (("his", "hr", "hs"), ("centre", "cr", "cs")):
        settled = f"SELECT line FROM verdict WHERE side = '{side}' AND class = 'matched'"
        last = con.execute(
            f"{settled} ORDER BY line LIMIT 1 OFFSET {columns.SETTLED_ROWS_MAX - 1}"
        ).fetchone()
        if last is None:
            return False
        kept += [
            f"SELECT '{side}', rid FROM {rows}",
            f"SELECT '{side}', {own} FROM plain WHERE d <> 0 OR {own} <= {int(last[0])}",
            f"SELECT '{side}', rid FROM canon_{side} WHERE fault IS NOT NULL",
        ]
    con.execute(
        f"CREATE OR REPLACE TABLE shown AS SELECT s, r FROM ({' UNION ALL '.join(kept)}) z(s, r)"
    )
    return True


def _path(path: Path) -> str:
    return str(path).replace("'", "''")


def quoted_cell(name: str) -> str:
    """A cell that a spreadsheet would run is written as text; numbers stay as they are."""
    cell = f'"{name}"'
    return (
        # Most cells begin with a letter or digit, for which no expression has to be run.
        f"CASE WHEN ({cell} < '0' OR ({cell} >= '=' AND {cell} < 'A'))"
        f" AND regexp_matches({cell}, '^[=+@\\t\\r-]')"
        f" AND NOT regexp_full_match({cell}, '{_PLAIN_NUMBER}') THEN '''' || {cell} ELSE {cell} END"
    )


def yuan(name: str) -> str:
    """Fen as yuan with two decimals, without a float."""
    return (
        # Most differences are none, and cost no digits.
        f"CASE WHEN {name} = 0 THEN '0.00' ELSE"
        f" CASE WHEN {name} < 0 THEN '-' ELSE '' END || CAST(ABS({name}) // 100 AS VARCHAR)"
        f" || '.' || LPAD(CAST(ABS({name}) % 100 AS VARCHAR), 2, '0') END"
    )


def _every(sides: list[Side], further: tuple[str, ...], *, shown: bool = False) -> str:
    """SELECT of every row, or of those in ``shown``; each side is joined by itself."""
    selects = []
    for place, side in enumerate(sides):
        few = f"SELECT r FROM shown WHERE s = '{side.name}'"
        rows = f"({side.picked(few)})" if shown else f"canon_{side.name}"
        own = ", ".join(_carried(side, further, "k."))
        joined = f"{rows} k JOIN verdict v ON k.rid = v.line" + (
            f" JOIN ({few}) q ON q.r = v.line" if shown else ""
        )
        selects.append(
            f"SELECT {place} AS place, {_told(partner_cell(side.name, 'j'), own)} FROM {joined}"
            f" {_BESIDE} WHERE v.side = '{side.name}'"
        )
    return " UNION ALL ".join(selects)


def _together(sides: list[Side], further: tuple[str, ...]) -> str:
    """SELECT of every row in the order of the inputs: joined once for all sides, for few rows."""
    selects = []
    for place, side in enumerate(sides):
        own = ", ".join((*_COLUMNS, *_carried(side, further, "")))
        selects.append(
            f"SELECT {place} AS place, '{side.name}' AS side, '{_other(side.name)}:' AS other,"
            f" {own} FROM canon_{side.name}"
        )
    own = ", ".join(f'k."x_{name}"' for name in further)
    return (
        f"SELECT {_told(_partner('k.other', 'j'), own)} FROM ({' UNION ALL '.join(selects)}) k"
        f" JOIN verdict v ON v.side = k.side AND v.line = k.rid {_BESIDE} ORDER BY k.place, v.line"
    )


_COLUMNS: Final = (
    "rid", "raw_setl_id", "m", "p", *SHORT.values(), "moment", "clr", "ins", "opt", "sopt", "g",
    "bill", "source", "raw_line",
)  # fmt: skip
"""Of a canonical row, what is told of it."""

_BESIDE: Final = (
    "LEFT JOIN joined j ON j.side = v.side AND j.rid = v.line"
    " LEFT JOIN explained e ON e.side = v.side AND e.line = v.line"
)
"""What is known of a verdict ``v`` beside the ledgers."""


def _told(partner: str, own: str) -> str:
    """What is told of a verdict ``v`` and its row ``k``; ``own`` is what is carried through."""
    amounts = ", ".join(
        f"COALESCE(v.{s}, k.{s}) AS {'medfee' if s == 'fee' else s}_fen" for s in SHORT.values()
    )
    return (
        "v.side, v.line, COALESCE(k.raw_setl_id, '') AS setl_id,"
        f" v.class, {field_cell()} AS field, {partner} AS partner,"
        " CAST(v.delta_fen AS BIGINT) AS delta_fen, v.stage,"
        " COALESCE(e.cause, '') AS cause, COALESCE(e.confidence, '') AS confidence,"
        " COALESCE(e.advice, '') AS advice, k.m AS mdtrt_id, k.p AS psn_no,"
        f" {amounts}, k.moment AS setl_time, v.rf = 1 AS refund, k.clr AS clr_type,"
        " k.ins AS insutype, k.opt AS clr_optins, k.sopt AS setl_optins,"
        " strftime(k.moment, '%Y-%m-%d') AS day, k.g AS msgid, k.bill AS medins_setl_id,"
        f" k.source, k.raw_line{', ' + own if own else ''}"
    )


def _carried(side: Side, further: tuple[str, ...], of: str) -> list[str]:
    """The columns that are carried through; nothing where this side has none of that name."""
    return [
        f'{of}"x_{n}"' if n in side.further else f'CAST(NULL AS VARCHAR) AS "x_{n}"'
        for n in further
    ]
