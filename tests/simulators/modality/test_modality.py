"""Devices as data, their images, matching of keys, and a whole examination of every profile."""

import argparse
import hashlib
from dataclasses import replace

import imaging_desk as desk_module
import pytest

from harness import people
from harness.errors import InputError
from harness.link.dicom_data import EXPLICIT, IMPLICIT, decode, encode
from simulators.hospital.pacs_match import matches
from simulators.modality import simulate
from simulators.modality.images import Exam, instance, uid
from simulators.modality.modality import Receiver
from simulators.modality.model import known_models, load_model


@pytest.fixture
def desk(tmp_path):
    made = desk_module.ImagingDesk(tmp_path)
    yield made
    assert made.stop() == ([], [])


def test_there_are_enough_devices_of_enough_kinds():
    models = [load_model(name) for name in known_models()]
    assert len(models) >= 14
    assert {"CT", "MR", "DX", "US", "MG", "ES", "ECG"} <= {model.modality for model in models}
    assert len({model.ae_title for model in models}) == len(models)


@pytest.mark.slow
@pytest.mark.parametrize("name", known_models())
def test_a_whole_examination_of_every_device(desk, name):
    device = desk.device(name)
    model = device.model
    kind = "ordinary"
    exam = desk.exam(name, kind)
    listed = device.worklist(
        {"PatientID": exam.person.patient_id}, {"Modality": model.modality}, "ISO_IR 192"
    )
    assert len(listed) == 2
    found = listed[0].data()
    assert found.text("PatientName") == f"TEST^{exam.person.patient_id}={exam.person.name}"
    assert found.text("StudyInstanceUID") == exam.study
    assert device.begin("2.25.1", [exam]).ok
    objects = desk.objects(device, exam)
    assert [one.shown for one in device.store(objects).values()] == ["0000"] * model.images
    assert device.finish("2.25.1", exam).ok
    assert len(device.worklist({}, {})) == 1
    receiver = desk.receivers[name]
    assert device.get(exam.study, receiver)[-1].ok
    assert {
        request.sop_instance: hashlib.sha256(request.payload).hexdigest()
        for request in receiver.stored.values()
    } == {
        one.text("SOPInstanceUID"): hashlib.sha256(
            encode(one, explicit=receiver.stored[one.text("SOPInstanceUID")].syntax != IMPLICIT)
        ).hexdigest()
        for one in objects
    }


def test_pixels_hold_both_extremes_and_the_stored_bits_only():
    model = load_model("ct-helical")
    person = people.generate(1, 0)
    exam = Exam(
        person=person,
        study="1.2",
        accession="A",
        procedure_id="P",
        step_id="S",
        description="d",
        moment=desk_module.datetime(2026, 1, 1),
    )
    data = instance(model, exam, 1)
    raw = encode(data, explicit=True)
    pixels = decode(raw, explicit=True).raw("PixelData")
    assert len(pixels) == 64 * 64 * 2
    values = [int.from_bytes(pixels[at : at + 2], "little") for at in range(0, len(pixels), 2)]
    assert (min(values), max(values)) == (0, 4095)
    other = instance(model, exam, 2)
    assert other.elements[0x7FE00010] != data.elements[0x7FE00010]


def test_uids_are_legal():
    """PS3.5 §9.1: at most 64 characters, components without leading zeros."""
    for name in known_models():
        model = load_model(name)
        exam = Exam(
            person=people.generate(1, 0),
            study=uid("s"),
            accession="A",
            procedure_id="P",
            step_id="S",
            description="d",
            moment=desk_module.datetime(2026, 1, 1),
        )
        made = instance(model, exam, 1).text("SOPInstanceUID")
        assert len(made) <= 64
        assert all(part == "0" or part[0] != "0" for part in made.split("."))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('mpps = "often"', "mpps"),
        ("colour = 1", "colour"),
        ("bits_stored = 20", "device"),
        ('charset = "BIG5"', "device"),
        ("rows = 100000", "device"),
    ],
)
def test_a_device_that_cannot_be_is_refused(tmp_path, line, word):
    path = tmp_path / "odd.toml"
    path.write_text(
        'title = "t"\nmodality = "CT"\nae_title = "A"\nsop_class = "1.2"\n'
        f'syntaxes = ["1.2.840.10008.1.2"]\n{line}\n',
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=word):
        load_model(str(path))


