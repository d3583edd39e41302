"""Which call a fault hits, and what it does to an answer."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from decimal import Decimal

import pytest

from harness.errors import InputError
from simulators.centre import centre_faults as faults
from simulators.centre.transaction import Call

AT = datetime(2026, 1, 5, 8, 0, 0)  # noqa: DTZ001 - the centre's own clock


def call(infno: str = "2207", msgid: str = "M1", psn_no: str = "P1") -> Call:
    data = {"data": {"psn_no": psn_no}}
    return Call(infno=infno, msgid=msgid, fixmedins_code="H", input=data, at=AT)


def book(**fault: object) -> faults.FaultBook:
    made = faults.FaultBook(seed=3)
    made.add(faults.planned({"id": "f", "action": "F3"} | fault))
    return made


def hits(made: faults.FaultBook, *calls: Call) -> list[bool]:
    return [made.due(one) is not None for one in calls]


def test_by_count_and_transaction() -> None:
    made = book(infno=["2207"], occurrences=[2])
    assert hits(made, call(), call("2208"), call(), call()) == [False, False, True, False]
    assert [one["infno"] for one in made.fired] == ["2207"]
    always = book(infno="2207", occurrences=[])
    assert hits(always, call(), call()) == [True, True]
    always.heal("f")
    assert hits(always, call()) == [False]


def test_by_predicate() -> None:
    made = book(holds=["P2"])
    assert hits(made, call(), call(psn_no="P2"), call(psn_no="P2")) == [False, True, False]
    assert hits(book(holds=["M9"]), call(), call(msgid="M9")) == [False, True]


def test_by_keyed_chance() -> None:
    calls = [call(psn_no=f"P{number}", msgid=f"M{number}") for number in range(400)]
    other = [call(psn_no=f"P{number}", msgid=f"X{number}") for number in range(400)]
    first = hits(book(probability=0.3, occurrences=[]), *calls)
    assert first == hits(book(probability=0.3, occurrences=[]), *other)
    assert 60 < sum(first) < 180


def test_a_connection_fault_hits_no_call() -> None:
    made = book(action="F0")
    assert hits(made, call()) == [False]
    assert made.due_on_connect() is not None
    assert made.due_on_connect() is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "F99"},
        {"action": "F20", "parameters": {"how": "sideways"}},
        {"probability": 2},
        {"action": "F19", "parameters": {"identity": "I99"}},
        {"occurrences": ["x"]},
        {"parameters": 3},
    ],
)
def test_no_fault(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        faults.planned({"id": "f", "action": "F3"} | wrong)
    with pytest.raises(InputError):
        faults.planned({})


def test_planned_twice() -> None:
    with pytest.raises(InputError):
        book().add(faults.planned({"id": "f", "action": "F1"}))


def test_representations() -> None:
    output = {"setlinfo": {"a": 1}, "setldetail": [{"b": 2}]}
    assert faults.misrepresented(output, "missing") == {"setldetail": [{"b": 2}]}
    assert faults.misrepresented(output, "list")["setlinfo"] == [{"a": 1}]
    result = {"stmtinfo": {"stmt_rslt": "0"}}
    assert faults.turned_round(result, "0", "1") == {"stmtinfo": {"stmt_rslt": "1"}}
    assert result == {"stmtinfo": {"stmt_rslt": "0"}}


def test_a_cent_goes_to_a_fund_and_not_to_an_account() -> None:
    rows = [
        {"fund_pay_type": "310200", "fund_payamt": Decimal(5)},
        {"fund_pay_type": "310100", "fund_payamt": Decimal(7)},
    ]
    changed = faults.broken_amounts({"setldetail": rows}, "I5")["setldetail"]
    assert [row["fund_payamt"] for row in changed] == [Decimal(5), Decimal("7.01")]


@pytest.mark.parametrize("how", ["empty", "truncated", "bom", "gbk", "swapped"])
def test_spoiled_files(how: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("r.txt", "p\tm\ts\tid\t0\t1\t甲\n")
    spoiled = faults.spoiled_file(packed.getvalue(), how)
    if how == "truncated":
        assert not zipfile.is_zipfile(io.BytesIO(spoiled))
        return
    with zipfile.ZipFile(io.BytesIO(spoiled)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    expected = {
        "bom": "\ufeffp\tm\ts\tid\t0\t1\t甲\n".encode(),
        "gbk": "p\tm\ts\tid\t0\t1\t甲\n".encode("gbk"),
        "swapped": "p\tm\ts\tid\t1\t0\t甲\n".encode(),
    }
    assert held == ({} if how == "empty" else {"r.txt": expected[how]})
