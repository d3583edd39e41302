"""Data sets as bytes and back, without a guess (PS3.5 §7): little endian, implicit and explicit.

What the harness sends is written here and not by pydicom, so that text goes through
``harness.wire.dicom_text``, lengths are those of the bytes, and a broken value can be sent as it
is. What comes is kept as bytes until somebody asks for a text. pydicom gives the dictionary, and is
imported by whoever asks for a word of it: a LIS that speaks no DICOM starts without it.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from harness.errors import InputError, PeerError
from harness.i18n import tr
from harness.wire import dicom_text

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"

INFLATED_MAX: Final = 256 * 1024 * 1024
"""Bytes that a deflated data set may become: a few kilobytes can claim to be any number."""

CHARACTER_SET: Final = 0x00080005
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF

DEPTH_MAX: Final = 16
"""Sequences in sequences; structured reports reach about ten."""

_LONG: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT",
                          "UV"})  # fmt: skip
"""Written with a length of four bytes (PS3.5 table 7.1-1)."""

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
"""A whole number, however padded; a peer also writes ``--5``, ``²`` or thousands of digits."""
_NUMBERS: Final = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "FL": "<f", "FD": "<d"}
TEXTS: Final = frozenset({"PN", "LO", "SH", "LT", "ST", "UT", "UC"})
"""Value representations that (0008,0005) governs."""


class Encapsulated(bytes):
    """Pixels in fragments, with their items and the delimiter: written with no length (§A.4)."""

    __slots__ = ()


Value: TypeAlias = "str | bytes | int | float | Sequence[DataSet]"
Element: TypeAlias = "tuple[str, Value]"
Key = str | int
"""A keyword of the dictionary, or a tag."""


@lru_cache(maxsize=4096)
def tag_of(key: Key) -> int:
    """The tag of a keyword.

    Raises:
        InputError: the dictionary has no such keyword.
    """
    if isinstance(key, int):
        return key
    from pydicom.datadict import tag_for_keyword  # noqa: PLC0415 - see the top of the module

    tag = tag_for_keyword(key)
    if tag is None:
        raise InputError(tr("the DICOM dictionary has no {keyword}", keyword=key))
    return tag


@lru_cache(maxsize=4096)
def vr_of(tag: int) -> str:
    """Value representation of a tag as we write it; UN for what is not known."""
    if tag & 0xFFFF == 0:
        return "UL"
    if (tag >> 16) & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    from pydicom.datadict import dictionary_VR  # noqa: PLC0415 - see the top of the module

    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return {"US or SS": "US", "OB or OW": "OW", "US or OW": "US", "US or SS or OW": "US"}.get(
        vr, vr
    )


def path_of(tag: int) -> str:
    """``(0010,0010)``, as findings name it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@dataclass(slots=True)
class DataSet:
    """Elements by tag.

    Args:
        elements: by tag: value representation and value.
    """

    elements: dict[int, Element] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> DataSet:
        """From values by keyword; ``SpecificCharacterSet`` governs the texts."""
        made = cls()
        for keyword, value in values.items():
            made.set(keyword, value)
        return made

    def set(self, key: Key, value: Value, vr: str = "") -> None:
        """Put one element in; bytes are written as they are."""
        tag = tag_of(key)
        self.elements[tag] = (vr or vr_of(tag), value)

    def drop(self, key: Key) -> None:
        """Take one element out, where it is there."""
        self.elements.pop(tag_of(key), None)

    def __contains__(self, key: Key) -> bool:
        return tag_of(key) in self.elements

    @property
    def character_sets(self) -> list[str]:
        """Values of (0008,0005); none where the element is absent or empty."""
        value = self.elements.get(CHARACTER_SET, ("CS", ""))[1]
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
        text = text.strip(" \0")
        return [part.strip() for part in text.split("\\")] if text else []

    def text(self, key: Key, character_sets: Sequence[str] | None = None) -> str:
        """One element as text, without padding; empty where it is absent."""
        return self.read(key, character_sets).value

    def read(self, key: Key, character_sets: Sequence[str] | None = None) -> dicom_text.Text:
        """One element as text, with what is wrong about its bytes."""
        tag = tag_of(key)
        if tag not in self.elements:
            return dicom_text.Text(value="")
        vr, value = self.elements[tag]
        if isinstance(value, bytes):
            if vr in _NUMBERS:
                return dicom_text.Text(value=_numbers(vr, value))
            sets = self.character_sets if character_sets is None else character_sets
            return dicom_text.decode(value, sets if vr in TEXTS else [], vr)
        scalar = isinstance(value, str | int | float)
        return dicom_text.Text(value=str(value) if scalar else "")

    def raw(self, key: Key) -> bytes:
        """The bytes of one element that came over the wire; empty where there are none."""
        value = self.elements.get(tag_of(key), ("", b""))[1]
        return value if isinstance(value, bytes) else b""

    def number(self, key: Key, default: int = 0) -> int:
        """One element as a whole number."""
        text = self.text(key).split("\\")[0].strip()
        return int(text) if _WHOLE.fullmatch(text) else default

    def items(self, key: Key) -> list[DataSet]:
        """The items of a sequence; none where it is absent or no sequence."""
        value = self.elements.get(tag_of(key), ("", b""))[1]
        return [] if isinstance(value, str | bytes | int | float) else list(value)


