"""Sentences about lab analyzers and the LIS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import (
    AS_SENT,
    RANDOM,
    drawn_value,
    items,
    prepared,
)
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.model import AnalyzerModel, known_models, load_model
from simulators.analyzer.upload import Result, Tested, message

steps = Library("lab", lambda: [load_model(name) for name in known_models()])

MODELS = {"血球仪": "haematology", "生化仪": "chemistry"}
"""Names of analyzers in sentences, and the model each is."""

UPLOAD_TIMEOUT_S = 200.0
"""Above all timers and repeats of LIS01-A2 on one message (four times 15 s and 30 s)."""

Row = Mapping[str, str]


@steps.given(
    "患者{string}的标本{string}已有检验申请:",
    id="lab.ordered",
    purpose="让 LIS 里有一份可以接收结果的检验申请",
    effect="HIS 登记患者并开立申请，等到 LIS 收到为止；收不到则场景为“受阻”",
    example="""
    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K |
    """,
    gloss="The LIS has an order for the specimen of a patient",
)
def ordered(world: World, person: str, specimen: str, table: Table) -> None:
    """A generated person, a fresh specimen id, an order through the HIS."""
    table.require({"项目"})
    order(world, person, specimen, [row["项目"] for row in table.rows])


@steps.given(
    "姓名为{string}的患者{string}的标本{string}已有检验申请:",
    id="lab.ordered-name-kind",
    purpose="用某一类姓名（繁体截断字、生僻字、易误判字、少数民族、长名）检查字符集",
    effect="同“已有检验申请”，患者姓名取自该类生成姓名",
    example="""
    假如 姓名为“生僻字”的患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K |
    """,
    gloss="The same with a name of a kind that breaks character sets",
)
def ordered_name_kind(world: World, kind: str, person: str, specimen: str, table: Table) -> None:
    """As ``ordered``; the name is of a kind."""
    if kind not in NAME_KINDS:
        raise ScenarioError(tr("no kind of name {kind}; known: {known}", kind=kind,
                               known="、".join(NAME_KINDS)))  # fmt: skip
    world.person(person, NAME_KINDS[kind])
    table.require({"项目"})
    order(world, person, specimen, [row["项目"] for row in table.rows])


NAME_KINDS = {
    "截断字": "trail-byte",
    "生僻字": "rare",
    "易误判字": "utf8-alike",
    "少数民族": "dot",
    "长名": "long",
}


@steps.given(
    "患者{string}的标本{string}条码以零开头，已有检验申请:",
    id="lab.ordered-leading-zeros",
    purpose="检查标本号是否被当作数字",
    effect="同“已有检验申请”，条码以 00 开头",
    example="""
    假如 患者“甲”的标本“管1”条码以零开头，已有检验申请:
      | 项目 |
      | K |
    """,
    gloss="The same with a specimen id that begins with zeros",
)
def ordered_leading_zeros(world: World, person: str, specimen: str, table: Table) -> None:
    """As ``ordered``, with zeros in front of the id."""
    table.require({"项目"})
    number = int(world.draw("leading zeros", specimen) * 10**8)
    if person not in world.people:
        world.person(person)
    world.specimen(specimen, person, barcode=f"00{number:08d}")
    order(world, person, specimen, [row["项目"] for row in table.rows])


def order(
    world: World, person: str, specimen: str, codes: Sequence[str], *, priority: str = "R"
) -> None:
    """Admit and order at the HIS, and wait for the LIS."""
    if person not in world.people:
        world.person(person)
    who = world.known_person(person)
    if specimen not in world.slots.names("specimen"):
        world.specimen(specimen, person)
    barcode = world.barcode(specimen)
    if person not in world.state.setdefault("admitted", set()):
        world.state["admitted"].add(person)
        fields = admission_fields(world, person)
        world.order("HIS", "admit", patient_id=who.patient_id, name=who.name, sex=who.sex,
                    birth=who.birth, id_card=who.id_card, **fields)  # fmt: skip
    world.order("HIS", "order", patient_id=who.patient_id, placer=f"O{barcode}",
                barcode=barcode, items=",".join(codes), priority=priority)  # fmt: skip
    world.after_persons()  # who worked by hand may have got other numbers
    barcode, who = world.barcode(specimen), world.known_person(person)
    wanted = [{"item": code, "patient_id": who.patient_id} for code in codes]
    prepared(world, "lis-orders", {"barcode": barcode}, rows=wanted)


def admission_fields(world: World, label: str) -> dict[str, str]:
    """Ward, bed and phone of an admission, drawn by the seed and kept for the judges."""
    fields = {
        "ward": f"W{1 + int(world.draw('ward', label) * 20):02d}",
        "bed": f"{1 + int(world.draw('bed', label) * 60):02d}",
        "phone": f"139{int(world.draw('phone', label) * 10**8):08d}",
    }
    world.state.setdefault("patient", {})[label] = fields
    return fields


@steps.given(
    "标本{string}没有检验申请",
    id="lab.not-ordered",
    purpose="准备一份 LIS 不认识的标本",
    effect="只生成一个新条码",
    example="假如 标本“管9”没有检验申请",
    gloss="A specimen that nobody ordered anything for",
)
def not_ordered(world: World, specimen: str) -> None:
    """A fresh specimen id that the LIS does not know."""
    world.specimen(specimen, "")


def results_of(world: World, specimen: str, table: Table) -> list[Result]:
    """Results of a table; ``随机`` is drawn by the seed, an empty unit is the catalogue's."""
    table.require({"项目", "结果"}, optional={"单位", "标志", "状态", "标本", "备注"})
    found = []
    for row in table.rows:
        item = row["项目"]
        value = row["结果"]
        if value == RANDOM:
            value = drawn_value(world, item, specimen)
        unit = row.get("单位", AS_SENT)
        if unit == AS_SENT:
            unit = str(items().get(item, {}).get("unit", ""))
        flag, status = row.get("标志") or "N", row.get("状态") or "F"
        found.append(
            Result(item=item, value=value, unit=unit, flag=flag, status=status,
                   comment=row.get("备注", ""))
        )  # fmt: skip
    return found


