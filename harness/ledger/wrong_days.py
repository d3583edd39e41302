"""Two ledgers of different days: told at once, before every row of them is a difference."""

from __future__ import annotations

from typing import Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.control import Incomplete
from harness.ledger.sides import Side

WRONG_DAYS_ROWS: Final = 20
"""Two ledgers of this size without one common day or key are files of different days."""


def refuse(con: duckdb.DuckDBPyConnection, his: Side, centre: Side) -> None:
    """Two files of different days are a mistake of the operator, not a thousand differences.

    Raises:
        InputError: the ledgers have no day and no settlement in common.
        Incomplete: both are empty.
    """
    if min(his.rows, centre.rows) == 0:
        if his.rows == centre.rows:
            raise Incomplete(tr("both ledgers are empty: nothing was compared"))
        return
    if min(his.rows, centre.rows) < WRONG_DAYS_ROWS:
        return
    days = [
        con.execute(f"SELECT MIN(dd), MAX(dd), MIN(ts), MAX(ts) FROM {t}").fetchone()
        for t in ("h", "c")
    ]
    one, other = days
    if one is None or other is None or one[0] is None or other[0] is None:
        return
    if one[1] >= other[0] and other[1] >= one[0]:
        return
    common = con.execute("SELECT COUNT(*) FROM (SELECT 1 FROM h JOIN c ON h.k = c.k LIMIT 1)")
    if common.fetchone() == (0,):
        raise InputError(
            tr("the two ledgers have no day and no settlement in common"),
            where=f"{his.parts[0].feed.label}, {centre.parts[0].feed.label}",
            remedy=tr("export both for the same days"),
        )
