"""The third ledger: what a payment channel (WeChat, Alipay, a bank) says it took.

A channel row belongs to the cash part of one bill, by ``setl_id``, by the hospital's own order
number or by ``msgid``. A harmless bill with cash that no channel row names is ``channel_missing``;
bills paid at the counter have to be left out of the HIS export, or carry no cash.
"""

from __future__ import annotations

import duckdb

from harness.ledger.columns import HARMLESS


def run(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``channel_verdict``: one line for every channel row that could be read."""
    con.execute(
        "CREATE OR REPLACE TABLE b AS SELECT rid, COALESCE(k, bill, g) AS k,"
        " CASE WHEN flag = 1 OR a < 0 THEN 1 ELSE 0 END AS rf,"
        " CASE WHEN flag = 1 AND a > 0 THEN -a ELSE a END AS amount FROM"
        " (SELECT *, CASE WHEN cash <> 0 THEN cash ELSE fee END AS a"
        " FROM canon_channel WHERE fault IS NULL) z"
    )
    names = ("k", "bill", "g")
    hits = " UNION ".join(
        f"SELECT b.rid AS br, h.rid AS hr, h.cash - b.amount AS delta FROM b JOIN h"
        f" ON b.k = h.{name} AND b.rf = h.rf"
        for name in names
    )
    con.execute(
        "CREATE OR REPLACE TABLE channel_pair AS SELECT br, hr, delta FROM (SELECT *,"
        " ROW_NUMBER() OVER (PARTITION BY br ORDER BY delta <> 0, hr) AS i,"
        f" ROW_NUMBER() OVER (PARTITION BY hr ORDER BY delta <> 0, br) AS j FROM ({hits}) x) y"
        " WHERE i = 1 AND j = 1"
    )
    con.execute(
        "CREATE OR REPLACE TABLE channel_verdict AS SELECT b.rid,"
        " CASE WHEN p.br IS NULL THEN 'channel_only' WHEN p.delta <> 0 THEN 'amount_mismatch'"
        " ELSE 'matched' END AS cls,"
        " CASE WHEN p.delta <> 0 THEN 'psn_cash_pay' ELSE '' END AS field,"
        " CASE WHEN p.hr IS NOT NULL THEN 'his:' || p.hr ELSE '' END AS partner,"
        " CASE WHEN p.br IS NULL THEN -b.amount ELSE p.delta END AS delta"
        " FROM b LEFT JOIN channel_pair p ON p.br = b.rid"
    )


def mark_missing(con: duckdb.DuckDBPyConnection) -> None:
    """Bills that hospital and centre agree on, whose cash part the channel does not know."""
    harmless = ", ".join(f"'{one}'" for one in HARMLESS)
    con.execute(
        "UPDATE verdict SET class = 'channel_missing', field = 'psn_cash_pay', stage = 'channel',"
        " delta_fen = h.cash FROM h WHERE verdict.side = 'his' AND verdict.line = h.rid"
        f" AND h.cash <> 0 AND verdict.class IN ({harmless})"
        " AND h.rid NOT IN (SELECT hr FROM channel_pair)"
    )
