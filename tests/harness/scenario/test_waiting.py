"""Waiting gives the judge something to judge, and stops when it may."""

import pytest
from engine import PLACE, command_expected
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import VirtualClock
from harness.errors import InputError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.judge import judge
from harness.evidence.match import Value
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.link.pump import Pump
from harness.model import Outcome
from harness.probes.probe import Answer
from harness.scenario.waiting import Waiting

ROWS = Wanted(key={"row.item": "K"}, checks=[Check(path="row.value", value=Value(expected="4"),
                                                   place=PLACE)])  # fmt: skip


class Clocked:
    """A probe whose answers depend on the time."""

    role = "LIS"

    def __init__(self, clock, *answers):
        self.clock = clock
        self.answers = answers
        self.asked = []

    def ask(self, args):
        now = self.clock.now()
        self.asked.append(now)
        rows = [rows for since, rows in self.answers if since <= now][-1]
        if isinstance(rows, str):
            return Answer(outcome=Outcome.FAILED, rows=(), error=rows)
        return Answer(outcome=Outcome.OK, rows=tuple(rows), error="")


class Bench:
    """As much of a bench as waiting needs."""

    def __init__(self):
        self.driver = Pump(VirtualClock())
        self.probes = {}

    @property
    def clock(self):
        return self.driver.clock


@pytest.fixture
def bench():
    return Bench()


def expected(**how):
    own = {
        "mode": "eventually",
        "select": Selector(kind="probe", where={"probe": "rows"}),
        "wanted": [ROWS],
        "place": PLACE,
        "limit_s": 3.0,
        "ask": Ask(probe="rows", args={"barcode": "1"}),
    }
    return Expectation(**(own | how))


def wait(bench, expectation, trace=None):
    """Wait; returns the judgement over the trace and the trace."""
    trace = Trace(bench.clock) if trace is None else trace  # an empty one is false
    opened = trace.add("expectation", id="E1", sentence=0, limit_s=1, spec=expectation.data())
    Waiting(expectation, "E1", bench, trace).until(opened["t"])
    return judge(expectation, "E1", trace.records), trace


RIGHT, WRONG = [{"item": "K", "value": "4"}], [{"item": "K", "value": "5"}]


def looks(trace):
    return [one for one in trace.records if one["kind"] == "probe"]


def test_the_first_right_answer_is_enough_without_a_settling_time(bench):
    bench.probes["rows"] = Clocked(bench.clock, (0, []), (1, RIGHT))
    judgement, trace = wait(bench, expected())
    assert judgement.verdict is Verdict.PASS
    assert bench.clock.now() == pytest.approx(1.0, abs=0.1)
    assert len(looks(trace)) == 2, "answers like the one before are not written again"
    assert len(bench.probes["rows"].asked) > 10


def test_a_settling_time_is_watched_to_its_end(bench):
    bench.probes["rows"] = Clocked(bench.clock, (0, RIGHT))
    judgement, trace = wait(bench, expected(exact=True, settle_s=0.4))
    assert judgement.verdict is Verdict.PASS
    assert looks(trace)[-1]["t"] - looks(trace)[0]["t"] >= 0.4
    assert looks(trace)[-1]["last"]


def test_an_answer_that_does_not_stay_is_waited_for_again(bench):
    bench.probes["rows"] = Clocked(bench.clock, (0, RIGHT), (0.2, WRONG), (1, RIGHT))
    judgement, _ = wait(bench, expected(exact=True, settle_s=0.4))
    assert judgement.verdict is Verdict.PASS
    assert bench.clock.now() == pytest.approx(1.4, abs=0.15)


def test_a_wrong_answer_is_looked_at_for_the_last_time_at_the_limit(bench):
    bench.probes["rows"] = Clocked(bench.clock, (0, WRONG))
    judgement, trace = wait(bench, expected())
    assert judgement.verdict is Verdict.FAIL
    assert [one.actual for one in judgement.findings] == ["5"]
    assert looks(trace)[-1]["last"]
    assert looks(trace)[-1]["t"] >= 3.0


def test_a_probe_that_cannot_look_is_no_answer(bench):
    bench.probes["rows"] = Clocked(bench.clock, (0, "no database"))
    judgement, _ = wait(bench, expected())
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "no database" in judgement.reasons[0]


def test_a_probe_that_the_profile_does_not_have_is_refused(bench):
    with pytest.raises(InputError, match="rows"):
        wait(bench, expected())


def never(**how):
    own = {
        "mode": "never",
        "wanted": (),
        "control": Selector(kind="probe", where={"probe": "rows"}),
        "control_ask": Ask(probe="control", args={}),
    }
    return expected(**(own | how))


