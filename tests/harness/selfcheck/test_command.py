"""``medharness selfcheck``: what it writes, and that each of its targets can be missed."""

import json
from concurrent.futures import Executor, Future
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness import __version__
from harness.cli import main
from harness.evidence.verdict import Verdict
from harness.selfcheck import (
    command,
    counting,
    crew,
    defect_matrix,
    fault_classes,
    flake,
    imaging,
    imaging_shares,
    mutants_run,
    mutate_trace,
    revision,
    runs,
    seeds,
    seeds_apart,
)
from harness.selfcheck import progress as telling
from harness.selfcheck.command import SelfCheck, commit
from harness.selfcheck.defect_matrix import Catch
from harness.selfcheck.mutants import Mutant, Outcome
from harness.selfcheck.mutate_trace import OracleResult
from harness.selfcheck.revision import slice_of
from harness.selfcheck.slices import QUICK_APART, QUICK_HALVES, QUICK_SLICES, part_of
from harness.selfcheck.whole import selfcheck
from simulators.hospital.defects import BY_ID

pytestmark = pytest.mark.slow

CHOSEN = ("lab-upload-plain", "lab-unmatched")

FIRST, SECOND = (one.id for one in imaging.DEFECTS[:2])

SEEN = Catch(defect=FIRST, source="img-N1", places=("p",), caught_by=("img-s",),
             intended=("img-s",), placed=("img-s",), seen_at=("p",))  # fmt: skip
"""What became of a defect of the PACS."""


def shares(*found):
    """Slices of PACS and RIS that have been played."""
    done = [Future() for _ in found]
    for one, share in zip(done, found, strict=True):
        one.set_result(share)
    return done


def check(**fields):
    said = []
    return SelfCheck(True, 1, said.append, **fields)


def missed(monkeypatch, name, replacement, part):
    """What is said to be missed where one measurement says something else."""
    module, function = name
    monkeypatch.setattr(module, function, replacement)
    one = check()
    getattr(one, part)()
    return one.failures


@pytest.fixture
def small(monkeypatch):
    """Two scenarios and one defect: the whole course in a second."""
    chosen = [one for one in runs.shipped() if one.scenario.id in CHOSEN]
    monkeypatch.setattr(runs, "shipped", lambda: chosen)
    monkeypatch.setattr(defect_matrix, "DEFECTS", [BY_ID["lis-drops-unmatched"]])
    monkeypatch.setattr(command, "QUICK_PARTS", 40)
    monkeypatch.setattr(command, "QUICK_SLICES", 1)
    monkeypatch.setattr(command, "QUICK_HALVES", 1)
    monkeypatch.setattr(command, "pool_of", lambda _: Here())
    monkeypatch.setattr(
        flake, "_played", lambda order, _, seed, __, kept: flake.play(order, seed, "memory", kept)
    )
    monkeypatch.setattr(flake, "BURNERS", 0)
    share = imaging_shares.Share(catches=[SEEN], clean=["img-s"], failures=[])
    monkeypatch.setattr(imaging_shares, "begin", lambda *_, **__: shares(share))
    return chosen


@pytest.fixture
def told_of(monkeypatch):
    """How far each part was when it ended."""
    ended = {}
    finish = telling.Progress.finish

    def kept(far, key):
        if key in far._parts:
            ended[key] = far._parts[key]
        finish(far, key)

    monkeypatch.setattr(telling.Progress, "finish", kept)
    return ended


class Here(Executor):
    """Runs everything at once, where it was asked."""

    def submit(self, fn, /, *args, **kwargs):
        done = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@pytest.mark.slow
def test_defects_are_played_in_other_processes_as_in_this_one():
    ident = "lab-unmatched"
    with command.pool_of(2) as pool:
        begun = defect_matrix.begin(
            pool, [ident], seed=1, intended_only=True, parts=[(0, 2), (1, 2)]
        )
        found = defect_matrix.collected(begun)

    assert [one.defect for one in found] == [one.id for one in defect_matrix.DEFECTS]
    assert {one.defect for one in found if one.caught} >= {"lis-drops-unmatched"}


