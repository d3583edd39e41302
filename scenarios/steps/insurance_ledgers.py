"""Sentences about settlement: what the HIS's ledger and the centre's must say in the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.model import Outcome
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import nothing_expected, place, rows_expected
from scenarios.steps.insurance_town import INTERFACE, LEDGER, known
from simulators.centre import world as centre_world

steps = Library("insurance")

SAME = (
    "setl_id", "mdtrt_id", "medfee_fen", "fund_fen", "acct_fen", "cash_fen", "setl_time",
    "refd_setl_flag", "clr_type", "insutype", "clr_optins",
)  # fmt: skip
"""What both ledgers must say alike about a settlement; ``medins_setl_id`` finds it."""

STATES = {"已结算": "settled", "未成功": "failed", "待人工处理": "manual", "已退费": "refunded"}
CLASSES = {"中心多": "centre_more", "医院多": "hospital_more", "不一致": "differs"}
REPAIRS = {"冲正": "2601", "撤销": "2208", "补记": "5203", "补登结算号": "id", "补记退费": "refund",
           "人工处理": "manual"}  # fmt: skip
CLEARING = {"11": "11", "14": "14", "21": "21"}
"""Clearing type by medical type, as the example policy has it."""


def _looked(world: World, probe: str, args: Mapping[str, str]) -> list[Mapping[str, Any]]:
    answer = world.bench.probes[probe].ask(args)
    if answer.outcome is not Outcome.OK:
        raise Blocked(tr("the probe {probe} cannot look: {why}", probe=probe, why=answer.error))
    return list(answer.rows)


@steps.then(
    "{duration}内患者{string}的双方账目应一致，各有{int}笔",
    id="insurance.agree",
    purpose="逐笔逐字段核对 HIS 与医保中心的账：不多、不少、不差一分",
    effect="查询探针 centre-ledger 与 his-yb-ledger；退费另计一笔",
    example="那么 10秒内患者“甲”的双方账目应一致，各有1笔",
    gloss="Both ledgers have exactly so many rows of a patient, and the same",
)
def agree(world: World, limit_s: float, label: str, count: int) -> list[Expectation]:
    """So many at the centre, and the same in the HIS."""
    psn_no = world.known_person(label).patient_id
    args = {"psn_no": psn_no}
    if count == 0:
        return [_none(world, label, probe, limit_s) for probe in (LEDGER, "his-yb-ledger")]
    rows = _looked(world, LEDGER, args)
    at_centre = Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": LEDGER}),
        wanted=[Wanted(key={"row.psn_no": psn_no}, times=count)],
        place=place(INTERFACE, "http", "2207"),
        limit_s=limit_s,
        exact=True,
        settle_s=0.4,
        ask=Ask(probe=LEDGER, args=args),
        classes={"missing": "lost", "repeated": "duplicate"},
    )
    if not rows:
        return [at_centre]
    wanted: list[dict[str, Value | str]] = [
        {name: str(row[name]) for name in (*SAME, "medins_setl_id")} for row in rows
    ]
    in_house = rows_expected(
        probe="his-yb-ledger",
        args=args,
        interface=INTERFACE,
        table="yb_settlement",
        key=["medins_setl_id"],
        rows=wanted,
        limit_s=limit_s,
        classes={"missing": "yb-C+", "repeated": "yb-DUP-H", "unwanted": "yb-H+"},
    )
    return [at_centre, in_house]


def _none(world: World, label: str, probe: str, limit_s: float) -> Expectation:
    """No row of a patient, while the bill is there to be seen."""
    at_centre = probe == LEDGER
    return Expectation(
        mode="never",
        select=Selector(kind="probe", where={"probe": probe}),
        place=place(INTERFACE, "http" if at_centre else "sql",
                    "2207" if at_centre else "yb_settlement"),
        limit_s=limit_s,
        ask=Ask(probe=probe, args={"psn_no": world.known_person(label).patient_id}),
        control=Selector(kind="probe", where={"probe": "his-yb-bills"}),
        control_ask=Ask(probe="his-yb-bills", args={"bill_no": world.state["bills"][label]}),
    )  # fmt: skip


@steps.then(
    "{duration}内医保中心有且只有患者{string}的{int}笔有效结算",
    id="insurance.valid",
    purpose="核对医保中心没有多结、漏结",
    effect="查询探针 centre-ledger，只数没有撤销的结算",
    example="那么 10秒内医保中心有且只有患者“甲”的1笔有效结算",
    gloss="The centre has so many settlements of a patient that stand",
)
def valid(world: World, limit_s: float, label: str, count: int) -> Expectation:
    """Neither reversed nor reversals."""
    psn_no = world.known_person(label).patient_id
    stands = {"row.refd_setl_flag": "0", "row.undone": "0"}
    if count == 0:
        raise ScenarioError(tr("say that both ledgers have 0 rows, or how many are reversed"))
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": LEDGER}, having=stands),
        wanted=[Wanted(key={"row.psn_no": psn_no}, times=count)],
        place=place(INTERFACE, "http", "2207"),
        limit_s=limit_s,
        exact=True,
        settle_s=0.4,
        ask=Ask(probe=LEDGER, args={"psn_no": psn_no}),
        classes={"missing": "lost", "repeated": "duplicate"},
    )


@steps.then(
    "{duration}内患者{string}的账单应为{string}",
    id="insurance.bill-state",
    purpose="核对 HIS 账单的状态",
    effect="查询探针 his-yb-bills；状态：已结算、未成功、待人工处理、已退费",
    example="那么 10秒内患者“甲”的账单应为“已结算”",
    gloss="The bill of a patient is in this state",
)
def bill_state(world: World, limit_s: float, label: str, state: str) -> Expectation:
    """One row, its state."""
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-bills",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_bill",
        key=["bill_no"],
        rows=[{"bill_no": number, "state": known(STATES, state)}],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内患者{string}的账单应记为险种{string}",
    id="insurance.bill-insutype",
    purpose="核对 HIS 采用了中心返回的险种",
    effect="查询探针 his-yb-bills",
    example="那么 10秒内患者“甲”的账单应记为险种“390”",
    gloss="The bill carries this type of insurance",
)
def bill_insutype(world: World, limit_s: float, label: str, insutype: str) -> Expectation:
    """One row, its insutype."""
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-bills",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_bill",
        key=["bill_no"],
        rows=[{"bill_no": number, "insutype": insutype}],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内医保中心收到患者{string}的费用明细应为:",
    id="insurance.fees",
    purpose="核对上传的明细用了有效的对码",
    effect="查询探针 centre-fees",
    example="""
    那么 10秒内医保中心收到患者“甲”的费用明细应为:
      | 项目 | 医保编码      |
      | Y001 | MHD0000000001 |
    """,
    gloss="The centre has exactly these rows of a patient, under these codes",
)
def fees(world: World, limit_s: float, label: str, table: Table) -> Expectation:
    """Own code and the centre's, row by row."""
    table.require({"项目", "医保编码"})
    return rows_expected(
        probe="centre-fees",
        args={"psn_no": world.known_person(label).patient_id},
        interface=INTERFACE,
        table="yb_line",
        key=["item"],
        rows=[{"item": row["项目"], "med_code": row["医保编码"]} for row in table.rows],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内患者{string}的{string}应发送{count}",
    id="insurance.sent",
    purpose="核对 HIS 日志里某交易的条数（先写日志再发送）",
    effect="查询探针 his-yb-log",
    example="那么 10秒内患者“甲”的“2601”应发送1次",
    gloss="The HIS's log has so many messages of a transaction",
)
def sent(world: World, limit_s: float, label: str, infno: str, times: int) -> Expectation:
    """So many lines of the log."""
    args = {"bill_no": world.state["bills"][label], "infno": infno}
    if times == 0:
        control = args | {"infno": "1101"}
        return nothing_expected(
            probe="his-yb-log",
            args=args,
            control_args=control,
            interface=INTERFACE,
            table="yb_log",
            limit_s=limit_s,
        )
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": "his-yb-log"}),
        wanted=[Wanted(key={"row.infno": infno}, times=times)],
        place=place(INTERFACE, "sql", "yb_log"),
        limit_s=limit_s,
        exact=True,
        settle_s=0.4,
        ask=Ask(probe="his-yb-log", args=args),
    )


