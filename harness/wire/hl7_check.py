"""What is wrong with the bytes of a message as a whole: the list behind ``Hl7Message.findings``."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from harness.wire.hl7_escape import escape_problems
from harness.wire.hl7_finding import FINDINGS_PER_CODE_MAX, CodecFinding, finding
from harness.wire.hl7_layout import HEADERS, Layout, is_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.wire.hl7_encoding import Detected
    from harness.wire.hl7_spans import SpanIndex

_CONTROL = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
"""All but CR; LF is reported by the layout, which knows what it does there."""


def check(view: bytes, layout: Layout, index: SpanIndex, detected: Detected) -> list[CodecFinding]:
    """All findings of a message, ordered by offset.

    Args:
        view: the bytes of the message, with characters masked that end in a delimiter byte.
        layout: its segments.
        index: their names and fields.
        detected: what it is written in.
    """
    found = list(layout.problems)
    if detected.problem:
        found.append(
            finding(detected.problem, detected.offset, path="MSH-18", actual=detected.codec)
        )
    found += _limited(_escapes(view, layout, index, detected))
    found += _limited(_names(layout, index))
    found += _limited(finding("hl7.control-character", m.start()) for m in _CONTROL.finditer(view))
    headers = index.indexes.get("MSH", [])
    if len(headers) > 1 and not HEADERS & {"FHS", "BHS"} & index.indexes.keys():
        found.append(finding("hl7.several-headers", layout.segments[headers[1]][0]))
    return sorted(found, key=lambda each: each.offset)


def _limited(found: Iterable[CodecFinding]) -> Iterator[CodecFinding]:
    return islice(found, FINDINGS_PER_CODE_MAX)


def _escapes(
    view: bytes, layout: Layout, index: SpanIndex, detected: Detected
) -> Iterator[CodecFinding]:
    """Escape characters that are misused, outside the fields that name the delimiters."""
    literal = [
        index.fields(i)[2]
        for name in HEADERS
        for i in index.indexes.get(name, [])
        if len(index.fields(i)) > 2
    ]
    for code, offset in escape_problems(view, layout.begin, layout.delimiters, detected.codec):
        if not any(begin <= offset < end for begin, end in literal):
            yield finding(code, offset)


def _names(layout: Layout, index: SpanIndex) -> Iterator[CodecFinding]:
    for name, span in zip(index.names, layout.segments, strict=True):
        if not is_name(name):
            yield finding("hl7.segment-name", span[0], actual=name)
