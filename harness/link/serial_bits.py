"""What the other end makes of a byte when the two ends of a line are not set alike.

Pure: each character is laid out as the levels of the line (start bit 0, data from the lowest bit
on, parity, stop bits 1) and read again in the middle of each bit at the receiver's own pace, as a
UART does. So one model gives stripped eighth bits, parity bits inside bytes, parity errors and the
garbage of a wrong speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Final, Literal

from harness.link.serial_line import LineSettings, Parity

OnError = Literal["keep", "drop", "nul", "mark", "question"]
"""What a driver makes of a character with a parity or framing error: as it came, nothing, NUL
(POSIX without PARMRK), ``FF 00 X`` (POSIX PARMRK), or ``?`` (the ErrorChar of many Windows
programs)."""

IDLE_BITS: Final = 24
"""Idle line after the last character: the slowest receiver still finds its stop bits there."""

Bits = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a receiver made of a piece of line.

    Attributes:
        data: bytes that its program gets.
        parity_errors: characters whose parity bit was wrong.
        framing_errors: characters whose stop bit was missing.
    """

    data: bytes
    parity_errors: int = 0
    framing_errors: int = 0


def parity_bit(ones: int, parity: Parity) -> int:
    """The parity bit of a character with so many ones."""
    return {"even": ones % 2, "odd": 1 - ones % 2, "mark": 1, "space": 0}[parity]


def levels(data: bytes, sends: LineSettings) -> Bits:
    """The levels of the line, one for each bit time of the sender."""
    return list(chain.from_iterable(_character(byte, sends) for byte in data))


def _character(byte: int, sends: LineSettings) -> Bits:
    bits = [byte >> index & 1 for index in range(sends.data_bits)]
    parity = [] if sends.parity == "none" else [parity_bit(sum(bits), sends.parity)]
    return [0, *bits, *parity, *([1] * sends.stop_bits)]


def heard(
    data: bytes, sends: LineSettings, receives: LineSettings, on_error: OnError = "keep"
) -> Heard:
    """What a receiver hears of a burst of characters.

    Args:
        data: bytes that the sender's program writes.
        sends: how the sender is set.
        receives: how the receiver is set; it looks at one stop bit only, as UARTs do.
        on_error: what its driver makes of a wrong character.
    """
    line = [*levels(data, sends), *([1] * IDLE_BITS)]
    pace = sends.baud / receives.baud
    found = bytearray()
    parity_errors = framing_errors = 0
    at = 0.0
    while (edge := _falling_edge(line, at)) is not None:
        value, wrong_parity, stopped, at = _sampled(line, edge, pace, receives)
        parity_errors += wrong_parity
        framing_errors += not stopped
        found += bytes([value]) if stopped and not wrong_parity else _replaced(value, on_error)
        if not stopped:
            at = _next_high(line, at)
    return Heard(data=bytes(found), parity_errors=parity_errors, framing_errors=framing_errors)


def _falling_edge(line: Bits, at: float) -> int | None:
    """The first bit time from ``at`` on at which the line goes from 1 to 0."""
    for index in range(max(0, int(at)), len(line)):
        if line[index] == 0 and index >= at - 0.5 and (index == 0 or line[index - 1] == 1):
            return index
    return None


def _next_high(line: Bits, at: float) -> float:
    """After a missing stop bit a UART waits until the line is idle again."""
    return next((float(index) for index in range(int(at), len(line)) if line[index]), len(line))


def _sampled(
    line: Bits, edge: int, pace: float, receives: LineSettings
) -> tuple[int, bool, bool, float]:
    """A character from its start bit on: value, parity wrong, stop bit seen, where it ended."""

    def sample(number: int) -> int:
        place = int(edge + (number + 0.5) * pace)
        return line[place] if place < len(line) else 1

    bits = [sample(1 + index) for index in range(receives.data_bits)]
    number = 1 + receives.data_bits
    wrong = False
    if receives.parity != "none":
        wrong = sample(number) != parity_bit(sum(bits), receives.parity)
        number += 1
    value = sum(bit << index for index, bit in enumerate(bits))
    return value, wrong, bool(sample(number)), edge + (number + 0.5) * pace


def _replaced(value: int, on_error: OnError) -> bytes:
    known: dict[str, bytes] = {"drop": b"", "nul": b"\x00", "question": b"?"}
    if on_error == "mark":
        return b"\xff\x00" + bytes([value])
    return known.get(on_error, bytes([value]))


def diagnose(sent: bytes, got: bytes) -> str:
    """What kind of line turns ``sent`` into ``got``; empty where they are equal or nothing fits.

    Returns:
        ``seven-bit`` (the eighth bit of each byte is gone), ``parity-even``, ``parity-odd``,
        ``parity-mark`` (a parity bit of a 7-bit sender stands in the eighth bit), ``noise``
        (there are bytes in front), ``cut`` (the end is missing), or ``baud 2:1`` (the sender is
        twice as fast as the receiver).
    """
    if sent == got or not sent:
        return ""
    if got == bytes(byte & 0x7F for byte in sent):
        return "seven-bit"
    eight = LineSettings()
    for parity in ("even", "odd", "mark"):
        sends = LineSettings(data_bits=7, parity=parity)
        if got == heard(sent, sends, eight).data:
            return f"parity-{parity}"
    if got.endswith(sent):
        return "noise"
    if sent.startswith(got):
        return "cut"
    return _speeds(sent, got)


SPEEDS: Final = (300, 1200, 2400, 4800, 9600, 19200, 38400)
"""Speeds of LIS01-A2 §5.2.3."""

RATIOS: Final = tuple(
    sorted({Fraction(one, other) for one in SPEEDS for other in SPEEDS if one != other})
)
"""How far apart the two ends can be; only the ratio of their speeds can be told from bytes."""


def _speeds(sent: bytes, got: bytes) -> str:
    for ratio in RATIOS:
        there, here = LineSettings(baud=ratio.numerator), LineSettings(baud=ratio.denominator)
        if got == heard(sent, there, here).data:
            return f"baud {ratio.numerator}:{ratio.denominator}"
    return ""
