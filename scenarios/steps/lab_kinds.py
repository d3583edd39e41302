"""Sentences about results of another kind: training runs, curves and images."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from harness.evidence.expect import Expectation
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import place, rows_expected
from scenarios.steps.lab import instrument, results_of, tested_of, upload_all

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
