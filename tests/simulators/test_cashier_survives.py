"""What the cashier lives through: registrations, refunds and day ends that go wrong half way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.hospital.cashier_day import buckets
from simulators.hospital.cashier_model import Flow, Save
from simulators.store import insert
from tests.simulators.cashier_desk import Town
from tests.simulators.test_cashier import day_results, differences, sent, town


def visits(one: Town) -> list[str]:
    """States of all visits at the centre."""
    return [row["state"] for row in one.books.rows("SELECT state FROM visits ORDER BY mdtrt_id")]


def until_cut(
    folder: Path, before: Callable[[Town], str], order: Callable[[Town, str], Any]
) -> list[Town]:
    """The same order with a power cut after each of its commits in turn; the towns, at rest."""
    towns = []
    for number in range(1, 200):
        here = folder / str(number)
        here.mkdir()
        one = Town(here)
        bill = before(one)
        died: list[bool] = []
        one.pump.crash_at("HIS", number, after=True, died=lambda hit=died: hit.append(True))
        order(one, bill)
        deadline = one.pump.clock.now() + 600
        one.pump.wait(lambda: False, one.pump.clock.now() + 0.01)
        one.pump.wait(lambda hit=died, it=one: bool(hit) or not it.his.cashier.pending(), deadline)
        if not died:
            one.close()
            return towns
        one.pump.remove("HIS")
        one.store.close()
        one.start_his()
        one.rest()
        towns.append(one)
    raise AssertionError("it never comes to an end")


# -- visits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["F3", "F4", "F6"])
def test_a_registration_whose_answer_is_lost_is_found_again(tmp_path: Path, action: str) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault(action, "2201")
        one.settle(number)

        assert sent(one, number).count("2201") == 1
        assert visits(one) == ["open"]
        assert one.state(number) == "settled"


@pytest.mark.parametrize("kind", ["otp", "ipt"])
def test_a_registration_that_is_done_twice_is_closed_by_the_day_end(
    tmp_path: Path, kind: str
) -> None:
    infno, cancel = ("2401", "2404") if kind == "ipt" else ("2201", "2202")
    with town(tmp_path) as one:
        number = one.stay() if kind == "ipt" else one.bill()
        one.fault("F7", infno, how="missing")
        one.fault("F8", "5303" if kind == "ipt" else "5201")
        one.settle(number)
        one.order("settle", bill_no=number)
        one.rest()
        one.day()

        assert one.agree()
        held = {row["mdtrt_id"] for row in one.store.rows("SELECT mdtrt_id FROM yb_bill")}
        left = one.books.rows("SELECT mdtrt_id FROM visits WHERE state <> 'cancelled'")
        assert {row["mdtrt_id"] for row in left} <= held
        cancelled = [state for state in visits(one) if state == "cancelled"]
        assert differences(one) == [("visit", cancel)] * len(cancelled)
        if kind == "otp":
            assert len(cancelled) == 1


def test_a_bill_that_failed_is_tried_again_in_its_own_visit(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F8", "2204")
        one.settle(number)
        assert one.state(number) == "failed"
        one.settle(number)

        assert one.state(number) == "settled"
        assert visits(one) == ["open"]
        assert one.agree()


def test_a_settlement_that_was_refused_and_stands_is_not_made_twice(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F8", "2207")
        one.settle(number)
        one.settle(number)

        assert one.state(number) == "settled"
        assert len(one.theirs()) == 1
        assert one.agree()


# -- flows -----------------------------------------------------------------------------------------


def test_a_flow_reads_what_it_has_written(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        seen: list[int] = []

        def flow() -> Flow:
            for number in range(3):
                row = {"item": f"T{number}", "med_code": "x", "begin": "", "until": ""}
                yield Save(statements=[insert("yb_map", row)])
                found = one.store.rows("SELECT item FROM yb_map WHERE med_code = 'x'")
                seen.append(len(found))

        one.his.cashier._running["t"] = flow()
        one.pump.wait(lambda: False, one.pump.clock.now() + 0.1)
        for command in one.his.cashier._resumed("t", None, one.pump.clock.now()):
            one.member.host._do(command)
        one.rest()

        assert seen == [1, 2, 3]


# -- refunds ---------------------------------------------------------------------------------------


def test_a_refund_that_went_out_twice_gets_the_id_of_the_one_carried_out(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.settle(number)
        one.fault("F2", "2208", 1)
        one.fault("F3", "2208", 2)
        one.refund(number)
        assert sent(one, number).count("2208") == 2
        one.day()

        assert one.state(number) == "refunded"
        assert one.agree()


def test_a_question_that_stays_without_answer_erases_nothing(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.settle(number)
        one.fault("F3", "2208")
        one.fault("F8", "5203")
        one.refund(number)
        one.day()

        assert all(row[7] for row in one.ours())
        one.day()
        assert one.agree()


@pytest.mark.slow
@pytest.mark.parametrize("action", ["F8", "F10"])
def test_a_refund_that_was_refused_and_carried_out_survives_a_power_cut(
    tmp_path: Path, action: str
) -> None:
    def before(one: Town) -> str:
        number = one.bill()
        one.settle(number)
        one.fault(action, "2208")
        return number

    towns = until_cut(tmp_path, before, lambda one, number: one.order("refund", bill_no=number))
    assert len(towns) > 4
    for nth, one in enumerate(towns):
        one.day()
        assert one.agree(), nth
        assert day_results(one)[-1] == "0", nth
        one.close()


def test_the_answer_to_another_message_proves_no_refund(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.settle(number)
        one.fault("F2", "2208")
        one.fault("F11", "2206")
        one.refund(number)

        assert sent(one, number).count("2208") == 2
        assert one.state(number) == "refunded"
        assert one.agree()


# -- day ends --------------------------------------------------------------------------------------


def test_a_day_is_compared_where_only_its_neighbour_has_rows(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        one.settle(one.bill())
        (bucket,) = {(row[10], row[9], row[11]) for row in one.ours()}
        today = one.pump.clock.wall()

        for day in (-1, 0, 1):
            name = f"{today.replace(day=today.day + day):%Y-%m-%d}"
            assert buckets(one.store, name, []) == [(bucket[0], bucket[1], bucket[2])]
        assert buckets(one.store, f"{today.replace(day=today.day + 3):%Y-%m-%d}", []) == []


@pytest.mark.slow
def test_what_was_repaired_is_listed_whenever_the_power_goes(tmp_path: Path) -> None:
    def before(one: Town) -> str:
        number = one.bill()
        one.fault("F8", "2207")
        one.settle(number)
        return number

    towns = until_cut(tmp_path, before, lambda one, _: one.order("day"))
    assert len(towns) > 10
    for nth, one in enumerate(towns):
        one.day()
        assert differences(one) == [("centre_more", "2601")], nth
        assert one.ours() == one.theirs() == []
        one.close()


def test_a_refund_of_what_the_centre_never_had_is_listed(tmp_path: Path) -> None:
    with town(tmp_path) as one:
        number = one.bill()
        one.fault("F9", "2207")
        one.settle(number)
        one.refund(number)
        one.day()

        assert one.state(number) in {"refunded", "settled"}
        assert len(differences(one)) == len(one.ours())
        assert {repair for _, repair in differences(one)} == {"manual"}
