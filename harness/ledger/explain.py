"""Cause, confidence and advice of every difference.

A cause is named only where evidence decides it: the request log, the times, the spelling of the
ids, the size of the difference. Without evidence the cause is ``unknown``. Sources: causes and
decision table of the interface notes (4.2, 4.4), cause matrix of the reconciliation notes (3.2).
"""

from __future__ import annotations

import duckdb

from harness.i18n import tr
from harness.ledger.columns import HARMLESS
from harness.ledger.evidence import Exchange

UNKNOWN = "unknown"


def explain(con: duckdb.DuckDBPyConnection, log: list[Exchange]) -> None:
    """Make the table ``explained`` (side, line, cause, confidence, advice) for the differences."""
    con.execute(
        "CREATE OR REPLACE TABLE log (g VARCHAR, infno VARCHAR, reversal INTEGER, state VARCHAR)"
    )
    if log:
        con.executemany(
            "INSERT INTO log VALUES (?, ?, ?, ?)",
            [(one.msgid.upper(), one.infno, int(one.reversal), one.state) for one in log],
        )
    con.execute("CREATE OR REPLACE TABLE advices (class VARCHAR, advice VARCHAR)")
    con.executemany("INSERT INTO advices VALUES (?, ?)", list(advices().items()))
    harmless = ", ".join(f"'{one}'" for one in HARMLESS)
    rows = " UNION ALL ".join(
        f"SELECT v.side, v.line, v.class, v.delta_fen, v.stage, k.g, k.moment,"
        f" k.source, k.raw_line, k.fault FROM verdict v JOIN canon_{side} k ON k.rid = v.line"
        f" WHERE v.side = '{side}' AND v.class NOT IN ({harmless})"
        for side in ("his", "centre")
    )
    con.execute(
        "CREATE OR REPLACE TABLE explained AS"
        f" SELECT z.side, z.line, {_cause(bool(log))} AS cause, {_confidence(bool(log))}"
        " AS confidence, CASE WHEN z.class = 'rejected' THEN z.source || ':' || z.raw_line"
        " || ' ' || z.fault || '. ' || a.advice ELSE a.advice END AS advice FROM"
        f" ({rows}) z LEFT JOIN advices a ON a.class = z.class"
        " LEFT JOIN (SELECT g, MIN(state) AS state, MAX(reversal) AS reversal FROM log GROUP BY g)"
        " l ON l.g = z.g"
    )
    con.execute(
        "INSERT INTO explained SELECT v.side, v.line,"
        " CASE WHEN v.class IN ('cross_day') THEN 'day_cut' ELSE 'clock_offset' END, 'high', ''"
        " FROM verdict v WHERE v.class IN ('cross_day', 'time_skew')"
    )
    con.execute(
        "INSERT INTO explained SELECT v.side, v.line, ?, '', a.advice FROM verdict v"
        " LEFT JOIN advices a ON a.class = v.class"
        " WHERE v.side = 'channel' AND v.class <> 'matched'",
        [UNKNOWN],
    )


def _cause(has_log: bool) -> str:  # noqa: FBT001 - one caller
    """SQL: what decided; the request log first, then what the rows themselves show."""
    logged = (
        "WHEN z.class = 'centre_only' AND l.state = 'no_answer' THEN 'answer_lost'"
        " WHEN z.class = 'centre_only' AND l.state = 'unreadable' THEN 'answer_unreadable'"
        " WHEN z.class = 'centre_only' AND l.state = 'success' THEN 'his_rollback'"
        " WHEN z.class = 'centre_only' AND l.g IS NULL THEN 'not_in_his_log'"
        " WHEN z.class = 'his_only' AND l.state = 'no_answer' THEN 'request_lost'"
        " WHEN z.class = 'his_only' AND l.state = 'refused' THEN 'booked_after_refusal'"
        " WHEN z.class = 'his_only' AND l.g IS NULL THEN 'settled_offline'"
        " WHEN z.class = 'duplicate_centre' AND l.state = 'no_answer'"
        " THEN 'retry_after_no_answer'"
        " WHEN z.class IN ('refund_unmatched', 'refund_pair_one_side') AND z.side = 'centre'"
        " AND l.state = 'no_answer' THEN 'reversal_answer_lost'"
        " WHEN z.class IN ('refund_unmatched', 'refund_pair_one_side') AND z.side = 'centre'"
        " AND l.g IS NULL THEN 'refund_outside_his'"
        " WHEN z.class = 'refund_unmatched' AND z.side = 'his'"
        " AND l.state IN ('no_answer', 'refused') THEN 'reversal_failed'"
        if has_log
        else ""
    )
    return (
        f"CASE {logged} WHEN z.class = 'rejected' THEN 'unreadable'"
        " WHEN z.class = 'amount_mismatch' AND ABS(z.delta_fen) BETWEEN 1 AND 2 THEN 'rounding'"
        " WHEN z.class = 'id_suspect' AND z.stage = 'damaged' THEN 'id_damaged'"
        f" ELSE '{UNKNOWN}' END"
    )


