"""Fee lines as evidence for a cause, while the verdicts are still in the engine.

``detail`` explains bills to the fen for the reports; here only the gravest kind of each bill is
taken, and only where its lines explain the bill wholly.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from harness.ledger.detail import Bill, explain

_BILLS = """
SELECT h.rid, COALESCE(h.raw_setl_id, ''), COALESCE(h.m, ''), COALESCE(h.fee, 0), COALESCE(c.fee, 0)
FROM verdict v JOIN canon_his h ON h.rid = v.line JOIN canon_centre c ON c.rid = v.mate
WHERE v.side = 'his' AND v.class IN ('amount_mismatch', 'swapped_parts', 'partial_refund_differs')
ORDER BY h.rid
"""


def load(con: duckdb.DuckDBPyConnection, his_detail: Path, centre_detail: Path) -> None:
    """Make ``fee_kind`` (line of the HIS row, kind of finding) of the bills that lines explain.

    Raises:
        InputError: a file of fee lines cannot be used.
    """
    con.execute("CREATE OR REPLACE TABLE fee_kind (line BIGINT, kind VARCHAR)")
    rows = con.execute(_BILLS).fetchall()
    bills = [
        Bill(setl_id=str(setl), mdtrt_id=str(visit), his_fen=int(his), centre_fen=int(centre))
        for _, setl, visit, his, centre in rows
    ]
    found = explain(his_detail, centre_detail, bills)
    for (line, *_), one in zip(rows, found.bills, strict=True):
        if one.findings and one.remainder_fen == 0:
            gravest = max(one.findings, key=lambda each: abs(each.delta_fen))
            con.execute("INSERT INTO fee_kind VALUES (?, ?)", [int(line), gravest.kind])
