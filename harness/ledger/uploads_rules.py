"""Pairs both sides of an upload, and gives every row exactly one class.

Rows meet by their key and as much else as agrees, then by the key alone; within equal rows in the
order of their content, so that the order of a file changes nothing. What has no partner by key may
meet weakly, one to one only; several equally good candidates are never closed.
"""

from __future__ import annotations

from typing import Final

import duckdb

from harness.ledger.columns import HARMLESS
from harness.ledger.uploads_model import BOXES, LISTS, VISITS, Kind

STAYS: Final = ("21", "22", "27")
"""``clr_type`` of stays: hospital, after an accident, by disease (interface notes, 5.1)."""

_PASSES: Final = {
    VISITS: ("key, p, own, state", "key, p, state", "key, state", "key"),
    BOXES: ("key, m, p, split, state", "key, m, state", "key, m"),
    LISTS: ("key, p, state", "key, state", "key"),
}
_ORDER: Final = (
    "CASE state WHEN 'open' THEN 0 WHEN 'sold' THEN 0 WHEN 'approved' THEN 0"
    " WHEN 'submitted' THEN 1 WHEN 'uploaded' THEN 2 WHEN 'unsent' THEN 2 ELSE 3 END,"
    " p, own, m, s, split, fund, acct, cash, note, rid"
)
_WEAK: Final = {VISITS: ("own, p", "open"), BOXES: ("key", "sold")}
"""By what rows without a partner meet, and the state that both must have (HIS visits: any)."""

_SETTLED: Final = """
CREATE OR REPLACE TABLE up_settled AS
WITH s AS (
    SELECT rid, UPPER(TRIM(raw_setl_id)) AS k, UPPER(m) AS m, UPPER(ok) AS ok, fee, fund, acct,
        cash, moment, clr, CASE WHEN flag = 1 OR fee < 0 THEN 1 ELSE 0 END AS back
    FROM canon_centre WHERE fault IS NULL
), n AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY m, ABS(fee), back ORDER BY moment, rid) AS nth FROM s
)
SELECT n.rid, n.k, n.m, n.clr, n.fund, n.acct, n.cash,
    MAX(CASE WHEN o.rid IS NOT NULL OR v.rid IS NOT NULL THEN 1 ELSE 0 END) AS gone
FROM n
LEFT JOIN n o ON o.back = 1 AND o.ok = n.k
LEFT JOIN n v ON v.back = 1 AND v.ok IS NULL AND v.m = n.m AND ABS(v.fee) = n.fee AND v.nth = n.nth
WHERE n.back = 0 AND n.k IS NOT NULL
GROUP BY ALL
"""
"""Settlements of the centre's ledger, and whether each was taken back: a refund names it, or is of
its visit and amount, the nth refund for the nth settlement."""

_OTHER_P: Final = "a.p <> b.p"
_AMOUNT: Final = "(a.{0} IS NOT NULL AND b.{0} IS NOT NULL AND a.{0} <> b.{0})"
_OF_LIST: Final = "(b.{0} IS NOT NULL AND t.k IS NOT NULL AND b.{0} <> t.{0})"
_MONEY: Final = " OR ".join(
    f"{_AMOUNT.format(one)} OR {_OF_LIST.format(one)}" for one in ("fund", "acct", "cash")
)
_AT_CENTRE: Final = "b.state IN ('uploaded', 'submitted', 'approved')"

_OF_PAIR: Final = {
    VISITS: f"""CASE
WHEN a.state = 'void' AND b.state = 'void' THEN 'withdrawn'
WHEN a.state = 'void' THEN 'registration_only'
WHEN b.state = 'void' THEN 'registration_missing'
WHEN {_OTHER_P} THEN 'other_person'
WHEN q.weak = 1 OR a.own <> b.own THEN 'id_suspect'
ELSE 'matched' END""",
    BOXES: f"""CASE
WHEN a.state = 'returned' AND b.state = 'returned' THEN 'withdrawn'
WHEN a.state = 'returned' THEN 'trace_not_returned'
WHEN b.state = 'returned' THEN 'trace_code_missing'
WHEN {_OTHER_P} THEN 'other_person'
WHEN a.state = 'sold' AND a.key IN (SELECT key FROM up_twice) AND a.split = '0'
    THEN 'trace_code_twice'
WHEN q.weak = 1 THEN 'id_suspect'
WHEN a.state = 'unsent' OR a.split <> b.split THEN 'trace_state_differs'
ELSE 'matched' END""",
    LISTS: f"""CASE
WHEN b.state = 'void' OR (b.state = 'rejected' AND (a.state = 'void' OR t.gone = 1))
    THEN CASE WHEN a.state = 'void' OR t.gone = 1 THEN 'withdrawn' ELSE 'list_missing' END
WHEN a.state = 'void' OR t.gone = 1 THEN 'list_stale'
WHEN {_OTHER_P} THEN 'other_person'
WHEN b.state = 'rejected' THEN 'list_refused'
WHEN b.state IN ('due', 'refused') THEN 'list_missing'
WHEN {_MONEY} THEN 'list_differs'
WHEN a.state IN ('refused', 'due', 'rejected') THEN 'list_differs'
WHEN b.state = 'uploaded' THEN 'list_not_submitted'
WHEN a.state = 'uploaded' THEN 'list_differs'
ELSE 'matched' END""",
}

