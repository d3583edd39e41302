"""Settlements that agree in every amount while their fee lines do not (class ``detail_differs``).

Both files of fee lines are read once and each settlement is boiled down to one number, the sum of
the digests of its lines, so that neither the order of the lines nor their serial numbers count.
Only settlements whose numbers differ are compared line by line. A settlement that one of the files
does not have says nothing: an export of differing bills alone is usual.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import duckdb

from harness.ledger import tables, verdicts
from harness.ledger.canonical import word
from harness.ledger.detail import Bill, explain
from harness.ledger.detail_read import columns_of, decimal_of, fen_of, read_table

SETTLEMENTS_MAX: Final = 2_000_000
"""Settlements whose fee lines are compared; beyond it none is, and nothing is concluded."""

_SUM: Final = 1 << 64

_ROWS: Final = """
SELECT h.rid, c.rid, COALESCE(h.raw_setl_id, ''), COALESCE(h.m, ''), h.fee, c.fee
FROM verdict v JOIN canon_his h ON h.rid = v.line JOIN canon_centre c ON c.rid = v.mate
JOIN detail_suspect s ON s.k = h.k
WHERE v.side = 'his' AND v.class = 'matched' AND v.rf = 0 ORDER BY h.rid
"""


def mark(con: duckdb.DuckDBPyConnection, his_detail: Path, centre_detail: Path) -> int:
    """Put settlements whose lines alone differ into their class; gives how many.

    Fills ``fee_kind`` for them, so that the lines name the cause.

    Raises:
        InputError: a file of fee lines cannot be used.
    """
    if any("setl_id" not in columns_of(path) for path in (his_detail, centre_detail)):
        return 0
    ours, theirs = _digests(his_detail), _digests(centre_detail)
    suspects = [(key,) for key in ours if key in theirs and ours[key] != theirs[key]]
    if not suspects or max(len(ours), len(theirs)) > SETTLEMENTS_MAX:
        return 0
    tables.fill(con, "detail_suspect", "k VARCHAR", sorted(suspects))
    rows = con.execute(_ROWS).fetchall()
    bills = [
        Bill(setl_id=str(setl), mdtrt_id=str(visit), his_fen=int(his), centre_fen=int(centre))
        for _, _, setl, visit, his, centre in rows
    ]
    found = explain(his_detail, centre_detail, bills).bills
    wrong = [
        (int(row[0]), int(row[1]), max(one.findings, key=lambda each: abs(each.delta_fen)).kind)
        for row, one in zip(rows, found, strict=True)
        if one.findings
    ]
    if wrong:
        _reclassed(con, wrong)
    return len(wrong)


def _digests(path: Path) -> dict[str, int]:
    """One number a settlement, the same for the same lines in any order."""
    found: dict[str, int] = {}
    for number, cells in read_table(path, required=("det_item_fee_sumamt",)):
        key = word(cells.get("setl_id", ""))
        if not key:
            continue
        where = f"{path.name}:{number}"
        parts = [decimal_of(cells, name, where) for name in ("cnt", "pric")]
        plain = ["" if part is None else f"{part.normalize():f}" for part in parts]
        line = "|".join(
            (
                cells.get("medins_list_codg", ""),
                cells.get("med_list_codg", ""),
                *plain,
                str(fen_of(cells, "det_item_fee_sumamt", where)),
            )
        )
        digest = int.from_bytes(hashlib.blake2b(line.encode(), digest_size=8).digest(), "big")
        found[key] = (found.get(key, 0) + digest) % _SUM
    return found


def _reclassed(con: duckdb.DuckDBPyConnection, wrong: list[tuple[int, int, str]]) -> None:
    """The verdicts once more with these pairs in their class; amounts and partners stay."""
    tables.fill(con, "detail_wrong", "hr BIGINT, cr BIGINT, kind VARCHAR", wrong)
    con.execute("INSERT INTO fee_kind SELECT hr, kind FROM detail_wrong")
    con.execute(
        "CREATE OR REPLACE TABLE verdict_anew AS SELECT v.* REPLACE (CASE WHEN w.line IS NOT NULL"
        " THEN 'detail_differs' ELSE v.class END AS class) FROM verdict v LEFT JOIN"
        " (SELECT 'his' AS side, hr AS line FROM detail_wrong"
        " UNION ALL SELECT 'centre', cr FROM detail_wrong) w"
        " ON v.side = w.side AND v.line = w.line"
    )
    kind = con.execute("SELECT table_type FROM information_schema.tables"
                       " WHERE table_name = 'verdict'").fetchone()  # fmt: skip
    con.execute(f"DROP VIEW IF EXISTS {verdicts.CLOSE}")  # it knows the former classes
    con.execute(f"DROP {'VIEW' if kind == ('VIEW',) else 'TABLE'} verdict")
    con.execute("ALTER TABLE verdict_anew RENAME TO verdict")