@pytest.mark.usefixtures("small")
def test_a_self_check_writes_what_it_measured(tmp_path, capsys, told_of):
    code = selfcheck(quick=True, seed=1, out=str(tmp_path), as_json=True)

    told = json.loads((tmp_path / "selfcheck.json").read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    assert told["format"] == 1
    assert told["whole"] is False
    assert (code == 0) == (told["failures"] == [])
    caught = {one["defect"]: one["caught"] for one in told["defects"]}
    assert caught == {"lis-drops-unmatched": True, FIRST: True}
    assert {*told["seeds"][0]} >= {"payloads", "false_alarms"}
    assert told["oracles"]["vacuous"] == []
    assert told["counts"]["fault_classes"]["lab"]["detected"] == 1
    assert {"link_mutants", "store_mutants", "redundant", "fault_rows"} <= {*told}
    assert told["flakes"] == {"runs": 1, "rate": 0.0, "flaky": []}
    parts = {"clean", "seeds", "seeds_apart", "traces", "defects", "imaging", "flakes"}
    assert parts <= {*told["seconds_of"]}
    assert told["jobs"] >= 1
    assert "lis-drops-unmatched" in (tmp_path / "selfcheck.html").read_text(encoding="utf-8")
    assert "<h2>pacs (1)</h2>" in (tmp_path / "selfcheck.html").read_text(encoding="utf-8")
    assert 'lang="en"' in (tmp_path / "selfcheck.en.html").read_text(encoding="utf-8")
    assert json.loads(printed.splitlines()[-1])["exit_code"] == code
    assert (tmp_path / "faults.md").read_text(encoding="utf-8").startswith("# Fault classes")
    assert not (tmp_path / "selfcheck.partial.json").exists()
    played_apart = told_of.pop("imaging")
    assert (played_apart.done, played_apart.total > 0) == (0, True), "no process played it here"
    assert {*told_of} == {*told["seconds_of"]} - {"imaging"}
    assert {key: one.done for key, one in told_of.items()} == {
        key: one.total for key, one in told_of.items()
    }
    assert sum(one.done for one in told_of.values()) > 10


def test_what_a_stopped_self_check_has_found_is_kept(small, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(SelfCheck, "_flakes", stopped)
    with pytest.raises(KeyboardInterrupt):
        selfcheck(quick=True, seed=1, out=str(tmp_path), as_json=True)

    told = json.loads((tmp_path / "selfcheck.partial.json").read_text(encoding="utf-8"))
    assert {"defects", "imaging", "store_mutants", "fault_classes"} <= {*told["seconds_of"]}
    assert {one["defect"]: one["caught"] for one in told["defects"]}[FIRST]
    assert not (tmp_path / "selfcheck.json").exists()


def test_a_defect_whose_scenario_is_gone_is_a_target_missed(small, tmp_path, monkeypatch):
    left = [one for one in small if one.scenario.id != "lab-unmatched"]
    monkeypatch.setattr(runs, "shipped", lambda: left)

    code = selfcheck(quick=True, seed=1, out=str(tmp_path), as_json=False)

    told = json.loads((tmp_path / "selfcheck.json").read_text(encoding="utf-8"))
    assert code == 1
    assert any(one.startswith("lis-drops-unmatched: not caught") for one in told["failures"])


def test_a_scenario_that_fails_without_a_defect_is_a_target_missed(monkeypatch):
    conclusion = SimpleNamespace(verdict=Verdict.FAIL)
    one = SimpleNamespace(
        bound=SimpleNamespace(scenario=SimpleNamespace(id="s1")), conclusion=conclusion
    )

    failures = missed(monkeypatch, (runs, "play"), lambda *_, **__: [one], "_clean")

    assert failures == ["s1: fail without a defect"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"false_alarms": ("seed 1: fail",)}, "s1"),
        ({"payloads": 1}, "s1: seeds give the same payloads"),
        ({}, ""),
        ({"sends": False, "payloads": 1}, ""),
    ],
)
def test_a_false_alarm_or_seeds_alike_are_targets_missed(monkeypatch, changes, said):
    good = seeds.SeedResult(scenario="s1", seeds=2, sends=True, payloads=2, false_alarms=())
    result = [replace(good, **changes)]

    failures = missed(monkeypatch, (seeds, "over_seeds"), lambda *_: result, "_seeds")

    assert bool(failures) is bool(said)
    assert all(said in failure for failure in failures)


@pytest.mark.parametrize(
    ("killed", "vacuous", "survivors", "count"),
    [
        (90, (), ("alter results unit: lab.stored 1 of 1",), 0),
        (89, (), (), 1),
        (100, ("s1 E1",), (), 1),
        (99, (), ("lab.stored drop lis-results row: lab.stored 1 of 2",), 1),
        (99, (), ("lab.stored no answer lis-results: lab.stored 1 of 2",), 1),
    ],
)
def test_what_is_not_noticed_is_a_target_missed(monkeypatch, killed, vacuous, survivors, count):
    result = OracleResult(mutants=100, killed=killed, survivors=survivors, vacuous=vacuous)

    failures = missed(monkeypatch, (mutate_trace, "measure"), lambda *_, **__: result, "_traces")

    assert len(failures) == count


