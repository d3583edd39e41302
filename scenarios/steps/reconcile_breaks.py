"""Sentences that break books as people and programs do: behind the back of the interface.

Whatever edits a store directly says so. The other ways to break books are the centre's faults and
days that end, which have sentences of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.errors import Blocked, ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.insurance_town import cue, known
from simulators.centre.transaction import Call
from simulators.centre.world import HOSPITAL
from simulators.store import insert

steps = Library("reconcile")

HIS_EDITS: Final[Mapping[str, Mapping[str, str]]] = {
    "丢失": {"how": "lose"},
    "重复一行": {"how": "copy"},
    "统筹改多一分": {"how": "set", "column": "fund_fen", "add": "1"},
    "现金改少一元": {"how": "set", "column": "cash_fen", "add": "-100"},
    "总额改多六十一元": {"how": "set", "column": "medfee_fen", "add": "6100"},
    "统筹与现金互换": {"how": "swap", "column": "fund_fen", "value": "cash_fen"},
    "改为已退费": {"how": "set", "column": "refd_setl_flag", "value": "1"},
    "编号截断": {"how": "set", "column": "setl_id", "cut": "-3"},
    "清算类别改为住院": {"how": "set", "column": "clr_type", "value": "21"},
    "险种改为居民": {"how": "set", "column": "insutype", "value": "390"},
    "经办机构改为异地": {"how": "set", "column": "clr_optins", "value": "430200"},
    "退费链改记为差额": {"how": "difference"},
    "退费链改记为差额且少记五元": {"how": "difference", "value": "500"},
}
"""What is done to the latest row of a bill in the hospital's store."""

CENTRE_EDITS: Final = frozenset({"重复一行", "丢失"})


@steps.when(
    "有人直接改医院库：患者{string}的结算{string}",
    id="reconcile.edit-his",
    purpose="造成医院一方的账被改动",
    effect="直接改内置医院的库，不经接口；改动：丢失、重复一行、统筹改多一分、现金改少一元、总额改多六十一元、"
    "统筹与现金互换、改为已退费、编号截断、清算类别改为住院、险种改为居民、经办机构改为异地、"
    "退费链改记为差额、退费链改记为差额且少记五元",
    example="当 有人直接改医院库：患者“甲”的结算“丢失”",
    gloss="Somebody edits the hospital's store directly",
)
def edit_his(world: World, label: str, edit: str) -> None:
    """The latest settlement of a bill."""
    args = known(HIS_EDITS, edit)
    _edit(world, label, args)


def _edit(world: World, label: str, args: Mapping[str, str]) -> None:
    world.permit.require_fault()
    world.order("HIS", "yb-books-edit", bill_no=world.state["bills"][label], **args)


@steps.when(
    "有人直接改医院库：患者{string}的结算记到患者{string}名下",
    id="reconcile.edit-person",
    purpose="造成结算记到别人名下（如误合并）",
    effect="直接改内置医院的库里这笔结算的人员编号",
    example="当 有人直接改医院库：患者“甲”的结算记到患者“乙”名下",
    gloss="A settlement in the hospital's store is put to another person",
)
def edit_person(world: World, label: str, other: str) -> None:
    """The person of a settlement."""
    value = world.known_person(other).patient_id
    _edit(world, label, {"how": "set", "column": "psn_no", "value": value})


@steps.when(
    "有人直接改医院库：患者{string}第{int}行的医保编码改为{string}",
    id="reconcile.edit-line",
    purpose="造成结算之后改了对码，账单明细被按新对码改写",
    effect="直接改内置医院的库里这一行明细的医保编码",
    example="当 有人直接改医院库：患者“甲”第1行的医保编码改为“MHD0000000008”",
    gloss="A fee line of a settled bill gets another code in the hospital's store",
)
def edit_line(world: World, label: str, line: int, code: str) -> None:
    """The code of one line."""
    args = {"how": "line", "line": str(line), "column": "med_code", "value": code}
    _edit(world, label, args)


@steps.when(
    "“收费窗口”脱机为患者{string}记账",
    id="reconcile.offline",
    purpose="造成窗口断网时医院自行记账、没有调用中心",
    effect="直接在内置医院的库里记一笔没有报文号的结算，全部收现金",
    example="当 “收费窗口”脱机为患者“甲”记账",
    gloss="The window books a bill without a call to the centre",
)
def offline(world: World, label: str) -> None:
    """A settlement that the centre never heard of."""
    _edit(world, label, {"how": "offline"})


# -- the centre's side -----------------------------------------------------------------------------


