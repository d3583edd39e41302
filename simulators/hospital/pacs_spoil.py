"""Where the defects of PACS and RIS change what they store, find and send."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from harness.link.dicom import payload_of
from harness.link.dicom_data import IMPLICIT, TEXTS, DataSet, encode, tag_of
from simulators.hospital import pacs_odd

_PIXELS: Final = tag_of("PixelData")

_SEPARATOR: Final = re.compile(rb"[\x81-\xfe][\\^|~]")
"""A character of GBK whose second byte looks like a separator of DICOM or HL7."""


def _set(data: DataSet) -> str:
    return "".join(data.character_sets)


def stored(data: DataSet, defects: set[str]) -> bool:
    """Spoil a data set on its way into the archive; says whether it was changed."""
    before = dict(data.elements)
    if "pacs-alters-pixels" in defects and _PIXELS in data.elements:
        vr, value = data.elements[_PIXELS]
        if isinstance(value, bytes) and value:
            data.elements[_PIXELS] = (vr, value[:-2] + bytes([value[-2] ^ 1]) + value[-1:])
    if "pacs-drops-private" in defects:
        for tag in [tag for tag in data.elements if (tag >> 16) & 1]:
            del data.elements[tag]
    if "pacs-drops-trailing" in defects:
        for tag in [tag for tag in data.elements if tag > _PIXELS]:
            del data.elements[tag]
    if "pacs-coerces-accession" in defects and data.text("AccessionNumber"):
        data.set("AccessionNumber", data.text("AccessionNumber")[:8])
    pacs_odd.spoil(data, defects)
    return data.elements != before


def indexed(data: DataSet, keys: Mapping[str, str], defects: set[str]) -> dict[str, str]:
    """Spoil what is written into the index."""
    made = dict(keys)
    name = data.raw("PatientName")
    if "pacs-keeps-escapes" in defects and b"\x1b" in name:
        made["PatientName"] = name.replace(b"\x1b", b"").decode("gb2312", "replace").rstrip()
    split = _SEPARATOR.search(name)
    if "pacs-splits-backslash" in defects and split is not None and "GB" in _set(data):
        made["PatientName"] = name[: split.start() + 1].decode("gb18030", "replace")
    if "pacs-cuts-rare" in defects:
        made["PatientName"] = made.get("PatientName", "").encode("gbk", "replace").decode("gbk")
    if "pacs-dates-in-utc" in defects and made.get("StudyDate"):
        made |= _in_utc(made["StudyDate"], made.get("StudyTime", ""))
    return pacs_odd.spoil_index(data, made, defects)


def _in_utc(date: str, time: str) -> dict[str, str]:
    try:
        moment = datetime.strptime(date + time[:6].ljust(6, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return {}
    moved = moment - timedelta(hours=8)
    return {"StudyDate": f"{moved:%Y%m%d}", "StudyTime": f"{moved:%H%M%S}"}


def found(data: DataSet, defects: set[str]) -> None:
    """Spoil an answer to a query before it is written."""
    if "pacs-omits-asked-keys" in defects:
        data.drop("ModalitiesInStudy")
        data.drop("AccessionNumber")


def sent(data: DataSet, defects: set[str]) -> bool:
    """Spoil an instance on its way out; says whether it was changed."""
    if "pacs-coerces-name" in defects and data.text("PatientName"):
        data.set("PatientName", data.text("PatientName").split("=")[0])
        return True
    if "pacs-changes-photometric" in defects and data.text("BitsAllocated") == "8":
        data.set("PhotometricInterpretation", "YBR_FULL")
        return True
    return False


def written(
    data: DataSet, syntax: str, defects: set[str], who: str, *, declared: bool = True
) -> bytes | None:
    """An answer in the wrong bytes; None where all is well.

    Args:
        data: the answer.
        syntax: of the association.
        defects: what is switched on.
        who: ``pacs`` or ``ris``.
        declared: the question named a character set.
    """
    if f"{who}-answers-in-latin1" in defects:
        _each(data, lambda text: text.encode("latin-1", "replace"))
        data.set("SpecificCharacterSet", "ISO_IR 100")
    elif f"{who}-drops-charset" in defects or (
        not declared and f"{who}-undeclared-by-default" in defects
    ):
        _each(data, lambda text: text.encode("gb18030"))
        data.drop("SpecificCharacterSet")
    elif f"{who}-declares-other-charset" in defects:
        _each(data, lambda text: text.encode("utf-8"))
        data.set("SpecificCharacterSet", "GB18030")
    elif f"{who}-counts-characters" in defects:
        _each(data, lambda text: text.encode("gb18030")[: len(text)])
        data.set("SpecificCharacterSet", "GB18030")
    elif f"{who}-question-marks" in defects:
        _each(data, lambda text: text.encode("gb2312", "replace"))
        data.set("SpecificCharacterSet", "GB18030")
    else:
        return None
    return payload_of(data, syntax) if syntax == IMPLICIT else encode(data, explicit=True)


def _each(data: DataSet, make: Callable[[str], bytes]) -> None:
    """Every text, also those in sequences, as bytes."""
    for tag, (vr, value) in list(data.elements.items()):
        if vr in TEXTS and isinstance(value, str):
            data.elements[tag] = (vr, make(value))
        elif vr == "SQ" and not isinstance(value, str | bytes | int | float):
            for item in value:
                _each(item, make)
