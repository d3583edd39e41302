"""High-throughput JPEG 2000 of ours, read by OpenJPEG."""

import random
import struct

import pytest

from harness.errors import InputError
from harness.link.dicom_ht import RPCL, encode
from harness.link.dicom_pixels import HTJ2K, HTJ2K_LOSSY, HTJ2K_RPCL, Shape, available
from harness.link.dicom_pixels import decode as decoded
from harness.link.dicom_pixels import encode as encoded

pytestmark = pytest.mark.skipif(not available(HTJ2K), reason="the extra imaging-codecs")


def outer(rows, columns, bits, seed):
    draw, half = random.Random(seed), 1 << (bits - 1)
    return [half + draw.choice([-1, 1]) * draw.randrange(half // 2 + 1, half)
            for _ in range(rows * columns)]  # fmt: skip


@pytest.mark.parametrize("syntax", [HTJ2K, HTJ2K_RPCL, HTJ2K_LOSSY])
@pytest.mark.parametrize(
    ("rows", "columns"), [(2, 2), (64, 64), (48, 64), (10, 6), (62, 2), (2, 62)]
)
@pytest.mark.parametrize(("bits", "word"), [(5, "B"), (8, "B"), (12, "H"), (16, "H")])
def test_openjpeg_gives_every_sample_back(rows, columns, bits, word, syntax):
    shape = Shape(rows=rows, columns=columns, allocated=8 * struct.calcsize(word), stored=bits)
    for seed in range(3):
        raw = struct.pack(f"<{rows * columns}{word}", *outer(rows, columns, bits, seed))
        value = encoded(raw, shape, syntax)
        assert decoded(value, shape, syntax) == raw


def test_a_changed_bit_of_a_sample_shows():
    samples = outer(64, 64, 12, 1)
    shape = Shape(rows=64, columns=64, stored=12)
    value = bytearray(encoded(struct.pack("<4096H", *samples), shape, HTJ2K))
    value[1000] ^= 2
    assert decoded(bytes(value), shape, HTJ2K) != struct.pack("<4096H", *samples)


def test_the_headers_are_those_of_the_standard():
    """SIZ with bit 14 of its capabilities, CAP with bit 15 of its parts, blocks of the style 64.

    T.814 annex A; lengths in front and RPCL only where that is asked for.
    """
    samples = outer(4, 6, 12, 1)
    made = encode(samples, 4, 6, 12, order=RPCL)
    assert made.startswith(bytes.fromhex("ff4fff5100294000 00000006 00000004".replace(" ", "")))
    assert bytes.fromhex("ff50 0008 00020000 0004".replace(" ", "")) in made
    assert bytes.fromhex("ff52 000c 00 02 0001 00 00 04 04 40 01".replace(" ", "")) in made
    begin = made.index(b"\xff\x90")
    told = made.index(b"\xff\x55")
    assert int.from_bytes(made[told + 8 : told + 12], "big") == len(made) - begin - 2
    assert b"\xff\x55" not in encode(samples, 4, 6, 12)[: begin - 12]


@pytest.mark.parametrize(
    ("rows", "columns", "bits", "value"),
    [(2, 2, 12, 2048), (2, 2, 12, 1024), (2, 2, 12, 4096), (3, 2, 12, 1), (66, 2, 12, 1),
     (2, 2, 4, 1), (0, 2, 12, 1)],
)  # fmt: skip
def test_another_picture_is_refused(rows, columns, bits, value):
    with pytest.raises(InputError):
        encode([value] * (rows * columns), rows, columns, bits)


def test_colour_and_signs_are_refused():
    for shape in (Shape(rows=2, columns=2, stored=12, signed=True),
                  Shape(rows=2, columns=2, samples=3, allocated=8, stored=8)):  # fmt: skip
        with pytest.raises(InputError):
            encoded(bytes(shape.frame_bytes), shape, HTJ2K)
