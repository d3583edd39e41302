"""Taking LIS01-A2 frames from a stream of bytes, as a receiver in a session sees it (§8.3).

Bytes before STX and after the end of a frame are ignored, and reported. The tokens do not depend
on how the bytes were split into reads. Time is linear, memory bounded by the longest frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from harness.wire.astm_config import AstmLinkConfig, ChecksumKind, Trailer
from harness.wire.astm_events import RAW_BYTES_MAX

_OUTSIDE = re.compile(rb"[\x02\x04\x05]")
_WHOLE = re.compile(rb"\x02([^\x00-\x0c\x0e-\x1f]*[\x03\x17])([!-~]{2})\r\n")
"""A frame as nearly all are, in one read and without anything odd: a sixth of the steps."""

_RUN = re.compile(rb"\x02+")
_INSIDE = re.compile(rb"[\x01-\x06\x0a\x10-\x17]")
"""Restricted characters and LF (LIS01-A2 §8.6)."""

_STX: Final = 0x02
_ENDS: Final = frozenset({0x03, 0x17})
_BREAKS: Final = frozenset({0x02, 0x04, 0x05})
_DIGITS: Final = 2
_PRINTABLE: Final = range(0x20, 0x7F)


class TokenKind(Enum):
    """What a reader finds."""

    NOISE = auto()
    ENQ = auto()
    EOT = auto()
    FRAME = auto()
    BROKEN_BY_START = auto()
    BROKEN_BY_CONTROL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One thing in the stream.

    Attributes:
        kind: which.
        offset: of its first byte since the connection opened.
        body: noise as it is; of a frame: frame number through ETB or ETX.
        stated: the checksum as it stands.
        trailer_ok: what follows the checksum is what was agreed.
        too_long: the body was cut because it is longer than allowed.
        forbidden: the text holds characters that it must not.
    """

    kind: TokenKind
    offset: int
    body: bytes = b""
    stated: bytes = b""
    trailer_ok: bool = True
    too_long: bool = False
    forbidden: bool = False


class _Part(Enum):
    OUTSIDE = auto()
    TEXT = auto()
    CHECKSUM = auto()
    TRAILER = auto()


