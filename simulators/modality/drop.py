"""The drop folder of a capture workstation: JPEG files that a card puts there become objects.

A frame grabber knows no DICOM. It leaves a file a picture in a folder; the workstation adds the
patient and stores each as secondary capture, its JPEG stream byte for byte. A file that is still
being written waits for the next look, and one that the PACS took is moved to ``sent`` within the
folder, so that what was not answered is sent again and under the same UID.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.errors import InputError, PeerError
from harness.i18n import tr
from harness.link.dicom_data import DataSet
from harness.link.dicom_pixels import BASELINE, fragments
from simulators.modality.compress import METHODS
from simulators.modality.images import Exam, instance, uid
from simulators.modality.model import Model

SENT: Final = "sent"
ENDINGS: Final = frozenset({".jpg", ".jpeg"})
FILES_MAX: Final = 1000
BYTES_MAX: Final = 64 * 1024 * 1024

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOF0, _SOS = 0xC0, 0xDA
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length (ITU-T T.81 table B.1)."""

_EVEN_SAMPLING: Final = 0x11


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """One JPEG file.

    Attributes:
        path: where it lies.
        stream: its bytes.
        rows: of the picture.
        columns: of the picture.
        samples: 1, or 3 for colour.
        halved: chrominance has fewer samples than luminance.
    """

    path: Path
    stream: bytes
    rows: int
    columns: int
    samples: int
    halved: bool


def look(folder: Path) -> tuple[list[Dropped], list[Path]]:
    """The whole JPEG files of a folder by name, and those that are not yet whole.

    Raises:
        InputError: no such folder, too much in it, or a file that is no baseline JPEG.
    """
    if not folder.is_dir():
        raise InputError(tr("no such folder"), where=str(folder))
    paths = sorted(one for one in folder.iterdir() if one.suffix.lower() in ENDINGS)
    if len(paths) > FILES_MAX:
        raise InputError(tr("more than {most} files", most=FILES_MAX), where=str(folder))
    whole, waiting = [], []
    for path in paths:
        if path.stat().st_size > BYTES_MAX:
            raise InputError(tr("more than {most} bytes", most=BYTES_MAX), where=str(path))
        stream = path.read_bytes()
        if stream.rstrip(b"\0").endswith(_EOI):
            whole.append(_read(path, stream))
        else:
            waiting.append(path)
    return whole, waiting


def _read(path: Path, stream: bytes) -> Dropped:
    """Size and colour, from the frame header (ITU-T T.81 §B.2.2)."""
    at = 2
    while stream.startswith(_SOI) and at + 10 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _BARE or marker == 0xFF:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _SOF0:
            rows, columns = (int.from_bytes(stream[at + n : at + n + 2], "big") for n in (5, 7))
            samples = stream[at + 9]
            first = stream[at + 11 : at + 12]
            if rows and columns and samples in {1, 3} and stream[at + 4] == 8:
                halved = first != bytes((_EVEN_SAMPLING,))
                return Dropped(path=path, stream=stream, rows=rows, columns=columns,
                               samples=samples, halved=halved)  # fmt: skip
            break
        if marker == _SOS:
            break
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    raise InputError(
        tr("no baseline JPEG of eight bits"), where=str(path),
        remedy=tr("save it as a plain JPEG, neither progressive nor lossless"),
    )  # fmt: skip


def sender(model: Model) -> Model:
    """The device as it stores what was dropped: JPEG baseline and nothing else."""
    if model.payload != "pixels":
        raise InputError(
            tr("the device {name} has no pictures", name=model.name),
            remedy="--model es-capture-card",
        )
    return replace(model, syntaxes=(BASELINE,), contexts="separate")


def objects(model: Model, exam: Exam, dropped: Sequence[Dropped]) -> list[DataSet]:
    """An object a file; its UID follows from the study and the bytes, so a second try is the same.

    Args:
        model: of the device.
        exam: whose pictures they are.
        dropped: the files, in order.
    """
    return [_object(model, exam, one, number) for number, one in enumerate(dropped, 1)]


def _object(model: Model, exam: Exam, one: Dropped, number: int) -> DataSet:
    shaped = replace(  # a few bytes of JPEG may claim a great many pixels: none are drawn
        model, rows=1, columns=1, samples=one.samples, frames=1,
        bits_allocated=8, bits_stored=8, signed=False,
    )  # fmt: skip
    data = instance(shaped, exam, number)
    data.set("Rows", one.rows)
    data.set("Columns", one.columns)
    digest = hashlib.sha256(one.stream).hexdigest()
    native = one.rows * one.columns * one.samples
    values: dict[str, str] = {
        "SOPInstanceUID": uid(model.name, exam.study, number, digest),
        "PhotometricInterpretation": "MONOCHROME2",
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": f"{native / len(one.stream):.2f}",
        "LossyImageCompressionMethod": METHODS[BASELINE],
        "NumberOfFrames": "1",
    }
    if one.samples > 1:
        values["PhotometricInterpretation"] = "YBR_FULL_422" if one.halved else "YBR_FULL"
    for keyword, value in values.items():
        data.set(keyword, value)
    data.set("PixelData", fragments([one.stream]), "OB")
    return data


def taken(one: Dropped) -> None:
    """The PACS has it: out of the way of the next look.

    Raises:
        PeerError: a file of that name, and with other bytes, was sent before.
    """
    folder = one.path.parent / SENT
    folder.mkdir(exist_ok=True)
    target = folder / one.path.name
    if target.exists() and target.read_bytes() != one.stream:
        raise PeerError(tr("another file of this name was sent before: {name}", name=target.name))
    one.path.replace(target)
