"""Rows of the imaging catalogue that objects show: character sets, identity, pixels, odd elements.

All of it is read by pydicom or byte by byte; see ``imaging_read``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from harness.selfcheck.imaging_read import (
    ABORT,
    DEFLATED,
    EXPLICIT,
    REQUEST,
    RLE,
    Look,
    Message,
    elements,
    value,
)

CHARSET, NAME, DESCRIPTION = 0x00080005, 0x00100010, 0x00081030
BIRTH, STUDY_TIME, STUDY_DATE = 0x00100030, 0x00080030, 0x00080020
STUDY, SERIES, PATIENT, ISSUER = 0x0020000D, 0x0020000E, 0x00100020, 0x00100021
PIXELS: Final = 0x7FE00010

FULL_PDU: Final = 16378
"""Data in a full P-DATA-TF of 16 KiB (PS3.8 §9.3.5)."""

CODECS: Final = {"GB18030": "gb18030", "GBK": "gbk", "ISO_IR 192": "utf-8", "ISO_IR 100": "latin-1",
                 "": "ascii", "ISO_IR 6": "ascii"}  # fmt: skip
"""Of the character sets of one value; those with escapes are looked at byte by byte."""

KNOWN: Final = frozenset({*CODECS, "\\ISO 2022 IR 58"})
NEW: Final = frozenset({"UC", "UR", "UV", "SV", "OD", "OL", "OV"})

_PAIR = re.compile(rb"[\x81-\xfe][\\^|~]")
_ZERO = re.compile(rb"(?:^|\.)0\d")


def _charset(one: Message) -> str:
    return value(one.data, CHARSET).decode("ascii", "replace").strip(" \0")


def _name(one: Message) -> bytes:
    return value(one.data, NAME)


def _decoded(one: Message) -> str:
    """The name as text; empty where the declared set does not hold its bytes."""
    codec = CODECS.get(_charset(one))
    try:
        return _name(one).decode(codec) if codec else ""
    except UnicodeDecodeError:
        return ""


def _any_stored(test: Callable[[Message], bool]) -> Callable[[Look], bool]:
    return lambda look: any(test(one) for one in look.stored)


def _answers(look: Look) -> Iterable[Message]:
    return (one for one in look.answered("C-FIND") if one.raw)


def _asked_and_answered(look: Look) -> bool:
    """A name beyond ASCII comes back from a query."""
    return any(not _name(one).isascii() or b"\x1b" in _name(one) for one in _answers(look))


def _everything(look: Look) -> Iterable[Message]:
    return (*look.stored, *_answers(look))


def _rare(look: Look) -> bool:
    return any(_outside(_decoded(one)) for one in _everything(look))


def _outside(text: str) -> bool:
    return text.encode("gbk", "ignore").decode("gbk") != text


def _from_screen(look: Look) -> bool:
    """An order with a name in Chinese was entered, and the worklist was asked for."""
    return any(not str(one["args"].get("name", "")).isascii() for one in look.commanded("schedule")
               ) and any(value(one.data, 0x00080050) for one in _answers(look))  # fmt: skip


def _by_name(look: Look) -> bool:
    return any(b"*" in _name(one) and len(_name(one)) > 2 and not _name(one).strip(b"*").isalpha()
               for one in look.asked("C-FIND"))  # fmt: skip


def _undeclared(one: Message) -> bool:
    return CHARSET not in one.data and not _name(one).isascii()


def _wrongly_declared(one: Message) -> bool:
    codec = CODECS.get(_charset(one))
    return CHARSET in one.data and bool(codec) and not _name(one).isascii() and not _decoded(one)


def _private(one: Message, vr: str) -> bool:
    return any((tag >> 16) & 1 and kind == vr and not raw.isascii()
               for tag, kind, raw in elements(one.data))  # fmt: skip


def _creators(one: Message) -> int:
    groups = Counter(tag >> 16 for tag, _, _ in elements(one.data)
                     if (tag >> 16) & 1 and 0x10 <= tag & 0xFFFF <= 0xFF)  # fmt: skip
    return max(groups.values(), default=0)


def _copies(look: Look, *, same: bool) -> bool:
    """One instance is stored twice, with equal or with other content."""
    found: dict[str, set[bytes]] = {}
    count = Counter(one.sop for one in look.stored)
    for one in look.stored:
        found.setdefault(one.sop, set()).add(one.raw)
    return any(count[sop] > 1 and (len(each) == 1) is same for sop, each in found.items())


def _two_patients(look: Look) -> bool:
    found: dict[bytes, set[bytes]] = {}
    for one in look.stored:
        found.setdefault(value(one.data, STUDY), set()).add(value(one.data, PATIENT))
    return any(len(each) > 1 for each in found.values())


def _got(look: Look) -> bool:
    """What was stored is retrieved."""
    return bool(look.stored) and bool(look.asked("C-GET"))


def _cut(look: Look) -> int | None:
    """Where an association was aborted by a device in the middle of a store."""
    begun: set[str] = set()
    done = {(one.conn, one.n) for one in look.messages}
    for pdu in look.pdus:
        if pdu.kind == REQUEST:
            begun.discard(pdu.conn)
        elif pdu.kind == 4 and pdu.frm == "modality":
            whole = (pdu.conn, pdu.n) in done
            (begun.discard if whole else begun.add)(pdu.conn)
        elif pdu.kind == ABORT and pdu.frm == "modality" and pdu.conn in begun:
            return pdu.n
    return None


def _got_after_cut(look: Look) -> bool:
    at = _cut(look)
    return at is not None and any(one.n > at for one in look.asked("C-GET"))


def _stored_after_cut(look: Look) -> bool:
    at = _cut(look)
    return at is not None and any(one.n > at for one in look.stored)


def _extremes(one: Message) -> bool:
    """Both ends of what the pixels may hold."""
    stored = one.data.get("BitsStored")
    raw = value(one.data, PIXELS)
    if not stored or not raw:
        return False
    top = (1 << int(stored)) - 1
    wide = int(one.data.get("BitsAllocated", 8)) == 16
    words = memoryview(raw[: len(raw) & ~1]).cast("H") if wide else raw
    return 0 in words and top in words


def _gray8(one: Message) -> bool:
    return (
        one.data.get("BitsAllocated") == 8
        and str(one.data.get("PhotometricInterpretation", "")) == "MONOCHROME2"
    )


def _both_plain(look: Look) -> bool:
    """Stored in explicit, and retrieved where either plain syntax is possible."""
    stored = any(one.syntax == EXPLICIT for one in look.stored)
    return stored and any(
        len({syntax for abstract, syntaxes, _ in one.contexts.values() for syntax in syntaxes
             if abstract == sop_class}) > 1
        for sop_class in {one.sop_class for one in look.stored}
        for one in look.requests if any(two.conn == one.pdu.conn for two in look.asked("C-GET"))
    )  # fmt: skip


def _odd_pixels(one: Message) -> bool:
    rows, columns = one.data.get("Rows"), one.data.get("Columns")
    return bool(rows and columns and int(rows) * int(columns) % 2)


def _refused_with_path(look: Look) -> bool:
    refused = {(one.conn, one.sop) for one in look.answered("C-STORE") if one.status > 0}
    return any((one.conn, one.sop) in refused and SERIES not in one.data for one in look.stored)


def _queried(look: Look) -> bool:
    return any(one.sop_class.endswith("1.2.2.1") for one in look.asked("C-FIND"))


def _sparse(look: Look) -> bool:
    return _queried(look) and any(
        STUDY_DATE not in one.data and len(one.data) > 10 for one in look.stored
    )


def _deflated(one: Message) -> bool:
    """In the deflated syntax, and it is a data set when it is inflated."""
    return one.syntax == DEFLATED and bool(value(one.data, STUDY))


def _rle_by_plane(one: Message) -> bool:
    colours = one.data.get("SamplesPerPixel") == 3
    return one.syntax == RLE and colours and one.data.get("PlanarConfiguration") == 1


def _got_twice(look: Look) -> bool:
    asked = Counter(value(one.data, STUDY) for one in look.asked("C-GET"))
    return max(asked.values(), default=0) > 1


def _uids(one: Message) -> Iterable[bytes]:
    return (value(one.data, tag) for tag in (STUDY, SERIES, 0x00080018))


ROWS: Final[Mapping[str, Callable[[Look], bool]]] = {
    "img-N9": _any_stored(lambda one: bool(one.raw) and len(one.raw) % FULL_PDU == 0),
    "img-N10": _refused_with_path,
    "img-N21": _any_stored(lambda one: any(len(uid.rstrip(b" \0")) > 64 for uid in _uids(one))),
    "img-C1": _asked_and_answered,
    "img-C2": _asked_and_answered,
    "img-C3": _any_stored(_wrongly_declared),
    "img-C4": lambda look: any(b"\x1b$)A" in _name(one) for one in _everything(look)),
    "img-C5": _any_stored(lambda one: _charset(one) == "GB18030" and not _name(one).isascii()),
    "img-C6": _any_stored(lambda one: "\\" in _charset(one)),
    "img-C7": lambda look: any(
        bool(_PAIR.search(_name(one))) for one in _everything(look) if _charset(one)[:2] == "GB"
    ),
    "img-C8": _from_screen,
    "img-C9": _rare,
    "img-C11": _any_stored(lambda one: not value(one.data, DESCRIPTION).isascii()),
    "img-C12": _by_name,
    "img-C13": _any_stored(_undeclared),
    "img-C14": _any_stored(lambda one: _charset(one) not in KNOWN),
    "img-C15": _any_stored(lambda one: _private(one, "LO")),
    "img-S1": lambda look: _copies(look, same=True) and bool(look.asked("C-GET")),
    "img-S2": lambda look: _copies(look, same=True),
    "img-S3": lambda look: _copies(look, same=False),
    "img-S5": _two_patients,
    "img-S6": _any_stored(lambda one: bool(value(one.data, ISSUER))),
    "img-S7": lambda look: _got(look) and any(b"=" in _name(one) for one in look.stored),
    "img-S8": _got_after_cut,
    "img-S9": _stored_after_cut,
    "img-S10": _stored_after_cut,
    "img-S12": _any_stored(lambda one: any(_ZERO.search(uid) for uid in _uids(one))),
    "img-S13": _any_stored(lambda one: any(uid.endswith(b" ") for uid in _uids(one))),
    "img-S14": _any_stored(
        lambda one: any(not len(item) for item in one.data.get(
            "IssuerOfPatientIDQualifiersSequence") or [])
    ),
    "img-S15": lambda look: _copies(look, same=True) and _queried(look),
    "img-S18": _any_stored(_odd_pixels),
    "img-X3": lambda look: _got(look) and any(_extremes(one) for one in look.stored),
    "img-X4": lambda look: _got(look) and any(_gray8(one) for one in look.stored),
    "img-X5": _both_plain,
    "img-X7": lambda look: _got(look) and any(_deflated(one) for one in look.stored),
    "img-X9": lambda look: _got(look) and any(_creators(one) for one in look.stored),
    "img-X10": _any_stored(lambda one: _private(one, "UN")),
    "img-X11": _any_stored(lambda one: _creators(one) > 1),
    "img-X12": _any_stored(lambda one: any(vr in NEW for _, vr, _ in elements(one.data))),
    "img-X13": lambda look: _got(look) and any(_rle_by_plane(one) for one in look.stored),
    "img-X14": _got_twice,
    "img-X17": _any_stored(
        lambda one: any(tag >> 16 == 0x6000 for tag, _, _ in elements(one.data))
    ),
    "img-X18": _any_stored(lambda one: any(tag > PIXELS for tag, _, _ in elements(one.data))),
    "img-Q8": _sparse,
    "img-T1": _any_stored(lambda one: b"" < value(one.data, STUDY_TIME) < b"08"),
    "img-T2": lambda look: _queried(look) and any(value(one.data, BIRTH) for one in look.stored),
}  # fmt: skip
"""Rows, and what shows each."""
