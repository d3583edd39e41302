"""Records: access by path, character sets, messages of a session."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError, LocalProtocolError
from harness.wire.astm_records import DELETE, AstmMessage, AstmPath, messages, parse_path

TEXT = (
    "H|\\^&|||SIM^1.0^77|||||LIS||P|LIS02-A2|20250101080000\r"
    "P|1|4711|||张^三||19800101|M\r"
    'O|1|0042^7||^^^GLU\\^^^CREA|R||||||Q||""|\r'
    "R|1|^^^GLU|5.2|mmol/L||N\r"
    "R|2|^^^CREA|&F&<5|\r"
    "C|1|I|A&S&B^x&F&y\r"
    "L|1|N\r"
)


@pytest.fixture
def message():
    return AstmMessage.parse(TEXT.encode("gbk"), "gbk")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("H.1", "H"),
        ("H.2", "\\^&"),
        ("H.5", "SIM^1.0^77"),
        ("H.5.1", "SIM"),
        ("H.5.3", "77"),
        ("H.5.4", None),
        ("H.13", "LIS02-A2"),
        ("P.6", "张^三"),
        ("P.6.2", "三"),
        ("P.4", ""),
        ("P.10", None),
        ("O.3.1", "0042"),
        ("O[1].5[2].4", "CREA"),
        ("O.5[2]", "^^^CREA"),
        ("O.5[3]", None),
        ("O.5.1", ""),
        ("O.5", "^^^GLU\\^^^CREA"),
        ("O.14", DELETE),
        ("O.15", ""),
        ("O.16", None),
        ("R.4", "5.2"),
        ("R.4.1", "5.2"),
        ("R.4[1].1", "5.2"),
        ("R[2].4", "|<5"),
        ("R[3].4", None),
        ("C.4.1", "A^B"),
        ("C.4.2", "x|y"),
        ("C.4", "A&S&B^x&F&y"),
        ("L", "L|1|N"),
        ("M.1", None),
    ],
)
def test_get(message, path, expected):
    assert message.get(path) == expected
    assert message.get(parse_path(path)) == expected


def test_values_and_counts(message):
    assert message.values("R.3.4") == ["GLU", "CREA"]
    assert message.values("R[2].3.4") == ["CREA"]
    assert message.values("R.7") == ["N"]
    assert message.count("R") == 2
    assert [record.number for record in message.of("R")] == [4, 5]


def test_records(message):
    order = message.records[2]

    assert order.get("5[2].4") == "CREA"
    assert order.repeats(5) == ["^^^GLU", "^^^CREA"]
    assert order.components(5, 2) == ["", "", "", "CREA"]
    assert order.components(5, 3) == []
    assert order.repeats(99) == []
    assert order.fields[0] == "O"


@pytest.mark.parametrize("path", ["", "r.4", "R.0", "R[0].4", "R.4.0", "R-4", "RR.4", "R.4[1", "4"])
def test_no_path(path):
    with pytest.raises(InputError):
        parse_path(path)


def test_no_path_inside_a_record(message):
    with pytest.raises(InputError):
        message.records[0].get("H.5")


def test_path_parts():
    assert parse_path("O[1].5[2].4") == AstmPath("O", 1, 5, 2, 4)
    assert parse_path("L") == AstmPath("L")


# The second byte of each is a delimiter of its own: | ^ \ @ ~ and a backtick (GBK table).
HAZARDS = {"瑋": 0x7C, "珅": 0x7C, "玘": 0x5E, "璣": 0x5E, "玕": 0x5C, "頫": 0x5C}


@pytest.mark.parametrize(("char", "trail"), HAZARDS.items())
@pytest.mark.parametrize("encoding", ["gbk", "gb18030"])
def test_second_bytes_that_look_like_delimiters(char, trail, encoding):
    data = f"H|\\^&\rP|1||A1||王^{char}|X|19800101\rL|1|N\r".encode(encoding)

    assert char.encode(encoding)[1] == trail
    message = AstmMessage.parse(data, encoding)
    assert message.get("P.6.2") == char
    assert message.get("P.8") == "19800101"
    assert message.findings == []


def test_raw_is_kept_and_codes_are_found():
    data = b"R|1|^^^GLU|\xff\rl|1"
    message = AstmMessage.parse(data, "gb18030")

    assert message.raw == data
    assert message.get("R.4") == "ÿ"
    assert [(one.code, one.record) for one in message.findings] == [
        ("astm.undecodable", 1),
        ("astm.no-header", 1),
        ("astm.result-without-order", 1),
        ("astm.unterminated", 2),
    ]
    assert message.findings is message.findings


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"H|\\^&\nL|1\n", {("astm.record-end", 0)}),
        (b"H|\\^&\r\nL|1\r\n", {("astm.record-end", 0)}),
        (b"H|\\^&\r\x00 L|1\r", {("astm.before-letter", 2)}),
        (b"H|\\^&\rP|1|\x0b\t\x01\rL|1\r", {("astm.forbidden-byte", 2)}),
        (b"H|\rL|1\r", {("astm.delimiters", 1)}),
        (b"HaX^&|\rLa1\r", {("astm.delimiters", 1)}),
        (b"", {("astm.no-header", 1), ("astm.no-terminator", 0)}),
        (b"H|\\^&\r\r\rL|1\r\r", set()),
    ],
)
def test_lexical_findings(data, expected):
    found = AstmMessage.parse(data, "ascii").findings

    assert {(one.code, one.record) for one in found} == expected
    assert all(one.clause.startswith("LIS02-A2 §") and one.message for one in found)


def test_unusual_delimiters():
    message = AstmMessage.parse(b"H|\\!~|||DxH!2\rR|1|!!!WBC|14~F~6\rL|1\r", "ascii")

    assert message.get("H.5.2") == "2"
    assert message.get("R.3.4") == "WBC"
    assert message.get("R.4") == "14|6"
    assert message.records[1].signs.escape == "~"


def test_lower_case_letters():
    assert AstmMessage.parse(b"h|\\^&\rp|1|x\rl|1\r", "ascii").get("P.3") == "x"


def test_unknown_codec():
    with pytest.raises(LocalProtocolError, match="klingon"):
        AstmMessage.parse(b"H", "klingon")


def test_a_codec_that_swallows_bytes():
    assert AstmMessage.parse(b"\xef\xbb\xbf\rL|1\r", "utf-8-sig").count("L") == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\r\n", []),
        (b"H|1\rL|1\r", [b"H|1\rL|1\r"]),
        (b"H|1\rL|1\rH|2\rL|1\r", [b"H|1\rL|1\r", b"H|2\rL|1\r"]),
        (b"\rh|1\rL|1\r\r H|2\r", [b"\rh|1\rL|1\r\r", b" H|2\r"]),
        (b"P|1\rH|2", [b"P|1\r", b"H|2"]),
    ],
)
def test_messages(data, expected):
    assert messages(data) == expected


@settings(max_examples=150, deadline=None)
@given(st.binary(), st.sampled_from(["gb18030", "gbk", "utf-8", "latin-1", "ascii"]))
def test_any_bytes_can_be_read(data, encoding):
    message = AstmMessage.parse(data, encoding)

    assert message.raw == data
    assert isinstance(message.findings, list)
    for record in message.records:
        assert record.get("1") is not None
    assert b"".join(messages(data)).strip() == data.strip()
