"""Sentences about orders for analyzers: what it asks, what the LIS answers, what is pushed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import SETTLE_S, place, prepared, rows_expected
from scenarios.steps.lab import UPLOAD_TIMEOUT_S, instrument, upload_all
from simulators.analyzer.analyzer import LINK
from simulators.analyzer.model import AnalyzerModel

steps = Library("lab_query")

ACTIONS = {"新开": "N", "加做": "A", "作废": "C"}
"""O.12 by the word in a sentence (LIS02-A2 §8.4.12)."""

TESTS_MAX = 5
"""Tests of one order in a sentence: all their orders are alternatives, and there are 120 of 5."""

CLAUSE = "LIS02-A2 §8.4"


def ask(world: World, name: str, **args: Any) -> None:
    """Let an analyzer ask; what the LIS answers from here on is the answer."""
    instrument(world, name)
    world.state["asked since"] = len(world.trace)
    count = world.state["questions"] = world.state.get("questions", 0) + 1
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    world.tell(name, "query", UPLOAD_TIMEOUT_S, control_id=f"Q{count:04d}", time=time, **args)


@steps.when(
    "分析仪{string}查询标本{string}的申请",
    id="lab_query.ask",
    purpose="让仪器按条码向 LIS 查询要做的项目",
    effect="一个 H-Q-L 报文；等 LIS 答复，等待时间由仪器型号给出；标本可用“、”并列",
    example="当 分析仪“sysmex-xn”查询标本“管1”的申请",
    gloss="The analyzer asks for the orders of one or several tubes",
)
def ask_tubes(world: World, analyzer: str, specimens: str) -> None:
    """One Q record with a repeat for each tube."""
    ask(world, analyzer, barcodes=[world.barcode(one) for one in specimens.split("、")])


@steps.when(
    "分析仪{string}在架{string}位{string}查询标本{string}的申请",
    id="lab_query.ask-rack",
    purpose="查询带有架号和位置时，答复应原样带回",
    effect="一个 H-Q-L 报文，Q.3 带架号、位置和条码",
    example="当 分析仪“sysmex-xn”在架“000007”位“4”查询标本“管1”的申请",
    gloss="The analyzer asks for a tube that stands at a place of a rack",
)
def ask_rack(world: World, analyzer: str, rack: str, position: str, specimen: str) -> None:
    """One Q record with rack, position and tube."""
    ask(world, analyzer, barcodes=[world.barcode(specimen)], rack=rack, position=position)


@steps.when(
    "分析仪{string}查询全部申请",
    id="lab_query.ask-all",
    purpose="检查 ALL 查询：所有未完成的标本都要答复",
    effect="一个 H-Q-L 报文，Q.3 为 ALL",
    example="当 分析仪“erba-xl”查询全部申请",
    gloss="The analyzer asks for everything that is to be done",
)
def ask_all(world: World, analyzer: str) -> None:
    """One Q record with ALL."""
    ask(world, analyzer, all=True)


# -- what the analyzer is told ---------------------------------------------------------------------


@steps.then(
    "{duration}内LIS给分析仪{string}的申请应为:",
    id="lab_query.answered",
    purpose="核对 LIS 发给仪器的申请：标本、项目、动作码、优先级、架位，不多不少",
    effect="解码线上的 O 记录；项目写 LIS 项目码，用“、”并列，按仪器通道比较；"
    "动作：新开、加做、作废",
    example="""
    那么 10秒内LIS给分析仪“sysmex-xn”的申请应为:
      | 标本 | 项目 | 动作 | 优先级 |
      | 管1 | WBC、HGB | 新开 | R |
    """,
    gloss="The LIS orders exactly this from the analyzer",
)
def answered(world: World, limit_s: float, analyzer: str, table: Table) -> Expectation:
    """Every O record since the question, each once."""
    return _told(world, limit_s, analyzer, table, {})


@steps.then(
    "{duration}内LIS给分析仪{string}的标本{string}申请应为:",
    id="lab_query.told-of-tube",
    purpose="主动下传时别的标本也在下传，只核对这一管：项目、动作码、优先级，不多不少",
    effect="同“LIS给分析仪的申请应为”，只看这一管的 O 记录",
    example="""
    那么 10秒内LIS给分析仪“sysmex-xn”的标本“管1”申请应为:
      | 标本 | 项目 | 动作 |
      | 管1 | WBC | 新开 |
    """,
    gloss="Of this tube the LIS orders exactly this from the analyzer",
)
def told_of_tube(
    world: World, limit_s: float, analyzer: str, specimen: str, table: Table
) -> Expectation:
    """Every O record of one tube since the analyzer came online, each once."""
    return _told(world, limit_s, analyzer, table, {"O.3": world.barcode(specimen)})


def _told(
    world: World, limit_s: float, analyzer: str, table: Table, having: Mapping[str, str]
) -> Expectation:
    table.require({"标本", "项目"}, optional={"动作", "优先级", "架位"})
    model = instrument(world, analyzer)
    wanted = [_order(world, model, row) for row in table.rows]
    return Expectation(
        mode="eventually",
        select=Selector(
            kind="message", where={"link": LINK, "frm": "LIS"}, each="O", having=having
        ),
        wanted=wanted,
        place=place("LIS-ASTM", "astm", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state.get("asked since", 0),
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
        clause=CLAUSE,
    )


def _order(world: World, model: AnalyzerModel, row: Mapping[str, str]) -> Wanted:
    items = row["项目"].split("、")
    if len(items) > TESTS_MAX:
        raise ScenarioError(tr("at most {most} tests in one row", most=TESTS_MAX))
    codes = [model.values.channels.get(item, item) for item in items]
    texts = ["\\".join(f"^^^{code}" for code in some) for some in permutations(codes)]
    checks = {"O.5": Value(op="one_of", expected="\n".join(texts))}
    action = row.get("动作") or "新开"
    if action not in ACTIONS:
        raise ScenarioError(tr("no action {action}; known: {known}", action=action,
                               known="、".join(ACTIONS)))  # fmt: skip
    checks["O.6"] = Value(expected=row.get("优先级") or "R")
    if row.get("架位"):
        checks["O.4"] = Value(expected=row["架位"])
    return Wanted(
        key={"O.3": world.barcode(row["标本"]), "O.12": ACTIONS[action]},
        checks=[
            Check(path=path, value=value, place=place("LIS-ASTM", "astm", path), clause=CLAUSE)
            for path, value in checks.items()
        ],
    )


@steps.then(
    "{duration}内LIS应明确答复没有申请",
    id="lab_query.nothing-ordered",
    purpose="核对没有申请时 LIS 以终止码 I 答复，而不是沉默或空申请",
    effect="线上恰好一个答复报文，L.3 为 I，没有 O 记录",
    example="那么 10秒内LIS应明确答复没有申请",
    gloss="The LIS says that nothing is ordered",
)
def nothing_ordered(world: World, limit_s: float) -> Expectation:
    """L|1|I (LIS02-A2 §13.1.3), and no O record."""
    checks = [
        Check(path="L.3", value=Value(expected="I"), place=place("LIS-ASTM", "astm", "L.3")),
        Check(path="O.5", value=Value(op="absent"), place=place("LIS-ASTM", "astm", "O.5")),
    ]
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": LINK, "frm": "LIS"}),
        wanted=[Wanted(key={"protocol": "astm"}, checks=checks)],
        place=place("LIS-ASTM", "astm", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state.get("asked since", 0),
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause="LIS02-A2 §13.1.3",
    )


@steps.then(
    "{duration}内LIS给分析仪的患者应为{string}",
    id="lab_query.patient-told",
    purpose="核对下传的患者号、姓名、性别、出生日期与登记一致",
    effect="解码线上的 P 记录，逐字比较",
    example="那么 10秒内LIS给分析仪的患者应为“甲”",
    gloss="The analyzer is told the patient as registered",
)
def patient_told(world: World, limit_s: float, person: str) -> Expectation:
    """P.3, P.6, P.8 and P.9, code point by code point."""
    who = world.known_person(person)
    fields = {"P.3": who.patient_id, "P.6": who.name, "P.8": who.birth, "P.9": who.sex}
    checks = [
        Check(path=path, value=Value(expected=text), place=place("LIS-ASTM", "astm", path))
        for path, text in fields.items()
    ]
    return Expectation(
        mode="eventually",
        select=Selector(
            kind="message",
            where={"link": LINK, "frm": "LIS", "corr.patient": who.patient_id},
            each="P",
        ),
        wanted=[Wanted(key={"P.3": who.patient_id}, checks=checks)],
        place=place("LIS-ASTM", "astm", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state.get("asked since", 0),
        classes={"missing": "lost", "repeated": "duplicate"},
        clause="LIS02-A2 §7.1",
    )


@steps.then(
    "{duration}内LIS的工作单中标本{string}应为:",
    id="lab_query.worklist",
    purpose="核对 LIS 记录了发给哪台仪器、以什么方式、是否送达",
    effect="查询探针 lis-worklist；方式：查询、下传；状态：已送达、已作废",
    example="""
    那么 10秒内LIS的工作单中标本“管1”应为:
      | 项目 | 方式 | 状态 |
      | K | 查询 | 已送达 |
    """,
    gloss="The LIS remembers what it told the analyzer",
)
def worklist(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these rows."""
    table.require({"项目", "方式", "状态"})
    ways = {"查询": "query", "下传": "push"}
    states = {"已送达": "taken", "已作废": "cancelled"}
    return rows_expected(
        probe="lis-worklist",
        args={"barcode": world.barcode(specimen)},
        interface="LIS-ASTM",
        table="worklist",
        key=["item"],
        rows=[
            {"item": row["项目"], "way": ways[row["方式"]], "state": states[row["状态"]]}
            for row in table.rows
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate"},
    )


# -- what it runs ----------------------------------------------------------------------------------


@steps.when(
    "HIS为标本{string}加做检验:",
    id="lab_query.add-on",
    purpose="同一标本追加项目",
    effect="HIS 以新的申请号为同一条码开立追加项目，等到 LIS 收到为止",
    example="""
    当 HIS为标本“管1”加做检验:
      | 项目 |
      | GLU |
    """,
    gloss="Further items are ordered for a tube",
)
def add_on(world: World, specimen: str, table: Table) -> None:
    """A second order for the same tube."""
    table.require({"项目"})
    world.state["asked since"] = len(world.trace)
    barcode, person = world.barcode(specimen), world.owners[specimen]
    codes = [row["项目"] for row in table.rows]
    world.order("HIS", "order", patient_id=world.known_person(person).patient_id,
                placer=f"A{barcode}", barcode=barcode, items=",".join(codes))  # fmt: skip
    # The first order shows under the barcode as well: only the added items say that this one came.
    prepared(world, "lis-orders", {"barcode": barcode}, rows=[{"item": code} for code in codes])


@steps.when(
    "分析仪{string}空载上线",
    id="lab_query.online",
    purpose="让 LIS 知道仪器在线，以便主动下传",
    effect="仪器上传一份未申请的标本，LIS 由此得知其连接",
    example="当 分析仪“sysmex-xn”空载上线",
    gloss="The analyzer reports itself, so that orders can be pushed to it",
)
def online(world: World, analyzer: str) -> None:
    """A message without results: header and terminator."""
    instrument(world, analyzer)
    upload_all(world, analyzer, [])
    world.state["asked since"] = len(world.trace)


@steps.then(
    "{duration}内LIS给分析仪{string}的申请应为标本{string}的全部项目",
    id="lab_query.answered-many",
    purpose="核对长申请逐项完整",
    effect="合并该标本的 O 记录后，项目与申请完全相同",
    example="那么 10秒内LIS给分析仪“sysmex-xn”的申请应为标本“管1”的全部项目",
    gloss="The LIS orders every item of the tube from the analyzer",
)
def answered_many(world: World, limit_s: float, analyzer: str, specimen: str) -> Expectation:
    """One O record with every test, in the order of their codes."""
    instrument(world, analyzer)
    codes = sorted(world.state["many"][specimen])
    text = "\\".join(f"^^^{code}" for code in codes)
    check = Check(path="O.5", value=Value(expected=text), place=place("LIS-ASTM", "astm", "O.5"),
                  clause=CLAUSE)  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": LINK, "frm": "LIS"}, each="O"),
        wanted=[Wanted(key={"O.3": world.barcode(specimen)}, checks=[check])],
        place=place("LIS-ASTM", "astm", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state.get("asked since", 0),
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
        clause=CLAUSE,
    )
