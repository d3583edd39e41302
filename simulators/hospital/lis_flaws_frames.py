"""Defects of the LIS in putting frames together; without them a message is what the link gave."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.wire.astm_link import DuplicateFrame, FrameReceived, MessageReceived, SessionOpened

_SPECIMEN = re.compile(rb"(\rO\|[^|\r]*\|)([^|\r]*)")


@dataclass(slots=True)
class _Line:
    """One connection: the frames of the message at hand, each with how often it came."""

    frames: list[tuple[bytes, int]] = field(default_factory=list)
    whole: bool = False
    """The frame that comes next belongs to the message that is through already."""
    first: bytes = b""
    """The first specimen id of the session."""


@dataclass(slots=True)
class Frames:
    """Remembers frames, so that a defect can put them together wrongly."""

    lines: dict[str, _Line] = field(default_factory=dict)

    def forget(self, conn: str) -> None:
        """A connection is gone."""
        self.lines.pop(conn, None)

    def note(self, conn: str, event: object) -> None:
        """One event of the link."""
        line = self.lines.setdefault(conn, _Line())
        match event:
            case SessionOpened():
                self.lines[conn] = _Line()
            case MessageReceived():
                line.whole = True
            case FrameReceived(text=text) if line.whole:
                line.frames, line.whole = [], False
            case FrameReceived(text=text):
                line.frames.append((text, 1))
            case DuplicateFrame() if line.frames:
                text, times = line.frames[-1]
                line.frames[-1] = (text, times + 1)

    def message(self, conn: str, payload: bytes, defects: set[str]) -> tuple[bytes, set[str]]:
        """The message as the LIS puts it together, and the defects under which it is stored."""
        line = self.lines.setdefault(conn, _Line())
        known = sum(len(text) for text, _ in line.frames)
        frames = [*line.frames, (payload[known:], 1)]
        if "lis-keeps-repeated-frames" in defects and any(times > 1 for _, times in frames):
            payload = b"".join(text * times for text, times in frames)
            defects = {*defects, "lis-stores-repeats-of-results"}
        if "lis-reads-first-record-of-frame" in defects:
            payload = b"".join(text.partition(b"\r")[0] + b"\r" for text, _ in frames)
        if "lis-breaks-records-at-frames" in defects:
            payload = b"".join(text.rstrip(b"\r") + b"\r" for text, _ in frames)
        found = _SPECIMEN.search(payload)
        if found is not None:
            line.first = line.first or found[2]
            if "lis-merges-messages" in defects:
                payload = _SPECIMEN.sub(rb"\g<1>" + line.first, payload)
        return payload, defects