@steps.then(
    "{duration}内患者{string}的报文号应不重复",
    id="insurance.msgids",
    purpose="核对不同报文用了不同的报文号",
    effect="查询探针 his-yb-msgids；重发的同一报文算一条",
    example="那么 10秒内患者“甲”的报文号应不重复",
    gloss="No two messages of a bill have the same id",
)
def msgids(world: World, limit_s: float, label: str) -> Expectation:
    """As many ids as messages."""
    number = world.state["bills"][label]
    value = Value(expected="0")
    where = place(INTERFACE, "sql", "yb_log.msgid")
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": "his-yb-msgids"}),
        wanted=[
            Wanted(
                key={"row.bill_no": number},
                checks=[Check(path="row.repeats", value=value, place=where)],
            )
        ],
        place=where,
        limit_s=limit_s,
        ask=Ask(probe="his-yb-msgids", args={"bill_no": number}),
    )


@steps.then(
    "{duration}内日终对账应平",
    id="insurance.balanced",
    purpose="核对各险种、清算类别的 3201 结果",
    effect="查询探针 his-yb-day：本场景每名患者所在的一组都为平",
    example="那么 10秒内日终对账应平",
    gloss="Every bucket of the day is balanced",
)
def balanced(world: World, limit_s: float) -> Expectation:
    """The buckets of this scenario's patients, and no others."""
    kinds: Mapping[str, str] = world.state["insured"]
    groups = {
        (
            centre_world.KINDS[kinds[label]].insutype,
            CLEARING[med_type],
            centre_world.KINDS[kinds[label]].region,
        )
        for label, med_type in world.state["clearing"].items()
    }
    names = ("insutype", "clr_type", "clr_optins")
    rows: list[dict[str, Value | str]] = [
        {**dict(zip(names, group, strict=True)), "stmt_rslt": "0"} for group in sorted(groups)
    ]
    return rows_expected(
        probe="his-yb-day",
        args={"day": world.state["day"]},
        interface=INTERFACE,
        table="yb_day",
        key=list(names),
        rows=rows,
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内日终对账应列出患者{string}的{string}，处理为{string}",
    id="insurance.difference",
    purpose="核对单边账被逐笔指出并处理",
    effect="查询探针 his-yb-differences",
    example="那么 10秒内日终对账应列出患者“甲”的“中心多”，处理为“冲正”",
    gloss="The day end names a difference of a patient and its repair",
)
def difference(world: World, limit_s: float, label: str, kind: str, repair: str) -> Expectation:
    """Exactly one row."""
    psn_no = world.known_person(label).patient_id
    row: dict[str, Value | str] = {
        "psn_no": psn_no,
        "class": known(CLASSES, kind),
        "repair": known(REPAIRS, repair),
    }
    return rows_expected(
        probe="his-yb-differences",
        args={"psn_no": psn_no},
        interface=INTERFACE,
        table="yb_difference",
        key=["psn_no"],
        rows=[row],
        limit_s=limit_s,
    )
