"""The sequence number protocol, case by case (HL7 2.5.1 §2.10.1)."""

from __future__ import annotations

import pytest

from harness.wire.hl7_sequence import NUMBER_MAX, Turn, judge, number_of


@pytest.mark.parametrize(
    ("text", "last", "turn", "after", "expected"),
    [
        ("", None, Turn.NONE, None, 0),
        ("0", None, Turn.START, None, 1),
        ("0", 7, Turn.START, 7, 8),
        ("-1", 7, Turn.START, 7, 8),
        ("1", None, Turn.NEXT, 1, 2),
        ("41", None, Turn.NEXT, 41, 42),
        ("8", 7, Turn.NEXT, 8, 9),
        ("7", 7, Turn.REPEATED, 7, 8),
        ("9", 7, Turn.GAP, 7, 8),
        ("1", NUMBER_MAX, Turn.NEXT, 1, 2),
        ("x", 7, Turn.BROKEN, 7, 8),
        ("-2", 7, Turn.BROKEN, 7, 8),
        ("٣", 7, Turn.BROKEN, 7, 8),
    ],
)
def test_what_a_receiver_makes_of_a_number(
    text: str, last: int | None, turn: Turn, after: int | None, expected: int
) -> None:
    judged = judge(text, last)
    assert (judged.turn, judged.last, judged.expected) == (turn, after, expected)


def test_a_number_out_of_range_is_none() -> None:
    with pytest.raises(ValueError, match="out of range"):
        number_of(str(NUMBER_MAX + 1))
