"""Attributes that a class must have (PS3.3 §7.4, annex A): types 1 and 2, and conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from harness.dicomcheck import tables
from harness.dicomcheck.finding import Finding
from harness.i18n import tr
from harness.link.dicom_data import DataSet, keyword, path_of, tag_of

_PADDED: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST",
                            "TM", "UC", "UI", "UR", "UT"})  # fmt: skip
"""What is filled up to an even length with blanks or a NUL (PS3.5 §6.2); others are numbers."""


def empty(data: DataSet, tag: int) -> bool:
    """Whether an element has no value."""
    vr, value = data.elements[tag]
    if vr == "SQ":
        return not data.items(tag)
    if isinstance(value, bytes):
        return not (value.strip(b" \0") if vr in _PADDED else value)
    return value == ""


def missing(data: DataSet) -> Iterator[Finding]:
    """Attributes of type 1 without a value, and of types 1 and 2 that are not there."""
    sop_class = data.text("SOPClassUID")
    if not tables.iod(sop_class):
        message = tr("no module table for the SOP class {uid}", uid=sop_class or "-")
        yield Finding(rule="class", path="(0008,0016)", message=message, clause="PS3.4 §B.5")
        return
    for rule in tables.rules(sop_class):
        yield from _look(data, rule, rule.path, "")


def _look(
    data: DataSet, rule: tables.Rule, path: tuple[int, ...], prefix: str
) -> Iterator[Finding]:
    tag, here = path[0], f"{prefix}{path_of(path[0])}"
    if len(path) > 1:
        if tag in data.elements and data.elements[tag][0] == "SQ":
            for number, item in enumerate(data.items(tag), 1):
                yield from _look(item, rule, path[1:], f"{here}[{number}].")
        return
    name = keyword(tag) or here
    if tag not in data.elements:
        message = tr("{name} of type {kind} is missing", name=name, kind=rule.kind)
        yield Finding(rule=f"type-{rule.kind}", path=here, message=message, clause=rule.clause)
    elif rule.kind == "1" and empty(data, tag):
        message = tr("{name} of type 1 has no value", name=name)
        yield Finding(rule="type-1-empty", path=here, message=message, clause=rule.clause)


# ---- conditions of type 1C and 2C

Condition = Callable[[DataSet], bool]


def _colour(data: DataSet) -> bool:
    return data.number("SamplesPerPixel") > 1


def _lossy(data: DataSet) -> bool:
    return data.text("LossyImageCompression") == "01"


_TEXT_VRS: Final = frozenset({"PN", "LO", "SH", "LT", "ST", "UT", "UC"})


def _beyond_ascii(data: DataSet) -> bool:
    for vr, value in data.elements.values():
        if vr in _TEXT_VRS and isinstance(value, str | bytes) and not value.isascii():
            return True
        if isinstance(value, bytes) and vr in _TEXT_VRS and b"\x1b" in value:
            return True
    return False


CONDITIONS: Final[tuple[tuple[str, Condition, str], ...]] = (
    ("PlanarConfiguration", _colour, "PS3.3 §C.7.6.3.1.3"),
    ("LossyImageCompressionRatio", _lossy, "PS3.3 §C.7.6.1.1.5"),
    ("LossyImageCompressionMethod", _lossy, "PS3.3 §C.7.6.1.1.5"),
    ("WindowWidth", lambda data: bool(data.text("WindowCenter")), "PS3.3 §C.11.2"),
    ("RescaleSlope", lambda data: "RescaleIntercept" in data, "PS3.3 §C.11.1"),
    ("FrameIncrementPointer", lambda data: data.number("NumberOfFrames") > 1, "PS3.3 §C.7.6.6"),
    ("RedPaletteColorLookupTableDescriptor",
     lambda data: data.text("PhotometricInterpretation") == "PALETTE COLOR", "PS3.3 §C.7.6.3"),
    ("SpecificCharacterSet", _beyond_ascii, "PS3.3 §C.12.1.1.2"),
)  # fmt: skip
"""Attribute, when it must be there, and the clause."""


def conditions(data: DataSet) -> Iterator[Finding]:
    """Attributes whose condition holds and that are not there, or have no value."""
    for name, holds, clause in CONDITIONS:
        if holds(data) and (name not in data or empty(data, tag_of(name))):
            message = tr("{name} is needed here and missing", name=name)
            yield Finding(rule="type-1C", path=path_of(tag_of(name)), message=message,
                          clause=clause)  # fmt: skip