def _numbers(vr: str, data: bytes) -> str:
    form = struct.Struct(_NUMBERS[vr])
    whole = data[: len(data) - len(data) % form.size]
    return "\\".join(str(one[0]) for one in form.iter_unpack(whole))


# ---- writing


def encode(data: DataSet, *, explicit: bool, sets: Sequence[str] | None = None) -> bytes:
    """A data set as bytes, elements in order; sequences with defined lengths.

    Args:
        data: the data set.
        explicit: write value representations.
        sets: character sets of an outer data set, for items.

    Raises:
        InputError: a text that the character sets cannot hold.
    """
    chosen = data.character_sets or list(sets or ())
    return b"".join(
        _element(tag, *data.elements[tag], explicit=explicit, sets=chosen)
        for tag in sorted(data.elements)
    )


def _element(tag: int, vr: str, value: Value, *, explicit: bool, sets: Sequence[str]) -> bytes:
    body = _body(vr, value, explicit=explicit, sets=sets)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", len(body)) + body
    name = vr.encode("ascii")
    if isinstance(value, Encapsulated):
        return head + b"OB\0\0" + struct.pack("<I", _UNDEFINED) + value
    if vr in _LONG:
        return head + name + struct.pack("<HI", 0, len(body)) + body
    if len(body) > 0xFFFF:
        raise InputError(tr("{place} is too long for {vr}", place=path_of(tag), vr=vr))
    return head + name + struct.pack("<H", len(body)) + body


def _body(vr: str, value: Value, *, explicit: bool, sets: Sequence[str]) -> bytes:
    if isinstance(value, bytes):
        data, pad = value, b" " if vr in TEXTS else b"\0"
    elif isinstance(value, int | float):
        if vr in _NUMBERS:
            return struct.pack(_NUMBERS[vr], value)
        data, pad = str(value).encode("ascii"), b" "
    elif isinstance(value, str):
        data = dicom_text.encode(value, sets if vr in TEXTS else [], vr)
        pad = b"\0" if vr == "UI" else b" "
    else:
        bodies = [encode(item, explicit=explicit, sets=sets) for item in value]
        return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in bodies)
    return data + pad * (len(data) % 2)


# ---- reading


