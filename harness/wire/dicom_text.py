"""Text of data elements in the character sets that Chinese sites use (PS3.5 §6.1.2, annex J, K).

pydicom 3.0 neither writes nor strips the escape sequences of ``ISO 2022 IR 58``, and replaces what
GBK cannot hold by question marks. So what the harness writes, reads and judges goes through here:
nothing is replaced in silence, and what is wrong is told with its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import InputError

ESCAPE_58: Final = b"\x1b$)A"
"""Designates GB 2312 to G1 (ISO 2022, PS3.3 table C.12-4)."""

_CODECS: Final = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO 2022 IR 6": "ascii",
    "ISO_IR 100": "latin-1",
    "ISO 2022 IR 100": "latin-1",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 IR 58": "gb2312",
}
"""Defined terms of (0008,0005), and how their bytes are read."""

CHARACTER_SETS: Final = tuple(_CODECS)
"""What can be written and read here."""

_ALONE: Final = frozenset({"ISO_IR 192", "GB18030", "GBK"})
"""Without code extensions: nothing may stand beside them (PS3.3 §C.12.1.1.2)."""

_RESET: Final = {
    "PN": "\\^=\t\n\f\r",
    "LO": "\\\t\n\f\r",
    "SH": "\\\t\n\f\r",
    "UC": "\\\t\n\f\r",
    "LT": "\t\n\f\r",
    "ST": "\t\n\f\r",
    "UT": "\t\n\f\r",
}
"""After these the sets of the beginning hold again (PS3.5 §6.1.2.5.3)."""

_ESCAPES = re.compile(rb"\x1b(?:\$?[()\-,./]?[\x30-\x7e])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with the bytes of a value.

    Attributes:
        code: ``undecodable``, ``missing-escape``, ``escape-unknown``, ``set-unknown``,
            ``set-not-alone``.
        offset: byte offset in the value.
        text: for a person.
    """

    code: str
    offset: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A value that was read.

    Attributes:
        value: the text; bytes that are no characters stand as U+FFFD.
        problems: what was wrong with the bytes; empty if nothing.
    """

    value: str
    problems: Sequence[Problem] = ()


def codec_of(character_set: str) -> str:
    """Python's name for a defined term; empty for one that is unknown here."""
    return _CODECS.get(character_set.strip(), "")


def encode(text: str, character_sets: Sequence[str], vr: str) -> bytes:
    r"""A value as the data set holds it, without padding.

    Args:
        text: one value, or several with ``\`` between them.
        character_sets: the values of (0008,0005); none means ASCII.
        vr: value representation, such as ``PN``.

    Raises:
        InputError: a character that the sets cannot hold, or a set that is unknown here.
    """
    sets = [each.strip() for each in character_sets] or [""]
    if "ISO 2022 IR 58" in sets:
        return _encode_58(text, vr)
    codec = codec_of(sets[0])
    if not codec:
        raise InputError(f"unknown character set {sets[0]!r}", remedy=", ".join(CHARACTER_SETS[1:]))
    return _held(text, codec, sets[0])


def _held(text: str, codec: str, name: str) -> bytes:
    try:
        return text.encode(codec)
    except UnicodeEncodeError as error:
        raise InputError(
            f"{text[error.start : error.end]!r} is not in {name or 'the default repertoire'}",
            remedy="ISO_IR 192, GB18030",
        ) from error


def _encode_58(text: str, vr: str) -> bytes:
    """Hanzi after an escape sequence, anew in each part between delimiters."""
    out = bytearray()
    designated = False
    for char in text:
        if char.isascii():
            out += char.encode("ascii")
            designated = designated and char not in _RESET.get(vr, "")
            continue
        if not designated:
            out += ESCAPE_58
            designated = True
        out += _held(char, "gb2312", "ISO 2022 IR 58")
    return bytes(out)


def decode(data: bytes, character_sets: Sequence[str], vr: str) -> Text:
    r"""Read a value; never raises.

    Several values stay in one text with ``\`` between them: in GBK and GB18030 the second byte of
    a character may be that of a backslash, so a value must be decoded before it is split.
    """
    sets = [each.strip() for each in character_sets] or [""]
    problems = [
        Problem(code="set-unknown", offset=0, text=f"unknown character set {each!r}")
        for each in sets
        if not codec_of(each)
    ]
    if len(sets) > 1 and _ALONE & set(sets):
        message = f"{min(_ALONE & set(sets))} beside other character sets"
        problems.append(Problem(code="set-not-alone", offset=0, text=message))
    data = data.rstrip(b"\0")
    if "ISO 2022 IR 58" in sets:
        return _decode_58(data, sets, vr, problems)
    value, offset = _read(data, codec_of(sets[0]) or "ascii")
    if offset >= 0:
        name = sets[0] or "the default repertoire"
        message = f"{data[offset : offset + 4].hex(' ')} is no character of {name}"
        problems.append(Problem(code="undecodable", offset=offset, text=message))
    return Text(value=value.rstrip(" "), problems=problems)


def _read(data: bytes, codec: str) -> tuple[str, int]:
    """The text, and the offset of the first bytes that are none or -1."""
    try:
        return data.decode(codec), -1
    except UnicodeDecodeError as error:
        return data.decode(codec, "replace"), error.start


def _decode_58(data: bytes, sets: Sequence[str], vr: str, problems: list[Problem]) -> Text:
    resets = _RESET.get(vr, "").encode("ascii")
    first = codec_of(sets[0]) or "ascii"
    out: list[str] = []
    active = first
    position = 0
    while position < len(data):
        escape = _ESCAPES.match(data, position)
        if escape is not None:
            if escape[0] == ESCAPE_58:
                active = "gb2312"
            elif escape[0] == b"\x1b(B":
                active = first
            else:
                message = f"escape sequence {escape[0].hex(' ')} of no set that is named"
                problems.append(Problem(code="escape-unknown", offset=position, text=message))
            position = escape.end()
            continue
        byte = data[position]
        if byte < 0x80:
            out.append(chr(byte))
            if byte in resets:
                active = first
            position += 1
            continue
        end = position + 1
        while end < len(data) and data[end] >= 0x80:
            end += 1
        out.append(_hanzi(data[position:end], position, active, problems))
        position = end
    return Text(value="".join(out).rstrip(" "), problems=problems)


def _hanzi(data: bytes, offset: int, active: str, problems: list[Problem]) -> str:
    """A run of bytes with the high bit."""
    if active != "gb2312":
        value, wrong = _read(data, active)
        if wrong < 0:
            return value
        message = "bytes above 7F without an escape sequence before them"
        problems.append(Problem(code="missing-escape", offset=offset, text=message))
    value, wrong = _read(data, "gb2312")
    if wrong >= 0:
        message = f"{data[wrong : wrong + 2].hex(' ')} is no character of GB 2312"
        problems.append(Problem(code="undecodable", offset=offset + wrong, text=message))
    return value
