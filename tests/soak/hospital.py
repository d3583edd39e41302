"""An hour of everything at once with faults on: nothing lost, nothing twice, memory flat.

``python tests/soak/hospital.py [--seconds N] [--scale F] [--seed N] [--json FILE]``

Analyzers, modalities, feeds and windows work at the built-in LIS, HIS, PACS and centre, in rounds.
Every connection goes over a relay that cuts it in the middle of something, and in the first half of
the time each system in turn loses its power and starts again. What was confirmed must be there once
in the end, with the value that was confirmed; what nobody could know may be there or not, but never
twice. Memory of each system is read every few seconds; after its last start it may not grow.

It ends with 1 where something is lost, twice or other, or memory grows; with 3 where a fault that
was planned never fired, or the time is too short to say anything about memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))

from cutter import Cutter

from harness import limits
from harness.errors import HarnessError
from simulators.hospital import lis
from simulators.load import books
from simulators.load.crew import Crew
from simulators.load.plan import load_plan
from simulators.load.users import Confirmed, User
from simulators.load.ward import CENTRE, MODULES, Places, Ward
from simulators.load.windows import WindowUser

SECONDS: Final = 3600.0
ROUND_S: Final = 60.0
SCALE: Final = 0.1
"""Of the users and rates of the plan that ships: what two cores bear beside the systems."""

CUT_BYTES: Final = {"LIS analyzer-lis": 3_000.0, "PACS modality-pacs": 600_000.0}
CUT_BYTES_ELSE: Final = 40_000.0
"""Bytes between two cuts of a connection, on average: some uploads, two images, some requests."""

POWER_S: Final = 300.0
"""Between two power cuts; each takes the next system."""

REST_S: Final = 120.0
"""How long the LIS gets to bring its last results to the HIS."""

LOOK_S: Final = 5.0
LOOKS: Final = 60
"""Looks at memory in a run that is too short for one in five seconds."""

LOOKS_MIN: Final = 24
"""Looks at the memory of a system that are needed to say anything."""

GROWTH_MAX: Final = 1.10
GROWTH_KIB: Final = 8_192
"""Memory is flat where the last third is at most 10 % and 8 MiB above the first third: the stores
have caches of 4 MiB that fill, and so do those of what has been read."""


class RoundCrew(Crew):
    """A crew whose tubes and images are its own, and whose insured are those of the centre."""

    town = 1

    def _settlement(self, index: int) -> User:
        clock = self._runtime.clock
        return WindowUser(
            index + 1,
            self.places.at(CENTRE),
            self.town,
            clock.wall,
            clock.now,
            self.confirmed["settlement"],
            self.visits,
        )


class Power:
    """Cuts the power of one system after the other, and starts it again."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self.cuts = 0
        self.looks: dict[str, list[int]] = {role: [] for role in MODULES}

    def cut(self) -> str:
        """Kill the next system and start it where its peers look for it."""
        role = list(MODULES)[self.cuts % len(MODULES)]
        process = self._ward._processes[role]
        process.cut_power()
        process.wait_ended(limits.STOP_TIMEOUT_S)
        process.start()
        if role == "LIS":
            where = {lis.RESULTS: self._ward.places.at("HIS").data()}
            process.command("_route", where, limits.CONTROL_TIMEOUT_S)
        self.cuts += 1
        self.looks[role].clear()
        return role

    def look(self) -> None:
        """Note how much memory each system has."""
        for role, kib in self._ward.memory_kib().items():
            self.looks[role].append(kib)


def growth(looks: Sequence[int]) -> tuple[int, int] | None:
    """Medians of the first and the last third in KiB; None where there are too few looks."""
    if len(looks) < LOOKS_MIN:
        return None
    third = len(looks) // 3
    return int(statistics.median(looks[:third])), int(statistics.median(looks[-third:]))


def flat(found: tuple[int, int]) -> bool:
    """It does not grow."""
    first, last = found
    return last <= first * GROWTH_MAX + GROWTH_KIB


