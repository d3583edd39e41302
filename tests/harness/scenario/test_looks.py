"""How often a wait looks: soon at first, then less often, and at the end exactly."""

import pytest

from harness import limits
from harness.link.pump import Pump
from harness.scenario import interrupt
from harness.scenario.looks import Looks


class Bench:
    """A bench on which nothing but time passes."""

    def __init__(self):
        self.driver = Pump()
        self.clock = self.driver.clock


def looked_at(end_s, until_s=None):
    """Times of the looks of a wait that begins at 0."""
    bench = Bench()
    looks, found = Looks(bench), []
    while not found or found[-1] < (until_s or end_s):
        looks.pause(end_s)
        found.append(bench.clock.now())
    return found


def test_what_comes_at_once_is_seen_at_once_and_a_long_wait_looks_less():
    found = looked_at(10.0)
    gaps = [round(after - before, 9) for before, after in zip([0.0, *found], found, strict=False)]
    assert gaps[0] == pytest.approx(limits.POLL_S)
    assert gaps[:-1] == sorted(gaps[:-1])
    assert max(gaps) == pytest.approx(limits.POLL_MAX_S)
    assert len(found) < 10.0 / limits.POLL_S / 3


@pytest.mark.parametrize("end_s", [0.02, 0.05, 0.73, 2.0, 3.0003])
def test_the_last_look_is_at_the_end_and_not_after_it(end_s):
    assert looked_at(end_s)[-1] == end_s


def test_an_end_that_is_over_waits_for_nothing():
    bench = Bench()
    bench.driver.idle(5.0)
    Looks(bench).pause(3.0)
    assert bench.clock.now() == 5.0


def test_who_wishes_to_stop_is_heard_before_each_pause(monkeypatch):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(interrupt, "check", stop)
    bench = Bench()
    with pytest.raises(KeyboardInterrupt):
        Looks(bench).pause(1.0)
    assert bench.clock.now() == 0.0
