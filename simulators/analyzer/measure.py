"""From orders to results: what an instrument runs of a tube, and what it leaves alone.

A bidirectional instrument runs what the host ordered and nothing else. What lies ready beyond the
order is named as not run; what is ordered and cannot be measured is named as unable, and goes out
as a record of status X where the model says so (LIS02-A2 §9.9). Tests that were run before and
were ordered once more go out with the mark of a re-run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, cast

from harness.clock import Clock
from harness.errors import InputError
from harness.i18n import tr
from harness.model import Person
from simulators.analyzer.astm_values import OUR_TIME
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.model_astm import Mark
from simulators.analyzer.orders import CANCEL, KNOWN, Order, OrderBook
from simulators.analyzer.upload import Result, Tested, message

RESULTS_MAX: Final = 1_000
"""Results that may lie ready for one tube; the largest allergy panel has some hundred."""

RUNS_MAX: Final = 10_000
"""Runs that are kept and planned: a day's work; the oldest go first."""

MARK_NAMES: Final = ("first", "resent", "rerun", "corrected")

Bench = Callable[[str, str], Result | None]
"""Measures: barcode and item to a result, or None for a test that the instrument cannot run."""

_RESULT_KEYS: Final = frozenset(one.name for one in fields(Result))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of the orders of one tube.

    Attributes:
        barcode: of the tube.
        ran: items that were measured, in the order in which they were ordered.
        not_run: items that lay ready and were not ordered.
        unable: items that were ordered and could not be measured.
        mark: why results are sent.
        automatic: nobody told the instrument to.
        tested: the specimen as it goes out.
        time: of its results.
    """

    barcode: str
    ran: tuple[str, ...]
    not_run: tuple[str, ...] = ()
    unable: tuple[str, ...] = ()
    mark: Mark = "first"
    automatic: bool = False
    tested: Tested = field(repr=False)
    time: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the reply to a command."""
        return {
            "barcode": self.barcode,
            "ran": list(self.ran),
            "not_run": list(self.not_run),
            "unable": list(self.unable),
            "mark": self.mark,
            "automatic": self.automatic,
        }


def read_results(rows: Iterable[Mapping[str, Any]]) -> dict[str, Result]:
    """The results of a command by item.

    Args:
        rows: tables with the attributes of ``Result``; ``item`` and ``value`` must be there.

    Raises:
        InputError: a key that no result has, one that is missing, an item twice, or too many.
    """
    found: dict[str, Result] = {}
    for row in rows:
        given = {str(key): str(value) for key, value in row.items()}
        if given.keys() - _RESULT_KEYS or not given.keys() >= {"item", "value"}:
            keys = ", ".join(sorted(given))
            raise InputError(tr("no result has the keys {keys}", keys=keys))
        result = Result(**given)
        if result.item in found or len(found) >= RESULTS_MAX:
            raise InputError(tr("two results of {item}, or too many", item=result.item))
        found[result.item] = result
    return found


def read_mark(text: str) -> Mark | None:
    """The reason to send that a command names; None where it names none.

    Raises:
        InputError: there is no such reason.
    """
    if text and text not in MARK_NAMES:
        raise InputError(
            tr("no reason to send results: {mark}", mark=text),
            remedy=tr("use one of: {known}", known=", ".join(MARK_NAMES)),
        )
    return cast("Mark", text) if text else None


def run(
    model: AnalyzerModel,
    order: Order,
    wanted: Iterable[str],
    measured: Mapping[str, Result],
    *,
    mark: Mark = "first",
    automatic: bool = False,
) -> Run:
    """What goes out for one tube: the tests that are ordered, and no other.

    Args:
        model: the instrument.
        order: the latest order of the tube; patient, priority and place are echoed from it.
        wanted: items that are ordered.
        measured: what the instrument has for the tube, by item.
        mark: why results are sent.
        automatic: nobody told the instrument to.
    """
    items = list(wanted)
    ran = [item for item in items if item in measured]
    unable = [item for item in items if item not in measured]
    results = [measured[item] for item in ran]
    if model.orders is not None and model.orders.unable == "status-x":
        results += [Result(item=item, value="", flag="", status="X") for item in unable]
    tested = Tested(
        barcode=order.barcode,
        results=results,
        person=_person(order),
        mark=mark,
        rack=order.rack,
        position=order.position,
        number=order.number,
        priority=order.priority,
        specimen_type=order.specimen_type,
    )
    return Run(
        barcode=order.barcode,
        ran=tuple(ran),
        not_run=tuple(item for item in measured if item not in set(items)),
        unable=tuple(unable),
        mark=mark,
        automatic=automatic,
        tested=tested,
    )


