"""Sentences about settlement: insured patients, their bills, and what cashiers do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import RANDOM
from scenarios.steps.insurance_town import REST_S, centre, cue, insured, kept_lines, known, rest
from simulators.centre import schema, simulate


def _ahead() -> None:
    schema.load(schema.CURRENT)
    simulate.empty_town()


steps = Library("insurance", _ahead)

INSURANCES = {
    "职工医保": "employee",
    "退休职工医保": "retired",
    "居民医保": "resident",
    "公务员补助": "civil",
    "企业补充医保": "company",
    "医疗救助": "aided",
    "家庭共济": "family",
    "职工医保且个人账户为零": "empty_account",
    "省内异地职工医保": "province",
    "跨省异地职工医保": "far",
    "停保的职工医保": "paused",
}
"""Kinds of insured persons in sentences, and in the centre's world."""

CHANNELS = {"收费窗口": "window", "床旁": "bedside", "自助机": "self", "手机": "mobile"}

PRICES: Mapping[str, tuple[str, str]] = {
    "Y001": ("8.03", "19.97"),
    "Y002": ("80.15", "160.85"),
    "Y005": ("20.05", "40.95"),
    "Y006": ("11.11", "48.88"),
    "Y008": ("30.07", "90.93"),
    "J001": ("15.01", "25.99"),
    "J003": ("18.03", "29.97"),
    "J004": ("120.05", "260.95"),
    "J006": ("500.05", "699.95"),
    "C008": ("30.03", "60.97"),
    "H010": ("12.01", "24.99"),
    "S012": ("900.05", "1999.95"),
}
"""The hospital's codes, and between which prices the seed draws one."""


@steps.given(
    "患者{string}有{string}",
    id="insurance.person",
    purpose="准备一名参保患者",
    effect="医保中心的账里有这个人；险种：职工医保、居民医保、公务员补助、医疗救助等",
    example="假如 患者“甲”有“职工医保”",
    gloss="A patient is insured in a certain way",
)
def person(world: World, label: str, kind: str) -> None:
    """A person of the centre's world, by kind of insurance."""
    name = known(INSURANCES, kind)
    if label in world.people or label in world.signed:
        raise ScenarioError(tr("the person {label} is prepared twice", label=label))
    centre(world)
    kinds = world.state.setdefault("insured", {})
    who = insured(world, name, sum(one == name for one in kinds.values()))
    kinds[label] = name
    world.people[label] = who
    world.guard.identities.allow(who)


@steps.given(
    "患者{string}的门诊账单:",
    id="insurance.bill",
    purpose="准备一张未结算的门诊账单",
    effect="HIS 按对码表开立；单价不写或写“随机”时由种子产生，数量不写为 1",
    example="""
    假如 患者“甲”的门诊账单:
      | 项目 | 数量 |
      | Y001 | 3    |
    """,
    gloss="An outpatient bill that is not settled",
)
def outpatient_bill(world: World, label: str, table: Table) -> None:
    """One bill of kind ``otp``."""
    _bill(world, label, table, kind="otp", med_type="11")


@steps.given(
    "患者{string}的慢特病门诊账单:",
    id="insurance.chronic-bill",
    purpose="准备一张门诊慢特病账单（医疗类别 14）",
    effect="同“门诊账单”",
    example="""
    假如 患者“甲”的慢特病门诊账单:
      | 项目 |
      | Y006 |
    """,
    gloss="A bill for a registered chronic disease",
)
def chronic_bill(world: World, label: str, table: Table) -> None:
    """One bill of medical type 14."""
    _bill(world, label, table, kind="otp", med_type="14")


@steps.given(
    "患者{string}的住院账单:",
    id="insurance.inpatient-bill",
    purpose="准备一张未结算的住院账单",
    effect="同“门诊账单”，按住院流程结算",
    example="""
    假如 患者“甲”的住院账单:
      | 项目 | 数量 |
      | C008 | 5    |
    """,
    gloss="An inpatient bill that is not settled",
)
def inpatient_bill(world: World, label: str, table: Table) -> None:
    """One bill of kind ``ipt``."""
    _bill(world, label, table, kind="ipt", med_type="21")


def _bill(world: World, label: str, table: Table, *, kind: str, med_type: str) -> None:
    table.require({"项目"}, optional={"单价", "数量"})
    who = world.known_person(label)
    number = f"B{world.seed % 10**12:012d}{len(world.state.get('bills', {})) + 1:02d}"
    world.state.setdefault("bills", {})[label] = number
    world.state.setdefault("clearing", {})[label] = med_type
    lines = []
    for nth, row in enumerate(table.rows):
        price = row.get("单价") or RANDOM
        if price == RANDOM:
            price = _price(world, label, row["项目"], nth)
        lines.append(f"{row['项目']},{price},{row.get('数量') or '1'}")
    world.state.setdefault("items", {})[label] = [row["项目"] for row in table.rows]
    world.state.setdefault("charged", {})[label] = _total(lines)
    world.order("HIS", "yb-bill", bill_no=number, patient_id=who.patient_id, name=who.name,
                id_card=who.id_card, lines=";".join(lines), kind=kind,
                med_type=med_type)  # fmt: skip


