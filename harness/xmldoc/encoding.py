"""Character sets of XML: what the declaration says, and what the bytes are (XML 1.0 §4.3.3).

A declaration is not believed where the bytes speak against it: Chinese senders declare UTF-8 over
GBK bytes, and the other way round. UTF-8 text of Chinese characters reads as GBK without an error,
as other, wrong characters; strict UTF-8 with sequences of three bytes is therefore UTF-8, whatever
is declared. Nothing is ever replaced: what no set can read is refused, with the first bad offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harness.xmldoc.finding import WARNING, DocumentFinding, fixed

CLAUSE: Final = "XML 1.0 §4.3.3"

DECLARED_WITHIN_BYTES: Final = 1024
"""The XML declaration stands first; white space in it has a limit here."""

_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

_CODECS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "gb18030": "gb18030",
    "gbk": "gbk",
    "cp936": "gbk",
    "gb2312": "gb2312",
    "big5": "big5",
    "iso-8859-1": "iso8859-1",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
"""No set in which ``<`` is another byte than in ASCII, UTF-16 apart: nothing can hide there."""

_SUPERSETS: Final = {"gb2312": ("gbk", "gb18030"), "gbk": ("gb18030",), "ascii": ("utf-8",)}
"""What senders really write under the name of the smaller set."""

_DECLARATION = re.compile(
    rb"""<\?xml\s[^?<>]*?\bencoding\s*=\s*["']([A-Za-z0-9][\w.:-]{0,40})["']"""
)
_THREE_BYTES = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A document as text.

    Attributes:
        text: without a byte order mark; None where no character set fits.
        codec: Python's name.
        declared: as the document says it, or empty.
        mark: length of the byte order mark.
        findings: what is wrong with the character set.
    """

    text: str | None
    codec: str
    declared: str
    mark: int
    findings: tuple[DocumentFinding, ...] = ()

    def offset(self, index: int) -> int:
        """Byte offset of a character of the text."""
        return self.mark + len((self.text or "")[:index].encode(self.codec))


def decode(data: bytes) -> Decoded:
    """Read bytes as text, in the declared character set or in the one that they are in."""
    marked, mark = next(((codec, len(sign)) for sign, codec in _BOMS if data.startswith(sign)),
                        ("", 0))  # fmt: skip
    body = data[mark:]
    if not marked and body[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        marked = "utf-16-le" if body[0] else "utf-16-be"
    head = body[:DECLARED_WITHIN_BYTES]
    if marked.startswith("utf-16"):
        head = head.decode(marked, "replace").encode("ascii", "replace")
    found = _DECLARATION.match(head)
    declared = found[1].decode("ascii") if found else ""
    place = found.start(1) if found else 0
    findings: list[DocumentFinding] = []
    wanted = _CODECS.get(declared.lower(), "") if declared else "utf-8"
    if not wanted:
        findings.append(fixed("xml.encoding-unknown", offset=mark + place, line=1,
                              actual=declared, clause=CLAUSE))  # fmt: skip
    wanted = marked if wanted == "utf-16" and marked else wanted
    actual, bad = _actual(body, wanted, marked)
    if actual is None:
        findings.append(fixed("xml.encoding-undecodable", offset=mark + bad, actual=declared,
                              expected=wanted, clause=CLAUSE))  # fmt: skip
        return Decoded(text=None, codec=wanted or "utf-8", declared=declared, mark=mark,
                       findings=tuple(findings))  # fmt: skip
    if wanted and actual != wanted:
        smaller = actual in _SUPERSETS.get(wanted, ())
        code = "xml.encoding-superset" if smaller else "xml.encoding-differs"
        first = _bad_offset(body, wanted) if smaller else _first_foreign(body)
        findings.append(fixed(code, severity=WARNING if smaller else "error", actual=actual,
                              offset=mark + first, expected=declared or wanted,
                              line=body.count(b"\n", 0, first) + 1, clause=CLAUSE))  # fmt: skip
    return Decoded(text=body.decode(actual), codec=actual, declared=declared, mark=mark,
                   findings=tuple(findings))  # fmt: skip


def _actual(body: bytes, wanted: str, marked: str) -> tuple[str | None, int]:
    """The codec that the bytes are in; None, and where the wanted one ends, if there is none."""
    if marked:
        return _first_that_reads(body, (marked,))
    if wanted.startswith(("gb", "big5", "iso")) and _is_utf8(body):
        return "utf-8", -1
    order = (wanted, *_SUPERSETS.get(wanted, ()), "utf-8", "gb18030")
    return _first_that_reads(body, tuple(dict.fromkeys(name for name in order if name)))


def _is_utf8(body: bytes) -> bool:
    return _THREE_BYTES.search(body) is not None and _bad_offset(body, "utf-8") < 0


def _first_that_reads(body: bytes, codecs: tuple[str, ...]) -> tuple[str | None, int]:
    first = -1
    for codec in codecs:
        bad = _bad_offset(body, codec)
        if bad < 0:
            return codec, -1
        first = bad if first < 0 else first
    return None, first


def _bad_offset(body: bytes, codec: str) -> int:
    try:
        body.decode(codec)
    except UnicodeDecodeError as error:
        return error.start
    return -1


def _first_foreign(body: bytes) -> int:
    """The first byte that means different characters in the two sets: the first beyond ASCII."""
    found = re.search(rb"[\x80-\xff]", body)
    return found.start() if found else 0
