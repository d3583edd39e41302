"""The JSON model and the files of DICOM, beside pydicom: it writes no line of ours."""

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from harness.errors import PeerError
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, decode, encode
from harness.link.dicom_file import read_file, write_file
from harness.link.dicom_json import flat, text_of, to_json

SAMPLES = ["CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "rtplan.dcm", "test-SR.dcm",
           "SC_rgb_small_odd.dcm", "waveform_ecg.dcm", "examples_palette.dcm"]  # fmt: skip


def texts(found):
    """Strings without their padding, which JSON need not keep."""
    return {path: value.rstrip() for path, value in found.items()}


def of_pydicom(read):
    """Its JSON, without what it adds or cannot hold: groups of the meta header."""
    made = read.to_json_dict()
    return {tag: value for tag, value in made.items() if not tag.startswith("0002")}


@pytest.mark.parametrize("name", SAMPLES)
def test_real_objects_give_the_values_that_pydicom_reads(name):
    path = get_testdata_file(name)
    file = read_file(Path(path).read_bytes())

    ours = texts(flat(to_json(file.data())))
    theirs = texts(flat(of_pydicom(pydicom.dcmread(path))))

    assert len(ours) > 20
    differ = {path: (ours.get(path), theirs.get(path)) for path in {*ours, *theirs}
              if ours.get(path) != theirs.get(path)}  # fmt: skip
    differ.pop("(0008,0005)", None)  # ours is in UTF-8, whatever the object was in
    private = [one for one in differ if int(one[1:5], 16) % 2 or "," not in one]
    assert not {one: differ[one] for one in differ if one not in private}


def test_names_leave_their_character_set():
    data = DataSet.of({"SpecificCharacterSet": "GB18030", "PatientName": "TEST^A=张三丰𠮷"})
    sent = decode(encode(data, explicit=True), explicit=True)

    made = to_json(sent)

    assert made["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert made["00100010"] == {
        "vr": "PN", "Value": [{"Alphabetic": "TEST^A", "Ideographic": "张三丰𠮷"}],
    }  # fmt: skip
    assert text_of(made, "PatientName") == "TEST^A=张三丰𠮷"


def test_values_that_a_number_would_change_stay_texts():
    data = DataSet.of({"SliceThickness": "1.50", "ImagePositionPatient": "1\\-2.5\\0.30"})
    made = to_json(decode(encode(data, explicit=True), explicit=True))

    assert made["00180050"]["Value"] == ["1.50"]
    assert made["00200032"]["Value"] == [1, -2.5, "0.30"]


def test_long_values_get_a_link_and_short_ones_stand_there():
    data = DataSet.of({"PixelData": b"\1" * 2000})
    data.set(0x00111002, b"\1\2", "OB")

    made = to_json(data, lambda path: f"/x/{path}")

    assert made["7FE00010"] == {"vr": "OW", "BulkDataURI": "/x/7FE00010"}
    assert made["00111002"] == {"vr": "OB", "InlineBinary": "AQI="}


# ---- files


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_file_of_ours_is_read_by_pydicom_and_by_us(syntax):
    data = DataSet.of({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "2.25.5",
                       "PatientID": "MH1"})  # fmt: skip
    body = encode(data, explicit=syntax == EXPLICIT)

    whole = write_file(body, data.text("SOPClassUID"), "2.25.5", syntax)

    read = pydicom.dcmread(BytesIO(whole))
    assert (read.file_meta.TransferSyntaxUID, read.SOPInstanceUID, read.PatientID) == (
        syntax, "2.25.5", "MH1",
    )  # fmt: skip
    assert read.file_meta.FileMetaInformationGroupLength > 0
    assert (read_file(whole).body, read_file(whole).syntax) == (body, syntax)


@pytest.mark.parametrize(
    "data",
    [b"", b"DICM", b"\0" * 128 + b"DICX", b"\0" * 128 + b"DICM",
     b"\0" * 128 + b"DICM\x02\0\0\0UL\4\0", b"\0" * 128 + b"DICM\x02\0\1\0OB\0\0\xff\xff\xff\xff"],
)  # fmt: skip
def test_what_is_no_file_is_refused(data):
    with pytest.raises(PeerError):
        read_file(data)
