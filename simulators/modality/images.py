"""Synthetic objects of a modality: every value known, every pixel from a rule.

The pixels of an image hold both extremes, a ramp, and a pattern that its UID draws, so that a lost
bit, a swapped byte or a rescaled value shows. They are no picture of anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from harness.link.dicom_data import DataSet
from harness.link.dicom_pixels import whole_stream
from harness.model import Person
from simulators.modality import video
from simulators.modality.model import Model
from simulators.modality.modules import add_modules, channels

UID_ROOT: Final = "2.25"
"""UIDs made from numbers of 128 bits (PS3.5 §B.2): no registration, no collision."""

PRIVATE_CREATOR: Final = "MEDHARNESS 1.0"

_SWATCH: Final = 256
"""Bytes of the pattern that the UID draws."""


def uid(*about: object) -> str:
    """A UID that follows from what it is about."""
    text = "|".join(str(part) for part in about)
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")
    return f"{UID_ROOT}.{number}"


def habitual_uid(model: Model, *about: object) -> str:
    """A UID as this device makes them: UIDs of 64 characters are legal and often cut."""
    made = uid(model.name, *about)
    if model.uids == "long":
        return f"{made}.{'1' * 64}"[:64]
    return made[:24] if model.uids == "root-only" else made


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """What one examination is about, from the worklist or from the keyboard.

    Attributes:
        person: whose it is.
        study: study instance UID.
        accession: number of the order.
        procedure_id: requested procedure.
        step_id: scheduled step; empty for an unscheduled one.
        description: of the study.
        moment: when it is done.
        series: number of the series.
    """

    person: Person
    study: str
    accession: str
    procedure_id: str
    step_id: str
    description: str
    moment: datetime
    series: int = 1


def person_name(model: Model, person: Person) -> str:
    """The name as this device writes it."""
    latin = latin_name(person)
    return {
        "groups": f"{latin}={person.name}",
        "ideographic": f"={person.name}",
        "latin": latin,
        "first-group": person.name,
    }[model.names]


def latin_name(person: Person) -> str:
    """A name in Latin letters that says that it is none."""
    return f"TEST^{person.patient_id}"


def instance(model: Model, exam: Exam, number: int) -> DataSet:
    """Object ``number`` (1, 2, ...) of the exam's series."""
    sop = habitual_uid(model, exam.study, exam.series, number)
    values: dict[str, str | int | bytes] = {
        "SpecificCharacterSet": model.charset,
        "SOPClassUID": model.sop_class,
        "SOPInstanceUID": sop,
        "StudyDate": f"{exam.moment:%Y%m%d}",
        "StudyTime": f"{exam.moment:%H%M%S}",
        "AccessionNumber": exam.accession,
        "Modality": model.modality,
        "Manufacturer": "medharness",
        "InstitutionName": "" if model.names == "latin" else "测试医院",
        "StudyDescription": "" if model.names == "latin" else exam.description,
        "PatientName": person_name(model, exam.person),
        "PatientID": exam.person.patient_id,
        "PatientBirthDate": exam.person.birth,
        "PatientSex": exam.person.sex,
        "StudyInstanceUID": exam.study,
        "SeriesInstanceUID": series_uid(model, exam),
        "StudyID": exam.procedure_id[:16],
        "SeriesNumber": str(exam.series),
        "InstanceNumber": str(number),
    }
    data = DataSet.of(values)
    if model.private:
        data.set(0x00110010, PRIVATE_CREATOR, "LO")
        data.set(0x00111001, "私有值", "LO")
    if model.payload == "pdf":
        data.set("MIMETypeOfEncapsulatedDocument", "application/pdf")
        data.set("EncapsulatedDocument", b"%PDF-1.4\n" + _pattern(sop) + b"\n%%EOF\n", "OB")
    elif model.payload == "waveform":
        data.set("WaveformSequence", [_waveform(sop)])
    elif model.payload == "video":
        _video(data, model, sop)
    else:
        _pixels(data, model, sop)
    add_modules(data, model, uid("frame", exam.study), number)
    return data


def series_uid(model: Model, exam: Exam) -> str:
    """The series of an exam."""
    return habitual_uid(model, exam.study, exam.series)


def _pixels(data: DataSet, model: Model, sop: str) -> None:
    count = model.rows * model.columns * model.samples * model.frames
    wide = model.bits_allocated == 16
    image: Mapping[str, str | int] = {
        "SamplesPerPixel": model.samples,
        "PhotometricInterpretation": "RGB" if model.samples == 3 else "MONOCHROME2",
        "Rows": model.rows,
        "Columns": model.columns,
        "BitsAllocated": model.bits_allocated,
        "BitsStored": model.bits_stored,
        "HighBit": model.bits_stored - 1,
        "PixelRepresentation": int(model.signed),
    }
    for keyword, value in image.items():
        data.set(keyword, value)
    if model.samples == 3:
        data.set("PlanarConfiguration", 0)
    if model.frames > 1:
        data.set("NumberOfFrames", str(model.frames))
    data.set("PixelData", pixels(model, sop, count), "OW" if wide else "OB")
    data.set(0x7FE10010, PRIVATE_CREATOR, "LO")  # what stands behind the pixels must not be lost
    data.set(0x7FE11001, b"\0\1\2\3", "OB")


def _video(data: DataSet, model: Model, sop: str) -> None:
    """A moving picture; its stream says the same of size and number as the header does."""
    stream = video.stream(sop, model.rows, model.columns, model.frames)
    native = model.rows * model.columns * model.frames * 3 // 2
    image: Mapping[str, str | int] = {
        "SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_PARTIAL_420",
        "PlanarConfiguration": 0, "Rows": model.rows, "Columns": model.columns,
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0,
        "NumberOfFrames": str(model.frames), "LossyImageCompression": "01",
        "LossyImageCompressionRatio": f"{native / len(stream):.2f}",
        "LossyImageCompressionMethod": video.METHOD,
    }  # fmt: skip
    for keyword, value in image.items():
        data.set(keyword, value)
    data.set("PixelData", whole_stream(stream), "OB")


def pixels(model: Model, sop: str, count: int) -> bytes:
    """The pixel bytes: both extremes, a ramp, then the pattern of the UID."""
    top = 2**model.bits_stored - 1
    pattern = _pattern(sop)
    values = [0, top, *(index * top // 255 for index in range(256))]
    if model.bits_allocated == 16:
        drawn = [(pattern[index] << 8 | pattern[-index]) & top for index in range(_SWATCH)]
        body = b"".join(value.to_bytes(2, "little") for value in (*values, *drawn))
        width = 2
    else:
        body = bytes((*values, *(byte & top for byte in pattern)))
        width = 1
    size = count * width
    whole = body * (size // len(body) + 1)
    return whole[:size]


def _pattern(sop: str) -> bytes:
    return hashlib.shake_128(sop.encode("ascii")).digest(_SWATCH)


def _waveform(sop: str) -> DataSet:
    """Twelve channels of a drawn signal (PS3.3 §C.10.9)."""
    return DataSet.of(
        {
            "WaveformOriginality": "ORIGINAL",
            "NumberOfWaveformChannels": 12,
            "NumberOfWaveformSamples": 500,
            "SamplingFrequency": "500",
            "WaveformBitsAllocated": 16,
            "WaveformSampleInterpretation": "SS",
            "ChannelDefinitionSequence": channels(),
            "WaveformData": (_pattern(sop) * 47)[: 12 * 500 * 2],
        }
    )
