"""Moving pictures: the stream against bits worked by hand from ITU-T H.264, the object around it."""

from datetime import datetime

import pytest

from harness import people
from harness.dicomcheck.check import check
from harness.errors import InputError
from harness.link.dicom_data import Encapsulated, read, written
from harness.link.dicom_pixels import streams
from simulators.modality import video
from simulators.modality.images import Exam, instance
from simulators.modality.model import load_model

MOMENT = datetime(2026, 1, 5, 8, 0)  # noqa: DTZ001 - DICOM writes local times
EXAM = Exam(person=people.generate(1, 0), study="2.25.1", accession="A", procedure_id="P",
            step_id="S", description="x", moment=MOMENT)  # fmt: skip


def test_the_headers_have_the_bits_of_the_standard():
    """One macroblock, one picture.

    §7.3.2.1.1: 1 010 1 1 0 0, 1 011 010 0, 1 1 1100 and the end 1. §7.3.2.2: 1 1 00 1 1 1 000
    1 1 1 100 and the end. §7.3.3: 1 0001000 1 0000 1 00 1 010, then I_PCM 000011010 and zeros.
    """
    made = video.stream("x", 16, 16, 1)
    begins = bytes.fromhex("00000001 67640029acb4f2 00000001 68ce3c80 00000001 658884a0d0")
    assert made.startswith(begins)
    luminance, blue, red = video.planes("x", 0, 16, 16)
    assert made[len(begins) :].rstrip(b"\0") == luminance + blue + red + b"\x80"
    assert len(luminance) == 4 * len(blue) == 4 * len(red) == 256


def test_no_start_code_stands_within_a_unit():
    """§7.4.1.1: the three bytes that a decoder looks for."""
    assert video._prevented(bytes.fromhex("0000000001000003")) == bytes.fromhex(
        "00000300000301000003 03".replace(" ", "")
    )


def test_pictures_and_objects_differ():
    one, two = (video.stream(about, 32, 48, 2) for about in "ab")
    assert one != two
    assert one.count(b"\0\0\0\1\x65") == 2
    assert not len(one) % 2
    with pytest.raises(ValueError, match="macroblocks"):
        video.stream("x", 17, 16, 1)


def test_the_object_has_one_fragment_behind_an_empty_table_and_says_what_it_is():
    model = load_model("es-video")
    data = read(written(instance(model, EXAM, 1), video.SYNTAX), video.SYNTAX)
    value = data.raw("PixelData")
    assert isinstance(value, Encapsulated)
    assert value[:8] == b"\xfe\xff\x00\xe0\0\0\0\0"  # PS3.5 §A.4: an item of no bytes
    assert streams(value) == [video.stream(data.text("SOPInstanceUID"), 48, 64, 10)]
    assert data.text("LossyImageCompression") == "01"
    assert data.text("NumberOfFrames") == "10"
    assert check(data, video.SYNTAX, data.text("SOPInstanceUID")) == []
    data.set("LossyImageCompression", "00")
    assert check(data, video.SYNTAX, data.text("SOPInstanceUID")) != []


def test_a_video_device_has_whole_macroblocks(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(
        'title = "t"\nmodality = "ES"\nae_title = "A"\nsop_class = "1.2"\npayload = "video"\n'
        'syntaxes = ["1.2.840.10008.1.2.4.102"]\nrows = 40\ncolumns = 64\n', encoding="utf-8"
    )  # fmt: skip
    with pytest.raises(InputError, match="device"):
        load_model(str(path))