class _Reader:
    """Walks through one encoded data set."""

    def __init__(self, data: bytes, *, explicit: bool) -> None:
        self.data = data
        self.explicit = explicit

    def fail(self, why: str, at: int) -> PeerError:
        return PeerError(why, offset=at, clause="PS3.5 §7.1")

    def need(self, at: int, count: int, end: int) -> None:
        if at + count > end:
            raise self.fail(tr("the data set ends inside an element"), at)

    def dataset(self, at: int, end: int, depth: int, *, closed: bool) -> tuple[DataSet, int]:
        """Elements up to ``end``, or to the delimiter of an item where ``closed`` is false."""
        if depth > DEPTH_MAX:
            raise self.fail(tr("sequences nest deeper than {most}", most=DEPTH_MAX), at)
        found = DataSet()
        while at < end:
            tag, vr, length, at = self.head(at, end)
            if tag == _ITEM_END and not closed:
                return found, at
            if vr == "SQ" or (length == _UNDEFINED and vr == "UN"):
                items, at = self.sequence(at, end, length, depth)
                found.elements[tag] = ("SQ", items)
                continue
            if length == _UNDEFINED:
                begin = at
                at = self.fragments(at, end)
                found.elements[tag] = (vr, Encapsulated(self.data[begin:at]))
                continue
            self.need(at, length, end)
            found.elements[tag] = (vr, self.data[at : at + length])
            at += length
        return found, at

    def head(self, at: int, end: int) -> tuple[int, str, int, int]:
        self.need(at, 8, end)
        group, number = struct.unpack_from("<HH", self.data, at)
        tag = group << 16 | number
        if not self.explicit or group == 0xFFFE:
            (length,) = struct.unpack_from("<I", self.data, at + 4)
            return tag, vr_of(tag), length, at + 8
        vr = self.data[at + 4 : at + 6].decode("ascii", "replace")
        if not vr.isalpha():
            raise self.fail(tr("{place} has no value representation", place=path_of(tag)), at)
        if vr in _LONG:
            self.need(at, 12, end)
            (length,) = struct.unpack_from("<I", self.data, at + 8)
            return tag, vr, length, at + 12
        (length,) = struct.unpack_from("<H", self.data, at + 6)
        return tag, vr, length, at + 8

    def sequence(self, at: int, end: int, length: int, depth: int) -> tuple[list[DataSet], int]:
        open_end = length == _UNDEFINED
        if not open_end:
            self.need(at, length, end)
            end = at + length
        items: list[DataSet] = []
        while at < end:
            tag, _, size, at = self.head(at, end)
            if tag == _SEQUENCE_END and open_end:
                return items, at
            if tag != _ITEM:
                raise self.fail(tr("{place} where an item was due", place=path_of(tag)), at - 8)
            if size == _UNDEFINED:
                item, at = self.dataset(at, end, depth + 1, closed=False)
            else:
                self.need(at, size, end)
                item, at = self.dataset(at, at + size, depth + 1, closed=True)
            items.append(item)
        return items, at

    def fragments(self, at: int, end: int) -> int:
        """Encapsulated pixel data, to behind its delimiter (PS3.5 §A.4)."""
        while True:
            tag, _, size, at = self.head(at, end)
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM or size == _UNDEFINED:
                raise self.fail(tr("{place} where a fragment was due", place=path_of(tag)), at - 8)
            self.need(at, size, end)
            at += size


def decode(data: bytes, *, explicit: bool) -> DataSet:
    """Read an encoded data set.

    Raises:
        PeerError: it cannot be read; says where.
    """
    return _Reader(data, explicit=explicit).dataset(0, len(data), 0, closed=True)[0]


def inflate(data: bytes) -> bytes:
    """A deflated data set as explicit little endian (PS3.5 §A.5).

    Raises:
        PeerError: it cannot be read, or it would be longer than ``INFLATED_MAX``.
    """
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        made = machine.decompress(data, INFLATED_MAX)
    except zlib.error as error:
        raise PeerError(tr("the deflated data set cannot be read"), clause="PS3.5 §A.5") from error
    if machine.unconsumed_tail or not machine.eof:
        raise PeerError(tr("the deflated data set is cut off or too long"), clause="PS3.5 §A.5")
    return made


def deflate(data: bytes) -> bytes:
    """The reverse; an odd number of bytes is padded (PS3.5 §A.5)."""
    machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    made = machine.compress(data) + machine.flush()
    return made + b"\0" * (len(made) % 2)


def read(data: bytes, syntax: str) -> DataSet:
    """A data set in a transfer syntax; ``PeerError`` where it cannot be read."""
    plain = inflate(data) if syntax == DEFLATED else data
    return decode(plain, explicit=syntax != IMPLICIT)


def written(data: DataSet, syntax: str) -> bytes:
    """A data set in a transfer syntax; ``InputError`` where a text cannot be written."""
    plain = encode(data, explicit=syntax != IMPLICIT)
    return deflate(plain) if syntax == DEFLATED else plain


def walk(data: DataSet, prefix: str = "") -> Iterator[tuple[str, int, str, Value]]:
    """Every element below, with its path: sequences as ``(0040,0100)[1].(0008,0060)``."""
    for tag in sorted(data.elements):
        vr, value = data.elements[tag]
        path = f"{prefix}{path_of(tag)}"
        if vr == "SQ" and not isinstance(value, str | bytes | int | float):
            for number, item in enumerate(value, 1):
                yield from walk(item, f"{path}[{number}].")
        else:
            yield path, tag, vr, value


def keyword(tag: int) -> str:
    """The dictionary's keyword of a tag; empty for one that it does not know."""
    from pydicom.datadict import keyword_for_tag  # noqa: PLC0415 - see the top of the module

    return keyword_for_tag(tag)
