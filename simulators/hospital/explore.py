"""Exploring settlement: every message, every fault, every power cut, and what the books say then.

The books agree ``at once``; or after the ``day end``, which has named each row that was loose,
with cause and repair; or after a ``person`` has done what the day end said; or they agree and the
day end names none of it (``unlisted``). All else is ``unexplained``: something is wrong.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from harness.errors import HarnessError
from harness.faults.plan import keyed
from simulators.centre.provinces import Province, load_province
from simulators.hospital import defects as catalogue
from simulators.hospital import explore_books as judge
from simulators.hospital.explore_points import (
    CUTS,
    FAULTS,
    NOT_EXPLORED,
    STORIES,
    Point,
    Story,
    points,
)
from simulators.hospital.explore_town import Door, Town, insured, prepared
from simulators.hospital.his_settle import PROVINCE

AT_ONCE, DAY_END, PERSON, UNEXPLAINED = "at once", "day end", "person", "unexplained"
UNLISTED: Final = "unlisted"
"""The books agree in the end, but a row that was loose before is on no list of the day end."""

NOT_MET: Final = "not met"
"""The fault found nothing to do, or the power went too late: nothing was explored."""

WAYS: Final = (AT_ONCE, DAY_END, PERSON, UNLISTED, UNEXPLAINED, NOT_MET)
"""Ways in which a point ends."""

BILL: Final = "X0001"
LINES: Final = "Y001,12.37,30;Y002,125.55,3;J003,20.01,1;J006,610.05,1"
KEPT: Final = "1,3"
"""Lines that a refund in part leaves."""

ROUNDS_MAX: Final = 2
"""How often the day ends are repeated before a row counts as unexplained."""

QUICK_SHARE: Final = 0.03
"""Of all points, how many a quick exploration takes; which, the seed decides."""

PROGRESS_EVERY: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one point ended.

    Attributes:
        point: which.
        way: one of ``WAYS``.
        rows: what the day end listed, as class, cause and repair.
        why: of an unexplained one, in words.
        visits: at the centre that no bill knows.
    """

    point: Point
    way: str
    rows: Sequence[tuple[str, str, str]] = ()
    why: Sequence[str] = ()
    visits: Sequence[str] = ()