def _total(lines: Sequence[str]) -> str:
    """What the lines of a bill come to, in yuan: rounded half up, line by line."""
    parts = [line.split(",") for line in lines]
    cent = Decimal("0.01")
    amounts = [(Decimal(price) * Decimal(count)).quantize(cent, ROUND_HALF_UP)
               for _, price, count in parts]  # fmt: skip
    return str(sum(amounts, Decimal(0)))


def _price(world: World, label: str, item: str, nth: int) -> str:
    """A price that the seed draws; its cents are never round."""
    if item not in PRICES:
        raise ScenarioError(tr("no range to draw a value of {item} from", item=item))
    low, high = (int(Decimal(one) * 100) for one in PRICES[item])
    drawn = low + int(world.draw("price", label, item, nth) * (high - low + 1))
    return str(Decimal(drawn).scaleb(-2))


@steps.when(
    "{string}为患者{string}结算",
    id="insurance.settle",
    purpose="走完一次医保结算，直到有定论",
    effect="渠道：收费窗口、床旁、自助机、手机；结果未知时 HIS 自行查明",
    example="当 “收费窗口”为患者“甲”结算",
    gloss="A bill is settled over a channel",
)
def settle(world: World, channel: str, label: str) -> None:
    """One order, until its flow is at its end."""
    _settle(world, [channel], label)


@steps.when(
    "{string}与{string}同时为患者{string}结算",
    id="insurance.settle-twice",
    purpose="检查两个渠道同时结算同一张账单",
    effect="两处在同一时刻发起，等到都有定论",
    example="当 “收费窗口”与“床旁”同时为患者“甲”结算",
    gloss="Two channels settle the same bill at once",
)
def settle_at_once(world: World, one: str, other: str, label: str) -> None:
    """Two orders, none waits for the other."""
    _settle(world, [one, other], label)


@steps.when(
    "{string}为患者{string}的结算连续点击{count}",
    id="insurance.click",
    purpose="检查重复提交",
    effect="同一渠道连续发起多次，等到都有定论",
    example="当 “收费窗口”为患者“甲”的结算连续点击2次",
    gloss="The same channel asks for the same settlement several times",
)
def click(world: World, channel: str, label: str, times: int) -> None:
    """Several orders over one channel."""
    _settle(world, [channel] * times, label)


def bill_of(world: World, label: str) -> dict[str, str]:
    """The bill of a patient, and whose it is: who does it by hand has to find the patient."""
    person = world.known_person(label)
    return {"bill_no": world.state["bills"][label], "patient_id": person.patient_id}


def _settle(world: World, channels: Sequence[str], label: str) -> None:
    for channel in channels:
        world.order("HIS", "yb-settle", **bill_of(world, label),
                    channel=known(CHANNELS, channel))  # fmt: skip
    rest(world)


@steps.when(
    "收费窗口为患者{string}全部退费",
    id="insurance.refund",
    purpose="整单退费",
    effect="HIS 撤销结算，等到有定论",
    example="当 收费窗口为患者“甲”全部退费",
    gloss="A settlement is refunded as a whole",
)
def refund(world: World, label: str) -> None:
    """2208 or 2305."""
    world.order("HIS", "yb-refund", **bill_of(world, label))
    rest(world)


@steps.when(
    "收费窗口为患者{string}部分退费，保留项目{string}",
    id="insurance.refund-partly",
    purpose="部分退费：整单撤销后，其余重新结算",
    effect="保留的项目用顿号分开",
    example="当 收费窗口为患者“甲”部分退费，保留项目“Y001、J003”",
    gloss="A settlement is refunded, and some items are settled anew",
)
def refund_partly(world: World, label: str, items: str) -> None:
    """A whole reversal, and a new settlement of the rest."""
    keep = kept_lines(world, label, items)
    world.order("HIS", "yb-refund", **bill_of(world, label), keep=keep)
    rest(world)


@steps.when(
    "收费处对{string}做日终对账",
    id="insurance.day-end",
    purpose="对总账，不平时对明细并逐笔处理",
    effect="“当日”或“次日”；HIS 发 3201，必要时 9101、3202、9102",
    example="当 收费处对“当日”做日终对账",
    gloss="The HIS reconciles a day",
)
def day_end(world: World, which: str) -> None:
    """3201 of every bucket of a day."""
    day = cue(world, known({"当日": 0, "次日": 1}, which))
    world.state["day"] = day
    world.order("HIS", "yb-day", day=day)
    rest(world, REST_S)