@steps.when(
    "有人直接改中心库：患者{string}的结算{string}",
    id="reconcile.edit-centre",
    purpose="造成中心一方的账被改动",
    effect="直接改模拟中心的库，不经接口；改动：重复一行（另给编号，报文号相同）、丢失",
    example="当 有人直接改中心库：患者“甲”的结算“重复一行”",
    gloss="Somebody edits the centre's store directly",
)
def edit_centre(world: World, label: str, edit: str) -> None:
    """The latest settlement of a person."""
    if edit not in CENTRE_EDITS:
        raise ScenarioError(
            tr("“{word}” is not known here; known: {known}", word=edit,
               known="、".join(sorted(CENTRE_EDITS)))
        )  # fmt: skip
    world.permit.require_fault()
    store, row = _standing(world, label)
    if edit == "丢失":
        store.commit([("UPDATE settlements SET vali_flag = '0' WHERE setl_id = ?",
                       (row["setl_id"],))])  # fmt: skip
    else:
        number = f"{row['setl_id'][:-4]}{int(row['setl_id'][-4:]) ^ 1:04d}"
        store.commit([insert("settlements", row | {"setl_id": number, "turn": row["turn"] + 900})])
    world.trace.add("note", text=f"edited the centre's store: {label} {edit}")


def _standing(world: World, label: str) -> tuple[Any, dict[str, Any]]:
    """The centre's store, and the latest settlement of a person that stands in it."""
    _, store = world.state["centre books"]
    rows = store.rows(
        "SELECT * FROM settlements WHERE psn_no = ? AND vali_flag = '1' AND refd_setl_flag = '0'"
        " AND undone = '0' ORDER BY turn DESC LIMIT 1",
        (world.known_person(label).patient_id,),
    )
    if not rows:
        raise Blocked(tr("the centre has no settlement of {label} that stands", label=label))
    return store, rows[0]


@steps.when(
    "经办人在医保平台直接撤销患者{string}的结算",
    id="reconcile.portal",
    purpose="造成退费不由医院系统发起",
    effect="模拟中心照常办理 2208 或 2305，医院没有任何请求",
    example="当 经办人在医保平台直接撤销患者“甲”的结算",
    gloss="An operator reverses a settlement in the centre's own portal",
)
def portal(world: World, label: str) -> None:
    """2208 or 2305 that no system of the hospital sent."""
    world.permit.require_fault()
    actor, store = world.state["centre books"]
    _, row = _standing(world, label)
    data = {name: row[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
    call = Call(
        infno="2208" if row["infno"] == "2207" else "2305",
        msgid=f"{HOSPITAL}{actor.time.wall():%Y%m%d%H%M%S}8001",
        fixmedins_code=HOSPITAL,
        opter="PORTAL",
        input={"data": data},
        at=actor.time.wall(),
    )
    handled = actor.handle(call)
    if handled.answer.infcode != 0:
        raise Blocked(handled.answer.err_msg)
    store.commit(handled.statements)
    world.trace.add("note", text=f"reversed in the centre's portal: {label}")


@steps.when(
    "中心已受理医院本月的清算",
    id="reconcile.cleared",
    purpose="检查清算之后的处理：只能退到当月，不能冲正",
    effect="直接在模拟中心的库里登记当月各清算类别的清算申请",
    example="当 中心已受理医院本月的清算",
    gloss="The centre has taken the hospital's clearing of this month",
)
def cleared(world: World) -> None:
    """An application of each clearing type."""
    world.permit.require_fault()
    _, store = world.state["centre books"]
    month = cue(world, 0)[:7].replace("-", "")
    empty = dict.fromkeys(("psntime", "medfee_sumamt", "fund_appy_sum", "acct_pay"), 0)
    store.commit(
        [
            insert(
                "clearings",
                {
                    "clr_appy_evt_id": f"C{month}{kind}",
                    "fixmedins_code": HOSPITAL,
                    "clr_type": kind,
                    "setlym": month,
                    "state": "10",
                    **empty,
                },
            )
            for kind in ("11", "14", "21")
        ]
    )
    world.trace.add("note", text=f"the clearing of {month} is in the centre's store")


@steps.when(
    "患者{string}又开了一张同样的门诊账单",
    id="reconcile.same-again",
    purpose="准备同一人几分钟内第二张同额的账单",
    effect="HIS 另开一张明细、单价、数量都相同的账单，此后的结算指这一张",
    example="当 患者“甲”又开了一张同样的门诊账单",
    gloss="The same person gets a second bill with the same lines",
)
def same_again(world: World, label: str) -> None:
    """A second bill, which later sentences mean."""
    first = world.state["bills"][label]
    rows = list(world.bench.probes["his-yb-prices"].ask({"bill_no": first}).rows)
    if not rows:
        raise Blocked(tr("the HIS has no bill of {label}", label=label))
    lines = ";".join(f"{row['item']},{row['price']},{row['cnt']}" for row in rows)
    who = world.known_person(label)
    world.state["bills"][label] = f"{first}R"
    world.order(
        "HIS", "yb-bill", bill_no=f"{first}R", patient_id=who.patient_id, name=who.name,
        id_card=who.id_card, lines=lines, kind="otp", med_type="11",
    )  # fmt: skip