@pytest.mark.parametrize("where", ["link", "store"])
@pytest.mark.parametrize(
    ("caught", "quick", "count"),
    [(19, False, 0), (17, False, 1), (19, True, 0), (17, True, 0), (13, True, 1)],
)
def test_mutants_that_survive_are_a_target_missed(monkeypatch, where, caught, quick, count):
    """Nine of ten felt ones must be caught; those that no system felt are not counted.

    A slice of twenty fails where so few would hardly ever be caught by chance.
    """
    outcomes = [
        Outcome(
            mutant=Mutant(where="LIS t", kind="alter", field=f"f{number}"),
            felt_in=["s1"] if number < 20 else [],
            caught_by=["s1"] if number < caught else [],
        )
        for number in range(25)
    ]
    monkeypatch.setattr(
        mutants_run,
        "share",
        lambda chosen, *_, **__: (
            [one for one in outcomes if one.mutant in chosen] or outcomes  # asked again, or first
        ),
    )
    one = check()
    one.quick = quick

    one._mutants(where)

    assert len(one.failures) == count
    assert all("LIS t alter f19" in name for name in one.failures)
    assert one.result[f"{where}_mutants"]["felt"] == 20
    assert len(one.result[f"{where}_mutants"]["not_felt"]) == 5


def test_outside_a_checkout_the_version_stands_for_the_commit(monkeypatch):
    def absent(*_args, **_options):
        raise FileNotFoundError

    monkeypatch.setattr(revision.subprocess, "run", absent)
    assert commit() == __version__

    monkeypatch.setattr(revision.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="\n"))
    assert commit() == __version__


def test_scenarios_that_do_not_always_pass_are_a_target_missed(monkeypatch):
    found = flake.Flakes()
    found.add(flake.QUICK[0], 0, [flake.Run(scenario="s1", verdict="fail", reasons=("LIS-ORU",))])

    failures = missed(monkeypatch, (flake, "measure"), lambda *_, **__: found, "_flakes")

    assert len(failures) == 1
    assert "s1" in failures[0]


def test_the_number_of_processes_makes_no_difference(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "quick_scenarios", lambda _: crew.bound(CHOSEN))
    monkeypatch.setattr(command, "QUICK_PARTS", 2000)
    monkeypatch.setattr(command, "QUICK_HALVES", 1)
    monkeypatch.setattr(flake, "measure", lambda *_, **__: flake.Flakes())
    monkeypatch.setattr(defect_matrix, "begin", lambda *_, **__: [])
    monkeypatch.setattr(imaging_shares, "begin", lambda *_, **__: [])
    results = []
    for jobs in (1, 3):
        one = check(jobs=jobs)
        one.run()
        results.append((one.failures, one.result))

    assert results[0] == results[1]
    assert results[0][1]["oracles"]["mutants"] > 10
    assert all(each["seeds"] == 2 for each in results[0][1]["seeds"])


@pytest.mark.parametrize(
    ("catches", "failures", "missed_by"),
    [
        ([SEEN], [], 0),
        ([], [], 1),
        ([replace(SEEN, placed=())], ["not caught at its place"], 1),
    ],
)
def test_defects_of_pacs_and_ris_stand_in_the_matrix_and_are_a_target(catches, failures, missed_by):
    one = check()
    one.result["defects"] = []
    slices = shares(
        imaging_shares.Share(catches=catches, clean=["img-s"], failures=failures),
        imaging_shares.Share(catches=[], clean=["img-t"], failures=failures),
    )

    one._imaging(slices)

    assert len(one.failures) == missed_by
    assert [each["defect"] for each in one.result["defects"]] == [each.defect for each in catches]


def test_slices_of_pacs_and_ris_are_put_together_in_the_order_of_the_catalogue():
    found = imaging_shares.collected(
        shares(
            imaging_shares.Share(
                catches=[replace(SEEN, defect=SECOND)], clean=["b"], failures=["x"]
            ),
            imaging_shares.Share(catches=[SEEN], clean=["a", "b"], failures=["x"]),
        )
    )

    assert [each.defect for each in found.catches] == [FIRST, SECOND]
    assert (found.clean, found.failures) == (["a", "b"], ["x"])


