"""A second reader of LIS01-A2 bytes, to judge what was recorded on a wire.

It shares nothing with the code that sends and receives: no constants, no functions, no tables. Two
mistakes that fit each other cannot hide here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

UnitKind = Literal["ENQ", "ACK", "NAK", "EOT", "FRAME", "NOISE"]

_UNIT = re.compile(
    rb"\x02(?P<number>[^\x02-\x05\x17])(?P<text>[^\x02-\x05\x17]*)(?P<end>[\x03\x17])"
    rb"(?P<digits>[!-~]{2})?(?P<trailer>\r\n|\r|)"
    rb"|(?P<control>[\x04\x05\x06\x15])"
)
"""Frames as LIS01-A2 §8.3 draws them, with gaps where peers leave something out; or one control
character of its own."""

_NAMES: Final[dict[int, UnitKind]] = {4: "EOT", 5: "ENQ", 6: "ACK", 21: "NAK"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedUnit:
    """One thing on the wire.

    Attributes:
        kind: which.
        offset: of its first byte.
        data: its bytes.
        number: character in the place of the frame number.
        text: of a frame.
        end: ``ETX`` or ``ETB``.
        stated: the checksum as it stands, or empty.
        actual: the checksum as it should be.
        trailer: what follows the checksum: CR LF in the standard.
    """

    kind: UnitKind
    offset: int
    data: bytes
    number: str = ""
    text: bytes = b""
    end: str = ""
    stated: str = ""
    actual: str = ""
    trailer: bytes = b""

    @property
    def sound(self) -> bool:
        """A control character, or a frame that has everything as the standard wants it."""
        if self.kind != "FRAME":
            return self.kind != "NOISE"
        whole = self.stated == self.actual and self.trailer == bytes([13, 10])
        return whole and self.number in "01234567"


def decode_stream(data: bytes) -> list[DecodedUnit]:
    r"""Everything in the bytes of one direction, in order; nothing is left out.

    >>> [unit.kind for unit in decode_stream(b"\x05\x027L|1|N\r\x030A\r\n?\x04")]
    ['ENQ', 'FRAME', 'NOISE', 'EOT']
    """
    units: list[DecodedUnit] = []
    done = 0
    for match in _UNIT.finditer(data):
        if match.start() > done:
            units.append(_noise(data, done, match.start()))
        units.append(_control(match) if match["control"] else _frame(match))
        done = match.end()
    if done < len(data):
        units.append(_noise(data, done, len(data)))
    return units


def _noise(data: bytes, begin: int, end: int) -> DecodedUnit:
    return DecodedUnit(kind="NOISE", offset=begin, data=data[begin:end])


def _control(match: re.Match[bytes]) -> DecodedUnit:
    byte = match["control"]
    return DecodedUnit(kind=_NAMES[byte[0]], offset=match.start(), data=byte)


def _frame(match: re.Match[bytes]) -> DecodedUnit:
    total = 0
    for byte in match["number"] + match["text"] + match["end"]:
        total = (total + byte) & 0xFF
    return DecodedUnit(
        kind="FRAME",
        offset=match.start(),
        data=match[0],
        number=match["number"].decode("latin-1"),
        text=match["text"],
        end="ETX" if match["end"] == b"\x03" else "ETB",
        stated=(match["digits"] or b"").decode("ascii"),
        actual=f"{total:02X}",
        trailer=match["trailer"],
    )
