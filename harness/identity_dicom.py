"""Where identity stands in a DICOM data set: of an object, a query, a step or a report.

Looked at: (0010,0020) Patient ID, (0010,0010) Patient's Name, (0010,0030) Birth Date, (0010,1000)
Other Patient IDs, and the items of (0010,1002). Of a name only a group of ideographs tells who it
is (PS3.5 §6.2.1): a transcription has many owners, and the number beside it decides. A key with a
wildcard, or empty, asks about everybody and names nobody (PS3.4 §C.2.2.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.identity_readers import Claim
from harness.link.dicom_data import DataSet

NUMBERS: Final = ("PatientID", "OtherPatientIDs")
WILD: Final = ("*", "?")
OTHER_IDS: Final = "OtherPatientIDsSequence"


def dicom_claims(data: DataSet) -> Iterator[Claim]:
    """Every identity of a data set."""
    for name in NUMBERS:
        for value in data.text(name).split("\\"):
            yield from _one(name, "text", value)
    for item in data.items(OTHER_IDS):
        yield from _one(OTHER_IDS, "text", item.text("PatientID"))
    for group in data.text("PatientName").split("="):
        if not group.isascii():
            yield from _one("PatientName", "text", group.replace("^", ""))
    yield from _one("PatientBirthDate", "birth", data.text("PatientBirthDate"))


def _one(place: str, kind: str, value: str) -> Iterator[Claim]:
    value = value.strip(" \0")
    ranged = kind == "birth" and "-" in value
    if value and not ranged and not any(sign in value for sign in WILD):
        yield Claim(place=place, kind=kind, value=value)
