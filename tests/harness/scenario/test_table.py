"""Tests of ``harness/scenario/table.py``."""

from decimal import Decimal

import pytest

from harness import i18n
from harness.errors import ScenarioError
from harness.scenario.sentence import Sentence, StepKind
from harness.scenario.table import Table


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def make(*rows, lines=True):
    sentence = Sentence(
        keyword="当",
        kind=StepKind.WHEN,
        text="",
        line=7,
        table=rows,
        table_lines=tuple(range(8, 8 + len(rows))) if lines else (),
    )
    return Table.of(sentence, "a.feature")


def test_rows_and_lines():
    table = make(("项目", "结果"), ("HGB", "132"), ("WBC", "4.5"))

    assert table.rows == [{"项目": "HGB", "结果": "132"}, {"项目": "WBC", "结果": "4.5"}]
    assert (table.line, table.lines) == (8, (9, 10))
    assert table.column("结果") == ["132", "4.5"]


def test_table_of_a_sentence_made_in_code_has_the_line_of_the_sentence():
    table = make(("项目",), ("HGB",), lines=False)

    assert (table.line, table.lines) == (7, (7,))


@pytest.mark.parametrize("rows", [[("项目", "项目"), ("1", "2")], [("项目", ""), ("1", "2")]])
def test_header_needs_different_names(rows):
    with pytest.raises(ScenarioError, match="a name stands twice") as caught:
        make(*rows)

    assert caught.value.where == "a.feature:8"


def test_a_header_alone_is_no_table():
    with pytest.raises(ScenarioError, match="no row below its header"):
        make(("项目",))


def test_require_fills_optional_columns_and_names_what_is_wrong():
    table = make(("项目", "结果"), ("HGB", "132"))

    assert table.require({"项目", "结果"}, optional={"单位"}) == [
        {"单位": "", "项目": "HGB", "结果": "132"}
    ]
    with pytest.raises(ScenarioError) as caught:
        table.require({"项目", "标志"}, optional={"单位"})
    assert caught.value.message == (
        "the table lacks the column 标志; the table has no use for the column 结果"
    )
    assert caught.value.remedy == "columns are: 标志 项目; if wanted also: 单位"
    with pytest.raises(ScenarioError, match="the table has no use for the column 结果"):
        table.require({"项目"})
    with pytest.raises(ScenarioError, match="the table lacks the column 单位"):
        table.require({"项目", "结果", "单位"})


def test_decimal_is_exact():
    assert make(("金额",), ("12.50",)).decimal(0, "金额") == Decimal("12.50")


@pytest.mark.parametrize("cell", ["", "12.5元", "1e3", "NaN", "Infinity", "1_000", "1,000"])
def test_what_is_no_decimal_names_its_line(cell):
    with pytest.raises(ScenarioError) as caught:
        make(("金额",), (cell,)).decimal(0, "金额")

    assert caught.value.where == "a.feature:9"


def test_error_about_a_row_has_its_line():
    error = make(("项目",), ("HGB",), ("XXX",)).error(1, "unknown item", "look it up")

    assert (error.where, error.remedy) == ("a.feature:10", "look it up")
