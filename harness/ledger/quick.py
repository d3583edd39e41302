"""The first join on columns as a file has them, where that tells the same as tidied ones.

Two rows that are equal letter for letter are equal when tidied. So DuckDB tidies the key and the
person alone, makes fingerprints of 64 bits of the rest as it was written, and joins on integers.
Every pair whose fingerprints differ is left to the rows that are looked at closely, where the text
of the stages compares each column. Two rows of one key with one fingerprint are taken for equal;
their amounts stand once, from the hospital's row, and are proved to the fen against the totals of
both files. Only for files with types, one a side and one type a column; whatever a run turns
(signs of refunds, constant keys) rules it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.ledger import tables
from harness.ledger.columns import AMOUNTS, SHORT, TIME

if TYPE_CHECKING:
    import duckdb

    from harness.ledger.sides import Side, Typed

VIEW: Final = "quick_j"
"""The rows of ``j`` with another ``d``: 1 for a pair that is written differently, 0 otherwise."""

SHARE: Final = 16
"""One pair in so many may be written differently; beyond, tidying them all at once is cheaper."""

_INTEGER_MAX: Final = 2**31 - 2

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
        codes = [n for n in _CODES if all(_says(con, one, n) for one in sides)]
        small = max(his.rows, centre.rows) <= _INTEGER_MAX
        con.execute(f"CREATE VIEW {VIEW} AS {_select(sides[0], sides[1], codes, small=small)}")


def _says(con: duckdb.DuckDBPyConnection, one: Typed, name: str) -> bool:
    """Whether a side says anything at all in a column; what it never says is not compared."""
    if name not in one.types:
        return False
    row = con.execute(f"SELECT 1 FROM {one.table} t WHERE {one.cell(name)} IS NOT NULL LIMIT 1")
    return row.fetchone() is not None


def usable(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the view is there."""
    return tables.stands(con, VIEW)


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


def _select(his: Typed, centre: Typed, codes: list[str], *, small: bool) -> str:
    """The rows of ``j`` from fingerprints of what each row says; lines of 32 bits where ``small``.

    What a column takes is a good part of what the table costs: it is written and read again.
    """
    both = [n for n in (*_LINKS, *_CODES) if n in his.types and n in centre.types]
    # The person is in the fingerprint of person and amount; nobody differs from no other.
    raw = [n for n in both if n not in {"setl_id", "psn_no"} and (n in codes or n not in _CODES)]
    line = "INTEGER" if small else "BIGINT"
    own = [f"{his.terms[SHORT[n]] if n in both else '0'} AS {SHORT[n]}" for n in AMOUNTS]
    return (
        "SELECT h.rid AS hr, c.rid AS cr,"
        " CAST(CASE WHEN h.twin <> c.twin OR h.print <> c.print THEN 1 ELSE 0 END AS TINYINT) AS d,"
        " COALESCE(h.rf, c.rf) AS rf, h.fee, h.fund, h.acct, h.cash, COALESCE(h.hk, c.hk) AS hk,"
        " COALESCE(h.twin, c.twin) AS twin, CASE WHEN h.twin <> c.twin THEN c.twin END AS ctwin"
        f" FROM ({_rows(his, raw, own, line)}) h FULL OUTER JOIN ({_rows(centre, raw, [], line)}) c"
        " ON h.hk = c.hk AND h.rf = c.rf"
    )


def _rows(one: Typed, raw: list[str], more: list[str], line: str) -> str:
    """The readable rows of a side: fingerprints of its key, its person and amount, and the rest."""
    fee = one.cell(AMOUNTS[0])
    person = one.terms["p"] if "psn_no" in one.types else "CAST(NULL AS VARCHAR)"
    columns = [
        f"CAST({one.terms['rid']} AS {line}) AS rid",
        f"FP({one.terms['k']}) AS hk",
        f"CAST(CASE WHEN {one.terms['flag']} = 1 OR {fee} < 0 THEN 1 ELSE 0 END AS TINYINT) AS rf",
        f"FP2({person}, ABS({fee})) AS twin",
        f"hash({', '.join(one.cell(n) for n in raw)}) AS print",
        *more,
    ]
    return f"SELECT {', '.join(columns)} FROM {one.table} t WHERE ({one.terms['fault']}) IS NULL"
