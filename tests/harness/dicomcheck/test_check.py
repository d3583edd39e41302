"""Objects checked offline: what our devices make is valid, and each rule can fail."""

import json
from datetime import datetime

import pytest

from harness import people
from harness.cli import main
from harness.dicomcheck import tables
from harness.dicomcheck.across import across, carried
from harness.dicomcheck.check import as_sent, check
from harness.link import dicom_pixels as px
from harness.link.dicom_data import EXPLICIT, DataSet, encode
from harness.link.dicom_file import write_file
from harness.link.dicom_pixels import RLE
from simulators.modality.compress import compress, fill
from simulators.modality.images import Exam, instance
from simulators.modality.model import known_models, load_model

CT = "1.2.840.10008.5.1.4.1.1.2"


def made(device="ct-helical", number=1, seed=1) -> DataSet:
    exam = Exam(person=people.generate(seed, 0), study=f"2.25.{seed}", accession="A1",
                procedure_id="P1", step_id="S1", description="胸部平扫",
                moment=datetime(2026, 1, 5, 8, 0))  # fmt: skip  # noqa: DTZ001 - DICOM writes local times
    return instance(load_model(device), exam, number)


def found(data: DataSet, syntax=EXPLICIT):
    return {(one.rule, one.path) for one in check(as_sent(data), syntax)}


@pytest.mark.parametrize("device", known_models())
def test_what_our_devices_make_is_valid(device):
    objects = [(str(number), as_sent(made(device, number))) for number in (1, 2, 3)]
    model = load_model(device)
    syntax = model.syntaxes[0] if model.payload == "video" else EXPLICIT
    assert not [one for _, data in objects for one in check(data, syntax)]
    assert not list(across(objects))


TYPES = {
    "PatientName": "2", "PatientID": "2", "StudyInstanceUID": "1", "SeriesInstanceUID": "1",
    "Modality": "1", "SOPClassUID": "1", "SOPInstanceUID": "1", "Rows": "1", "BitsStored": "1",
    "ImagePositionPatient": "1", "ImageOrientationPatient": "1", "PixelSpacing": "1",
    "FrameOfReferenceUID": "1", "KVP": "2", "RescaleSlope": "1", "ReferringPhysicianName": "2",
    "SliceThickness": "2", "AcquisitionNumber": "2", "ImageType": "1", "AccessionNumber": "2",
}  # fmt: skip
"""Of a CT image, typed from PS3.3: C.7.1.1, C.7.2.1, C.7.3.1, C.7.4.1, C.7.6.2, C.7.6.3, C.8.2.1,
C.12.1."""


@pytest.mark.parametrize("name", sorted(set(TYPES) - {"SOPClassUID"}))
def test_an_attribute_that_is_missing_is_found_with_its_type(name):
    data = made()
    data.drop(name)
    assert f"type-{TYPES[name]}" in {rule for rule, _ in found(data)}


@pytest.mark.parametrize("name", ["StudyInstanceUID", "Modality", "ImageType", "PixelSpacing"])
def test_an_empty_attribute_of_type_1_is_found(name):
    data = made()
    data.set(name, "")
    assert "type-1-empty" in {rule for rule, _ in found(data)}
    data = made()
    data.set("KVP", "")  # type 2
    assert not found(data)


def test_a_nested_attribute_is_found_with_its_item():
    data = made("ecg-cart")
    data.items("WaveformSequence")[0].drop("SamplingFrequency")
    assert ("type-1", "(5400,0100)[1].(003A,001A)") in found(data)


def change(**values):
    def broken():
        data = made(values.pop("device", "ct-helical"))
        for name, value in values.items():
            data.set(name, value)
        return data

    return broken


WRONG = [
    (change(StudyDate="2026-01-05"), ("value", "(0008,0020)")),
    (change(StudyDate="20261305"), ("value", "(0008,0020)")),
    (change(StudyTime="2460"), ("value", "(0008,0030)")),
    (change(SeriesInstanceUID="2.25.01"), ("value", "(0020,000E)")),
    (change(SeriesInstanceUID="2.25." + "1" * 60), ("length", "(0020,000E)")),
    (change(AccessionNumber="A" * 17), ("length", "(0008,0050)")),
    (change(PatientSex="男"), ("value", "(0010,0040)")),
    (change(PatientName="T" * 65), ("length", "(0010,0010)")),
    (change(BitsStored=17), ("pixels", "(0028,0101)")),
    (change(HighBit=15), ("pixels", "(0028,0102)")),
    (change(PhotometricInterpretation="RGB"), ("pixels", "(0028,0004)")),
    (change(Rows=63), ("pixels", "(7FE0,0010)")),
    (change(LossyImageCompression="01"), ("type-1C", "(0028,2112)")),
    (change(WindowCenter="40"), ("type-1C", "(0028,1051)")),
]


@pytest.mark.parametrize(("broken", "finding"), WRONG)
def test_a_wrong_value_is_found_at_its_place(broken, finding):
    data = broken()
    if finding[1] == "(0010,0040)":
        data.set("PatientSex", "男".encode("gb18030"))
    assert finding in found(data)


def test_text_that_is_not_in_its_character_set_is_found():
    data = made()
    data.set("SpecificCharacterSet", "ISO_IR 192")
    data.set("PatientName", "张三".encode("gb18030"))
    rules = {(one.rule, one.path) for one in check(as_sent(data))}
    assert ("character-set", "(0010,0010)") in rules
    data = made("dx-room")
    data.set("PatientName", "张三".encode("gb18030"))
    data.set("InstitutionName", "T")
    data.set("StudyDescription", "T")
    data.drop("SpecificCharacterSet")
    assert ("type-1C", "(0008,0005)") in found(data)


