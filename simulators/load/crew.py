"""The users of a load run that this process plays, each over a real connection of its own.

Whoever schedules hands actions over with the moment for which they were intended; a free user of
the kind carries each out in a thread of its own. ``run`` schedules by the plan itself.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import HarnessError
from harness.link.threads import Threads
from simulators.hospital.lis import ORDERS
from simulators.load.plan import LoadPlan
from simulators.load.tally import Tally
from simulators.load.users import AnalyzerUser, Confirmed, FeedUser, ModalityUser, User
from simulators.load.ward import CENTRE, PACS, Places
from simulators.load.windows import Visit, WindowUser

PREPARERS: Final = 16
"""Connections over which the analyzers' orders and the windows' visits are brought before."""

STACK_BYTES: Final = 512 * 1024
"""Of a thread: hundreds of them wait."""

TOLD_S: Final = 5.0
"""Between two lines of progress."""

LEAD_S: Final = 1.0
"""Before the first action: all threads are there by then."""

Done = Callable[[float, str], None]
"""Gets the latency (s, from the intended start) and why the action failed, if it did."""


@dataclass(frozen=True, slots=True)
class _Order:
    number: int
    intended: float
    done: Done


@dataclass(slots=True)
class Crew:
    """The users of a plan at the systems of a ward.

    Args:
        plan: who does how much.
        places: where the systems are.
        part, parts: of the actions this process carries out every ``parts``-th, from ``part``.
        visits: that will be settled, by the number of the action.

    Attributes:
        tallies: what came of the actions, by kind.
        confirmed: what the systems have taken, by kind; ``ordered`` are the analyzers' orders.
    """

    plan: LoadPlan
    places: Places
    part: int = 0
    parts: int = 1
    visits: dict[int, Visit] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(init=False)
    confirmed: dict[str, Confirmed] = field(init=False)
    _begin: float = 0.0
    _runtime: Threads = field(default_factory=Threads)
    _users: dict[str, list[User]] = field(default_factory=dict)
    _orders: dict[str, queue.SimpleQueue[_Order | None]] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        kinds = [group.kind for group in self.plan.groups]
        self.tallies = {kind: Tally() for kind in kinds}
        self.confirmed = {kind: Confirmed() for kind in (*kinds, "ordered")}
        for group in self.plan.groups:
            make = getattr(self, f"_{group.kind}")
            mine = self.plan.roles(self.part, self.parts).count(group.kind)
            first, step = self.part, self.parts
            self._users[group.kind] = [make(first + number * step) for number in range(mine)]
            self._orders[group.kind] = queue.SimpleQueue()

    # -- users -------------------------------------------------------------------------------------

    def _analyzer(self, index: int) -> User:
        return AnalyzerUser(
            self._runtime, f"analyzer {index + 1}", self.places.at("LIS"), self.plan.seed,
            self.confirmed["analyzer"],
        )  # fmt: skip

    def _modality(self, index: int) -> User:
        del index
        return ModalityUser(
            self.places.at(PACS), self.plan.seed, self._runtime.clock.wall,
            self.confirmed["modality"],
        )  # fmt: skip

    def _feed(self, index: int) -> User:
        return self._sender(f"feed {index + 1}", "feed")

    def _sender(self, name: str, kind: str) -> FeedUser:
        confirmed = self.confirmed["feed" if kind == "feed" else "ordered"]
        address = self.places.at("LIS", ORDERS)
        return FeedUser(self._runtime, name, address, self.plan.seed, confirmed, kind)

    def _settlement(self, index: int) -> User:
        clock = self._runtime.clock
        return WindowUser(
            index + 1, self.places.at(CENTRE), self.plan.seed, clock.wall, clock.now,
            self.confirmed["settlement"], self.visits,
        )  # fmt: skip

    # -- before the clock starts -------------------------------------------------------------------

    def prepare(self) -> None:
        """Order what the analyzers will measure, and register the visits that will be settled.

        Raises:
            HarnessError: the hospital refuses a part of it; nothing could be said of its load then.
        """
        works: list[tuple[Callable[[User, Sequence[int]], None], User, Sequence[int]]] = []
        for kind, take in (("analyzer", _ordered), ("settlement", _registered)):
            if kind not in self.tallies:
                continue
            users: Sequence[User] = self._users[kind]
            if kind == "analyzer":
                count = min(PREPARERS, len(users))
                users = [self._sender(f"orders {index + 1}", kind) for index in range(count)]
            numbers = [number for number, _ in self._mine(kind)]
            works += [
                (take, user, numbers[index :: len(users)]) for index, user in enumerate(users)
            ]
        with ThreadPoolExecutor(PREPARERS) as pool:
            for done in [pool.submit(take, user, numbers) for take, user, numbers in works]:
                done.result()

    def _mine(self, kind: str) -> Sequence[tuple[int, float]]:
        return list(self.plan.arrivals()[kind].part(self.part, self.parts))

    # -- the run -----------------------------------------------------------------------------------

    def start(self, begin: float) -> None:
        """Let everybody wait for actions; ``begin`` is the monotonic time from which they count."""
        self._begin = begin
        before = threading.stack_size(STACK_BYTES)
        try:
            for kind, users in self._users.items():
                for index, user in enumerate(users):
                    name = f"{kind} {index + 1}"
                    work = threading.Thread(target=self._work, args=(kind, user), name=name)
                    work.start()
                    self._threads.append(work)
        finally:
            threading.stack_size(before)

    def do(self, kind: str, number: int, at: float, done: Done = lambda *_: None) -> None:
        """Let a free user of a kind carry an action out that was intended for ``at``."""
        self._orders[kind].put(_Order(number, at, done))

    def _work(self, kind: str, user: User) -> None:
        tally, orders = self.tallies[kind], self._orders[kind]
        while (order := orders.get()) is not None:
            try:
                reason = user.act(order.number)
            except Exception as error:  # noqa: BLE001 - a user that fails is a finding, not the end
                reason = f"{type(error).__name__}: {error}"
            ended = time.monotonic() - self._begin
            tally.add(order.intended, ended, reason)
            order.done(ended - order.intended, reason)

    def finish(self) -> None:
        """Wait until every action is over."""
        for kind, users in self._users.items():
            for _ in users:
                self._orders[kind].put(None)
        for work in self._threads:
            work.join()

    def run(self, say: Callable[[str], None]) -> None:
        """All actions of this part when they are due, by the plan."""
        due = sorted((at, number, kind) for kind in self.tallies for number, at in self._mine(kind))
        self.start(time.monotonic() + LEAD_S)
        told = 0.0
        for at, number, kind in due:
            while (wait := self._begin + at - time.monotonic()) > 0:
                time.sleep(wait)
            self.do(kind, number, at)
            if at >= told + TOLD_S:
                told = at
                say(self.line(at))
        self.finish()
        say(self.line(time.monotonic() - self._begin))

    def counts(self) -> dict[str, tuple[int, int]]:
        """By kind, how many actions are done and how many failed."""
        return {kind: (tally.done, tally.failures) for kind, tally in self.tallies.items()}

    def line(self, seconds: float) -> str:
        """How far it is."""
        parts = [
            f"{kind} {done}" + (f" (-{failed})" if failed else "")
            for kind, (done, failed) in self.counts().items()
        ]
        return f"[{seconds:5.0f}/{self.plan.seconds:.0f} s] {'  '.join(parts)}"

    def data(self) -> dict[str, Any]:
        """What came of it, for another process."""
        return {
            "tallies": {kind: tally.data() for kind, tally in self.tallies.items()},
            "confirmed": {kind: one.data() for kind, one in self.confirmed.items()},
        }

    def close(self) -> list[str]:
        """Everybody leaves; returns what would not end."""
        for users in self._users.values():
            for user in users:
                user.leave()
        return self._runtime.stop()


def _ordered(user: User, numbers: Sequence[int]) -> None:
    for number in numbers:
        if trouble := user.act(number):
            raise HarnessError(f"the LIS does not take the order {number}: {trouble}")


def _registered(user: User, numbers: Sequence[int]) -> None:
    assert isinstance(user, WindowUser)
    for number in numbers:
        user.prepare(number)