@dataclass(slots=True)
class FrameReader:
    """An incremental reader; ``next`` gives one token at a time.

    Args:
        config: the dialect, and the longest text.
    """

    config: AstmLinkConfig
    _part: _Part = _Part.OUTSIDE
    _start: int = 0
    _body: bytearray = field(default_factory=bytearray)
    _size: int = 0
    _stated: bytearray = field(default_factory=bytearray)
    _trailer: bytearray = field(default_factory=bytearray)
    _forbidden: bool = False
    _doubled: bool = False
    _usual: bool = field(init=False)

    def __post_init__(self) -> None:
        kind = self.config.checksum
        self._usual = self.config.trailer is Trailer.CR_LF and kind is not ChecksumKind.ABSENT

    @property
    def unsettled(self) -> bool:
        """A frame is complete but for what should follow its text."""
        return self._part in {_Part.CHECKSUM, _Part.TRAILER}

    @property
    def outside(self) -> bool:
        """No frame is open."""
        return self._part is _Part.OUTSIDE

    @property
    def partial(self) -> bytes:
        """The first bytes of a frame whose end has not come."""
        return b"" if self._part is _Part.OUTSIDE else b"\x02" + bytes(self._body[:RAW_BYTES_MAX])

    def reset(self) -> None:
        """Forget what is open."""
        self._part = _Part.OUTSIDE
        self._body.clear()
        self._stated.clear()
        self._trailer.clear()

    def settle(self) -> Token:
        """The frame at hand, although what should follow its text did not come."""
        return self._frame(trailer_ok=False)

    def next(self, data: bytes | bytearray, at: int, base: int) -> tuple[int, Token | None]:
        """Read on from ``data[at]``, which is not past the end.

        Args:
            data: a read.
            at: where to go on in it.
            base: offset of ``data[0]`` since the connection opened.

        Returns:
            Where to go on, and the token, if one is complete. A byte that belongs to the next part
            or token is not used up; it is with the next call.
        """
        match self._part:
            case _Part.OUTSIDE:
                return self._outside(data, at, base)
            case _Part.TEXT:
                return self._text(data, at, base)
            case _Part.CHECKSUM:
                return self._checksum(data, at)
            case _Part.TRAILER:
                return self._after(data, at)

    def _outside(self, data: bytes | bytearray, at: int, base: int) -> tuple[int, Token | None]:
        found = _OUTSIDE.search(data, at)
        end = len(data) if found is None else found.start()
        if end > at:
            return end, Token(kind=TokenKind.NOISE, offset=base + at, body=bytes(data[at:end]))
        if data[at] == _STX:
            whole = _WHOLE.match(data, at) if self._usual else None
            if whole is not None and len(whole[1]) <= self.config.receive_text_max + 2:
                return whole.end(), Token(
                    kind=TokenKind.FRAME,
                    offset=base + at,
                    body=bytes(whole[1]),
                    stated=bytes(whole[2]),
                )
            self._open(base + at)
            return at + 1, None
        kind = TokenKind.EOT if data[at] == 0x04 else TokenKind.ENQ
        return at + 1, Token(kind=kind, offset=base + at)

    def _open(self, offset: int) -> None:
        self.reset()
        self._part = _Part.TEXT
        self._start = offset
        self._size = 0
        self._forbidden = False
        self._doubled = False

    def _text(self, data: bytes | bytearray, at: int, base: int) -> tuple[int, Token | None]:
        found = _INSIDE.search(data, at)
        end = len(data) if found is None else found.start()
        self._store(data[at:end])
        if found is None:
            return end, None
        byte = data[end]
        if byte == _STX and not self._size:
            return self._started_again(data, end, base)
        if byte in _BREAKS:
            by_start = byte == _STX
            kind = TokenKind.BROKEN_BY_START if by_start else TokenKind.BROKEN_BY_CONTROL
            token = Token(kind=kind, offset=self._start, body=self.partial)
            if by_start:
                self._open(base + end)
                return end + 1, token
            self.reset()
            return end, token
        self._store(data[end : end + 1])
        if byte not in _ENDS:
            self._forbidden = True
            return end + 1, None
        if self.config.checksum is not ChecksumKind.ABSENT:
            self._part = _Part.CHECKSUM
            return end + 1, None
        return self._begin_trailer(end + 1)

    def _started_again(
        self, data: bytes | bytearray, at: int, base: int
    ) -> tuple[int, Token | None]:
        """STX directly after STX: a run of them, however long, is one broken start."""
        run = _RUN.match(data, at)
        end = run.end() if run else at + 1
        token = None
        if not self._doubled:
            token = Token(kind=TokenKind.BROKEN_BY_START, offset=self._start, body=self.partial)
        self._open(base + end - 1)
        self._doubled = True
        return end, token

    def _store(self, data: bytes | bytearray) -> None:
        self._size += len(data)
        room = self.config.receive_text_max + 2 - len(self._body)  # frame number, ETB or ETX
        self._body += data[:room]

    def _checksum(self, data: bytes | bytearray, at: int) -> tuple[int, Token | None]:
        if data[at] not in _PRINTABLE:
            return self._begin_trailer(at)
        self._stated.append(data[at])
        if len(self._stated) < _DIGITS:
            return at + 1, None
        return self._begin_trailer(at + 1)

    def _begin_trailer(self, at: int) -> tuple[int, Token | None]:
        self._part = _Part.TRAILER
        if self.config.trailer is Trailer.NONE:
            return at, self._frame(trailer_ok=True)
        return at, None

    def _after(self, data: bytes | bytearray, at: int) -> tuple[int, Token | None]:
        """One byte of the trailer, or the first byte after a frame that lacks it."""
        wanted = self.config.trailer.data
        self._trailer.append(data[at])
        if not wanted.startswith(self._trailer):
            return at, self._frame(trailer_ok=False)
        if len(self._trailer) < len(wanted):
            return at + 1, None
        return at + 1, self._frame(trailer_ok=True)

    def _frame(self, *, trailer_ok: bool) -> Token:
        token = Token(
            kind=TokenKind.FRAME,
            offset=self._start,
            body=bytes(self._body),
            stated=bytes(self._stated),
            trailer_ok=trailer_ok,
            too_long=self._size > self.config.receive_text_max + 2,
            forbidden=self._forbidden,
        )
        self.reset()
        return token
