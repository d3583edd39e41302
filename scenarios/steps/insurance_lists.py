"""Sentences about 医保结算清单, and about the rows of patients who pay themselves."""

from __future__ import annotations

from harness import limits
from harness.errors import Blocked, HarnessError
from harness.evidence.expect import Ask, Expectation, Selector
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import place, rows_expected
from scenarios.steps.insurance import bill_of
from scenarios.steps.insurance_town import INTERFACE, ROLE, centre, known, rest

steps = Library("insurance")

STATES = {
    "已上传": "uploaded",
    "已提交": "submitted",
    "被拒绝": "refused",
    "已锁定": "locked",
    "未上传": "due",
    "已作废": "void",
}
CENTRE_STATES = {"可修改": "0", "已提交": "1", "审核通过": "2", "审核退回": "3"}


def _send(world: World, label: str, blank: str = "") -> None:
    nth = world.state.setdefault("receipts", {})
    nth[label] = nth.get(label, 0) + 1
    code = f"P{world.seed % 10**8:08d}{nth[label]:02d}"
    world.state.setdefault("receipt", {})[label] = code
    world.order("HIS", "yb-list", **bill_of(world, label), bill_code=code,
                blank=blank)  # fmt: skip
    rest(world)


@steps.when(
    "病案室上传患者{string}的结算清单",
    id="insurance.list",
    purpose="上传并提交结算清单（4101、4102）",
    effect="每次用新的票据代码；基金支付取自 5203",
    example="当 病案室上传患者“甲”的结算清单",
    gloss="The record room uploads and submits the settlement list",
)
def send_list(world: World, label: str) -> None:
    """One order to the HIS."""
    _send(world, label)


@steps.when(
    "病案室上传患者{string}的结算清单，漏填{string}",
    id="insurance.list-blank",
    purpose="检查中心拒绝缺项的清单时，HIS 是否留下全部原因",
    effect="漏填的字段用顿号分开",
    example="当 病案室上传患者“甲”的结算清单，漏填“dscg_caty、bill_no”",
    gloss="The record room uploads a list with fields left empty",
)
def send_blank(world: World, label: str, fields: str) -> None:
    """One order to the HIS, some fields of setlinfo missing."""
    _send(world, label, fields.replace("、", ","))


@steps.when(
    "病案室检查漏传的结算清单",
    id="insurance.list-check",
    purpose="找出已结算而没有清单的住院",
    effect="每笔漏传的结算记一行“未上传”",
    example="当 病案室检查漏传的结算清单",
    gloss="The record room looks for settlements without a list",
)
def check_lists(world: World) -> None:
    """One order to the HIS."""
    world.order("HIS", "yb-list-check")
    rest(world)


@steps.when(
    "医保局对患者{string}的结算清单{string}",
    id="insurance.list-judged",
    purpose="医保局审核已提交的清单",
    effect="“审核通过”后冻结，“审核退回”后可再上传",
    example="当 医保局对患者“甲”的结算清单“审核退回”",
    gloss="The bureau approves or rejects a list",
)
def judged(world: World, label: str, verdict: str) -> None:
    """Over the control pipe of the centre."""
    centre(world)
    args = {"psn_no": world.known_person(label).patient_id}
    args["state"] = known({"审核通过": "2", "审核退回": "3"}, verdict)
    try:
        world.bench.driver.command(ROLE, "list", args, limits.CONTROL_TIMEOUT_S)
    except HarnessError as error:  # no list was submitted: what follows would judge nothing
        raise Blocked(tr("the bureau has nothing to judge: {why}", why=error.message)) from error


@steps.then(
    "{duration}内患者{string}的结算清单应依次为{string}",
    id="insurance.lists",
    purpose="核对 HIS 记录的每份清单的状态",
    effect="查询探针 his-yb-lists；状态用顿号分开：已上传、已提交、被拒绝、已锁定、未上传、已作废",
    example="那么 10秒内患者“甲”的结算清单应依次为“已作废、已提交”",
    gloss="The HIS has exactly these lists of a bill, by state",
)
def lists(world: World, limit_s: float, label: str, states: str) -> Expectation:
    """One row a settlement."""
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-lists",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_list",
        key=["state"],
        rows=[{"state": known(STATES, one)} for one in states.split("、")],
        limit_s=limit_s,
        classes={"missing": "yb-LST", "unwanted": "yb-LST"},
    )


