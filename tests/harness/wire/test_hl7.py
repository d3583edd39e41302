"""The byte-exact codec: reading, editing, round trips. Bytes and offsets are typed by hand."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError, LocalProtocolError
from harness.wire.hl7 import NULL, Hl7Message, Leaf

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "hl7"

MSH = b"MSH|^~\\&|LIS|LAB|HIS|HOSP|20260105||ORU^R01|1|P|2.5.1\r"


def parse(*segments: bytes) -> Hl7Message:
    return Hl7Message.parse(MSH + b"".join(segment + b"\r" for segment in segments))


# ---- the corpus: file, codec, codes of the findings, and what stands at some paths

CORPUS_FACTS = {
    "oru_utf8": (
        "utf-8",
        [],
        {
            "PID-3[1].1": "T0001",
            "PID-3[2].5": "VN",
            "PID-5": "测^试甲",
            "PID-5.2": "试甲",
            "OBX[1]-5": "135",
            "OBX[2]-5": "见 & 说明\\.br\\第二行",
            "OBX-3.2": "血红蛋白",
        },
    ),
    "oru_gbk": (
        "gbk",
        [],
        {
            "PID-5.1": "葉",
            "PID-5.2": "錦運",
            "PID-5.3": None,
            "PID-7": "19900101",
            "NTE-3[2]": "葉億",
        },
    ),
    "oru_gb18030": (
        "gb18030",
        [],
        {"PID-5.1": "䶮", "PID-5.2": "㛃𠮷葉", "NTE-3": "鋅", "NTE-4": "頭^絕", "NTE-4.2": "絕"},
    ),
    "adt_declared_gbk_is_utf8": ("utf-8", ["encoding-declared-differs"], {"PID-5.2": "试丁"}),
    "adt_declared_utf8_is_gbk": ("gb18030", ["encoding-declared-differs"], {"PID-5.2": "試頭"}),
    "undeclared_gbk": ("gb18030", ["encoding-undeclared"], {"PID-5.1": "葉", "PID-5.2": "錦"}),
    "declared_gbk_needs_gb18030": (
        "gb18030",
        ["encoding-declared-differs"],
        {"PID-5.1": "䶮", "PID-5.2": "㛃"},
    ),
    "unknown_charset": ("utf-8", ["encoding-unknown"], {"PID-5.1": "测"}),
    "undecodable": ("latin-1", ["encoding-undecodable"], {"PID-5.2": "A", "PID-3": "T0009"}),
    "bom": ("utf-8", ["byte-order-mark"], {"PID-5.2": "试", "MSH-3": "LIS"}),
    "lf": ("utf-8", ["segment-end-lf"] * 3, {"PID-5.2": "B", "NTE-3": "x"}),
    "crlf": ("utf-8", ["segment-end-crlf"] * 2, {"PID-5.2": "B"}),
    "lf_in_data": (
        "utf-8",
        ["line-feed-in-data"],
        {"OBX-5": "first line\nsecond line", "OBX-11": ""},
    ),
    "no_last_cr": ("utf-8", ["last-segment-unterminated"], {"PID-5.2": "B"}),
    "blank_lines": ("utf-8", ["empty-segment"] * 2, {"PID-5.2": "B", "NTE-3": "x"}),
    "truncation_char": ("utf-8", [], {"NTE-3": "cut#here", "MSH-2": "^~\\&#"}),
    "own_delimiters": (
        "utf-8",
        [],
        {
            "MSH-1": "$",
            "MSH-2": "%+!*",
            "MSH-9.2": "R01",
            "PID-3.4.2": "1.2.3",
            "PID-3[2]": "U17",
            "NTE-3": "a$b%c*d+e!f|^~&",
        },
    ),
    "duplicate_delimiters": ("utf-8", ["delimiters-duplicated"], {"PID-1": "1", "PID-3": "A"}),
    "lone_escape": (
        "utf-8",
        ["lone-escape"] * 4 + ["escape-malformed"] + ["lone-escape"] * 2,
        {"NTE[1]-3": "4\\5", "NTE[2]-3": "\\\\server\\share", "NTE[3]-3": "\r \\X0\\ \\XZZ\\"},
    ),
    "formatting": (
        "utf-8",
        [],
        {"OBX-5": "\\H\\bold\\N\\ \\.br\\ \\.sp+2\\ \\.in-3\\ \\Zloc1\\ \\C2842\\ \\M0D0A0D\\"},
    ),
    "null_empty_absent": (
        "utf-8",
        [],
        {"PID-5": NULL, "PID-6": "  ", "PID-8": "", "PID-9": None, "PID-8.1": "", "PID-8.2": None},
    ),
    "z_segments": (
        "utf-8",
        [],
        {"ZPI-2": "own^field", "ZPI-2.2": "field", "ZXX": "ZXX", "ZXX-1": None},
    ),
    "bad_names": ("utf-8", ["segment-name"] * 3, {"PID": "PID", "PID-1": None}),
    "text_before_header": ("utf-8", ["header-not-first", "segment-name"], {"MSH-10": "C024"}),
    "blanks_before_header": ("utf-8", ["header-not-first"], {"MSH-10": "C025", "PID-3": "T25"}),
    "no_header": ("utf-8", ["no-header"], {"PID-3": "T26", "PID-5.2": "B", "MSH-10": None}),
    "header_only_name": (
        "utf-8",
        ["delimiters-missing", "last-segment-unterminated"],
        {"MSH": "MSH", "MSH-1": None, "MSH-10": None},
    ),
    "header_without_delimiters": ("utf-8", ["delimiters-missing"], {"PID-5.2": "B", "MSH-3": "x"}),
    "header_short_delimiters": (
        "utf-8",
        ["delimiters-short"],
        {
            "PID-3": "a\\b&c^d",
            "PID-3[2]": "e",
            "PID-3.1": "a\\b&c",
            "PID-3.1.1": "a\\b&c",
            "PID-3.1.2": None,
        },
    ),
    "batch": (
        "utf-8",
        [],
        {"MSH-10": "C030", "MSH[2]-10": "C031", "PID[2]-5.1": "C", "FHS-3": "LIS"},
    ),
    "two_headers": ("utf-8", ["several-headers"], {"MSH[2]-10": "C033"}),
    "control_characters": ("utf-8", ["control-character"] * 3, {"PID-5.1": "A\0B"}),
    "latin1": ("iso8859-1", [], {"PID-5.1": "Müller", "PID-5.2": "Jörg"}),
    "empty": ("utf-8", ["no-header"], {"MSH": None, "MSH-10": None}),
    "sparse_tail": (
        "utf-8",
        [],
        {
            "PID-8": "",
            "PID-9": None,
            "PV1-1": None,
            "OBX-3.3": "",
            "OBX-3.4": None,
            "OBX-5[3]": "",
            "OBX-6.1.2": "",
        },
    ),
    "cut_gbk": ("gbk", [], {"PID-3": "T38", "PID-6": None}),
}


def test_corpus_is_described_completely():
    assert {path.stem for path in CORPUS.glob("*.hl7")} == set(CORPUS_FACTS)


@pytest.mark.parametrize("name", CORPUS_FACTS)
def test_corpus(name):
    data = (CORPUS / f"{name}.hl7").read_bytes()
    codec, codes, texts = CORPUS_FACTS[name]

    message = Hl7Message.parse(data)

    assert message.raw == data
    assert message.encoding == codec
    assert [each.code.removeprefix("hl7.") for each in message.findings] == codes
    assert {path: message.get(path) for path in texts} == texts
    for leaf in message.leaves():
        assert message.get(leaf.path) == message.text_of(leaf)
        assert message.raw_at(leaf.path) == data[leaf.begin : leaf.end]


def test_offsets_of_findings():
    data = MSH + b"\rPID|1||4\\5\nNTE|\x01\r"  # MSH is 54 bytes with its CR

    found = [(each.code, each.offset) for each in Hl7Message.parse(data).findings]

    assert found == [
        ("hl7.empty-segment", 54),
        ("hl7.lone-escape", 63),
        ("hl7.segment-end-lf", 65),
        ("hl7.control-character", 70),
    ]


def test_undecodable_offset_is_that_of_the_first_bad_byte():
    data = MSH[:-1] + b"||||||UTF-8\rPID|1||\xff|\r"

    (found,) = Hl7Message.parse(data).findings

    assert (found.code, data[found.offset : found.offset + 1]) == (
        "hl7.encoding-undecodable",
        b"\xff",
    )
    assert (found.path, found.actual) == ("MSH-18", "latin-1")


def test_findings_are_limited_for_each_code():
    message = Hl7Message.parse(
        MSH + b"\r" * 500 + b"NTE|" + b"\\" * 500 + b"\x01" * 500 + b"\n" * 500
    )

    counts: dict[str, int] = {}
    for each in message.findings:
        counts[each.code] = counts.get(each.code, 0) + 1
    assert set(counts.values()) == {100}
    assert message.findings is message.findings
    assert len(Hl7Message.parse(MSH + b"\r" * 500).findings) == 100


# ---- reading


def test_absent_empty_and_null_are_three_things():
    message = parse(b'PID|1||""||x')

    assert message.get("PID-3") == NULL == '""'
    assert message.get("PID-2") == ""
    assert message.get("PID-6") is None
    assert message.get("PV1-1") is None
    assert message.get("PID[2]-1") is None
    assert message.raw_at("PID-2") == b""
    assert message.raw_at("PID-6") is None


def test_path_above_the_leaf_gives_the_text_as_it_stands():
    message = parse(b"OBX|1|CE|A\\T\\B^C&D||x\\F\\y")

    assert message.get("OBX-3") == "A\\T\\B^C&D"
    assert message.get("OBX-3.1") == "A&B"
    assert message.get("OBX-3.2") == "C&D"
    assert message.get("OBX-3.2.2") == "D"
    assert message.get("OBX-5") == "x|y"
    assert message.get("OBX-5.1.1") == "x|y"
    assert message.get("OBX") == "OBX|1|CE|A\\T\\B^C&D||x\\F\\y"


def test_separators_of_the_header_are_never_split():
    message = parse()

    assert message.get("MSH-1") == "|"
    assert message.get("MSH-2") == message.get("MSH-2.1") == "^~\\&"
    assert message.get("MSH-2[2]") is None
    assert message.get("MSH-2.2") is None
    assert message.values("MSH-2") == ["^~\\&"]
    assert message.parts("MSH-2") == ["^~\\&"]


def test_values_take_what_the_path_leaves_open():
    message = parse(b"OBX|1||A||1~2", b"OBX|2||B||3", b"OBX|3||C", b"OBX|4||D||4^x~5^y")

    assert message.values("OBX-5") == ["1", "2", "3", "4^x", "5^y"]
    assert message.values("OBX-5.2") == ["x", "y"]
    assert message.values("OBX[1]-5") == ["1", "2"]
    assert message.values("OBX-5[2]") == ["2", "5^y"]
    assert message.values("OBX[9]-5") == []
    assert message.values("PV1-5") == []
    assert message.values("OBX") == [
        "OBX|1||A||1~2",
        "OBX|2||B||3",
        "OBX|3||C",
        "OBX|4||D||4^x~5^y",
    ]
    assert message.count("OBX") == 4
    assert message.count("PV1") == 0


def test_segments():
    message = parse(b"OBX|1||A^B&C^||1~2", b"NTE|1", b"OBX|2", b"obx|3^4")

    assert [repr(each) for each in message.segments()] == [
        "<Segment MSH[1]>",
        "<Segment OBX[1]>",
        "<Segment NTE[1]>",
        "<Segment OBX[2]>",
        "<Segment obx[1]>",
    ]
    first, second = message.segments("OBX")
    assert (first.name, first.number, first.index, first.raw) == (
        "OBX",
        1,
        1,
        b"OBX|1||A^B&C^||1~2",
    )
    assert (first.field_count, second.field_count) == (5, 1)
    assert (first.field(1), first.field(2), first.field(6)) == ("1", "", None)
    assert first.get("3.2.2") == "C"
    assert first.repetitions(5) == ["1", "2"]
    assert first.components(3) == ["A", "B&C", ""]
    assert first.components(5, 2) == ["2"]
    assert first.components(9) == []
    assert second.field(1) == "2"
    assert second.repetitions(5) == []
    assert message.segments("PV1") == []
    (broken,) = message.segments("obx")
    assert broken.get("1.2") == "4"
    assert message.segments("MSH")[0].field_count == 12


def test_parts():
    message = parse(b"PID|1||a^b&c\\T\\d^e")

    assert message.parts("PID-3") == ["a", "b&c\\T\\d", "e"]
    assert message.parts("PID-3.2") == ["b", "c&d"]
    assert message.parts("PID-3.2.2") == ["c&d"]
    assert message.parts("PID-9") == []


def test_leaves_name_each_value_once():
    message = Hl7Message.parse(b"MSH|^~\\&|A^B\rPID||x~y^&z|\r")

    assert list(message.leaves()) == [
        Leaf("MSH", 1, 1, 1, None, None, 3, 4),
        Leaf("MSH", 1, 2, 1, None, None, 4, 8),
        Leaf("MSH", 1, 3, 1, 1, None, 9, 10),
        Leaf("MSH", 1, 3, 1, 2, None, 11, 12),
        Leaf("PID", 1, 1, 1, None, None, 17, 17),
        Leaf("PID", 1, 2, 1, None, None, 18, 19),
        Leaf("PID", 1, 2, 2, 1, None, 20, 21),
        Leaf("PID", 1, 2, 2, 2, 1, 22, 22),
        Leaf("PID", 1, 2, 2, 2, 2, 23, 24),
        Leaf("PID", 1, 3, 1, None, None, 25, 25),
    ]


def test_second_byte_of_a_gbk_character_is_no_separator():
    # 錦 = E5 5C ends in the escape character, 頭 = EE 5E, 質 = D9 7C, 葉 = C8 7E
    data = MSH[:-1] + b"||||||GBK\rPID|1||\xe5\x5c^\xee\x5e~\xd9\x7c|\xc8\x7e\r"
    message = Hl7Message.parse(data)

    assert message.findings == ()
    assert message.get("PID-3.1") == "錦"
    assert message.get("PID-3.2") == "頭"
    assert message.get("PID-3[2]") == "質"
    assert message.get("PID-4") == "葉"
    assert message.raw_at("PID-3[1]") == b"\xe5\x5c^\xee\x5e"


def test_equality_and_text():
    message = parse(b"PID|1")

    assert message == Hl7Message.parse(message.raw)
    assert message != parse(b"PID|2")
    assert message != message.raw
    assert len({message, Hl7Message.parse(message.raw)}) == 1
    assert repr(message) == "<Hl7Message ORU^R01 1 60 bytes>"
    assert repr(Hl7Message.parse(b"")) == "<Hl7Message ? ? 0 bytes>"


@pytest.mark.parametrize(
    "path", ["", "pid-3", "PID-0", "PID[0]-3", "PID-3[0]", "PID3", "PID-3.", "PID-3.1.1.1"]
)
def test_what_is_no_path(path):
    with pytest.raises(InputError, match="not an HL7 path"):
        parse().get(path)


# ---- editing


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("PID-1", "2", b"PID|2||a^b&c~d|"),
        ("PID-2", "x", b"PID|1|x|a^b&c~d|"),
        ("PID-3", "x", b"PID|1||x~d|"),
        ("PID-3.1", "x", b"PID|1||x^b&c~d|"),
        ("PID-3.2", "x", b"PID|1||a^x~d|"),
        ("PID-3.2.2", "x", b"PID|1||a^b&x~d|"),
        ("PID-3.2.4", "x", b"PID|1||a^b&c&&x~d|"),
        ("PID-3.4", "x", b"PID|1||a^b&c^^x~d|"),
        ("PID-3[2]", "x", b"PID|1||a^b&c~x|"),
        ("PID-3[2].2", "x", b"PID|1||a^b&c~d^x|"),
        ("PID-3[2].2.2", "x", b"PID|1||a^b&c~d^&x|"),
        ("PID-3[4]", "x", b"PID|1||a^b&c~d~~x|"),
        ("PID-3[4].2.2", "x", b"PID|1||a^b&c~d~~^&x|"),
        ("PID-4", "x", b"PID|1||a^b&c~d|x"),
        ("PID-6", "x", b"PID|1||a^b&c~d|||x"),
        ("PID-6[2].3.2", "x", b"PID|1||a^b&c~d|||~^^&x"),
        ("PID-3", "A^B|C~D\\E&F", b"PID|1||A\\S\\B\\F\\C\\R\\D\\E\\E\\T\\F~d|"),
        ("PID-4", NULL, b'PID|1||a^b&c~d|""'),
        ("PID-4", "line\r\nend", b"PID|1||a^b&c~d|line\\X0D\\\\X0A\\end"),
        ("PID-4", "a\\.br\\b", b"PID|1||a^b&c~d|a\\.br\\b"),
        ("PID-3", "", b"PID|1||~d|"),
    ],
)
def test_set(path, text, expected):
    message = parse(b"PID|1||a^b&c~d|", b"NTE|1||x")

    edited = message.set(path, text)

    assert edited.raw == MSH + expected + b"\rNTE|1||x\r"
    assert edited.get(path) == text
    assert message.raw == parse(b"PID|1||a^b&c~d|", b"NTE|1||x").raw


def test_set_of_what_stands_there_changes_nothing():
    message = parse(b"NTE|1||4\\5 \\E\\.br\\E\\ \\X41\\")

    for path in ("NTE-3", "NTE-1", "NTE"):
        text = message.get(path)
        assert text is not None
        if path != "NTE":
            assert message.set(path, text) is message


def test_set_in_a_later_segment_and_in_the_header():
    message = parse(b"OBX|1", b"OBX|2")

    assert message.set("OBX[2]-3", "x").raw == MSH + b"OBX|1\rOBX|2||x\r"
    assert message.set("MSH-10", "77").header.control_id == "77"
    assert message.set("MSH-18", "GBK").declared == "GBK"
    assert message.set("MSH-18", "GBK").raw == MSH[:-1] + b"||||||GBK\rOBX|1\rOBX|2\r"


def test_set_writes_the_character_set_of_the_message():
    message = parse(b"PID|1").set("MSH-18", "GBK").set("PID-5", "葉")

    assert message.raw_at("PID-5") == b"\xc8\x7e"
    assert message.set("PID-5.2", "錦").raw_at("PID-5") == b"\xc8\x7e^\xe5\x5c"


def test_character_set_is_kept_when_an_edit_removes_the_evidence():
    message = Hl7Message.parse(MSH + "PID|1||測|頭\r".encode("gbk"))

    edited = message.set_raw("PID-3", b"x")

    assert (message.encoding, edited.encoding) == ("gb18030", "gb18030")
    assert edited.set("PID-3", "葉").raw_at("PID-3") == b"\xc8\x7e"
    assert edited.set_raw("PID-4", b"y").encoding == "gb18030"  # judged before the edit


def test_set_what_cannot_be_written():
    message = parse(b"PID|1").set("MSH-18", "GBK")

    with pytest.raises(InputError, match="'𠮷' cannot be written in gbk") as caught:
        message.set("PID-5", "A𠮷")
    assert caught.value.where == "PID-5"


def test_set_where_it_cannot_be():
    message = parse(b"PID|1")

    with pytest.raises(LocalProtocolError, match=r"no segment PV1$"):
        message.set("PV1-2", "I")
    with pytest.raises(LocalProtocolError, match=r"no segment PID\[2\]"):
        message.set("PID[2]-2", "I")
    with pytest.raises(LocalProtocolError, match="raw"):
        message.set("PID", "x")
    with pytest.raises(LocalProtocolError, match="raw"):
        message.set("MSH-2", "x")
    with pytest.raises(LocalProtocolError, match="no parts"):
        message.set_raw("MSH-2.2", b"x")
    with pytest.raises(LocalProtocolError, match="no segment"):
        message.set_raw("PV1", b"PV1|1")
    with pytest.raises(InputError, match="1000"):
        message.set("PID-1003", "x")
    assert message.set("PID-1001", "x").get("PID-1001") == "x"


def test_set_needs_the_separator_that_it_adds():
    message = Hl7Message.parse(b"MSH|^~|A\rPID|1\r")

    assert message.set("PID-3.2", "x").raw_at("PID-3") == b"^x"
    assert message.set("PID-3", "a\\b").raw_at("PID-3") == b"a\\b"
    with pytest.raises(LocalProtocolError, match="no separator"):
        message.set("PID-3.1.2", "x")


def test_set_in_a_header_of_which_there_is_but_the_name():
    assert Hl7Message.parse(b"MSH\r").set("MSH-3", "x").raw == b"MSH||x\r"


def test_separators_of_a_batch_are_those_of_its_messages():
    message = Hl7Message.parse(b"FHS$%+!*$A\rMSH|^~\\&|A^B\r")

    assert message.get("MSH-3.2") == "B"


def test_set_raw():
    message = parse(b"PID|1||a")

    assert message.set_raw("PID-3", b"x^y\\").raw_at("PID-3.2") == b"y\\"
    assert message.set_raw("PID-5.2", b"\xff").raw_at("PID-5") == b"^\xff"
    assert message.set_raw("MSH-2", b"^~\\&#").delimiters.truncation == "#"
    assert message.set_raw("PID", b"PV1|1").get("PV1-1") == "1"


def test_set_keeps_line_ends_and_errors_elsewhere():
    data = b"MSH|^~\\&|A\r\nPID|1||4\\5\x00\r\nNTE|1||\xff\xff"

    assert Hl7Message.parse(data).set_raw("PID-1", b"2").raw == data.replace(b"PID|1", b"PID|2")


# ---- properties

HL7ISH = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"MSH|^~\\&|",
                b"\r",
                b"\n",
                b"|",
                b"^",
                b"~",
                b"&",
                b"\\",
                b"\\T\\",
                b"PID|",
                b"OBX|1|",
                b"GBK",
                b"\xef\xbb\xbf",
            ]
        ),
        st.sampled_from(["錦運頭質葉", "䶮㛃𠮷", "测试"]).flatmap(
            lambda text: st.sampled_from([text.encode("utf-8"), text.encode("gb18030")])
        ),
        st.binary(max_size=4),
    ),
    max_size=25,
).map(b"".join)


@given(data=st.one_of(st.binary(max_size=200), HL7ISH))
@settings(max_examples=60, deadline=None)
def test_any_bytes_survive(data):
    message = Hl7Message.parse(data)

    assert message.raw == data
    assert all(-1 <= each.offset <= len(data) for each in message.findings)
    for segment in message.segments():
        assert segment.raw in data
    for leaf in message.leaves():
        assert message.raw_at(leaf.path) == data[leaf.begin : leaf.end]
        assert message.get(leaf.path) == message.text_of(leaf)


@given(data=HL7ISH.map(lambda tail: MSH + b"PID|1||x^y~z&w|" + tail), text=st.text(max_size=10))
@settings(max_examples=60, deadline=None)
def test_edit_touches_one_span(data, text):
    message = Hl7Message.parse(data)
    begin = len(MSH) + len(b"PID|1||x^")
    try:
        expected = text.encode(message.encoding)
    except UnicodeEncodeError:
        expected = None

    if expected is None:
        with pytest.raises(InputError):
            message.set("PID-3.2", text)
        return
    edited = message.set("PID-3.2", text)
    assert edited.raw.startswith(data[:begin])
    assert edited.raw.endswith(data[begin + 1 :])


@given(text=st.text(alphabet=st.sampled_from("|^~\\&#ab\r\n\t错葉錦"), max_size=12))
@settings(max_examples=100, deadline=None)
def test_text_comes_back_as_it_was_set(text):
    for charset in ("GBK", "UNICODE UTF-8"):
        message = parse(b"NTE|1||x^y").set("MSH-18", charset)

        edited = message.set("NTE-3.1", text)

        assert edited.get("NTE-3.1") == text
        assert edited.get("NTE-3.2") == "y"
        assert edited.count("NTE") == 1


# ---- speed: a 20 MB OBX


@pytest.mark.slow
def test_20_mb_obx_is_fast():
    data = MSH + b"OBX|1|ED|X||^AP^^Base64^" + b"QUJD" * 5_000_000 + b"\r"

    begin = time.process_time()
    message = Hl7Message.parse(data)
    assert len(message.raw_at("OBX-5.5") or b"") == 20_000_000
    assert message.get("OBX-5.4") == "Base64"
    assert time.process_time() - begin < 0.5


@pytest.mark.slow
def test_ten_thousand_repetitions_are_fast():
    message = parse(b"PID|1||" + b"~".join([b"a^b"] * 10_000))

    begin = time.process_time()
    assert message.values("PID-3.2") == ["b"] * 10_000
    assert len(list(message.leaves())) == 13 + 2 + 20_000  # of MSH, PID-1 and PID-2, PID-3
    assert time.process_time() - begin < 1.0