def test_nothing_came_and_the_control_shows_that_it_would_have_been_seen(bench):
    bench.probes["rows"] = Clocked(bench.clock, (0, []))
    bench.probes["control"] = Clocked(bench.clock, (0, RIGHT))
    expectation = never(control=Selector(kind="probe", where={"probe": "control"}))
    judgement, trace = wait(bench, expectation)
    assert judgement.verdict is Verdict.PASS
    assert bench.clock.now() >= 3.0
    assert looks(trace)[-1]["ask"] == "E1/control"


def test_something_came_ends_the_wait_at_once(bench):
    bench.probes["rows"] = Clocked(bench.clock, (0, []), (1, RIGHT))
    bench.probes["control"] = Clocked(bench.clock, (0, RIGHT))
    judgement, _ = wait(bench, never())
    assert judgement.verdict is Verdict.FAIL
    assert bench.clock.now() < 1.5


def test_messages_are_awaited_as_they_come(bench):
    trace = Trace(bench.clock)
    bench.driver.schedule(1.0, lambda: trace.add("command", name="go", outcome="ok"))
    judgement, _ = wait(bench, command_expected("go", limit_s=5.0), trace)
    assert judgement.verdict is Verdict.PASS
    assert bench.clock.now() == pytest.approx(1.0)


def test_messages_that_do_not_come_are_awaited_to_the_limit(bench):
    judgement, trace = wait(bench, command_expected("go", limit_s=5.0))
    assert judgement.verdict is Verdict.FAIL
    assert trace.records[-1]["t"] == pytest.approx(5.0)


def test_an_exact_answer_of_messages_must_stay(bench):
    trace = Trace(bench.clock)
    for at in (1.0, 1.2):
        bench.driver.schedule(at, lambda: trace.add("command", name="go", outcome="ok"))
    expectation = command_expected("go", limit_s=5.0, exact=True, settle_s=0.5)
    judgement, _ = wait(bench, expectation, trace)
    assert judgement.verdict is Verdict.FAIL
    assert [one.message for one in judgement.findings] == ["repeated"]


def test_a_window_over_records_ends_with_the_first_that_should_not_be(bench):
    trace = Trace(bench.clock)
    trace.add("command", name="go", outcome="ok")
    bench.driver.schedule(1.0, lambda: trace.add("violation", code="x", link="l"))
    expectation = Expectation(
        mode="never",
        select=Selector(kind="violation"),
        place=PLACE,
        limit_s=5.0,
        control=Selector(kind="command"),
    )
    judgement, _ = wait(bench, expectation, trace)
    assert judgement.verdict is Verdict.FAIL
    assert bench.clock.now() == pytest.approx(1.0)


def test_the_close_of_the_window_names_what_the_judgement_rests_on(bench):
    trace = Trace(bench.clock)
    bench.driver.schedule(1.0, lambda: trace.add("command", name="go", outcome="ok"))
    wait(bench, command_expected("go", limit_s=5.0), trace)
    (command,) = [one for one in trace.records if one["kind"] == "command"]
    assert trace.records[-1]["window"] == "E1"
    assert trace.records[-1]["rests"] == [command["n"]]


COMING = {
    "command": {"name": "go", "outcome": "ok"},
    "refused": {"kind": "command", "name": "go", "outcome": "failed"},
    "violation": {"code": "x", "link": "l"},
    "link": {"event": "opened"},
    "probe": {"ask": "E1", "outcome": "ok", "rows": RIGHT, "last": True, "probe": "rows"},
    "control": {"kind": "probe", "ask": "E1/control", "outcome": "ok", "rows": RIGHT},
    "note": {"text": "of no interest"},
}
EXPECTED = [
    command_expected("go", exact=True),
    command_expected("go", times=2),
    expected(),
    never(),
    never(select=Selector(kind="violation"), ask=None),
    never(select=Selector(kind="violation"), ask=None, control=Selector(kind="command"),
          control_ask=None),
    expected(mode="always", ask=None, select=Selector(kind="account")),
]  # fmt: skip


@given(st.sampled_from(EXPECTED), st.lists(st.sampled_from(sorted(COMING)), max_size=8))
def test_between_two_records_of_interest_the_judgement_stays(expectation, coming):
    """Asked after every record, it is each time what a judge says who sees all of them."""
    bench = Bench()
    trace = Trace(bench.clock)
    trace.add("expectation", id="E1", sentence=0, limit_s=1, spec=expectation.data())
    waiting = Waiting(expectation, "E1", bench, trace)
    closing = {"n": -1, "kind": "note", "window": "E1", "rests": []}
    for one in coming:
        fields = {"kind": one} | COMING[one]
        trace.add(fields.pop("kind"), **fields)
        assert waiting._as_closed() == judge(expectation, "E1", [*trace.records, closing])