def _person(order: Order) -> Person | None:
    """Who the order is for, as the instrument read it; None where it names nobody."""
    if not (order.patient_id or order.name):
        return None
    parts = [part for part in order.name.split("^") if part]
    return Person(
        patient_id=order.patient_id, name=" ".join(parts), sex=order.sex or "U", birth=order.birth
    )


@dataclass(slots=True)
class Runner:
    """Runs what is in the book of orders, when told or by itself, and keeps a log.

    Args:
        model: the instrument.
        book: what is to be run.
        clock: dates the results of whoever names no time.
        bench: measures; None for an instrument that only has the results that it is given.
    """

    model: AnalyzerModel
    book: OrderBook
    clock: Clock
    bench: Bench | None = None
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=RUNS_MAX))
    _due: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=RUNS_MAX))
    _count: int = 0

    def measure(self, args: Mapping[str, Any], *, automatic: bool = False) -> tuple[Run, bytes]:
        """Run one tube; gives what became of it and the message, which is empty without results.

        Args:
            args: ``barcode``; ``results``, or the bench measures; ``control_id``, ``time`` and
                ``mark``, or the instrument's own.
            automatic: nobody told the instrument to.

        Raises:
            InputError: nothing is ordered for the tube, or the arguments say what cannot be.
            UnicodeEncodeError: an echoed name outside the instrument's character set.
        """
        barcode = str(args.get("barcode", ""))
        wanted, order = self.book.tests(barcode), self.book.latest(barcode)
        if not wanted or order is None:
            raise InputError(tr("nothing is ordered for {barcode}", barcode=barcode))
        rows = args.get("results")
        measured = self._from_bench(barcode, wanted) if rows is None else read_results(rows)
        again = self.book.again(barcode, [item for item in wanted if item in measured])
        mark = read_mark(str(args.get("mark", ""))) or ("rerun" if again else "first")
        found = run(self.model, order, wanted, measured, mark=mark, automatic=automatic)
        payload = b""
        time = str(args.get("time", "")) or self.clock.wall().strftime(OUR_TIME)
        if found.tested.results:
            self._count += 1
            payload = message(
                self.model, [found.tested],
                control_id=str(args.get("control_id", "")) or f"M{self._count}",
                time=time,
            )  # fmt: skip
        self.book.ran(barcode, wanted)
        return replace(found, time=time), payload

    def _from_bench(self, barcode: str, wanted: Iterable[str]) -> dict[str, Result]:
        if self.bench is None:
            raise InputError(tr("the instrument has no results for {barcode}", barcode=barcode))
        found = [(item, self.bench(barcode, item)) for item in wanted]
        return {item: result for item, result in found if result is not None}

    def ordered(self, orders: Iterable[Order], now: float) -> float | None:
        """Plan the runs of orders that came; returns when the next is due, None for never."""
        dialect = self.model.orders
        if dialect is None or dialect.runs != "at-once" or self.bench is None:
            return None
        waiting = {barcode for _, barcode in self._due}
        for one in orders:
            if one.barcode not in waiting and one.action not in KNOWN | {CANCEL}:
                waiting.add(one.barcode)
                self._due.append((now + dialect.run_s, one.barcode))
        return self._due[0][0] if self._due else None

    def due(self, now: float) -> tuple[list[str], float | None]:
        """The tubes whose run ends now, and when the next one does."""
        found: list[str] = []
        while self._due and self._due[0][0] <= now:
            found.append(self._due.popleft()[1])
        return found, self._due[0][0] if self._due else None

    def finished(self, found: Run, outcome: str, detail: str) -> dict[str, Any]:
        """Log how the results of a run fared; returns the entry."""
        entry = found.as_dict() | {"outcome": outcome, "detail": detail}
        self.log.append(entry)
        return entry
