"""What disturbs people says so, and is off in production even where somebody forgot to say so."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.scenario import disturbing
from harness.scenario.denominators import load_denominators
from harness.scenario.gherkin import gather
from harness.scenario.lint import lint

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "scenarios"

FEATURE = """# language: zh-CN
@接口-LIS-ASTM{tags}
功能: 自有的扰动
  负责人: 测试组

  @{requirement} @id-own
  场景: 自有的一条
    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 分析仪“生化仪”上传标本“管1”的结果:
      | 项目 | 结果 | 标志   |
      | K    | 6.90 | {flag} |
    那么 5秒内LIS中标本“管1”的结果应为:
      | 项目 |
      | K    |
"""


def own(folder, *, requirement="REQ-LAB-001", flag="N", tags=""):
    path = folder / "own.feature"
    path.write_text(FEATURE.format(requirement=requirement, flag=flag, tags=tags), "utf-8")
    return path


def named(path):
    return [one for one in lint([path]).warnings if disturbing.TAG in one.remedy]


def test_every_shipped_scenario_that_disturbs_carries_the_tag():
    features, problems = gather([SHIPPED])
    assert not problems
    scenarios = [one for feature in features for one in feature.scenarios]
    assert [str(one) for one in disturbing.untagged(scenarios)] == []
    kinds = {kind for one in scenarios for kind in disturbing.disturbs(one)}
    assert {"alert", "charge", "indicator"} <= kinds


def test_no_line_of_the_list_is_about_nothing():
    known = load_denominators().requirements
    for rule in disturbing.rules():
        assert rule.why
        for pattern in rule.requirements:
            assert any(fnmatchcase(one, pattern) for one in known), pattern


def test_a_shipped_scenario_whose_tag_is_taken_away_is_named(tmp_path):
    text = (SHIPPED / "lab" / "critical.feature").read_text(encoding="utf-8")
    assert named(SHIPPED / "lab" / "critical.feature") == []
    path = tmp_path / "critical.feature"
    path.write_text(text.replace(disturbing.TAG, "", 1), encoding="utf-8")
    assert named(path)


@pytest.mark.parametrize(("more", "told"), [
    ({}, False),
    ({"flag": "HH"}, True),
    ({"flag": "LL"}, True),
    ({"flag": "H"}, False),
    ({"requirement": "REQ-YB-001"}, True),
    ({"requirement": "REQ-LAB-028"}, True),
    ({"requirement": "REQ-LAB-028", "tags": " @扰动"}, False),
])  # fmt: skip
def test_what_is_uploaded_and_what_it_is_about_tells_whether_it_disturbs(tmp_path, more, told):
    assert bool(named(own(tmp_path, **more))) is told


@pytest.mark.parametrize("text", ["disturbing = 1", "[[disturbing]]\nkind = 'noise'", "x"])
def test_a_list_that_cannot_be_used_is_refused(tmp_path, text):
    path = tmp_path / "list.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        disturbing.rules(path)
