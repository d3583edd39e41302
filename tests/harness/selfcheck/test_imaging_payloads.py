"""What a seed decides of what is sent: values count, times and UIDs do not."""

from io import BytesIO

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from harness.evidence.line import pack
from harness.selfcheck import imaging_payloads


def part10(**values):
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "2.25.1"
    for name, value in values.items():
        setattr(data, name, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def stow(*objects):
    """The records of one request that stores objects over DICOMweb."""
    parts = b"".join(
        b"--b\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n" for one in objects
    )
    body = parts + b"--b--\r\n"
    head = (
        b"POST /studies HTTP/1.1\r\nContent-Type: multipart/related; boundary=b\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    shared = {"kind": "bytes", "interface": "PACS-WEB", "conn": "c", "frm": "modality"}
    return [{**shared, "n": 1, "t": 0.0, "raw": pack(head + body)}]


@pytest.mark.parametrize(
    ("name", "one", "other", "differs"),
    [
        ("PatientName", "SYNTHETIC^A", "SYNTHETIC^B", True),
        ("PixelSpacing", ["1", "1"], ["2", "2"], True),
        ("SOPInstanceUID", "2.25.1", "2.25.2", False),
        ("StudyDate", "20260101", "20260102", False),
        ("StudyTime", "080000", "080001", False),
    ],
)
def test_values_differ_and_what_is_volatile_does_not(name, one, other, differs):
    found = {
        imaging_payloads.values(stow(part10(**({"PatientID": "P1"} | {name: value}))))
        for value in (one, other)
    }
    assert (len(found) == 2) is differs
    assert all(b"P1" in each for each in found)


def test_every_part_is_read_and_what_is_no_object_is_left_out():
    broken = b"\0" * 128 + b"DICM" + b"\xff" * 40
    found = imaging_payloads.values(
        stow(part10(PatientID="P1"), broken, b"no object", part10(PatientID="P2"))
    )
    assert b"P1" in found
    assert b"P2" in found
    assert imaging_payloads.values([]) == b""
