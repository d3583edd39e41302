"""Repeats in random order: what counts as a flake, and that the order is another each time."""

from pathlib import Path

import pytest

from harness.evidence import trace
from harness.selfcheck import flake
from harness.selfcheck.flake import Flakes, Manner, Run

ONE = Manner(workers=1, loaded=False)
FOUR = Manner(workers=4, loaded=True)


def test_what_does_not_pass_is_a_flake_and_what_does_not_apply_is_no_run():
    found = Flakes()
    found.add(
        ONE, 0, [Run(scenario="a", verdict="pass"), Run(scenario="b", verdict="inconclusive")]
    )
    found.add(
        FOUR, 1, [Run(scenario="a", verdict="pass"), Run(scenario="c", verdict="not-applicable")]
    )

    assert found.runs == 3
    assert found.rate == pytest.approx(1 / 3)
    (one,) = found.data()["flaky"]
    assert (one["scenario"], one["workers"], one["loaded"], one["repeat"]) == ("b", 1, False, 0)


def test_nothing_played_is_no_rate():
    assert Flakes().rate == 0.0


def test_the_order_differs_by_manner_and_repeat_and_is_the_same_again():
    names = [f"s{number}" for number in range(30)]
    orders = [
        flake.shuffled(names, 1, manner, repeat) for manner in (ONE, FOUR) for repeat in (0, 1)
    ]

    assert all(sorted(order) == sorted(names) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert flake.shuffled(names, 1, ONE, 0) == orders[0]


@pytest.mark.slow
def test_scenarios_are_played_by_processes_while_others_burn(monkeypatch, tmp_path):
    monkeypatch.setattr(flake, "BURNERS", 1)
    idents = ["lab-upload-plain", "lab-unmatched"]

    manners = [Manner(workers=2, loaded=True)]
    found = flake.measure(idents, manners, seed=1, folder=tmp_path, profile="memory")

    assert (found.runs, found.flaky) == (2, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_of_a_scenario_that_fails_place_and_trace_are_kept(monkeypatch, tmp_path):
    options = flake.SessionOptions
    monkeypatch.setattr(
        flake, "SessionOptions", lambda **given: options(**given, defects=("lis-drops-unmatched",))
    )

    (run,) = flake.play(["lab-unmatched"], 1, "memory", tmp_path)

    assert run.verdict == "fail"
    assert any("LIS" in one for one in run.reasons)
    assert trace.read(Path(run.trace)).verdict == "fail"
