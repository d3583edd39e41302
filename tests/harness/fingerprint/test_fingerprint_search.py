"""Tokens in what outlets show: whole, cut, garbled; and two maps compared."""

import json

import pytest

from harness import i18n
from harness.errors import InputError
from harness.evidence.line import pack
from harness.fingerprint.command import run_compare, run_make, run_search
from harness.fingerprint.compare import compare, map_data, map_of
from harness.fingerprint.make import Request, make
from harness.fingerprint.outlets import of_file, of_message, of_paths, of_trace
from harness.fingerprint.search import Search, Shown, search
from harness.fingerprint.sheet import Sheet
from harness.fingerprint.tokens import Token


@pytest.fixture(autouse=True)
def _english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


TEXT = Token(path="PID[1]-5[1].1", text="Qab2ckT錦µ9", data_type="ST")
PADDED = Token(path="NTE[1]-3[1]", text=" Qzz9ykT錦µ9", data_type="FT")
NUMBER = Token(path="OBX[1]-5[1]", text="2000123.50", data_type="NM")
DAY = Token(path="PID[1]-33[1]", text="19540607", data_type="DT")
STAMP = Token(path="PID[1]-7[1]", text="19630809111213", data_type="TS")
CODE = Token(path="PID[1]-8[1]", text="M", data_type="IS", shared=True)
SHEET = Sheet(
    type="ADT^A01", version="2.4", seed=1, control_id="C1",
    tokens=(TEXT, PADDED, NUMBER, DAY, STAMP, CODE),
)  # fmt: skip


def how(text):
    return [(one.path, one.how) for one in Search(SHEET).landings([Shown("o", "p", text)])]


@pytest.mark.parametrize(
    ("text", "token", "way"),
    [
        ("Qab2ckT錦µ9", TEXT, "whole"),
        ("Qab2ckT錦µ9  ", TEXT, "trimmed"),
        ("Qzz9ykT錦µ9", PADDED, "trimmed"),
        ("姓名：Qab2ckT錦µ9。", TEXT, "inside"),
        ("<b>Qab2ckT錦µ9</b>", TEXT, "inside"),
        ("QAB2CKT錦μ9".replace("μ", "µ"), TEXT, "case"),
        ("Qab2ckT?µ9", TEXT, "re-encoded"),
        ("Qab2ckT錦?9", TEXT, "re-encoded"),
        ("Qab2ckTÂ½9", TEXT, "re-encoded"),
        ("Qab2c", TEXT, "cut"),
        ("Qab2ckT", TEXT, "cut"),
        ("Qab2ckT錦", TEXT, "cut"),
        ("Qab2ck|next", TEXT, "cut"),
        ("Qab2cXX9", TEXT, "altered"),
        ("2000123.5", NUMBER, "reformed"),
        ("2000123", NUMBER, "cut"),
        ("2000123.50 mg", NUMBER, "inside"),
        ("1954-06-07", DAY, "reformed"),
        ("1963-08-09 11:12:13", STAMP, "reformed"),
        ("1963-08-09", STAMP, "cut"),
        ("19630809", STAMP, "cut"),
    ],
)
def test_how_a_token_landed(text, token, way):
    assert how(text) == [(token.path, way)]


@pytest.mark.parametrize("text", ["", "M", "Qab2", "Qab2d", "2000124", "19540608", "Q" * 50])
def test_what_is_no_token_is_not_found(text):
    assert how(text) == []


def test_two_tokens_in_one_text_are_both_found():
    assert how("Qab2ckT錦µ9 Qzz9ykT錦µ9") == [(TEXT.path, "inside"), (PADDED.path, "inside")]


def test_the_best_way_of_a_place_counts_and_missing_is_told():
    found = search(SHEET, [Shown("t", "c", "Qab2c"), Shown("t", "c", "Qab2ckT錦µ9")])

    assert found.landings == {TEXT.path: (("t", "c", "whole"),)}
    assert found.missing == (PADDED.path, NUMBER.path, DAY.path, STAMP.path)
    assert found.outlets == {"t": 2}


def test_a_map_survives_json():
    found = search(SHEET, [Shown("t", "c", "Qab2c")])

    assert map_of(json.loads(json.dumps(map_data(found)))) == found


def test_lost_new_and_changed():
    before = search(SHEET, [Shown("t", "a", "Qab2ckT錦µ9"), Shown("t", "n", "2000123.50")])
    after = search(SHEET, [Shown("t", "b", "Qab2ckT錦µ9"), Shown("t", "n", "2000123")])

    told = [(one.path, one.place, one.kind, one.before, one.after)
            for one in compare(before, after)]  # fmt: skip

    assert told == [
        (TEXT.path, "a", "lost", "whole", ""),
        (TEXT.path, "b", "new", "", "whole"),
        (NUMBER.path, "n", "changed", "whole", "cut"),
    ]


def test_an_outlet_that_shows_nothing_now_is_no_loss_but_an_error():
    before = search(SHEET, [Shown("t", "a", TEXT.text), Shown("u", "a", TEXT.text)])
    after = search(SHEET, [Shown("t", "a", TEXT.text)])

    with pytest.raises(InputError, match="nothing of u"):
        compare(before, after)


