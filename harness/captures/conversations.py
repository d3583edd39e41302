"""TCP conversations out of the segments of a capture: what each side said, in order, once.

Repeated segments are dropped, early ones wait for those before them, and what never came is a gap
with its length: nothing is invented, and nothing behind a gap is taken for a part of what stood
before it (RFC 9293 §3.10.7.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from harness import limits
from harness.captures.packets import FIN, RST, SYN, Segment

EARLY_BYTES_MAX: Final = 4 * limits.MIB
"""What waits for a missing segment; beyond that the segment counts as lost."""

EARLY_SEGMENTS_MAX: Final = 4096

CONVERSATIONS_MAX: Final = 100_000

BYTES_MAX: Final = 512 * limits.MIB
"""Payload of all conversations together, in memory."""

_HALF: Final = 1 << 31
_WHOLE: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Chunk:
    """What came at one moment.

    Attributes:
        at_s: seconds since 1970.
        offset: of its first byte among the bytes of its side, gaps left out.
        data: the bytes.
    """

    at_s: float
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that the capture does not have.

    Attributes:
        offset: in front of which byte of its side.
        size: how many are missing.
    """

    offset: int
    size: int


@dataclass(slots=True)
class Side:
    """What one end said.

    Attributes:
        source: address and port of who spoke.
        target: of who was spoken to.
        chunks: in order.
        gaps: what is missing.
        repeated: segments that brought nothing new.
        early: segments that came before those in front of them.
        changed: repeated bytes that were not what they had been: somebody meddled, or a wrap.
        whole_start: its SYN was seen.
    """

    source: tuple[str, int]
    target: tuple[str, int]
    chunks: list[Chunk] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    repeated: int = 0
    early: int = 0
    changed: int = 0
    whole_start: bool = False
    size: int = 0
    _next: int | None = None
    _waiting: dict[int, tuple[float, bytes, int]] = field(default_factory=dict)
    _waiting_bytes: int = 0

    @property
    def data(self) -> bytes:
        """All bytes, gaps left out."""
        return b"".join(one.data for one in self.chunks)

    def begin(self, sequence: int) -> None:
        """Its SYN: the byte behind it is the first."""
        if self._next is None:
            self._next = (sequence + 1) % _WHOLE
            self.whole_start = True

    def take(self, segment: Segment) -> None:
        """One segment with payload."""
        if self._next is None:
            self._next = segment.sequence
        ahead = (segment.sequence - self._next) % _WHOLE
        if ahead >= _HALF:
            self._again(segment, _WHOLE - ahead)
        elif ahead:
            self._wait(segment)
        else:
            self._append(segment.at_s, segment.data, segment.missing)
            self._catch_up()

    def end(self) -> None:
        """Nothing more comes: what still waits stands behind gaps."""
        while self._waiting:
            self._skip()

    def _append(self, at_s: float, data: bytes, missing: int) -> None:
        assert self._next is not None
        if data:
            self.chunks.append(Chunk(at_s, self.size, data))
            self.size += len(data)
        if missing:
            self.gaps.append(Gap(self.size, missing))
        self._next = (self._next + len(data) + missing) % _WHOLE

    def _again(self, segment: Segment, behind: int) -> None:
        """Bytes that were there before; only what goes beyond them is new."""
        if len(segment.data) + segment.missing <= behind:
            self.repeated += 1
            self._compare(segment.data, behind)
            return
        self._compare(segment.data[:behind], behind)
        self._append(segment.at_s, segment.data[behind:], segment.missing)
        self._catch_up()

    def _compare(self, data: bytes, behind: int) -> None:
        """Only the last chunk is looked at: that is where repeats fall."""
        if self.chunks and data:
            last = self.chunks[-1].data
            if behind <= len(last) and last[len(last) - behind :][: len(data)] != data:
                self.changed += 1

    def _wait(self, segment: Segment) -> None:
        self.early += 1
        known = self._waiting.get(segment.sequence)
        if known is None or len(known[1]) < len(segment.data):
            self._waiting[segment.sequence] = (segment.at_s, segment.data, segment.missing)
            self._waiting_bytes += len(segment.data) - (len(known[1]) if known else 0)
        while self._waiting_bytes > EARLY_BYTES_MAX or len(self._waiting) > EARLY_SEGMENTS_MAX:
            self._skip()

    def _ahead(self, sequence: int) -> int:
        """How far behind the next byte a waiting segment begins; negative if it overlaps."""
        assert self._next is not None
        ahead = (sequence - self._next) % _WHOLE
        return ahead - _WHOLE if ahead >= _HALF else ahead

    def _catch_up(self) -> None:
        """What waited and follows now."""
        while self._waiting:
            sequence = min(self._waiting, key=self._ahead)
            overlap = -self._ahead(sequence)
            if overlap < 0:
                return
            at_s, data, missing = self._waiting.pop(sequence)
            self._waiting_bytes -= len(data)
            if len(data) + missing > overlap:
                self._append(at_s, data[overlap:], missing)

    def _skip(self) -> None:
        """Give up what is missing in front of the first that waits."""
        sequence = min(self._waiting, key=self._ahead)
        size = self._ahead(sequence)
        if size > 0:
            self.gaps.append(Gap(self.size, size))
            self._next = sequence
        self._catch_up()


@dataclass(slots=True)
class Conversation:
    """One connection.

    Attributes:
        client: the side that opened it; where no opening was seen, the one that spoke first.
        server: the other side.
        began_s: when its first segment was seen.
        ended: ``closed``, ``reset``, or ``open`` at the end of the capture.
    """

    client: Side
    server: Side
    began_s: float
    ended: str = "open"

    def side(self, source: tuple[str, int]) -> Side:
        """The side that speaks from an address."""
        return self.client if self.client.source == source else self.server


def conversations(segments: Iterable[Segment], port: int = 0) -> list[Conversation]:
    """Put conversations together.

    Args:
        segments: in the order of the capture.
        port: only those that have it on one side; 0 for all.

    Raises:
        OverflowError: there is more than fits into ``BYTES_MAX`` or ``CONVERSATIONS_MAX``.
    """
    found: list[Conversation] = []
    live: dict[frozenset[tuple[str, int]], Conversation] = {}
    held = 0
    for one in segments:
        if port and port not in {one.source[1], one.target[1]}:
            continue
        key = frozenset((one.source, one.target))
        talk = live.get(key)
        if talk is None or (one.flags & SYN and talk.ended != "open"):
            talk = live[key] = _opened(one)
            found.append(talk)
        held += len(one.data)
        if held > BYTES_MAX or len(found) > CONVERSATIONS_MAX:
            raise OverflowError(port)
        _follow(talk, one)
    for talk in found:
        talk.client.end()
        talk.server.end()
    return [talk for talk in found if talk.client.size or talk.server.size or talk.client.gaps]


def _opened(one: Segment) -> Conversation:
    """A new conversation; an answer to an opening comes from the server."""
    speaks, hears = one.source, one.target
    if one.flags & SYN and one.flags & 0x10:
        speaks, hears = hears, speaks
    return Conversation(client=Side(speaks, hears), server=Side(hears, speaks), began_s=one.at_s)


def _follow(talk: Conversation, one: Segment) -> None:
    side = talk.side(one.source)
    if one.flags & SYN:
        side.begin(one.sequence)
    elif one.data or one.missing:
        side.take(one)
    if one.flags & RST:
        talk.ended = "reset"
    elif one.flags & FIN and talk.ended == "open":
        talk.ended = "closed"
