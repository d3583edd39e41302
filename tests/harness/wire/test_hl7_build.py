"""Building messages; the expected bytes are typed from HL7 2.5.1 §2.5, §2.6."""

import pytest

from harness.errors import InputError
from harness.wire.hl7 import Hl7Message, Raw, Rep, build, header_row
from harness.wire.hl7_escape import Delimiters


def test_segments_read_like_the_standard():
    data = build(
        [
            ["MSH", None, None, "LIS"],
            ["PID", "1", None, Rep([["77", None, None, "H"], "88", None, ["99"]]), Rep([])],
            ["OBX", "1", None, ["a", ["b1", None, "b3"], "c"], None, "x|y^z&1~2\\3\r"],
            ["ZZZ"],
            ["NTE", Raw("a^b"), [Raw("c&d"), "e&f"], [[Raw("&"), "&"]]],
        ]
    )

    assert data == (
        b"MSH|^~\\&|LIS\r"
        b"PID|1||77^^^H~88~~99|\r"
        b"OBX|1||a^b1&&b3^c||x\\F\\y\\S\\z\\T\\1\\R\\2\\E\\3\\X0D\\\r"
        b"ZZZ\r"
        b"NTE|a^b|c&d^e\\T\\f|&&\\T\\\r"
    )
    assert Hl7Message.parse(data).findings == ()
    assert Hl7Message.parse(data).get("OBX-5") == "x|y^z&1~2\\3\r"


def test_own_delimiters_and_encoding():
    signs = Delimiters("$", "%", "+", "!", "*", "#")

    data = build([["MSH", None, None, "葉|$#"], ["BHS", None, None, "x"]], "gbk", signs)

    assert data == b"MSH$%+!*#$\xc8\x7e|!F!!P!\rBHS$%+!*#$x\r"


def test_header_row():
    full = header_row(
        type="ORU^R01",
        structure="ORU_R01",
        control_id="M1",
        time="20260105",
        sending_app="LIS",
        sending_facility="LAB",
        receiving_app="HIS",
        receiving_facility="HOSP",
        processing_id="T",
        version="2.4",
        accept_ack="AL",
        application_ack="NE",
        country="CHN",
        charset="GBK",
    )

    assert build([full]) == (
        b"MSH|^~\\&|LIS|LAB|HIS|HOSP|20260105||ORU^R01^ORU_R01|M1|T|2.4|||AL|NE|CHN|GBK\r"
    )
    assert build([header_row(type="ACK", control_id="1")]) == b"MSH|^~\\&|||||||ACK|1|P|2.5.1\r"


def test_what_cannot_be_built():
    with pytest.raises(InputError, match="'𠮷' cannot be written in gbk"):
        build([["NTE", "A𠮷"]], "gbk")
    with pytest.raises(InputError, match="MSH-1"):
        build([["MSH", "|", "^~\\&"]])
    with pytest.raises(InputError, match="name"):
        build([[None, "x"]])
