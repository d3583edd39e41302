"""Tests of ``harness/scenario/holes.py``."""

from decimal import Decimal

import pytest

from harness import i18n
from harness.scenario.holes import Expression
from harness.scenario.sentence import canonical


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def value(hole, written):
    found = Expression(f"甲{{{hole}}}乙").match(canonical(f"甲{written}乙"))
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("hole", "written", "meant"),
    [
        ("string", '"T001"', "T001"),
        ("string", "“张三”", "张三"),
        ("string", '""', ""),
        ("string", r'"a\"b"', 'a"b'),
        ("string", r'"C:\temp"', r"C:\temp"),
        ("string", "T001", None),
        ("int", "12", 12),
        ("int", "-3", -3),
        ("int", "１２", 12),
        ("int", "1.5", None),
        ("decimal", "12.50", Decimal("12.50")),
        ("decimal", "-0.01", Decimal("-0.01")),
        ("decimal", "1e3", None),
        ("decimal", "1,000", None),
        ("count", "3次", 3),
        ("count", "三次", 3),
        ("count", "两次", 2),
        ("count", "零次", 0),
        ("count", "十次", 10),
        ("count", "十二次", 12),
        ("count", "二十次", 20),
        ("count", "九十九次", 99),
        ("count", "3", None),
        ("duration", "10秒", 10.0),
        ("duration", " 10 秒 ", 10.0),
        ("duration", "10秒钟", 10.0),
        ("duration", "500毫秒", 0.5),
        ("duration", "1.5分钟", 90.0),
        ("duration", "24小时", 86400.0),
        ("duration", "10", None),
        ("duration", "٣秒", None),
    ],
)
def test_value_of_a_hole(hole, written, meant):
    assert value(hole, written) == meant


@pytest.mark.parametrize("written", ["0秒", "0.0毫秒", "25小时"])
def test_duration_that_is_no_limit(written):
    with pytest.raises(ValueError, match="is no limit"):
        value("duration", written)


@pytest.mark.parametrize(
    ("wording", "part"),
    [
        ("上传{float}元", "unknown hole {float}"),
        ("上传{}个", "unknown hole {}"),
        ("上传{string", "does not have a matching"),
        ("上传{int}{int}", "two holes need words between them"),
        ("上传“{string}”", "{string} brings its quotes along"),
        (r"上传\{", "a backslash has no meaning"),
        ("{string}", "a sentence needs words"),
        ("：", "a sentence needs words"),
    ],
)
def test_wording_that_cannot_be_read(wording, part):
    with pytest.raises(ValueError) as caught:
        Expression(wording)

    assert part in str(caught.value)


def test_brackets_and_slashes_are_plain_words():
    expression = Expression("结果(复查)为{decimal}mmol/L或a/b c")

    assert expression.match(canonical("结果（复查）为 5.2 mmol/L 或 a/b c")) == (Decimal("5.2"),)
    assert expression.match(canonical("结果为5.2mmol/L或a")) is None


def test_may_match_looks_at_beginning_end_and_middle():
    expression = Expression("分析仪{string}上传全部{string}的结果")

    assert expression.may_match('分析仪"A"上传全部"B"的结果')
    assert not expression.may_match('分析仪"A"上传"B"的结果')
    assert not expression.may_match('仪器"A"上传全部"B"的结果')
    assert not expression.may_match('分析仪"A"上传全部"B"')
