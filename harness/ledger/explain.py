"""Cause, confidence and advice of every difference.

A cause is named only where evidence decides it: the request log, the times, the spelling of the
ids, the size of the difference, the fee lines, an identity that does not hold. Without evidence
the cause is ``unknown``. The rules stand in ``explain_table``, the advice in ``explain_advice``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb

from harness import i18n
from harness.i18n import tr
from harness.ledger import when
from harness.ledger.columns import HARMLESS
from harness.ledger.evidence import Exchange
from harness.ledger.explain_advice import advices
from harness.ledger.explain_table import CAUSES, Cause
from harness.ledger.reading import Side

UNKNOWN = "unknown"

SCOPE_ROWS: Final = 5
"""So many one-sided rows of a category that the other side lacks are a filter, not a chance."""

_OPERATORS: Final = ("opter", "opter_name", "收费员", "操作员", "经办人")
_LOG_SHAPE: Final = (
    "g VARCHAR, infno VARCHAR, reversal INTEGER, state VARCHAR, sent TIMESTAMP, setl VARCHAR,"
    " m VARCHAR, og VARCHAR, error VARCHAR, reused INTEGER, fault VARCHAR, fee BIGINT,"
    " fund BIGINT, acct BIGINT, clr_type VARCHAR, stage VARCHAR"
)
_TWICE: Final = (
    "regexp_matches(error, '重复|唯一|ORA-00001|PRIMARY KEY|已经上传|已上传')"
)
"""What centres say where a fee line stands there already."""

_BEST: Final = (
    "CASE WHEN error LIKE '%已撤销%' OR error LIKE '%已冲正%' THEN 0 WHEN state = 'success' THEN 1"
    " WHEN state = 'no_answer' THEN 2 WHEN state = 'unreadable' THEN 3 ELSE 4 END"
)


def explain(con: duckdb.DuckDBPyConnection, log: list[Exchange], sides: Sequence[Side]) -> None:
    """Make the table ``explained`` (side, line, cause, confidence, advice) for the differences.

    Reads the tables ``identity_broken`` and ``fee_kind`` where there are any.
    """
    con.execute(
        "CREATE TABLE IF NOT EXISTS identity_broken (side VARCHAR, line BIGINT, identity VARCHAR,"
        " part VARCHAR)"
    )
    con.execute("CREATE TABLE IF NOT EXISTS fee_kind (line BIGINT, kind VARCHAR)")
    _load(con, log)
    _views(con)
    con.execute(f"CREATE OR REPLACE TABLE z AS {_differences(sides, con)}")
    _texts(con)
    rules = " ".join(
        f"WHEN {_condition(rule)} THEN {place}"
        for place, rule in enumerate(CAUSES)
        if log or not rule.log
    )
    con.execute(
        "CREATE OR REPLACE TABLE explained AS SELECT y.side, y.line,"
        f" COALESCE(w.code, '{UNKNOWN}') AS cause, COALESCE(w.confidence, '') AS confidence,"
        " CASE WHEN y.class = 'rejected' THEN y.source || ':' || y.raw_line || ' ' || y.fault"
        " || '. ' ELSE '' END || COALESCE(a.advice, '') || COALESCE(w.proof, '') AS advice"
        f" FROM (SELECT z.*, CASE {rules} END AS rule FROM z {_JOINS}) y"
        " LEFT JOIN why w ON w.place = y.rule LEFT JOIN advices a ON a.class = y.class"
    )


def _condition(rule: Cause) -> str:
    classes = ", ".join(f"'{one}'" for one in rule.classes)
    side = f" AND z.side = '{rule.side}'" if rule.side else ""
    return f"z.class IN ({classes}){side} AND ({rule.when})"


def _load(con: duckdb.DuckDBPyConnection, log: list[Exchange]) -> None:
    con.execute(f"CREATE OR REPLACE TABLE log ({_LOG_SHAPE})")
    rows = [
        (
            one.msgid.upper(),
            one.infno,
            int(one.reversal),
            one.state,
            when.moment(one.at) if one.at else None,
            one.setl_id or None,
            one.mdtrt_id or None,
            one.omsgid or None,
            one.error,
            int(one.reused),
            one.fault,
            one.amounts.get("medfee_sumamt"),
            one.amounts.get("fund_pay_sumamt"),
            one.amounts.get("acct_pay"),
            one.clr_type,
            one.order,
        )
        for one in log
    ]
    if rows:
        con.executemany(f"INSERT INTO log VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _views(con: duckdb.DuckDBPyConnection) -> None:
    """One row a key of what the logs know, the most telling call of each."""
    wanted = {
        "log_call": ("g", "g IS NOT NULL AND infno <> '2601'"),
        "log_undo": ("og", "infno = '2601'"),
        "log_back": ("setl", "infno IN ('2103', '2208', '2305')"),
        "log_trial": ("m", "infno IN ('2206', '2303', '2101') AND state = 'success'"),
        "log_chain": ("m", "infno IN ('2402', '2405') AND state <> 'success'"),
        "log_order": ("m", "infno IN ('6201', '6202', '6203', '6301', '6302')"),
        "log_lines": (
            "m",
            f"infno IN ('2204', '2301') AND state = 'refused' AND {_TWICE}",
        ),
    }
    for name, (key, condition) in wanted.items():
        con.execute(
            f"CREATE OR REPLACE TABLE {name} AS SELECT * EXCLUDE (rn) FROM (SELECT *, ROW_NUMBER()"
            f" OVER (PARTITION BY {key} ORDER BY {_BEST}, stage DESC, sent, g, infno) AS rn"
            f" FROM log"
            f" WHERE {key} IS NOT NULL AND {condition}) x WHERE rn = 1"
        )


_JOINS: Final = (
    " LEFT JOIN log_call l ON l.g = z.g LEFT JOIN log_undo u ON u.og = z.g"
    " LEFT JOIN log_back v ON v.setl = z.back LEFT JOIN log_trial t ON t.m = z.m"
    " LEFT JOIN log_chain y ON y.m = z.m LEFT JOIN log_order o ON o.m = z.m"
    " LEFT JOIN log_lines f ON f.m = z.m"
    " LEFT JOIN twin s ON s.side = z.side AND s.line = z.line"
    " LEFT JOIN log_call sl ON sl.g = s.g"
    " LEFT JOIN (SELECT line, MIN(kind) AS kind FROM fee_kind GROUP BY line) q"
    " ON q.line = z.his_line"
    " LEFT JOIN (SELECT line, MIN(identity) AS identity, MIN(part) AS part FROM identity_broken"
    " WHERE side = 'his' GROUP BY line) i ON i.line = z.his_line"
)


def _differences(sides: Sequence[Side], con: duckdb.DuckDBPyConnection) -> str:
    """Rows that need a cause, with what the rules look at; makes the table ``twin`` beside."""
    quiet = ", ".join(f"'{one}'" for one in HARMLESS if one not in {"cross_day", "time_skew"})
    span = con.execute("SELECT MIN(sent), MAX(sent) FROM log").fetchone()
    covered = "TRUE"
    if span and span[0] is not None:
        days = f"CAST('{span[0]:%Y-%m-%d}' AS DATE) AND CAST('{span[1]:%Y-%m-%d}' AS DATE)"
        covered = f"(k.moment IS NULL OR CAST(k.moment AS DATE) BETWEEN {days})"
    selects, twins = [], []
    for side in sides:
        operator = next((n for n in _OPERATORS if n in side.further), "")
        opter = f'k."x_{operator}"' if operator else "CAST(NULL AS VARCHAR)"
        paired = side.name in {"his", "centre"}
        fee = "v.fee" if paired else "CASE WHEN k.cash <> 0 THEN k.cash ELSE k.fee END"
        selects.append(
            f"SELECT v.side, v.line, v.class, v.delta_fen, v.stage, v.d, v.rf, {fee} AS fee,"
            f" k.g, k.m,"
            f" k.p, k.k, k.ok, COALESCE(k.ok, k.k) AS back, k.moment, k.source, k.raw_line,"
            f" k.fault, {opter} AS opter, {covered} AS covered,"
            f" {'TRUE' if 'msgid' in side.present else 'FALSE'} AS has_msgid,"
            + (_pair_columns(side.name) if paired else _NO_PAIR)
            + f" FROM verdict v JOIN canon_{side.name} k ON k.rid = v.line"
            + (_pair_joins(side.name, sides) if paired else "")
            + f" WHERE v.side = '{side.name}' AND v.class NOT IN ({quiet})"
        )
        twins.append(
            f"SELECT e.side, e.rid AS line, k.k, k.g, k.m, k.moment, k.fee, {opter} AS opter"
            " FROM (SELECT side, rid, MIN(orid) AS orid FROM edge WHERE side = oside"
            f" AND side = '{side.name}' GROUP BY side, rid) e JOIN canon_{side.name} k"
            " ON k.rid = e.orid"
        )
    con.execute(f"CREATE OR REPLACE TABLE twin AS {' UNION ALL '.join(twins)}")
    return " UNION ALL ".join(selects)


_NO_PAIR: Final = (
    " CAST(NULL AS BIGINT) AS his_line, CAST(NULL AS BIGINT) AS his_fee,"
    " CAST(NULL AS BIGINT) AS his_fund, CAST(NULL AS BIGINT) AS his_acct,"
    " CAST(NULL AS BIGINT) AS centre_fee, CAST(NULL AS BIGINT) AS centre_fund,"
    " CAST(NULL AS VARCHAR) AS centre_clr, 0 AS months, 0 AS original, 0 AS refunds,"
    " CAST(NULL AS VARCHAR) AS scope"
)


def _pair_columns(side: str) -> str:
    ours, theirs = ("k", "w") if side == "his" else ("w", "k")
    return (
        f" {'v.line' if side == 'his' else 'v.mate'} AS his_line, {ours}.fee AS his_fee,"
        f" {ours}.fund AS his_fund, {ours}.acct AS his_acct, {theirs}.fee AS centre_fee,"
        f" {theirs}.fund AS centre_fund, {theirs}.clr AS centre_clr,"
        " date_diff('month', k.moment, w.moment) AS months,"
        " COALESCE(og.n, 0) AS original, COALESCE(rf.n, 0) AS refunds, sc.scope"
    )


def _pair_joins(side: str, sides: Sequence[Side]) -> str:
    other = "centre" if side == "his" else "his"
    both = (
        "SELECT {0} AS key, COUNT(*) AS n FROM (SELECT * FROM h UNION ALL BY NAME SELECT * FROM c)"
        " r WHERE {1} GROUP BY 1"
    )
    return (
        f" LEFT JOIN canon_{other} w ON w.rid = v.mate"
        f" LEFT JOIN ({both.format('r.k', 'rf = 0')}) og ON og.key = k.ok"
        f" LEFT JOIN ({both.format('r.m', 'rf = 1')}) rf ON rf.key = k.m"
        f" LEFT JOIN ({_scope(side, other, sides)}) sc ON sc.line = v.line"
    )


def _scope(side: str, other: str, sides: Sequence[Side]) -> str:
    """One-sided rows whose category the other side does not have at all."""
    own = {one.name: one.present for one in sides}
    names = (("insutype", "ins"), ("clr_type", "clr"), ("clr_optins", "opt"))
    selects = [
        f"SELECT x.rid AS line, '{name}' AS scope FROM canon_{side} x JOIN (SELECT {short} AS key"
        f" FROM canon_{side} b JOIN verdict a ON a.line = b.rid AND a.side = '{side}'"
        f" AND a.class = '{side}_only' GROUP BY {short} HAVING COUNT(*) >= {SCOPE_ROWS}) n"
        f" ON n.key = x.{short} WHERE x.{short} NOT IN"
        f" (SELECT {short} FROM canon_{other} WHERE {short} IS NOT NULL)"
        for name, short in names
        if all(name in own[one] for one in (side, other))
    ]
    if not selects:
        return "SELECT CAST(NULL AS BIGINT) AS line, CAST(NULL AS VARCHAR) AS scope"
    return f"SELECT line, MIN(scope) AS scope FROM ({' UNION ALL '.join(selects)}) a GROUP BY line"


def _texts(con: duckdb.DuckDBPyConnection) -> None:
    """What the rules and classes are called, in the language of the run."""
    language = 0 if i18n.current() == "zh-CN" else 1
    con.execute(
        "CREATE OR REPLACE TABLE why (place INTEGER, code VARCHAR, confidence VARCHAR,"
        " proof VARCHAR)"
    )
    con.executemany(
        "INSERT INTO why VALUES (?, ?, ?, ?)",
        [
            (place, one.code, one.confidence, " " + tr("Proof: {text}.", text=one.proof[language]))
            for place, one in enumerate(CAUSES)
        ],
    )
    con.execute("CREATE OR REPLACE TABLE advices (class VARCHAR, advice VARCHAR)")
    con.executemany("INSERT INTO advices VALUES (?, ?)", list(advices().items()))
