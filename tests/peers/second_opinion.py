"""What dciodvfy calls wrong in objects that we send, and why each of it is as it must be.

Most of it is meant: an object that is odd on purpose (PS3 forbids some of them) must not break a
PACS. The rest is where the validator does not know what the standard says by now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydicom
from dicom_rig import call, dciodvfy

from harness.link.dicom_pixels import JPEG_2000

DEFLATED: Final = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True)
class Known:
    """One kind of error.

    Attributes:
        of: which objects have it.
        says: in what dciodvfy says, as a regular expression.
        reason: why it is said, and stays.
    """

    of: Callable[[pydicom.Dataset], bool]
    says: str
    reason: str


def raw(data: pydicom.Dataset, tag: int) -> bytes:
    """The value of an element as it stands in the file."""
    value = data.get_item(tag).value if tag in data else b""
    return value if isinstance(value, bytes) else str(value or "").encode()


def declares(name: bytes) -> Callable[[pydicom.Dataset], bool]:
    """Objects that declare this character set, and no other."""
    return lambda data: raw(data, 0x00080005).strip() == name


TEXT: Final = r"Character invalid for character repertoire|contains invalid data values"

KNOWN: Final = (
    Known(declares(b"GBK"), TEXT,
          "GBK is a defined term since 2015 (PS3.3 §C.12.1.1.2); dciodvfy takes it for none"),
    Known(declares(b"ISO 2022 IR 165"), TEXT,
          "a set that PS3.3 does not have, which old devices declare; odd on purpose"),
    Known(lambda data: b"\\" in raw(data, 0x00100010), r"Value Multiplicity.*PatientName",
          "a trail byte of GB 18030 is 5C; dciodvfy cuts values before it decodes them"),
    Known(lambda data: raw(data, 0x0020000E).rstrip(b"\0").endswith(b".0123"),
          r"\(0x0020,0x000e\).*Leading zeroes|contains invalid data values",
          "an old UID with a leading zero; odd on purpose"),
    Known(lambda data: len(raw(data, 0x0020000D)) > 64,
          r"\(0x0020,0x000d\).*Length invalid|contains invalid data values",
          "a UID of 65 characters; odd on purpose"),
    Known(lambda data: 0x00080020 not in data,
          r"Missing.*<(StudyDate|StudyTime|StudyID|AccessionNumber)>",
          "a study without what identifies it to people; odd on purpose"),
    Known(lambda data: data.file_meta.TransferSyntaxUID == JPEG_2000
          and raw(data, 0x00280004).strip() == b"RGB",
          r"Unrecognized enumerated value <RGB>.*Photometric",
          "RGB is what a stream without component transform holds (PS3.5 §8.2.4); dciodvfy asks of"
          " endoscopy for YBR_RCT whatever stands in the stream"),
    Known(lambda data: raw(data, 0x00280008).strip() == b"1" and 0x00280009 in data,
          r"FrameIncrementPointer.*(MultiFrame)",
          "PS3.3 §C.7.6.6.1.2 asks for the pointer even where there is one frame; dciodvfy does not"),
)  # fmt: skip


def errors_of(path: Path, folder: Path) -> list[str]:
    """What dciodvfy says of a file; it reads no deflated one, so DCMTK inflates that before."""
    data = pydicom.dcmread(path, stop_before_pixels=True)
    if str(data.file_meta.TransferSyntaxUID) == DEFLATED:
        plain = folder / f"{path.stem}-inflated.dcm"
        code, said = call("dcmconv", "+te", path, plain)
        assert code == 0, said
        path = plain
    return dciodvfy(path)


def unknown(paths: Iterable[Path], folder: Path) -> tuple[dict[str, Any], set[str]]:
    """Errors that no row knows, by file; and the reasons of the rows that were met."""
    found: dict[str, Any] = {}
    met: set[str] = set()
    for path in paths:
        errors = errors_of(path, folder)
        data = pydicom.dcmread(path, stop_before_pixels=True) if errors else None
        for error in errors:
            rows = [one for one in KNOWN if data is not None and one.of(data)
                    and re.search(one.says, error)]  # fmt: skip
            met |= {one.reason for one in rows}
            if not rows:
                found.setdefault(path.name, []).append(error)
    return found, met