def judged(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What is wrong, and of what nothing can be said."""
    wrong = [
        f"{book['name']}: {what} {' '.join(book[what])}"
        for book in found["books"]
        for what in ("missing", "double", "other", "unasked")
        if book[what]
    ]
    wrong += [
        f"{role} grows from {looks[0]} to {looks[1]} KiB"
        for role, looks in found["memory_kib"].items()
        if looks and not flat(tuple(looks))
    ]
    if not found["settled"]:
        wrong.append("the LIS still holds results that the HIS does not have")
    wrong += [f"{role} ended by itself" for role in found["gone"]]
    open_ = [f"{role}: too few looks at its memory"
             for role, looks in found["memory_kib"].items() if not looks]  # fmt: skip
    open_ += [f"{name}: never cut" for name, cuts in found["cuts"].items() if not cuts]
    open_ += [] if found["power_cuts"] else ["no system lost its power"]
    open_ += [f"{kind}: nothing was confirmed" for kind, one in found["done"].items() if not one[0]]
    return wrong, open_


def play(given: argparse.Namespace, stack: ExitStack) -> dict[str, Any]:
    """Rounds until the time is over, then the books."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medharness-soak-")))
    ward = Ward(folder, given.seed)
    stack.callback(ward.stop)
    ward.start()
    power = Power(ward)
    cutters = {}
    for name, address in ward.places.addresses.items():
        mean = CUT_BYTES.get(name, CUT_BYTES_ELSE)
        cutters[name] = Cutter(name, address, seed=given.seed, mean_bytes=mean)
        stack.callback(cutters[name].close)
    places = Places({name: one.address for name, one in cutters.items()})
    told: dict[str, Confirmed] = {}
    done: dict[str, list[int]] = {}
    begun = time.monotonic()
    rounds = 0
    while rounds == 0 or time.monotonic() - begun < given.seconds:
        _round(given, rounds, power, cutters, places, told, done, begun)
        rounds += 1
        print(f"[{time.monotonic() - begun:5.0f} s] round {rounds}: {done}"
              f" cuts {sum(one.cuts for one in cutters.values())}, power {power.cuts}", flush=True)  # fmt: skip
    settled = _rested(ward)
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "rounds": rounds,
        "done": done,
        "power_cuts": power.cuts,
        "cuts": {name: one.cuts for name, one in cutters.items() if one.connections},
        "settled": settled,
        "gone": ward.gone,
        "memory_kib": {role: growth(looks) for role, looks in power.looks.items()},
        "books": [_book(one) for one in books.all_books(ward, told)],
    }


def _rested(ward: Ward) -> bool:
    """Whether the LIS has brought all its results to the HIS in time."""
    until = time.monotonic() + REST_S
    while ward.pending("LIS"):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def _book(one: books.Book) -> dict[str, Any]:
    names = ("kind", "name", "confirmed", "found", "missing", "double", "other", "unasked")
    return {name: getattr(one, name) for name in names}


def _round(
    given: argparse.Namespace,
    number: int,
    power: Power,
    cutters: dict[str, Cutter],
    places: Places,
    told: dict[str, Confirmed],
    done: dict[str, list[int]],
    begun: float,
) -> None:
    """One crew with people of its own; prepared without faults, for that is not what is judged."""
    seconds = min(ROUND_S, given.seconds)
    plan = replace(
        load_plan(None).changed(seconds=seconds, scale=given.scale),
        seed=given.seed * 1000 + number,
    )
    RoundCrew.town = given.seed
    crew = RoundCrew(plan, places)
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(given, power, over, begun))
    try:
        crew.prepare()
        for one in cutters.values():
            one.cutting = True
        keeper.start()
        crew.run(lambda _: None)
    finally:
        for one in cutters.values():
            one.cutting = False
        over.set()
        if keeper.ident is not None:
            keeper.join()
        left = crew.close()
    if left:
        raise HarnessError(f"would not end: {', '.join(left)}")
    for kind, one in crew.confirmed.items():
        told.setdefault(kind, Confirmed()).merge(one.data())
    for kind, (good, failed) in crew.counts().items():
        before = done.setdefault(kind, [0, 0])
        before[0] += good
        before[1] += failed


def _keep(given: argparse.Namespace, power: Power, over: threading.Event, begun: float) -> None:
    """Power cuts in the first half of the time, and looks at the memory all the time."""
    every = min(POWER_S, given.seconds / 2 / len(MODULES))
    while not over.wait(min(LOOK_S, given.seconds / LOOKS)):
        passed = time.monotonic() - begun
        if passed < given.seconds / 2 and passed >= (power.cuts + 1) * every - every / 2:
            print(f"power off: {power.cut()}", flush=True)
        power.look()


def main() -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--scale", type=float, default=SCALE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the result there too")
    given = parser.parse_args()
    with ExitStack() as stack:
        found = play(given, stack)
    found["wrong"], found["open"] = judged(found)
    text = json.dumps(found, ensure_ascii=False, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    if found["wrong"]:
        return 1
    return 3 if found["open"] else 0


if __name__ == "__main__":
    sys.exit(main())
