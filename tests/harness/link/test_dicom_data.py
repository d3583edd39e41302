"""Data sets as bytes: against bytes typed from PS3.5, against pydicom, and against garbage."""

import contextlib
from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError, PeerError
from harness.link import dicom_data as dd
from harness.link.dicom_data import DataSet


def test_explicit_little_endian_is_what_the_standard_shows():
    """PS3.5 §7.1.2: tag, representation, length of two bytes, value padded to an even length."""
    data = DataSet.of({"PatientID": "MH1"})
    assert dd.encode(data, explicit=True) == b"\x10\x00\x20\x00LO\x04\x00MH1 "


def test_implicit_little_endian_has_a_length_of_four_bytes():
    """PS3.5 §7.1.3."""
    data = DataSet.of({"SOPInstanceUID": "1.2"})
    assert dd.encode(data, explicit=False) == b"\x08\x00\x18\x00\x04\x00\x00\x001.2\x00"


def test_long_representations_have_two_reserved_bytes():
    """PS3.5 table 7.1-1."""
    data = DataSet({0x7FE00010: ("OW", b"\x01\x02")})
    assert dd.encode(data, explicit=True) == b"\xe0\x7f\x10\x00OW\x00\x00\x02\x00\x00\x00\x01\x02"


def test_hanzi_in_ir_58_get_their_escape_in_every_group():
    """PS3.5 annex K: the escape is due anew after each ``=``."""
    data = DataSet.of({"SpecificCharacterSet": "\\ISO 2022 IR 58", "PatientName": "A^B=王^东"})
    raw = dd.encode(data, explicit=True)
    assert b"A^B=\x1b$)A\xcd\xf5^\x1b$)A\xb6\xab" in raw
    assert dd.decode(raw, explicit=True).text("PatientName") == "A^B=王^东"


@pytest.mark.parametrize("charset", ["GB18030", "ISO_IR 192", "GBK", "\\ISO 2022 IR 58"])
@pytest.mark.parametrize("explicit", [True, False])
def test_texts_come_back_from_sequences_too(charset, explicit):
    step = DataSet.of({"ScheduledProcedureStepDescription": "胸部平扫"})
    data = DataSet.of(
        {
            "SpecificCharacterSet": charset,
            "PatientName": "A^B=王^小东",
            "ScheduledProcedureStepSequence": [step],
        }
    )
    back = dd.decode(dd.encode(data, explicit=explicit), explicit=explicit)
    assert back.text("PatientName") == "A^B=王^小东"
    inner = back.items("ScheduledProcedureStepSequence")[0]
    assert inner.text("ScheduledProcedureStepDescription", back.character_sets) == "胸部平扫"


def test_pydicom_reads_what_we_write():
    data = DataSet.of(
        {
            "SpecificCharacterSet": "GB18030",
            "PatientName": "A=錦㐂",
            "Rows": 7,
            "ReferencedSOPSequence": [DataSet.of({"ReferencedSOPInstanceUID": "1.2.3"})],
        }
    )
    found = pydicom.dcmread(BytesIO(dd.encode(data, explicit=False)), force=True)
    assert str(found.PatientName) == "A=錦㐂"
    assert found.Rows == 7
    assert found.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3"


def test_sequences_of_undefined_length_are_read():
    """PS3.5 §7.5.2: what most toolkits send."""
    raw = (
        b"\x08\x00\x99\x11SQ\x00\x00\xff\xff\xff\xff"
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        b"\x08\x00\x55\x11UI\x04\x001.2\x00"
        b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
        b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    )
    items = dd.decode(raw, explicit=True).items("ReferencedSOPSequence")
    assert [item.text("ReferencedSOPInstanceUID") for item in items] == ["1.2"]


def test_encapsulated_pixels_stay_as_they_are():
    """PS3.5 §A.4: fragments are kept whole, delimiter included."""
    raw = (
        b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
        b"\xfe\xff\x00\xe0\x00\x00\x00\x00"
        b"\xfe\xff\x00\xe0\x02\x00\x00\x00\xab\xcd"
        b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    )
    pixels = dd.decode(raw, explicit=True).raw("PixelData")
    assert pixels == raw[12:]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x10\x00",
        b"\x10\x00\x10\x00PN\xff\x00A",
        b"\x10\x00\x10\x00\x01\x02\x02\x00AB",
        b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\x08\x00\x18\x00\x00\x00\x00\x00",
    ],
)
def test_a_broken_data_set_is_an_error_with_its_place(raw):
    with pytest.raises(PeerError) as caught:
        dd.decode(raw, explicit=True)
    assert caught.value.offset >= 0


def test_nested_beyond_the_bound_is_refused():
    raw = b""
    for _ in range(dd.DEPTH_MAX + 2):
        item = b"\xfe\xff\x00\xe0" + len(raw).to_bytes(4, "little") + raw
        raw = b"\x08\x00\x99\x11SQ\x00\x00" + len(item).to_bytes(4, "little") + item
    with pytest.raises(PeerError, match=str(dd.DEPTH_MAX)):
        dd.decode(raw, explicit=True)


def test_a_text_that_does_not_fit_is_no_question_mark():
    data = DataSet.of({"SpecificCharacterSet": "GBK", "PatientName": "㐂"})
    with pytest.raises(InputError):
        dd.encode(data, explicit=True)


def test_an_unknown_keyword_is_refused():
    with pytest.raises(InputError, match="PatientNome"):
        DataSet.of({"PatientNome": "x"})


@given(st.binary(max_size=200), st.booleans())
def test_garbage_gives_a_data_set_or_an_error_and_nothing_else(raw, explicit):
    with contextlib.suppress(PeerError):
        dd.decode(raw, explicit=explicit)


@given(
    st.dictionaries(
        st.sampled_from(["PatientID", "StudyDescription", "PatientName"]),
        st.text("甲乙丙丁 a1^=", max_size=20),
    ),
    st.booleans(),
)
def test_every_text_comes_back(values, explicit):
    data = DataSet.of({"SpecificCharacterSet": "GB18030", **values})
    back = dd.decode(dd.encode(data, explicit=explicit), explicit=explicit)
    assert {name: back.text(name) for name in values} == {
        name: value.rstrip(" ") for name, value in values.items()
    }
