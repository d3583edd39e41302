"""Objects that are odd and legal, and what a PACS with defects does to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from harness.link.dicom import Request
from harness.link.dicom_data import TEXTS, DataSet, read, tag_of, walk
from simulators.hospital.pacs_store import Archive
from simulators.store import Row

FULL_PDU: Final = 16378
"""Data in a full P-DATA-TF of 16 KiB behind its head (PS3.8 §9.3.5)."""

KNOWN_SETS: Final = frozenset({"", "ISO_IR 6", "ISO_IR 100", "ISO_IR 192", "GB18030", "GBK",
                               "ISO 2022 IR 6", "ISO 2022 IR 58"})  # fmt: skip
NEW_VRS: Final = frozenset({"UC", "UR", "UV", "SV", "OD", "OL", "OV"})

_LEADING_ZERO: Final = re.compile(r"(^|\.)0\d")
_PIXELS: Final = tag_of("PixelData")
_PROCESSING, _CANNOT = 0x0110, 0xC000


def _old_uid(data: DataSet) -> bool:
    return bool(_LEADING_ZERO.search(data.text("SeriesInstanceUID")))


def _empty_item(data: DataSet) -> bool:
    return any(not item.elements for item in data.items("IssuerOfPatientIDQualifiersSequence"))


def _odd_size(data: DataSet) -> bool:
    return bool(data.number("Rows") * data.number("Columns") % 2)


def _odd_set(data: DataSet) -> bool:
    return not {*data.character_sets} <= KNOWN_SETS


def _new_vr(data: DataSet) -> bool:
    return any(vr in NEW_VRS for _, _, vr, _ in walk(data))


REFUSED: Final[Mapping[str, tuple[Callable[[DataSet], bool], int]]] = {
    "pacs-refuses-old-uids": (_old_uid, 0xA900),
    "pacs-refuses-empty-item": (_empty_item, _PROCESSING),
    "pacs-refuses-odd-size": (_odd_size, _PROCESSING),
    "pacs-refuses-odd-charset": (_odd_set, _PROCESSING),
    "pacs-refuses-new-vr": (_new_vr, _CANNOT),
}


def refusal(request: Request, data: DataSet, defects: set[str]) -> int | None:
    """Status with which a defect refuses an object; -1 for no answer at all, None for none."""
    for ident, (odd, status) in REFUSED.items():
        if ident in defects and odd(data):
            return status
    if "pacs-waits-after-full-pdu" in defects and len(request.payload) % FULL_PDU == 0:
        return -1
    return None


# ---- on the way into the archive


def seems_same(data: DataSet, known: Row, archive: Archive, defects: set[str]) -> bool:
    """Whether an object passes for the one that is kept though its header differs."""
    if "pacs-duplicate-by-pixels" not in defects:
        return False
    body = archive.body(known)
    return body is not None and read(body, known["syntax"]).raw("PixelData") == data.raw(
        "PixelData"
    )


def _drop(data: DataSet, wanted: Callable[[int], bool]) -> None:
    for tag in [tag for tag in data.elements if wanted(tag)]:
        del data.elements[tag]


def _private(data: DataSet, vr: str, change: Callable[[bytes], bytes]) -> None:
    for tag, (kind, value) in list(data.elements.items()):
        if (tag >> 16) & 1 and kind == vr and isinstance(value, bytes):
            data.elements[tag] = (kind, change(value))


def _ascii(value: bytes) -> bytes:
    return bytes(byte if byte < 0x80 else 0x3F for byte in value)


def _assume_latin(data: DataSet) -> None:
    """Texts without a character set are read as Latin-1 and written again as UTF-8."""
    if data.character_sets:
        return
    for tag, (vr, value) in list(data.elements.items()):
        if vr in TEXTS and isinstance(value, bytes) and not value.isascii():
            data.elements[tag] = (vr, value.decode("latin-1").encode("utf-8"))
    data.set("SpecificCharacterSet", "ISO_IR 192")


def _renumber(data: DataSet) -> None:
    """The second private block of a group moves on by one."""
    creators = [tag for tag in data.elements if tag >> 16 == 0x0011 and 0x10 < tag & 0xFFFF <= 0xFF]
    for creator in creators:
        block = creator & 0xFF
        for tag in sorted(data.elements, reverse=True):
            if tag == creator:
                data.elements[tag + 1] = data.elements.pop(tag)
            elif tag >> 16 == 0x0011 and (tag & 0xFFFF) >> 8 == block:
                data.elements[tag + 0x100] = data.elements.pop(tag)


def spoil(data: DataSet, defects: set[str]) -> None:
    """Change an object on its way into the archive."""
    if "pacs-drops-issuer" in defects:
        data.drop("IssuerOfPatientID")
    if "pacs-assumes-latin1" in defects:
        _assume_latin(data)
    if "pacs-damages-private-text" in defects:
        _private(data, "LO", _ascii)
    if "pacs-drops-unknown-bytes" in defects:
        _private(data, "UN", _ascii)
    if "pacs-renumbers-private" in defects:
        _renumber(data)
    if "pacs-drops-overlays" in defects:
        _drop(data, lambda tag: 0x6000 <= tag >> 16 <= 0x60FF)


def spoil_index(data: DataSet, keys: dict[str, str], defects: set[str]) -> dict[str, str]:
    """Change what is written into the index."""
    sets = data.character_sets
    lost = ("pacs-no-gb18030" in defects and sets == ["GB18030"]) or (
        "pacs-single-charset" in defects and len(sets) > 1
    )
    if lost:
        keys["PatientName"] = keys.get("PatientName", "").encode("ascii", "replace").decode("ascii")
    if "pacs-birthday-in-utc" in defects and len(keys.get("PatientBirthDate", "")) == 8:
        born = datetime.strptime(keys["PatientBirthDate"], "%Y%m%d") - timedelta(hours=8)  # noqa: DTZ007 - a date has no zone, which is the defect
        keys["PatientBirthDate"] = f"{born:%Y%m%d}"
    return keys
