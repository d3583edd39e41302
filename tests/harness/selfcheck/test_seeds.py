"""Seeds: that false alarms and seeds that change nothing are both noticed."""

from functools import partial

import pytest

from harness.evidence.line import pack
from harness.selfcheck import runs, seeds, seeds_apart
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


def test_of_all_seeds_eighteen_must_differ_and_of_some_as_large_a_share():
    def result(name, taken, payloads, sends=True):
        return seeds.SeedResult(
            scenario=name, seeds=taken, sends=sends, payloads=payloads, false_alarms=()
        )

    rows = [result("a", 20, 17), result("b", 20, 18), result("c", 2, 1), result("d", 2, 2)]
    assert seeds.alike([*rows, result("silent", 20, 1, sends=False)]) == ["a", "c"]


def test_a_certificate_is_nothing_that_a_scenario_sends():
    shown = {"kind": "message", "type": "tls-certificate", "raw": pack(b"-----BEGIN")}
    said = {"kind": "message", "type": "ADT^A04", "raw": pack(b"MSH|")}

    assert seeds._payloads([shown]) == b""
    assert seeds._payloads([shown, said]) == b"MSH|"


def test_what_needs_sockets_meets_every_seed_over_tcp():
    wanted = [
        one for one in runs.shipped() if one.scenario.id in {"img-store-exact", "img-service-echo"}
    ]

    results = seeds_apart.over_seeds(wanted, [3, 4])

    assert [one.scenario for one in results] == [one.scenario.id for one in wanted]
    assert {(one.seeds, one.false_alarms) for one in results} == {(2, ())}
    assert max(one.payloads for one in results) == 2
    assert seeds_apart.over_seeds([], [3, 4]) == []


def test_a_false_alarm_over_tcp_is_told_with_its_seed():
    found = seeds_apart.play(["lab-upload-plain"], [7, 8], defects=("lis-drops-unit",))

    assert [(one.scenario, one.alarm[:12]) for one in found] == [
        ("lab-upload-plain", "seed 7: fail"),
        ("lab-upload-plain", "seed 8: fail"),
    ]