@dataclass(slots=True)
class Explorer:
    """Plays points.

    Args:
        folder: for the stores.
        seed: of persons, ids and the slice of a quick exploration.
        defects: of the HIS.
    """

    folder: Path
    seed: int
    defects: frozenset[str] = frozenset()
    province: Province = field(default_factory=lambda: load_province(PROVINCE))
    _template: Path = field(init=False)

    def __post_init__(self) -> None:
        self._template = prepared(self.folder / "template", self.province, self.seed)

    def messages(self, story: Story) -> list[str]:
        """What the HIS sends in a story without a point.

        Raises:
            HarnessError: the story itself does not end well on the clean HIS.
        """
        town = self._town(Point(story=story))
        try:
            ended = self._played(town, Point(story=story))
            log = town.store.rows("SELECT infno FROM yb_log ORDER BY id LIMIT ?", (town.story,))
        finally:
            town.close()
        if ended.way == UNEXPLAINED and not self.defects:
            raise HarnessError(f"{story.name}: {'; '.join(ended.why)}")
        return [str(row["infno"]) for row in log]

    def play(self, point: Point) -> Ended:
        """One point, in a town of its own."""
        town = self._town(point)
        try:
            return self._played(town, point)
        except HarnessError as error:
            return Ended(point=point, way=UNEXPLAINED, why=[error.message])
        finally:
            town.close()

    def _town(self, point: Point) -> Town:
        shut = point.message if point.fault and point.fault.action == "F23" else 0
        town = Town(
            folder=self.folder,
            province=self.province,
            seed=self.seed,
            template=self._template,
            defects=self.defects,
            door=Door(shut=shut) if shut else None,
            cut=point.power_cut(),
        )
        for nth, (action, infno, which) in enumerate(point.story.troubles, start=1):
            town.fault(f"T{nth}", action, [infno], which, {})
        fault = point.fault
        if fault is not None and not shut:
            # A connection has no number of a transaction: F0 counts all that come.
            anywhere = fault.action == "F0"
            hit = [] if anywhere else [point.infno]
            which = point.message if anywhere else point.nth
            town.fault("P", fault.action, hit, which, dict(fault.parameters))
        return town

    # -- one point -----------------------------------------------------------------------------

    def _played(self, town: Town, point: Point) -> Ended:
        people = People(town, point.story)
        people.bill(insured(self.seed, point.story.person))
        for step in point.story.steps:
            if not people.does(step):
                return Ended(point=point, way=UNEXPLAINED, why=["the HIS does not come to rest"])
        town.story = town.sent
        if not self._met(town, point):
            return Ended(point=point, way=NOT_MET)
        people.closes()
        return self._judged(town, point, people)

    @staticmethod
    def _met(town: Town, point: Point) -> bool:
        if point.cut and not town.died:
            return False
        if point.fault is None:
            return True
        if town.door is not None:
            return town.door.shut_once
        return town.fired("P")

    def _judged(self, town: Town, point: Point, people: People) -> Ended:
        his, centre = town.store, town.books
        listed = judge.named(his)
        rows = sorted({(one.kind, one.cause, one.repair) for one in listed})
        way = DAY_END if people.loose else AT_ONCE
        left = judge.loose(his, centre)
        if left and people.repairs(left, listed):
            way = PERSON
            people.closes()
            left = judge.loose(his, centre)
        why = [f"left: {row.told}" for row in left]
        why += judge.broken(his, centre)
        why += [f"not balanced: {bucket}" for bucket in judge.unbalanced(his)]
        visits = judge.visits_left(his, centre)
        if why:
            return Ended(point=point, way=UNEXPLAINED, rows=rows, why=why, visits=visits)
        silent = [
            f"not listed: {row.told}"
            for row in people.loose
            if not any(judge.explains(one, row) for one in listed)
        ]
        way = UNLISTED if silent else way
        return Ended(point=point, way=way, rows=rows, why=silent, visits=visits)


@dataclass(slots=True)
class People:
    """What people do in a story: they ask again where the HIS has forgotten that they asked."""

    town: Town
    story: Story
    loose: list[judge.Loose] = field(default_factory=list)

    def bill(self, who: Mapping[str, str]) -> None:
        """The bill of the story."""
        kind = {"kind": "ipt", "med_type": "21"} if self.story.inpatient else {}
        self.town.order("bill", bill_no=BILL, lines=LINES, **who, **kind)

    def does(self, step: str) -> bool:
        """One step to its end; False where it has none."""
        match step:
            case "settle":
                return self._until("settle", "open")
            case "again":
                return self._state() != "failed" or self._once("settle")
            case "both":
                self.town.order("settle", bill_no=BILL, channel="bedside")
                return self._until("settle", "open")
            case "refund" if self._state() == "settled":
                return self._until("refund", "settled")
            case "partial" if self._state() == "settled":
                return self._until("refund", "settled", keep=KEPT)
            case "day":
                self.loose = judge.loose(self.town.store, self.town.books)
                return self._day(0)
        return True

    def closes(self) -> None:
        """The next morning: the day once more, and its neighbours while books do not agree."""
        self._day(0)
        for _ in range(ROUNDS_MAX):
            his, centre = self.town.store, self.town.books
            if not judge.loose(his, centre) and not judge.unbalanced(his):
                return
            for days in (-1, 0, 1):
                self._day(days)

    def repairs(self, rows: Sequence[judge.Loose], listed: Sequence[judge.Named]) -> bool:
        """What the day end leaves to a person; whether there was anything to do.

        What the centre does not take back while a later settlement stands has to wait for that one.
        """
        reverse = self.town.reverse_at_centre
        results = judge.by_hand(self.town.store, rows, listed, reverse)
        if "refused" in results:
            self._once("refund")
            judge.by_hand(self.town.store, rows, listed, reverse)
        return bool(results)

    def _day(self, days: int) -> bool:
        day = self.town.pump.clock.wall() + timedelta(days=days)
        self.town.order("day", day=f"{day:%Y-%m-%d}")
        return self.town.rest()

    def _once(self, name: str, **args: str) -> bool:
        self.town.order(name, bill_no=BILL, **args)
        return self.town.rest()

    def _until(self, name: str, before: str, **args: str) -> bool:
        """Once; and again where a power cut left everything as it was before."""
        died, rows = self.town.died, self._rows()
        if not self._once(name, **args):
            return False
        forgot = self.town.died > died and self._state() == before and self._rows() == rows
        return self._once(name, **args) if forgot else True

    def _state(self) -> str:
        rows = self.town.store.rows("SELECT state FROM yb_bill WHERE bill_no = ?", (BILL,))
        return str(rows[0]["state"])

    def _rows(self) -> int:
        return int(self.town.store.rows("SELECT COUNT(*) AS n FROM yb_settlement")[0]["n"])


