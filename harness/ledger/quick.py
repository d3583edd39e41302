"""The first join on columns as a file has them, where that tells the same as tidied ones.

Two rows that are equal letter for letter are equal when tidied. So DuckDB tidies the key alone,
compares the rest as it was written, and leaves every pair that differs in its writing to the rows
that are looked at closely, where the text of the stages decides. Only for Parquet of one file a
side and one type a column; whatever a run turns (signs of refunds, constant keys) rules it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.ledger.columns import AMOUNTS, KEYS, SHORT, TIME

if TYPE_CHECKING:
    import duckdb

    from harness.ledger.reading import Side, Typed

VIEW: Final = "quick_j"
"""The rows of ``j`` with another ``d``: 1 for a pair that is written differently, 0 otherwise."""

SHARE: Final = 16
"""One pair in so many may be written differently; beyond, tidying them all at once is cheaper."""

_CODES: Final = ("insutype", "clr_type", "clr_optins", "setl_optins")
_LINKS: Final = ("setl_id", *AMOUNTS, "psn_no", TIME)


def offer(con: duckdb.DuckDBPyConnection, his: Side, centre: Side, *, plain: bool) -> None:
    """Make the view where it may be used, and take an older one away.

    Args:
        con: has the inputs of the stages.
        his: the hospital's ledger.
        centre: the centre's ledger.
        plain: ids are compared as they are, with nothing of the hospital at their end.
    """
    con.execute(f"DROP VIEW IF EXISTS {VIEW}")
    sides = [one.typed[0] for one in (his, centre) if len(one.typed) == len(one.parts) == 1]
    turned = con.execute(
        "SELECT 1 FROM flipped UNION ALL SELECT 1 FROM crowd_his UNION ALL SELECT 1"
        " FROM crowd_centre LIMIT 1"
    ).fetchone()
    if plain and len(sides) == len((his, centre)) and turned is None and _alike(*sides):
        con.execute(f"CREATE VIEW {VIEW} AS {_select(*sides)}")


def usable(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the view is there."""
    row = con.execute("SELECT COUNT(*) FROM duckdb_views() WHERE view_name = ?", [VIEW]).fetchone()
    return row is not None and row[0] > 0


def worth(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether ``j``, made from the view, left few enough pairs to be tidied after."""
    row = con.execute("SELECT COUNT(*), SUM(d) FROM j").fetchone()
    return row is not None and SHARE * int(row[1] or 0) <= int(row[0])


def _alike(his: Typed, centre: Typed) -> bool:
    """Every compared column has one type on both sides, and who and when are known to both."""
    names = [n for n in (*_LINKS, *_CODES) if n in his.types or n in centre.types]
    both = [n for n in names if n in his.types and n in centre.types]
    same = all(his.types[n] == centre.types[n] for n in both)
    return same and all(n in both for n in names if n not in _CODES)


def _select(his: Typed, centre: Typed) -> str:
    both = [n for n in (*_LINKS, *_CODES) if n in his.types and n in centre.types]
    raw = [n for n in both if n != "setl_id"]
    # An amount that is not there is nothing; what else is not there differs from nothing.
    unlike = " OR ".join(
        f"h.r_{n} IS DISTINCT FROM c.r_{n}" if n in AMOUNTS else f"h.r_{n} <> c.r_{n}" for n in raw
    )
    shown = [n for n in (*AMOUNTS, "psn_no") if n in both]
    either = "".join(f", COALESCE(h.r_{n}, c.r_{n}) AS r_{n}, c.r_{n} AS c_{n}" for n in shown)
    joined = (
        f"SELECT h.rid AS hr, c.rid AS cr, COALESCE(h.rf, c.rf) AS rf, h.k AS k{either},"
        f" CASE WHEN h.rid IS NOT NULL AND c.rid IS NOT NULL AND ({unlike}) THEN 1 ELSE 0 END AS d"
        f" FROM ({_rows(his, raw)}) h FULL OUTER JOIN ({_rows(centre, raw)}) c"
        " ON h.k = c.k AND h.rf = c.rf"
    )
    tidy = {n: his.terms[_term(n)].replace(his.cell(n), f"z.r_{n}") for n in shown}
    amounts = [f"{tidy.get(n, 'CAST(0 AS BIGINT)')} AS {SHORT[n]}" for n in AMOUNTS]
    twin = f"FP2({tidy.get('psn_no', 'CAST(NULL AS VARCHAR)')}, ABS({tidy[AMOUNTS[0]]}))"
    # What the centre's row says itself, where it may be another person or amount.
    other = twin.replace("z.r_", "z.c_")
    return (
        f"SELECT hr, cr, d, rf, {', '.join(amounts)}, FP(k) AS hk,"
        f" {twin} AS twin, CASE WHEN d = 1 THEN {other} END AS ctwin FROM ({joined}) z"
    )


def _term(name: str) -> str:
    return SHORT.get(name) or KEYS[name]


def _rows(one: Typed, raw: list[str]) -> str:
    """The readable rows of a side: the key tidied, the rest as the file has it."""
    fee = one.cell(AMOUNTS[0])
    cells = "".join(f", {one.cell(n)} AS r_{n}" for n in raw)
    return (
        f"SELECT {one.terms['rid']} AS rid, {one.terms['k']} AS k,"
        f" CASE WHEN {one.terms['flag']} = 1 OR {fee} < 0 THEN 1 ELSE 0 END AS rf{cells}"
        f" FROM {one.table} t WHERE ({one.terms['fault']}) IS NULL"
    )
