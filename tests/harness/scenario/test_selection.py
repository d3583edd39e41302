"""Scenarios by ``FILE:LINE``."""

import pytest
from small_features import FAILS, PASSES, ROWS, feature, line_of

from harness.scenario.gherkin import read_feature
from harness.scenario.selection import Lines

TEXT = feature(PASSES, ROWS, FAILS)
NAMES = ("pass", "row AR", "row AE", "fail")


@pytest.fixture
def scenarios(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "a.feature"
    path.write_text(TEXT, encoding="utf-8")
    return read_feature(path).scenarios


def chosen(scenarios, *args):
    left = list(args)
    meant = Lines.take(left).choose(scenarios)
    return {name for name, takes in zip(NAMES, meant, strict=True) if takes}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("场景: 应答一致", {"pass"}),
        ("发送“登记”", {"pass"}),
        ("不支持的事件", {"row AR"}),
        ("没有患者号的登记", {"row AE"}),
        ("场景大纲", {"row AR", "row AE"}),
        ("| 报文 ", {"row AR", "row AE"}),
        ("例子:", {"row AR", "row AE"}),
        ("应答不一致", {"fail"}),
        ("功能:", set()),
    ],
)
def test_a_line_means_its_scenario_and_a_row_line_its_row(scenarios, part, expected):
    assert chosen(scenarios, f"sub/a.feature:{line_of(TEXT, part)}") == expected


def test_a_line_past_the_end_means_nothing(scenarios):
    assert chosen(scenarios, "sub/a.feature:999") == set()


def test_lines_of_one_file_add_up_and_the_file_is_named_once(scenarios):
    first, second = line_of(TEXT, "场景: 应答一致"), line_of(TEXT, "没有患者号的登记")
    args = [f"sub/a.feature:{first}", "-q", f"sub/a.feature:{second}"]
    assert chosen(scenarios, *args) == {"pass", "row AE"}
    Lines.take(args)
    assert args == ["sub/a.feature", "-q"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_that_is_named_without_a_line_is_meant_whole(scenarios, order):
    args = ["sub/a.feature:6", "sub/a.feature"][::order]
    assert chosen(scenarios, *args) == set(NAMES)


def test_another_file_is_not_concerned(scenarios):
    assert chosen(scenarios, "b.feature:6") == set(NAMES)
    assert chosen(scenarios) == set(NAMES)


def test_a_folder_above_takes_the_file_whole(scenarios):
    lines = Lines.take(["sub/a.feature:6", "b.feature:3"])
    lines.without(["sub"])
    assert all(lines.choose(scenarios))
    assert [file.endswith("b.feature") for file in lines.by_file] == [True]


def test_a_worker_gets_the_same(scenarios):
    lines = Lines.take(["sub/a.feature:6"])
    assert Lines(**lines.data()).choose(scenarios) == lines.choose(scenarios)


def test_what_only_looks_like_a_line_stays(scenarios):
    args = ["a.feature:x", "a.txt:5", "-k", "a:5"]
    assert Lines.take(args).by_file == {}
    assert args == ["a.feature:x", "a.txt:5", "-k", "a:5"]