def test_other_types_are_not_compared():
    other = search(Sheet(type="ADT^A08", version="2.4", seed=1, control_id="C", tokens=()), [])

    with pytest.raises(InputError, match="cannot be compared"):
        compare(search(SHEET, []), other)


# -- outlets ---------------------------------------------------------------------------------------


def test_messages_and_rows_of_a_trace_but_not_the_fingerprint_itself():
    def message(ident, text, corr=()):
        raw = f"MSH|^~\\&|A||||||ORU^R01|{ident}|P|2.4\rPID|1||{text}\r"
        return {"kind": "message", "protocol": "hl7", "link": "l", "id": ident, "raw": pack(raw.encode()),
                "corr": dict(corr)}  # fmt: skip

    rows = [{"name": "Qab2ckT", "nothing": None}]
    records = [
        message("C1", "Qab2ckT"),
        message("A1", "Qab2ckT", {"acknowledges": "C1"}),
        message("D1", "Qzz9ykT"),
        {"kind": "probe", "probe": "lis-patients", "rows": rows},
        {"kind": "step", "text": "Qab2ckT"},
    ]

    shown = list(of_trace(records, "C1"))

    assert ("l ORU^R01", "PID[1]-3[1]", "Qzz9ykT") in shown
    assert ("lis-patients", "name", "Qab2ckT") in shown
    assert [one.outlet for one in shown if one.text == "Qab2ckT"] == ["lis-patients"]


def test_tables_json_pages_and_messages(tmp_path):
    (tmp_path / "rows.csv").write_bytes("姓名,age\r\nQab2ckT錦,3\r\n".encode("gb18030"))
    (tmp_path / "answer.json").write_text('{"a": [{"b": "x"}, {"b": 7}]}', encoding="utf-8")
    (tmp_path / "page.html").write_text("<p>\nhello</p>", encoding="utf-8")
    (tmp_path / "out.hl7").write_bytes(
        b"\x0bMSH|^~\\&|A||||||ADT^A01|C1|P|2.4\rPID|1||own\r\x1c\r"
        b"\x0bMSH|^~\\&|A||||||ADT^A01|C2|P|2.4\rPID|1||other\r\x1c\r"
    )

    shown = set(of_paths([tmp_path], "C1"))

    assert ("rows", "姓名", "Qab2ckT錦") in shown
    assert ("answer", "/a/*/b", "7") in shown
    assert ("page", "page.html", "hello</p>") in shown
    assert ("out ADT^A01", "PID[1]-3[1]", "other") in shown
    assert not [one for one in shown if one.text == "own"]


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xff\xff")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")

    for name in ("bytes.txt", "bad.json", "absent.txt"):
        with pytest.raises(InputError):
            list(of_file(tmp_path / name, "C1"))
    with pytest.raises(InputError):
        list(of_paths([], "C1"))


# -- commands --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_make_search_and_compare(tmp_path, capsys):
    request = Request(type="ORU^R01", repeats={"OBX": 20}, time="20260105")
    sheet, shown = str(tmp_path / "one.json"), tmp_path / "shown"
    shown.mkdir()
    assert run_make(request, str(tmp_path / "one")) == 0
    message = (tmp_path / "one.hl7").read_bytes()
    passed_on = message.replace(b"|P|2.4", b"X|P|2.4", 1)
    (shown / "out.hl7").write_bytes(passed_on)
    assert run_search(sheet, [str(shown)], str(tmp_path / "before.json")) == 0
    (shown / "out.hl7").write_bytes(passed_on.replace("錦µ9^".encode("gb18030"), b"?^", 1))
    assert run_search(sheet, [str(shown)], str(tmp_path / "after.json"), as_json=True) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ways"]["re-encoded"] == 1
    same, other = str(tmp_path / "before.json"), str(tmp_path / "after.json")
    assert run_compare(same, same) == 0
    assert run_compare(same, other, as_json=True) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(one["kind"], one["before"], one["after"]) for one in told["differences"]] == [
        ("changed", "whole", "re-encoded")
    ]


@pytest.mark.slow
def test_a_search_that_finds_nothing_is_not_green(tmp_path):
    assert run_make(Request(type="ADT^A01"), str(tmp_path / "one")) == 0
    (tmp_path / "page.txt").write_text("nothing", encoding="utf-8")
    empty = str(tmp_path / "map.json")

    assert run_search(str(tmp_path / "one.json"), [str(tmp_path / "page.txt")], empty) == 3
    with pytest.raises(InputError, match="no token"):
        run_compare(empty, empty)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "map.json").write_text('{"kind": "run", "format": 1}', encoding="utf-8")

    with pytest.raises(InputError, match="this is no"):
        run_compare(str(tmp_path / "map.json"), str(tmp_path / "map.json"))


@pytest.mark.slow
def test_a_message_shows_all_its_leaves():
    message, sheet = make(Request(type="ADT^A01"))

    assert search(sheet, of_message("way", message)).missing == ()
