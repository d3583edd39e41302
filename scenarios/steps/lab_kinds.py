"""Sentences about results of another kind: training runs, curves and images."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

from harness.evidence.expect import Expectation
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import place, rows_expected
from scenarios.steps.lab import (
    UPLOAD_TIMEOUT_S,
    instrument,
    remember,
    results_of,
    tested_of,
    upload_all,
)
from simulators.analyzer.upload import message

steps = Library("lab_kinds")


@steps.when(
    "分析仪{string}以培训方式上传标本{string}的结果:",
    id="lab_kinds.training",
    purpose="培训、室间质评的报文不得进入患者结果",
    effect="H 记录的处理标识为 T（培训），其余同“上传标本的结果”",
    example="""
    当 分析仪“生化仪”以培训方式上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An analyzer uploads results of a training run",
)
def training(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """H.12 = T (LIS02-A2 §6.12)."""
    model = instrument(world, analyzer)
    model = model.model_copy(update={"constants": model.constants | {"processing": "T"}})
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    upload_all(world, analyzer, [tested], model=model)


@steps.when(
    "分析仪{string}升级后以新名称{string}上传标本{string}的结果:",
    id="lab_kinds.renamed",
    purpose="仪器固件升级改了 H 记录的发送方名称，结果不得丢失",
    effect="H.5 为新名称，其余同“上传标本的结果”",
    example="""
    当 分析仪“生化仪”升级后以新名称“SIM-CHEM-V2”上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An analyzer uploads under another sender name than before",
)
def renamed(world: World, analyzer: str, name: str, specimen: str, table: Table) -> None:
    """H.5.1 changes, nothing else."""
    model = instrument(world, analyzer).model_copy(update={"sender": name})
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    upload_all(world, analyzer, [tested], model=model)


@steps.when(
    "分析仪{string}以小写记录字母上传标本{string}的结果:",
    id="lab_kinds.lower-case",
    purpose="记录字母不分大小写（LIS02-A2 §5.5）",
    effect="P、O、R、L 记录的字母写成小写",
    example="""
    当 分析仪“生化仪”以小写记录字母上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An analyzer writes the letters of its records in lower case",
)
def lower_case(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """The header keeps its letter: it is found by it."""
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    upload_all(world, analyzer, [tested], change=_small_letters)


def _small_letters(payload: bytes) -> bytes:
    records = payload.split(b"\r")
    return b"\r".join([records[0], *(one[:1].lower() + one[1:] for one in records[1:])])


@steps.when(
    "分析仪{string}以全报文递增的序号上传标本{string}的结果:",
    id="lab_kinds.global-sequence",
    purpose="有的仪器不按层级编号，序号在整个报文里递增",
    effect="P、O、R 记录的第 2 字段为 1、2、3……，其余同“上传标本的结果”",
    example="""
    当 分析仪“生化仪”以全报文递增的序号上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An analyzer counts its records over the whole message",
)
def global_sequence(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """Not as LIS02-A2 §5.5 has it."""
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    upload_all(world, analyzer, [tested], change=_counted_through)


def _counted_through(payload: bytes) -> bytes:
    head, *records, last, end = payload.split(b"\r")
    counted = [
        b"|".join([fields[0], b"%d" % number, *fields[2:]])
        for number, fields in enumerate((one.split(b"|") for one in records), 1)
    ]
    return b"\r".join([head, *counted, last, end])


@steps.when(
    "分析仪{string}以结果在前、标本在后的次序上传标本{string}的结果:",
    id="lab_kinds.out-of-order",
    purpose="R 记录出现在 O 记录之前时，不得挂到别的标本",
    effect="O 记录移到所有 R 记录之后，其余同“上传标本的结果”",
    example="""
    当 分析仪“生化仪”以结果在前、标本在后的次序上传标本“管1”的结果:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An analyzer sends R records before their O record",
)
def out_of_order(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """Against the hierarchy of LIS02-A2 §4."""
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    upload_all(world, analyzer, [tested], change=_orders_last)


def _orders_last(payload: bytes) -> bytes:
    *records, last, end = payload.split(b"\r")
    moved = sorted(records, key=lambda one: one.startswith(b"O|"))
    return b"\r".join([*moved, last, end])


@steps.when(
    "分析仪{string}在一个会话中先后上传标本{string}和标本{string}的两份报文:",
    id="lab_kinds.two-messages",
    purpose="一次呼叫里的两份报文仍是两份",
    effect="一个会话，两组 H……L；两份标本的项目相同",
    example="""
    当 分析仪“生化仪”在一个会话中先后上传标本“管1”和标本“管2”的两份报文:
      | 项目 | 结果 |
      | GLU | 随机 |
    """,
    gloss="An analyzer sends two messages in one session",
)
def two_messages(world: World, analyzer: str, first: str, second: str, table: Table) -> None:
    """One ENQ, H to L twice, one EOT."""
    model = instrument(world, analyzer)
    results = results_of(world, first, table)
    time = (world.clock.wall() - timedelta(minutes=EARLIER_MIN)).strftime("%Y%m%d%H%M%S")
    before = message(model, [tested_of(world, first, results)], control_id="M9001", time=time)
    remember(world, world.barcode(first), results, time, model.sender)
    tested = tested_of(world, second, results_of(world, second, table))
    upload_all(world, analyzer, [tested], change=lambda payload: before + payload)


EARLIER_MIN = 90
"""Minutes since the first of two messages was measured."""


@steps.when(
    "分析仪{string}呼叫后不发帧就结束会话",
    id="lab_kinds.keep-alive",
    purpose="有的仪器以空会话探测链路，LIS 不得把它当报文",
    effect="ENQ、EOT，中间没有帧",
    example="当 分析仪“血球仪”呼叫后不发帧就结束会话",
    gloss="An analyzer calls and ends the session without a frame",
)
def keep_alive(world: World, analyzer: str) -> None:
    """A session without frames (LIS01-A2 §8.2.6 leaves it open)."""
    instrument(world, analyzer)
    world.tell(analyzer, "upload", UPLOAD_TIMEOUT_S, payload="")


@steps.then(
    "{duration}内LIS中标本{string}的附件应与上传的逐字节一致",
    id="lab_kinds.attachments",
    purpose="核对曲线、直方图、图像没有截断，也没有丢失",
    effect="查询探针 lis-attachments，按大小与 SHA-256 比较上次上传的每个 M 记录",
    example="那么 5秒内LIS中标本“管1”的附件应与上传的逐字节一致",
    gloss="Every curve and image that was uploaded is there, byte for byte",
)
def attachments(world: World, limit_s: float, specimen: str) -> Expectation:
    """Everything behind field 2 of each M record, as it went over the wire."""
    _, payload = world.state["last upload"]
    sent = [record.split(b"|", 2)[2] for record in payload.split(b"\r") if record[:2] == b"M|"]
    barcode = world.barcode(specimen)
    expected = rows_expected(
        probe="lis-attachments",
        args={"barcode": barcode},
        interface="LIS-ASTM",
        table="attachments",
        key=["sha256"],
        rows=[
            {
                "sha256": hashlib.sha256(data).hexdigest(),
                "size": str(len(data)),
                "kind": "M",
                "patient_id": world.owner(specimen).patient_id,
            }
            for data in sent
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )
    # A curve that is not there with its hash was altered or lost: both show at the hash.
    return replace(expected, place=place("LIS-ASTM", "sql", "attachments.sha256"))
