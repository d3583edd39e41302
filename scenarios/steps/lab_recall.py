"""Sentences about a LIS that asks an analyzer for results it still has (LIS02-A2 §11)."""

from __future__ import annotations

from datetime import timedelta

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import SETTLE_S, place
from scenarios.steps.lab import UPLOAD_TIMEOUT_S, instrument, remember, results_of, tested_of
from simulators.analyzer.analyzer import LINK
from simulators.analyzer.recall import again

steps = Library("lab_recall")

MEASURED_MINUTES = 20
"""Before the question: the LIS must keep the time of the measurement, not that of the answer."""

CLAUSE = "LIS02-A2 §11"

DEVICE = "analyzer"
"""Whatever its name in a sentence, every analyzer has this role on the wire."""


@steps.when(
    "分析仪{string}测得标本{string}的结果而未上传:",
    id="lab_recall.measured",
    purpose="结果只在仪器里，LIS 还没有",
    effect="仪器保存结果，不发送；“随机”由种子生成",
    example="""
    当 分析仪“生化仪”测得标本“管1”的结果而未上传:
      | 项目 | 结果 |
      | K | 随机 |
    """,
    gloss="An analyzer has results of a specimen and does not send them",
)
def measured(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """Kept in the instrument."""
    model = instrument(world, analyzer)
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    time = (world.clock.wall() - timedelta(minutes=MEASURED_MINUTES)).strftime("%Y%m%d%H%M%S")
    remember(world, tested.barcode, tested.results, time, model.sender)
    world.state.setdefault("measured", {})[analyzer, tested.barcode] = (tested, time)


@steps.when(
    "检验师在LIS向分析仪{string}索取标本{string}的结果",
    id="lab_recall.ask",
    purpose="LIS 主动向仪器查询结果（主机查询）",
    effect="LIS 发出 H-Q-L 报文，Q.3 为条码；仪器以 R.9 为 R 的结果答复，没有则以 L.3 为 I 答复",
    example="当 检验师在LIS向分析仪“生化仪”索取标本“管1”的结果",
    gloss="The LIS asks an analyzer for the results of a specimen",
)
def ask(world: World, analyzer: str, specimen: str) -> None:
    """What the instrument measured is in its memory; then the LIS asks."""
    model = instrument(world, analyzer)
    if model.host_query is None:
        raise ScenarioError(tr("{name} is not asked for results", name=analyzer))
    barcode = world.barcode(specimen)
    tested, time = world.state.get("measured", {}).get((analyzer, barcode), (None, ""))
    if tested is not None:
        payload = again(model, tested, control_id=f"R-{barcode}", time=time)
        world.tell(analyzer, "keep", UPLOAD_TIMEOUT_S, barcode=barcode, payload=payload.hex())
    world.state["asked since"] = len(world.trace)
    world.order("LIS", "ask_results", sender=model.sender, barcode=barcode)


@steps.then(
    "{duration}内LIS对分析仪{string}的结果查询应为标本{string}",
    id="lab_recall.asked",
    purpose="核对线上的主机查询：条码正确、恰好一次",
    effect="解码 LIS 发出的 Q 记录",
    example="那么 10秒内LIS对分析仪“生化仪”的结果查询应为标本“管1”",
    gloss="The LIS asks the analyzer for this specimen, once",
)
def asked(world: World, limit_s: float, analyzer: str, specimen: str) -> Expectation:
    """One Q record, with the tube in Q.3 (LIS02-A2 §11.3)."""
    instrument(world, analyzer)
    checks = [
        Check(path=path, value=Value(expected=text), place=place("LIS-ASTM", "astm", path),
              clause=CLAUSE)
        for path, text in {"Q.3.2": world.barcode(specimen), "L.3": "N"}.items()
    ]  # fmt: skip
    return _told(world, limit_s, sender="LIS", checks=checks, count="Q")


@steps.then(
    "{duration}内分析仪{string}应答复没有标本{string}的结果",
    id="lab_recall.nothing",
    purpose="核对仪器没有结果时的答复，LIS 不得当作结果",
    effect="仪器的答复报文 L.3 为 I，没有 R 记录",
    example="那么 10秒内分析仪“生化仪”应答复没有标本“管1”的结果",
    gloss="The analyzer says that it has nothing for the specimen",
)
def nothing(world: World, limit_s: float, analyzer: str, specimen: str) -> Expectation:
    """L|1|I and no R (LIS02-A2 §13.1.3)."""
    world.barcode(specimen)
    checks = [
        Check(path="L.3", value=Value(expected="I"), place=place("LIS-ASTM", "astm", "L.3")),
        Check(path="R.4", value=Value(op="absent"), place=place("LIS-ASTM", "astm", "R.4")),
    ]
    return _told(world, limit_s, sender=DEVICE, checks=checks, count="")


@steps.then(
    "{duration}内分析仪{string}应答复标本{string}的结果",
    id="lab_recall.answered",
    purpose="核对仪器的答复：条码正确，终止码为 F，恰好一次",
    effect="解码仪器在查询之后发出的报文",
    example="那么 10秒内分析仪“生化仪”应答复标本“管1”的结果",
    gloss="The analyzer answers with the results of the specimen, once",
)
def answered(world: World, limit_s: float, analyzer: str, specimen: str) -> Expectation:
    """The tube, O.26 = Q and L.3 = F (LIS02-A2 §8.26, §13.1.3)."""
    instrument(world, analyzer)
    texts = {"O.3": world.barcode(specimen), "O.26": "Q", "L.3": "F"}
    checks = [
        Check(path=path, value=Value(expected=text), place=place("LIS-ASTM", "astm", path),
              clause=CLAUSE)
        for path, text in texts.items()
    ]  # fmt: skip
    return _told(world, limit_s, sender=DEVICE, checks=checks, count="")


def _told(
    world: World, limit_s: float, *, sender: str, checks: list[Check], count: str
) -> Expectation:
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": LINK, "frm": sender}),
        wanted=[Wanted(key={"protocol": "astm"}, checks=checks)],
        place=place("LIS-ASTM", "astm", count),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state.get("asked since", 0),
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause=CLAUSE,
    )
