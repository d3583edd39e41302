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


_SLICES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"})
_MR: Final = "1.2.840.10008.5.1.4.1.1.4"


def _slice(data: DataSet) -> bool:
    return data.text("SOPClassUID") in _SLICES


def _oriented(data: DataSet) -> bool:
    """An image of General Image whose orientation nothing else tells."""
    return "Rows" in data and not {"ImageOrientationPatient", "ImagePositionPatient",
                                   "SharedFunctionalGroupsSequence"} & {
        keyword(tag) for tag in data.elements}  # fmt: skip


def _repeats(data: DataSet) -> bool:
    """Everything but echo planar without segmented k-space."""
    if data.text("SOPClassUID") != _MR:
        return False
    return data.text("ScanningSequence") != "EP" or data.text("SequenceVariant") == "SK"


def _pixels(data: DataSet) -> bool:
    other = ("FloatPixelData", "DoubleFloatPixelData", "PixelDataProviderURL")
    return "Rows" in data and "BitsAllocated" in data and not any(one in data for one in other)


CONDITIONS: Final[tuple[tuple[str, str, Condition, str], ...]] = (
    ("PlanarConfiguration", "1C", _colour, "PS3.3 §C.7.6.3.1.3"),
    ("PixelData", "1C", _pixels, "PS3.3 §C.7.6.3"),
    ("LossyImageCompressionRatio", "1C", _lossy, "PS3.3 §C.7.6.1.1.5"),
    ("LossyImageCompressionMethod", "1C", _lossy, "PS3.3 §C.7.6.1.1.5"),
    ("WindowWidth", "1C", lambda data: bool(data.text("WindowCenter")), "PS3.3 §C.11.2"),
    ("RescaleSlope", "1C", lambda data: "RescaleIntercept" in data, "PS3.3 §C.11.1"),
    ("FrameIncrementPointer", "1C", lambda data: data.number("NumberOfFrames") > 1,
     "PS3.3 §C.7.6.6"),
    ("RedPaletteColorLookupTableDescriptor", "1C",
     lambda data: data.text("PhotometricInterpretation") == "PALETTE COLOR", "PS3.3 §C.7.6.3"),
    ("SpecificCharacterSet", "1C", _beyond_ascii, "PS3.3 §C.12.1.1.2"),
    ("PatientPosition", "2C", _slice, "PS3.3 §C.7.3.1.1.2"),
    ("PatientOrientation", "2C", _oriented, "PS3.3 §C.7.6.1.1.1"),
    ("RepetitionTime", "2C", _repeats, "PS3.3 §C.8.3.1"),
)  # fmt: skip
"""Attribute, its type, when it must be there, and the clause."""


def conditions(data: DataSet) -> Iterator[Finding]:
    """Attributes whose condition holds and that are not there, or have no value."""
    for name, kind, holds, clause in CONDITIONS:
        valued = name in data and (kind == "2C" or not empty(data, tag_of(name)))
        if holds(data) and not valued:
            message = tr("{name} is needed here and missing", name=name)
            yield Finding(rule=f"type-{kind}", path=path_of(tag_of(name)), message=message,
                          clause=clause)  # fmt: skip
