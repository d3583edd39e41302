"""Acknowledgements (HL7 2.5.1 §2.9, §2.15.5, §2.15.8); bytes typed by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hl7_ack import AckCode, AckError, acknowledge, check_ack

ORU = b"MSH|^~\\&|LIS^1.2^ISO|LAB|HIS|HOSP|20260105||ORU^R01^ORU_R01|M-1|P^T|2.5.1\rPID|1\r"
ACK = b"MSH|^~\\&|HIS|HOSP|LIS^1.2^ISO|LAB|20260106||ACK^R01^ACK|A1|P^T|2.5.1\rMSA|AA|M-1\r"
ENHANCED = ORU.replace(b"2.5.1\r", b"2.5.1|||AL|AL\r")


def ack(message, code="AA", **more):
    return acknowledge(message, code, control_id="A1", time="20260106", **more)


def codes(message: bytes, answer: bytes) -> list[str]:
    return [each.code.removeprefix("hl7.") for each in check_ack(message, answer)]


# ---- building


@pytest.mark.parametrize("form", [bytes, Hl7Message.parse, header])
def test_accept(form):
    assert ack(form(ORU)) == ACK
    assert check_ack(ORU, ACK) == []


def test_error_of_2_5_and_later():
    error = AckError(code="101", segment="PID", sequence=2, field=3, user_message="缺|号")

    data = ack(ORU, AckCode.AE, text="错误", error=error)

    assert data.decode("utf-8") == (
        "MSH|^~\\&|HIS|HOSP|LIS^1.2^ISO|LAB|20260106||ACK^R01^ACK|A1|P^T|2.5.1||||||UNICODE UTF-8\r"
        "MSA|AE|M-1|错误\r"
        "ERR||PID^2^3|101^Required field missing^HL70357|E||||缺\\F\\号\r"
    )
    assert check_ack(ORU, data) == []


def test_error_without_place_and_of_its_own_text():
    data = ack(ORU, "AR", error=AckError(code="900", text="a^b", severity="F"))

    assert data.endswith(b"MSA|AR|M-1\rERR|||900^a\\S\\b^HL70357|F\r")
    assert ack(ORU, "AR", error=AckError(code="X", segment="PID")).endswith(
        b"ERR||PID^1|X^^HL70357|E\r"
    )


def test_error_before_2_5():
    old = ORU.replace(b"2.5.1", b"2.4")

    assert ack(old, "AE", error=AckError(code="204", segment="PID", field=3)).endswith(
        b"ERR|PID^1^3^204&Unknown key identifier&HL70357\r"
    )
    assert ack(old, "AE", error=AckError(code="207")).endswith(
        b"ERR|^^^207&Application internal error&HL70357\r"
    )


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"ORU^R01^ORU_R01|M-1|P|2.4", b"ACK^R01^ACK"),
        (b"ORU^R01|M-1|P|2.4", b"ACK^R01^ACK"),
        (b"ORU^R01|M-1|P|2.3.1", b"ACK"),
        (b"ORU^R01|M-1|P|2.2", b"ACK"),
        (b"ORU|M-1|P|2.5", b"ACK"),
    ],
)
def test_type(sent, kind):
    message = b"MSH|^~\\&|A|B|C|D|1||" + sent + b"\r"

    data = ack(message)

    assert data.split(b"|")[8] == kind
    assert check_ack(message, data) == []


def test_own_delimiters_are_kept():
    data = b"MSH$%+!*$A$B$C$D$1$$ORU%R01$M$P$2.5\r"

    assert ack(data, text="a$b") == (
        b"MSH$%+!*$C$D$A$B$20260106$$ACK%R01%ACK$A1$P$2.5\rMSA$AA$M$a!F!b\r"
    )
    assert check_ack(data, ack(data)) == []


def test_character_set_of_the_message_is_used_and_named():
    gbk = ORU.replace(b"2.5.1\r", b"2.5.1||||||GBK\r")

    assert ack(gbk, text="失败").endswith("|2.5.1||||||GBK\rMSA|AA|M-1|失败\r".encode("gbk"))
    assert ack(header(gbk), text="失败").endswith("||||||GBK\rMSA|AA|M-1|失败\r".encode("gbk"))
    # what GBK cannot hold goes out in UTF-8, and says so
    assert ack(gbk, text="𠮷").endswith("|2.5.1||||||UNICODE UTF-8\rMSA|AA|M-1|𠮷\r".encode())


def test_character_set_that_is_declared_wrongly_is_put_right():
    lies = ORU.replace(b"2.5.1\rPID|1", "2.5.1||||||UNICODE UTF-8\rPID|1||測頭".encode("gbk"))

    assert ack(lies, text="好").endswith("||||||GB 18030-2000\rMSA|AA|M-1|好\r".encode("gb18030"))
    assert ack(lies).endswith(b"||||||UNICODE UTF-8\rMSA|AA|M-1\r")  # plain ASCII is both


def test_header_beyond_ascii_is_repeated_byte_for_byte():
    # 頭 = EE 5E and 質 = D9 7C end in separators
    message = b"MSH|^~\\&|\xee\x5e|\xd9\x7c|HIS|D|1||ORU^R01|\xc8\x7e1|P|2.4||||||GBK\r"

    data = ack(message, text="好")

    assert data == (
        b"MSH|^~\\&|HIS|D|\xee\x5e|\xd9\x7c|20260106||ACK^R01^ACK|A1|P|2.4||||||GBK\r"
        b"MSA|AA|\xc8\x7e1|\xba\xc3\r"
    )
    assert check_ack(message, data) == []
    with pytest.raises(InputError, match="'𠮷' cannot be written in gbk"):
        ack(message, text="𠮷")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            b"MSH|^|A|B|C|D|1||ACK|7|P|2.3\r",
            b"MSH|^~\\&|C|D|A|B|20260106||ACK|A1|P|2.3\rMSA|AE|7|a\\F\\b\\S\\c\r",
        ),
        (
            b"MSH|~|A|B|C|D|1||ACK|7|P|2.3\r",
            b"MSH|~^\\&|C|D|A|B|20260106||ACK|A1|P|2.3\rMSA|AE|7|a\\F\\b\\R\\c\r",
        ),
    ],
)
def test_escape_character_is_added_where_the_text_may_need_it(header, expected):
    assert ack(header, "AE", text="a|b^c") == expected
    assert ack(header, "AA").startswith(header[:5] + b"|C|D|A|B|")


def test_trigger_that_is_none_is_not_repeated():
    message = b"MSH|^~\\&|A|B|C|D|1||ORU^\x817R01|7|P|2.5\r\x80"

    assert b"||ACK|A1|" in ack(message)


def test_nothing_to_acknowledge_still_gets_an_answer():
    assert ack(b"garbage", "AR") == b"MSH|^~\\&|||||20260106||ACK|A1||\rMSA|AR|\r"


# ---- judging


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"|HIS|", b"|LIS|", "ack-header-not-swapped"),
        (b"|HOSP|", b"|hosp|", "ack-header-not-swapped"),
        (b"LIS^1.2^ISO", b"LIS", "ack-header-not-swapped"),
        (b"|LAB|", b"||", "ack-header-not-swapped"),
        (b"|20260106|", b"||", "ack-time"),
        (b"ACK^R01^ACK", b"ACK", "ack-type"),
        (b"ACK^R01^ACK", b"ACK^R01", "ack-type"),
        (b"ACK^R01^ACK", b"ACK^A08^ACK", "ack-type"),
        (b"ACK^R01^ACK", b"ORL^O22", "ack-type"),
        (b"|A1|", b"||", "ack-own-control-id"),
        (b"|P^T|", b"|T|", "ack-processing-id-differs"),
        (b"2.5.1", b"2.4", "ack-version-differs"),
        (b"MSA|AA|M-1\r", b"", "ack-no-msa"),
        (b"MSA|AA|M-1\r", b"MSA|AA|M-1\rMSA|AA|M-1\r", "ack-several-msa"),
        (b"MSA|AA|", b"MSA|aa|", "ack-code"),
        (b"MSA|AA|", b"MSA||", "ack-code"),
        (b"MSA|AA|", b"MSA|CA|", "ack-mode"),
        (b"MSA|AA|", b"MSA|AE|", "ack-error-missing"),
        (b"|M-1\r", b"|M-2\r", "ack-control-id-differs"),
        (b"|M-1\r", b"| M-1\r", "ack-control-id-differs"),
        (b"|M-1\r", b"\r", "ack-control-id-differs"),
        (b"|M-1\r", b"|M-1", "last-segment-unterminated"),
        (b"2.5.1\rMSA", b"2.5.1\nMSA", "segment-end-lf"),
        (b"|M-1\r", b"|M-1|\x0b\r", "control-character"),
    ],
)
def test_one_fault_one_finding(old, new, expected):
    assert ACK.count(old) == 1

    assert codes(ORU, ACK.replace(old, new)) == [expected]


def test_what_a_finding_says():
    (found,) = check_ack(ORU, ACK.replace(b"|M-1\r", b"|M-2\r"))

    assert (found.path, found.expected, found.actual) == ("MSA-2", "M-1", "M-2")


def test_answers_that_are_none():
    assert codes(ORU, b"") == ["ack-no-header"]
    assert codes(ORU, b"MSA|AA|M-1\r") == ["ack-no-header"]
    assert codes(ORU, b"OK") == ["segment-name", "last-segment-unterminated", "ack-no-header"]


def test_answer_with_other_delimiters():
    other = b"MSH$%+!*$HIS$HOSP$LIS%1.2%ISO$LAB$2$$ACK%R01%ACK$A1$P%T$2.5.1\rMSA$AA$M-1\r"

    assert codes(ORU, other) == []
    assert codes(ORU, other.replace(b"$LAB$", b"$LAX$")) == ["ack-header-not-swapped"]
    assert codes(b"", other)[0] == "ack-header-not-swapped"


@pytest.mark.parametrize(
    ("accept", "application", "code", "fits"),
    [
        ("", "", "AA", True),
        ("", "", "CA", False),
        ("AL", "NE", "CA", True),
        ("AL", "NE", "AA", False),
        ("AL", "AL", "CA", True),
        ("AL", "AL", "AA", True),
        ("NE", "AL", "AA", True),
        ("NE", "AL", "CA", False),
        ("", "AL", "CA", True),
    ],
)
def test_mode(accept, application, code, fits):
    message = ORU.replace(b"2.5.1\r", f"2.5.1|||{accept}|{application}\r".encode())

    found = codes(message, ACK.replace(b"|AA|", f"|{code}|".encode()))

    assert found == ([] if fits else ["ack-mode"])


@pytest.mark.parametrize(
    ("sent", "answer", "fits"),
    [
        ("OML^O21^OML_O21|1|P|2.5", "ORL^O22^ORL_O22", True),
        ("OML^O21^OML_O21|1|P|2.5", "ACK^O21^ACK", True),
        ("OML^O21^OML_O21|1|P|2.5", "ORR^O02^ORR_O02", False),
        ("QBP^Q22^QBP_Q21|1|P|2.5", "RSP^K22^RSP_K21", True),
        ("ORU^R01|1|P|2.3.1", "ACK", True),
        ("ORU^R01|1|P|2.3.1", "ACK^R01", True),
        ("ORU^R01|1|P|2.3.1", "ACK^R01^ACK", True),
        ("ORU^R01|1|P|2.3.1", "ACK^R02", False),
        ("ORU|1|P|2.5", "ACK", True),
        ("ORU|1|P|2.5", "ACK^R01^ACK", False),
    ],
)
def test_response_types(sent, answer, fits):
    version = sent.rpartition("|")[2]
    message = f"MSH|^~\\&|A|B|C|D|1||{sent}\r".encode()
    reply = f"MSH|^~\\&|C|D|A|B|1||{answer}|9|P|{version}\rMSA|AA|1\r".encode()

    assert codes(message, reply) == ([] if fits else ["ack-type"])


def test_error_segment_is_asked_for_from_2_5_on():
    for version, expected in ((b"2.4", []), (b"2.5", ["ack-error-missing"])):
        message, answer = ORU.replace(b"2.5.1", version), ACK.replace(b"2.5.1", version)
        assert codes(message, answer.replace(b"|AA|", b"|AR|")) == expected
    negative = ENHANCED.replace(b"2.5.1", b"2.5.1")
    assert codes(negative, ACK.replace(b"|AA|", b"|CE|") + b"ERR|||207|E\r") == []


# ---- the template


HEADERS = st.lists(
    st.sampled_from([b"", b"LIS", b"A^B", b"P^T", b"2.4", b"2.5.1", b"AL", b"\\F\\", b"ADT^A01",
                     b"ORU^R01^ORU_R01", b"UNICODE UTF-8", "检验".encode("gb18030"), b"a~b", b"\n",
                     b"TIMEOFANSWER", b"IDOFMESSAGE", b" ", b"x" * 50, b"&", b"M-1|"]),
    max_size=19,
)  # fmt: skip


@given(
    fields=HEADERS,
    signs=st.sampled_from([b"|^~\\&", b"|^~\\&#", b"$%*!@", b"|^", b"||", b""]),
    name=st.sampled_from([b"MSH", b"\rMSH", b"FHS", b"MS", b"PID"]),
    code=st.sampled_from(["AA", "A|", ""]),
    ident=st.sampled_from(["A1", "A^1", "编号"]),
)
def test_a_template_answers_as_it_would_be_worked_out(fields, signs, name, code, ident):
    sign = signs[:1] or b"|"
    data = name + signs + sign + sign.join(fields) + b"\rPID|1\r"

    def outcome(message):
        try:
            return acknowledge(message, code, control_id=ident, time="20260106")
        except InputError as error:
            return str(error)

    for _ in range(2):  # made, and remembered
        assert outcome(data) == outcome(Hl7Message.parse(data))
