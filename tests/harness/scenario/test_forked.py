"""Workers that are forked: every piece once, none of them lost in silence."""

import json
import subprocess
import sys
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.scenario import forked, lengths

WALK = Path(__file__).with_name("forked_walk.py")
EVERY = [f"piece {number}" for number in range(10)]

linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no SIGKILL on Windows")


@pytest.fixture(scope="module")
def walked():
    done = subprocess.run(
        [sys.executable, str(WALK)], capture_output=True, text=True, check=True, timeout=600
    )
    return json.loads(done.stdout)


def test_steps_of_all_scenarios_are_named_once():
    def item(*ids):
        steps = [SimpleNamespace(step=SimpleNamespace(id=ident)) for ident in ids]
        made = object.__new__(forked.ScenarioItem)
        made.bound = SimpleNamespace(steps=steps)
        return made

    assert list(forked._steps_of([item("a", "b"), object(), item("b", "c")])) == ["a", "b", "c"]


@linux
@pytest.mark.slow
def test_every_piece_is_played_once(walked):
    told = walked["played"]

    assert told["played"] is True
    assert told["pieces"] == EVERY
    assert 1 <= told["workers"] <= 3
    assert told["still"] == []


@linux
@pytest.mark.slow
def test_a_worker_that_ends_is_named_and_the_others_go_on(walked):
    told = walked["lost"]

    assert told["trouble"].startswith("HarnessError")
    assert "piece 1" in told["trouble"]
    assert told["pieces"] == [name for name in EVERY if name != "piece 1"]
    assert told["still"] == []


@linux
@pytest.mark.slow
def test_ctrl_c_ends_workers_that_wait(walked):
    told = walked["stopped"]

    assert told["trouble"].startswith("KeyboardInterrupt")
    assert told["stopped"] == 3, "a worker was killed with its systems on"
    assert told["still"] == []


@linux
@pytest.mark.slow
def test_what_a_worker_leaves_over_is_a_failure_of_ours(walked):
    told = walked["left"]

    assert told["pieces"] == EVERY
    assert told["trouble"].count("left over: a thread") == 3


def test_one_worker_takes_the_short_ones_and_the_others_the_long_ones():
    told = []
    line = SimpleNamespace(send=told.append)
    short = forked._Worker(1, line, takes_short=True)
    long = forked._Worker(2, line, takes_short=False)
    plugin, waiting = forked.Forked(2), deque([7, 8, 9])

    for worker in (long, short, long, short, long):
        plugin._hand_out(worker, waiting)

    assert told == [7, 9, 8, -1, -1]
    assert short.over
    assert long.over


def test_what_was_not_collected_is_left_to_pytest():
    option = SimpleNamespace(collectonly=False)
    config = SimpleNamespace(option=option)
    plugin = forked.Forked(2)
    session = SimpleNamespace(config=config, items=[1], testsfailed=1)

    assert plugin.pytest_runtestloop(session) is None
    session.testsfailed, session.items = 0, []
    assert plugin.pytest_runtestloop(session) is None
    session.items, option.collectonly = [1], True
    assert plugin.pytest_runtestloop(session) is None


def scenario(*tags, texts=()):
    return SimpleNamespace(tags=tags, sentences=[SimpleNamespace(text=text) for text in texts])


def test_the_long_ones_begin_first():
    given = [
        scenario("@冒烟"),
        scenario("@slow"),
        scenario(texts=["5秒内LIS应收到", "等待 2 分钟"]),
        None,
        scenario("@slow", "@extended", texts=["60秒内完成"]),
        scenario(),
    ]

    assert lengths.longest_first(given) == [2, 4, 1, 0, 3, 5]
    assert lengths.expected_s(given[2]) == 125.0
