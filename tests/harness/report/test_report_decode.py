"""Messages as the report shows them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.decode import (
    FIELDS_MAX,
    HEX_BYTES_MAX,
    VALUE_CHARS_MAX,
    decode,
    encoding_of,
    hex_dump,
)

# HL7 2.5.1 §2.14.9: MSH-1 is the separator, MSH-2 the encoding characters, MSH-9 the type.
HL7 = (
    b"MSH|^~\\&|LIS|H|HIS|H|20260302093003||ORU^R01|M1|P|2.4\r"
    b"OBX|1|NM|GLU||5.62|mmol/L\rOBX|2|NM|K||4.10|mmol/L\r"
)


def values(decoded):
    return {one.path: one.value for one in decoded.fields}


def test_hl7_fields_are_numbered_as_the_standard_does():
    found = values(decode(HL7, "hl7"))

    assert found["MSH[1]-1"] == "|"
    assert found["MSH[1]-2"] == "^~\\&"
    assert found["MSH[1]-9"] == "ORU^R01"
    assert found["OBX[1]-5"] == "5.62"
    assert found["OBX[2]-3"] == "K"
    assert "OBX[1]-4" not in found  # empty fields are not shown


def test_astm_fields_count_the_record_letter_as_the_first():
    # LIS02-A2 §5.4: field 1 of every record is its type; R.4 is the value.
    raw = b"H|\\^&|||SYN-800\rR|1|^^^GLU|5.62|mmol/L\rL|1|N\r"
    found = values(decode(raw, "astm", "utf-8"))

    assert found["H[1].5"] == "SYN-800"
    assert found["R[1].4"] == "5.62"
    assert found["L[1].3"] == "N"


def test_another_separator_is_taken_from_the_header():
    found = values(decode(b"MSH#*~\\&#LIS\rPID###77\r", "hl7"))

    assert found["MSH[1]-1"] == "#"
    assert found["PID[1]-3"] == "77"


def test_a_field_name_has_no_occurrence():
    names = {one.path: one.name for one in decode(HL7, "hl7").fields}

    assert names["OBX[2]-5"] == "OBX-5"


def test_gb18030_text_whose_second_byte_is_a_separator_is_not_split():
    # U+77BD is F8 7C? no: 瞸 in GBK is B2 7C, whose second byte is the field separator "|".
    character = b"\xb2\x7c".decode("gb18030")
    raw = b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1|P|2.4|||||CHN|GB 18030-2000\rPID|1||7||\xb2\x7c\r"

    assert values(decode(raw, "hl7"))["PID[1]-5"] == character


def test_msh_18_chooses_the_encoding():
    head = b"MSH|^~\\&|A|B|C|D|1||ADT^A01|1|P|2.4|||||CHN|"

    assert encoding_of(head + b"GB 18030-2000\rPID|\xd6\xd0\r", "hl7") == "gb18030"
    assert encoding_of(head + b"UNICODE UTF-8\rPID|\xe4\xb8\xad\r", "hl7") == "utf-8"


def test_the_encoding_of_the_trace_wins_if_it_is_one():
    assert encoding_of(b"\xd6\xd0", "astm", "gb18030") == "gb18030"
    assert encoding_of(b"\xe4\xb8\xad", "astm", "no such codec") == "utf-8"


def test_bytes_that_the_encoding_does_not_have_are_shown_and_said():
    decoded = decode(b"H|\xff\xff\r", "astm", "utf-8")

    assert not decoded.clean
    assert values(decoded)["H[1].2"] == "\\xff\\xff"


def test_an_unknown_protocol_is_one_text():
    assert values(decode(b"hello", "raw")) == {"": "hello"}
    assert decode(b"", "raw").fields == ()


def test_damaged_messages_give_what_can_be_seen():
    assert values(decode(b"\x00\n", "hl7")) == {"␀[1]": ""} or decode(b"\x00\n", "hl7")
    assert values(decode(b"PIDX", "hl7")) == {"PID[1]": "PIDX"}
    assert decode(b"\r\n\r\n", "hl7").fields == ()


def test_fields_are_bounded_and_the_rest_is_counted():
    raw = b"OBX" + b"|x" * (FIELDS_MAX + 7)

    decoded = decode(raw, "hl7")

    assert len(decoded.fields) == FIELDS_MAX
    assert decoded.more == 7


def test_values_are_bounded_and_the_rest_is_counted():
    decoded = decode(b"OBX|" + b"y" * (VALUE_CHARS_MAX + 3), "hl7")

    assert decoded.fields[0].value == "y" * VALUE_CHARS_MAX + "… (+3)"


def test_hex_dump_has_offset_bytes_and_text():
    # Worked by hand: ASCII codes of "MSH|^~\&|" then CR and 0xFF.
    assert hex_dump(b"MSH|^~\\&|\r\xff") == (
        "000000  4d 53 48 7c 5e 7e 5c 26  7c 0d ff                 MSH|^~\\&|.."
    )


def test_hex_dump_is_bounded():
    lines = hex_dump(b"\x00" * (HEX_BYTES_MAX + 5)).splitlines()

    assert len(lines) == HEX_BYTES_MAX // 16 + 1
    assert lines[-1] == "… +5"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["hl7", "astm", "raw"]))
def test_any_bytes_can_be_shown(raw, protocol):
    decode(raw, protocol)
    decode(b"MSH|" + raw, protocol, "gb18030")
    assert hex_dump(raw).count("\n") == max(0, (len(raw) - 1) // 16)
