"""What is counted, what is compared afterwards, and what is judged: each can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.evidence.verdict import Verdict
from harness.report.model import Run
from simulators.load.books import Book, compare
from simulators.load.picture import POINTS_MAX, draw
from simulators.load.plan import Group, LoadPlan
from simulators.load.result import Result
from simulators.load.tally import OTHERS, REASONS_MAX, Tally
from simulators.load.users import Confirmed

PLAN = LoadPlan(
    seconds=10,
    seed=1,
    groups=(Group(kind="feed", users=2, per_s=1, p95_s=0.5, p99_s=1.0),),
)
GOOD = Book(kind="feed", name="LIS orders", confirmed=10, found=10)


# -- tally -----------------------------------------------------------------------------------------


def test_percentiles_are_exact_to_two_percent() -> None:
    tally = Tally()
    for number in range(1, 1001):
        tally.add(0.0, number / 1000)

    for share in (0.5, 0.9, 0.95, 0.99, 1.0):
        assert share <= tally.quantile(share) <= share * 1.021


def test_a_latency_counts_from_the_intended_start_in_the_second_of_it() -> None:
    tally = Tally()
    tally.add(2.5, 4.5)
    tally.add(3.5, 3.6)

    (second, count, middle, _), (other, *_) = tally.seconds()
    assert (second, count, other) == (2, 1, 3)
    assert 2.0 <= middle < 2.05


def test_failures_have_no_latency_and_their_reasons_are_bounded() -> None:
    tally = Tally()
    for number in range(REASONS_MAX + 30):
        tally.add(0.0, 9.0, f"reason {number}")

    assert (tally.done, tally.failures, tally.quantile(1.0)) == (0, REASONS_MAX + 30, 0.0)
    assert len(tally.failed) == REASONS_MAX + 1
    assert tally.failed[OTHERS] == 30


def test_tallies_of_two_processes_are_one() -> None:
    one, two, both = Tally(), Tally(), Tally()
    for number, tally in enumerate((one, two, two)):
        tally.add(float(number), number + 0.25, "lost" if number == 2 else "")
        both.add(float(number), number + 0.25, "lost" if number == 2 else "")
    whole = Tally()
    whole.merge(one.data())
    whole.merge(two.data())

    assert whole.data() == both.data()
    assert whole.quantile(0.5) == both.quantile(0.5)
    assert whole.seconds() == both.seconds()


# -- books -----------------------------------------------------------------------------------------


def book(rows: list[tuple[str, Any]], unknown: tuple[str, ...] = ()) -> Book:
    confirmed = Confirmed(keys={"a": 1, "b": 2}, unknown=set(unknown))
    return compare("feed", "store", confirmed, rows)


def test_books_that_agree() -> None:
    found = book([("a", 1), ("b", 2)])

    assert (found.confirmed, found.found) == (2, 2)
    assert not (found.missing or found.double or found.other or found.unasked)


@pytest.mark.parametrize(
    ("rows", "name", "keys"),
    [
        ([("a", 1)], "missing", ("b",)),
        ([("a", 1), ("b", 2), ("b", 2)], "double", ("b",)),
        ([("a", 1), ("b", 3)], "other", ("b",)),
        ([("a", 1), ("b", 2), ("c", 1)], "unasked", ("c",)),
    ],
)
def test_each_way_in_which_books_differ(rows: Any, name: str, keys: tuple[str, ...]) -> None:
    found = book(rows)

    told = {one: getattr(found, one) for one in ("missing", "double", "other", "unasked")}
    assert told.pop(name) == keys
    assert not any(told.values())


def test_what_nobody_knows_of_may_be_there_but_not_twice() -> None:
    both = [("a", 1), ("b", 2)]

    without = book(both, ("c",))
    assert not (without.missing or without.double or without.other or without.unasked)
    assert not book([*both, ("c", 5)], ("c",)).unasked
    assert book([*both, ("c", 5), ("c", 5)], ("c",)).double == ("c",)


def test_many_differences_are_named_in_part_and_counted() -> None:
    found = compare("feed", "store", Confirmed(), ((f"{n:02d}", None) for n in range(25)))

    assert len(found.unasked) == 11
    assert found.unasked[-1] == "+15"


# -- verdicts --------------------------------------------------------------------------------------


def judged(tmp_path: Path, tally: Tally, one: Book = GOOD) -> Run:
    return Result(tmp_path, PLAN, {"feed": tally}, [one]).write("2026-01-05T08:00:00+08:00")


def tally_of(seconds: float = 0.1, failed: int = 0, count: int = 10) -> Tally:
    tally = Tally()
    for number in range(count):
        tally.add(number, number + seconds, "refused" if number < failed else "")
    return tally


def test_a_run_in_which_all_is_well_passes_and_leaves_its_figures(tmp_path: Path) -> None:
    run = judged(tmp_path, tally_of())

    assert run.verdict is Verdict.PASS
    assert [len(one.sentences) for one in run.scenarios] == [5]
    for name in ("run.json", "report.html", "junit.xml", "load.csv", "load.svg"):
        assert (tmp_path / name).is_file()
    assert (tmp_path / "load.csv").read_text("utf-8").splitlines()[1].startswith("feed,0,1,0.1")


@pytest.mark.parametrize(
    ("tally", "one", "path"),
    [
        (tally_of(failed=1), GOOD, "failures"),
        (tally_of(count=9), GOOD, "begun"),
        (tally_of(seconds=0.8), GOOD, "p95_s"),
        (tally_of(seconds=1.2), GOOD, "p99_s"),
        (tally_of(), Book(kind="feed", name="x", confirmed=1, found=0, missing=("a",)), "missing"),
        (tally_of(), Book(kind="feed", name="x", confirmed=1, found=2, double=("a",)), "double"),
        (tally_of(), Book(kind="feed", name="x", confirmed=1, found=1, other=("a",)), "other"),
        (tally_of(), Book(kind="feed", name="x", confirmed=1, found=2, unasked=("b",)), "unasked"),
        (tally_of(), Book(kind="feed", name="x", confirmed=0, found=0), "confirmed"),
    ],
)
def test_each_thing_that_can_go_wrong_fails_at_its_place(
    tmp_path: Path, tally: Tally, one: Book, path: str
) -> None:
    run = judged(tmp_path, tally, one)

    assert run.verdict is Verdict.FAIL
    places = [finding.place for scenario in run.scenarios for finding in scenario.findings]
    assert any(place.endswith(path) for place in places), places


def test_a_kind_whose_stores_nobody_looked_into_does_not_pass(tmp_path: Path) -> None:
    run = Result(tmp_path, PLAN, {"feed": tally_of()}, []).write("2026-01-05T08:00:00+08:00")

    assert run.verdict is Verdict.FAIL


# -- picture ---------------------------------------------------------------------------------------


def test_a_long_run_is_drawn_in_a_bounded_picture() -> None:
    tally = Tally()
    for second in range(5000):
        tally.add(second, second + 0.1)
    picture = draw(PLAN, {"feed": tally})

    assert picture.count("<rect") <= POINTS_MAX + 1
    assert "feed: 2 users" in picture


def test_a_kind_that_did_nothing_has_an_empty_panel() -> None:
    assert "polyline" not in draw(PLAN, {"feed": Tally()})