def test_an_unknown_device_names_the_known_ones():
    with pytest.raises(InputError) as caught:
        load_model("nothing")
    assert "ct-helical" in caught.value.remedy


@pytest.mark.parametrize(
    ("vr", "key", "value", "fits"),
    [
        # PS3.4 §C.2.2.2: universal, single value, wildcard, range, list of UIDs
        ("LO", "", "x", True),
        ("LO", "a", "b", False),
        ("LO", "a*", "abc", True),
        ("LO", "a?c", "abc", True),
        ("LO", "a?", "abc", False),
        ("UI", "1.2\\1.3", "1.3", True),
        ("UI", "1.*", "1.3", False),
        ("DA", "20260101-20260131", "20260131", True),
        ("DA", "20260101-", "20251231", False),
        ("DA", "-20260101", "20260101", True),
        ("DA", "20260101", "20260102", False),
        ("DA", "20260101-", "", False),
        ("TM", "080000-0900", "083000", True),
        ("TM", "0800-0900", "090100", False),
        ("TM", "000000", "000000", True),
        ("TM", "000000", "080000", False),
        ("TM", "10", "100000", True),
        ("TM", "100000", "120000", False),
        ("TM", "1000", "100000.00", True),
        ("TM", "100000", "100000.5", False),
        ("TM", "080000-", "075959", False),
        ("TM", "-080000", "080000", True),
        ("PN", "wang^*", "Wang^Xiao=王^小", True),
        ("PN", "*王*", "Wang^Xiao=王^小", True),
        ("PN", "王^小", "Wang^Xiao=王^小", True),
        ("PN", "李*", "Wang^Xiao=王^小", False),
        ("CS", "CT", "CT\\MR", True),
        ("PN", "A^B^^", "A^B", True),
    ],
)
def test_keys_match_as_the_standard_says(vr, key, value, fits):
    assert matches(vr, key, value) is fits


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "taken"), [(EXPLICIT, IMPLICIT), (IMPLICIT, EXPLICIT)])
def test_the_pacs_converts_for_who_takes_only_the_other_plain_syntax(desk, sent, taken):
    device = desk.device("ct-helical")
    exam = desk.exam("ct-helical")
    objects = desk.objects(device, exam)
    device.model = replace(device.model, syntaxes=(sent,))
    assert [one.shown for one in device.store(objects).values()] == ["0000"] * len(objects)
    device.model = replace(device.model, syntaxes=(taken,))
    receiver = Receiver()
    assert device.get(exam.study, receiver)[-1].ok
    assert {one.syntax for one in receiver.stored.values()} == {taken}
    for one in objects:
        came = receiver.stored[one.text("SOPInstanceUID")].data()
        assert came.raw("PixelData") == one.elements[0x7FE00010][1]


def command_line(**more):
    given = {
        "model": "ct-helical",
        "pacs": "",
        "ris": "",
        "host": "127.0.0.1",
        "port": 0,
        "seed": 7,
        "json": False,
        "expose": False,
    }
    return argparse.Namespace(**{**given, **more})


@pytest.mark.slow
def test_one_examination_from_the_command_line(desk, capsys):
    places = {
        role.lower(): f"MH{role}@{address.host}:{address.port}"
        for role, address in desk.addresses.items()
    }
    desk.systems["PACS"].archive.store.commit([])
    code = simulate.modality(command_line(model="us-cart", **places))
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("ready MHUS1 127.0.0.1:")
    assert "C-STORE 0000" in shown
    # The PACS was never told where this device listens, so no report can come.
    assert code == 1
    assert any(line.startswith("N-EVENT-REPORT") for line in shown)
    assert simulate.modality(command_line(model="es-tower", **places)) == 0


def test_the_list_of_devices_needs_no_peer(capsys):
    assert simulate.modality(command_line(model="list")) == 0
    assert "ecg-cart" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "PACS", "A@b:0", "A@b:70000", "TOOLONGTITLE12345@b:1"])
def test_a_peer_that_is_none_is_refused(text):
    with pytest.raises(InputError):
        simulate.modality(command_line(pacs=text))


def test_a_peer_beyond_this_machine_must_be_meant():
    with pytest.raises(InputError, match=r"192\.0\.2\.1"):
        simulate.modality(command_line(pacs="A@192.0.2.1:104"))
