"""What has to add up inside every row: the identities of a settlement, exact to the fen.

An identity is checked on a side only where that side has every column it needs; what could not be
checked is named with what was missing. A row that breaks one is no difference between the ledgers,
so it changes no class; it is listed, and it is evidence for the cause of one. Amounts are integer
fen; a blank cell is 0, a cell that is no amount leaves the row out and is counted.

Sources: notes of 2102, 2206, 2207, 2303, 2304, 5203 (I1 to I3), 3203 (I12), 6202 and 6301 (I10).
I4, I6 and I11 come from the groups in which the interface prints the columns; they are our own
reading, marked ``guess``, and a province may book otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from harness.i18n import tr
from harness.ledger import money
from harness.ledger.columns import AMOUNTS, SHORT
from harness.ledger.sides import Side

LISTED_MAX: Final = 100
"""Broken rows that ``totals.json`` names; ``identities.csv`` has all."""

ODD_MAX: Final = 100_000
"""Different unusual spellings of amounts in the further columns."""

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "psn_part_amt": ("psn_part_amt", "psn_pay", "个人负担总金额", "个人支付"),
    "hosp_part_amt": ("hosp_part_amt", "ownpay_hosp_part", "医院负担金额"),
    "acct_mulaid_pay": ("acct_mulaid_pay", "个人账户共济支付金额"),
    "hifp_pay": ("hifp_pay", "基本医疗保险统筹基金支出"),
    "cvlserv_pay": ("cvlserv_pay", "公务员医疗补助资金支出"),
    "hifes_pay": ("hifes_pay", "企业补充医疗保险基金支出"),
    "hifmi_pay": ("hifmi_pay", "居民大病保险资金支出"),
    "hifob_pay": ("hifob_pay", "职工大额医疗费用补助基金支出"),
    "hifdm_pay": ("hifdm_pay", "伤残人员医疗保障基金支出"),
    "maf_pay": ("maf_pay", "医疗救助基金支出"),
    "oth_pay": ("oth_pay", "othfund_pay", "其他支出"),
    "fulamt_ownpay_amt": ("fulamt_ownpay_amt", "全自费金额"),
    "overlmt_selfpay": ("overlmt_selfpay", "overlmt_amt", "超限价自费费用"),
    "preselfpay_amt": ("preselfpay_amt", "先行自付金额"),
    "inscp_scp_amt": ("inscp_scp_amt", "inscp_amt", "符合政策范围金额"),
    "act_pay_dedc": ("act_pay_dedc", "实际支付起付线"),
    "med_sumfee": ("med_sumfee", "医保认可费用总额"),
    "feeSumamt": ("feesumamt",),
    "ownPayAmt": ("ownpayamt",),
    "psnAcctPay": ("psnacctpay",),
    "fundPay": ("fundpay",),
}
"""Amount columns beyond the four, and what lists call them (lower case)."""

_FUNDS: Final = (
    "hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay", "oth_pay",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """``left`` = sum of ``right``, or ``left`` >= it where ``least``.

    Attributes:
        code: number in the interface notes.
        left: column that states.
        right: columns that it is made of.
        perhaps: columns that may be contained in the others already: both ways are right.
        least: an inequality; refunds compare by size.
        guess: our own reading, not the interface's words.
    """

    code: str
    left: str
    right: tuple[str, ...]
    perhaps: tuple[str, ...] = ()
    least: bool = False
    guess: bool = False

    @property
    def formula(self) -> str:
        """As people write it."""
        parts = [*self.right, *(f"({one})" for one in self.perhaps)]
        return f"{self.left} {'>=' if self.least else '='} {' + '.join(parts)}"


IDENTITIES: Final = (
    Identity(
        code="I1",
        left="medfee_sumamt",
        right=("fund_pay_sumamt", "psn_part_amt", "hosp_part_amt"),
    ),
    Identity(code="I2", left="psn_part_amt", right=("acct_pay", "psn_cash_pay")),
    Identity(code="I3", left="acct_pay", right=("acct_mulaid_pay",), least=True),
    Identity(
        code="I4", left="fund_pay_sumamt", right=_FUNDS, perhaps=("hifdm_pay",), guess=True
    ),
    Identity(
        code="I6",
        left="medfee_sumamt",
        right=("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"),
        guess=True,
    ),
    Identity(code="I10", left="feeSumamt", right=("ownPayAmt", "psnAcctPay", "fundPay")),
    Identity(
        code="I11", left="inscp_scp_amt", right=("fund_pay_sumamt",), least=True, guess=True
    ),
    Identity(code="I11b", left="inscp_scp_amt", right=("act_pay_dedc",), least=True, guess=True),
    Identity(code="I12", left="med_sumfee", right=("medfee_sumamt",)),
)  # fmt: skip
"""In the order in which a row's first broken part is looked for. I5 and I7 need lines below the
settlement, I8 and I13 a second row, I9 is the table of 3201: see ``--his-detail``, the refund
classes and ``totals_3201``."""


def check(
    con: duckdb.DuckDBPyConnection, sides: Sequence[Side], *, mulaid_inside_acct: bool = True
) -> dict[str, Any]:
    """Check every row; makes ``identity_broken``, and gives what ``totals.json`` says of it.

    Args:
        con: with the canonical rows of every side.
        sides: the ledgers.
        mulaid_inside_acct: what relatives' accounts pay is part of ``acct_pay`` already; where a
            province books it beside, I2 has it as a further term and I3 says nothing.
    """
    con.execute(
        "CREATE OR REPLACE TABLE identity_broken (side VARCHAR, line BIGINT, identity VARCHAR,"
        " part VARCHAR, stated BIGINT, computed BIGINT)"
    )
    checked: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    for side in sides:
        columns = _columns(side)
        _odd(con, side, columns)
        for one in IDENTITIES:
            rule = one if mulaid_inside_acct else _beside(one)
            lacking = [name for name in (rule.left, *rule.right) if name not in columns]
            if lacking:
                if rule.left in columns or len(lacking) <= len(rule.right):
                    missing.append({"side": side.name, "identity": rule.code, "missing": lacking})
                continue
            checked.append(_check(con, side, rule, columns))
    return {
        "identities": checked,
        "identities_not_checked": missing,
        "identity_broken": _listed(con),
    }


def _beside(rule: Identity) -> Identity:
    """I2 of a province that books relatives' accounts beside the person's own."""
    if rule.code != "I2":
        return rule
    return Identity(code="I2", left=rule.left, right=(*rule.right, "acct_mulaid_pay"))


def _columns(side: Side) -> dict[str, str]:
    """SQL of every amount that this side has, by the interface's name."""
    found: dict[str, str] = {name: f"k.{SHORT[name]}" for name in AMOUNTS if name in side.present}
    own = {name.lower(): name for name in side.further}
    for name, aliases in PARTS.items():
        column = next((own[alias] for alias in aliases if alias in own), None)
        if column is not None:
            found[name] = _fen(f'k."x_{column.replace(chr(34), chr(34) * 2)}"')
    return found


