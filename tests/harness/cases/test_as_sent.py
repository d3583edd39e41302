"""What a system gives back is held beside what it was given: the signature of a fault in pixels."""

from __future__ import annotations

import hashlib
import tomllib
from types import SimpleNamespace

import pytest

from harness.cases import faults
from harness.cases.as_sent import AS_SENT, comparing, mapped, sent_of
from harness.cases.deidentify import Piece, deidentify
from harness.cases.dicom_about import values
from harness.cases.identity import load as places
from harness.cases.kept import Line, load
from harness.cases.pseudonyms import Pseudonyms
from harness.cases.replay import replay
from harness.cases.slots import Slots
from harness.cases.stage import Manner
from harness.cli import main
from harness.link import dicom_pixels
from harness.link.dicom_data import EXPLICIT, DataSet, encode
from harness.link.dicom_pixels import RLE, Shape
from harness.profile import load_profile
from harness.wire import dicom_box
from harness.wire import dicom_command as command
from simulators.modality.images import instance
from tests.harness.cases import imaging_day

CT = "1.2.840.10008.5.1.4.1.1.2"
SOP = "2.25.123456789"
FAULT = f"PACS C-STORE-RQ PixelData = {AS_SENT}"
DEFECT = "pacs-alters-pixels"
SHAPE = Shape(rows=4, columns=6)
PIXELS = bytes(range(48))


def stored(pixels=PIXELS, sop=SOP, syntax=EXPLICIT, name="A^B"):
    """A C-STORE of an image of four rows."""
    data = DataSet.of({"SOPInstanceUID": sop, "PatientName": name, "SamplesPerPixel": 1,
                       "PhotometricInterpretation": "MONOCHROME2", "Rows": 4, "Columns": 6,
                       "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
                       "PixelRepresentation": 0})  # fmt: skip
    if pixels is not None:
        data.set(0x7FE00010, dicom_pixels.encode(pixels, SHAPE, syntax), "OW")
    return dicom_box.Boxed(
        association="a", context=1, syntax=syntax, body=encode(data, explicit=True),
        command={command.FIELD: 1, command.MESSAGE_ID: 1, command.AFFECTED_CLASS: CT,
                 command.AFFECTED_INSTANCE: sop, command.DATA_SET_TYPE: 1},
    ).encode()  # fmt: skip


def seen(heard, sent, text=FAULT):
    """What a replay shows that sent one object and heard another."""
    line = Line(number=1, at_s=0.0, frm="modality", to="PACS", protocol="dicom", ident="a/1",
                kind="C-STORE-RQ", corr={"sop": SOP}, link="modality-pacs", payload=sent)  # fmt: skip
    slots = Slots.of([line], ["modality"], "salt")
    payload = slots.filled(heard)
    one = SimpleNamespace(frm="PACS", kind="C-STORE-RQ", ident="b/1", protocol="dicom",
                          payload=payload, refusing=False)  # fmt: skip
    beside = comparing(sent_of([line], "PACS", slots), slots)
    return faults.look(faults.parse(text), [one], lambda name: None, beside)


CHANGED = PIXELS[:-1] + b"\xff"


def test_an_image_that_comes_back_is_the_one_that_was_sent_or_it_is_not():
    same, other = seen(stored(), stored()), seen(stored(CHANGED), stored())

    assert (same.values, same.shows) == ((AS_SENT,), False)
    assert other.shows
    assert other.values == (hashlib.sha256(CHANGED).hexdigest()[:16],)


def test_it_may_come_in_another_syntax():
    assert not seen(stored(syntax=RLE), stored()).shows
    assert not seen(stored(), stored(syntax=RLE)).shows
    assert seen(stored(CHANGED, syntax=RLE), stored()).shows


def test_an_image_without_its_pixels_is_another():
    assert seen(stored(None), stored()).shows


def test_what_nobody_sent_is_not_judged():
    assert not seen(stored(sop="2.25.99999"), stored()).judged
    assert not seen(stored(), stored(None)).judged


def test_any_other_place_of_an_object_can_be_held_beside_what_was_sent():
    fault = f"PACS C-STORE-RQ PatientName = {AS_SENT}"

    assert not seen(stored(CHANGED), stored(), fault).shows
    assert seen(stored(name="A^C"), stored(), fault).values == ("A^C",)


def test_a_fault_that_names_pixels_by_their_digest_names_those_of_the_case():
    before = [stored(), stored(CHANGED)]
    after = deidentify([Piece("dicom", one) for one in before], Pseudonyms(b"k" * 32),
                       places()).payloads  # fmt: skip
    digests = [values(one, "PixelData")[0] for one in before]

    text = mapped(f"PACS C-STORE-RQ PixelData = {digests[0]}", before, after)

    assert text == f"PACS C-STORE-RQ PixelData = {values(after[0], 'PixelData')[0]}"
    assert digests[0] not in text
    assert values(after[0], "PixelData") != values(after[1], "PixelData")
    assert mapped("RIS C-FIND-RSP PatientID = 1", before, after) == "RIS C-FIND-RSP PatientID = 1"


class Retrieving(imaging_day.Day):
    """A day on which images are stored, and brought back."""

    def examine(self, device, exam, listening):
        device.store([instance(device.model, exam, number) for number in (1, 2)])
        device.get(exam.study, listening)


@pytest.mark.slow
def test_a_fault_in_pixels_is_taken_played_and_kept(tmp_path):
    exam = imaging_day.exam_of(1, 1)
    day = Retrieving(tmp_path / "day", [DEFECT], capture=False)
    day.run(1, screen=True)
    out = tmp_path / "case"

    code = main(["case", "take", str(day.path), "--about", exam.accession, "--out", str(out),
                 "--fault", FAULT, "--lang", "en"])  # fmt: skip

    assert code == 0
    case, site = load(out), load_profile("builtin")
    assert tomllib.loads((out / "manifest.toml").read_text("utf-8"))["faults"] == [FAULT]
    red = replay(case, site, manner=Manner(defects=(DEFECT,)), times=1, needed=1)
    green = replay(case, site, manner=Manner(), times=1, needed=1)
    assert (red.exit_code, green.exit_code) == (1, 0), green.data()
    (one,) = green.runs[0].seen
    assert one.values == (AS_SENT, AS_SENT)