_OF_HIS: Final = {
    VISITS: """CASE WHEN a.state = 'void' THEN 'withdrawn'
WHEN a.twin IS NOT NULL THEN 'duplicate_his'
WHEN a.key IS NULL THEN 'not_insured' ELSE 'registration_missing' END""",
    BOXES: """CASE WHEN a.state = 'returned' THEN 'withdrawn'
WHEN a.split = '0' AND a.crowd > 1 THEN 'trace_code_twice' ELSE 'trace_code_missing' END""",
    LISTS: """CASE WHEN a.state = 'void' OR t.gone = 1 THEN 'withdrawn'
WHEN a.twin IS NOT NULL THEN 'duplicate_his'
WHEN a.state = 'refused' THEN 'list_refused' ELSE 'list_missing' END""",
}

_OF_CENTRE: Final = {
    VISITS: """CASE WHEN b.state = 'void' THEN 'withdrawn'
WHEN b.twin IS NOT NULL THEN 'duplicate_centre' ELSE 'registration_only' END""",
    BOXES: """CASE WHEN b.state <> 'sold' THEN 'withdrawn'
WHEN b.split = '0' AND b.crowd > 1 THEN 'trace_code_twice' ELSE 'trace_code_only' END""",
    LISTS: f"""CASE WHEN b.state NOT IN ('uploaded', 'submitted', 'approved', 'rejected')
    OR (b.state = 'rejected' AND t.gone = 1) THEN 'withdrawn'
WHEN b.twin IS NOT NULL THEN 'duplicate_centre'
WHEN b.state = 'rejected' THEN 'list_refused'
WHEN t.gone = 1 AND {_AT_CENTRE} THEN 'list_stale' ELSE 'list_only' END""",
}

_FIELD: Final = """CASE
WHEN class = 'other_person' THEN 'psn_no'
WHEN class = 'id_suspect' THEN CASE WHEN weak = 0 THEN 'ipt_otp_no'
    ELSE '{weak}' END
WHEN class IN ('trace_state_differs') AND asplit <> bsplit THEN 'trdn_flag'
WHEN class IN ('list_not_submitted', 'list_stale', 'list_refused') THEN 'stas_type'
WHEN class = 'list_differs' THEN COALESCE(NULLIF(money, ''), 'stas_type')
WHEN class IN ('registration_only', 'registration_missing', 'trace_code_missing',
    'trace_not_returned', 'trace_state_differs') AND mate IS NOT NULL THEN 'vali_flag'
ELSE '' END"""
_MONEY_FIELDS: Final = "concat_ws('+', {})".format(
    ", ".join(
        f"CASE WHEN {_AMOUNT.format(field)} OR {_OF_LIST.format(field)} THEN '{name}' END"
        for field, name in (
            ("fund", "fund_pay_sumamt"), ("acct", "acct_pay"), ("cash", "psn_cash_pay")
        )
    )
)  # fmt: skip
_DELTA: Final = "CASE {} ELSE COALESCE(a.fund, t.fund, b.fund, 0) END".format(
    " ".join(
        f"WHEN {_AMOUNT.format(one)} THEN a.{one} - b.{one}"
        f" WHEN {_OF_LIST.format(one)} THEN t.{one} - b.{one}"
        for one in ("fund", "acct", "cash")
    )
)
"""The first amount that differs, HIS (or the settlement) less the list; else what the list is
worth, so that a list that is missing shows the money that waits for it."""


