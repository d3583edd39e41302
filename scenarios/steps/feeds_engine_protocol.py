"""Sentences about batches, numbered messages and fragments, sent to the interface engine."""

from __future__ import annotations

from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.scenario.bench import ASLEEP
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from harness.wire.hl7_batch import build_batch
from harness.wire.hl7_continuation import split
from scenarios.steps.common import SETTLE_S, place
from scenarios.steps.feeds_engine import INTO, prepared_person, send, written
from scenarios.steps.feeds_play import control_id
from simulators.feed import through
from simulators.feed.through import Manner

steps = Library("feeds")

NOTE_CHARS = 600
"""Of the remark in a message that is cut into fragments."""


@steps.when(
    "测试端以HIS身份经接口引擎成批登记患者:",
    id="feeds.engine-batch",
    purpose="检查批量报文（FHS、BHS、BTS、FTS）",
    effect="一帧内含一个文件、一个批、每名患者一份 ADT^A04，等接口引擎应答",
    example="""
    当 测试端以HIS身份经接口引擎成批登记患者:
      | 患者 |
      | 甲 |
      | 乙 |
    """,
    gloss="We play the HIS and send a batch of registrations in one frame",
)
def batch(world: World, table: Table) -> None:
    """One payload (HL7 2.5.1 §2.10.3)."""
    table.require({"患者"})
    labels = [row["患者"] for row in table.rows]
    singles = {}
    for label in labels:
        prepared_person(world, label)
        singles[label] = written(world, label, Manner())
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    ident = control_id(world)
    payload = build_batch(
        list(singles.values()), sender="HIS", receiver="ENGINE", control_id=ident, time=time
    )
    send(world, "批", payload)
    world.state["through"] |= singles
    world.state["batch"] = (ident, len(labels))


@steps.then(
    "{duration}内接口引擎对该批应只应答一份，逐份肯定",
    id="feeds.engine-batch-answer",
    purpose="一个批只有一份应答，里面每份报文一条",
    effect="线上恰有一份应答：以 BHS 开头，引用批控制号，BTS-1 为报文份数，每条 MSA-1 为 AA",
    example="那么 5秒内接口引擎对该批应只应答一份，逐份肯定",
    gloss="The batch gets one answer, with a positive acknowledgement for each message",
)
def batch_answer(world: World, limit_s: float) -> Expectation:
    """HL7 2.5.1 §2.10.3.2."""
    ident, count = world.state["batch"]
    texts = {"BHS-12": ident, "BTS-1": str(count)}
    texts |= {f"MSA[{number}]-1": "AA" for number in range(1, count + 1)}
    checks = [
        Check(path=path, value=Value(expected=text), place=place("HIS-ENG", "hl7", "BTS"))
        for path, text in texts.items()
    ]
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": INTO, "frm": ASLEEP}),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
        place=place("HIS-ENG", "hl7", "BTS"),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["answers since"],
        classes={"missing": "unanswered", "repeated": "duplicate", "unwanted": "duplicate"},
        clause="HL7 2.5.1 §2.10.3.2",
    )


# -- sequence numbers ------------------------------------------------------------------------------


@steps.when(
    "测试端以HIS身份向接口引擎发送序号{int}的起始报文",
    id="feeds.engine-sequence-start",
    purpose="序号协议：0 表示重新开始，-1 询问对方期待的序号",
    effect="没有内容的报文，MSH-13 为该序号",
    example="当 测试端以HIS身份向接口引擎发送序号0的起始报文",
    gloss="We begin a link with sequence numbers, or ask where the engine stands",
)
def sequence_start(world: World, number: int) -> None:
    """No content but MSH-13 (HL7 2.5.1 §2.10.1)."""
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    payload = through.opening(control_id=control_id(world), time=time,
                              facility=_facility(world), number=str(number))  # fmt: skip
    send(world, "起始", payload)


def _facility(world: World) -> str:
    """A sender of this scenario: an engine that goes on running remembers the others' numbers."""
    return f"T{int(world.draw('facility') * 10**9):09d}"


@steps.when(
    "测试端以HIS身份按序号{int}经接口引擎登记患者{string}",
    id="feeds.engine-sequence",
    purpose="检查序号连续、缺口与重复",
    effect="ADT^A04，MSH-13 为该序号",
    example="当 测试端以HIS身份按序号1经接口引擎登记患者“甲”",
    gloss="We register a patient with this sequence number",
)
def sequence(world: World, number: int, person: str) -> None:
    """One ADT^A04 with MSH-13."""
    prepared_person(world, person)
    send(
        world,
        person,
        written(world, person, Manner(sequence=str(number), facility=_facility(world))),
    )


@steps.then(
    "{duration}内接口引擎的应答应为{string}，期待序号{int}",
    id="feeds.engine-sequence-answer",
    purpose="核对 MSA-4：下一份应是哪个序号",
    effect="最近一次发送之后恰有一份应答，MSA-1、MSA-4 如句中所写",
    example="那么 5秒内接口引擎的应答应为“AE”，期待序号2",
    gloss="The engine answers so, and expects this number next",
)
def sequence_answer(world: World, limit_s: float, code: str, number: int) -> Expectation:
    """MSA-1 and MSA-4."""
    texts = {"MSA-1": code, "MSA-4": str(number)}
    checks = [
        Check(path=path, value=Value(expected=text), place=place("HIS-ENG", "hl7", path))
        for path, text in texts.items()
    ]
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": INTO, "frm": ASLEEP}),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
        place=place("HIS-ENG", "hl7", "MSA-4"),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["answers since"],
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause="HL7 2.5.1 §2.10.1",
    )


# -- continuation ----------------------------------------------------------------------------------


@steps.when(
    "测试端以HIS身份把患者{string}的登记分片经接口引擎发送，每片至多{int}字节",
    id="feeds.engine-fragments",
    purpose="检查续传（DSC、MSH-14、ADD）：收齐之后才是一份报文",
    effect="一份长登记按段切成几片逐片发送，太长的段用 ADD 续写",
    example="当 测试端以HIS身份把患者“甲”的登记分片经接口引擎发送，每片至多400字节",
    gloss="We send a long registration in fragments of at most so many bytes",
)
def fragments(world: World, person: str, limit: int) -> None:
    """Fragments, each answered before the next one (HL7 2.5.1 §2.10.2)."""
    prepared_person(world, person)
    whole = written(world, person, Manner(note="续" * NOTE_CHARS))
    pieces = split(whole, limit, f"{control_id(world)}-")
    for number, piece in enumerate(pieces):
        part = piece if not number else renamed(world, piece)
        send(world, person, part)
    world.state["through"][person] = whole
    world.state["fragments"] = len(pieces)


def renamed(world: World, piece: bytes) -> bytes:
    """A fragment under a control id of its own, as every physical message has one."""
    fields = piece.split(b"|")
    fields[9] = control_id(world).encode("ascii")
    return b"|".join(fields)
