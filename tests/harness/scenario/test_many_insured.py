"""More insured persons of a kind than a scenario's centre begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evidence.verdict import Verdict
from harness.scenario.binding import load
from harness.scenario.gherkin import feature_files
from harness.scenario.steps import load_libraries
from harness.selfcheck.runs import Played, play
from simulators.centre import world

HEAD = """# language: zh-CN
@接口-HIS-YB
功能: 许多参保人
  负责人: 医保接口组

  @REQ-YB-031 @id-yb-many
  场景: 许多参保人各自结算
"""
PERSON = """    假如 患者“{label}”有“{kind}”
    而且 患者“{label}”的门诊账单:
      | 项目 | 数量 |
      | Y005 | 2    |
"""
SETTLED = """    当 “收费窗口”为患者“{label}”结算
    那么 10秒内患者“{label}”的账单应为“已结算”
    而且 10秒内患者“{label}”的双方账目应一致，各有1笔
"""


def played(folder: Path, kind: str, count: int) -> Played:
    labels = "甲乙丙丁"[:count]
    persons = "".join(PERSON.format(label=label, kind=kind) for label in labels)
    path = folder / "many.feature"
    path.write_text(HEAD + persons + SETTLED.format(label=labels[-1]), encoding="utf-8")
    files, _ = feature_files([path])
    (found,) = play(load(files, load_libraries()), seed=7)
    return found


@pytest.mark.parametrize("kind", ["职工医保", "家庭共济"])
def test_as_many_persons_as_a_scenario_needs_are_known(tmp_path: Path, kind: str) -> None:
    each = world.PERSONS_BRIEF // len(world.KINDS)
    beyond = 2
    found = played(tmp_path, kind, each + beyond)

    assert found.conclusion.verdict is Verdict.PASS, found.conclusion.findings
    known = found.stores["centre"]["persons"]
    shared = beyond if kind == "家庭共济" else 0  # those whose account they share
    assert len(known) == world.PERSONS_BRIEF + beyond + shared