def explore(
    *,
    seed: int = 1,
    quick: bool = False,
    defects: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Every point, or a slice; what came of it as plain data.

    Args:
        seed: of everything.
        quick: a slice.
        defects: of the HIS; without any, unexplained points are errors of the program.
        say: told how far it is.

    Raises:
        InputError: no such defect.
    """
    catalogue.check(list(defects))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(
        prefix="medharness-explore-", ignore_cleanup_errors=True
    ) as name:
        explorer = Explorer(Path(name), seed, frozenset(defects))
        flows = {story.name: explorer.messages(story) for story in STORIES}
        every = [point for story in STORIES for point in points(story, flows[story.name])]
        if quick:
            every = [one for one in every if keyed(seed, "explore", one.name) < QUICK_SHARE]
        ended = []
        for nth, point in enumerate(every, start=1):
            ended.append(explorer.play(point))
            if nth % PROGRESS_EVERY == 0:
                say(f"{nth}/{len(every)}")
    return _document(ended, flows, seed, started)


def _document(
    ended: Sequence[Ended], flows: Mapping[str, Sequence[str]], seed: int, started: float
) -> dict[str, Any]:
    rows = Counter(row for one in ended for row in one.rows)
    return {
        "seed": seed,
        "points": len(ended),
        "seconds": round(time.monotonic() - started, 1),
        "ways": _ways(ended),
        "flows": {name: list(sent) for name, sent in flows.items()},
        "faults": len(FAULTS),
        "power_cuts": list(CUTS),
        "not_explored": dict(NOT_EXPLORED),
        "by_fault": _grouped(ended, lambda one: one.point.fault.action if one.point.fault else "-"),
        "by_message": _grouped(ended, lambda one: one.point.infno),
        "by_story": _grouped(ended, lambda one: one.point.story.name),
        "rows": [
            {"class": kind, "cause": cause, "repair": repair, "points": count}
            for (kind, cause, repair), count in sorted(rows.items())
        ],
        "unexplained": _listed(ended, UNEXPLAINED),
        "unlisted": _listed(ended, UNLISTED),
        "visits_left": [
            {"point": one.point.name, "visits": list(one.visits)} for one in ended if one.visits
        ],
        "not_met": [one.point.name for one in ended if one.way == NOT_MET],
    }


def _listed(ended: Sequence[Ended], way: str) -> list[dict[str, Any]]:
    return [{"point": one.point.name, "why": list(one.why)} for one in ended if one.way == way]


def _ways(ended: Iterable[Ended]) -> dict[str, int]:
    counts = Counter(one.way for one in ended)
    return {way: counts[way] for way in WAYS}


def _grouped(ended: Sequence[Ended], key: Callable[[Ended], str]) -> dict[str, dict[str, int]]:
    names = sorted({key(one) for one in ended})
    return {name: _ways(one for one in ended if key(one) == name) for name in names}
