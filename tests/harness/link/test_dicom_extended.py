"""JPEG of twelve bits, against streams worked by hand from ITU-T T.81 and those of Pillow."""

import contextlib
import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError, PeerError
from harness.link.dicom_extended import STEP, decode, encode
from harness.link.dicom_pixels import EXTENDED, Shape
from harness.link.dicom_pixels import decode as decoded
from harness.link.dicom_pixels import encode as encoded


def test_a_flat_block_has_the_bits_of_the_standard():
    """64 above the middle: a first coefficient of 8 x 64 (§A.3.3), in steps of 8 it is 64.

    Category 7 (table F.1) has the code 00111 of five bits, 64 is 1000000 within it; the end of the
    block is the first code of eight bits, the rest are ones.
    """
    made = encode([2048 + 64] * 64, 8, 8)
    assert bytes.fromhex("ffc1000b0c0008000801011100") in made
    assert made.endswith(bytes([0b00111_100, 0b0000_0000, 0b0000_1111]) + b"\xff\xd9")


def test_a_stream_with_other_tables_and_a_restart_is_read():
    """Two blocks, steps of 16 for the first and 1 for the others, written by hand.

    Codes: 0 for category 4, 10 for category 0; 0 for the end, 10 for (0, 1), 110 for (1, 1). The
    first block is 8 (bits 0 1000) and -1 at the second place (10 0); the second, after the restart,
    is 0 (bits 10) and 1 at the third place (110 1). 8 x 16 is 128, an eighth of it 16 a sample.
    """
    steps = bytes.fromhex("ffdb004300") + bytes([16, *[1] * 63])
    frame = bytes.fromhex("ffc1000b0c00080010010111 00".replace(" ", ""))
    codes = bytes.fromhex("ffc4001500") + bytes([1, 1, *[0] * 14, 4, 0])
    codes += bytes.fromhex("ffc4001610") + bytes([1, 1, 1, *[0] * 13, 0, 1, 0x11])
    scan = bytes.fromhex("ffdd00040001ffda0008010100003f00")
    body = bytes([0b0_1000_10_0, 0b0_1111111, 0xFF, 0xD0, 0b10_110_1_0_1])
    samples, rows, columns, bits = decode(
        b"\xff\xd8" + steps + frame + codes + scan + body + b"\xff\xd9"
    )
    assert (rows, columns, bits, len(samples)) == (8, 16, 12, 128)
    left = [samples[at * 16 : at * 16 + 8] for at in range(8)]
    right = [samples[at * 16 + 8 : at * 16 + 16] for at in range(8)]
    assert left == [[2064] * 8] * 8  # -1 of the second place is less than half a level
    assert right == [[2048] * 8] * 8


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (13, 21), (8, 9), (1, 1)])
def test_extremes_and_noise_come_back_near(rows, columns):
    """Half a step a coefficient: by Parseval an eighth of the sum of their squares at most."""
    draw = random.Random(rows)
    samples = [draw.choice([0, 4095, draw.randrange(4096)]) for _ in range(rows * columns)]
    found, *said = decode(encode(samples, rows, columns))
    assert said == [rows, columns, 12]
    assert max(abs(one - other) for one, other in zip(samples, found, strict=True)) <= 4 * STEP


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"optimize": True}])
@pytest.mark.parametrize("quality", [40, 95])
def test_grey_of_eight_bits_is_read_as_pillow_reads_it(options, quality):
    image = pytest.importorskip("PIL.Image")
    draw, out = random.Random(quality), io.BytesIO()
    pixels = bytes(min(255, at % 37 * 5 + draw.randrange(40)) for at in range(45 * 37))
    image.frombytes("L", (37, 45), pixels).save(out, "JPEG", quality=quality, **options)
    samples, rows, columns, bits = decode(out.getvalue())
    theirs = image.open(io.BytesIO(out.getvalue())).tobytes()
    assert (rows, columns, bits) == (45, 37, 8)
    assert max(abs(one - other) for one, other in zip(samples, theirs, strict=True)) <= 1
    with pytest.raises(PeerError):
        decode(out.getvalue()[: len(out.getvalue()) // 2])


def test_the_object_must_be_grey_of_twelve_bits():
    twelve = Shape(rows=1, columns=2, stored=12)
    value = encoded(b"\xff\x0f\0\0", twelve, EXTENDED)
    assert len(decoded(value, twelve, EXTENDED)) == 4
    for shape in (
        Shape(rows=1, columns=2, stored=14),
        Shape(rows=1, columns=2, stored=12, signed=True),
    ):
        with pytest.raises(InputError):
            encoded(b"\xff\x0f\0\0", shape, EXTENDED)
    with pytest.raises(InputError):
        encode([4096], 1, 1)
    with pytest.raises(PeerError):
        decoded(value, Shape(rows=2, columns=1, stored=12), EXTENDED)


WHOLE = encode([0, 4095, 2048, 7] * 32, 8, 16)


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
        samples, rows, columns, _ = decode(bytes(stream))
        assert len(samples) == rows * columns
