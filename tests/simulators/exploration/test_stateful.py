"""Hypothesis over the same town: orders, faults and power cuts in any order, and the books agree.

The model is small: how many settlements of a bill stand, as its state tells. After every morning
both ledgers are equal, field by field, and no visit is left over.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from simulators.centre.provinces import load_province
from simulators.exploration import books as judge
from simulators.exploration.play import BILL, KEPT, LINES
from simulators.exploration.points import FAULTS, Fault
from simulators.exploration.town import PowerCut, Town, insured, prepared

SEED = 11
HITS = ("1101", "2201", "2203", "2204", "2206", "2207", "2207", "2208", "2208", "2601", "3201",
        "5201", "5203", "3202", "9102")  # fmt: skip
STAY = {"2201": "2401", "2203": "2402", "2204": "2301", "2205": "2302", "2206": "2303",
        "2207": "2304", "2208": "2305", "5201": "5303"}  # fmt: skip
HISTORIES = 150
HOLLOW = "F9"
"""An answer "done" without a commit leaves rows to a person, which has its own test."""

PLAIN = [one for one in FAULTS if one.action not in {HOLLOW, "F20", "F0", "F23"}]
Trouble = tuple[Sequence[tuple[Fault, str, int]], tuple[int, int, bool] | None]
TROUBLE = st.tuples(
    st.lists(st.tuples(st.sampled_from(PLAIN), st.sampled_from(HITS), st.sampled_from([1, 1, 2])),
             min_size=2, max_size=4),
    st.none() | st.tuples(st.integers(1, 8), st.integers(1, 2), st.booleans()),
)  # fmt: skip
"""Faults that await an order, and a power cut: messages ahead, which commit, before or after it."""

_template: list[Path] = []

seen: Counter[str] = Counter()
"""What happened over all histories: without it nothing was tested."""


def template() -> Path:
    if not _template:
        folder = Path(tempfile.mkdtemp(prefix="medharness-stateful-"))
        _template.append(prepared(folder, load_province("hunan"), SEED))
    return _template[0]


class Settlements(RuleBasedStateMachine):
    """One bill, and whatever may happen to it."""

    @initialize(inpatient=st.booleans(), person=st.sampled_from(["employee", "civil", "resident"]))
    def begins(self, inpatient: bool, person: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="medharness-stateful-")
        self.town = Town(
            folder=Path(self.folder.name),
            province=load_province("hunan"),
            seed=SEED,
            template=template(),
        )
        self.inpatient = inpatient
        self.faults = 0
        kind = {"kind": "ipt", "med_type": "21"} if inpatient else {}
        self.town.order("bill", bill_no=BILL, lines=LINES, **insured(SEED, person), **kind)

    def state(self) -> str:
        rows = self.town.store.rows("SELECT state FROM yb_bill WHERE bill_no = ?", (BILL,))
        return str(rows[0]["state"])

    def does(self, name: str, trouble: Trouble, **args: str) -> None:
        """One order in the midst of trouble; the HIS comes to rest whatever happens."""
        faults, cut = trouble
        for fault, infno, nth in faults:
            wanted = STAY.get(infno, infno) if self.inpatient else infno
            if not fault.only or wanted in fault.only:
                self.faults += 1
                ident = f"H{self.faults}"
                self.town.fault(ident, fault.action, [wanted], nth, dict(fault.parameters))
        if cut is not None:
            ahead, commit, after = cut
            self.town.cut = PowerCut(message=self.town.sent + ahead, commit=commit, after=after)
        self.town.order(name, **args)
        assert self.town.rest(), "the HIS does not come to rest"
        self.town.cut = None
        assert not [one for one in judge.broken(self.town.store, self.town.books) if "rests" in one]

    @rule(trouble=TROUBLE, channel=st.sampled_from(["window", "bedside", "self"]))
    def settles(self, trouble: Trouble, channel: str) -> None:
        if self.state() in {"open", "failed"}:
            self.does("settle", trouble, bill_no=BILL, channel=channel)

    @rule(trouble=TROUBLE)
    def settles_twice_at_once(self, trouble: Trouble) -> None:
        self.town.order("settle", bill_no=BILL, channel="window")
        self.does("settle", trouble, bill_no=BILL, channel="bedside")

    @rule(trouble=TROUBLE, keep=st.sampled_from(["", KEPT]))
    def gives_back(self, trouble: Trouble, keep: str) -> None:
        if self.state() == "settled":
            self.does("refund", trouble, bill_no=BILL, keep=keep)

    @rule(trouble=TROUBLE)
    def ends_the_day(self, trouble: Trouble) -> None:
        self.does("day", trouble)

    def teardown(self) -> None:
        if not hasattr(self, "town"):
            return
        try:
            self.town.cut = None
            seen["fired"] += sum(" F" in note for note in self.town.notes)
            seen["died"] += self.town.died
            seen["settled"] += len(self.town.books.rows("SELECT 1 AS n FROM settlements"))
            seen["repaired"] += len(self.town.store.rows("SELECT 1 AS n FROM yb_difference"))
            for plan in range(1, self.faults + 1):
                self.town.heal(f"H{plan}")
            self.mornings()
        finally:
            self.town.close()
            self.folder.cleanup()

    def mornings(self) -> None:
        """Without trouble from here on: the books agree, or the list says what a person must do."""
        for days in (0, -1, 0, 1, 0):
            self.does("day", ((), None), day=self.town.day(days))
        his, centre = self.town.store, self.town.books
        assert [row.told for row in judge.loose(his, centre)] == []
        assert not judge.broken(his, centre)
        assert not judge.visits_left(his, centre)
        assert not judge.unbalanced(his)


@pytest.mark.slow
def test_whatever_happens_the_books_agree_in_the_morning() -> None:
    """Histories of at most fourteen steps, each the same in every run."""
    run_state_machine_as_test(
        Settlements,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=14,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert seen["fired"] > HISTORIES / 2, seen
    assert seen["died"] > HISTORIES / 5, seen
    assert seen["settled"] > HISTORIES / 2, seen
    assert seen["repaired"] > HISTORIES / 10, seen
    print(dict(seen))
