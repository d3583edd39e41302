"""Text of DICOM values changed sign by sign, whatever its bytes really are.

The bytes tell the character set where the declared one is wrong or missing, for that is a fault of
its own and must stay: UTF-8 under the name of GB18030 stays that. Escape sequences (PS3.5 §6.1.2.5)
stand where they stood, bytes that are no characters stay, and no value becomes longer or shorter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from harness.cases.pseudonyms import is_han
from harness.wire.dicom_text import codec_of

ESCAPE: Final = re.compile(rb"(\x1b\$?[()\-,./]?[\x30-\x7e])")
_LONG_UTF8: Final = re.compile(rb"[\xe0-\xf4]")
_BESIDE: Final = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
_HIGH: Final = re.compile(rb"[\x80-\xff]")


def codec(raw: bytes, sets: Sequence[str]) -> str:
    """What bytes are written in, as far as they tell."""
    if not _HIGH.search(raw):
        return "ascii"
    chosen = "ISO 2022 IR 58" if "ISO 2022 IR 58" in sets else sets[0] if sets else ""
    declared = codec_of(chosen) if chosen else ""
    han = declared in {"gb18030", "gbk", "gb2312"}
    # Two Han characters of GBK may look like two letters of UTF-8; longer ones do not.
    if _read(raw, "utf-8") and (_LONG_UTF8.search(raw) or not (han or _han_alone(raw))):
        return "utf-8"
    return "gb18030" if _read(raw, "gb18030") or han else declared or "gb18030"


def _han_alone(raw: bytes) -> bool:
    """Whether bytes read as GBK are Han characters, and none beside a letter as in ``Müller``."""
    if _BESIDE.search(raw) or not _read(raw, "gb18030"):
        return False
    return all(one.isascii() or is_han(one) for one in raw.decode("gb18030"))


def _read(raw: bytes, name: str) -> bool:
    try:
        raw.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def plain(raw: bytes, sets: Sequence[str]) -> str:
    """The signs of a value without its escape sequences; bytes that are none as surrogates."""
    return "".join(text for text, _ in _parts(raw, sets) if isinstance(text, str))


def _parts(raw: bytes, sets: Sequence[str]) -> list[tuple[str | bytes, str]]:
    """Escape sequences as bytes, and what stands between them."""
    found: list[tuple[str | bytes, str]] = []
    for number, part in enumerate(ESCAPE.split(raw)):
        if number % 2:
            found.append((part, ""))
        elif part:
            name = codec(part, sets)
            found.append((part.decode(name, "surrogateescape"), name))
    return found


def changed(raw: bytes, sets: Sequence[str], change: Callable[[str], str]) -> bytes:
    """A value with other signs in the place of its own.

    Args:
        raw: the value with its padding.
        sets: what is declared.
        change: gives as many signs as it gets, each as many bytes long.
    """
    parts = _parts(raw, sets)
    text = "".join(part for part, _ in parts if isinstance(part, str))
    core = text.strip(" \0")
    if not core:
        return raw
    begin = text.index(core)
    made = text[:begin] + change(core) + text[begin + len(core) :]
    out, at = [], 0
    for part, name in parts:
        if isinstance(part, bytes):
            out.append(part)
            continue
        piece, at = made[at : at + len(part)], at + len(part)
        out.append(_written(piece, name))
    return b"".join(out)


def _written(text: str, name: str) -> bytes:
    try:
        return text.encode(name, "surrogateescape")
    except UnicodeEncodeError:  # a sign of another set: as long as a Han character
        return "".join(one if one.isascii() else "\u4e00" for one in text).encode("gb18030")
