"""``repairs.csv``: what is to be done, a list for each kind of repair; nothing is ever executed.

One line a row of the ledgers that needs a hand: the ids that the transaction wants, the amount,
why. The steps around it, and what never to do, stand in the advice of the row (``verdicts.csv``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from harness.ledger.verdicts import quoted_cell, yuan

NAME: Final = "repairs.csv"

REPAIRS: Final = {
    "2601": (
        "class = 'centre_only' AND NOT refund AND COALESCE(msgid, '') <> ''"
        " AND cause IN ('answer_lost', 'reversal_2601_unknown', 'reversal_2601_refused',"
        " 'reversal_2601_no_effect', 'answered_refused_but_settled')"
    ),
    "2208/2305": (
        "(class = 'duplicate_centre') OR (class = 'refund_unmatched' AND side = 'his')"
        " OR (class = 'centre_only' AND cause IN ('retry_after_no_answer', 'chain_broken'))"
    ),
    "rebook": (
        "class IN ('his_only', 'centre_only', 'amount_mismatch', 'swapped_parts', 'id_suspect',"
        " 'state_differs', 'other_person', 'partial_refund_differs', 'refund_pair_one_side')"
        " OR (class = 'refund_unmatched' AND side = 'centre')"
    ),
    "void": "class IN ('duplicate_his', 'same_person_twice_his_only')",
    "rebucket": "class = 'wrong_category'",
    "next_day": "class = 'carried'",
    "look": "TRUE",
}
"""The lists, the first that fits a row wins: undo by message, undo by settlement, book in HIS
again, void in HIS, another category of 3201, wait for tomorrow; the rest needs a decision."""


def write(con: duckdb.DuckDBPyConnection, harmless: tuple[str, ...], out: Path) -> None:
    """Write the lists from the rows that ``verdicts.write`` left for the reports."""
    source = str(out / "work" / "verdicts.parquet").replace("'", "''")
    whens = " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in REPAIRS.items())
    classes = ", ".join(f"'{name}'" for name in harmless)
    ids = ", ".join(
        f"{quoted_cell(name)} AS {name}" for name in ("setl_id", "msgid", "mdtrt_id", "psn_no")
    )
    # Both rows of a pair differ; the hospital's is the one that is booked anew.
    target = str(out / NAME).replace("'", "''")
    con.execute(
        f"COPY (SELECT repair, side, line, {ids}, amount, class, cause FROM (SELECT *,"
        f" CASE {whens} END AS repair, {yuan('medfee_fen')} AS amount FROM"
        f" read_parquet('{source}') WHERE class NOT IN ({classes})) z"
        " WHERE NOT (repair IN ('rebook', 'rebucket') AND side = 'centre'"
        " AND partner LIKE 'his:%')"
        f" ORDER BY repair, side <> 'his', side, line) TO '{target}'"
        " (FORMAT csv, HEADER true, DELIMITER ',')"
    )
