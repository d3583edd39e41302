"""Sentences about HL7 analyzers: results, questions, control ids, times with an offset."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import SETTLE_S, place, rows_expected
from scenarios.steps.lab import UPLOAD_TIMEOUT_S, remember, results_of, tested_of
from scenarios.steps.lab_stores import lis_rows
from simulators.analyzer import families
from simulators.analyzer.hl7_analyzer import LINK
from simulators.analyzer.model import AnalyzerModel, load_model
from simulators.analyzer.upload import Tested

steps = Library("lab_hl7")

INTERFACE = "LIS-HL7"


def hl7_instrument(world: World, name: str) -> AnalyzerModel:
    """The model behind a name of a sentence, with the analyzer in the scenario."""
    model = load_model(name)
    if model.family != "hl7":
        raise ScenarioError(tr("{name} does not speak HL7", name=name))
    world.join(name, families.actor(model, world.clock), LINK)
    return model


def _upload(
    world: World,
    name: str,
    tested: Tested,
    *,
    first_id: int = 0,
    offset: str = "",
    kind: str = "",
) -> None:
    """Bring one specimen; times with ``offset``, MSH-9 as ``kind``, where they are given."""
    model = hl7_instrument(world, name)
    count = world.state["hl7 uploads"] = world.state.get("hl7 uploads", 0) + 1
    minutes = 5 + int(world.draw("measured", name, count) * 55)
    when = world.clock.wall() - timedelta(minutes=minutes)
    number = first_id or 1000 * count + int(world.draw("control id", count) * 900)
    found = families.payloads(model, [tested], first_id=number, time=when)
    if offset:
        found = [_with_offset(payload, when, offset) for payload in found]
    if kind:
        found = [_RESULT_TYPE.sub(f"|{kind}|".encode(), payload, count=1) for payload in found]
    time = when.strftime("%Y%m%d%H%M%S")
    remember(world, tested.barcode, tested.results, time, model.hl7.sending_app)
    world.state["last hl7 upload"] = (name, found)
    _bring(world, name, found)


def _with_offset(payload: bytes, when: datetime, offset: str) -> bytes:
    """Every time of a test as digits of that zone, with the offset behind them."""
    hours = timedelta(hours=int(offset[:3]))
    local = when.strftime("|%Y%m%d%H%M%S|").encode()
    written = f"{when.astimezone(timezone(hours)):|%Y%m%d%H%M%S}{offset}|".encode()
    head, end, body = payload.partition(b"\r")
    return head + end + body.replace(local, written)


def _bring(world: World, name: str, payloads: list[bytes]) -> None:
    texts = [payload.hex() for payload in payloads]
    world.tell(name, "upload", UPLOAD_TIMEOUT_S, payloads=texts)  # type: ignore[arg-type]


@steps.when(
    "HL7分析仪{string}上传标本{string}的结果:",
    id="lab_hl7.upload",
    purpose="让 HL7 仪器上传一份标本的结果",
    effect="按型号的方言发 ORU^R01 或 OUL^R22，等 LIS 应答",
    example="""
    当 HL7分析仪“mindray-bs”上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An HL7 analyzer uploads the results of one specimen",
)
def upload(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """One specimen; one message or several, as the model has it."""
    _upload(world, analyzer, tested_of(world, specimen, results_of(world, specimen, table)))


@steps.when(
    "HL7分析仪{string}升级后改发{string}，上传标本{string}的结果:",
    id="lab_hl7.upload-as",
    purpose="仪器软件升级后报文类型变了，LIS 不得不再受理",
    effect="MSH-9 写成所给类型，其余同“上传标本的结果”",
    example="""
    当 HL7分析仪“mindray-bs”升级后改发“OUL^R21”，上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An HL7 analyzer uploads under another type of message",
)
def upload_as(world: World, analyzer: str, kind: str, specimen: str, table: Table) -> None:
    """The same segments under another MSH-9."""
    if not _KIND.fullmatch(kind):
        raise ScenarioError(tr("{kind} is no type of results; write OUL^R21", kind=kind))
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    _upload(world, analyzer, tested, kind=kind)


_KIND = re.compile(r"(ORU\^R01|OUL\^R2[1-4])")
_RESULT_TYPE = re.compile(rb"\|(?:ORU\^R01|OUL\^R2[1-4])[^|]*\|")


@steps.when(
    "HL7分析仪{string}从控制号1重新计数，上传标本{string}的结果:",
    id="lab_hl7.upload-from-one",
    purpose="仪器重启后控制号从 1 开始，新结果不得当作重复丢掉",
    effect="MSH-10 为 1，其余同“上传标本的结果”",
    example="""
    当 HL7分析仪“mindray-bs”从控制号1重新计数，上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An HL7 analyzer that began to count again uploads results",
)
def upload_from_one(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """The same MSH-10 for another message."""
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    _upload(world, analyzer, tested, first_id=1)


@steps.when(
    "HL7分析仪{string}以时差{string}的时间上传标本{string}的结果:",
    id="lab_hl7.upload-offset",
    purpose="仪器的时间注明时差，LIS 应换算成北京时间，既不忽略也不重复换算",
    effect="OBX 的时间写成该时区的数字加时差，如 +0000、+0800",
    example="""
    当 HL7分析仪“mindray-bs”以时差“+0000”的时间上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An HL7 analyzer writes its times with an offset",
)
def upload_offset(world: World, analyzer: str, offset: str, specimen: str, table: Table) -> None:
    """The same instants, otherwise written (HL7 2.5.1 §2.A.22)."""
    if not OFFSET.fullmatch(offset):
        raise ScenarioError(tr("{offset} is no offset; write +0800", offset=offset))
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    _upload(world, analyzer, tested, offset=offset)


OFFSET = re.compile(r"[+-](0\d|1[0-4])00")
"""Whole hours, as analyzers have them."""


@steps.when(
    "HL7分析仪{string}再次上传同一报文",
    id="lab_hl7.upload-again",
    purpose="检查同一报文重发只生效一次",
    effect="逐字节相同的报文再传一次",
    example="当 HL7分析仪“mindray-bs”再次上传同一报文",
    gloss="An HL7 analyzer uploads the very same messages again",
)
def upload_again(world: World, analyzer: str) -> None:
    """Byte for byte."""
    name, payloads = world.state.get("last hl7 upload", ("", []))
    if name != analyzer:
        raise ScenarioError(tr("{analyzer} uploaded nothing before", analyzer=analyzer))
    _bring(world, analyzer, payloads)


@steps.when(
    "HL7分析仪{string}查询标本{string}的申请",
    id="lab_hl7.ask",
    purpose="让 HL7 仪器按条码查询要做的项目",
    effect="按型号的方言发 QRY^Q02 或 QBP^Q11，等 LIS 给出申请",
    example="当 HL7分析仪“mindray-bs”查询标本“管1”的申请",
    gloss="An HL7 analyzer asks for the orders of a tube",
)
def ask(world: World, analyzer: str, specimen: str) -> None:
    """One question, and what follows it."""
    hl7_instrument(world, analyzer)
    world.state["hl7 asked since"] = len(world.trace)
    world.tell(analyzer, "query", UPLOAD_TIMEOUT_S, barcode=world.barcode(specimen))


@steps.then(
    "{duration}内LIS给HL7分析仪{string}的标本{string}申请应为:",
    id="lab_hl7.answered",
    purpose="核对 LIS 发给 HL7 仪器的申请：标本、患者、项目，不多不少",
    effect="解码线上的 DSR^Q03（DSP 行）或 OML^O33（OBR）",
    example="""
    那么 10秒内LIS给HL7分析仪“mindray-bs”的标本“管1”申请应为:
      | 项目 |
      | GLU |
    """,
    gloss="The LIS orders exactly these tests from the HL7 analyzer",
)
def answered(
    world: World, limit_s: float, analyzer: str, specimen: str, table: Table
) -> list[Expectation]:
    """Tests by their channel, and the tube and patient that they are for."""
    table.require({"项目"})
    model = hl7_instrument(world, analyzer)
    codes = [model.hl7.channels[row["项目"]].code for row in table.rows]
    barcode, who = world.barcode(specimen), world.owner(specimen)
    law = model.hl7.query == "law"
    kind, each = ("OML^O33", "OBR") if law else ("DSR^Q03", "DSP")
    where = {"link": LINK, "frm": "LIS", "type": kind}
    if law:
        rows = [Wanted(key={"OBR-4.1": code}) for code in codes]
        identity = {"SPM-2": barcode, "PID-5": who.name, "PID-3[1].1": who.patient_id}
    else:
        rows = [
            Wanted(key={"DSP-1": str(FIRST_TEST + at), "DSP-3.1": code})
            for at, code in enumerate(codes)
        ]
        identity = {"DSP[21]-3": barcode, "DSP[3]-3": who.name, "DSP[1]-3": who.patient_id,
                    f"DSP[{FIRST_TEST + len(codes)}]-3": ABSENT}  # fmt: skip
    tests = Expectation(
        mode="eventually",
        select=Selector(kind="message", where=where, each=each),
        wanted=rows,
        place=place(INTERFACE, "hl7", each),
        limit_s=limit_s,
        exact=law,
        settle_s=SETTLE_S,
        since=world.state["hl7 asked since"],
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
        clause="IHE LAW LAB-28" if law else "",
    )
    checks = [
        Check(path=path, value=_expected(text), place=place(INTERFACE, "hl7", path))
        for path, text in identity.items()
    ]
    whom = Expectation(
        mode="eventually",
        select=Selector(kind="message", where=where),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
        place=place(INTERFACE, "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["hl7 asked since"],
        classes={"missing": "unanswered", "repeated": "duplicate"},
    )
    return [tests, whom]


FIRST_TEST = 29
"""DSP-1 of the first test in the display of the 2.3.1 dialect."""

ABSENT = "(absent)"


def _expected(text: str) -> Value:
    return Value(op="absent") if text == ABSENT else Value(expected=text)


@steps.then(
    "{duration}内LIS中HL7仪器的标本{string}结果应为:",
    id="lab_hl7.stored",
    purpose="核对 HL7 仪器的结果入库：不多、不少、不改、不串",
    effect="查询探针 lis-results，逐项比较结果、单位、标志、状态、时间",
    example="""
    那么 10秒内LIS中HL7仪器的标本“管1”结果应为:
      | 项目 | 患者 |
      | GLU | 甲 |
    """,
    gloss="The LIS has exactly these results of the HL7 analyzer",
)
def stored(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these rows, each once, and so they stay."""
    return rows_expected(
        probe="lis-results",
        args={"barcode": world.barcode(specimen)},
        interface=INTERFACE,
        table="results",
        key=["item"],
        rows=lis_rows(world, specimen, table, version=1),
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )
