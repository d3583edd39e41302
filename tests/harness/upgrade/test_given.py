"""What is drawn is no difference; what a system makes of it otherwise is one."""

from __future__ import annotations

import pytest

from harness.upgrade.given import Given, of_records, sums

ROLE = ("command", "HIS", "admit", "1", "name")


def given(*pairs: tuple[str, str]) -> Given:
    old = {(*ROLE, str(number)): pair[0] for number, pair in enumerate(pairs)}
    new = {(*ROLE, str(number)): pair[1] for number, pair in enumerate(pairs)}
    return Given(old, new)


@pytest.mark.parametrize(
    ("put", "shown"),
    [
        (("张三", "李四光"), ("张三", "李四光")),
        (("M", "F"), ("M", "F")),
        (("MH123456", "MH987654"), ("OMH123456", "OMH987654")),
        (("MH12345678", "MH98765432"), ("12345678", "98765432")),
        (("7.40", "2.16"), ("7.4", "2.2")),
        (("2026-01-05T07:53:00+08:00", "2026-01-05T07:40:00+08:00"),
         ("20260105075300", "20260105074000")),
    ],
)  # fmt: skip
def test_what_follows_the_seed_is_no_difference(
    put: tuple[str, str], shown: tuple[str, str]
) -> None:
    assert given(put).explains(*shown)


@pytest.mark.parametrize(
    ("put", "shown"),
    [
        (("张三", "李四光"), ("张三", "李四")),
        (("MH12345678", "MH98765432"), ("MH12345678", "MH987654")),
        (("7.40", "2.10"), ("7.40", "2.1")),
        (("7.46", "2.16"), ("7.5", "2.1")),
        (("M", "F"), ("M", "M")),
        (("20140128", "19690511"), ("20140128", "196905110000")),
    ],
)
def test_what_is_made_of_it_otherwise_stays_one(
    put: tuple[str, str], shown: tuple[str, str]
) -> None:
    assert not given(put).explains(*shown)


def test_values_of_two_patients_are_not_confused() -> None:
    put = given(("张三", "李四"), ("王五", "赵六"))

    assert put.explains("张三", "李四")
    assert not put.explains("张三", "赵六")


def test_equal_input_explains_nothing() -> None:
    assert not given(("张三", "张三")).explains("张三", "李四")


def test_roles_are_commands_and_expectations() -> None:
    records = [
        {"kind": "command", "role": "HIS", "name": "order", "args": {"items": "K,NA", "n": 2}},
        {"kind": "command", "role": "HIS", "name": "order", "args": {"items": "GLU"}},
        {"kind": "expectation", "sentence": 5, "spec": {"wanted": [{"expected": "4.1"}]}},
        {"kind": "note", "text": "no"},
    ]

    assert dict(of_records(records)) == {
        ("command", "HIS", "order", "1", "items"): "K,NA",
        ("command", "HIS", "order", "1", "items", "part 1"): "K",
        ("command", "HIS", "order", "1", "items", "part 2"): "NA",
        ("command", "HIS", "order", "1", "n"): "2",
        ("command", "HIS", "order", "2", "items"): "GLU",
        ("expectation", "5", "1", "wanted", "1", "expected"): "4.1",
    }


def test_what_a_system_multiplies_and_adds_follows_from_what_it_was_given() -> None:
    lines = "Y001,10.44,4;Y002,132.33,2;J006,577.87,1", "Y001,2.50,3;Y002,1.10,5;J006,9.99,1"
    records = [
        [{"kind": "command", "role": "HIS", "name": "yb-bill", "args": {"lines": one}}]
        for one in lines
    ]
    made = Given(*(dict(of_records(one)) for one in records))

    assert made.explains("884.29", "22.99"), "41.76 + 264.66 + 577.87 and 7.50 + 5.50 + 9.99"
    assert made.explains("41.76", "7.50")
    assert made.explains("88429", "2299"), "in fen"
    assert not made.explains("884.28", "22.99")
    assert not made.explains("884.29", "23.0"), "one side was rounded"


def test_a_list_of_amounts_is_added_up() -> None:
    rows = {"/r[1]/fee": "1.20", "/r[2]/fee": "2.30", "/r[1]/n": "1", "/r[2]/n": "2", "/x": "9.99"}

    assert list(sums(rows)) == [("/r/fee", "3.50")]
