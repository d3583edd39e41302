"""The sequence number protocol: MSH-13 out, MSA-4 back (HL7 2.5.1 §2.10.1).

The only means of the standard by which a receiver sees a gap and a sender a loss. Numbers run from
1; 0 (re)starts a link with a message that has no other content; -1 asks where the receiver stands.
The receiver stores the last number before it acknowledges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CLAUSE: Final = "HL7 2.5.1 §2.10.1"
NUMBER_MAX: Final = 2_000_000_000
START: Final = 0
ASK: Final = -1


class Turn(StrEnum):
    """What a receiver makes of a number."""

    NEXT = "next"
    """The one that was expected: process it."""
    REPEATED = "repeated"
    """It was processed before: acknowledge, and do nothing."""
    GAP = "gap"
    """One or more are missing: refuse it, and say which one is expected."""
    START = "start"
    """The link begins: say which one is expected."""
    NONE = "none"
    """The message takes no part in the protocol."""
    BROKEN = "broken"
    """MSH-13 is no number of the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One number, judged.

    Attributes:
        turn: what to make of it.
        last: the last accepted number afterwards; None while none was.
        expected: MSA-4 of the answer; 0 where the answer has none.
    """

    turn: Turn
    last: int | None
    expected: int


def number_of(text: str) -> int | None:
    """MSH-13 as a number; None where it is empty.

    Raises:
        ValueError: it is no number of the protocol.
    """
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a sequence number: {text!r}")
    number = int(text)
    if not ASK <= number <= NUMBER_MAX:
        raise ValueError(f"a sequence number out of range: {number}")
    return number


def judge(text: str, last: int | None) -> Judged:
    """What a receiver that last accepted ``last`` makes of MSH-13.

    The first number after a start without memory is taken as it comes (§2.10.1.2).

    >>> judge("7", 5).turn, judge("7", 5).expected
    (<Turn.GAP: 'gap'>, 6)
    """
    try:
        number = number_of(text)
    except ValueError:
        return Judged(turn=Turn.BROKEN, last=last, expected=_after(last))
    if number is None:
        return Judged(turn=Turn.NONE, last=last, expected=0)
    if number in {START, ASK}:
        return Judged(turn=Turn.START, last=last, expected=_after(last))
    if last is None or number == _after(last):
        return Judged(turn=Turn.NEXT, last=number, expected=_after(number))
    turn = Turn.REPEATED if number <= last else Turn.GAP
    return Judged(turn=turn, last=last, expected=_after(last))


def _after(last: int | None) -> int:
    """The number behind ``last``; it begins again at 1 behind the highest."""
    return 1 if last is None or last >= NUMBER_MAX else last + 1
