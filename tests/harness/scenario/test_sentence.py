"""Tests of ``harness/scenario/sentence.py``."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.scenario.sentence import (
    canonical,
    features_of,
    likeness,
    open_quote,
    split_keyword,
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("LIS收到“T001”的结果：", 'LIS收到"T001"的结果'),
        ("LIS收到”T001“的结果:", 'LIS收到"T001"的结果'),
        ("在 １０ 秒 内，ＬＩＳ收到＂T001＂", '在10秒内,LIS收到"T001"'),
        ('保留 "引号 里 的，全角：“空格”" 。', '保留"引号 里 的，全角：“空格”"'),
        ("HL7 ORU 消息 v2.5 (确认)", "HL7ORU消息v2.5（确认）"),
        ("LIS HIS 两端", "LIS HIS两端"),
        ("5.2 mmol/L", "5.2mmol/L"),
        ("数 1 2", "数1 2"),
        ("，结果；状态", "结果;状态"),
        ("", ""),
    ],
)
def test_canonical(written, meant):
    assert canonical(written) == meant


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='a1 中“”":：，。()', max_size=20))
def test_canonical_is_at_rest_once_quotes_are_closed(text):
    once = canonical(text)

    if not open_quote(once):
        assert canonical(once) == once


@pytest.mark.parametrize(
    ("text", "is_open"),
    [('"a"', False), ("“a”", False), ('"a', True), ("a”", True), ('"a\\"b"', False), ("无", False)],
)
def test_open_quote(text, is_open):
    assert open_quote(text) is is_open


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("  假如 甲", ("假如", "甲")),
        ("当甲", ("当", "甲")),
        ("* 甲", ("*", "甲")),
        ("如果 甲", ("", "如果 甲")),
    ],
)
def test_split_keyword(line, parts):
    assert split_keyword(line) == parts


def test_likeness_looks_at_words_and_not_at_values():
    known = features_of("分析仪{string}上传{string}的结果")

    assert likeness(known, features_of('分析仪"XN"上传"T1"的结果')) == 1.0
    assert likeness(known, features_of("打印机缺纸")) == 0.0
    assert 0.5 < likeness(known, features_of('分析仪"XN"上传"T1"结果')) < 1.0
