"""Seeds: that false alarms and seeds that change nothing are both noticed."""

from functools import partial

import pytest

from harness.evidence.line import pack
from harness.selfcheck import runs, seeds
from harness.selfcheck.seeds import over_seeds

pytestmark = pytest.mark.slow


def scenario(ident="lab-upload-plain"):
    return [one for one in runs.shipped() if one.scenario.id == ident]


def test_every_seed_is_another_run_without_a_false_alarm():
    (result,) = over_seeds(scenario(), [1, 2, 3])

    assert result.sends
    assert (result.seeds, result.payloads, result.false_alarms) == (3, 3, ())
    assert result.data()["scenario"] == "lab-upload-plain"


def test_a_false_alarm_names_its_seed_and_its_place(monkeypatch):
    monkeypatch.setattr(seeds, "play", partial(runs.play, defects=["lis-drops-unit"]))

    (result,) = over_seeds(scenario(), [7])

    (alarm,) = result.false_alarms
    assert alarm.startswith("seed 7: fail")
    assert "LIS-ASTM sql results.unit" in alarm


def test_seeds_that_do_not_matter_give_one_payload(monkeypatch):
    monkeypatch.setattr(seeds, "play", lambda scenarios, **_: runs.play(scenarios, seed=1))

    (result,) = over_seeds(scenario(), [1, 2, 3])

    assert result.payloads == 1


def test_control_ids_and_times_are_no_difference(monkeypatch):
    def play(scenarios, seed, **_):
        (played,) = runs.play(scenarios, seed=1)
        text = f"MSH|^~\\&|A|||B|2026010508000{seed}||ADT^A01|T00000000000000{seed}|P\r".encode()
        return [
            runs.Played(
                bound=played.bound,
                conclusion=played.conclusion,
                records=[{"kind": "message", "raw": pack(text)}],
                stores={},
            )
        ]

    monkeypatch.setattr(seeds, "play", play)

    (result,) = over_seeds(scenario(), [1, 2, 3])

    assert result.payloads == 1


def test_who_sends_nothing_is_not_asked_for_other_payloads(monkeypatch):
    def play(scenarios, seed, **_):
        (played,) = runs.play(scenarios, seed=seed)
        return [
            runs.Played(bound=played.bound, conclusion=played.conclusion, records=[], stores={})
        ]

    monkeypatch.setattr(seeds, "play", play)

    (result,) = over_seeds(scenario(), [1])

    assert not result.sends