@steps.then(
    "{duration}内患者{string}的结算清单票据代码应为第{int}次所填",
    id="insurance.list-content",
    purpose="核对 HIS 记录的内容就是中心现有的内容",
    effect="查询探针 his-yb-lists",
    example="那么 10秒内患者“甲”的结算清单票据代码应为第1次所填",
    gloss="The list holds what the nth upload said",
)
def list_content(world: World, limit_s: float, label: str, nth: int) -> Expectation:
    """Its receipt code."""
    number = world.state["bills"][label]
    code = f"P{world.seed % 10**8:08d}{nth:02d}"
    return rows_expected(
        probe="his-yb-lists",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_list",
        key=["bill_no"],
        rows=[{"bill_no": number, "bill_code": code}],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内患者{string}的结算清单被拒原因应含{string}",
    id="insurance.list-refusal",
    purpose="核对被拒的每个字段都看得到",
    effect="查询探针 his-yb-lists；字段用顿号分开，按中心列出的次序",
    example="那么 10秒内患者“甲”的结算清单被拒原因应含“dscg_caty、bill_no”",
    gloss="The reasons of a refused list name these fields",
)
def list_refusal(world: World, limit_s: float, label: str, fields: str) -> Expectation:
    """Every field, in the order of the centre."""
    number = world.state["bills"][label]
    pattern = ".*" + ".*".join(fields.split("、")) + ".*"
    return rows_expected(
        probe="his-yb-lists",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_list",
        key=["bill_no"],
        rows=[
            {
                "bill_no": number,
                "state": "refused",
                "note": Value(op="pattern", expected=pattern),
            }
        ],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内医保中心应有患者{string}的结算清单:",
    id="insurance.centre-lists",
    purpose="核对中心的清单状态，及所属结算是否已撤销",
    effect="查询探针 centre-lists；状态：可修改、已提交、审核通过、审核退回",
    example="""
    那么 10秒内医保中心应有患者“甲”的结算清单:
      | 状态   | 结算已撤销 |
      | 已提交 | 否         |
    """,
    gloss="The centre has exactly these lists of a patient",
)
def centre_lists(world: World, limit_s: float, label: str, table: Table) -> Expectation:
    """By state and by whether the settlement stands."""
    table.require({"状态", "结算已撤销"})
    rows = [
        {
            "stas_type": known(CENTRE_STATES, row["状态"]),
            "undone": known({"是": "1", "否": "0"}, row["结算已撤销"]),
        }
        for row in table.rows
    ]
    return rows_expected(
        probe="centre-lists",
        args={"psn_no": world.known_person(label).patient_id},
        interface=INTERFACE,
        table="yb_list",
        key=["undone"],
        rows=rows,
        limit_s=limit_s,
        classes={"missing": "yb-LST", "unwanted": "yb-LST"},
    )


@steps.then(
    "{duration}内医保中心没有患者{string}的结算清单",
    id="insurance.no-centre-list",
    purpose="核对被拒的清单没有入库",
    effect="查询探针 centre-lists；以 HIS 记有该清单为对照",
    example="那么 2秒内医保中心没有患者“甲”的结算清单",
    gloss="The centre has no list of a patient",
)
def no_centre_list(world: World, limit_s: float, label: str) -> Expectation:
    """Nothing, while the HIS has a row to be seen."""
    probe = "his-yb-lists"
    return Expectation(
        mode="never",
        select=Selector(kind="probe", where={"probe": "centre-lists"}),
        place=place(INTERFACE, "sql", "yb_list"),
        limit_s=limit_s,
        ask=Ask(probe="centre-lists", args={"psn_no": world.known_person(label).patient_id}),
        control=Selector(kind="probe", where={"probe": probe}),
        control_ask=Ask(probe=probe, args={"bill_no": world.state["bills"][label]}),
    )


# -- who pays alone --------------------------------------------------------------------------------


@steps.when(
    "病案室上传患者{string}的自费费用",
    id="insurance.ownpay",
    purpose="上传自费病人的费用并核对合计（4261、4262，必要时 4263）",
    effect="账单不经医保结算",
    example="当 病案室上传患者“甲”的自费费用",
    gloss="The rows of a patient who pays alone are uploaded and compared",
)
def ownpay(world: World, label: str) -> None:
    """One order to the HIS."""
    world.order("HIS", "yb-ownpay", **bill_of(world, label))
    rest(world)


@steps.then(
    "{duration}内患者{string}的自费上传应核对{string}",
    id="insurance.ownpay-state",
    purpose="核对自费上传的结果，双方合计一致",
    effect="查询探针 his-yb-ownpay",
    example="那么 10秒内患者“甲”的自费上传应核对“一致”",
    gloss="The upload of who pays alone was compared with this result",
)
def ownpay_state(world: World, limit_s: float, label: str, result: str) -> Expectation:
    """One row."""
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-ownpay",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_ownpay",
        key=["bill_no"],
        rows=[{"bill_no": number, "state": known({"一致": "agreed", "不符": "differs"}, result)}],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内医保中心应有患者{string}的自费费用{int}条",
    id="insurance.centre-ownpay",
    purpose="核对自费费用全部到达",
    effect="查询探针 centre-ownpay",
    example="那么 10秒内医保中心应有患者“甲”的自费费用3条",
    gloss="The centre has so many rows of who pays alone",
)
def centre_ownpay(world: World, limit_s: float, label: str, count: int) -> Expectation:
    """Counted and added up."""
    who = world.known_person(label)
    return rows_expected(
        probe="centre-ownpay",
        args={"certno": who.id_card},
        interface=INTERFACE,
        table="yb_ownpay",
        key=["certno"],
        rows=[{"certno": who.id_card, "fees": str(count)}],
        limit_s=limit_s,
    )
