"""Integrity checks of the framings that are not ASTM, and control bytes as text.

Which bytes a check covers is the framing's business; here are only the sums. Each was recomputed
from captures of real instruments; worked vectors stand in ``tests/corpus/framings/vectors.txt``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import reduce
from operator import xor
from typing import Final

NAMES: Final = {
    "NUL": 0x00, "SOH": 0x01, "STX": 0x02, "ETX": 0x03, "EOT": 0x04, "ENQ": 0x05, "ACK": 0x06,
    "LF": 0x0A, "CR": 0x0D, "NAK": 0x15, "SYN": 0x16, "ETB": 0x17, "FS": 0x1C, "GS": 0x1D,
    "RS": 0x1E, "US": 0x1F, "DEL": 0x7F,
}  # fmt: skip
"""Control characters by their ASCII names."""

_TOKEN: Final = re.compile(r"<([A-Z]+)>|<h([0-9A-F]{2})>|([ -~])")


class CheckKind(StrEnum):
    """How a check is computed; all but CRC fit into one byte."""

    NONE = "none"
    XOR = "xor"
    """Exclusive or of all bytes (Olympus AU)."""
    SUM = "sum"
    """Sum modulo 256 (Vitros, Clinitek, Miditron, mini VIDAS)."""
    TWOS_COMPLEMENT = "twos-complement"
    """What makes the sum zero modulo 256 (Ciba-Corning, Beckman Array, Coulter JT)."""


def xor_bcc(data: bytes) -> int:
    """Exclusive or of all bytes; 0 of nothing."""
    return reduce(xor, data, 0)


def plain_sum(data: bytes) -> int:
    """Sum of all bytes modulo 256."""
    return sum(data) & 0xFF


def twos_complement(data: bytes) -> int:
    """The byte that makes the sum zero modulo 256."""
    return -sum(data) & 0xFF


def crc16_genibus(data: bytes) -> int:
    """CRC-16, polynomial 1021, begun with FFFF, not reflected, inverted (Coulter MAXM)."""
    value = 0xFFFF
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _CRC_TABLE[value >> 8 ^ byte]
    return value ^ 0xFFFF


def _crc_entry(byte: int) -> int:
    value = byte << 8
    for _ in range(8):
        value = (value << 1 ^ 0x1021) & 0xFFFF if value & 0x8000 else value << 1
    return value


_CRC_TABLE: Final = tuple(_crc_entry(byte) for byte in range(256))


def check_byte(kind: CheckKind, data: bytes) -> int:
    """The check of ``data``; 0 where there is none."""
    match kind:
        case CheckKind.XOR:
            return xor_bcc(data)
        case CheckKind.SUM:
            return plain_sum(data)
        case CheckKind.TWOS_COMPLEMENT:
            return twos_complement(data)
        case CheckKind.NONE:
            return 0


def control_bytes(text: str) -> bytes:
    r"""Bytes from a text such as ``<CR><LF>``, ``<h1B>E`` or ``[``.

    Raises:
        ValueError: a name that is none, or a character outside printable ASCII.
    """
    out = bytearray()
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"no control text: {text!r} at character {position + 1}")
        name, code, plain = found.groups()
        if name is not None and name not in NAMES:
            raise ValueError(f"no control character {name}; known are {', '.join(NAMES)}")
        out.append(NAMES[name] if name else int(code, 16) if code else ord(plain))
        position = found.end()
    return bytes(out)
