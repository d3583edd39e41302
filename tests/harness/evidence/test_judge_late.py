"""What comes behind the limit came too late, however right it is."""

from __future__ import annotations

import pytest

from harness.evidence.expect import Ask, Expectation, Selector, Wanted
from harness.evidence.judge import judge
from harness.model import Place

PLACE = Place(interface="LIS-ASTM", protocol="sql", path="results")


def expectation(kind, ask=None):
    return Expectation(
        mode="eventually",
        select=Selector(kind=kind),
        wanted=[Wanted(key={"row.item" if kind == "probe" else "name": "K"})],
        place=PLACE,
        limit_s=5.0,
        ask=ask,
    )


def answer(t):
    rows = [{"item": "K"}]
    return {
        "n": 2,
        "t": t,
        "kind": "probe",
        "ask": "E1",
        "outcome": "ok",
        "rows": rows,
        "last": True,
    }


def command(t):
    return {"n": 2, "t": t, "kind": "command", "name": "K"}


@pytest.mark.parametrize(
    ("wanted", "record"),
    [(expectation("probe", Ask(probe="p")), answer), (expectation("command"), command)],
)
def test_the_same_record_passes_in_time_and_not_behind_the_limit(wanted, record):
    opened = {"n": 1, "t": 0.0, "kind": "expectation", "id": "E1"}
    closed = {"n": 3, "t": 30.0, "kind": "note", "window": "E1", "rests": []}

    in_time = judge(wanted, "E1", [opened, record(4.0), closed]).verdict
    too_late = judge(wanted, "E1", [opened, record(7.0), closed]).verdict

    assert in_time == "pass"
    assert too_late != "pass"
