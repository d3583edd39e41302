"""The third ledger: what a payment channel (WeChat, Alipay, a bank) says it took.

A channel row belongs to the cash part of one bill, by ``setl_id``, by the hospital's own order
number or by ``msgid``. Several rows of one order may add up to the bill (paid in parts, refunded in
parts). A harmless bill with cash that no channel row names is ``channel_missing``, unless its own
way of payment says that it was paid in cash at the counter; how that column is called is a guess.
"""

from __future__ import annotations

from typing import Final

import duckdb

from harness.ledger.columns import HARMLESS
from harness.ledger.sides import Side

PAY_WAY: Final = ("pay_way", "pay_type", "paytype", "支付方式", "付款方式")
"""Columns of the HIS list that tell how a bill was paid; a guess at usual names."""

AT_THE_COUNTER: Final = ("现金", "cash", "xj")
"""Ways of payment that no channel knows."""


def run(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``channel_verdict``: one line for every channel row that could be read."""
    con.execute(
        "CREATE OR REPLACE TABLE b AS SELECT rid, COALESCE(k, bill, g) AS k,"
        " CASE WHEN flag = 1 OR a < 0 THEN 1 ELSE 0 END AS rf,"
        " CASE WHEN flag = 1 AND a > 0 THEN -a ELSE a END AS amount FROM"
        " (SELECT *, CASE WHEN cash <> 0 THEN cash ELSE fee END AS a"
        " FROM canon_channel WHERE fault IS NULL) z"
    )
    names = ("k", "bill", "g", "ok")
    hits = " UNION ".join(
        f"SELECT b.rid AS br, h.rid AS hr, h.cash - b.amount AS delta, b.k, b.rf, b.amount, h.cash"
        f" FROM b JOIN h ON b.k = h.{name} AND b.rf = h.rf"
        for name in names
    )
    con.execute(f"CREATE OR REPLACE TABLE channel_hit AS {hits}")
    # An order in parts: every row of the order belongs to the one bill that it adds up to.
    con.execute(
        "CREATE OR REPLACE TABLE channel_sum AS SELECT hr FROM channel_hit GROUP BY hr"
        " HAVING COUNT(*) > 1 AND SUM(amount) = MAX(cash) AND MIN(delta <> 0)"
        " AND MAX(k) = MIN(k)"
    )
    con.execute(
        "CREATE OR REPLACE TABLE channel_pair AS SELECT br, hr, delta, 0 AS parts FROM (SELECT *,"
        " ROW_NUMBER() OVER (PARTITION BY br ORDER BY delta <> 0, hr) AS i,"
        " ROW_NUMBER() OVER (PARTITION BY hr ORDER BY delta <> 0, br) AS j FROM channel_hit x"
        " WHERE hr NOT IN (SELECT hr FROM channel_sum)) y WHERE i = 1 AND j = 1"
        " UNION ALL SELECT br, MIN(hr), 0, 1 FROM channel_hit WHERE hr IN"
        " (SELECT hr FROM channel_sum) GROUP BY br"
    )
    _net(con)
    con.execute(
        "CREATE OR REPLACE TABLE channel_verdict AS SELECT b.rid,"
        " CASE WHEN n.rid IS NOT NULL THEN 'refund_pair_one_side' WHEN p.br IS NULL THEN"
        " 'channel_only' WHEN p.delta <> 0 THEN 'amount_mismatch'"
        " ELSE 'matched' END AS cls,"
        " CASE WHEN p.delta <> 0 THEN 'psn_cash_pay' ELSE '' END AS field,"
        " CASE WHEN p.hr IS NOT NULL THEN 'his:' || p.hr WHEN n.mate IS NOT NULL"
        " THEN 'channel:' || n.mate ELSE '' END AS partner,"
        " CASE WHEN p.br IS NULL THEN -b.amount ELSE p.delta END AS delta"
        " FROM b LEFT JOIN channel_pair p ON p.br = b.rid"
        " LEFT JOIN channel_net n ON n.rid = b.rid"
    )


def _net(con: duckdb.DuckDBPyConnection) -> None:
    """Paid and given back in the channel alone, net zero: rows that no bill has taken."""
    con.execute(
        "CREATE OR REPLACE TABLE channel_net AS WITH open AS (SELECT b.* FROM b ANTI JOIN"
        " channel_pair p ON p.br = b.rid), two AS (SELECT x.rid AS paid, y.rid AS back,"
        " ROW_NUMBER() OVER (PARTITION BY x.rid ORDER BY y.rid) AS i,"
        " ROW_NUMBER() OVER (PARTITION BY y.rid ORDER BY x.rid) AS j"
        " FROM open x JOIN open y ON x.k = y.k AND x.rf = 0 AND y.rf = 1"
        " AND x.amount + y.amount = 0)"
        " SELECT paid AS rid, back AS mate FROM two WHERE i = 1 AND j = 1"
        " UNION ALL SELECT back, paid FROM two WHERE i = 1 AND j = 1"
    )


def mark_missing(con: duckdb.DuckDBPyConnection, his: Side) -> None:
    """Bills that hospital and centre agree on, whose cash part the channel does not know."""
    harmless = ", ".join(f"'{one}'" for one in HARMLESS)
    own = {name.lower(): name for name in his.further}
    way = next((own[one] for one in PAY_WAY if one in own), "")
    counter = ", ".join(f"'{one}'" for one in AT_THE_COUNTER)
    paid = (
        f' AND h.rid NOT IN (SELECT rid FROM canon_his WHERE LOWER(TRIM("x_{way}")) IN ({counter}))'
        if way
        else ""
    )
    con.execute(
        "UPDATE verdict SET class = 'channel_missing', field = 'psn_cash_pay', stage = 'channel',"
        " delta_fen = h.cash FROM h WHERE verdict.side = 'his' AND verdict.line = h.rid"
        f" AND h.cash <> 0 AND verdict.class IN ({harmless})"
        f" AND h.rid NOT IN (SELECT hr FROM channel_pair){paid}"
    )


def tie_centre(con: duckdb.DuckDBPyConnection) -> None:
    """Paid and settled, and HIS knows nothing: the rows of channel and centre name each other.

    What becomes of the order tells 6301; without it a bill is lost that patient and fund have paid.
    """
    names = ("k", "bill", "g", "ok")
    alone = "'centre_only', 'refund_unmatched', 'refund_pair_one_side'"
    hits = " UNION ".join(
        f"SELECT b.rid AS br, c.rid AS cr, b.amount = c.cash AS same FROM b JOIN c"
        f" ON b.k = c.{name} AND b.rf = c.rf"
        for name in names
    )
    con.execute(
        "CREATE OR REPLACE TABLE channel_centre AS SELECT br, cr FROM (SELECT x.*,"
        " ROW_NUMBER() OVER (PARTITION BY br ORDER BY NOT same, cr) AS i,"
        " ROW_NUMBER() OVER (PARTITION BY cr ORDER BY NOT same, br) AS j"
        f" FROM ({hits}) x JOIN verdict v ON v.side = 'centre' AND v.line = cr"
        f" AND v.class IN ({alone}) JOIN verdict w ON w.side = 'channel' AND w.line = br"
        " AND w.class = 'channel_only') y WHERE i = 1 AND j = 1"
    )
    for side, own, other, far in (
        ("channel", "br", "centre", "cr"),
        ("centre", "cr", "channel", "br"),
    ):
        con.execute(
            f"UPDATE verdict SET partner = '{other}:' || z.{far} FROM channel_centre z"
            f" WHERE verdict.side = '{side}' AND verdict.line = z.{own}"
        )


def visits(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``channel_visit``: the visit of the bill that an order names; no channel knows it."""
    names = ("k", "bill", "g", "ok")
    known = " UNION ALL ".join(
        f"SELECT b.rid, t.m FROM b JOIN {table} t ON b.k = t.{name} WHERE t.m IS NOT NULL"
        for table in ("h", "c")
        for name in names
    )
    con.execute(
        f"CREATE OR REPLACE TABLE channel_visit AS SELECT rid, MIN(m) AS m FROM ({known}) x"
        " GROUP BY rid HAVING MIN(m) = MAX(m)"
    )
