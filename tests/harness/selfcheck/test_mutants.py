"""Mutants of links and stores: what each does, and that one which nobody judges survives."""

import sqlite3

import pytest

from harness.evidence.line import pack
from harness.evidence.verdict import Verdict
from harness.selfcheck import mutants_run, runs
from harness.selfcheck.mutants import (
    Mutant,
    altered,
    edit,
    link_mutants,
    message_type,
    mutated,
    store_mutants,
)
from harness.selfcheck.mutants_run import share
from harness.selfcheck.runs import Played

NAME = "张三"
ADT = (
    "MSH|^~\\&|HIS||LIS||20260105||ADT^A01|C1|P|2.4|||||CHN|GB 18030-2000\r"
    f"PID|1|P1|P1^^^^PatientNO||{NAME}\rPV1|1|I|W1\r"
).encode("gb18030")
WHERE = "his-lis ADT^A01"


def mutant(kind, field="", where=WHERE):
    return Mutant(where=where, kind=kind, field=field)


@pytest.fixture
def db():
    """One table with a row."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, item TEXT, version INTEGER)")
    connection.execute("INSERT INTO t (item, version) VALUES ('K', 1)")
    yield connection
    connection.close()


def rows(db):
    return db.execute("SELECT item, version FROM t ORDER BY id").fetchall()


# -- what each does ----------------------------------------------------------------------------


def test_a_message_is_altered_in_one_field():
    assert mutated(mutant("alter", "PV1-3"), ADT) == [ADT.replace(b"|W1\r", b"|W2\r")]
    assert mutated(mutant("alter", "PV1-9"), ADT) == [ADT]


def test_a_message_is_lost_as_one_of_a_type_that_nobody_knows():
    assert mutated(mutant("drop"), ADT) == [ADT.replace(b"ADT^A01", b"ADT^Z99")]


def test_a_message_comes_twice_under_another_id():
    assert mutated(mutant("repeat"), ADT) == [ADT, ADT.replace(b"|C1|", b"|C1Z|")]


def test_a_message_loses_its_last_segment():
    assert mutated(mutant("truncate"), ADT) == [ADT[: ADT.index(b"PV1")]]


def test_a_message_is_written_in_another_character_set_than_it_says():
    (other,) = mutated(mutant("re-encode"), ADT)

    assert other == ADT.decode("gb18030").encode("utf-8") != ADT


def test_a_message_is_about_somebody_else():
    (other,) = mutated(mutant("wrong-patient"), ADT)

    assert b"PID|1|MH00000000ZZ|MH00000000ZZ^^^^PatientNO||" in other
    assert NAME.encode("gb18030") not in other


@pytest.mark.parametrize(
    ("text", "other"), [("5.2", "5.3"), ("9", "0"), ("K", "B"), ("AB", "AC"), ("张", "B")]
)
def test_another_value_is_of_the_same_kind(text, other):
    assert altered(text) == other


def test_answers_are_left_alone():
    answer = b"MSH|^~\\&|LIS||HIS||20260105||ACK^A01|A1|P|2.4\rMSA|AA|C1\r"

    assert message_type("his-lis", ADT) == WHERE
    assert message_type("his-lis", answer) == ""
    assert message_type("his-lis", b"garbage") == ""
    assert message_type("his-lis", b"D23\r%b00099105" % ADT) == "", "a block of HLLP"


def test_a_row_is_lost_comes_twice_or_is_another(db):
    assert edit(db, mutant("repeat", where="LIS t")) == 1
    assert rows(db) == [("K", 1), ("K", 1)]
    assert edit(db, mutant("alter", "version", where="LIS t")) == 2
    assert rows(db) == [("K", 501), ("K", 501)]
    assert edit(db, mutant("alter", "item", where="LIS t")) == 2
    assert edit(db, mutant("alter", "item", where="LIS t")) == 0
    assert {item for item, _ in rows(db)} == {"K\u2009"}
    assert edit(db, mutant("drop", where="LIS t")) == 2
    assert rows(db) == []


def test_what_has_no_rows_or_no_numbers_is_not_repeated(db):
    db.execute("CREATE TABLE plain (item TEXT)")
    db.execute("INSERT INTO plain VALUES ('K')")

    assert edit(db, mutant("repeat", where="LIS plain")) == 0


def test_every_field_that_was_sent_gives_a_mutant():
    (bound,) = scenario("feed-admission-message")
    records = [
        {"kind": "message", "protocol": "hl7", "link": "his-lis", "raw": pack(ADT)},
        {"kind": "link"},
    ]
    played = Played(bound=bound, conclusion=None, records=records, stores={})

    names = {one.name for one in link_mutants([played])}

    assert {f"{WHERE} alter PID-5", f"{WHERE} drop", f"{WHERE} wrong-patient"} <= names
    assert not {f"{WHERE} alter MSH-10", f"{WHERE} alter PV1-9"} & names
    assert "analyzer-lis R alter R.4" in names


def test_a_field_with_thousands_of_repetitions_does_not_crowd_out_the_others():
    repeated = "~".join(f"V{number}" for number in range(2000))
    payload = ADT.replace(b"|W1\r", b"|" + repeated.encode() + b"\r")
    record = {"kind": "message", "protocol": "hl7", "link": "his-lis", "raw": pack(payload)}

    found = link_mutants([Played(bound=None, conclusion=None, records=[record], stores={})])

    fields = [one.field for one in found if one.field.startswith("PV1-3")]
    assert fields == ["PV1-3", "PV1-3[2]", "PV1-3[3]"]


def test_every_column_gives_a_mutant():
    found = store_mutants({"LIS": {"results": ["value", "unit"]}})

    assert [one.name for one in found] == [
        "LIS results drop",
        "LIS results repeat",
        "LIS results alter value",
        "LIS results alter unit",
    ]


# -- over runs ---------------------------------------------------------------------------------


def scenario(ident):
    return [one for one in runs.shipped() if one.scenario.id == ident]


def outcome(one, ident, where):
    passed = runs.play(scenario(ident), seed=1)
    assert passed[0].conclusion.verdict is Verdict.PASS
    (found,) = share([one], passed, where, None, seed=1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "field", "where"),
    [
        ("alter", "R.4", "analyzer-lis R"),
        ("alter", "R.5", "analyzer-lis R"),
    ],
)
def test_a_value_that_changes_on_the_line_is_caught(kind, field, where):
    found = outcome(mutant(kind, field, where), "lab-upload-plain", "link")

    assert found.caught_by == ["lab-upload-plain"]
    assert found.data()["felt"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drop", "repeat"])
def test_a_row_that_changes_in_the_store_is_caught(kind):
    found = outcome(mutant(kind, where="LIS results"), "lab-upload-plain", "store")

    assert found.caught_by == ["lab-upload-plain"]


@pytest.mark.slow
def test_a_mutant_that_nobody_judges_survives():
    """The scenario judges results; the phone of the patient is of no interest to it."""
    found = outcome(mutant("alter", "PID-13"), "lab-upload-plain", "link")

    assert found.applied_in == found.felt_in == ["lab-upload-plain"]
    assert found.caught_by == []


@pytest.mark.slow
def test_a_mutant_that_no_system_feels_is_told_from_one_that_survives():
    """PID-1 numbers the segment; no store keeps it."""
    found = outcome(mutant("alter", "PID-1"), "lab-upload-plain", "link")

    assert (found.applied_in, found.felt_in) == (["lab-upload-plain"], [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "what"),
    [("his-lis ADT^A40", "link"), ("HIS alarms", "store"), ("analyzer-lis R", "link")],
)
def test_a_mutant_that_cannot_happen_is_not_applied(where, what):
    found = outcome(mutant("drop", where=where), "feed-admission-message", what)

    assert found.applied_in == []


@pytest.mark.slow
def test_fields_that_go_together_come_to_what_they_come_to_alone(monkeypatch):
    """Some of them nobody feels, some are felt and not caught, some are caught by one scenario."""
    wanted = {"lab-upload-plain", "feed-admission-message", "feed-transfer", "feed-his-refuses"}
    some = [one for one in runs.shipped() if one.scenario.id in wanted]
    passed = runs.play(some, seed=1)
    fields = [one for one in link_mutants(passed) if one.where == WHERE and one.kind == "alter"]
    assert len(fields) > mutants_run.TOGETHER_MAX
    played = []
    note = mutants_run._Playing._note
    monkeypatch.setattr(
        mutants_run._Playing, "_note", lambda self, *what: played.append(what) or note(self, *what)
    )

    found, plays = {}, {}
    for alone in (0, 99):
        played.clear()
        monkeypatch.setattr(mutants_run, "ALONE_FIRST", alone)
        outcomes = share(fields, passed, "link", None, seed=1)
        assert [one.mutant for one in outcomes] == fields
        found[alone] = {
            one.mutant.name: (set(one.applied_in), set(one.felt_in), set(one.caught_by))
            for one in outcomes
            if not one.caught_by  # those meet scenarios in an order of their own until then
        }
        plays[alone] = len(played)

    assert found[0] == found[99]
    assert any(not felt for _, felt, _ in found[0].values())
    assert any(felt for _, felt, _ in found[0].values())
    assert len(found[0]) < len(fields)
    assert plays[0] < plays[99]
