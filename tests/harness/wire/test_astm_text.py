"""Delimiters and escapes of LIS02-A2 §5.4."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire.astm_text import STANDARD, Signs, escape, unescape

DXH = Signs(field="|", repeat="\\", component="!", escape="~")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("&F&&S&&R&&E&", "|^\\&"),
        ("a&X0A&b&X0D0A&c", "a\nb\r\nc"),
        ("&XD5C5&", "张"),  # GBK D5 C5
        ("&H&loud&N&", "&H&loud&N&"),
        ("&Zmine&", "&Zmine&"),
        ("A&B", "A&B"),
        ("&X0&", "&X0&"),
        ("&XFF&", "&XFF&"),
        ("&f&", "&f&"),
        ("&E&F&E&", "&F&"),  # no nesting: each sequence once
        ("&", "&"),
    ],
)
def test_unescape(text, expected):
    assert unescape(text, STANDARD, "gbk") == expected


def test_other_delimiters():
    assert unescape("~S~~F~&F&", DXH, "ascii") == "!|&F&"
    assert escape("a!b^c~", DXH) == "a~S~b^c~E~"


def test_escape():
    assert escape("5|6^7\\8&9") == "5&F&6&S&7&R&8&E&9"
    assert escape("\r\n\x7f") == "&X0D&&X0A&&X7F&"
    assert escape("瑋") == "瑋"


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_escape_and_back(text):
    written = escape(text)

    assert not set(written) & set("|^\\\r\n")
    assert unescape(written, STANDARD, "ascii") == text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("H|\\^&|||", STANDARD),
        ("H|\\!~|", DXH),
        ("H@^\\", None),
        ("H", None),
        ("", None),
        ("H|\\^", None),
        ("H|\\\\^|", None),
        ("H|\\^ |", None),
        ("H|\\^é|", None),
        ("H|`^&|||", Signs(repeat="`")),
        ("H|@^\\|", Signs(repeat="@", escape="\\")),
        ("H|\\^&", STANDARD),
    ],
)
def test_of_header(header, expected):
    assert Signs.of_header(header) == expected


def test_declaration():
    assert STANDARD.declaration == "\\^&"