def test_what_does_not_apply_over_memory_meets_seeds_and_repeats_over_tcp(monkeypatch):
    one = check()
    everything = {each.scenario.id: each for each in runs.shipped()}
    one._scenarios = [everything["lab-upload-plain"], everything["img-service-echo"]]
    alarm = seeds.SeedResult(
        scenario="img-service-echo", seeds=2, sends=True, payloads=1, false_alarms=("seed 3: fail",)
    )
    played, repeated = [], []
    monkeypatch.setattr(seeds_apart, "over_seeds", lambda every, _: played.extend(every) or [alarm])
    monkeypatch.setattr(
        flake, "measure", lambda idents, *_, **__: repeated.extend(idents) or flake.Flakes(runs=1)
    )
    one._clean()
    one.result["seeds"] = []

    one = replace(one, quick=False)
    one._seeds_apart()
    one._flakes()

    assert [each.scenario.id for each in played] == ["img-service-echo"]
    assert repeated == ["lab-upload-plain", "img-service-echo"]
    assert one.failures == [
        "img-service-echo: seed 3: fail",
        "img-service-echo: seeds give the same payloads",
    ]
    assert [each["scenario"] for each in one.result["seeds"]] == ["img-service-echo"]


def test_what_slices_of_pacs_and_ris_cover_is_counted_beside_the_other_pillars(monkeypatch):
    row = fault_classes.Row(id="img-01", pillar="imaging", letters="PD")
    half = replace(row, provoked_in=("a",))
    one = check()
    one._pacs = imaging_shares.collected(
        shares(
            imaging_shares.Share(
                catches=[SEEN],
                clean=["a"],
                failures=[],
                rows=[replace(row, detected_by=(FIRST,)), replace(row, id="img-02")],
                covers={"requirement A": frozenset({"g1"}), "B": frozenset({"g1", "g2"})},
            ),
            imaging_shares.Share(
                catches=[],
                clean=["b"],
                failures=[],
                rows=[half, replace(half, id="img-02")],
                covers={"B": frozenset({"g2"}), "fault class img-01": frozenset({"g3"})},
            ),
        )
    )
    monkeypatch.setattr(fault_classes, "table", lambda *_: [replace(row, id="x", pillar="lab")])
    monkeypatch.setattr(fault_classes, "render", lambda _: "")
    monkeypatch.setattr(counting, "counting", lambda *_: (set(), ["lab-s"]))

    one._fault_classes()

    counts = one.result["counts"]
    assert counts["scenarios"]["imaging"] == {"counting": 2}
    assert counts["fault_classes"]["imaging"] == {
        "listed": 2,
        "provoked": 2,
        "detected": 1,
        "counting": 1,
    }
    assert counts["fault_classes"]["lab"]["listed"] == 1
    assert one.result["redundant"] == ["lab-s", "g2"]
    assert [each["id"] for each in one.result["fault_rows"]] == ["x", "img-01", "img-02"]


def test_commits_take_halves_and_a_whole_check_takes_all(monkeypatch):
    everything, taken = list(range(9)), []
    for half in (0, 1):
        monkeypatch.setattr(command, "part_of", lambda _, __, parts, half=half: half % parts)
        taken += check()._half(everything)

    assert sorted(taken) == everything
    assert replace(check(), quick=False)._half(everything) == everything


def test_many_commits_together_take_every_part_of_every_slice():
    """A half that followed from the slice would leave out the other half of each slice for ever."""
    revisions = [f"{number:040x}" for number in range(600)]

    for where, parts in (("half", QUICK_HALVES), ("apart", QUICK_APART)):
        taken = {(slice_of(one, QUICK_SLICES), part_of(one, where, parts)) for one in revisions}
        assert len(taken) == QUICK_SLICES * parts


def test_slices_of_pacs_and_ris_are_the_whole():
    slices = check()._imaging_slices()
    assert len(slices) == 1
    whole = replace(check(), quick=False)._imaging_slices()
    taken = [d.id for part, parts in whole for d in imaging.DEFECTS[part::parts]]

    assert sorted(taken) == sorted(one.id for one in imaging.DEFECTS)
    assert 0 < len(imaging.DEFECTS[slices[0][0] :: slices[0][1]]) < 10


def test_a_negative_number_of_processes_is_refused(capsys):
    assert main(["selfcheck", "--jobs", "-1", "--lang", "en"]) == 2
    assert "--jobs takes 0 or more" in capsys.readouterr().err
