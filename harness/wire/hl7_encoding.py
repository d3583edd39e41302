"""Character sets of HL7 v2: what MSH-18 says, and what the bytes are (HL7 table 0211).

Order of detection: byte order mark, declared, strict UTF-8, GB18030, and then failure with the
offset of the first byte that cannot be read. Nothing is ever replaced.

A declared set is not believed where the bytes speak against it although they could be read in it:
UTF-8 text of Chinese characters reads as GBK without an error, as other, wrong characters. Text
that is strict UTF-8 and has sequences of three bytes is therefore UTF-8, whatever MSH-18 says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

BOM: Final = b"\xef\xbb\xbf"

HAZARDOUS: Final = frozenset({"gbk", "gb18030", "big5"})
"""Codecs in which the second byte of a character can equal a delimiter."""

_CODECS: Final = {
    "GBK": "gbk",
    "CP936": "gbk",
    "GB2312": "gbk",  # senders that say GB2312 write code page 936, its superset
    "GB231280": "gbk",
    "GB18030": "gb18030",
    "GB180302000": "gb18030",
    "GB180302005": "gb18030",
    "GB180302022": "gb18030",
    "UNICODE": "utf-8",  # as Chinese sites use it; UTF-16 cannot travel in MLLP
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "ASCII": "ascii",
    "USASCII": "ascii",
    "ISOIR6": "ascii",
    "BIG5": "big5",
    **{f"8859{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    **{f"ISO8859{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}

_LABELS: Final = {
    "ascii": "ASCII",
    "utf-8": "UNICODE UTF-8",
    "gbk": "GBK",  # not in table 0211, and what Chinese receivers know
    "gb18030": "GB 18030-2000",
    "big5": "BIG-5",
    **{f"iso8859-{part}": f"8859/{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}

_THREE_BYTES = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")


def codec_of(declared: str) -> str | None:
    """Python's name of a character set as MSH-18 names it; None if unknown or empty."""
    return _CODECS.get(re.sub(r"[ /_-]", "", declared).upper())


def label_of(codec: str) -> str:
    """What MSH-18 says for a codec: table 0211, and ``GBK``; empty for what has no name there."""
    return _LABELS.get(codec, "")


@dataclass(frozen=True, slots=True)
class Detected:
    """What a message is written in.

    Attributes:
        codec: Python's name; ``latin-1`` where nothing fits, for access only.
        problem: code of the finding, or empty.
        offset: where the problem is, or -1.
    """

    codec: str
    problem: str = ""
    offset: int = -1


def detect(data: bytes, declared: str) -> Detected:
    """Find the character set of a whole message."""
    codec = codec_of(declared)
    unknown = "hl7.encoding-unknown" if declared.strip() and codec is None else ""
    if data.isascii():
        return Detected(codec or "utf-8", unknown)
    found = _fitting(data, codec)
    if found is None:
        return Detected("latin-1", "hl7.encoding-undecodable", _first_bad(data, codec or "utf-8"))
    if unknown or found == codec:
        return Detected(found, unknown)
    problem = "hl7.encoding-declared-differs" if codec else "hl7.encoding-undeclared"
    return Detected(found, problem, _first_high(data))


def _fitting(data: bytes, codec: str | None) -> str | None:
    utf8 = _first_bad(data, "utf-8") < 0
    if utf8 and (codec in {None, "utf-8"} or data.startswith(BOM) or _speaks_utf8(data, codec)):
        return "utf-8"
    if codec is not None and _first_bad(data, codec) < 0:
        return codec
    if utf8:
        return "utf-8"
    return "gb18030" if _first_bad(data, "gb18030") < 0 else None


def _speaks_utf8(data: bytes, codec: str | None) -> bool:
    """Strict UTF-8 that chance does not explain in the declared ``codec``.

    Two-byte sequences alone are weak evidence against GBK: a third of the common characters
    have bytes of that shape. A single-byte set has no such excuse.
    """
    return codec not in HAZARDOUS or _THREE_BYTES.search(data) is not None


def decode_part(data: bytes, codec: str) -> str:
    """Text of a part of a message whose character set is ``codec``.

    A part that does not hold whole characters (a delimiter cut one in two, and the message is
    reported for it) is read as Latin-1, so that it can at least be looked at.
    """
    if data.isascii():
        return data.decode("ascii")
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _first_bad(data: bytes, codec: str) -> int:
    try:
        data.decode(codec)
    except UnicodeDecodeError as error:
        return error.start
    return -1


def _first_high(data: bytes) -> int:
    match = re.search(rb"[\x80-\xff]", data)
    return -1 if match is None else match.start()


@lru_cache(maxsize=64)
def _danger(delimiters: bytes, codec: str) -> tuple[re.Pattern[bytes], re.Pattern[str]] | None:
    """Patterns for the characters whose second byte is a delimiter; None if there are none.

    The first is a quick look that may be wrong, on bytes; the second is right, on text.
    """
    trail = bytes(byte for byte in set(delimiters) if 0x40 <= byte <= 0x7E)
    characters = "".join(
        bytes((lead, byte)).decode(codec, "ignore") for lead in range(0x81, 0xFF) for byte in trail
    )
    beyond_ascii = [character for character in characters if not character.isascii()]
    if not beyond_ascii:
        return None
    quick = re.compile(rb"[\x81-\xfe][" + re.escape(trail) + rb"]")
    return quick, re.compile(f"[{''.join(beyond_ascii)}]")


def mask(data: bytes, delimiters: bytes, codec: str) -> bytes:
    """``data`` with each character that ends in a delimiter byte made harmless, same length.

    What is split in the result can be cut from the original at the same offsets. For the
    codecs in ``HAZARDOUS``, in which every character keeps its length through decoding and
    encoding. What cannot be decoded has no characters to protect and comes back as it is.
    """
    patterns = _danger(delimiters, codec)
    if patterns is None or patterns[0].search(data) is None:
        return data
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return data
    return patterns[1].sub("中", text).encode(codec)
