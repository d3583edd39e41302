"""Playing one point: what people do, what the fault and the power cut did, and how it ended.

The books agree ``at once``; or after the ``day end``, which has named each row that was loose,
with cause and repair; or after a ``person`` has done what the day end said; or they agree and the
day end names none of it (``unlisted``). All else is ``unexplained``: something is wrong. Where the
fault never fired, or the power never went, nothing was explored, and the point is counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from simulators.centre.centre_faults import ON_CONNECT
from simulators.centre.provinces import Province, load_province
from simulators.exploration import books as judge
from simulators.exploration.points import Point, Story
from simulators.exploration.town import Town, insured, prepared
from simulators.hospital.his_settle import PROVINCE

AT_ONCE, DAY_END, PERSON, UNEXPLAINED = "at once", "day end", "person", "unexplained"
UNLISTED: Final = "unlisted"
"""The books agree in the end, but a row that was loose before is on no list of the day end."""

NEVER_FIRED: Final = "never fired"
"""The fault found nothing to do: nothing was explored."""

NO_CUT: Final = "no power cut"
"""The power was to go at a commit that never came: the point is that without the cut."""

WAYS: Final = (AT_ONCE, DAY_END, PERSON, UNLISTED, UNEXPLAINED, NEVER_FIRED, NO_CUT)
"""Ways in which a point ends."""

BILL: Final = "X0001"
LINES: Final = "Y001,12.37,30;Y002,125.55,3;J003,20.01,1;J006,610.05,1"
KEPT: Final = "1,3"
"""Lines that a refund in part leaves."""

SHOWN_MAX: Final = 2
"""How often a patient shows a code that cannot be read."""

NIGHT_S: Final = 300.0
"""What is late comes before the books are closed for good."""

ROUNDS_MAX: Final = 2
"""How often the day ends are repeated before a row counts as unexplained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one point ended.

    Attributes:
        point: which.
        way: one of ``WAYS``.
        fired: the fault was shown to have fired, in a note of the centre.
        loose: rows on one side only when the day ended.
        named: each of them is on the list of the day end, with cause and repair.
        converged: there were some, and in the end there was none.
        rows: what the day end listed, as class, cause and repair.
        why: of an unexplained one, in words.
        visits: at the centre that no bill knows.
    """

    point: Point
    way: str
    fired: bool = False
    loose: int = 0
    named: bool = False
    converged: bool = False
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
        town = Town(
            folder=self.folder,
            province=self.province,
            seed=self.seed,
            template=self._template,
            defects=self.defects,
            cut=point.power_cut(),
            calls_back=point.story.mobile,
        )
        for nth, (action, infno, which) in enumerate(point.story.troubles, start=1):
            town.fault(f"T{nth}", action, [infno], which, {})
        fault = point.fault
        if fault is not None:
            # A connection has no number of a transaction: all that come are counted.
            anywhere = fault.action in ON_CONNECT
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
        fired = point.fault is not None and town.fired("P")
        if point.fault is not None and not fired:
            return Ended(point=point, way=NEVER_FIRED)
        if point.cut and not town.died:
            return Ended(point=point, way=NO_CUT, fired=fired)
        people.closes()
        return self._judged(town, point, people, fired=fired)

    @staticmethod
    def _judged(town: Town, point: Point, people: People, *, fired: bool) -> Ended:
        his, centre = town.store, town.books
        listed = judge.named(his)
        rows = sorted({(one.kind, one.cause, one.repair) for one in listed})
        way = DAY_END if people.loose else AT_ONCE
        left = judge.loose(his, centre)
        if left and people.repairs(left, listed):
            way = PERSON
            people.closes()
            left = judge.loose(his, centre)
        visits = judge.visits_left(his, centre)
        why = [f"left: {row.told}" for row in left]
        why += judge.broken(his, centre)
        why += [f"not balanced: {bucket}" for bucket in judge.unbalanced(his)]
        why += [f"visit that no bill has: {visit}" for visit in visits]
        silent = [
            f"not listed: {row.told}"
            for row in people.loose
            if not any(judge.explains(one, row) for one in listed)
        ]
        if why:
            way = UNEXPLAINED
        elif silent:
            way, why = UNLISTED, silent
        return Ended(
            point=point,
            way=way,
            fired=fired,
            loose=len(people.loose),
            named=bool(people.loose) and not silent,
            converged=bool(people.loose) and not left,
            rows=rows,
            why=why,
            visits=visits,
        )


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
            case "pay":
                return self._shown() and self._until("mobile-pay", "open")
            case "give back" if self._state() == "settled":
                return self._shown() and self._until("mobile-refund", "settled")
            case "give part back" if self._state() == "settled":
                return self._shown() and self._until("mobile-refund", "settled", keep=KEPT)
            case "day":
                self.loose = judge.loose(self.town.store, self.town.books)
                return self._day(0)
        return True

    def _shown(self) -> bool:
        """The patient shows the code on their phone; once more where nobody could read it."""
        for _ in range(SHOWN_MAX):
            if not self._once("scan", shown=self._card()):
                return False
            rows = self.town.store.rows("SELECT state FROM yb_credential WHERE state = 'good'")
            if rows:
                return True
        return True

    def closes(self) -> None:
        """The next morning: the day once more, and its neighbours while books do not agree."""
        self.town.passes(NIGHT_S)
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
        self.town.order("day", day=self.town.day(days))
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

    def _card(self) -> str:
        rows = self.town.store.rows("SELECT id_card FROM yb_bill WHERE bill_no = ?", (BILL,))
        return str(rows[0]["id_card"])

    def _state(self) -> str:
        rows = self.town.store.rows("SELECT state FROM yb_bill WHERE bill_no = ?", (BILL,))
        return str(rows[0]["state"])

    def _rows(self) -> int:
        return int(self.town.store.rows("SELECT COUNT(*) AS n FROM yb_settlement")[0]["n"])
