"""Pixels in each transfer syntax, read back by pydicom's own decoders where it has them."""

import hashlib
import struct
import zlib
from datetime import datetime

import pytest
from pydicom.pixels.decoders.base import get_decoder

from harness import people
from harness.errors import InputError, PeerError
from harness.link.dicom_data import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    INFLATED_MAX,
    DataSet,
    Encapsulated,
    deflate,
    inflate,
    read,
    written,
)
from harness.link.dicom_pixels import (
    BASELINE,
    EXTENDED,
    JPEG_2000,
    JPEG_2000_LOSSY,
    JPEG_LS,
    JPEG_LS_NEAR,
    NEAR,
    RLE,
    Shape,
    decode,
    encode,
    fragments,
    streams,
)
from simulators.modality.compress import PATTERNS, compress, fill, shape_of
from simulators.modality.images import Exam, instance
from simulators.modality.model import load_model

MOMENT = datetime(2026, 1, 5, 8, 0)  # noqa: DTZ001 - DICOM writes local times
GRAY = Shape(rows=3, columns=5, allocated=16, stored=12)
LOSSLESS = (RLE, JPEG_LS, JPEG_2000)


def made(device: str, pattern: str) -> DataSet:
    exam = Exam(person=people.generate(1, 0), study="2.25.1", accession="A", procedure_id="P",
                step_id="S", description="x", moment=MOMENT)  # fmt: skip
    data = instance(load_model(device), exam, 1)
    fill(data, pattern)
    return data


def by_pydicom(value: bytes, shape: Shape, syntax: str) -> bytes:
    options = {
        "rows": shape.rows, "columns": shape.columns, "samples_per_pixel": shape.samples,
        "bits_allocated": shape.allocated, "bits_stored": shape.stored,
        "pixel_representation": int(shape.signed), "number_of_frames": shape.frames,
        "photometric_interpretation": shape.photometric, "planar_configuration": 0,
        "pixel_keyword": "PixelData",
    }  # fmt: skip
    array, _ = get_decoder(syntax).as_array(bytes(value), raw=True, **options)
    return array.astype(f"<u{shape.allocated // 8}").tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@pytest.mark.parametrize("device", ["ct-helical", "us-cart"])
def test_a_lossless_syntax_gives_every_pixel_back(device, pattern, syntax):
    data = made(device, pattern)
    shape = shape_of(data)
    raw = data.raw("PixelData")
    compress(data, syntax)
    value = read(written(data, syntax), syntax).raw("PixelData")
    assert isinstance(value, Encapsulated)
    assert decode(value, shape, syntax) == raw
    assert by_pydicom(value, shape, syntax) == raw


@pytest.mark.slow
@pytest.mark.parametrize(
    ("device", "syntax"),
    [("us-cart", BASELINE), ("ct-helical", EXTENDED), ("ct-helical", JPEG_LS_NEAR),
     ("ct-helical", JPEG_2000_LOSSY)],
)  # fmt: skip
def test_a_lossy_syntax_says_so_and_stays_near(device, syntax):
    data = made(device, "ramp")
    raw = data.raw("PixelData")
    compress(data, syntax)
    assert data.text("LossyImageCompression") == "01"
    assert float(data.text("LossyImageCompressionRatio")) > 1
    found = decode(data.raw("PixelData"), shape_of(data), syntax)
    assert len(found) == len(raw)
    assert found != raw


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_near_lossless_is_off_by_no_more_than_it_says(pattern):
    data = made("ct-helical", pattern)
    raw, shape = data.raw("PixelData"), shape_of(data)
    compress(data, JPEG_LS_NEAR)
    assert data.text("LossyImageCompressionMethod") == "ISO_14495_1"
    value = data.raw("PixelData")
    found = decode(value, shape, JPEG_LS_NEAR)
    assert found == by_pydicom(value, shape, JPEG_LS_NEAR)
    count = len(raw) // 2
    pairs = zip(struct.unpack(f"<{count}H", raw), struct.unpack(f"<{count}H", found), strict=True)
    assert max(abs(one - other) for one, other in pairs) <= NEAR


def test_rle_of_a_row_is_what_the_annex_says():
    """Runs and literals as PS3.5 §G.3 has them, worked by hand; the high bytes come first."""
    shape = Shape(rows=1, columns=6, allocated=8, stored=8)
    value = encode(bytes([7, 7, 7, 7, 1, 2]), shape, RLE)
    body = streams(value)[0]
    assert struct.unpack_from("<2I", body) == (1, 64)
    assert body[64:] == bytes([257 - 4, 7, 1, 1, 2, 0])


@pytest.mark.parametrize(
    "body",
    [b"", b"\1\0\0\0", struct.pack("<16I", 5, *[64] * 15), struct.pack("<16I", 2, 64, 65, *[0] * 13)],
)  # fmt: skip
def test_broken_rle_is_refused(body):
    with pytest.raises(PeerError):
        decode(fragments([body]), GRAY, RLE)


def test_what_is_no_sequence_of_fragments_is_refused():
    with pytest.raises(PeerError):
        streams(b"\xfe\xff\x00\xe0\x04\0\0\0abcd")
    with pytest.raises(PeerError):
        decode(fragments([b"a", b"b"]), Shape(rows=1, columns=1, frames=3), RLE)
    huge = Shape(rows=65535, columns=65535, frames=100)
    with pytest.raises(PeerError):
        decode(fragments([bytes(64)]), huge, RLE)


def test_pixels_by_plane_become_pixels_by_colour():
    shape = Shape(rows=1, columns=2, samples=3, allocated=8, stored=8, planar=1)
    assert decode(b"RrGgBb", shape, EXPLICIT) == b"RGBrgb"


@pytest.mark.parametrize("size", [0, 1, 10, 1000])
def test_deflated_data_sets_come_back(size):
    data = DataSet.of({"PatientID": "A" * size})
    body = written(data, DEFLATED)
    assert len(body) % 2 == 0
    assert read(body, DEFLATED).text("PatientID") == "A" * size
    assert zlib.decompressobj(-15).decompress(body) == written(data, EXPLICIT)
    assert read(written(data, IMPLICIT), IMPLICIT).text("PatientID") == "A" * size


@pytest.mark.slow
def test_a_bomb_of_zeros_is_refused_before_it_is_there():
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1024 * 1024)
    bomb = b"".join(machine.compress(piece) for _ in range(INFLATED_MAX // len(piece) + 2))
    with pytest.raises(PeerError):
        inflate(bomb + machine.flush())


def test_a_cut_or_wrong_stream_is_refused():
    body = deflate(hashlib.shake_128(b"x").digest(500))
    with pytest.raises(PeerError):
        inflate(body[:100])
    with pytest.raises(PeerError):
        inflate(b"\xff\xff\xff")


def test_a_syntax_without_a_codec_is_named():
    with pytest.raises(InputError):
        encode(bytes(30), GRAY, "1.2.3")
    with pytest.raises(InputError):
        encode(bytes(30), GRAY, BASELINE)
