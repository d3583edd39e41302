"""One scenario from its first sentence to the seal."""

from pathlib import Path

import pytest
from engine import FIRST_LINE, PLACE, Sentences, command_expected, play

from harness.errors import (
    Blocked,
    HarnessError,
    InputError,
    LocalProtocolError,
    PeerError,
    PermitError,
)
from harness.evidence.expect import Expectation, Selector
from harness.evidence.verdict import Verdict
from harness.scenario.runner import scenario_seed

PLAIN = """    假如 准备
    当 行动
    那么 10秒内成立
    而且 10秒内也成立
"""


def pending(world):
    world.order("HIS", "pending")


def ready(world):
    return command_expected("pending")


def sentences(*, given=lambda world: None, when=pending, then=ready, also=ready):
    own = Sentences().given("准备", given).when("行动", when)
    return own.then("成立", then).then("也成立", also)


def raising(error):
    def act(world):
        raise error

    return act


def steps_taken(records):
    return [one["text"] for one in records if one["kind"] == "step"]


def test_every_sentence_is_carried_out_and_judged(tmp_path):
    conclusion, records = play(tmp_path, PLAIN, sentences())
    assert conclusion.verdict is Verdict.PASS
    assert steps_taken(records) == ["准备", "行动", "10秒内成立", "10秒内也成立"]
    judged = [one["sentence"] for one in records if one["kind"] == "expectation"]
    assert judged == [2, 3]
    assert [one["kind"] for one in records[:1] + records[-1:]] == ["open", "seal"]


def test_a_step_may_give_several_expectations(tmp_path):
    def two(world):
        return [command_expected("pending"), command_expected("nothing")]

    conclusion, records = play(tmp_path, PLAIN, sentences(then=two))
    assert conclusion.verdict is Verdict.FAIL
    assert [one["verdict"] for one in records if one["kind"] == "judgement"] == [
        "pass",
        "fail",
        "pass",
    ]


def test_after_a_failure_the_next_action_is_not_taken(tmp_path):
    text = PLAIN + "    当 行动\n    那么 10秒内成立\n"

    def fails(world):
        return command_expected("nothing")

    conclusion, records = play(tmp_path, text, sentences(then=fails))
    assert conclusion.verdict is Verdict.FAIL
    assert steps_taken(records) == ["准备", "行动", "10秒内成立", "10秒内也成立"]
    assert [one.sentence for one in conclusion.findings] == [2]


@pytest.mark.parametrize(
    ("error", "verdict", "said"),
    [
        (Blocked("没有电"), Verdict.BLOCKED, "没有电"),
        (PermitError("不允许"), Verdict.BLOCKED, "不允许"),
        (InputError("写错了"), Verdict.ERROR, f"own.feature:{FIRST_LINE + 1}: 写错了"),
        (HarnessError("坏了"), Verdict.ERROR, f"own.feature:{FIRST_LINE + 1}: 坏了"),
        (LocalProtocolError("状态"), Verdict.ERROR, f"own.feature:{FIRST_LINE + 1}: 状态"),
        (PeerError("对方"), Verdict.ERROR, f"own.feature:{FIRST_LINE + 1}: 对方"),
        (ZeroDivisionError("division"), Verdict.ERROR, "ZeroDivisionError: division"),
    ],
)
def test_what_a_step_raises_becomes_a_verdict(tmp_path, monkeypatch, error, verdict, said):
    monkeypatch.chdir(tmp_path)
    conclusion, records = play(tmp_path, PLAIN, sentences(when=raising(error)))
    assert conclusion.verdict is verdict
    assert said in "\n".join(conclusion.reasons)
    assert steps_taken(records) == ["准备", "行动"]


def test_our_own_failure_shows_frames_and_no_path_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    conclusion, _ = play(tmp_path, PLAIN, sentences(when=raising(KeyError("x"))))
    text = "\n".join(conclusion.reasons)
    assert "harness/scenario/runner.py:" in text
    assert str(Path(__file__).parent) not in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_a_sentence_that_gives_nothing_to_judge_is_an_error(tmp_path, nothing):
    conclusion, _ = play(tmp_path, PLAIN, sentences(then=lambda world: nothing))
    assert conclusion.verdict is Verdict.ERROR
    assert "gives nothing to judge" in conclusion.reasons[0]


def test_what_was_not_reached_is_named(tmp_path):
    """Silence without its positive control proves nothing, and ends the scenario there."""
    text = PLAIN + "    当 行动\n    那么 10秒内成立\n"

    def silence(world):
        return Expectation(
            mode="never",
            select=Selector(kind="violation"),
            place=PLACE,
            limit_s=0.1,
            control=Selector(kind="violation"),
        )

    conclusion, records = play(tmp_path, text, sentences(then=silence))
    assert conclusion.verdict is Verdict.INCONCLUSIVE
    assert f"not judged: line {FIRST_LINE + 5}" in conclusion.reasons
    assert len(steps_taken(records)) == 4


def test_what_is_left_over_is_an_error(tmp_path):
    def leaves(world):
        pending(world)
        world.bench.driver.remove = lambda name: [f"thread of {name}"]
        world.bench._joined.append("HIS")

    conclusion, _ = play(tmp_path, PLAIN, sentences(when=leaves))
    assert conclusion.verdict is Verdict.ERROR
    assert "left over: thread of HIS" in conclusion.reasons[-1]


@pytest.mark.parametrize("error", [HarnessError("坏了"), KeyError("坏了")])
def test_the_devices_go_even_where_the_end_goes_wrong(tmp_path, error):
    benches, done = [], []

    def unrest(world):
        pending(world)
        benches.append(world.bench)
        world.bench._joined.append("relay")  # stands for a device that was joined
        world.at_end += [lambda: raising(error)(world), lambda: done.append("the next action")]

    conclusion, _ = play(tmp_path, PLAIN, sentences(when=unrest))
    assert conclusion.verdict is Verdict.ERROR
    assert "坏了" in conclusion.reasons[-1]
    assert done == ["the next action"]
    assert benches[0]._joined == []
    assert benches[0].switch.watcher is None


def test_a_bench_that_does_not_end_is_an_error(tmp_path):
    def breaks(world):
        pending(world)
        world.bench._redirected.append("his-lis")
        world.bench.driver.members["relay"].host.power_off()

    conclusion, _ = play(tmp_path, PLAIN, sentences(when=breaks))
    assert conclusion.verdict is Verdict.ERROR
    assert "left over" in conclusion.reasons[-1]


def test_the_world_may_be_prepared_before_the_first_sentence(tmp_path):
    seen = []
    play(tmp_path, PLAIN, sentences(), prepare=lambda world: seen.append(len(world.trace)))
    assert seen == [1]


def test_the_seed_of_a_scenario_depends_on_the_run_and_on_its_id_alone():
    assert scenario_seed(1, "a") == scenario_seed(1, "a")
    assert len({scenario_seed(run, name) for run in range(20) for name in "abc"}) == 60
    assert 0 <= scenario_seed(1, "a") < 2**48
