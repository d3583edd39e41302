"""Chinese text in DICOM: the examples of the standard, the traps of GBK, and what libraries lose."""

from __future__ import annotations

import pydicom.charset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.wire.dicom_text import CHARACTER_SETS, decode, encode

# PS3.5 annex K.2, character for character: a name in ISO 2022 IR 58.
K2_TEXT = "Zhang^XiaoDong=张^小东="
K2_BYTES = bytes.fromhex("5A68616E67 5E 5869616F446F6E67 3D 1B242941 D5C5 5E 1B242941 D0A1B6AB 3D")
# PS3.5 annex J.3 (GB18030) and J.1 (UTF-8): Wang^XiaoDong=王^小东=
J3_TEXT = "Wang^XiaoDong=王^小东="
J3_BYTES = bytes.fromhex("57616E67 5E 5869616F446F6E67 3D CDF5 5E D0A1B6AB 3D")
J1_BYTES = bytes.fromhex("57616E67 5E 5869616F446F6E67 3D E78E8B 5E E5B08FE4B89C 3D")
TRAPS = "乗昞誠淺琝鈂錦昢館絹証觀醊珅瑋晐縷軀"


@pytest.mark.parametrize(
    ("text", "sets", "data"),
    [
        (K2_TEXT, ["", "ISO 2022 IR 58"], K2_BYTES),
        (J3_TEXT, ["GB18030"], J3_BYTES),
        (J3_TEXT, ["GBK"], J3_BYTES),
        (J3_TEXT, ["ISO_IR 192"], J1_BYTES),
        ("Müller^X", ["ISO_IR 100"], b"M\xfcller^X"),
        ("PLAIN", [], b"PLAIN"),
    ],
)
def test_names_as_the_standard_writes_them(text, sets, data):
    assert encode(text, sets, "PN") == data
    assert decode(data, sets, "PN").value == text
    assert decode(data, sets, "PN").problems == []


def test_pydicom_cannot_read_that_name_back():
    """Once this fails, the library was mended, and this room may shrink."""
    theirs = pydicom.charset.encode_string(K2_TEXT, ["iso8859", "iso_ir_58"])

    assert theirs != K2_BYTES
    assert pydicom.charset.decode_bytes(K2_BYTES, ["iso8859", "iso_ir_58"], set("\\^=")) != K2_TEXT


@pytest.mark.parametrize("sets", [["GBK"], ["GB18030"], ["ISO_IR 192"]])
def test_second_bytes_that_look_like_delimiters(sets):
    for char in TRAPS:
        data = encode(f"{char}^{char}", sets, "PN")
        assert decode(data, sets, "PN").value == f"{char}^{char}"


def test_each_value_and_each_part_is_designated_anew():
    data = encode("胸部\\CT检查\n增强", ["", "ISO 2022 IR 58"], "LO")

    assert data.count(b"\x1b$)A") == 3
    assert decode(data, ["", "ISO 2022 IR 58"], "LO").value == "胸部\\CT检查\n增强"


@pytest.mark.parametrize(
    ("text", "sets"),
    [("䶮", ["GBK"]), ("𠮷", ["GBK"]), ("㐂", ["", "ISO 2022 IR 58"]), ("王", [""]),
     ("王", ["ISO_IR 100"]), ("x", ["ISO_IR 999"])],
)  # fmt: skip
def test_nothing_is_replaced_in_silence(text, sets):
    with pytest.raises(InputError):
        encode(text, sets, "PN")


@pytest.mark.parametrize(
    ("data", "sets", "codes", "value"),
    [
        (J3_BYTES, [], ["undecodable"], None),
        (J3_BYTES, ["ISO_IR 192"], ["undecodable"], None),
        (b"\xd5\xc5^\xd0\xa1", ["", "ISO 2022 IR 58"], ["missing-escape", "missing-escape"],
         "张^小"),
        (b"\x1b$)A\xd5\xc5^\xd0\xa1", ["", "ISO 2022 IR 58"], ["missing-escape"], "张^小"),
        (b"\x1b$)C\xd5\xc5", ["", "ISO 2022 IR 58"], ["escape-unknown", "missing-escape"], "张"),
        (b"\x1b$)A\xd5", ["", "ISO 2022 IR 58"], ["undecodable"], None),
        (J3_BYTES, ["GB18030", "ISO 2022 IR 58"], ["set-not-alone"], None),
        (J3_BYTES, ["gbk_alias"], ["set-unknown", "undecodable"], None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(data, sets, codes, value):
    text = decode(data, sets, "PN")

    assert [each.code for each in text.problems] == codes
    if value is not None:
        assert text.value == value


@given(st.text(alphabet=st.sampled_from(TRAPS + "张小东王AB^=\\ \n"), max_size=30),
       st.sampled_from([["GB18030"], ["GBK"], ["ISO_IR 192"]]))  # fmt: skip
def test_what_is_written_is_read(text, sets):
    value = decode(encode(text, sets, "LT"), sets, "LT")

    assert value.value == text.rstrip(" ")
    assert not value.problems


@given(st.text(alphabet=st.sampled_from("张小东王检查胸部AB^=\\ \n"), max_size=30),
       st.sampled_from(["PN", "LO", "LT"]))  # fmt: skip
def test_what_is_written_with_escapes_is_read(text, vr):
    value = decode(encode(text, ["", "ISO 2022 IR 58"], vr), ["", "ISO 2022 IR 58"], vr)

    assert value.value == text.rstrip(" ")
    assert not value.problems


@given(st.binary(max_size=40), st.lists(st.sampled_from(CHARACTER_SETS), max_size=3))
def test_any_bytes_are_read(data, sets):
    decode(data, sets, "PN")