def test_a_compressed_object_must_fit_its_syntax():
    data = made("us-cart")
    compress(data, RLE)
    assert not found(data, RLE)
    assert ("pixels", "(7FE0,0010)") in found(data, EXPLICIT)
    assert ("pixels", "(7FE0,0010)") in found(made("us-cart"), RLE)
    assert ("pixels", "(0028,2110)") in found(data, "1.2.840.10008.1.2.4.91")


STREAMS = {  # what is stored, and as what it must not be sent
    px.BASELINE: ("us-cart", px.JPEG_LOSSLESS),
    px.EXTENDED: ("ct-helical", px.BASELINE),
    px.JPEG_LOSSLESS_ANY: ("ct-helical", px.JPEG_LOSSLESS),
    px.JPEG_LOSSLESS: ("ct-helical", px.EXTENDED),
    px.JPEG_LS: ("us-cart", px.JPEG_2000),
    px.JPEG_LS_NEAR: ("ct-helical", px.JPEG_LS),
    px.JPEG_2000: ("ct-helical", px.HTJ2K_LOSSY),
    px.JPEG_2000_LOSSY: ("ct-helical", px.JPEG_2000),
    px.HTJ2K: ("ct-helical", px.HTJ2K_RPCL),
    px.HTJ2K_RPCL: ("ct-helical", px.JPEG_2000_LOSSY),
    px.HTJ2K_LOSSY: ("ct-helical", px.JPEG_LS_NEAR),
}


@pytest.mark.parametrize("syntax", sorted(STREAMS))
def test_a_stream_must_be_of_its_syntax_size_and_depth(syntax):
    device, other = STREAMS[syntax]
    if not px.available(syntax):
        pytest.skip("the extra imaging-codecs")
    data = made(device)
    fill(data, "outer")
    compress(data, syntax)
    assert not found(data, syntax)
    assert ("pixels", "(7FE0,0010)") in found(data, other)
    deeper = {"BitsAllocated": 16, "BitsStored": 14, "HighBit": 13}
    for change in ({"Rows": 63}, {"SamplesPerPixel": 2}, deeper):
        wrong = made(device)
        fill(wrong, "outer")
        compress(wrong, syntax)
        for keyword, value in change.items():
            wrong.set(keyword, value)
        assert ("pixels", "(7FE0,0010)") in found(wrong, syntax), change
    data.set("PixelData", px.fragments([b"\xff\xd8\xff\xc3\0\x0b"]), "OB")
    assert ("pixels", "(7FE0,0010)") in found(data, syntax)


def test_rules_between_objects_can_fail():
    first, second = made(number=1), made(number=2)
    second.set("SOPInstanceUID", first.text("SOPInstanceUID"))
    second.set("PatientID", "OTHER")
    second.set("FrameOfReferenceUID", "2.25.99")
    second.set("ImagePositionPatient", first.text("ImagePositionPatient"))
    objects = [("a", as_sent(first)), ("b", as_sent(second))]
    assert {(one.rule, one.path) for one in across(objects)} >= {
        ("repeated", "(0008,0018)"), ("differs", "(0010,0020)"), ("differs", "(0020,0052)"),
        ("position", "(0020,0032)")}  # fmt: skip
    due = {"AccessionNumber": "A2", "PatientID": first.text("PatientID")}
    assert [(one.about, one.path) for one in carried(objects, due)] == [
        ("a", "(0008,0050)"), ("b", "(0010,0020)"), ("b", "(0008,0050)")]  # fmt: skip


def test_the_tables_know_every_class_that_the_pacs_takes():
    from simulators.hospital.pacs import STORAGE

    assert set(STORAGE) <= set(tables.known_classes())
    assert all(tables.rules(one) for one in STORAGE)
    assert tables.rules(CT)[0].clause.startswith("PS3.3")
    data = made()
    data.set("SOPClassUID", "1.2.3")
    assert ("class", "(0008,0016)") in found(data)


def test_every_finding_names_its_clause():
    data = DataSet.of({"SOPClassUID": CT})
    each = check(as_sent(data))
    assert len(each) > 20
    assert all(one.clause.startswith("PS3.") and one.message and one.path for one in each)


def test_the_command_reads_files_and_says_what_is_wrong(tmp_path, capsys):
    good, bad = made(number=1), made(number=2)
    bad.drop("ImagePositionPatient")
    for name, data in (("good.dcm", good), ("bad.dcm", bad)):
        body = encode(data, explicit=True)
        whole = write_file(body, data.text("SOPClassUID"), data.text("SOPInstanceUID"))
        (tmp_path / name).write_bytes(whole)
    assert main(["objects", str(tmp_path / "good.dcm"), "--lang", "en"]) == 0
    assert main(["objects", str(tmp_path), "--lang", "en", "--json"]) == 1
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["objects"], said["unreadable"]) == (2, 0)
    assert [(one["rule"], one["path"]) for one in said["findings"]] == [("type-1", "(0020,0032)")]
    (tmp_path / "other.dcm").write_bytes(b"GIF89a")
    assert main(["objects", str(tmp_path / "other.dcm"), "--lang", "en"]) == 1
    assert main(["objects", str(tmp_path / "none"), "--lang", "en"]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["objects", str(tmp_path / "empty"), "--lang", "en"]) == 3
    entry = tmp_path / "entry.json"
    entry.write_text(json.dumps({"AccessionNumber": "A2"}), "utf-8")
    good_one = str(tmp_path / "good.dcm")
    assert main(["objects", good_one, "--worklist", str(entry), "--lang", "en"]) == 1
