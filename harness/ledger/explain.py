"""Cause, confidence and advice of every difference.

A cause is named only where evidence decides it: the request log, the times, the spelling of the
ids, the size of the difference, the fee lines, an identity that does not hold. Without evidence
the cause is ``unknown``. The rules stand in ``explain_table``, the advice in ``explain_advice``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import duckdb

from harness import i18n
from harness.i18n import tr
from harness.ledger import tables, when
from harness.ledger.cause import Cause
from harness.ledger.columns import HARMLESS
from harness.ledger.evidence import Exchange
from harness.ledger.explain_advice import advices
from harness.ledger.explain_table import CAUSES
from harness.ledger.sides import Side

UNKNOWN = "unknown"

SCOPE_ROWS: Final = 5
"""So many one-sided rows of a category that the other side lacks are a filter, not a chance."""

SCOPES_MAX: Final = 20
"""Categories that are looked up on the other side."""

_OPERATORS: Final = ("opter", "opter_name", "收费员", "操作员", "经办人")
_LOG_SHAPE: Final = (
    "g VARCHAR, infno VARCHAR, reversal INTEGER, state VARCHAR, sent TIMESTAMP, setl VARCHAR,"
    " m VARCHAR, og VARCHAR, error VARCHAR, reused INTEGER, fault VARCHAR, fee BIGINT,"
    " fund BIGINT, acct BIGINT, clr_type VARCHAR, stage VARCHAR"
)
_TWICE: Final = "regexp_matches(error, '重复|唯一|ORA-00001|PRIMARY KEY|已经上传|已上传')"
"""What centres say where a fee line stands there already."""

_BEST: Final = (
    "CASE WHEN error LIKE '%已撤销%' OR error LIKE '%已冲正%' THEN 0 WHEN state = 'success' THEN 1"
    " WHEN state = 'no_answer' THEN 2 WHEN state = 'unreadable' THEN 3 ELSE 4 END"
)


def explain(con: duckdb.DuckDBPyConnection, log: list[Exchange], sides: Sequence[Side]) -> None:
    """Make the table ``explained`` (side, line, cause, confidence, advice) for the differences.

    Reads the tables ``identity_broken`` and ``fee_kind`` where there are any. Of the rules only
    those are asked that can hold for a class that is there, and of the log only what they look at.
    """
    con.execute(
        "CREATE TABLE IF NOT EXISTS identity_broken (side VARCHAR, line BIGINT, identity VARCHAR,"
        " part VARCHAR)"
    )
    con.execute("CREATE TABLE IF NOT EXISTS fee_kind (line BIGINT, kind VARCHAR)")
    _load(con, log)
    _differences(con, sides)
    found = con.execute("SELECT DISTINCT class, side FROM row_of").fetchall()
    rules = {
        place: one for place, one in enumerate(CAUSES) if (log or not one.log) and _may(one, found)
    }
    classes = {name for name, _ in found}
    _texts(con, rules, sorted(classes))
    cases = " ".join(
        f"WHEN {_condition(rule, classes)} THEN {place}" for place, rule in rules.items()
    )
    joins = _joined(con, cases, {one.infno for one in log})
    place = "y.source || ':' || y.raw_line || ' ' || y.fault || '. '"
    where = f"CASE WHEN y.class = 'rejected' THEN {place} ELSE '' END || " * ("rejected" in classes)
    con.execute(
        "CREATE OR REPLACE TABLE explained AS SELECT y.side, y.line,"
        f" COALESCE(w.code, '{UNKNOWN}') AS cause, COALESCE(w.confidence, '') AS confidence,"
        f" {where}COALESCE(a.advice, '') || COALESCE(w.proof, '') AS advice"
        " FROM (SELECT z.side, z.line, z.class, z.source, z.raw_line, z.fault,"
        f" {f'CASE {cases} END' if cases else 'NULL'} AS rule"
        f" FROM ({_asked(con, sides, cases + joins)}) z{joins}) y"
        " LEFT JOIN why w ON w.place = y.rule LEFT JOIN advices a ON a.class = y.class"
    )


def _may(rule: Cause, found: Sequence[tuple[str, str]]) -> bool:
    """Whether a rule can hold for one of these pairs of class and side."""
    return any(name in rule.classes and rule.side in {"", side} for name, side in found)


def _condition(rule: Cause, found: Collection[str]) -> str:
    """SQL of when a rule holds, where no other classes are ``found``."""
    classes = ", ".join(f"'{one}'" for one in rule.classes if one in found)
    side = f" AND z.side = '{rule.side}'" if rule.side else ""
    return f"z.class IN ({classes}){side} AND ({rule.when})"


def _load(con: duckdb.DuckDBPyConnection, log: list[Exchange]) -> None:
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
    tables.fill(con, "log", _LOG_SHAPE, rows)


_LOGS: Final = {
    "log_call": ("g", (), "infno <> '2601'"),
    "log_undo": ("og", ("2601",), "TRUE"),
    "log_back": ("setl", ("2103", "2208", "2305"), "TRUE"),
    "log_trial": ("m", ("2206", "2303", "2101"), "state = 'success'"),
    "log_chain": ("m", ("2402", "2405"), "state <> 'success'"),
    "log_order": ("m", ("6201", "6202", "6203", "6301", "6302"), "TRUE"),
    "log_lines": ("m", ("2204", "2301"), f"state = 'refused' AND {_TWICE}"),
}
"""What the logs know by key: the key, the transactions (none: all), and the calls that count."""

_JOINS: Final = {
    "l": "log_call l ON l.g = z.g",
    "u": "log_undo u ON u.og = z.g",
    "v": "log_back v ON v.setl = z.back",
    "t": "log_trial t ON t.m = z.m",
    "y": "log_chain y ON y.m = z.m",
    "o": "log_order o ON o.m = z.m",
    "f": "log_lines f ON f.m = z.m",
    "s": "twin s ON s.side = z.side AND s.line = z.line",
    "sl": "log_call sl ON sl.g = s.g",
    "q": "(SELECT line, MIN(kind) AS kind FROM fee_kind GROUP BY line) q ON q.line = z.his_line",
    "i": "(SELECT line, MIN(identity) AS identity, MIN(part) AS part FROM identity_broken"
    " WHERE side = 'his' GROUP BY line) i ON i.line = z.his_line",
}
"""What the rules look at beside the difference ``z``, by the letter that they call it by."""

_LETTERS: Final = re.compile(r"\b([a-z]{1,2})\.(?=[a-z])")


def _joined(con: duckdb.DuckDBPyConnection, cases: str, logged: Collection[str]) -> str:
    """The joins of what these rules look at; makes what the logs know of it.

    Args:
        con: the engine.
        cases: the rules.
        logged: the transactions that the logs have at all.
    """
    asked = set(_LETTERS.findall(cases))
    asked |= {"s"} if "sl" in asked else set()
    chosen = [join for letter, join in _JOINS.items() if letter in asked]
    for name in dict.fromkeys(join.split()[0] for join in chosen):
        if name in _LOGS:
            _view(con, name, logged)
    return "".join(f" LEFT JOIN {join}" for join in chosen)


def _view(con: duckdb.DuckDBPyConnection, name: str, logged: Collection[str]) -> None:
    """One row a key of what the logs know, the most telling call of each."""
    key, transactions, condition = _LOGS[name]
    if transactions and not any(one in logged for one in transactions):
        con.execute(f"CREATE OR REPLACE TABLE {name} ({_LOG_SHAPE})")
        return
    if transactions:
        named = ", ".join(f"'{one}'" for one in transactions)
        condition += f" AND infno IN ({named})"
    con.execute(
        f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM log WHERE {key} IS NOT NULL"
        f" AND {condition} QUALIFY ROW_NUMBER()"
        f" OVER (PARTITION BY {key} ORDER BY {_BEST}, stage DESC, sent, g, infno) = 1"
    )


def _differences(con: duckdb.DuckDBPyConnection, sides: Sequence[Side]) -> None:
    """Make ``row_of``: rows that need a cause, with what their ledger says; and ``twin`` beside.

    Only differences are looked up in the ledgers, and only where a rule asks: a ledger has ten
    million rows.
    """
    quiet = ", ".join(f"'{one}'" for one in HARMLESS if one not in {"cross_day", "time_skew"})
    con.execute(
        "CREATE OR REPLACE TABLE bad AS SELECT side, line, class, delta_fen, stage, d, rf, fee,"
        f" mate, partner FROM verdict WHERE class NOT IN ({quiet})"
    )
    span = con.execute("SELECT MIN(sent), MAX(sent) FROM log").fetchone()
    covered = "TRUE"
    if span and span[0] is not None:
        days = f"CAST('{span[0]:%Y-%m-%d}' AS DATE) AND CAST('{span[1]:%Y-%m-%d}' AS DATE)"
        covered = f"(k.moment IS NULL OR CAST(k.moment AS DATE) BETWEEN {days})"
    doubles = con.execute(
        "CREATE OR REPLACE TABLE doubled AS SELECT e.side, e.rid, MIN(e.orid) AS orid FROM edge e"
        " JOIN bad ON bad.side = e.side AND bad.line = e.rid WHERE e.side = e.oside"
        " AND (bad.class LIKE 'duplicate%' OR bad.class LIKE 'same_person%')"
        " GROUP BY e.side, e.rid"
    ).fetchone()
    rows, twins = [], []
    for side in sides:
        operator = next((n for n in _OPERATORS if n in side.further), "")
        opter = f'k."x_{operator}"' if operator else "CAST(NULL AS VARCHAR)"
        paired = side.name in {"his", "centre"}
        fee = "v.fee" if paired else "CASE WHEN k.cash <> 0 THEN k.cash ELSE k.fee END"
        visit = "k.m"
        if not paired:
            visit = "COALESCE(k.m, (SELECT i.m FROM channel_visit i WHERE i.rid = v.line))"
        # Picked by line: no other row of ten million is tidied for these few.
        own = side.among(f"SELECT line FROM bad WHERE side = '{side.name}'")
        others = side.among(f"SELECT orid FROM doubled WHERE side = '{side.name}'")
        rows.append(
            f"SELECT v.side, v.line, v.class, v.delta_fen, v.stage, v.d, v.rf, {fee} AS fee,"
            " k.fund, k.acct, k.clr, k.ins, k.opt,"
            f" v.mate, COALESCE(v.partner, '') AS partner, k.g, {visit} AS m, k.p, k.k, k.ok,"
            " COALESCE(k.ok, k.k) AS back, k.moment, k.source,"
            f" k.raw_line, k.fault, {opter} AS opter, {covered} AS covered,"
            f" {'TRUE' if 'msgid' in side.present else 'FALSE'} AS has_msgid"
            f" FROM bad v JOIN {own} k ON k.rid = v.line WHERE v.side = '{side.name}'"
        )
        twins.append(
            f"SELECT e.side, e.rid AS line, k.k, k.g, k.m, k.moment, k.fee, {opter} AS opter"
            f" FROM doubled e JOIN {others} k ON k.rid = e.orid"
            f" WHERE e.side = '{side.name}'"
        )
    con.execute(f"CREATE OR REPLACE TABLE row_of AS {' UNION ALL '.join(rows)}")
    found = f"AS {' UNION ALL '.join(twins)}" if doubles != (0,) else f"({_TWIN_SHAPE})"
    con.execute(f"CREATE OR REPLACE TABLE twin {found}")


_TWIN_SHAPE: Final = (
    "side VARCHAR, line BIGINT, k VARCHAR, g VARCHAR, m VARCHAR, moment TIMESTAMP, fee BIGINT,"
    " opter VARCHAR"
)

_FURTHER: Final = {
    "his_line": "CASE r.side WHEN 'his' THEN r.line ELSE r.mate END",
    "his_fee": "CASE r.side WHEN 'his' THEN r.fee ELSE w.fee END",
    "his_fund": "CASE r.side WHEN 'his' THEN r.fund ELSE w.fund END",
    "his_acct": "CASE r.side WHEN 'his' THEN r.acct ELSE w.acct END",
    "centre_fee": "CASE r.side WHEN 'his' THEN w.fee ELSE r.fee END",
    "centre_fund": "CASE r.side WHEN 'his' THEN w.fund ELSE r.fund END",
    "centre_clr": "CASE r.side WHEN 'his' THEN w.clr ELSE r.clr END",
    "months": "date_diff('month', r.moment, w.moment)",
    "original": "COALESCE(og.n, 0)",
    "refunds": "COALESCE(rf.n, 0)",
    "scope": "sc.scope",
}
"""What is known of a difference beyond its own row; what is not here, the row says."""

_BESIDE: Final = {
    # A row whose partner differs has a partner that is a difference too: no ledger is read.
    "w": "row_of w ON w.line = r.mate AND w.side <> r.side AND w.side <> 'channel'"
    " AND r.side <> 'channel'",
    "og": "count_original og ON og.key = r.ok",
    "rf": "count_refund rf ON rf.key = r.m",
    "sc": "scope sc ON sc.side = r.side AND sc.line = r.line",
}
"""Where that stands, by the letters that it is called by."""

_ALWAYS: Final = ("side", "line", "class", "source", "raw_line", "fault")
_COLUMN: Final = re.compile(r"\bz\.([a-z_]+)")


def _asked(con: duckdb.DuckDBPyConnection, sides: Sequence[Side], text: str) -> str:
    """SELECT of the differences, with what ``text`` asks of ``z`` and nothing else."""
    names = dict.fromkeys((*_ALWAYS, *_COLUMN.findall(text)))
    if {"original", "refunds"} & names.keys():
        _counts(con, sides)
    if "scope" in names:
        _scope(con, sides)
    cells = ", ".join(f"{_FURTHER.get(name, f'r.{name}')} AS {name}" for name in names)
    letters = set(_LETTERS.findall(cells))
    beside = "".join(f" LEFT JOIN {one}" for letter, one in _BESIDE.items() if letter in letters)
    return f"SELECT {cells} FROM row_of r{beside}"


def _counts(con: duckdb.DuckDBPyConnection, sides: Sequence[Side]) -> None:
    """Originals of lone refunds, and refunds of visits that do not add up."""
    both = (
        "SELECT k, m, flag, fee FROM canon_his UNION ALL SELECT k, m, flag, fee FROM canon_centre"
    )
    # Every refund is among the rows that were looked at, or could not be read.
    refunds = " UNION ALL ".join(
        "SELECT k, m, flag, fee FROM ("
        + side.picked(
            f"SELECT rid FROM {near} WHERE rf = 1 UNION SELECT rid FROM faulty_{side.name}"
        )
        + ") r"
        for side, near in zip(sides[:2], ("hs", "cs"), strict=True)
    )
    for name, key, own, classes, condition, source in (
        ("count_original", "k", "ok", "'refund_unmatched'", "flag = 0 AND fee >= 0", both),
        ("count_refund", "m", "m", "'partial_refund_differs', 'group'", "flag = 1 OR fee < 0",
         refunds),
    ):  # fmt: skip
        wanted = f"SELECT {own} FROM row_of WHERE class IN ({classes}) AND {own} IS NOT NULL"
        con.execute(f"CREATE OR REPLACE TABLE {name} (key VARCHAR, n BIGINT)")
        if con.execute(f"SELECT COUNT(*) FROM ({wanted}) x").fetchone() != (0,):
            con.execute(
                f"INSERT INTO {name} SELECT {key}, COUNT(*) FROM ({source}) r"
                f" WHERE {key} IN ({wanted}) AND ({condition}) GROUP BY 1"
            )


def _scope(con: duckdb.DuckDBPyConnection, sides: Sequence[Side]) -> None:
    """Rows on one side whose category the other side does not have at all."""
    own = {one.name: one.present for one in sides}
    con.execute("CREATE OR REPLACE TABLE scope (side VARCHAR, line BIGINT, scope VARCHAR)")
    many = con.execute(
        "SELECT side FROM row_of WHERE class = side || '_only' GROUP BY side"
        f" HAVING COUNT(*) >= {SCOPE_ROWS}"
    ).fetchall()
    for side, other in (("his", "centre"), ("centre", "his")):
        if (side,) not in many:
            continue
        for name, short in (("insutype", "ins"), ("clr_type", "clr"), ("clr_optins", "opt")):
            if not all(name in own[one] for one in (side, other)):
                continue
            alone = f"side = '{side}' AND class = '{side}_only'"
            found = con.execute(
                f"SELECT {short} FROM row_of WHERE {alone} AND {short} IS NOT NULL"
                f" GROUP BY 1 HAVING COUNT(*) >= {SCOPE_ROWS}"
            ).fetchall()
            for (value,) in found[:SCOPES_MAX]:
                there = con.execute(
                    f"SELECT 1 FROM canon_{other} WHERE {short} = ? LIMIT 1", [value]
                ).fetchone()
                if there is None:
                    con.execute(
                        f"INSERT INTO scope SELECT side, line, ? FROM row_of r WHERE {alone}"
                        f" AND {short} = ? AND line NOT IN (SELECT line FROM scope"
                        " WHERE scope.side = r.side)",
                        [name, value],
                    )


def _texts(
    con: duckdb.DuckDBPyConnection, rules: Mapping[int, Cause], classes: Sequence[str]
) -> None:
    """What the rules and classes are called, in the language of the run."""
    language = 0 if i18n.current() == "zh-CN" else 1
    tables.fill(
        con,
        "why",
        "place INTEGER, code VARCHAR, confidence VARCHAR, proof VARCHAR",
        [
            (place, one.code, one.confidence, " " + tr("Proof: {text}.", text=one.proof[language]))
            for place, one in rules.items()
        ],
    )
    told = advices()
    tables.fill(
        con,
        "advices",
        "class VARCHAR, advice VARCHAR",
        [(name, told[name]) for name in classes if name in told],
    )
