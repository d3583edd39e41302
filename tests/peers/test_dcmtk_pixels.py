"""JPEG lossless of ours read by DCMTK, and DCMTK's by us: no pixel changes."""

from datetime import datetime

import pytest
from dicom_rig import call, program
from pydicom import dcmread

from harness import people
from harness.link.dicom_data import encode
from harness.link.dicom_file import write_file
from harness.link.dicom_pixels import JPEG_LOSSLESS, decode
from simulators.modality.compress import PATTERNS, compress, fill, shape_of
from simulators.modality.images import Exam, instance
from simulators.modality.model import load_model

pytestmark = [pytest.mark.peer, pytest.mark.slow]

DEVICES = ("ct-helical", "us-cart", "dr-retrofit")


def made(device, pattern):
    exam = Exam(person=people.generate(1, 0), study="2.25.77", accession="A1", procedure_id="P1",
                step_id="S1", description="TEST", moment=datetime(2026, 1, 5, 8, 0))  # fmt: skip  # noqa: DTZ001 - DICOM writes local times
    data = instance(load_model(device), exam, 1)
    fill(data, pattern)
    return data


def written(data, path, syntax="1.2.840.10008.1.2.1"):
    body = encode(data, explicit=True)
    ident = (data.text("SOPClassUID"), data.text("SOPInstanceUID"))
    path.write_bytes(write_file(body, *ident, syntax=syntax))
    return path


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_dcmtk_reads_what_we_write(device, pattern, tmp_path):
    program("dcmdjpeg")
    data = made(device, pattern)
    raw = data.raw("PixelData")
    compress(data, JPEG_LOSSLESS)
    source = written(data, tmp_path / "one.dcm", JPEG_LOSSLESS)
    code, said = call("dcmdjpeg", source, tmp_path / "plain.dcm")
    assert code == 0, said
    assert bytes(dcmread(tmp_path / "plain.dcm").PixelData) == raw


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("predictor", [1, 4, 7])
def test_we_read_what_dcmtk_writes(device, predictor, tmp_path):
    program("dcmcjpeg")
    data = made(device, "noise")
    raw = data.raw("PixelData")
    how = ["+e1"] if predictor == 1 else ["+el", "+sv", predictor]
    code, said = call("dcmcjpeg", *how, written(data, tmp_path / "one.dcm"), tmp_path / "jpeg.dcm")
    assert code == 0, said
    value = bytes(dcmread(tmp_path / "jpeg.dcm").PixelData)
    whole = value + b"\xfe\xff\xdd\xe0\0\0\0\0"  # pydicom leaves the delimiter out
    assert decode(whole, shape_of(data), JPEG_LOSSLESS) == raw
