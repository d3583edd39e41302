"""JPEG and JPEG-LS of ours read by DCMTK, and DCMTK's by us: no pixel changes that may not."""

from array import array
from datetime import datetime
from pathlib import Path

import pydicom
import pytest
from dicom_rig import call, program
from pydicom import dcmread

from harness import people
from harness.link.dicom_data import encode
from harness.link.dicom_file import write_file
from harness.link.dicom_pixels import (
    EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_ANY,
    JPEG_LS_NEAR,
    NEAR,
    Shape,
    decode,
)
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


def of_jpeg(path):
    """The value of the pixels as it stands in a file; pydicom leaves the delimiter out."""
    return bytes(dcmread(path).PixelData) + b"\xfe\xff\xdd\xe0\0\0\0\0"


def apart(one, other):
    """How far two pictures of 16 bits are from each other."""
    pairs = zip(array("H", one), array("H", other), strict=True)
    return max(abs(first - second) for first, second in pairs)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("syntax", "pattern"),
    [*((JPEG_LOSSLESS, one) for one in sorted(PATTERNS)), (JPEG_LOSSLESS_ANY, "noise"),
     (JPEG_LOSSLESS_ANY, "extremes")],
)  # fmt: skip
def test_dcmtk_reads_what_we_write(device, syntax, pattern, tmp_path):
    program("dcmdjpeg")
    data = made(device, pattern)
    raw = data.raw("PixelData")
    compress(data, syntax)
    source = written(data, tmp_path / "one.dcm", syntax)
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
    syntax = JPEG_LOSSLESS if predictor == 1 else JPEG_LOSSLESS_ANY
    assert dcmread(tmp_path / "jpeg.dcm").file_meta.TransferSyntaxUID == syntax
    assert decode(of_jpeg(tmp_path / "jpeg.dcm"), shape_of(data), syntax) == raw


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@pytest.mark.parametrize(("syntax", "tool"), [(EXTENDED, "dcmdjpeg"), (JPEG_LS_NEAR, "dcmdjpls")])
def test_dcmtk_reads_our_lossy_streams_as_we_do(syntax, tool, pattern, tmp_path):
    """Of a transform of cosines two readers may differ by one in rounding (T.81 §A.3.3)."""
    program(tool)
    data = made("ct-helical", pattern)
    compress(data, syntax)
    ours = decode(data.raw("PixelData"), shape_of(data), syntax)
    code, said = call(tool, written(data, tmp_path / "one.dcm", syntax), tmp_path / "plain.dcm")
    assert code == 0, said
    theirs = bytes(dcmread(tmp_path / "plain.dcm").PixelData)
    assert apart(ours, theirs) <= (1 if syntax == EXTENDED else 0)


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_real_pictures_of_twelve_bits_are_read_as_dcmtk_reads_them(name, tmp_path):
    program("dcmdjpeg")
    path = Path(pydicom.__file__).parent / "data" / "test_files" / name
    real = dcmread(path)
    shape = Shape(rows=real.Rows, columns=real.Columns, stored=real.BitsStored)
    code, said = call("dcmdjpeg", path, tmp_path / "plain.dcm")
    assert code == 0, said
    theirs = bytes(dcmread(tmp_path / "plain.dcm").PixelData)
    ours = decode(of_jpeg(path), shape, EXTENDED)
    assert apart(ours, theirs) <= 1


@pytest.mark.parametrize(
    ("tool", "options", "syntax"),
    [("dcmcjpeg", ["+ee", "+q", 90], EXTENDED),
     ("dcmcjpeg", ["+ee", "+q", 40], EXTENDED),
     ("dcmcjpls", ["+en", "+md", NEAR], JPEG_LS_NEAR)],
)  # fmt: skip
def test_we_read_dcmtks_lossy_streams_as_it_does(tool, options, syntax, tmp_path):
    back = program(tool.replace("dcmc", "dcmd"))
    data, there = made("ct-helical", "ramp"), tmp_path / "there.dcm"
    code, said = call(tool, *options, written(data, tmp_path / "one.dcm"), there)
    assert code == 0, said
    made_by = dcmread(there)
    assert made_by.file_meta.TransferSyntaxUID == syntax
    assert made_by.BitsStored == 12
    code, said = call(back, there, tmp_path / "plain.dcm")
    assert code == 0, said
    theirs = bytes(dcmread(tmp_path / "plain.dcm").PixelData)
    ours = decode(of_jpeg(there), shape_of(data), syntax)
    assert apart(ours, theirs) <= (1 if syntax == EXTENDED else 0)