def run(con: duckdb.DuckDBPyConnection, kind: Kind) -> None:
    """Make ``up_verdict``: side, line, class, field, partner, delta_fen, mate of every row."""
    his, centre = kind.sides()
    con.execute(_SETTLED)
    con.execute("CREATE OR REPLACE TABLE up_pair (hr BIGINT, cr BIGINT, weak INTEGER)")
    con.execute(
        "CREATE OR REPLACE TABLE up_unsure (side VARCHAR, rid BIGINT, mates VARCHAR)",
    )
    for columns in _PASSES[kind.name]:
        _pair(con, his, centre, columns)
    if kind.name in _WEAK:
        _weakly(con, kind, his, centre)
    _twice(con, his, centre)
    con.execute(f"CREATE OR REPLACE TABLE up_verdict AS {_classes(kind, his, centre)}")


def _pair(con: duckdb.DuckDBPyConnection, his: str, centre: str, columns: str) -> None:
    names = columns.split(", ")

    def left(side: str, own: str) -> str:
        filled = ", ".join(f"COALESCE({one}, '') AS k_{one}" for one in names)
        keys = ", ".join(f"COALESCE({one}, '')" for one in names)
        return (
            f"(SELECT rid, {filled}, ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {_ORDER})"
            f" AS nth FROM up_{side} u WHERE fault IS NULL AND key IS NOT NULL"
            f" AND NOT EXISTS (SELECT 1 FROM up_pair z WHERE z.{own} = u.rid))"
        )

    same = " AND ".join(f"x.k_{one} = y.k_{one}" for one in names)
    con.execute(
        f"INSERT INTO up_pair SELECT x.rid, y.rid, 0 FROM {left(his, 'hr')} x"
        f" JOIN {left(centre, 'cr')} y ON {same} AND x.nth = y.nth"
    )


def _weakly(con: duckdb.DuckDBPyConnection, kind: Kind, his: str, centre: str) -> None:
    """Rows that are the only candidates for each other; where there are more, all are unsure."""
    columns, state = _WEAK[kind.name]
    names = columns.split(", ")
    filled = " AND ".join(f"u.{one} IS NOT NULL" for one in names)
    # A visit that HIS gave up and the centre holds is a pair too; it is judged by its states.
    any_state = "" if kind.name == VISITS else f" AND u.state = '{state}'"
    # A key that stands on the other side was judged there: it is no damaged one.
    known = (
        "" if kind.name == BOXES
        else " AND NOT EXISTS (SELECT 1 FROM up_{far} f WHERE f.key = u.key)"
    )  # fmt: skip

    def left(side: str, far: str, own: str, states: str) -> str:
        return (
            f"(SELECT u.rid, {', '.join(f'u.{one}' for one in names)},"
            f" COUNT(*) OVER (PARTITION BY {', '.join(f'u.{one}' for one in names)}) AS many"
            f" FROM up_{side} u WHERE u.fault IS NULL AND {filled}{states}{known.format(far=far)}"
            f" AND NOT EXISTS (SELECT 1 FROM up_pair z WHERE z.{own} = u.rid))"
        )

    same = " AND ".join(f"x.{one} = y.{one}" for one in names)
    of_state = f" AND u.state = '{state}'"
    con.execute(
        "CREATE OR REPLACE TABLE up_weak AS SELECT x.rid AS hr, y.rid AS cr,"
        f" x.many AS hm, y.many AS cm FROM {left(his, centre, 'hr', any_state)} x"
        f" JOIN {left(centre, his, 'cr', of_state)} y ON {same}"
    )
    con.execute("INSERT INTO up_pair SELECT hr, cr, 1 FROM up_weak WHERE hm = 1 AND cm = 1")
    for side, far, own, mate in ((his, centre, "hr", "cr"), (centre, his, "cr", "hr")):
        con.execute(
            f"INSERT INTO up_unsure SELECT '{side}', {own},"
            f" string_agg('{far}:' || {mate}, '+' ORDER BY {mate}) FROM up_weak"
            f" WHERE hm > 1 OR cm > 1 GROUP BY {own}"
        )


def _twice(con: duckdb.DuckDBPyConnection, his: str, centre: str) -> None:
    """Codes of whole boxes that stand as sold on two pairs: nobody can tell which is right."""
    con.execute(
        f"CREATE OR REPLACE TABLE up_twice AS SELECT a.key FROM up_pair q JOIN up_{his} a"
        f" ON a.rid = q.hr JOIN up_{centre} b ON b.rid = q.cr WHERE a.state = 'sold'"
        " AND b.state = 'sold' AND a.split = '0' GROUP BY a.key HAVING COUNT(*) > 1"
    )


