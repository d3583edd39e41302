"""Each change of a trace, on records typed by hand."""

import base64

import pytest

from harness.evidence.expect import Ask, Expectation, Judgement, Selector, Wanted
from harness.evidence.line import pack
from harness.evidence.verdict import Verdict
from harness.model import Place
from harness.selfcheck.trace_changes import KINDS, changes, without

NAME = "张三"
ORU = (
    "MSH|^~\\&|LIS||HIS||20260105||ORU^R01|C1|P|2.4|||||CHN|GB 18030-2000\r"
    f"PID|1||P1||{NAME}\rOBR|1||B1\rOBX|1|NM|K||5.2|mmol/L\r"
).encode("gb18030")


def expectation(mode="eventually", n=1, having=(), key=(), *, exact=True):
    control = Selector(kind="probe") if mode == "never" else None
    ask = Ask(probe="lis-results")
    spec = Expectation(
        mode=mode,
        select=Selector(kind="probe", having=dict(having)),
        wanted=() if control else [Wanted(key=dict(key))],
        place=Place.parse("LIS sql results"),
        limit_s=5.0,
        settle_s=0.5,
        exact=exact,
        ask=ask,
        control=control,
        control_ask=ask if control else None,
    ).data()
    return {"n": n, "t": 10.0, "kind": "expectation", "id": "E1", "limit_s": 5.0, "spec": spec}


def message(n, payload=ORU, protocol="hl7"):
    return {
        "n": n, "t": 11.0, "w": "11", "kind": "message", "protocol": protocol, "type": "ORU^R01",
        "id": "C1", "raw": pack(payload), "corr": {"patient": "P1", "barcode": "B1"},
    }  # fmt: skip


def answer(n, *rows, probe="lis-results"):
    return {
        "n": n, "t": 11.0, "kind": "probe", "probe": probe, "outcome": "ok", "rows": list(rows),
        "error": "",
    }  # fmt: skip


def window(n):
    return {"n": n, "t": 12.0, "kind": "note", "window": "E1", "rests": []}


def made(records, *cited, mode="eventually", **how):
    judgement = Judgement(verdict=Verdict.PASS, cited=cited)
    found = list(changes(expectation(mode, **how), judgement, records))
    assert {one.kind for one in found} <= KINDS
    return found


def named(found, name):
    (change,) = [one for one in found if one.name == name]
    return change


def test_any_record_is_dropped_cut_off_and_delayed():
    records = [expectation(), message(2), message(3)]

    found = made(records, 3)

    assert [one["n"] for one in named(found, "drop ORU^R01").records] == [1, 2]
    assert [one["n"] for one in named(found, "cut ORU^R01").records] == [1, 2]
    delayed = named(found, "delay ORU^R01").records
    assert [one["t"] for one in delayed] == [10.0, 11.0, pytest.approx(16.5)]
    assert records[2]["t"] == 11.0


def test_what_came_before_the_expectation_cannot_be_late():
    records = [message(0), expectation()]

    assert "delay" not in {one.kind for one in made(records, 0)}


def test_watching_for_longer_than_a_limit_is_no_fault():
    records = [expectation("never"), answer(2), answer(3, {"item": "K"})]

    found = made(records, 2, mode="never")

    assert "delay" not in {one.kind for one in found}
    assert named(found, "appear lis-results row").records[1]["rows"] == [{"item": "K"}]


def test_a_window_closes_at_once():
    records = [expectation(), window(2)]

    assert named(made(records, 2), "early note").records[1]["t"] == 10.0


def test_rows_are_dropped_repeated_altered_and_garbled():
    rows = [{"item": "K", "value": "5.2", "name": NAME, "phone": "", "ward": None}]
    records = [expectation(), answer(2, *rows)]

    found = made(records, 2)

    def rows_of(name):
        return named(found, name).records[1]["rows"]

    assert rows_of("drop lis-results row") == []
    assert rows_of("repeat lis-results row") == rows * 2
    assert rows_of("alter lis-results value")[0]["value"] == "5.3"
    assert rows_of("re-encode lis-results name")[0]["name"] == NAME.encode("gb18030").decode(
        "latin-1"
    )
    silent = named(found, "no answer lis-results").records[1]
    assert (silent["outcome"], silent["rows"]) == ("unknown", [])
    assert not any(one.field in {"phone", "ward"} for one in found)