def instrument(world: World, name: str) -> AnalyzerModel:
    """The model behind a name of a sentence, with the analyzer in the scenario."""
    model = load_model(MODELS.get(name, name))
    if model.family != "astm":
        raise ScenarioError(tr("{name} does not speak ASTM", name=name))
    analyzer = Analyzer(
        link_config=model.link_config(), repeats=model.repeats, model=model, clock=world.clock
    )
    world.join(name, analyzer, LINK)
    return model


def upload_all(
    world: World,
    name: str,
    tested: Sequence[Tested],
    *,
    model: AnalyzerModel | None = None,
    change: Callable[[bytes], bytes] | None = None,
) -> None:
    """One message with these specimens, remembered and brought.

    Args:
        world: of the scenario.
        name: of the analyzer.
        tested: specimens, in the order of the run.
        model: writes the message in place of the name's own.
        change: writes the same message otherwise.
    """
    known = instrument(world, name)
    model = model or known
    count = world.state["uploads"] = world.state.get("uploads", 0) + 1
    # The instrument measured some minutes before it uploads: the LIS must keep that time.
    minutes = 5 + int(world.draw("measured", count) * 55)
    time = (world.clock.wall() - timedelta(minutes=minutes)).strftime("%Y%m%d%H%M%S")
    payload = message(model, tested, control_id=f"M{count:04d}", time=time)
    if change is not None:
        payload = change(payload)
    for one in tested:
        remember(world, one.barcode, one.results, time, model.sender)
        world.state.setdefault("measured", {})[name, one.barcode] = (one, time)
    world.state["last upload"] = (name, payload)
    world.tell(name, "upload", UPLOAD_TIMEOUT_S, payload=payload.hex())


def remember(
    world: World, barcode: str, results: Sequence[Result], time: str, instrument: str = ""
) -> None:
    """Keep what was sent, so that a 那么 can say “同上传”."""
    sent = world.state.setdefault("sent", {})
    for result in results:
        sent[barcode, result.item] = {
            "结果": result.value,
            "单位": result.unit,
            "标志": result.flag,
            "状态": result.status,
            "时间": time,
            "仪器": instrument,
            "备注": result.comment,
        }


