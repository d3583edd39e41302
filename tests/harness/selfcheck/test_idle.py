"""Hospitals that do nothing: who passes with them all the same is told, unless it is known why."""

from types import SimpleNamespace

import pytest

from harness.evidence.verdict import Verdict
from harness.selfcheck import command, crew, idle, runs
from harness.selfcheck.command import SelfCheck
from scenarios.steps import insurance_faults

pytestmark = pytest.mark.slow


def played(ident, manner):
    (one,) = runs.play(crew.bound([ident]), seed=1, prepare=idle._idle(manner))
    return one


@pytest.mark.parametrize("manner", idle.MANNERS)
def test_what_an_idle_hospital_does_not_do_is_not_in_the_trace(manner):
    one = played("feed-lis-answers", manner)

    said = [each for each in one.records if each["kind"] == "message" and each["frm"] == "LIS"]
    assert bool(said) is (manner == "forgetful")
    assert not one.stores["LIS"]["patients"] or manner == "mute"
    assert one.conclusion.verdict is not Verdict.PASS


def test_a_hospital_that_lost_its_power_comes_back_idle():
    def prepare(world):
        idle._idle("mute")(world)
        world.bench.systems.restart("LIS")

    (one,) = runs.play(crew.bound(["feed-lis-answers"]), seed=1, prepare=prepare)

    assert {each["frm"] for each in one.records if each["kind"] == "message"} == {"HIS"}


def test_a_scenario_that_passes_with_a_deaf_hospital_needs_a_reason(monkeypatch):
    wanted = crew.bound(["feed-admission-message", "feed-lis-answers"])

    deaf, *_ = idle.measure(wanted, seed=1)
    assert (deaf.manner, deaf.plays, deaf.passed) == ("deaf", 2, ["feed-admission-message"])
    assert deaf.unexpected == []
    assert deaf.noticed == 1

    monkeypatch.setitem(idle.ALLOWED, "deaf", {})
    assert deaf.unexpected == ["feed-admission-message"]
    assert deaf.data()["passed"] == {"feed-admission-message": ""}


def test_a_reason_that_no_scenario_needs_is_told():
    results = [
        idle.IdleResult(manner=manner, plays=1, noticed=1, passed=[*idle.ALLOWED[manner]])
        for manner in idle.MANNERS
    ]
    assert idle.stale(results) == []

    (mute,) = [one for one in results if one.manner == "mute"]
    short = idle.IdleResult(manner="mute", plays=1, noticed=1, passed=mute.passed[1:])
    (text,) = idle.stale([short])
    assert mute.passed[0] in text
    assert idle.said("mute") in text


def test_a_row_of_an_outline_has_the_reason_of_its_outline():
    names = {"a-b": "why"}
    assert [one for one in ("a-b", "a-b-12cdef", "a-bc", "a", "a-b-in-hl7") if any(
        idle._is(one, name) for name in names)] == ["a-b", "a-b-12cdef"]  # fmt: skip


def test_reasons_are_of_scenarios_that_ship():
    every = {one.scenario.id for one in runs.shipped()}
    for names in idle.ALLOWED.values():
        for name, why in names.items():
            assert any(idle._is(one, name) for one in every), name
            assert len(why) > 20


@pytest.mark.parametrize("name", ["yb-clock-31", "yb-maintenance"])
def test_a_condition_of_the_centre_that_nobody_met_judges_nothing(name):
    one = played(name, "mute")

    assert one.conclusion.verdict is not Verdict.PASS
    assert any("nobody called the centre in" in each or "没有人调用" in each
               for each in one.conclusion.reasons)  # fmt: skip


@pytest.mark.parametrize(("at", "met"), [(0, False), (1, True), (2, False)])
def test_a_call_before_or_after_it_does_not_meet_a_condition_of_the_centre(at, met):
    answer = {"kind": "message", "frm": insurance_faults.ROLE}
    records = [{"kind": "note"} for _ in range(3)]
    records[at] = answer
    told = []
    trace = SimpleNamespace(records=records, add=lambda *_, **note: told.append(note["verdict"]))
    condition = insurance_faults._Condition("maintenance", begun=1, ended=2)

    condition.require_met(SimpleNamespace(trace=trace))

    assert told == ([] if met else ["inconclusive"])


def test_a_pacs_that_refuses_pleases_only_who_does_not_call_it():
    wanted = crew.bound(["img-service-load", "img-web-stow-twice"])

    (result,) = idle.measure_apart(wanted, seed=1)

    assert (result.manner, result.plays) == (idle.REFUSING, 2)
    assert result.passed == ["img-web-stow-twice"]
    assert result.unexpected == []
    assert idle.measure_apart([], seed=1) == []


def idle_part(monkeypatch, found, *, quick=True):
    """What the part of a self-check says of these results."""
    one = SelfCheck(quick=quick, seed=1, say=lambda _: None)
    monkeypatch.setattr(idle, "measure", lambda *_, **__: [*found])
    monkeypatch.setattr(idle, "measure_apart", lambda *_, **__: [])
    monkeypatch.setattr(command, "commit", lambda: "0" * 40)
    one._idle()
    return one.failures


def test_a_part_in_which_nobody_noticed_anything_is_a_target_missed(monkeypatch):
    good = idle.IdleResult(manner="deaf", plays=3, noticed=2, passed=[])
    broken = idle.IdleResult(manner="mute", plays=3, noticed=0, passed=[])

    assert idle_part(monkeypatch, [good]) == []
    (nothing,) = idle_part(monkeypatch, [good, broken])
    assert idle.said("mute") in nothing
    assert len(idle_part(monkeypatch, [])) == 1


def test_who_passes_without_a_reason_is_a_target_missed_and_a_stale_reason_in_a_whole_one(
    monkeypatch,
):
    found = [idle.IdleResult(manner="deaf", plays=3, noticed=2, passed=["lab-upload-plain"])]

    (alarm,) = idle_part(monkeypatch, found)
    assert alarm.startswith("lab-upload-plain")
    assert len(idle_part(monkeypatch, found, quick=False)) == 1 + len(idle.ALLOWED["deaf"])