def _fen(cell: str) -> str:
    usual = f"CAST(CAST({cell} AS DECIMAL(18,2)) * 100 AS BIGINT)"
    plain = f"regexp_full_match({cell}, '{money.PLAIN_SQL}')"
    other = f"(SELECT o.fen FROM identity_odd o WHERE o.text = {cell})"
    return f"CASE WHEN {cell} IS NULL THEN 0 WHEN {plain} THEN {usual} ELSE {other} END"


def _odd(con: duckdb.DuckDBPyConnection, side: Side, columns: Mapping[str, str]) -> None:
    """Read every unusual spelling of the further columns once."""
    con.execute("CREATE OR REPLACE TABLE identity_odd (text VARCHAR, fen BIGINT)")
    own = {name.lower(): name for name in side.further}
    cells = [
        f'"x_{own[alias].replace(chr(34), chr(34) * 2)}"'
        for name, aliases in PARTS.items()
        if name in columns
        for alias in aliases
        if alias in own
    ]
    texts: set[str] = set()
    for cell in cells:
        rows = con.execute(
            f"SELECT DISTINCT {cell} FROM canon_{side.name} WHERE {cell} IS NOT NULL"
            f" AND NOT regexp_full_match({cell}, '{money.PLAIN_SQL}') LIMIT {ODD_MAX}"
        ).fetchall()
        texts.update(str(row[0]) for row in rows)
    if texts:
        con.executemany(
            "INSERT INTO identity_odd VALUES (?, ?)",
            [(one, 0 if money.is_nothing(one) else money.fen(one)) for one in sorted(texts)],
        )