def _confidence(has_log: bool) -> str:  # noqa: FBT001 - one caller
    cause = _cause(has_log)
    return (
        f"CASE WHEN {cause} = '{UNKNOWN}' THEN ''"
        f" WHEN {cause} IN ('rounding', 'settled_offline', 'not_in_his_log') THEN 'low'"
        f" WHEN {cause} IN ('id_damaged', 'refund_outside_his') THEN 'medium' ELSE 'high' END"
    )


Steps = tuple[str, str, str]
"""First step, second step, and what never to do."""


def advices() -> dict[str, str]:
    """First step, second step and never, by class, in the language of the run."""
    steps = _one_sided() | _pairs() | _rest()
    return {
        name: tr("First: {first}. Then: {second}. Never: {never}.", first=a, second=b, never=c)
        for name, (a, b, c) in steps.items()
    }


def _one_sided() -> dict[str, Steps]:
    """Steps for rows that stand on one side."""
    return {
        "his_only": (
            tr("look in the log for a call without an answer and query the centre again"),
            tr("settle again with a new msgid, or turn the bill into self-pay with the patient"),
            tr("delete the row"),
        ),
        "centre_only": (
            tr("query the settlement; if nobody was charged, reverse it by its msgid (2601)"),
            tr("query again; still there: 2208/2305; if the patient paid: book it in the HIS"),
            tr("make up amounts, or reverse with a guessed msgid"),
        ),
        "refund_unmatched": (
            tr("query the original; book the missing half: the HIS refund, or 2208/2305 again"),
            tr("refund the cash part and reconcile again"),
            tr("settle again before the refund is booked"),
        ),
        "refund_pair_one_side": (
            tr("check that nothing was paid out: the two rows cancel each other"),
            tr("book the same two rows on the other side, or note the pair as explained"),
            tr("reverse once more"),
        ),
        "same_person_twice_his_only": (
            tr("ask the cashier whether the patient was charged twice"),
            tr("void the surplus bill in the HIS and pay the money back"),
            tr("settle it at the centre as well"),
        ),
    }


def _pairs() -> dict[str, Steps]:
    """Steps for pairs that differ and duplicates."""
    return {
        "amount_mismatch": (
            tr("compare all parts of the bill and find the first one that is wrong"),
            tr("take the insurance parts from the centre and the cash from the HIS"),
            tr("overwrite both sides"),
        ),
        "swapped_parts": (
            tr("check which column the interface fills with which part"),
            tr("correct the mapping and store the centre's values"),
            tr("correct single rows by hand and leave the mapping"),
        ),
        "partial_refund_differs": (
            tr("list the chain: original, reversal, new settlement"),
            tr("book what is missing in the chain, old to new"),
            tr("book only the difference"),
        ),
        "duplicate_his": (
            tr("keep the row that the centre confirms"),
            tr("void the other one in the HIS and check the cash"),
            tr("void both"),
        ),
        "duplicate_centre": (
            tr("keep the settlement that the HIS holds"),
            tr("reverse the other one: query, then 2208/2305 by its setl_id"),
            tr("reverse both"),
        ),
        "id_suspect": (
            tr("compare the two ids with the answer of the settlement in the log"),
            tr("store the centre's setl_id unchanged, as text"),
            tr("reverse the one and settle again"),
        ),
        "state_differs": (
            tr("query the state of the settlement at the centre"),
            tr("book the refund in the HIS, or send the same reversal once more"),
            tr("send a reversal while the last one has no answer"),
        ),
        "other_person": (
            tr("stop: check the person on both sides against the card reader's log"),
            tr("reverse and settle again for the right person"),
            tr("change the person's number in the ledger"),
        ),
        "wrong_category": (
            tr("take clearing type and insurance from the answer of the settlement"),
            tr("put the row into the right bucket; no money moves"),
            tr("reverse"),
        ),
    }


def _rest() -> dict[str, Steps]:
    """Steps for everything else."""
    return {
        "ambiguous": (
            tr("look at all candidates; they are equally good"),
            tr("decide by the log or the receipt and note the decision"),
            tr("close it by guessing"),
        ),
        "group": (
            tr("check that these rows are one bill"),
            tr("note the group as one settlement"),
            tr("reverse single rows of it"),
        ),
        "carried": (
            tr("wait for the next day's ledger"),
            tr("after the grace period treat it as one-sided"),
            tr("repair it today"),
        ),
        "rejected": (
            tr("read the line in the file and correct the export"),
            tr("reconcile again"),
            tr("leave it out"),
        ),
        "channel_only": (
            tr("query the order at the payment channel and at the centre (6301)"),
            tr("finish the settlement, or refund through the channel (6203)"),
            tr("settle again without a query"),
        ),
        "channel_missing": (
            tr("query the order at the payment channel"),
            tr("collect the cash part, or correct the way of payment in the HIS"),
            tr("refund through the channel"),
        ),
    }
