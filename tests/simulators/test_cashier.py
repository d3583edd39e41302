"""The cashier against our centre: both ledgers must end alike, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulators.centre import world
from tests.simulators.cashier_desk import SEED, Town


@contextmanager
def town(folder: Path, *defects: str) -> Iterator[Town]:
    folder.mkdir(exist_ok=True)
    made = Town(folder, *defects)
    try:
        yield made
    finally:
        made.close()


def sent(one: Town, number: str) -> list[str]:
    rows = one.store.rows("SELECT infno FROM yb_log WHERE bill_no = ? ORDER BY id", (number,))
    return [row["infno"] for row in rows]


def differences(one: Town) -> list[tuple[str, str]]:
    rows = one.store.rows("SELECT class, repair FROM yb_difference ORDER BY id")
    return [(row["class"], row["repair"]) for row in rows]


def day_results(one: Town) -> list[str]:
    return [row["stmt_rslt"] for row in one.store.rows("SELECT stmt_rslt FROM yb_day ORDER BY id")]


# -- without trouble -------------------------------------------------------------------------------


def test_an_outpatient_bill(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill("civil")
        one.settle(number)

        assert sent(one, number) == ["1101", "2201", "2203", "2204", "2206", "2207"]
        assert one.state(number) == "settled"
        assert len(one.theirs()) == 1
        assert one.agree()
        # 30 x 12.37 + 3 x 125.55 + 20.00 + 610.05
        assert one.ours()[0][3] == 137_780
        assert one.ours()[0][4] > 0


def test_a_stay(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.stay()
        one.settle(number)

        assert sent(one, number) == ["1101", "2401", "2301", "2402", "2303", "2304"]
        assert one.state(number) == "settled"
        assert one.agree()
        one.refund(number)
        assert len(one.theirs()) == 2
        assert one.agree()


def test_a_whole_refund_and_the_day(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.settle(number)
        one.refund(number)
        one.day()

        assert one.state(number) == "refunded"
        assert sum(row[3] for row in one.ours()) == 0
        assert one.agree()
        assert day_results(one) == ["0"]


def test_a_partial_refund_is_a_whole_one_and_a_new_settlement(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.settle(number)
        one.refund(number, keep="1,3")

        assert one.state(number) == "settled"
        assert sorted(row[3] for row in one.ours()) == [-137_780, 39_110, 137_780]
        assert one.agree()


def test_a_suspended_insurance_is_a_refusal(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill("paused")
        one.settle(number)

        assert one.state(number) == "failed"
        assert one.ours() == one.theirs() == []


# -- one settlement a bill -------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [("window", "window"), ("window", "bedside", "self")])
def test_at_once_from_several_places(tmp_path: Path, channels: tuple[str, ...]) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        accepted = [one.order("settle", bill_no=number, channel=name) for name in channels]
        one.rest()

        assert [answer["accepted"] for answer in accepted] == [True] + [False] * (len(channels) - 1)
        assert len(one.theirs()) == 1
        assert one.agree()
        assert not one.order("settle", bill_no=number)["accepted"]


def test_an_unknown_outcome_blocks_a_second_attempt(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F3", "2207")
        one.order("settle", bill_no=number)
        one.pump.wait(lambda: one.state(number) == "unknown", one.pump.clock.now() + 60)

        assert one.state(number) == "unknown"
        assert one.ours() == []
        assert not one.order("settle", bill_no=number)["accepted"]
        one.rest()
        assert one.agree()


# -- faults ----------------------------------------------------------------------------------------

FAULTS = ["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F10", "F11", "F12", "F14", "F19", "F21",
          "F22"]  # fmt: skip
OUTPATIENT = ["1101", "2201", "2203", "2204", "2206", "2207", "2208"]
INPATIENT = ["1101", "2401", "2301", "2402", "2303", "2304", "2305"]


def lived_through(one: Town, kind: str) -> str:
    number = one.stay() if kind == "ipt" else one.bill()
    one.settle(number)
    if one.state(number) == "settled":
        one.refund(number)
    one.day()
    return number


@pytest.mark.slow
@pytest.mark.parametrize("action", FAULTS)
@pytest.mark.parametrize("kind", ["otp", "ipt"])
def test_whatever_the_centre_does_the_books_agree_by_the_end_of_the_day(
    tmp_path: Path, kind: str, action: str
) -> None:
    for infno in OUTPATIENT if kind == "otp" else INPATIENT:
        with town(tmp_path / infno) as one:
            one.fault(action, infno)
            lived_through(one, kind)

            assert one.notes, infno
            assert one.agree(), infno
            results = day_results(one)
            assert not results or results[-1] == "0", infno


def test_a_hollow_success_is_named_for_a_person(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F9", "2207")
        one.settle(number)
        assert (len(one.ours()), len(one.theirs())) == (1, 0)
        one.day()

        assert differences(one) == [("hospital_more", "manual")]
        assert day_results(one)[-1] == "1"


def test_committed_and_refused_is_found_by_the_day_end(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F8", "2207")
        one.settle(number)
        assert one.state(number) == "failed"
        assert (len(one.ours()), len(one.theirs())) == (0, 1)
        one.day()

        assert differences(one) == [("centre_more", "2601")]
        assert one.ours() == one.theirs() == []
        assert day_results(one) == ["1", "0"]


@pytest.mark.parametrize("how", ["refused", "timeout", "remains"])
def test_undoing_that_goes_wrong(tmp_path: Path, how: str) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F3", "2207")
        one.fault("F15", "2601", how=how)
        one.settle(number)

        assert one.state(number) == "settled"
        assert len(one.theirs()) == 1
        assert one.agree()


def test_undoing_that_is_refused_for_good_waits_for_the_day_end(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F3", "2207")
        for nth in (1, 2):
            one.fault("F15", "2601", nth, how="refused")
        one.settle(number)
        assert one.state(number) == "manual"
        assert one.ours() == []
        one.day()

        assert differences(one) == [("centre_more", "5203")]
        assert one.state(number) == "settled"
        assert one.agree()


# -- power cuts ------------------------------------------------------------------------------------


def cut(folder: Path, number: int, *, after: bool, fault: tuple[str, str], **how: str) -> int:
    """One order with a power cut at a commit; how many commits there were after the order.

    Args:
        folder: of the stores.
        number: of the commit; 0 for no power cut.
        after: or before it.
        fault: of the centre, and where.
        how: ``kind`` of the bill, and ``keep`` or ``all`` for a refund.
    """
    refunded = "keep" in how
    with town(folder) as one:
        bill = one.stay() if how.get("kind") == "ipt" else one.bill()
        if refunded:
            one.settle(bill)
        if fault[0]:
            one.fault(*fault)
        before = one.member.host.commits
        died: list[bool] = []
        if number:
            one.pump.crash_at("HIS", number, after=after, died=lambda: died.append(True))
        name, args = ("refund", {"keep": how["keep"]}) if refunded else ("settle", {})
        one.order(name, bill_no=bill, **args)
        deadline = one.pump.clock.now() + 600
        one.pump.wait(lambda: bool(died) or not one.his.cashier.pending(), deadline)
        if number and not died:
            return 0
        commits = one.member.host.commits - before
        if died:
            one.pump.remove("HIS")
            one.store.close()
            one.start_his()
            one.rest()
            if one.state(bill) == ("settled" if refunded else "open") and len(one.ours()) < 2:
                one.order(name, bill_no=bill, **args)  # nothing had begun: the person asks again
                one.rest()
        if refunded:  # an id whose answer was lost comes with the day end
            one.day()
        state = "refunded" if how.get("keep") == "" else "settled"
        rows = {"": 2}.get(how["keep"], 3) if refunded else 1
        seen = (number, after, fault, how, one.state(bill), one.ours(), one.theirs())
        assert one.state(bill) == state, seen
        assert len(one.theirs()) == rows, seen
        assert one.agree(), seen
        return commits


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "how"),
    [
        (("", ""), {}),
        (("F3", "2207"), {}),
        (("F2", "2207"), {}),
        (("", ""), {"kind": "ipt"}),
        (("F3", "2304"), {"kind": "ipt"}),
        (("", ""), {"keep": ""}),
        (("F3", "2208"), {"keep": ""}),
        (("", ""), {"keep": "1,3"}),
        (("F3", "2208"), {"keep": "1,3"}),
        (("", ""), {"keep": "1,3", "kind": "ipt"}),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_at_every_commit(
    tmp_path: Path, fault: tuple[str, str], how: dict[str, str], *, after: bool
) -> None:
    total = cut(tmp_path / "whole", 0, after=after, fault=fault, **how)
    assert total > 3
    for number in range(1, total + 1):
        cut(tmp_path / str(number), number, after=after, fault=fault, **how)


# -- the log ---------------------------------------------------------------------------------------


def test_the_log_is_written_before_a_message_leaves(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        seen: list[Any] = []
        honest = one.centre.handle

        def handle(call: Any) -> Any:
            rows = one.store.rows("SELECT state FROM yb_log WHERE msgid = ?", (call.msgid,))
            seen.append([row["state"] for row in rows])
            return honest(call)

        patched = pytest.MonkeyPatch()
        patched.setattr(type(one.centre), "handle", lambda _self, call: handle(call))
        try:
            one.settle(number)
        finally:
            patched.undo()

        assert seen == [["PENDING"]] * 6


def test_every_message_has_its_own_id(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        for nth in range(3):
            one.settle(one.bill("employee", nth))
        rows = one.store.rows("SELECT COUNT(*) AS n, COUNT(DISTINCT msgid) AS ids FROM yb_log")

        assert rows == [{"n": 18, "ids": 18}]


def test_two_people_two_buckets(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        one.settle(one.bill("employee"))
        one.settle(one.bill("resident"))
        one.day()

        assert day_results(one) == ["0", "0"]
        buckets = {row[10] for row in one.ours()}
        assert buckets == {world.KINDS["employee"].insutype, world.KINDS["resident"].insutype}
        assert world.person(SEED, "employee") != world.person(SEED, "resident")
