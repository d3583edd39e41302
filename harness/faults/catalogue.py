"""What can be done to a unit on its way, and to a connection.

``UNIT_ACTIONS`` change one protocol unit while it is encoded; ``WIRE_ACTIONS`` change how the
bytes of the unit travel. Both are pure. Which row of the fault catalogue an action serves is said
by the scenario that plans it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

from harness.link.serial_bits import OnError, heard
from harness.link.serial_line import LineSettings
from harness.link.tap import Delivery
from harness.wire.core import Unit

Parameters = Mapping[str, str]

SLICE_GAP_S = 0.001
"""Pause between one-byte writes: long enough that a stack does not glue them on loopback."""


def _drop(_: Unit, __: Parameters) -> list[bytes]:
    return []


def _repeat(unit: Unit, parameters: Parameters) -> list[bytes]:
    return [unit.data] * (1 + int(parameters.get("times", "1")))


def _truncate(unit: Unit, parameters: Parameters) -> list[bytes]:
    keep = int(parameters.get("keep_percent", "50"))
    return [unit.data[: max(1, len(unit.data) * keep // 100)]]


def _replace(unit: Unit, parameters: Parameters) -> list[bytes]:
    old, new = (parameters[name].encode("latin-1") for name in ("old", "new"))
    return [unit.data.replace(old, new)]


def _junk_before(unit: Unit, parameters: Parameters) -> list[bytes]:
    return [parameters.get("junk", "\x00\n").encode("latin-1") + unit.data]


_FRAME = re.compile(rb"\x02[0-7].*[\x03\x17][0-9A-Fa-f]{2}\r\n", re.DOTALL)
"""A frame with its checksum (LIS01-A2 §8.3.1); actions on anything else change nothing."""


def _bad_checksum(unit: Unit, parameters: Parameters) -> list[bytes]:
    """Another pair of hex digits than the right one (LIS01-A2 §8.3.3.1).

    With ``end`` only a frame that ends so, ETX or ETB, is hit.
    """
    if not _FRAME.fullmatch(unit.data):
        return [unit.data]
    if unit.data[-5:-4] != parameters.get("end", "").encode("latin-1") != b"":
        return [unit.data]
    head, tail = unit.data[:-4], unit.data[-4:]
    wrong = b"%02X" % ((int(tail[:2], 16) + 1) % 256)
    return [head + wrong + tail[2:]]


def _lower_case_checksum(unit: Unit, _: Parameters) -> list[bytes]:
    if not _FRAME.fullmatch(unit.data):
        return [unit.data]
    head, tail = unit.data[:-4], unit.data[-4:]
    return [head + tail[:2].lower() + tail[2:]]


def _skip_frame_number(unit: Unit, _: Parameters) -> list[bytes]:
    """The number after the right one, with a checksum that fits it."""
    if not _FRAME.fullmatch(unit.data):
        return [unit.data]
    body = unit.data[1:-4]
    number = b"%d" % ((int(body[:1]) + 1) % 8)
    body = number + body[1:]
    return [unit.data[:1] + body + b"%02X" % (sum(body) % 256) + unit.data[-2:]]


def _instead(_: Unit, parameters: Parameters) -> list[bytes]:
    return [parameters["bytes"].encode("latin-1")]


def _without_start(unit: Unit, _: Parameters) -> list[bytes]:
    return [unit.data[1:]]


def _without_end(unit: Unit, _: Parameters) -> list[bytes]:
    return [unit.data[:-2]]


def _double_wrapped(unit: Unit, _: Parameters) -> list[bytes]:
    return [b"\x0b" + unit.data + b"\x1c\r"]


def _line_feeds(unit: Unit, _: Parameters) -> list[bytes]:
    end = unit.data[-2:]
    return [unit.data[:-2].replace(b"\r", b"\r\n") + end]


def _re_encode(unit: Unit, parameters: Parameters) -> list[bytes]:
    """Text in another character set than the header says; the header stays."""
    text = unit.data.decode(parameters.get("from", "gb18030"), errors="surrogateescape")
    return [text.encode(parameters.get("to", "utf-8"), errors="surrogateescape")]


UNIT_ACTIONS: Mapping[str, Callable[[Unit, Parameters], list[bytes]]] = {
    "drop": _drop,
    "repeat": _repeat,
    "truncate": _truncate,
    "replace": _replace,
    "junk-before": _junk_before,
    "bad-checksum": _bad_checksum,
    "lower-case-checksum": _lower_case_checksum,
    "skip-frame-number": _skip_frame_number,
    "instead": _instead,
    "without-start": _without_start,
    "without-end": _without_end,
    "double-wrapped": _double_wrapped,
    "line-feeds": _line_feeds,
    "re-encode": _re_encode,
}


def _reset_in_the_middle(data: bytes, parameters: Parameters) -> list[Delivery]:
    at = len(data) * int(parameters.get("at_percent", "50")) // 100
    return [Delivery(data=data[:at]), Delivery(end="reset")]


def _close_in_the_middle(data: bytes, parameters: Parameters) -> list[Delivery]:
    at = len(data) * int(parameters.get("at_percent", "50")) // 100
    return [Delivery(data=data[:at]), Delivery(end="close")]


def _reset_after(data: bytes, _: Parameters) -> list[Delivery]:
    return [Delivery(data=data), Delivery(end="reset")]


def _delay(data: bytes, parameters: Parameters) -> list[Delivery]:
    return [Delivery(data=data, delay_s=float(parameters.get("delay_s", "1")))]


def _slices(data: bytes, parameters: Parameters) -> list[Delivery]:
    size = max(1, int(parameters.get("bytes", "1")))
    return [
        Delivery(data=data[at : at + size], delay_s=SLICE_GAP_S if at else 0.0)
        for at in range(0, len(data), size)
    ]


def _bandwidth(data: bytes, parameters: Parameters) -> list[Delivery]:
    """Bytes leave at the pace of a serial line: 10 bits a character (8N1)."""
    per_s = float(parameters.get("baud", "9600")) / 10
    size = max(1, int(per_s / 100))
    return [
        Delivery(data=data[at : at + size], delay_s=len(data[at : at + size]) / per_s)
        for at in range(0, len(data), size)
    ]


def _middle(data: bytes, parameters: Parameters) -> int:
    return len(data) * int(parameters.get("at_percent", "50")) // 100


def _other_settings(data: bytes, parameters: Parameters) -> list[Delivery]:
    """What a receiver hears whose line is set otherwise: speed, data bits, parity."""
    sends = LineSettings.parse(parameters.get("sends", "9600 8N1"))
    receives = LineSettings.parse(parameters.get("receives", "9600 7E1"))
    on_error = cast(OnError, parameters.get("on_error", "keep"))
    return [Delivery(data=heard(data, sends, receives, on_error).data)]


def _bit_error(data: bytes, parameters: Parameters) -> list[Delivery]:
    """One bit of one character flips; with ``on_error`` the receiver saw it by its parity."""
    at = min(_middle(data, parameters), len(data) - 1)
    flipped = bytes([data[at] ^ (1 << int(parameters.get("bit", "3")))])
    replaced = {"drop": b"", "nul": b"\x00", "question": b"?"}
    seen = replaced.get(parameters.get("on_error", ""), flipped)
    return [Delivery(data=data[:at] + seen + data[at + 1 :])]


def _noise_before(data: bytes, parameters: Parameters) -> list[Delivery]:
    noise = bytes.fromhex(parameters.get("noise", "ff00fe7f20e1"))
    return [Delivery(data=noise), Delivery(data=data, delay_s=SLICE_GAP_S)]


def _break(data: bytes, parameters: Parameters) -> list[Delivery]:
    """The line is held at 0: one NUL at the receiver (a UART's break), and the rest swallowed."""
    return [Delivery(data=data[: _middle(data, parameters)] + b"\x00")]


def _pulled_cable(data: bytes, parameters: Parameters) -> list[Delivery]:
    """What was on its way is cut; ``inject.py`` keeps the line dark for ``dark_s`` after it."""
    return [Delivery(data=data[: _middle(data, parameters)])]


def _held(data: bytes, parameters: Parameters) -> list[Delivery]:
    """Flow control holds the sender in the middle of its bytes (XOFF, or CTS low)."""
    at = _middle(data, parameters)
    held_s = float(parameters.get("held_s", "3"))
    return [Delivery(data=data[:at]), Delivery(data=data[at:], delay_s=held_s)]


WIRE_ACTIONS: Mapping[str, Callable[[bytes, Parameters], list[Delivery]]] = {
    "reset-in-the-middle": _reset_in_the_middle,
    "close-in-the-middle": _close_in_the_middle,
    "reset-after": _reset_after,
    "delay": _delay,
    "slices": _slices,
    "bandwidth": _bandwidth,
    "other-settings": _other_settings,
    "bit-error": _bit_error,
    "noise-before": _noise_before,
    "break": _break,
    "pulled-cable": _pulled_cable,
    "held": _held,
}

DARK_S = "dark_s"
"""Parameter of an action after which nothing passes either way for so long."""

STATE_ACTIONS = frozenset({"refuse", "half-open", "black-hole", "coalesce", "swap"})
"""Actions that need to remember something between units; ``inject.py`` carries them out."""

PROCESS_ACTIONS = frozenset({"kill", "restart", "pause"})
"""Actions on a process of the built-in hospital; the runtime carries them out."""

ACTIONS = frozenset(UNIT_ACTIONS) | frozenset(WIRE_ACTIONS) | STATE_ACTIONS | PROCESS_ACTIONS
