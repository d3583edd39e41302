"""Sentences about imaging: what a PACS says over an interface of its own that it has of a study."""

from __future__ import annotations

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging_judge import PACS, rows_seen
from scenarios.steps.imaging_site import site

steps = Library("imaging")


@steps.then(
    "{duration}内查询{string}所见检查{string}的图像应恰为发送的各幅",
    id="imaging.stock",
    purpose="用厂商自己的接口（探针）再数一遍：DICOM 查询之外，PACS 自己说它存了哪几幅",
    effect="以 StudyInstanceUID 问现场档案里的这个探针；它列出 SOPInstanceUID，一幅一行，不多不少",
    example="那么 10秒内查询“pacs-instances-rest”所见检查“检1”的图像应恰为发送的各幅",
    gloss="By an interface of its own the PACS has exactly the images that were sent",
)
def stock(world: World, limit_s: float, probe: str, exam: str) -> Expectation:
    """Every image once, and none that nobody sent."""
    if probe not in world.bench.probes:
        raise ScenarioError(tr("the profile has no probe {name}", name=probe))
    planned = site(world).known(exam)
    if not planned.sent:
        raise ScenarioError(tr("no image was stored before"))
    return rows_seen(
        probe=probe,
        args={"StudyInstanceUID": planned.exam.study},
        interface=PACS,
        key="SOPInstanceUID",
        rows=[{"SOPInstanceUID": sop} for sop in planned.sent],
        limit_s=limit_s,
        place=probe,
        clause="PS3.4 §B.4.1",
    )
