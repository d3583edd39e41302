"""Timers that are set again and again: cheap, and still on time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.link.alarms import Alarms
from harness.link.scheduler import Timer

KEY = ("core", "lab#1")


@dataclass
class Clockwork:
    """A scheduler that rings when it is told to."""

    now: float = 0.0
    timers: list[Timer] = field(default_factory=list)
    added: int = 0

    def add(self, timer: Timer) -> None:
        self.timers.append(timer)
        self.added += 1

    def cancel(self, timer: Timer) -> None:
        timer.action = None

    @property
    def waiting(self) -> int:
        return sum(timer.action is not None for timer in self.timers)

    def go(self, to: float) -> None:
        while due := [one for one in self.timers if one.at <= to and one.action is not None]:
            timer = min(due, key=lambda one: one.at)
            self.now = max(self.now, timer.at)
            action, timer.action = timer.action, None
            assert action is not None
            action()
        self.now = to


@dataclass
class Rig:
    works: Clockwork = field(default_factory=Clockwork)
    expired: list[tuple[float, tuple[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        def run(action: Callable[[], None]) -> None:
            action()

        self.alarms = Alarms(
            self.works,  # type: ignore[arg-type] # all that it uses
            lambda: self.works.now,
            run,
            lambda key: self.expired.append((self.works.now, key)),
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_timer_that_is_moved_on_rings_once_at_its_last_time(rig: Rig) -> None:
    rig.alarms.set(KEY, 30.0)
    for at in range(31, 131):
        rig.alarms.set(KEY, float(at))
    assert rig.works.added == 1

    rig.works.go(129.9)
    assert rig.expired == []
    rig.works.go(500.0)

    assert rig.expired == [(130.0, KEY)]
    assert rig.works.added == 2


def test_a_timer_that_is_moved_forward_rings_earlier(rig: Rig) -> None:
    rig.alarms.set(KEY, 30.0)
    rig.alarms.set(KEY, 10.0)

    rig.works.go(100.0)

    assert rig.expired == [(10.0, KEY)]


def test_a_timer_that_was_taken_back_does_not_ring(rig: Rig) -> None:
    rig.alarms.set(KEY, None)
    rig.alarms.set(KEY, 30.0)
    rig.alarms.set(KEY, None)

    rig.works.go(100.0)

    assert rig.expired == []
    assert rig.works.waiting == 0


def test_a_timer_that_was_taken_back_and_set_again_rings(rig: Rig) -> None:
    rig.alarms.set(KEY, 30.0)
    rig.alarms.set(KEY, None)
    rig.alarms.set(KEY, 40.0)
    rig.works.go(35.0)
    rig.alarms.set(KEY, None)
    rig.alarms.set(KEY, 36.0)  # earlier than what waits

    rig.works.go(100.0)

    assert rig.expired == [(36.0, KEY)]


def test_a_timer_can_be_set_again_when_it_ran_out(rig: Rig) -> None:
    rig.alarms.set(KEY, 1.0)
    rig.works.go(1.0)
    rig.alarms.set(KEY, 2.0)
    rig.works.go(2.0)

    assert rig.expired == [(1.0, KEY), (2.0, KEY)]


def test_what_is_forgotten_leaves_nothing_behind(rig: Rig) -> None:
    other = ("actor", "connect")
    for key in (KEY, other):
        rig.alarms.set(key, 30.0)
    rig.alarms.forget(KEY)
    rig.alarms.forget(KEY)
    assert rig.works.waiting == 1
    rig.alarms.clear()
    assert rig.works.waiting == 0

    rig.works.go(100.0)

    assert rig.expired == []


def test_a_ring_of_a_timer_that_was_replaced_is_no_ring(rig: Rig) -> None:
    rig.alarms.set(KEY, 30.0)
    stale = rig.works.timers[0]
    rig.alarms.set(KEY, 10.0)

    rig.alarms.ring(KEY, stale)

    assert rig.expired == []
