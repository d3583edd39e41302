"""Which scenarios count: those that alone catch, provoke or judge something."""

from types import SimpleNamespace

import pytest

from harness.selfcheck.counting import counting
from harness.selfcheck.ledger_rows import judged_rows


def row(kind, cause="", field="", difference="yes"):
    return {"class": kind, "cause": cause, "field": field, "difference": difference}


def books(*rows, cited=True, verdict="pass"):
    """What a scenario leaves that reconciles once and judges it."""
    return [
        {"n": 1, "kind": "probe", "probe": "reconcile-rows", "rows": list(rows)},
        {"n": 2, "kind": "judgement", "verdict": verdict, "cited": [1] if cited else []},
    ]


def played(ident, records=(), *, requirement="REQ-REC-001", outline="", faults=()):
    scenario = SimpleNamespace(id=ident, outline=outline, requirement=requirement)
    fired = [SimpleNamespace(fired=True, fault_class=one) for one in faults]
    return SimpleNamespace(bound=SimpleNamespace(scenario=scenario), records=records,
                           conclusion=SimpleNamespace(faults=fired))  # fmt: skip


def catch(defect, *by):
    return SimpleNamespace(defect=defect, caught_by=by)


def test_a_class_a_field_and_a_cause_are_rows_of_the_catalogue():
    records = books(row("amount", "rounding", "fund_pay_sumamt"), row("centre_only"))
    assert judged_rows(records) == [
        "ledger class amount", "ledger class amount in fund_pay_sumamt", "ledger cause rounding",
        "ledger class centre_only",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "records",
    [
        books(row("centre_only"), cited=False),
        books(row("centre_only"), verdict="fail"),
        books(row("matched", difference="no")),
        books(),
    ],
)
def test_what_nobody_judged_or_what_is_no_difference_covers_nothing(records):
    assert judged_rows(records) == []


def test_an_unknown_cause_is_no_row():
    assert judged_rows(books(row("amount", "unknown"))) == ["ledger class amount"]


def test_only_what_is_alone_counts():
    same = books(row("amount", "rounding"))
    found = [
        played("one", same, outline="outline"),
        played("another-row-of-it", same, outline="outline"),
        played("redundant", books(row("centre_only"))),
        played("by-cause", books(row("centre_only", "rollback"))),
        played("by-defect"),
        played("by-fault", faults=["yb-1"]),
    ]
    alone, redundant = counting(found, [catch("d1", "by-defect"), catch("d2", "one", "redundant")])
    assert alone == {"outline", "by-cause", "by-defect", "by-fault"}
    assert redundant == ["redundant"]
