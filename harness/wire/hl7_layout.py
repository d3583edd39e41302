"""Where the header and the segments of a message stand, whatever the bytes are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.wire.hl7_encoding import BOM
from harness.wire.hl7_escape import DELIMITER_SETS_CACHED, STANDARD, Delimiters
from harness.wire.hl7_finding import FINDINGS_PER_CODE_MAX, CodecFinding, finding

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the field separator itself (HL7 2.5.1 §2.10.3, §2.15.9)."""

NAME_BYTES_MAX: Final = 16
"""How much of a segment that has no proper name is kept as its name."""

HEAD_BYTES: Final = 16
"""MSH, its separator, five encoding characters and room to see that there are more."""

_HEAD_END = rb"(?=[!-/:-@\[-`{-~\r]|\Z|\n(?:[A-Z][A-Z0-9]{2}|[\r\n]|\Z))"
"""What follows the name of a header segment: a separator, or the end of the segment."""

_HEADER = re.compile(rb"(?:MSH|FHS|BHS)" + _HEAD_END)
_HEADER_LINE = re.compile(rb"(?:\A|(?<=[\r\n]))(?:MSH|FHS|BHS)" + _HEAD_END)
_MSH_LINE = re.compile(rb"(?:\A|(?<=[\r\n]))MSH" + _HEAD_END)
_LEAD = re.compile(rb"(?:\xef\xbb\xbf)?[\x00\t\n\x0b\r ]*")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The segments of a message.

    Attributes:
        begin: offset of the first segment, after a byte order mark or blanks.
        header: offset of the header segment that names the delimiters, or -1.
        delimiters: the separators of the message.
        segments: begin and end of each segment, without terminators; empty ones are left out.
        problems: code and offset of what is wrong with the above.
    """

    begin: int
    header: int
    delimiters: Delimiters
    segments: list[Span]
    problems: list[CodecFinding]


def find_header(data: bytes) -> tuple[int, int]:
    """Offsets of the first segment and of the first header segment (-1 if there is none)."""
    if _HEADER.match(data):
        return 0, 0
    lead = _LEAD.match(data)
    begin = lead.end() if lead else 0
    match = _HEADER.match(data, begin) or _HEADER_LINE.search(data)
    return begin, match.start() if match else -1


def find_message_header(data: bytes) -> int:
    """Offset of the first MSH segment, also inside a batch; -1 if there is none."""
    if _MSH_LINE.match(data):
        return 0
    begin, header = find_header(data)
    if header < 0 or data[header : header + 3] == b"MSH":
        return header
    match = _MSH_LINE.search(data, begin)
    return match.start() if match else -1


def lay_out(data: bytes) -> Layout:
    """Find header, delimiters and segments; in time linear in ``data``."""
    begin, header = find_header(data)
    problems: list[CodecFinding] = []
    delimiters = STANDARD
    if header < 0:
        problems.append(finding("hl7.no-header", begin))
    else:
        begin_head = max(header, find_message_header(data))  # MSH counts more than FHS or BHS
        head = re.split(rb"[\r\n]", data[begin_head : begin_head + HEAD_BYTES], maxsplit=1)[0]
        delimiters, problem = Delimiters.of_header(head)
        if data.startswith(BOM):
            problems.append(finding("hl7.byte-order-mark", 0))
        if header > (3 if data.startswith(BOM) else 0):
            problems.append(finding("hl7.header-not-first", 0))
        if problem:
            problems.append(finding(problem, begin_head + 3))
    if b"\n" in data:
        segments = _split_tolerantly(data, begin, delimiters, problems)
    else:
        segments = _split(data, begin, problems)
    if data and data[-1:] not in {b"\r", b"\n"}:
        problems.append(finding("hl7.last-segment-unterminated", len(data)))
    return Layout(
        begin=begin, header=header, delimiters=delimiters, segments=segments, problems=problems
    )


def _split(data: bytes, begin: int, problems: list[CodecFinding]) -> list[Span]:
    """Segments between CR (HL7 2.5.1 §2.5.4); ``begin`` is the offset of the first one."""
    segments: list[Span] = []
    reported = 0
    size = len(data)
    while begin < size:
        end = data.find(b"\r", begin)
        if end < 0:
            end = size
        if end > begin:
            segments.append((begin, end))
        elif reported < FINDINGS_PER_CODE_MAX:
            problems.append(finding("hl7.empty-segment", begin))
            reported += 1
        begin = end + 1
    return segments


@lru_cache(maxsize=DELIMITER_SETS_CACHED)
def _line_ends(separator: str) -> re.Pattern[bytes]:
    """CR, CR LF, LF that ends a segment, or (with an empty group 1) any other LF."""
    name = rb"[A-Z][A-Z0-9]{2}(?:" + re.escape(separator.encode("ascii")) + rb"|[\r\n]|\Z)"
    return re.compile(rb"\r\n?|\n(?:(?=" + name + rb"|[\r\n]|\Z)|())")


def segment_end(data: bytes, begin: int, limit: int, delimiters: Delimiters) -> int:
    """Where a segment that may hold an LF ends; ``limit`` if it does not end before that."""
    for match in _line_ends(delimiters.field).finditer(data, begin, limit):
        if match[1] is None:
            return match.start()
    return min(limit, len(data))


def _split_tolerantly(
    data: bytes, begin: int, delimiters: Delimiters, problems: list[CodecFinding]
) -> list[Span]:
    """Segments between CR, CR LF, or an LF that is followed by a segment, a line end or nothing.

    Any other LF is data: a sender that forgot to escape it.
    """
    line_end = _line_ends(delimiters.field)
    segments: list[Span] = []
    counts: dict[str, int] = {}

    def report(code: str, offset: int) -> None:
        counts[code] = counts.get(code, 0) + 1
        if counts[code] <= FINDINGS_PER_CODE_MAX:
            problems.append(finding(code, offset))

    for match in line_end.finditer(data, begin):
        end = match.start()
        if match[1] is not None:
            report("hl7.line-feed-in-data", end)
            continue
        if match[0] == b"\n":
            report("hl7.segment-end-lf", end)
        elif match[0] == b"\r\n":
            report("hl7.segment-end-crlf", end)
        if end > begin:
            segments.append((begin, end))
        else:
            report("hl7.empty-segment", begin)
        begin = match.end()
    if begin < len(data):
        segments.append((begin, len(data)))
    return segments


def segment_name(data: bytes, span: Span, separator: bytes) -> str:
    """The three characters of a segment name, or the beginning of what has none."""
    begin, end = span
    head = data[begin : min(end, begin + 4)]
    if len(head) == 3 or head[3:] == separator:
        return head[:3].decode("latin-1")
    start = data[begin : min(end, begin + NAME_BYTES_MAX)]
    return start.partition(separator)[0].decode("latin-1")


def is_name(name: str) -> bool:
    """Whether it can be a segment name (HL7 2.5.1 §2.5.2; Z segments included)."""
    return (
        len(name) == 3
        and name.isascii()
        and name[0].isalpha()
        and name.isalnum()
        and name.upper() == name
    )