def _check(
    con: duckdb.DuckDBPyConnection, side: Side, rule: Identity, columns: Mapping[str, str]
) -> dict[str, Any]:
    right = " + ".join(columns[name] for name in rule.right)
    more = " + ".join(columns[name] for name in rule.perhaps if name in columns)
    con.execute(
        f"CREATE OR REPLACE TABLE identity_row AS SELECT k.rid, {columns[rule.left]} AS stated,"
        f" {right} AS computed, {more or '0'} AS more FROM canon_{side.name} k"
        " WHERE k.fault IS NULL"
    )
    broken = (
        "ABS(stated) < ABS(computed)"
        if rule.least
        else "stated <> computed AND stated <> computed + more"
    )
    con.execute(
        "INSERT INTO identity_broken SELECT ?, rid, ?, ?, stated, computed FROM identity_row"
        f" WHERE {broken}",
        [side.name, rule.code, rule.left],
    )
    row = con.execute(
        "SELECT COUNT(*), SUM(CASE WHEN stated IS NULL OR computed IS NULL THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN {broken} THEN 1 ELSE 0 END) FROM identity_row"
    ).fetchone()
    con.execute("DROP TABLE identity_row")
    rows, unread, bad = (int(one or 0) for one in row or (0, 0, 0))
    return {
        "side": side.name,
        "identity": rule.code,
        "formula": rule.formula,
        "guess": rule.guess,
        "rows": rows - unread,
        "unreadable": unread,
        "broken": bad,
    }


_BROKEN_ROWS: Final = (
    "SELECT b.side, b.line, COALESCE(k.raw_setl_id, '') AS setl_id, b.identity, b.part, b.stated,"
    " b.computed FROM identity_broken b JOIN canon_{0} k ON k.rid = b.line WHERE b.side = '{0}'"
)


def _every(con: duckdb.DuckDBPyConnection, limit: int | None = None) -> list[tuple[Any, ...]]:
    names = [
        str(row[0]) for row in con.execute("SELECT DISTINCT side FROM identity_broken").fetchall()
    ]
    if not names:
        return []
    rows = " UNION ALL ".join(_BROKEN_ROWS.format(name) for name in sorted(names))
    order = "CASE side WHEN 'his' THEN 1 WHEN 'centre' THEN 2 ELSE 3 END"
    codes = " ".join(f"WHEN '{one.code}' THEN {n}" for n, one in enumerate(IDENTITIES))
    tail = f" LIMIT {limit}" if limit is not None else ""
    return con.execute(
        f"SELECT * FROM ({rows}) x ORDER BY {order}, line, CASE identity {codes} END{tail}"
    ).fetchall()


def _listed(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return [
        {
            "side": row[0],
            "line": int(row[1]),
            "setl_id": row[2],
            "identity": row[3],
            "part": row[4],
            "stated": money.yuan(int(row[5])),
            "computed": money.yuan(int(row[6])),
        }
        for row in _every(con, LISTED_MAX)
    ]


def write(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    """``identities.csv``: every broken identity of every row, in the order of the files."""
    rows = _every(con)
    if not rows:
        return
    with (out / "identities.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        stream.write("side,line,setl_id,identity,part,stated,computed,delta\r\n")
        for side, line, setl_id, code, part, stated, computed in rows:
            amounts = (money.yuan(one) for one in (stated, computed, stated - computed))
            stream.write(f"{side},{line},{_cell(setl_id)},{code},{part},{','.join(amounts)}\r\n")


def _cell(text: str) -> str:
    """A cell that neither breaks the line nor is run by a spreadsheet."""
    safe = f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
    return '"' + safe.replace('"', '""') + '"' if any(one in safe for one in ',"\r\n') else safe


def say(result: Mapping[str, Any]) -> list[str]:
    """Lines for the terminal; none where nothing is broken."""
    return [
        tr(
            "{side}: {formula} does not hold on {broken} of {rows} rows",
            side=one["side"],
            formula=one["formula"],
            broken=one["broken"],
            rows=one["rows"],
        )
        for one in result.get("identities", [])
        if one["broken"]
    ]