def test_rows_that_the_sentence_does_not_speak_of_are_no_mutants():
    rows = [{"item": "K", "void": "0"}, {"item": "NA", "void": "1"}]
    records = [expectation(), answer(2, *rows)]

    def dropped(**how):
        found = made(records, 2, **how)
        assert named(found, "drop lis-results rows").records[1]["rows"] == []
        return [one.records[1]["rows"] for one in found if one.name == "drop lis-results row"]

    assert dropped() == [[rows[1]], [rows[0]]]
    assert dropped(having={"row.void": "0"}) == [[rows[1]]]
    assert dropped(exact=False, key={"row.item": "NA"}) == [[rows[0]]]
    assert dropped(mode="never", exact=False) == []


def test_an_answer_trades_places_with_that_about_something_else():
    other = answer(3, {"item": "NA"})
    records = [expectation(), answer(2, {"item": "K"}), answer(4, {"item": "X"}, probe="p"), other]

    found = made(records, 2)

    assert named(found, "swap lis-results answer").records[1]["rows"] == [{"item": "NA"}]


def test_what_matters_is_told_from_what_does_not():
    records = [expectation(), answer(2, {"value": "5.2", "ward": "W1"}), message(3)]

    found = made(records, 2, 3)

    matters = {one.name: one.matters for one in found if one.kind == "alter"}
    assert matters["alter lis-results value"]
    assert not matters["alter lis-results ward"]
    assert matters["alter ORU^R01 OBX-5"]
    assert not matters["alter ORU^R01 OBX-2"]


def test_a_changed_message_is_as_a_recorder_would_have_written_it():
    records = [expectation(), message(2)]

    found = made(records, 2)

    moved = named(found, "alter ORU^R01 PID-3").records[1]
    assert moved["corr"] == {"patient": "P2", "barcode": "B1"}
    assert b"PID|1||P2|" in base64.b64decode(moved["raw"])
    again = named(found, "repeat ORU^R01").records
    assert [one["n"] for one in again] == [1, 2, 2.5]
    cut = base64.b64decode(named(found, "truncate ORU^R01").records[1]["raw"])
    assert cut.endswith(b"OBR|1||B1\r")
    other = base64.b64decode(named(found, "re-encode ORU^R01").records[1]["raw"])
    assert NAME.encode("utf-8") in other


def test_times_ids_and_separators_are_left_alone():
    fields = {one.field for one in made([expectation(), message(2)], 2) if one.kind == "alter"}

    assert not fields & {"MSH-1", "MSH-2", "MSH-7", "MSH-10"}
    assert "MSH-17" in fields


def test_the_separators_of_a_batch_are_left_alone_too():
    batch = b"BHS|^~\\&|LIS||HIS\r" + ORU + b"BTS|1\r"

    fields = {
        one.field for one in made([expectation(), message(2, batch)], 2) if one.kind == "alter"
    }

    assert not fields & {"BHS-1", "BHS-2", "MSH-1", "MSH-2"}
    assert fields & {"BHS-3", "BTS-1"}


def test_ascii_reads_the_same_in_every_character_set():
    plain = ORU.replace(NAME.encode("gb18030"), b"ZHANG")

    assert "re-encode" not in {one.kind for one in made([expectation(), message(2, plain)], 2)}


def test_other_protocols_have_no_fields_here():
    found = made([expectation(), message(2, b"H|\\^&\r", protocol="astm")], 2)

    assert {one.kind for one in found} == {"drop", "cut", "delay", "repeat"}


def test_two_messages_trade_places_unless_they_are_the_same():
    second = message(3, ORU.replace(b"5.2", b"6.1")) | {"t": 11.5, "w": "11.5"}
    records = [expectation(), message(2), second]

    swapped = named(made(records, 2, 3), "swap ORU^R01").records

    assert [one["n"] for one in swapped] == [1, 2, 3]
    assert [one["t"] for one in swapped] == [10.0, 11.0, 11.5]
    assert swapped[1]["raw"] == second["raw"]
    alike = made([expectation(), message(2), message(3)], 2, 3)
    assert "swap" not in {one.kind for one in alike}


def test_without_leaves_the_others_as_they_are():
    records = [expectation(), message(2), window(3)]

    assert without(records, 2) == [records[0], records[2]]
