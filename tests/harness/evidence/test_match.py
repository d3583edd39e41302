"""One expected value against one actual one."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from harness.evidence.match import AROUND, OPERATORS, SHOWN_MAX, Value, beside, number

CASES = [
    # operator and expectation, actual, why not
    (Value(expected="5.0"), "5.0", ""),
    (Value(expected="5.0"), "5", "differs"),
    (Value(expected="Ä"), "A\u0308", "differs"),  # code point by code point, no normalisation
    (Value(expected=""), "", ""),
    (Value(expected="5.0"), None, "absent"),
    (Value(op="decimal", expected="5.0"), "5", ""),
    (Value(op="decimal", expected="5.0"), "5.00E0", ""),
    (Value(op="decimal", expected="0.1"), "0.10000000000000000001", "differs"),
    (Value(op="decimal", expected="5.0"), "<5.0", "not a number"),
    (Value(op="decimal", expected="5.0"), "NaN", "not a number"),
    (Value(op="decimal", expected="5.0"), "Infinity", "not a number"),
    (Value(op="decimal", expected="5.0"), "", "not a number"),
    (Value(op="decimal", expected="5.0", tolerance="0.05"), "5.05", ""),
    (Value(op="decimal", expected="5.0", tolerance="0.05"), "4.95", ""),
    (Value(op="decimal", expected="5.0", tolerance="0.05"), "5.051", "differs"),
    (Value(op="decimal", expected="阴性"), "阴性", ""),
    (Value(op="decimal", expected="阴性"), "0", "differs"),
    (Value(op="decimal", expected="5.2", unit="mmol/L"), "5.20 mmol/L", ""),
    (Value(op="decimal", expected="5.2", unit="mmol/L"), "5.2mmol/L", ""),
    (Value(op="decimal", expected="5.2", unit="mmol/L"), "5.2 mg/dL", "another unit"),
    (Value(op="decimal", expected="5.2", unit="mmol/L"), "5.2", "another unit"),
    (Value(op="decimal", expected="5.2", unit="mmol/L"), "5.3 mmol/L", "differs"),
    (Value(op="at_most", expected="2"), "2.0", ""),
    (Value(op="at_most", expected="2"), "-3", ""),
    (Value(op="at_most", expected="2"), "2.001", "above the limit"),
    (Value(op="at_most", expected="2"), "", "not a number"),
    (Value(op="at_most", expected="2"), "NaN", "not a number"),
    (Value(op="at_most", expected="two"), "1", "not a number"),
    (Value(op="time", expected="20260105083000"), "20260105083000", ""),
    (Value(op="time", expected="20260105083000"), "20260105083000.1234+0800", ""),
    (Value(op="time", expected="20260105083000"), "20260105083001", "differs"),
    (Value(op="time", expected="20260105083000"), "202601050830", "differs"),
    (Value(op="time", expected="20260105083000"), "", "differs"),
    (Value(op="time", expected="20260105083000", precision="minute"), "20260105083059", ""),
    (Value(op="time", expected="20260105083000", precision="minute"), "2026010508", "differs"),
    (Value(op="time", expected="20260105083000", precision="day"), "20260105", ""),
    (Value(op="time", expected="202601", precision="month"), "20260131", ""),
    (Value(op="time", expected="2026+0800", precision="year"), "2026-01-05", ""),
    (Value(op="one_of", expected="N\nA"), "A", ""),
    (Value(op="one_of", expected="N\n"), "", ""),
    (Value(op="one_of", expected="N\nA"), "NA", "none of the choices"),
    (Value(op="one_of", expected="N\nA"), "", "none of the choices"),
    (Value(op="present"), "x", ""),
    (Value(op="present"), "", "empty"),
    (Value(op="present"), None, "absent"),
    (Value(op="empty"), "", ""),
    (Value(op="empty"), " ", "should be empty"),
    (Value(op="empty"), None, "absent"),
    (Value(op="absent"), None, ""),
    (Value(op="absent"), "", "should be absent"),
    (Value(op="pattern", expected=r"\d{4}"), "1234", ""),
    (Value(op="pattern", expected=r"\d{4}"), "12345", "does not match the pattern"),
    (Value(op="pattern", expected=r"\d{4}"), None, "absent"),
    (Value(op="any"), None, ""),
    (Value(op="any"), "x", ""),
]


@pytest.mark.parametrize(("value", "actual", "why"), CASES)
def test_operators(value: Value, actual: str | None, why: str) -> None:
    assert value.mismatch(actual, {}) == why


def test_every_operator_has_a_case() -> None:
    assert {value.op for value, _, _ in CASES} | {"same"} == OPERATORS


def test_equal_values_are_tied_by_their_slot() -> None:
    slots: dict[str, str] = {}
    one, other = Value(op="same", slot="control id"), Value(op="same", slot="another")

    assert one.shown(slots) == "<control id>"
    assert one.mismatch("A1", slots) == ""
    assert other.mismatch("B1", slots) == ""
    assert one.mismatch("A1", slots) == ""
    assert one.mismatch("B1", slots) == "differs from the other"
    assert one.mismatch(None, slots) == "absent"
    assert one.shown(slots) == "A1"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Value(expected="5.0"), "5.0"),
        (Value(expected="5.0", unit="g/L"), "5.0 g/L"),
        (Value(op="present"), "(present)"),
        (Value(op="absent"), "(absent)"),
    ],
)
def test_how_reports_show_it(value: Value, shown: str) -> None:
    assert value.shown({}) == shown


@pytest.mark.parametrize(
    "value",
    [
        Value(),
        Value(expected="5.0", unit="g/L"),
        Value(op="decimal", expected="5", tolerance="0.01"),
        Value(op="time", expected="20260105", precision="day"),
        Value(op="same", slot="x"),
    ],
)
def test_what_the_trace_holds_reads_back(value: Value) -> None:
    assert Value.of(value.data()) == value
    assert value.data()["op"] == value.op
    assert "" not in value.data().values()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"op": "resembles"}, "unknown operator 'resembles'"),
        ({"op": "decimal", "tolerance": "-1"}, "not negative"),
        ({"op": "decimal", "tolerance": "some"}, "a tolerance is a number"),
        ({"op": "time", "expected": ""}, "no time to the second"),
        ({"op": "time", "expected": "202601", "precision": "day"}, "no time to the day"),
        ({"op": "same"}, "tied together by a slot"),
    ],
)
def test_values_that_could_not_judge_are_refused(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Value(**fields)


def test_a_pattern_must_be_one() -> None:
    with pytest.raises(re.error):
        Value(op="pattern", expected="(")


def test_numbers_are_exact_and_finite() -> None:
    assert number("0.1") == Decimal(1) / Decimal(10)
    assert number("1e3") == 1000
    assert number("-0") == 0
    assert number("12a") is None
    assert number("-inf") is None


@pytest.mark.parametrize(
    ("expected", "actual"),
    [("a", "b"), ("", "x" * SHOWN_MAX), ("same", "same")],
)
def test_short_texts_are_shown_whole(expected: str, actual: str) -> None:
    assert beside(expected, actual) == (expected, actual)


@pytest.mark.parametrize("at", [0, 7, AROUND + 1, 4_999, 5_000])
def test_of_long_texts_what_stands_around_the_first_difference_is_shown(at: int) -> None:
    whole = "".join(chr(0x4E00 + n % 5_000) for n in range(5_000))
    other = f"{whole[:at]}!{whole[at + 1 :]}"
    should, is_there = beside(whole, other)

    assert "!" in is_there
    assert f"[{max(0, at - AROUND) + 1}-" in should
    assert should.endswith("/5000]")
    assert len(should) < 300
    assert whole[at : at + 1] in should


def test_a_text_that_was_cut_shows_where_it_ends() -> None:
    should, is_there = beside("中" * 30_000, "中" * 10_000)

    assert should == f"…{'中' * 200}… [9901-10100/30000]"
    assert is_there == f"…{'中' * 100} [9901-10000/10000]"
    assert beside("中" * 30_000, "(absent)")[1] == "(absent)"


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (Value(), {"op": "equals"}),
        (Value(expected="5"), {"op": "equals", "expected": "5"}),
        (Value(op="decimal", expected="5", tolerance="0.1", unit="mmol/L"),
         {"op": "decimal", "expected": "5", "tolerance": "0.1", "unit": "mmol/L"}),
        (Value(op="time", expected="202601", precision="month"),
         {"op": "time", "expected": "202601", "precision": "month"}),
    ],
)  # fmt: skip
def test_the_trace_has_of_a_value_what_is_not_the_default(value, data):
    assert value.data() == data
    assert Value.of(data) == value
