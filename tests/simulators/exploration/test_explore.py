"""Exploring settlement: what it plays, how it judges, and that a HIS that does wrong shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from simulators.exploration import books as judge
from simulators.exploration.explore import explore
from simulators.exploration.play import (
    AT_ONCE,
    DAY_END,
    NEVER_FIRED,
    NO_CUT,
    PERSON,
    UNEXPLAINED,
    Ended,
    Explorer,
)
from simulators.exploration.points import CUTS, FAULTS, STORIES, Fault, Point, Story, points
from simulators.store import Store, insert, open_store

OUTPATIENT = STORIES[0]


def by_action(action: str, **parameters: str) -> Fault:
    return next(
        one for one in FAULTS if one.action == action and dict(one.parameters) == parameters
    )


def at(
    explorer: Explorer, infno: str, fault: Fault | None, cut: str = "", story: Story = OUTPATIENT
) -> Ended:
    sent = explorer.messages(story)
    point = Point(
        story=story, message=sent.index(infno) + 1, infno=infno, nth=1, fault=fault, cut=cut
    )
    return explorer.play(point)


# -- points ----------------------------------------------------------------------------------------


def test_every_message_meets_every_fault_and_every_power_cut() -> None:
    found = list(points(OUTPATIENT, ["2206", "2207", "2207"]))

    assert len(found) == len({one.name for one in found})
    last = [one for one in found if one.nth == 2]
    assert {one.infno for one in last} == {"2207"}
    assert {one.message for one in last} == {3}
    assert {one.cut for one in last if one.fault is None} == set(CUTS)
    fitting = {one.fault.name for one in last if one.fault}
    assert fitting == {one.name for one in FAULTS if not one.only or "2207" in one.only}
    assert len(last) == len(fitting) * (len(CUTS) + 1) + len(CUTS)


def test_the_list_of_fault_points_is_whole() -> None:
    assert {one.action for one in FAULTS} == {f"F{n}" for n in range(24)}


def test_a_story_with_trouble_is_explored_from_there_on() -> None:
    story = Story(name="t", steps=("settle",), troubles=(("F3", "2207", 1),))
    found = list(points(story, ["2206", "2207", "2601", "2206"]))

    assert {(one.infno, one.nth) for one in found} == {("2601", 1), ("2206", 2)}


def test_a_callback_is_led_astray_where_somebody_pays() -> None:
    mobile = next(one for one in STORIES if one.mobile)
    met = {
        (one.infno, one.fault.name)
        for one in points(mobile, ["6202", "6301"])
        if one.fault and one.fault.action == "F20"
    }
    assert met == {("6202", f"F20 how={how}") for how in ("never", "late", "twice", "disorder")}


# -- how a point ends ------------------------------------------------------------------------------


def test_ways_to_end(tmp_path: Path) -> None:
    explorer = Explorer(tmp_path, 1)

    assert at(explorer, "2206", by_action("F3")).way == AT_ONCE
    hollow = at(explorer, "2208", by_action("F9"))
    assert hollow.way == PERSON
    assert [(kind, repair) for kind, _, repair in hollow.rows] == [("hospital_more", "manual")]


@pytest.mark.slow
def test_the_day_end_names_row_cause_and_repair(tmp_path: Path) -> None:
    ended = at(Explorer(tmp_path, 1), "2207", by_action("F8"))

    assert ended.way == DAY_END
    assert ended.rows == [
        ("centre_more", "answered as failed, and the centre had committed", "2601")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("cut", list(CUTS))
def test_power_cuts_happen(tmp_path: Path, cut: str) -> None:
    ended = at(Explorer(tmp_path, 1), "2207", by_action("F3"), cut)
    assert ended.way in {AT_ONCE, DAY_END}, ended


@pytest.mark.slow
@pytest.mark.parametrize("action", ["F0", "F23"])
def test_a_connection_that_does_not_come_about(tmp_path: Path, action: str) -> None:
    assert at(Explorer(tmp_path, 1), "2207", by_action(action)).way == AT_ONCE


@pytest.mark.slow
def test_a_fault_that_finds_nothing_is_not_counted_as_met(tmp_path: Path) -> None:
    late = Point(story=OUTPATIENT, message=99, infno="2207", nth=9, fault=by_action("F3"))
    assert Explorer(tmp_path, 1).play(late).way == NEVER_FIRED


@pytest.mark.slow
def test_a_fault_without_an_effect_has_not_fired(tmp_path: Path) -> None:
    """A question changes nothing, so an answer without a commit is the answer."""
    ended = at(Explorer(tmp_path, 1), "3201", by_action("F9"))
    assert (ended.way, ended.fired) == (NEVER_FIRED, False)


@pytest.mark.slow
def test_a_power_cut_at_a_commit_that_never_comes_is_counted_apart(tmp_path: Path) -> None:
    explorer = Explorer(tmp_path, 1)
    sent = explorer.messages(OUTPATIENT)
    last = Point(story=OUTPATIENT, message=len(sent) + 9, infno="5201", nth=1, cut=next(iter(CUTS)))
    assert explorer.play(last).way == NO_CUT


WAS_WRONG = [
    ("2201", "F3", {}, ""),
    ("2201", "F8", {}, "after the answer is logged"),
    ("2201", "F10", {}, "after what follows is booked"),
    ("2208", "F8", {}, "after the answer is logged"),
    ("2208", "F10", {}, "after what follows is booked"),
    ("2208", "F13", {"seconds": "86400"}, "before the answer is logged"),
    ("2208", "F13", {"seconds": "-86400"}, "after the answer is logged"),
    ("2207", "F9", {}, ""),
]
"""Points at which books stayed apart, rows unlisted, or visits open."""


@pytest.mark.slow
@pytest.mark.parametrize(("infno", "action", "parameters", "cut"), WAS_WRONG)
def test_what_was_wrong_once(
    tmp_path: Path, infno: str, action: str, parameters: dict[str, str], cut: str
) -> None:
    ended = at(Explorer(tmp_path, 1), infno, by_action(action, **parameters), cut)

    assert ended.way in {AT_ONCE, DAY_END, PERSON}, ended
    assert ended.fired
    assert not ended.visits
    assert ended.named == ended.converged == bool(ended.loose)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["never", "late", "twice", "disorder"])
def test_a_callback_that_goes_astray(tmp_path: Path, how: str) -> None:
    mobile = next(one for one in STORIES if one.mobile)
    ended = at(Explorer(tmp_path, 1), "6202", by_action("F20", how=how), story=mobile)

    assert ended.fired
    assert ended.way in {AT_ONCE, DAY_END}, ended


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defect", "infno", "action"),
    [
        ("his-yb-timeout-is-success", "2207", "F2"),
        ("his-yb-refund-unchecked", "2208", "F2"),
        ("his-yb-trusts-amounts", "2207", "F19"),
        ("his-yb-ignores-3201", "2207", "F8"),
    ],
)
def test_a_his_that_does_wrong_ends_otherwise(
    tmp_path: Path, defect: str, infno: str, action: str
) -> None:
    parameters = {"identity": "I2"} if action == "F19" else {}
    fault = by_action(action, **parameters)

    clean = at(Explorer(tmp_path / "clean", 1), infno, fault).way
    wrong = at(Explorer(tmp_path / "wrong", 1, frozenset({defect})), infno, fault)

    assert clean in {AT_ONCE, DAY_END}
    assert wrong.way in {PERSON, UNEXPLAINED}  # rows that the day end can only list


# -- the judge -------------------------------------------------------------------------------------

COLUMNS: dict[str, Any] = {
    "medins_setl_id": "M1", "setl_id": "S1", "mdtrt_id": "V1", "psn_no": "P1",
    "refd_setl_flag": "0", "medfee_fen": 1000, "fund_fen": 600, "acct_fen": 300, "cash_fen": 100,
    "setl_time": "2026-01-05 08:00:00", "clr_type": "11", "insutype": "310", "clr_optins": "430100",
}  # fmt: skip


@pytest.fixture
def stores(tmp_path: Path) -> Any:
    names = ", ".join(COLUMNS)
    theirs = names.replace("medfee_fen", "medfee_sumamt").replace("fund_fen", "fund_pay_sumamt")
    theirs = theirs.replace("acct_fen", "acct_pay").replace("cash_fen", "psn_cash_pay")
    his = open_store(str(tmp_path / "h"), [f"CREATE TABLE yb_settlement ({names})"], durable=False)
    centre = open_store(
        str(tmp_path / "c"), [f"CREATE TABLE settlements ({theirs}, vali_flag)"], durable=False
    )
    yield his, centre
    his.close()
    centre.close()


def put(his: Store, centre: Store, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    names = {"medfee_fen": "medfee_sumamt", "fund_fen": "fund_pay_sumamt", "acct_fen": "acct_pay",
             "cash_fen": "psn_cash_pay"}  # fmt: skip
    his.commit([insert("yb_settlement", ours)])
    row = {names.get(name, name): value for name, value in theirs.items()} | {"vali_flag": "1"}
    centre.commit([insert("settlements", row)])


def test_equal_rows_are_not_loose(stores: Any) -> None:
    put(*stores, COLUMNS, COLUMNS)
    assert judge.loose(*stores) == []


@pytest.mark.parametrize("name", list(COLUMNS))
def test_one_field_makes_both_rows_loose(stores: Any, name: str) -> None:
    value = COLUMNS[name] + 1 if isinstance(COLUMNS[name], int) else "other"
    put(*stores, COLUMNS | {name: value}, COLUMNS)
    assert [one.side for one in judge.loose(*stores)] == ["his", "centre"]


def test_the_same_row_twice_is_loose_once(stores: Any) -> None:
    put(*stores, COLUMNS, COLUMNS)
    stores[0].commit([insert("yb_settlement", COLUMNS)])
    assert [one.side for one in judge.loose(*stores)] == ["his"]


def test_a_listed_row_is_about_its_own_settlement_only() -> None:
    row = judge.Loose(side="his", row=COLUMNS)
    listed = {"kind": "differs", "cause": "x", "repair": "manual"}
    assert judge.explains(judge.Named(**listed, setl_id="S1", msgid=""), row)
    assert judge.explains(judge.Named(**listed, setl_id="", msgid="M1"), row)
    assert not judge.explains(judge.Named(**listed, setl_id="S2", msgid="M2"), row)
    assert not judge.explains(
        judge.Named(kind="differs", cause="x", repair="", setl_id="S1", msgid="M1"), row
    )


# -- the whole -------------------------------------------------------------------------------------


def test_an_unknown_defect_is_refused() -> None:
    with pytest.raises(InputError):
        explore(defects=["no-such-defect"])


@pytest.mark.slow
def test_a_slice_adds_up_and_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.exploration.explore.STORIES", STORIES[:1])
    first = explore(seed=3, quick=True)
    second = explore(seed=3, quick=True, jobs=2)

    assert first["points"] == sum(first["ways"].values()) > 10
    for name in ("by_fault", "by_message", "by_story"):
        assert sum(sum(ways.values()) for ways in first[name].values()) == first["points"]
    assert first["unexplained"] == []
    assert {**first, "seconds": 0, "jobs": 0} == {**second, "seconds": 0, "jobs": 0}
    assert min(first["shown"][name] for name in ("fired", "cut", "named", "converged")) > 0
