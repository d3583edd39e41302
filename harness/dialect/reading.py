"""One message cut into segments, fields and components, fast: for statistics, not for judging.

The text is decoded first and cut then, so half of a Chinese character is never a separator. Values
stay as they stand, escapes included: a dialect is about how things are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.wire.hl7_encoding import detect

NULL: Final = '""'

HEAD_BYTES_MAX: Final = 4_096
"""MSH is looked for character sets within this: no header is longer."""

_ENDS = re.compile(r"\r\n?|\n")
_HEAD_END = re.compile(rb"[\r\n]")
_ESCAPE = re.compile(r"^(?:[FSTREHNP]|\.(?:br|sp|in|ti|ce|fi|nf|sk)|[XCMZ])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A message in parts.

    Attributes:
        sender: MSH-3 and MSH-4, joined by ``|``.
        type: MSH-9.1 and MSH-9.2, joined by ``^``.
        control_id: MSH-10.
        version: MSH-12.
        declared: MSH-18, all of it.
        written: the codec that its bytes fit.
        problem: what is wrong with the character set; empty if nothing is.
        delimiters: MSH-1 and MSH-2.
        line_end: ``CR``, ``CRLF`` or ``LF``.
        component: the separator of components.
        repetition: the separator of repetitions.
        segments: fields of each segment; entry 0 is its name, entry n its field n.
        escapes: kinds of escape sequences, and ``lone`` for a sign that begins none.
    """

    sender: str
    type: str
    control_id: str
    version: str
    declared: str
    written: str
    problem: str
    delimiters: str
    line_end: str
    component: str
    repetition: str
    segments: Sequence[list[str]]
    escapes: frozenset[str]


def cut(payload: bytes) -> Cut | None:
    """The parts of a message; None for what does not begin with MSH."""
    payload = payload.lstrip(b"\xef\xbb\xbf\r\n")
    if not payload.startswith(b"MSH") or len(payload) < 9:
        return None
    found = detect(payload, _declared(payload))
    text = payload.decode(found.codec, "replace")
    field = text[3]
    rows = [row.split(field) for row in _ENDS.split(text) if row]
    head = rows[0]
    head.insert(1, field)  # MSH-1 is the separator itself
    signs = head[2] if len(head) > 2 else ""
    component, repetition, escape = list(signs + "^~\\"[len(signs) :])[:3]

    def at(number: int, part: str = "") -> str:
        value = head[number] if number < len(head) else ""
        return value.partition(part)[0] if part else value

    kind = at(9).split(component)
    return Cut(
        sender=f"{at(3, component)}|{at(4, component)}",
        type="^".join(kind[:2]),
        control_id=at(10),
        version=at(12, component),
        declared=at(18),
        written=found.codec,
        problem=found.problem,
        delimiters=field + signs,
        line_end="CRLF" if "\r\n" in text else "CR" if "\r" in text else "LF",
        component=component,
        repetition=repetition,
        segments=rows,
        escapes=_escapes(rows, escape),
    )


def _declared(payload: bytes) -> str:
    match = _HEAD_END.search(payload, 0, HEAD_BYTES_MAX)
    fields = payload[: match.start() if match else HEAD_BYTES_MAX].split(payload[3:4])
    if len(fields) < 18:
        return ""
    return fields[17].decode("latin-1").partition("~")[0]


def _escapes(rows: Sequence[list[str]], escape: str) -> frozenset[str]:
    """Kinds of escape sequences in everything but MSH-2."""
    found: set[str] = set()
    for index, row in enumerate(rows):
        for field in row[3:] if index == 0 else row[1:]:
            if escape in field:
                pieces = field.split(escape)
                for inner in pieces[1::2]:
                    match = _ESCAPE.match(inner)
                    found.add(match[0] if match else "lone")
                if len(pieces) % 2 == 0:
                    found.add("lone")
    return frozenset(found)
