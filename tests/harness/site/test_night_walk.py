"""The piece of the rehearsed night that decides: by the criterion of its stage, and in writing."""

import csv
import subprocess
import sys

import night_walk
import pytest
from engine import Sentences, command_expected, play
from night_walk import WalkError, decide, ended, must, rows_of

ORDER = (
    ("smoke", "s1", "yes"), ("money and identity", "m1", "yes"),
    ("money and identity", "m2", "yes"), ("rest", "r1", "yes"), ("rest", "r2", "no"),
)  # fmt: skip


@pytest.fixture
def plan(tmp_path):
    tables = {
        "night.csv": [("stage", "scenario", "fits"), *ORDER],
        "decisions.csv": [
            ("after", "minute", "criterion", "decided_by", "decision"),
            *((stage, "1", "x", "", "") for stage in ("smoke", "money and identity", "rest", "")),
        ],
    }
    for name, rows in tables.items():
        with (tmp_path / name).open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)
    return tmp_path


@pytest.mark.parametrize(("stage", "verdicts", "decision"), [
    ("smoke", {"s1": "pass"}, "go on"),
    ("smoke", {"s1": "fail"}, "go back"),
    ("smoke", {"s1": "inconclusive"}, "go back"),
    ("smoke", {}, "go back"),
    ("money and identity", {"m1": "pass", "m2": "pass"}, "go on"),
    ("money and identity", {"m1": "pass"}, "go back"),
    ("rest", {"r1": "fail"}, "go on"),
])  # fmt: skip
def test_a_stage_is_decided_by_its_criterion_and_by_name(plan, stage, verdicts, decision):
    assert decide(plan, stage, verdicts, "王主任") == decision
    written = {one["after"]: (one["decided_by"], one["decision"])
               for one in rows_of(plan / "decisions.csv")}  # fmt: skip
    assert written[stage] == ("王主任", decision)
    assert {text for name, text in written.items() if name != stage} == {("", "")}


def test_only_a_sealed_scenario_has_ended(tmp_path):
    def act(world):
        world.trace.add("command", role="HIS", name="x", args={}, outcome="ok", value=None)
        seen.append(ended(tmp_path / "run", "own"))

    seen = []
    assert ended(tmp_path / "run", "own") == ""
    sentences = Sentences().when("行动", act).then("成立", lambda _: command_expected("x"))
    play(tmp_path, "    当 行动\n    那么 10秒内成立\n", sentences)
    assert seen == [""]
    assert ended(tmp_path / "run", "own") == "pass"


def test_the_walk_ends_at_the_first_step_that_does_not_hold(capsys):
    must(True, "held", 7)
    with pytest.raises(WalkError):
        must([], "nothing there")
    assert capsys.readouterr().out == "✔ held: 7\n✘ nothing there\n"


@pytest.mark.slow
def test_the_whole_night_is_walked_with_two_operators(tmp_path):
    command = [sys.executable, night_walk.__file__, "--out", str(tmp_path / "night")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "both operators worked" in done.stdout
