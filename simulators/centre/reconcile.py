"""Reconciliation at the centre: 3201 totals, 3202 details by file, 3203 and 3204 clearing.

Rows that count: of the hospital, by the centre's own ``setl_time`` from 00:00:00 of the first day
to 23:59:59 of the last, of the clearing type, still valid (2601 removes, 2208 adds a pair), and
not reimbursed by hand (``pay_loc`` 1). Amounts are compared exactly.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.centre.calc_money import fen, yuan_text
from simulators.centre.files import fetch_file, store_file, unzip_text, zip_text
from simulators.centre.ids import fresh
from simulators.centre.ledger import Row, one, update
from simulators.centre.rules import RESULT_COLUMNS, Desk, Refusal, day, needed, node, text, whole
from simulators.centre.transaction import Answer, Books, Call, Handled
from simulators.store import insert

COMPARED = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
"""The amounts that 3201 and 3202 compare (the account part holds the family's)."""

_NAMES = {
    "medfee_sumamt": "医疗费总额",
    "fund_pay_sumamt": "基金支付总额",
    "acct_pay": "个人账户支付",
    "count": "结算笔数",
}


def _where(desk: Desk, call: Call, data: Mapping[str, Any]) -> tuple[str, list[str]]:
    begin, end = day(data, "stmt_begndate"), day(data, "stmt_enddate")
    if begin > end:
        raise Refusal("period")
    where = (
        "fixmedins_code = ? AND clr_type = ? AND setl_time BETWEEN ? AND ?"
        " AND vali_flag = '1' AND pay_loc <> '1'"
    )
    values = [
        call.fixmedins_code,
        needed(data, "clr_type"),
        f"{begin} 00:00:00",
        f"{end} 23:59:59",
    ]
    if text(data, "setl_optins"):
        where += " AND clr_optins = ?"
        values.append(text(data, "setl_optins"))
    if desk.policy.flag_filters and text(data, "refd_setl_flag"):
        where += " AND refd_setl_flag = ?"
        values.append(text(data, "refd_setl_flag"))
    return where, values


def totals(
    desk: Desk, call: Call, books: Books, data: Mapping[str, Any], *, insutype: str = ""
) -> dict[str, int]:
    """Sums in fen and the count of settlements, by the province's way to count pairs."""
    where, values = _where(desk, call, data)
    if insutype:
        where += " AND insutype = ?"
        values.append(insutype)
    sums = ", ".join(f"COALESCE(SUM({name}), 0) AS {name}" for name in COMPARED)
    row = one(
        books,
        f"SELECT {sums}, COUNT(*) AS n,"
        " COALESCE(SUM(CASE WHEN refd_setl_flag = '1' THEN 1 ELSE 0 END), 0) AS refunds"
        f" FROM settlements WHERE {where}",
        *values,
    )
    assert row is not None  # an aggregate always has a row
    found = {name: int(row[name]) for name in COMPARED}
    found["count"] = int(row["n"]) - (2 - desk.policy.pair_count) * int(row["refunds"])
    return found


def compare_totals(desk: Desk, call: Call, books: Books) -> Handled:
    """3201: balanced or not, and which sums differ."""
    data = node(call)
    found = totals(desk, call, books, data, insutype=needed(data, "insutype"))
    if desk.broken == "I9":
        found["medfee_sumamt"] += 1
    given = {name: fen(data.get(name), name) for name in COMPARED}
    given["count"] = whole(data, "fixmedins_setl_cnt", "0")
    wrong = [name for name in found if found[name] != given[name]]
    said = "；".join(f"{_NAMES[name]}不一致" for name in wrong)
    output = {
        "stmtinfo": {
            "setl_optins": text(data, "setl_optins"),
            "stmt_rslt": desk.policy.total_rslt[bool(wrong)],
            "stmt_rslt_dscr": said or "平",
        }
    }
    return Handled(answer=Answer(output=output))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Uploaded:
    """One row of the hospital's file; amounts in fen, refunds negative."""

    setl_id: str
    mdtrt_id: str
    psn_no: str
    refd: str
    amounts: tuple[int, ...]


def _uploaded(desk: Desk, cells: Sequence[str]) -> _Uploaded:
    widths = {desk.policy.upload_columns} if desk.policy.strict_files else {7, 8}
    if len(cells) not in widths:
        raise Refusal("file_bad", reason=f"列数为{len(cells)}")
    refd = cells[6].strip() or "0"
    sign = -1 if refd == "1" and desk.policy.file_sign == "positive" else 1
    return _Uploaded(
        setl_id=cells[0].strip(),
        mdtrt_id=cells[1].strip(),
        psn_no=cells[2].strip(),
        refd=refd,
        amounts=tuple(
            sign * fen(cells[3 + nth].strip(), name) for nth, name in enumerate(COMPARED)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row of the result file.

    Attributes:
        state: ``balanced``, ``centre_more``, ``hospital_more``, ``differs`` or ``several``.
        memo: what it says in words.
        psn_no, mdtrt_id, setl_id, refd: as far as they are known.
        row: the centre's settlement, if there is one.
    """

    state: str
    memo: str
    psn_no: str
    mdtrt_id: str = ""
    setl_id: str = ""
    refd: str = "0"
    row: Row | None = None


def match(uploaded: Sequence[_Uploaded], rows: Sequence[Row]) -> list[Finding]:
    """Full outer join on ``setl_id``, then on person, visit, flag and amount."""
    by_id = {row["setl_id"]: row for row in rows}
    named = Counter(line.setl_id for line in uploaded)
    by_visit: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["setl_id"] not in named:
            by_visit[_visit_key(row)].append(row)
    seen: set[str] = set()
    findings = []
    for line in uploaded:
        found = by_id.get(line.setl_id)
        if found is None:
            key = (line.psn_no, line.mdtrt_id, line.refd, line.amounts[0])
            others = [row for row in by_visit.get(key, []) if row["setl_id"] not in seen]
            findings.append(_without_id(line, others))
            seen |= {row["setl_id"] for row in others}
        elif line.setl_id in seen:
            findings.append(_finding(line, "hospital_more", "医药机构重复上传"))
        else:
            seen.add(line.setl_id)
            findings.append(_compare(line, found))
    findings.extend(
        Finding(
            state="centre_more",
            memo="中心多",
            psn_no=row["psn_no"],
            mdtrt_id=row["mdtrt_id"],
            setl_id=row["setl_id"],
            refd=row["refd_setl_flag"],
            row=row,
        )
        for row in rows
        if row["setl_id"] not in seen
    )
    return findings


def _visit_key(row: Row) -> tuple[object, ...]:
    return (row["psn_no"], row["mdtrt_id"], row["refd_setl_flag"], int(row["medfee_sumamt"]))


def _finding(line: _Uploaded, state: str, memo: str, row: Row | None = None) -> Finding:
    several = state == "several"
    return Finding(
        state=state,
        memo=memo,
        psn_no=line.psn_no,
        mdtrt_id="" if several else line.mdtrt_id,
        setl_id="" if several else line.setl_id,
        refd=line.refd,
        row=row,
    )


def _without_id(line: _Uploaded, rows: Sequence[Row]) -> Finding:
    if not rows:
        return _finding(line, "hospital_more", "医药机构多")
    if len(rows) > 1:
        return _finding(line, "several", f"中心存在{len(rows)}条对应记录")
    return _finding(line, "differs", "结算ID不一致", rows[0])


def _compare(line: _Uploaded, row: Row) -> Finding:
    wrong = [
        _NAMES[name]
        for name, amount in zip(COMPARED, line.amounts, strict=True)
        if int(row[name]) != amount
    ]
    if (line.psn_no, line.mdtrt_id) != (row["psn_no"], row["mdtrt_id"]):
        wrong.insert(0, "人员或就诊")
    if line.refd != row["refd_setl_flag"]:
        wrong.insert(0, "退费标志")
    if wrong:
        return _finding(line, "differs", f"{'、'.join(wrong)}不一致", row)
    return _finding(line, "balanced", "", row)


def result_line(desk: Desk, finding: Finding) -> list[str]:
    """A row of the result file in the province's columns; empty is ``null``."""
    row = finding.row
    memo = finding.memo
    if desk.policy.memo_insutype and row is not None:
        memo += row["insutype"]
    cells = {
        "psn_no": finding.psn_no,
        "mdtrt_id": finding.mdtrt_id,
        "setl_id": finding.setl_id,
        "msgid": row["medins_setl_id"] if row else "",
        "stmt_rslt": desk.policy.stmt_rslt[finding.state],
        "refd_setl_flag": finding.refd,
        "memo": memo,
        "exp_content": "",
        **{name: yuan_text(row[name]) if row else "" for name in COMPARED},
    }
    return [cells[name] or "null" for name in RESULT_COLUMNS[desk.policy.result_columns]]


def compare_details(desk: Desk, call: Call, books: Books) -> Handled:
    """3202: compare an uploaded file row by row; the result is a file for 9102."""
    data = node(call)
    where, values = _where(desk, call, data)
    if text(data, "file_qury_no") == "":
        raise Refusal("field_missing", name="file_qury_no")
    _, body = fetch_file(desk, call, books, {"file_qury_no": data["file_qury_no"]})
    uploaded = [
        _uploaded(desk, cells) for cells in unzip_text(body, strict=desk.policy.strict_files)
    ]
    columns = ", ".join(
        ("setl_id", "mdtrt_id", "psn_no", "medins_setl_id", "refd_setl_flag", "insutype", *COMPARED)
    )
    rows = books.rows(
        f"SELECT {columns} FROM settlements WHERE {where} ORDER BY setl_time, setl_id", values
    )
    lines = [result_line(desk, finding) for finding in match(uploaded, rows)]
    number, until, statement = store_file(
        desk, call, books, "result.zip", zip_text("result.txt", lines), owner=call.fixmedins_code
    )
    output = {"fileinfo": {"file_qury_no": number, "filename": "result.zip", "dld_endtime": until}}
    return Handled(answer=Answer(output=output), statements=[statement])


def apply_clearing(desk: Desk, call: Call, books: Books) -> Handled:
    """3203: apply for the clearing of a month; only sums that are the centre's are taken."""
    if not desk.policy.clearing:
        raise Refusal("clearing_abolished")
    data = node(call)
    month = needed(data, "setlym")
    clr_type = needed(data, "clr_type")
    period = {
        "stmt_begndate": day(data, "begndate"),
        "stmt_enddate": day(data, "enddate"),
        "clr_type": clr_type,
    }
    again = one(
        books,
        "SELECT 1 FROM clearings WHERE fixmedins_code = ? AND clr_type = ? AND setlym = ?"
        " AND state = '10'",
        call.fixmedins_code,
        clr_type,
        month,
    )
    if again is not None:
        raise Refusal("clearing_again", month=month)
    found = totals(desk, call, books, period)
    given = {
        "medfee_sumamt": fen(data.get("medfee_sumamt")),
        "fund_pay_sumamt": fen(data.get("fund_appy_sum")),
        "acct_pay": fen(data.get("acct_pay")),
    }
    times = text(data, "psntime")
    recognised = fen(data.get("med_sumfee"))
    if (
        any(found[name] != given[name] for name in given)
        or times != str(found["count"])
        or recognised != given["medfee_sumamt"]
    ):
        raise Refusal("clearing_differs")
    number = fresh(
        books, "clearings", "clr_appy_evt_id", desk.seed, call.fixmedins_code, call.msgid
    )
    row = {
        "clr_appy_evt_id": number,
        "fixmedins_code": call.fixmedins_code,
        "clr_type": clr_type,
        "setlym": month,
        "psntime": found["count"],
        "medfee_sumamt": found["medfee_sumamt"],
        "fund_appy_sum": found["fund_pay_sumamt"],
        "acct_pay": found["acct_pay"],
        "state": "10",
    }
    return Handled(
        answer=Answer(output={"result": {"clr_appy_evt_id": number}}),
        statements=[insert("clearings", row)],
    )


def withdraw_clearing(desk: Desk, call: Call, books: Books) -> Handled:
    """3204: take an application for clearing back."""
    if not desk.policy.clearing:
        raise Refusal("clearing_abolished")
    number = needed(node(call), "clr_appy_evt_id")
    row = one(
        books,
        "SELECT * FROM clearings WHERE clr_appy_evt_id = ? AND fixmedins_code = ? AND state = '10'",
        number,
        call.fixmedins_code,
    )
    if row is None:
        raise Refusal("clearing_unknown", no=number)
    change = update("clearings", {"clr_appy_evt_id": number}, {"state": "0"})
    return Handled(answer=Answer(output={}), statements=[change])
