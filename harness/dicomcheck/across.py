"""Rules between objects, and between an object and the worklist entry that it was made for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.dicomcheck.finding import Finding
from harness.i18n import tr
from harness.link.dicom_data import DataSet, path_of, tag_of

Objects = Sequence[tuple[str, DataSet]]
"""Name of the file or instance, and the object."""

SAME: Final = (
    ("StudyInstanceUID", ("PatientID", "PatientName", "PatientBirthDate", "PatientSex",
                          "AccessionNumber", "StudyDate"), "PS3.3 §A.1.2, C.7.2.1"),
    ("SeriesInstanceUID", ("StudyInstanceUID", "Modality", "FrameOfReferenceUID", "SeriesNumber",
                           "ImageOrientationPatient"), "PS3.3 §A.1.2, C.7.3.1"),
)  # fmt: skip
"""Objects with the same first attribute have the others in common (PS3.3 §A.1.2)."""

CARRIED: Final = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex",
                  "StudyInstanceUID", "AccessionNumber")  # fmt: skip
"""What a modality copies from its worklist entry (PS3.17 annex J, IHE RAD-8)."""


def across(objects: Objects) -> Iterator[Finding]:
    """Rules between the objects of one delivery."""
    yield from _repeated(objects)
    for group, names, clause in SAME:
        for name in names:
            yield from _differing(objects, group, name, clause)
    yield from _positions(objects)


def _repeated(objects: Objects) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for about, data in objects:
        sop = data.text("SOPInstanceUID")
        if sop in seen:
            message = tr("the same SOP instance as {other}", other=seen[sop])
            yield Finding(rule="repeated", path="(0008,0018)", message=message, about=about,
                          clause="PS3.3 §C.12.1")  # fmt: skip
        seen.setdefault(sop, about)


def _differing(objects: Objects, group: str, name: str, clause: str) -> Iterator[Finding]:
    first: dict[str, tuple[str, str]] = {}
    for about, data in objects:
        key = data.text(group)
        if not key or (name not in data and group == "SeriesInstanceUID"):
            continue
        value = data.text(name)
        other = first.setdefault(key, (value, about))
        if other[0] != value:
            message = tr("{name} differs from {other} in the same {group}", name=name,
                         other=other[1], group=group)  # fmt: skip
            yield Finding(rule="differs", path=path_of(tag_of(name)), message=message,
                          clause=clause, about=about)  # fmt: skip


def _positions(objects: Objects) -> Iterator[Finding]:
    """No two slices of a series stand at one place, unless time or echo tells them apart."""
    seen: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for about, data in objects:
        place = data.text("ImagePositionPatient")
        if not place:
            continue
        apart = [data.text(one) for one in ("AcquisitionTime", "AcquisitionNumber", "EchoTime",
                                            "TemporalPositionIdentifier", "ImageType")]  # fmt: skip
        key = "|".join([place, *apart])
        known = seen[data.text("SeriesInstanceUID")]
        if key in known:
            message = tr("at the same place as {other}", other=known[key])
            yield Finding(rule="position", path="(0020,0032)", message=message, about=about,
                          clause="PS3.3 §C.7.6.2.1.1")  # fmt: skip
        known.setdefault(key, about)


def carried(objects: Objects, worklist: Mapping[str, str]) -> Iterator[Finding]:
    """Values that an object should have from its worklist entry, code point by code point."""
    for about, data in objects:
        for name in CARRIED:
            due = worklist.get(name)
            if due is not None and data.text(name) != due:
                message = tr("{name} is not that of the worklist", name=name)
                yield Finding(rule="workflow", path=path_of(tag_of(name)), message=message,
                              clause="PS3.17 §J", about=about)  # fmt: skip
