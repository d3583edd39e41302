"""The last look before a case is written: is any original still there, however it is written?"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from harness.cases.dicom_about import opened
from harness.cases.dicom_text import ESCAPE
from harness.wire.dicom_box import is_box

ASCII_CHARS_MIN: Final = 6
"""Shorter numbers stand everywhere by chance; they are replaced at their places alone."""

HAN_CHARS_MIN: Final = 2

_TEXT_CODECS: Final = ("utf-8", "gb18030")
_WIDE: Final = ("utf-16-le", "utf-16-be")
_BETWEEN: Final = re.compile(rb"[\^= ]")
"""Signs between the parts of a name, and its padding (PS3.5 §6.2.1)."""

_NO_NAMES: Final = frozenset({"OB", "OW", "OD", "OF", "OL", "OV"})
"""Values without names in parts: they are looked through as they are."""

_BASE64_CHARS_MIN: Final = 8
"""Of the middle of a base64 text: less stands somewhere by chance."""


@dataclass(frozen=True, slots=True)
class Leak:
    """An original that is still there.

    Attributes:
        where: name of the file or message.
        form: encoding in which it stands there.
        offset: of its first byte.
    """

    where: str
    form: str
    offset: int


def can_be_found(text: str) -> bool:
    """Whether a text is long enough to be searched for."""
    if text.isascii():
        return sum(sign.isalnum() for sign in text) >= ASCII_CHARS_MIN
    return sum(not sign.isascii() for sign in text) >= HAN_CHARS_MIN


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """Every way in which an original may be written, with its name."""
    for codec in (*_TEXT_CODECS, *_WIDE):
        raw = text.encode(codec, "surrogateescape" if codec == "utf-8" else "replace")
        yield codec, raw
        yield f"{codec} in hex", raw.hex().encode("ascii")
        yield f"{codec} in HEX", raw.hex().upper().encode("ascii")
        yield from ((f"{codec} in base64", one) for one in _base64(raw))
    if not text.isascii():
        escaped = "".join(rf"\u{ord(one):04x}" if ord(one) < 65536 else one for one in text)
        yield "JSON escapes", escaped.encode("utf-8", "surrogateescape")
        yield (
            "JSON escapes",
            escaped.upper().replace("\\U", "\\u").encode("utf-8", "surrogateescape"),
        )
        entities = "".join(f"&#{ord(one)};" for one in text)
        yield "XML entities", entities.encode("ascii")


def _base64(raw: bytes) -> Iterator[bytes]:
    """What stays of it wherever it begins among three bytes; the ends hang on its neighbours."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw)
        begin = -(-before * 8 // 6) if before else 0
        end = (before + len(raw)) * 8 // 6
        if end - begin >= _BASE64_CHARS_MIN:
            yield text[begin:end]


def views(where: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """What is to be looked through: the bytes, and of a DIMSE message what they come to.

    A deflated data set inflated; names without the signs between their parts, and without the
    escape sequences of their character set.
    """
    yield where, data
    if not is_box(data):
        return
    try:
        message = opened(data)
    except ValueError:  # a file of PS3.10 that is no message of ours
        return
    if message.deflated:
        data = message.tree.encode()
        yield f"{where} inflated", data
    values = [node.value for node, _, _ in message.tree.walk() if node.vr not in _NO_NAMES]
    values += [tree.rest for tree in message.tree.rests()]
    bare = b"\n".join(_BETWEEN.sub(b"", ESCAPE.sub(b"", one)) for one in values)
    yield f"{where} without delimiters", bare


def scan(originals: Iterable[str], pieces: Mapping[str, bytes]) -> list[Leak]:
    """Every original that stands in a piece, in whatever form.

    Args:
        originals: what must be gone; those too short to search for are left out.
        pieces: name and bytes of everything that would be written.
    """
    found: list[Leak] = []
    needles = [pair for text in originals if can_be_found(text) for pair in forms(text)]
    for where, data in [view for pair in pieces.items() for view in views(*pair)]:
        for form, needle in needles:
            at = data.find(needle)
            if at >= 0:
                found.append(Leak(where, form, at))
    return found
