"""Expressions over tags."""

from __future__ import annotations

import itertools

import pytest

from harness import i18n
from harness.errors import InputError
from harness.scenario.tags import DEPTH_MAX, parse


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("@a", lambda a, b, c: a),
        ("a", lambda a, b, c: a),
        ("not @a", lambda a, b, c: not a),
        ("not not @a", lambda a, b, c: a),
        ("@a and @b", lambda a, b, c: a and b),
        ("@a or @b", lambda a, b, c: a or b),
        ("@a or @b and @c", lambda a, b, c: a or (b and c)),
        ("(@a or @b) and @c", lambda a, b, c: (a or b) and c),
        ("not @a and @b", lambda a, b, c: (not a) and b),
        ("not (@a and @b)", lambda a, b, c: not (a and b)),
        ("@a and not(@b or @c)", lambda a, b, c: a and not (b or c)),
        ("((@a))", lambda a, b, c: a),
        ("@a and @b and @c or @a and not @c", lambda a, b, c: (a and b and c) or (a and not c)),
        ("", lambda a, b, c: True),
        ("  ", lambda a, b, c: True),
    ],
)
def test_the_truth_table(text: str, meaning: object) -> None:
    expression = parse(text)
    for values in itertools.product([False, True], repeat=3):
        tags = [f"@{name}" for name, there in zip("abc", values, strict=True) if there]
        assert expression(tags) is meaning(*values)  # type: ignore[operator]


def test_tags_in_chinese_and_with_signs() -> None:
    expression = parse("@冒烟 and not (@慢 or @REQ-LAB-001)")

    assert expression(["@冒烟", "@REQ-LAB-002"])
    assert not expression(["@冒烟", "@REQ-LAB-001"])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("@a @b", "@b"),
        ("@a and", "@a and"),
        ("and @a", "and"),
        ("@a or or @b", "or"),
        ("not", "not"),
        ("(@a", "(@a"),
        ("(@a @b", "@b"),
        ("@a)", ")"),
        ("()", ")"),
        ("@a and )", ")"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_word(text: str, word: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert caught.value.message == f"the tag expression “{text}” cannot be read at “{word}”"
    assert "@冒烟 and not @慢" in caught.value.remedy


def test_nesting_is_bounded() -> None:
    assert parse("(" * DEPTH_MAX + "@a" + ")" * DEPTH_MAX)(["@a"])
    for text in ("(" * (DEPTH_MAX + 1) + "@a" + ")" * (DEPTH_MAX + 1), "not " * 5000 + "@a"):
        with pytest.raises(InputError):
            parse(text)
