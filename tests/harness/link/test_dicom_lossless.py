"""JPEG lossless, against streams worked by hand from ITU-T T.81."""

import contextlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError, PeerError
from harness.link.dicom_lossless import decode, encode
from harness.link.dicom_pixels import JPEG_LOSSLESS, Shape
from harness.link.dicom_pixels import decode as decoded
from harness.link.dicom_pixels import encode as encoded

SCAN = bytes.fromhex("ffda0008010100010000")


def test_two_samples_have_the_bits_of_the_standard():
    """128 and 130: differences 0 and 2 (§H.1.2), categories 0 and 2 with bits 10 (table H.2).

    Their codes are 00 and 011 (§C.2 over the lengths of §K.3.1), the rest of the byte is ones.
    """
    made = encode([128, 130], 1, 2, 1, 8)
    assert made.startswith(bytes.fromhex("ffd8ffc3000b08000100020101 1100".replace(" ", "")))
    assert made.endswith(SCAN + bytes([0b00_011_10_1]) + b"\xff\xd9")


def test_a_stream_of_another_predictor_and_table_is_read():
    """Predictor 7, two rows of two, one table of two codes of one bit: written by hand.

    With 0 for category 0 and 10 for category 1: 128, 129, 129 and 130 are the differences 0, 1, 1
    and, from (129 + 129) / 2, 1: bits 0, 101, 101, 101, then ones.
    """
    table = bytes.fromhex("ffc4001500") + bytes([1, 1, *[0] * 14, 0, 1])
    frame = bytes.fromhex("ffc3000b080002000201011100")
    scan = bytes.fromhex("ffda00080101000700 00".replace(" ", ""))
    body = bytes([0b0_101_101_1, 0b01_111111])
    stream = b"\xff\xd8" + frame + table + scan + body + b"\xff\xd9"
    assert decode(stream) == ([128, 129, 129, 130], 2, 2, 1, 8)


def test_bytes_that_fill_may_stand_before_a_marker():
    stream = encode([7, 9], 1, 2, 1, 8)
    assert decode(stream[:2] + b"\xff\xff" + stream[2:])[0] == [7, 9]


@pytest.mark.parametrize("predictor", range(1, 8))
def test_each_predictor_gives_extremes_back(predictor):
    draw = random.Random(predictor)
    samples = [draw.choice([0, 65535, draw.randrange(65536), 32768]) for _ in range(5 * 6 * 3)]
    stream = encode(samples, 5, 6, 3, 16, predictor)
    assert decode(stream) == (samples, 5, 6, 3, 16)
    if predictor > 1:
        assert stream != encode(samples, 5, 6, 3, 16)


@pytest.mark.parametrize(
    ("rows", "columns", "components", "bits"),
    [(8, 8, 1, 12), (16, 9, 1, 16), (7, 5, 3, 8), (1, 1, 1, 2)],
)
def test_extremes_and_noise_come_back(rows, columns, components, bits):
    draw, top = random.Random(bits), (1 << bits) - 1
    samples = [draw.choice([0, top, draw.randrange(top + 1), 1 << (bits - 1)])
               for _ in range(rows * columns * components)]  # fmt: skip
    stream = encode(samples, rows, columns, components, bits)
    assert decode(stream) == (samples, rows, columns, components, bits)
    for cut in range(0, len(stream) - 8, 7):
        with pytest.raises(PeerError):
            decode(stream[:cut])


@pytest.mark.parametrize("at", range(2, 60, 3))
def test_a_broken_header_is_refused_or_read_otherwise(at):
    stream = bytearray(encode([0, 255, 1, 254], 2, 2, 1, 8))
    stream[at] ^= 0x55
    try:
        decode(bytes(stream))
    except PeerError:
        return
    assert stream[at - 1 : at + 1] != b"\xff\xd8"


def test_the_frame_must_fit_its_header():
    shape = Shape(rows=2, columns=2, allocated=8, stored=8)
    value = encoded(bytes([0, 255, 7, 9]), shape, JPEG_LOSSLESS)
    assert decoded(value, shape, JPEG_LOSSLESS) == bytes([0, 255, 7, 9])
    with pytest.raises(PeerError):
        decoded(value, Shape(rows=4, columns=1, allocated=8, stored=8), JPEG_LOSSLESS)
    with pytest.raises(InputError):
        encoded(b"\xff\xff", Shape(rows=1, columns=1, stored=12), JPEG_LOSSLESS)
    wide = encoded(b"\xff\x0f", Shape(rows=1, columns=1, stored=12), JPEG_LOSSLESS)
    with pytest.raises(PeerError):
        decoded(wide, Shape(rows=1, columns=1, allocated=8, stored=8), JPEG_LOSSLESS)


WHOLE = encode([0, 255, 128, 7, 9, 254] * 4, 4, 6, 1, 8)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(drawn):
    """Bytes of any kind, and a whole stream with some of its bytes changed."""
    stream = bytearray(WHOLE)
    if isinstance(drawn, bytes):
        stream = bytearray(b"\xff\xd8" + drawn)
    else:
        for at, value in drawn:
            stream[at] = value
    with contextlib.suppress(PeerError):
        samples, rows, columns, components, _ = decode(bytes(stream))
        assert len(samples) == rows * columns * components