def _rows(side: str, own: str) -> str:
    """Rows with how many valid rows share their key, and the first partner of such a row."""
    far = "centre" if side.startswith("his") else "his"
    mate = "cr" if own == "hr" else "hr"
    name = f"{far}_{side.partition('_')[2]}"
    return (
        "(SELECT u.*, COUNT(*) FILTER (WHERE u.state NOT IN ('void', 'returned')"
        " AND u.split = '0') OVER (PARTITION BY u.key) AS crowd, w.twin"
        f" FROM up_{side} u LEFT JOIN (SELECT x.key, MIN(z.{mate}) AS mate,"
        f" '{name}:' || MIN(z.{mate}) AS twin FROM up_pair z JOIN up_{side} x ON x.rid = z.{own}"
        " WHERE z.weak = 0 GROUP BY x.key) w ON w.key = u.key WHERE u.fault IS NULL)"
    )


def _classes(kind: Kind, his: str, centre: str) -> str:
    settled = "LEFT JOIN (SELECT * FROM up_settled QUALIFY ROW_NUMBER() OVER"
    settled += " (PARTITION BY k ORDER BY gone, rid) = 1) t ON t.k = COALESCE(a.key, b.key)"
    worth = _DELTA if kind.name == LISTS else "0"
    common = (
        f"{_MONEY_FIELDS} AS money, {worth} AS delta, a.split AS asplit, b.split AS bsplit,"
        " COALESCE(q.weak, 0) AS weak"
    )
    joined = f"{_rows(his, 'hr')} a LEFT JOIN up_pair q ON q.hr = a.rid"
    joined += f" LEFT JOIN {_rows(centre, 'cr')} b ON b.rid = q.cr {settled}"
    alone = f"{_rows(centre, 'cr')} b LEFT JOIN up_pair q ON q.cr = b.rid"
    alone += f" LEFT JOIN {_rows(his, 'hr')} a ON a.rid = q.hr {settled}"
    pair = _OF_PAIR[kind.name]
    harmless = ", ".join(f"'{one}'" for one in (*HARMLESS, "withdrawn", "not_insured"))
    weak_name = {VISITS: "mdtrt_id", BOXES: "mdtrt_id", LISTS: "setl_id"}[kind.name]
    body = (
        f"SELECT '{his}' AS side, a.rid AS line, CASE WHEN b.rid IS NOT NULL THEN {pair}"
        f" ELSE {_OF_HIS[kind.name]} END AS class, b.rid AS mate, '{centre}' AS far,"
        f" a.twin, {common} FROM {joined}"
        f" UNION ALL SELECT '{centre}', b.rid, CASE WHEN a.rid IS NOT NULL THEN {pair}"
        f" ELSE {_OF_CENTRE[kind.name]} END, a.rid, '{his}', b.twin, {common} FROM {alone}"
    )
    rejected = " UNION ALL ".join(
        f"SELECT '{one}', rid, 'rejected', split_part(fault, ': ', 1), '', 0, NULL"
        f" FROM up_{one} WHERE fault IS NOT NULL"
        for one in (his, centre)
    )
    return (
        "SELECT y.side, y.line, CASE WHEN n.rid IS NOT NULL THEN 'ambiguous' ELSE class END"
        f" AS class, {_FIELD.format(weak=weak_name)} AS field,"
        " COALESCE(n.mates, CASE WHEN mate IS NOT NULL THEN far || ':' || mate END,"
        " CASE WHEN class LIKE 'duplicate%' OR class = 'trace_code_twice' THEN twin END, '')"
        " AS partner,"
        f" CASE WHEN class IN ({harmless}) THEN 0 ELSE delta END AS delta_fen, mate"
        f" FROM ({body}) y LEFT JOIN up_unsure n ON n.side = y.side AND n.rid = y.line"
        f" UNION ALL {rejected}"
    )


def unlisted(con: duckdb.DuckDBPyConnection, his: str, centre: str) -> list[tuple[str, int, int]]:
    """Settled stays of the centre's ledger that no list belongs to: id, line, fund in fen.

    A visit of an outpatient needs no list, so only clearing types of stays count.
    """
    rows = con.execute(
        f"SELECT t.k, t.rid, t.fund FROM up_settled t WHERE t.clr IN {STAYS} AND t.gone = 0"
        f" AND NOT EXISTS (SELECT 1 FROM up_{his} x WHERE x.key = t.k)"
        f" AND NOT EXISTS (SELECT 1 FROM up_{centre} x WHERE x.key = t.k) ORDER BY t.rid"
    ).fetchall()
    return [(str(key), int(line), int(fund or 0)) for key, line, fund in rows]
