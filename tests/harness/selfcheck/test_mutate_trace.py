"""The oracle kill rate: what survives is named, and judges that look at nothing are found out."""

import json
from types import SimpleNamespace

from harness.evidence.conclude import conclude
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.evidence.verdict import Verdict
from harness.model import Place
from harness.selfcheck import runs
from harness.selfcheck.mutate_trace import measure

PLACE = Place(interface="LIS-ASTM", protocol="sql", path="results")
ROW = {"item": "K", "value": "5.2", "unit": "mmol/L", "ward": "W1"}


def wanted(*columns, **more):
    checks = [
        Check(path=f"row.{name}", value=Value(expected=ROW[name]), place=PLACE) for name in columns
    ]
    return Wanted(key={"row.item": "K"}, checks=checks, **more)


def over_rows(*columns, exact=True):
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": "results"}),
        wanted=[wanted(*columns)],
        place=PLACE,
        limit_s=5.0,
        exact=exact,
        ask=Ask(probe="results", args={"barcode": "B1"}),
    )


def over_links(**fields):
    return Expectation(
        mode="eventually",
        select=Selector(kind="link"),
        wanted=[Wanted(key={"event": "opened"}, **fields)],
        place=PLACE,
        limit_s=5.0,
    )


def played(expectation, *looked_at, rests=(), ident="s1"):
    records = [
        {"kind": "open", "sentences": [{"kind": "then", "line": 3}]},
        {"kind": "expectation", "id": "E1", "sentence": 0, "limit_s": 5.0,
         "spec": expectation.data()},
        *looked_at,
        {"kind": "note", "window": "E1", "rests": list(rests)},
    ]  # fmt: skip
    numbered = [{"n": n, "t": float(n), "w": ""} | one for n, one in enumerate(records, 1)]
    step = SimpleNamespace(step=SimpleNamespace(id="lab.stored"))
    return runs.Played(
        bound=SimpleNamespace(scenario=SimpleNamespace(id=ident), steps=[step]),
        conclusion=conclude(numbered),
        records=numbered,
        stores={},
    )


def look(*rows):
    return {
        "kind": "probe", "probe": "results", "role": "LIS", "args": {}, "outcome": "ok",
        "rows": list(rows), "error": "", "ask": "E1", "last": True,
    }  # fmt: skip


def opened():
    return {"kind": "link", "event": "opened", "conn": "c"}


def survivors(result):
    return [line.partition(":")[0] for line in result.survivors]


def test_a_judge_of_every_field_leaves_none():
    one = played(over_rows("value", "unit"), look(ROW), rests=[3])
    assert one.conclusion.verdict is Verdict.PASS

    result = measure([one])

    assert not [name for name in survivors(result) if name.startswith("alter")]
    assert result.vacuous == ()
    assert 0 < result.killed <= result.mutants <= result.traces


def test_a_mutant_that_nobody_judges_survives_and_is_named():
    result = measure([played(over_rows("value"), look(ROW), rests=[3])])

    assert "alter results unit" in survivors(result)
    assert "alter results value" not in survivors(result)
    assert any("lab.stored 1 of 1" in line for line in result.survivors)


def test_one_oracle_may_leave_a_field_to_another_and_is_named_for_it():
    careless = played(over_rows("value"), look(ROW), rests=[3])
    careful = played(over_rows("value", "unit"), look(ROW), rests=[3])
    careful.bound.steps[0].step.id = "lab.whole"

    result = measure([careless, careful])

    assert "alter results unit" not in survivors(result)
    assert "alter results unit" in result.left_alone["lab.stored"]
    assert "alter results unit" not in result.left_alone["lab.whole"]


def test_a_row_too_many_is_noticed_by_each_oracle_for_itself():
    careless = played(over_rows("value", exact=False), look(ROW), rests=[3])
    careful = played(over_rows("value"), look(ROW), rests=[3])
    careful.bound.steps[0].step.id = "lab.exact"

    names = survivors(measure([careless, careful]))

    assert "lab.stored repeat results row" in names
    assert "lab.exact repeat results row" not in names


def test_a_field_without_a_meaning_is_no_mutant_but_is_listed():
    result = measure([played(over_rows("value", "unit"), look(ROW), rests=[3])])

    assert "alter results ward" not in survivors(result)
    assert "alter results ward" in result.left_alone["lab.stored"]


def test_a_judge_that_looks_at_nothing_is_vacuous():
    blind = played(over_links(times=0))
    assert blind.conclusion.verdict is Verdict.PASS

    result = measure([blind])

    assert result.vacuous == ("s1 E1 lab.stored: cites nothing",)


def test_a_judge_that_stands_without_what_it_cites_is_vacuous():
    careless = played(over_links(), opened(), opened())
    assert careless.conclusion.verdict is Verdict.PASS

    result = measure([careless])

    assert result.vacuous == (
        "s1 E1 lab.stored: stands without record 3",
        "s1 E1 lab.stored: stands without record 4",
    )


def test_the_same_judge_is_not_vacuous_where_its_window_names_what_it_rests_on():
    assert measure([played(over_links(), opened(), opened(), rests=[3, 4])]).vacuous == ()


def test_what_did_not_pass_is_left_out():
    failed = played(over_rows("value"), look(ROW | {"value": "6"}), rests=[3])
    assert failed.conclusion.verdict is Verdict.FAIL

    result = measure([failed])

    assert (result.mutants, result.killed, result.vacuous) == (0, 0, ())


def test_data_is_plain():
    result = measure([played(over_rows("value"), look(ROW), rests=[3])])

    data = json.loads(json.dumps(result.data()))

    assert data["mutants"] == result.mutants
    assert data["left_alone"]["lab.stored"]
