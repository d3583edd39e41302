"""What an object of each class must hold beside its identity and its pixels (PS3.3, module tables).

Attributes of type 1 have a value, attributes of type 2 stand there empty where the device knows
none. The values are those of a phantom: a plausible geometry, no anatomy of anybody. A conditional
attribute stands here where its condition holds for what our devices send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from harness.link.dicom_data import DataSet
from simulators.modality.model import Model

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
MR: Final = "1.2.840.10008.5.1.4.1.1.4"
CR: Final = "1.2.840.10008.5.1.4.1.1.1"
DX: Final = "1.2.840.10008.5.1.4.1.1.1.1"
MG: Final = "1.2.840.10008.5.1.4.1.1.1.2"
US: Final = "1.2.840.10008.5.1.4.1.1.6.1"
US_FRAMES: Final = "1.2.840.10008.5.1.4.1.1.3.1"
SC: Final = "1.2.840.10008.5.1.4.1.1.7"
SC_BYTES: Final = "1.2.840.10008.5.1.4.1.1.7.2"
SC_COLOUR: Final = "1.2.840.10008.5.1.4.1.1.7.4"
ECG: Final = "1.2.840.10008.5.1.4.1.1.9.1.1"
ENDOSCOPY: Final = "1.2.840.10008.5.1.4.1.1.77.1.1"
VIDEO: Final = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
PDF: Final = "1.2.840.10008.5.1.4.1.1.104.1"

Given: TypeAlias = "str | int | Sequence[Mapping[str, Given]]"
"""A value, or the items of a sequence of codes."""

FRAME_MS: Final = "40"
"""Of a moving picture: 25 frames a second."""

SLICE_MM: Final = 5
"""Distance of two slices of a cross-sectional series."""

_CHEST: Final = ({"CodeValue": "51185008", "CodingSchemeDesignator": "SCT",
                  "CodeMeaning": "Chest"},)  # fmt: skip
_BREAST: Final = ({"CodeValue": "76752008", "CodingSchemeDesignator": "SCT",
                   "CodeMeaning": "Breast"},)  # fmt: skip
_STOMACH: Final = ({"CodeValue": "69695003", "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Stomach"},)  # fmt: skip
_VIEW: Final[Sequence[Mapping[str, Given]]] = (
    {"CodeValue": "399162004", "CodingSchemeDesignator": "SCT", "CodeMeaning": "cranio-caudal",
     "ViewModifierCodeSequence": ()},
)  # fmt: skip

_ORIENTED: Final[Mapping[str, Given]] = {"PatientOrientation": ""}
"""General Image (§C.7.6.1)."""

_IMAGE: Final[Mapping[str, Given]] = {**_ORIENTED, "Laterality": ""}
"""With General Series (§C.7.3.1), where no other element tells the side."""

_PLANE: Final[Mapping[str, Given]] = {
    "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
    "FrameOfReferenceUID": "",  # drawn for the study below
    "PositionReferenceIndicator": "",
    "PixelSpacing": "0.5\\0.5",
    "ImageOrientationPatient": "1\\0\\0\\0\\1\\0",
    "ImagePositionPatient": "",  # by number below
    "SliceThickness": str(SLICE_MM),
    "PatientPosition": "HFS",
    "Laterality": "",
}
"""Frame of Reference and Image Plane (§C.7.4.1, §C.7.6.2)."""

_PROJECTION: Final[Mapping[str, Given]] = {
    "ImageType": "ORIGINAL\\PRIMARY\\",
    "PatientOrientation": "L\\F",
    "PresentationIntentType": "FOR PRESENTATION",
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1,
    "RescaleIntercept": "0",
    "RescaleSlope": "1",
    "RescaleType": "US",
    "PresentationLUTShape": "IDENTITY",
    "LossyImageCompression": "00",
    "BurnedInAnnotation": "NO",
    "DetectorType": "DIRECT",
    "ImagerPixelSpacing": "0.2\\0.2",
    "AcquisitionContextSequence": (),
    "WindowCenter": "2048",
    "WindowWidth": "4096",
}
"""DX Series, Image and Detector (§C.8.11.1, §C.8.11.3, §C.8.11.4)."""

_ENCAPSULATED: Final[Mapping[str, Given]] = {
    "ConversionType": "WSD",
    "ContentDate": "",
    "ContentTime": "",
    "AcquisitionDateTime": "",
    "BurnedInAnnotation": "YES",
    "DocumentTitle": "",
    "ConceptNameCodeSequence": (),
}
"""SC Equipment and Encapsulated Document (§C.8.6.1, §C.24.2)."""

_SECONDARY: Final[Mapping[str, Given]] = {**_IMAGE, "ConversionType": "DV"}
_MOVING: Final[Mapping[str, Given]] = {"FrameTime": FRAME_MS}

MODULES: Final[Mapping[str, Mapping[str, Given]]] = {
    CT: {**_PLANE, "RescaleIntercept": "-1024", "RescaleSlope": "1", "KVP": "120",
         "AcquisitionNumber": "1"},
    MR: {**_PLANE, "ImageType": "ORIGINAL\\PRIMARY\\OTHER", "ScanningSequence": "SE",
         "SequenceVariant": "NONE", "ScanOptions": "", "MRAcquisitionType": "2D",
         "RepetitionTime": "500", "EchoTime": "15", "EchoTrainLength": "1"},
    CR: {**_ORIENTED, "BodyPartExamined": "CHEST", "ViewPosition": "PA"},
    DX: {**_PROJECTION, "ImageLaterality": "U", "AnatomicRegionSequence": _CHEST},
    MG: {**_PROJECTION, "ImageLaterality": "L", "AnatomicRegionSequence": _BREAST,
         "PositionerType": "MAMMOGRAPHIC", "OrganExposed": "BREAST", "ViewCodeSequence": _VIEW},
    US: {**_IMAGE, "ImageType": "ORIGINAL\\PRIMARY"},
    US_FRAMES: {**_IMAGE, **_MOVING, "ImageType": "ORIGINAL\\PRIMARY"},
    SC: _SECONDARY,
    SC_BYTES: {**_SECONDARY, **_MOVING, "BurnedInAnnotation": "NO", "RescaleIntercept": "0",
               "RescaleSlope": "1", "RescaleType": "US", "PresentationLUTShape": "IDENTITY"},
    SC_COLOUR: {**_SECONDARY, **_MOVING, "BurnedInAnnotation": "NO"},
    ECG: {"ContentDate": "", "ContentTime": "", "AcquisitionDateTime": "",
          "AcquisitionContextSequence": ()},
    ENDOSCOPY: {**_IMAGE, "ImageType": "ORIGINAL\\PRIMARY", "LossyImageCompression": "00",
                "AcquisitionContextSequence": ()},
    VIDEO: {**_ORIENTED, **_MOVING, "ImageType": "ORIGINAL\\PRIMARY", "CineRate": "25",
            "BurnedInAnnotation": "NO", "AcquisitionContextSequence": (),
            "AnatomicRegionSequence": _STOMACH},
    PDF: _ENCAPSULATED,
}  # fmt: skip
"""By SOP class. A class that is not here gets what every composite object has, and no more."""

_LEADS: Final = (
    ("2:1", "Lead I"), ("2:2", "Lead II"), ("2:61", "Lead III"), ("2:62", "Lead aVR"),
    ("2:63", "Lead aVL"), ("2:64", "Lead aVF"), ("2:3", "Lead V1"), ("2:4", "Lead V2"),
    ("2:5", "Lead V3"), ("2:6", "Lead V4"), ("2:7", "Lead V5"), ("2:8", "Lead V6"),
)  # fmt: skip
"""Codes of the twelve leads (PS3.16, context group 3001, scheme MDC)."""


def add_modules(data: DataSet, model: Model, frame_of_reference: str, number: int) -> None:
    """Add what the class of the object asks for; what stands there already stays.

    Args:
        data: the object, with its identity.
        model: of the device.
        frame_of_reference: UID that all objects of the study share.
        number: of the object in its series: its place along the axis.
    """
    data.set("ReferringPhysicianName", "")
    for keyword, value in MODULES.get(model.sop_class, {}).items():
        if keyword == "FrameTime":
            data.set("FrameIncrementPointer", b"\x18\x00\x63\x10", "AT")
        if keyword not in data:
            data.set(keyword, _value(value))
    if "ImagePositionPatient" in data:
        data.set("FrameOfReferenceUID", frame_of_reference)
        data.set("ImagePositionPatient", f"-16\\-16\\{number * SLICE_MM}")
    if "AcquisitionDateTime" in data:
        date, time = data.text("StudyDate"), data.text("StudyTime")
        data.set("ContentDate", date)
        data.set("ContentTime", time)
        data.set("AcquisitionDateTime", f"{date}{time}")


def _value(given: Given) -> str | int | list[DataSet]:
    if isinstance(given, str | int):
        return given
    return [DataSet.of({key: _value(one) for key, one in item.items()}) for item in given]


def channels() -> list[DataSet]:
    """Twelve channel definitions of a resting ECG, in microvolts (§C.10.9)."""
    made = []
    for code, meaning in _LEADS:
        unit = {"CodeValue": "uV", "CodingSchemeDesignator": "UCUM", "CodeMeaning": "microvolt"}
        source = {"CodeValue": code, "CodingSchemeDesignator": "MDC", "CodeMeaning": meaning}
        made.append(
            DataSet.of(
                {
                    "ChannelSourceSequence": [DataSet.of(source)],
                    "ChannelSensitivity": "1.25",
                    "ChannelSensitivityUnitsSequence": [DataSet.of(unit)],
                    "ChannelSensitivityCorrectionFactor": "1",
                    "ChannelBaseline": "0",
                    "ChannelSampleSkew": "0",
                    "WaveformBitsStored": 16,
                }
            )
        )
    return made
