"""The drop folder of a capture workstation: JPEG files in, objects out, nothing lost or doubled."""

import argparse
import struct
import tracemalloc
from datetime import datetime

import imaging_desk as desk_module
import pytest

from harness import people
from harness.dicomcheck.check import check
from harness.errors import InputError, PeerError
from harness.link.dicom_data import read, written
from harness.link.dicom_pixels import BASELINE, streams
from simulators.modality import drop, simulate
from simulators.modality.images import Exam
from simulators.modality.model import load_model

MOMENT = datetime(2026, 1, 5, 8, 0)  # noqa: DTZ001 - DICOM writes local times
EXAM = Exam(person=people.generate(1, 0), study="2.25.1", accession="A", procedure_id="P",
            step_id="S", description="x", moment=MOMENT)  # fmt: skip
CARD = "es-capture-card"


def jpeg(rows=48, columns=64, *, frame=0xC0, samples=3, sampling=0x21, body=b"\x12\x34\x56"):
    """A frame header between what stands in front of it and a scan (T.81 §B.2); no picture."""
    application = struct.pack(">BBH", 0xFF, 0xE0, 16) + b"JFIF\0" + bytes(9)
    parts = b"".join(
        bytes((one, sampling if one == 1 else 0x11, 0)) for one in range(1, samples + 1)
    )
    head = struct.pack(">BHHB", 8, rows, columns, samples) + parts
    frame_header = struct.pack(">BBH", 0xFF, frame, len(head) + 2) + head
    scan = struct.pack(">BBH", 0xFF, 0xDA, 8) + b"\1\1\0\0\x3f\0"
    return b"\xff\xd8\xff" + application + frame_header + scan + body + b"\xff\xd9"


def test_a_file_becomes_an_object_with_its_stream_byte_for_byte(tmp_path):
    (tmp_path / "b.JPG").write_bytes(jpeg(body=b"odd"))
    (tmp_path / "a.jpeg").write_bytes(jpeg(32, 16, samples=1, sampling=0x11))
    (tmp_path / "half.jpg").write_bytes(jpeg()[:-1])
    (tmp_path / "notes.txt").write_bytes(b"x")
    found, waiting = drop.look(tmp_path)
    assert [one.path.name for one in found] == ["a.jpeg", "b.JPG"]
    assert [one.name for one in waiting] == ["half.jpg"]
    model = drop.sender(load_model(CARD))
    made = [read(written(one, BASELINE), BASELINE) for one in drop.objects(model, EXAM, found)]
    shown = [(one.number("Rows"), one.number("Columns"), one.text("PhotometricInterpretation"))
             for one in made]  # fmt: skip
    assert shown == [(32, 16, "MONOCHROME2"), (48, 64, "YBR_FULL_422")]
    assert [streams(one.raw("PixelData"))[0].rstrip(b"\0") for one in made] == [
        one.stream for one in found
    ]
    assert made[0].text("PatientID") == EXAM.person.patient_id
    assert [check(one, BASELINE, one.text("SOPInstanceUID")) for one in made] == [[], []]


def test_a_few_bytes_that_claim_a_great_picture_take_no_room(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(65535, 65535))
    found, _ = drop.look(tmp_path)
    tracemalloc.start()
    (made,) = drop.objects(drop.sender(load_model(CARD)), EXAM, found)
    assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    tracemalloc.stop()
    assert (made.number("Rows"), made.number("Columns")) == (65535, 65535)


def test_the_same_file_is_the_same_object_and_another_is_another(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    model = load_model(CARD)

    def sop():
        return drop.objects(model, EXAM, drop.look(tmp_path)[0])[0].text("SOPInstanceUID")

    first = sop()
    assert sop() == first
    path.write_bytes(jpeg(body=b"another"))
    assert sop() != first


@pytest.mark.parametrize(
    "stream",
    [jpeg(frame=0xC2), jpeg(frame=0xC3), jpeg(rows=0), jpeg(samples=2), b"no jpeg\xff\xd9",
     b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xc0\xff\xd9"],
)  # fmt: skip
def test_what_is_no_baseline_jpeg_is_named(tmp_path, stream):
    (tmp_path / "a.jpg").write_bytes(stream)
    with pytest.raises(InputError) as caught:
        drop.look(tmp_path)
    assert caught.value.where.endswith("a.jpg")


def test_a_folder_that_is_not_there_and_a_device_without_pictures(tmp_path):
    with pytest.raises(InputError):
        drop.look(tmp_path / "gone")
    with pytest.raises(InputError, match="ecg-cart"):
        drop.sender(load_model("ecg-cart"))


def test_a_name_is_never_used_for_other_bytes(tmp_path):
    path = tmp_path / "a.jpg"
    for body, good in ((b"one", True), (b"one", True), (b"two", False)):
        path.write_bytes(jpeg(body=body))
        (found,) = drop.look(tmp_path)[0]
        if good:
            drop.taken(found)
            assert not path.exists()
        else:
            with pytest.raises(PeerError, match=r"a\.jpg"):
                drop.taken(found)
            assert path.exists()


@pytest.mark.slow
def test_what_the_pacs_took_leaves_the_folder_and_the_rest_stays(tmp_path, capsys):
    desk = desk_module.ImagingDesk(tmp_path)
    try:
        folder = tmp_path / "drop"
        folder.mkdir()
        pacs = desk.addresses["PACS"]
        args = argparse.Namespace(
            model=CARD, pacs=f"MHPACS@{pacs.host}:{pacs.port}", ris="", host="127.0.0.1", port=0,
            seed=3, json=False, expose=False, drop=str(folder),
        )  # fmt: skip
        with pytest.raises(InputError):
            simulate.modality(args)
        for name in ("1.jpg", "2.jpg"):
            (folder / name).write_bytes(jpeg(body=name.encode()))
        (folder / "3.jpg").write_bytes(jpeg()[:40])
        assert simulate.modality(args) == 0
        assert sorted(one.name for one in folder.iterdir()) == ["3.jpg", drop.SENT]
        assert sorted(one.name for one in (folder / drop.SENT).iterdir()) == ["1.jpg", "2.jpg"]
        said = capsys.readouterr().out
        assert "C-STORE 0000" in said
        rows = list(desk.systems["PACS"].archive.store.rows("SELECT * FROM instances"))
        assert len(rows) == 2
    finally:
        desk.stop()
