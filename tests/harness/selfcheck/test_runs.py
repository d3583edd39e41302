"""Running scenarios for the self-check."""

import pytest

from harness.evidence.verdict import Verdict
from harness.selfcheck.runs import VOLATILE_COLUMNS, play, shipped

pytestmark = pytest.mark.slow


def chosen(*idents):
    return [one for one in shipped() if one.scenario.id in idents]


def test_every_scenario_that_ships_is_there_once():
    idents = [one.scenario.id for one in shipped()]

    assert len(idents) == len({*idents}) > 50


def test_what_was_played_is_the_sealed_trace():
    (played,) = play(chosen("feed-admission-message"), seed=1)

    assert played.bound.scenario.id == "feed-admission-message"
    assert played.conclusion.verdict is Verdict.PASS
    assert played.records[0]["kind"] == "open"
    assert played.records[-1]["kind"] == "seal"
    assert played.records[-1]["verdict"] == "pass"


def test_the_stores_are_those_at_the_end_and_hold_nothing_volatile():
    (played,) = play(chosen("lab-upload-plain"), seed=1)

    assert {*played.stores} == {"LIS", "HIS", "ENGINE", "centre"}
    assert played.stores["LIS"]["results"]
    assert "outbox" not in played.stores["LIS"]
    assert all(len(row) > len(VOLATILE_COLUMNS) for row in played.stores["LIS"]["results"])


@pytest.mark.parametrize("ident", ["lab-upload-plain", "feed-tls-old"])
def test_the_same_seed_leaves_the_same_stores_and_another_others(ident):
    """Settings of the second name files of the run: else every change of it would seem felt."""
    first, again, other = (play(chosen(ident), seed=seed)[0] for seed in (1, 1, 2))

    assert first.stores == again.stores
    assert first.stores != other.stores


def test_each_scenario_has_a_hospital_of_its_own():
    both = chosen("lab-upload-plain", "lab-upload-chinese")

    together = play(both, seed=1)

    alone = [play([one], seed=1)[0] for one in both]
    assert [one.stores for one in together] == [one.stores for one in alone]


def test_a_defect_is_on_for_the_run_and_off_behind_it():
    (broken,) = play(chosen("lab-upload-plain"), seed=1, defects=["lis-drops-unit"])
    (clean,) = play(chosen("lab-upload-plain"), seed=1)

    assert broken.conclusion.verdict is Verdict.FAIL
    assert clean.conclusion.verdict is Verdict.PASS


def test_who_prepares_sees_the_world_before_its_first_sentence():
    seen = []

    play(
        chosen("feed-admission-message"),
        seed=1,
        prepare=lambda world: seen.append([one["kind"] for one in world.trace.records]),
    )

    assert seen == [["open"]]


def test_nothing_is_played_of_nothing():
    assert play([], seed=1) == []
