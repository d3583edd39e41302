"""Making LIS01-A2 frames: checksum, frame, and the cutting of a message (§8.3).

A frame is ``STX FN text (ETB|ETX) C1 C2 CR LF``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import adler32

from harness.wire.astm_config import (
    TEXT_MAX_A2,
    AstmLinkConfig,
    BlockEnd,
    ChecksumKind,
    CutPolicy,
    NumberPolicy,
)

STX: Final = b"\x02"
ETX: Final = b"\x03"
EOT: Final = b"\x04"
ENQ: Final = b"\x05"
ACK: Final = b"\x06"
NAK: Final = b"\x15"
ETB: Final = b"\x17"

HEX: Final = tuple(b"%02X" % number for number in range(256))
"""Two digits for every sum."""

BLOCK: Final = 256
"""So many bytes cannot add up to more than the lower half of Adler-32 can hold."""

_TERMINATOR = re.compile(rb"[\x00\t\n\r ]*[Ll](?![0-9A-Za-z])")


def checksum(data: bytes) -> bytes:
    r"""Two upper-case hex digits of the sum of ``data`` modulo 256 (LIS01-A2 §8.3.3).

    ``data`` is what the standard sums: frame number through ETB or ETX.

    >>> checksum(b"7L|1|N\r\x03")
    b'0A'
    """
    return HEX[_sum(data)]


def _sum(data: bytes | bytearray | memoryview) -> int:
    """The sum modulo 256, eight times as fast as ``sum``.

    The lower half of Adler-32 is the sum modulo 65521 (RFC 1950 §8.2): a block cannot reach it.
    """
    if len(data) <= BLOCK:
        return adler32(data, 0) & 0xFF
    view = memoryview(data)
    return sum(adler32(view[at : at + BLOCK], 0) for at in range(0, len(view), BLOCK)) & 0xFF


def summed(body: bytes, kind: ChecksumKind) -> bytes:
    """The digits of a dialect for ``body`` (frame number through ETB or ETX)."""
    match kind:
        case ChecksumKind.STANDARD:
            return checksum(body)
        case ChecksumKind.WITHOUT_END:
            return checksum(body[:-1])
        case ChecksumKind.WITH_START:
            return checksum(STX + body)
        case ChecksumKind.LOWER_CASE:
            return checksum(body).lower()
        case ChecksumKind.ABSENT:
            return b""


class Piece(NamedTuple):
    """The content of one frame.

    Attributes:
        text: what stands between frame number and ETB or ETX.
        end: ETB or ETX.
        record_ends: the text completes a record.
        message_ends: the text completes an L record.
    """

    text: bytes
    end: bytes
    record_ends: bool
    message_ends: bool


def build_frame(number: int, piece: Piece, config: AstmLinkConfig) -> bytes:
    """The bytes of one frame as the dialect of ``config`` has it (LIS01-A2 §8.3.1)."""
    body = b"%d%b%b" % (number, piece.text, piece.end)
    return STX + body + summed(body, config.checksum) + config.trailer.data


def number_after(number: int, policy: NumberPolicy, *, record: bool, message: bool) -> int:
    """The frame number that follows an accepted frame: 7 wraps to 0 (LIS01-A2 §8.3.2).

    Args:
        number: of the accepted frame.
        policy: when numbers start again.
        record: the frame completed a record.
        message: the frame completed a message.
    """
    restarts = (policy is NumberPolicy.RECORD and record) or (
        policy is NumberPolicy.MESSAGE and message
    )
    return 1 if restarts else (number + 1) % 8


def is_terminator(record: bytes | bytearray) -> bool:
    """Is it an L record? Its letter is case-insensitive (LIS02-A2 §5.5); blanks before it occur."""
    return _TERMINATOR.match(record) is not None


def cut(payload: bytes, config: AstmLinkConfig) -> list[Piece]:
    """The frames of a message, in order (LIS01-A2 §8.3.1); none for an empty one."""
    if config.cut is CutPolicy.WHOLE_MESSAGE:
        return list(_cut_whole(payload, config))
    size = TEXT_MAX_A2 if config.cut is CutPolicy.ONE_RECORD_A_FRAME else config.frame_text_max
    pieces: list[Piece] = []
    for record in _records(payload, config.record_end):
        text = record if config.record_end_in_frame else record.removesuffix(config.record_end)
        ends_message = is_terminator(record)
        for at in range(0, len(text) or 1, size):
            last = at + size >= len(text)
            block_ends = last and (config.block_end is BlockEnd.RECORD or ends_message)
            pieces.append(
                Piece(
                    text=text[at : at + size],
                    end=ETX if block_ends else ETB,
                    record_ends=last,
                    message_ends=last and ends_message,
                )
            )
    if pieces:  # whatever the policy, the last frame of all cannot be continued
        pieces[-1] = pieces[-1]._replace(end=ETX)
    return pieces


def _cut_whole(payload: bytes, config: AstmLinkConfig) -> Iterator[Piece]:
    size = config.frame_text_max
    for at in range(0, len(payload), size):
        last = at + size >= len(payload)
        yield Piece(
            text=payload[at : at + size],
            end=ETX if last else ETB,
            record_ends=last,
            message_ends=last,
        )


def _records(payload: bytes, end: bytes) -> list[bytes]:
    """Records with their end; a rest without one is a record too."""
    parts = payload.split(end)
    rest = parts.pop()
    return [part + end for part in parts] + ([rest] if rest else [])
