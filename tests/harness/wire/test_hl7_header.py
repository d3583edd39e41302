"""The header, read alone (HL7 2.5.1 §2.15.9)."""

import pytest

from harness.wire.hl7_header import (
    HEADER_BYTES_MAX,
    Hl7Header,
    declared_charset,
    header,
    header_fields,
    header_segment,
    header_signs,
)

FULL = (
    b"MSH|^~\\&|LIS^1.2^ISO|LAB|HIS|HOSP|20260105080000+0800|s|ORU^R01^ORU_R01|M1|P^T|2.5.1^CHN"
    b"|7|c|AL|NE|CHN|GBK~UNICODE|zh|x|y"
)


def test_every_field():
    assert header(FULL + b"\rPID|1\r") == Hl7Header(
        sending_app="LIS",
        sending_facility="LAB",
        receiving_app="HIS",
        receiving_facility="HOSP",
        time="20260105080000+0800",
        type="ORU^R01",
        structure="ORU_R01",
        control_id="M1",
        processing_id="P",
        version="2.5.1",
        accept_ack="AL",
        application_ack="NE",
        charset="GBK",
        raw=FULL,
    )


def test_fields_are_numbered_as_in_the_standard():
    fields = header_fields(FULL)

    assert fields[:4] == [b"MSH", b"|", b"^~\\&", b"LIS^1.2^ISO"]
    assert fields[18] == b"GBK~UNICODE"
    assert len(fields) == 19
    assert header_fields(b"MSH|^~\\&|A")[4:] == [b""] * 15
    assert header_fields(b"") == [b"", b"|", *[b""] * 17]


@pytest.mark.parametrize(
    ("data", "control_id"),
    [
        (b"MSH|^~\\&|||||||ACK|1\nMSA|AA|1\n", "1"),
        (b"MSH|^~\\&|||||||ACK|1", "1"),
        (b"\xef\xbb\xbfMSH|^~\\&|||||||ACK|1\r", "1"),
        (b"\r\n MSH|^~\\&|||||||ACK|1\r", "1"),
        (b"log\rMSH|^~\\&|||||||ACK|1\r", "1"),
        (b"FHS|^~\\&|A\rBHS|^~\\&\rMSH|^~\\&|||||||ACK|1\rMSH|^~\\&|||||||ACK|2\r", "1"),
        (b"MSH$%+!*$$$$$$$ACK$1\r", "1"),
        (b"MSH|^~\\&|||||||ACK|a\\T\\b\r", "a&b"),
        (b"MSH|^~\\&|||||||ACK|a^b\r", "a^b"),
        (b"MSH|HIS|||||||ACK|1\r", "1"),
        (b"MSH|^|||||||ACK|1\r", "1"),
        (b"MSH\r", ""),
        (b"MSH|", ""),
        (b"MSHX|", ""),
        (b"PID|1\r", ""),
        (b"MSH\n", ""),
        (b"MSH\n|^~\\&|||||||ACK|1\r", ""),  # no separator follows the name
        (b"MSH|^~\\&|||||||ACK|1|x\ny\r", "1"),
        (b"MSH|^~\\&|A\nB||||||ACK|1\r", "1"),  # the LF is data: no segment follows
        (b"MSH|^~\\&|A\nPID|||||||||||1\r", ""),
        (b"MSH^^~\\&^^^^^^^1\r", "1"),
        (b"FHS|^~\\&|A\r", ""),
        (b"", ""),
    ],
)
def test_where_the_header_stands(data, control_id):
    assert header(data).control_id == control_id


def test_type_without_trigger_and_with_own_separators():
    assert header(b"MSH|^~\\&|||||||ACK|1").type == "ACK"
    assert header(b"MSH$%+!*$$$$$$$ORU%R01%ORU_R01$1").type == "ORU^R01"
    assert header(b"MSH$%+!*$$$$$$$ORU%R01%ORU_R01$1").structure == "ORU_R01"
    assert header(b"MSH|").type == ""


def test_header_with_gbk_characters_that_end_in_separators():
    # 質 = D9 7C ends in the field separator, 頭 = EE 5E in the component separator
    data = b"MSH|^~\\&|\xd9\x7c|\xee\x5e^x|HIS|\xc8\x7e|20260105||ORU^R01|1|P|2.4||||||GBK\r"

    found = header(data)

    assert found.sending_app == "質"
    assert found.sending_facility == "頭"
    assert found.receiving_facility == "葉"
    assert found.control_id == "1"
    assert found.charset == declared_charset(data) == "GBK"


def test_header_in_utf_8_and_in_nothing_known():
    assert header("MSH|^~\\&|检验^x|||||||7||||||||UNICODE UTF-8\r".encode()).sending_app == "检验"
    assert header(b"MSH|^~\\&|\xff\xff^x|||||||7\r").sending_app == "\xff\xff"
    assert header(b"MSH|^~\\&|M\xfcller|||||||7||||||||8859/1\r").sending_app == "Müller"


def test_escapes_in_every_field():
    found = header(
        b"MSH|^~\\&|a\\T\\b|||||ORU\\F\\^R\\T\\01^S\\T\\|ORU\\F\\^R01^S\\T\\|\\E\\|P|2.4||||||G\\T\\K\r"
    )

    assert (found.sending_app, found.type, found.structure) == ("a&b", "ORU|^R01", "S&")
    assert (found.control_id, found.charset) == ("\\", "G&K")


def test_a_segment_that_never_ends_is_cut():
    data = b"MSH|^~\\&|A|" + b"x" * 2 * HEADER_BYTES_MAX

    assert len(header_segment(data)) == HEADER_BYTES_MAX
    assert header(data).sending_app == "A"


def test_signs():
    assert header_signs(b"MSH|^~\\&#|A").truncation == "#"
    assert header_signs(b"").field == "|"
    assert header_signs(b"MSH|^~\\&").encoding_characters == "^~\\&"
    assert declared_charset(b"MSH|^|" + b"|" * 15 + b" GBK ~x|") == "GBK ~x"


def test_line_feed_that_is_data_does_not_end_the_header():
    data = b"MSH|^~\\&|A\nB|x"

    assert header_segment(data) == data
    assert header_segment(b"MSH|^~\\&|A\nPID|x") == b"MSH|^~\\&|A"
