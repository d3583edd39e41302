"""``repairs.csv``, and a sheet: what is to be done, a list a kind of repair; nothing is executed.

One line a row of the ledgers that needs a hand: the ids that the transaction wants, the amount,
why. The steps around it, and what never to do, stand in the advice of the row (``verdicts.csv``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import duckdb

from harness import i18n
from harness.i18n import tr
from harness.ledger import money
from harness.ledger.class_words import side_name, word
from harness.ledger.report_causes import cause_name
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


NAMES: Final = {
    "2601": ("按原报文冲正（2601），先查后冲", "reverse the message (2601), after a query"),
    "2208/2305": ("撤销中心结算（2208/2305）", "undo the centre's settlement (2208/2305)"),
    "rebook": ("医院补记或改记", "book in HIS, again or anew"),
    "void": ("医院作废多余记账", "void the surplus in HIS"),
    "rebucket": ("改归类后重报 3201", "another category of 3201"),
    "next_day": ("次日再对", "wait for the next day"),
    "look": ("人工核查后决定", "look, then decide"),
}
"""What each list asks for, Chinese and English."""


def sheet(out: Path) -> list[tuple[str, Sequence[str], Iterator[Sequence[Any]]]]:
    """The lists as one sheet of the workbook; none where nothing is to be repaired."""
    path = out / NAME
    if not path.is_file():
        return []
    heads = (
        tr("repair"), tr("list"), tr("side"), tr("line"), "setl_id", "msgid", "mdtrt_id",
        "psn_no", tr("amount"), tr("class"), tr("cause"),
    )  # fmt: skip
    rows = _rows(path)
    first = next(rows, None)
    return [] if first is None else [(tr("repairs"), heads, chain([first], rows))]


def _rows(path: Path) -> Iterator[Sequence[Any]]:
    place = 0 if i18n.current() == "zh-CN" else 1
    with path.open(encoding="utf-8", newline="") as stream:
        for one in csv.DictReader(stream):
            yield (
                NAMES[one["repair"]][place],
                one["repair"],
                side_name(one["side"]),
                one["line"],
                *(one[name] for name in ("setl_id", "msgid", "mdtrt_id", "psn_no")),
                money.fen(one["amount"]),
                f"{word(one['class']).name} {one['class']}",
                f"{cause_name(one['cause'])} {one['cause']}" if one["cause"] else "",
            )


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
