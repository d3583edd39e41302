"""Tests of ``harness/scenario/catalogue.py``."""

import json

import pytest

from harness import i18n
from harness.scenario import catalogue
from harness.scenario.steps import Library, Registry


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def registry(*, turned=False):
    lab, feeds = Library("lab"), Library("feeds")
    common = {"purpose": "让仪器上传", "effect": "LIS应答", "gloss": "the analyzer uploads"}
    lab.then("LIS有结果", id="lab.has", example="LIS有结果", at_once=True, **common)(
        lambda world: None
    )
    lab.when(
        "分析仪{string}重复{count}上传:",
        id="lab.up",
        example='\n当 分析仪“XN-1”重复3次上传：\n  | 项目 |\n  | HGB |\n  """\n  甲\n  """\n',
        **common,
    )(lambda world, analyzer, often, table, doc=None: None)
    feeds.given("HIS已启动", id="feeds.start", example="HIS已启动", **common)(lambda world: None)
    return Registry([feeds, lab] if turned else [lab, feeds])


UPLOAD = """\
### 当 分析仪{string}重复{count}上传:

- English: the analyzer uploads
- id: `lab.up`
- Purpose: 让仪器上传
- Effect: LIS应答
- Holes: analyzer `{string}`, often `{count}`
- Table: required
- Text block: optional

```gherkin
当 分析仪“XN-1”重复3次上传：
  | 项目 |
  | HGB |
  \"""
  甲
  \"""
```
"""


def test_markdown_has_every_sentence_with_all_that_an_author_needs():
    text = catalogue.markdown(registry())

    assert UPLOAD in text
    assert text.index("## feeds") < text.index("## lab")
    assert text.index("### 当") < text.index("### 那么 LIS有结果")
    assert "- Looks once and never waits" in text
    assert "3 sentences." in text
    for hole in ("string", "int", "decimal", "count", "duration"):
        assert f"- `{{{hole}}}`: " in text


def test_the_same_steps_give_the_same_catalogue():
    assert catalogue.markdown(registry()) == catalogue.markdown(registry(turned=True))
    assert catalogue.data(registry()) == catalogue.data(registry(turned=True))


def test_data_is_json():
    data = json.loads(json.dumps(catalogue.data(registry()), ensure_ascii=False))

    assert data["format"] == 1
    assert [step["id"] for step in data["steps"]] == ["feeds.start", "lab.up", "lab.has"]
    step = data["steps"][1]
    assert step["holes"] == [
        {"name": "analyzer", "hole": "{string}"},
        {"name": "often", "hole": "{count}"},
    ]
    assert (step["keyword"], step["table"], step["text_block"]) == ("当", "required", "optional")
    assert data["steps"][2]["at_once"] is True
