"""The rules for scenario authors, each broken once."""

import pytest

from harness import i18n
from harness.errors import InputError, InputErrors
from harness.scenario import lint as lint_module
from harness.scenario.denominators import Denominators, Interface, Requirement
from harness.scenario.lint import lint
from harness.scenario.steps import Library, Registry

HEAD = "@REQ-LAB-001 @接口-LIS-ASTM\n功能: {name}\n  负责人: 测试甲\n\n"
WHEN = "    当 上传结果\n"
THEN = "    那么 10秒内LIS收到结果\n"
GOOD = WHEN + THEN

KNOWN = Denominators(
    requirements={
        ident: Requirement(id=ident, name="甲", pillar=pillar, source="乙", interface="LIS-ASTM")
        for ident, pillar in (("REQ-LAB-001", "lab"), ("REQ-FEED-001", "feeds"))
    },
    interfaces={
        ident: Interface(
            id=ident, name="甲", sender="analyzer", receiver="LIS", protocol="astm", pillar="lab"
        )
        for ident in ("LIS-ASTM", "HIS-ADT")
    },
)


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def registry():
    steps = Library("lab")
    common = {"purpose": "p", "effect": "e", "gloss": "g"}
    steps.given("LIS已启动", id="lis.start", example="LIS已启动", **common)(lambda world: None)
    steps.when("上传结果", id="lab.up", example="上传结果", **common)(lambda world: None)
    steps.when("支付", id="pay.table", example="支付\n| 金额 |\n| 1 |", **common)(
        lambda world, table: None
    )
    steps.then("{duration}内LIS收到结果", id="lis.got", example="1秒内LIS收到结果", **common)(
        lambda world, limit: None
    )
    steps.then("不应收到结果", id="lis.none", example="不应收到结果", at_once=True, **common)(
        lambda world: None
    )
    return Registry([steps])


def write(folder, body, name="a", head=HEAD):
    path = folder / f"{name}.feature"
    path.write_text(head.format(name=name) + body, "utf-8", newline="\n")
    return path


def check(*paths):
    return lint(paths, registry=registry(), denominators=KNOWN)


def found(*paths):
    return [
        (int(problem.where.rpartition(":")[2]), problem.message)
        for problem in check(*paths).problems
    ]


def test_a_good_scenario_has_no_problem_and_is_counted(tmp_path):
    rows = "    例子:\n      | 甲 |\n      | 1 |\n      | 2 |\n"
    outline = "\n  场景大纲: 大纲<甲>\n" + GOOD + rows
    result = check(write(tmp_path, "  场景: 普通\n" + GOOD + outline))

    assert result.ok
    assert result.problems == ()
    assert (result.features, result.scenarios, result.sentences) == (1, 3, 6)
    assert result.by_pillar == {"lab": 2, "feeds": 0, "imaging": 0, "insurance": 0, "ledger": 0}
    assert result.uncovered_requirements == ("REQ-FEED-001",)
    assert result.uncovered_interfaces == ("HIS-ADT",)
    assert result.unused_steps == ("lis.start", "pay.table", "lis.none")


def test_at_most_twelve_sentences(tmp_path):
    many = "  背景:\n    假如 LIS已启动\n\n  场景: 长\n" + WHEN + THEN * 11

    assert found(write(tmp_path, many)) == [(8, "13 sentences; at most 12, 背景 counted")]
    assert found(write(tmp_path, many.replace("  背景:\n    假如 LIS已启动\n\n", ""))) == []


def test_a_scenario_does_something_or_says_that_it_watches(tmp_path):
    body = "  场景: 看\n    假如 LIS已启动\n" + THEN

    ((line, message),) = found(write(tmp_path, body))
    assert (line, message[:23]) == (5, "the scenario has no 当: ")
    assert found(write(tmp_path, "  @观察\n" + body)) == []


def test_unknown_requirement_and_interface(tmp_path):
    head = HEAD.replace("REQ-LAB-001", "REQ-LAB-999").replace("LIS-ASTM", "LIS-X")
    path = write(tmp_path, "  场景: 甲\n" + GOOD, head=head)

    assert found(path) == [
        (5, "unknown requirement: @REQ-LAB-999"),
        (5, "unknown interface: @接口-LIS-X"),
    ]


@pytest.mark.parametrize("cell", ["1e3", "1,000.00", "￥5", "12.", "1.2345678"])
def test_amounts_are_exact_decimals(tmp_path, cell):
    table = f"      | 项目 | 自付金额 |\n      | 甲   | 12.50 |\n      | 乙 |  |\n      | 丙 | {cell} |\n"
    body = "  场景大纲: 付<甲>\n    当 支付\n" + table + THEN
    rows = "    例子:\n      | 甲 |\n      | 1 |\n      | 2 |\n"

    assert found(write(tmp_path, body + rows)) == [
        (10, f"“{cell}” in the column 自付金额 is no amount")
    ]


def test_names_are_unique_in_the_tree(tmp_path):
    one = write(tmp_path, "  场景: 甲\n" + GOOD)
    two = write(tmp_path, "  场景: 甲\n" + GOOD, "b")
    other = tmp_path / "c.feature"
    other.write_text(one.read_text("utf-8").replace("场景: 甲", "场景: 乙"), "utf-8")

    result = check(one, two, other)
    assert [problem.message for problem in result.problems] == [
        f"the name “甲” stands twice, also at {one}:5",
        f"the name “a” stands twice, also at {one}:2",
    ]


def test_all_problems_at_once_in_the_order_of_lines(tmp_path):
    body = "  场景: 甲\n    如果 LIS已启动\n    当 无人认识\n" + THEN + "\n  场景: 乙\n" + THEN

    assert [line for line, _ in found(write(tmp_path, body))] == [6, 7, 10]


def test_a_negative_that_looks_once_is_a_warning(tmp_path):
    result = check(write(tmp_path, "  场景: 甲\n" + WHEN + "    那么 不应收到结果\n"))

    assert result.ok
    (warning,) = result.warnings
    assert "looks once" in warning.message


def test_an_example_without_its_table_is_a_warning(tmp_path):
    steps = Library("lab")
    steps.when("支付", id="pay.table", purpose="p", effect="e", example="支付", gloss="g")(
        lambda world, table: None
    )

    result = lint([], registry=Registry([steps]), denominators=KNOWN)
    assert "the example of pay.table does not show its table" in str(result.warnings[0])


def test_steps_and_lists_that_cannot_be_read_are_problems_too(tmp_path, monkeypatch):
    def broken_steps():
        raise InputErrors([InputError("steps", where="m:1")])

    def broken_lists():
        raise InputErrors([InputError("lists", where="f")])

    def no_lists():
        raise InputError("missing", where="f")

    monkeypatch.setattr(lint_module, "load_libraries", broken_steps)
    monkeypatch.setattr(lint_module, "load_denominators", broken_lists)
    path = write(tmp_path, "  场景: 甲\n" + GOOD)

    result = lint([path])
    assert [problem.message for problem in result.problems] == ["lists", "steps"]
    assert result.unused_steps == ()
    monkeypatch.setattr(lint_module, "load_denominators", no_lists)
    monkeypatch.setattr(lint_module, "load_libraries", registry)
    assert [problem.message for problem in lint([path]).problems] == ["missing"]