def tested_of(world: World, specimen: str, results: Sequence[Result]) -> Tested:
    """A specimen of the scenario with its results, and whose it is."""
    owner = world.owners.get(specimen, "")
    person = world.known_person(owner) if owner else None
    return Tested(barcode=world.barcode(specimen), results=results, person=person)


@steps.when(
    "分析仪{string}上传标本{string}的结果:",
    id="lab.upload",
    purpose="让仿真分析仪按 LIS01-A2 上传一份标本的结果",
    effect="一个 H-P-O-R-L 报文；“随机”由种子生成，单位省略时取项目目录的单位",
    example="""
    当 分析仪“血球仪”上传标本“管1”的结果:
      | 项目 | 结果 | 标志 |
      | WBC | 随机 | N |
      | HGB | 132 | N |
    """,
    gloss="An analyzer uploads the results of one specimen",
)
def upload(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """One specimen, one message."""
    upload_all(world, analyzer, [tested_of(world, specimen, results_of(world, specimen, table))])


@steps.when(
    "分析仪{string}在一个报文中上传多份标本的结果:",
    id="lab.upload-many",
    purpose="检查多份标本的结果各归其人",
    effect="一个报文，每份标本一组 P-O-R",
    example="""
    当 分析仪“生化仪”在一个报文中上传多份标本的结果:
      | 标本 | 项目 | 结果 |
      | 管1 | K | 随机 |
      | 管2 | K | 随机 |
    """,
    gloss="An analyzer uploads several specimens in one message",
)
def upload_many(world: World, analyzer: str, table: Table) -> None:
    """Several specimens, one message; rows of one specimen stand together."""
    table.require({"标本", "项目", "结果"}, optional={"单位", "标志", "状态"})
    specimens = dict.fromkeys(row["标本"] for row in table.rows)
    tested = []
    for specimen in specimens:
        part = [row for row in table.rows if row["标本"] == specimen]
        results = results_of(world, specimen, replace(table, rows=part))
        tested.append(tested_of(world, specimen, results))
    upload_all(world, analyzer, tested)


@steps.when(
    "分析仪{string}以另一患者的姓名上传标本{string}的结果:",
    id="lab.upload-other-name",
    purpose="检查仪器带来的姓名不会改写 LIS 的患者信息",
    effect="P 记录带另一名生成患者的姓名，O 记录是这份标本",
    example="""
    当 分析仪“血球仪”以另一患者的姓名上传标本“管1”的结果:
      | 项目 | 结果 |
      | HGB | 随机 |
    """,
    gloss="An analyzer uploads results under the name of somebody else",
)
def upload_other_name(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """The instrument was told a wrong name at its keyboard."""
    other = world.person(f"另一患者 {specimen}")
    results = results_of(world, specimen, table)
    tested = Tested(barcode=world.barcode(specimen), results=results, person=other)
    upload_all(world, analyzer, [tested])


@steps.when(
    "分析仪{string}上传质控品{string}的结果:",
    id="lab.upload-quality-control",
    purpose="检查质控结果与患者结果分开",
    effect="O 记录的处理代码为 Q",
    example="""
    当 分析仪“生化仪”上传质控品“批号1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An analyzer uploads results of a quality control specimen",
)
def upload_quality_control(world: World, analyzer: str, lot: str, table: Table) -> None:
    """LIS02-A2 O.12 = Q."""
    barcode = world.specimen(lot, "")
    results = results_of(world, lot, table)
    upload_all(world, analyzer, [Tested(barcode=barcode, results=results, quality_control=True)])


@steps.when(
    "分析仪{string}再次上传同一报文",
    id="lab.upload-again",
    purpose="检查同一报文重发只生效一次",
    effect="逐字节相同的报文再传一次",
    example="当 分析仪“血球仪”再次上传同一报文",
    gloss="An analyzer uploads the very same message again",
)
def upload_again(world: World, analyzer: str) -> None:
    """Byte for byte."""
    if "last upload" not in world.state:
        raise ScenarioError(tr("nothing was uploaded before that could be sent again"))
    name, payload = world.state["last upload"]
    if name != analyzer:
        raise ScenarioError(tr("{analyzer} uploaded nothing before", analyzer=analyzer))
    world.tell(analyzer, "upload", UPLOAD_TIMEOUT_S, payload=payload.hex())
