"""Around a settlement: trace codes, lists, credentials, orders; under faults and power cuts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.centre import world
from simulators.hospital import his_callback
from tests.simulators.cashier_desk import SEED, Town

BOXES = ("81000000000000000001", "81000000000000000002")
TWO = "Y001,12.37,2;J006,610.05,1"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def card(who: str, nth: int = 0) -> str:
    return world.person(SEED, who, nth).id_card


def do(town: Town, name: str, /, **args: str) -> None:
    town.order(name, **args)
    town.rest()


def states(town: Town, table: str, column: str = "state") -> list[str]:
    return [str(row[column]) for row in town.store.rows(f"SELECT {column} FROM {table}")]


def dispensed(town: Town) -> str:
    number = town.bill(lines=TWO)
    town.settle(number)
    do(town, "dispense", bill_no=number, boxes=f"1:{BOXES[0]};1:{BOXES[1]}")
    return number


def sent(town: Town, infno: str) -> int:
    return len(town.store.rows("SELECT 1 AS one FROM yb_log WHERE infno = ?", (infno,)))


# -- trace codes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["F1", "F2", "F3", "F4", "F5", "F6"])
def test_a_lost_sale_is_looked_for_before_it_is_sent_again(town: Town, fault: str) -> None:
    town.fault(fault, "3505A")

    dispensed(town)

    assert states(town, "yb_trace") == ["sold", "sold"]
    held = town.books.rows("SELECT state FROM traces")
    assert [row["state"] for row in held] == ["sold", "sold"]
    assert sent(town, "3505A") == (2 if fault in {"F1", "F2"} else 1)


@pytest.mark.parametrize("fault", ["F2", "F3"])
def test_a_refund_gives_the_boxes_back_whatever_becomes_of_the_answer(
    town: Town, fault: str
) -> None:
    number = dispensed(town)
    town.fault(fault, "3506A")

    town.refund(number)

    assert states(town, "yb_trace") == ["returned", "returned"]
    held = town.books.rows("SELECT state FROM traces")
    assert [row["state"] for row in held] == ["returned", "returned"]


def test_a_refund_that_did_not_come_about_keeps_the_boxes(town: Town) -> None:
    number = dispensed(town)
    town.fault("F16", "2208")

    town.refund(number)

    assert town.state(number) == "settled"
    assert states(town, "yb_trace") == ["sold", "sold"]


def test_nothing_is_dispensed_before_the_bill_is_settled(town: Town) -> None:
    number = town.bill(lines=TWO)

    do(town, "dispense", bill_no=number, boxes=f"1:{BOXES[0]};1:{BOXES[1]}")

    assert states(town, "yb_trace") == []
    assert sent(town, "3505A") == 0


def test_a_sale_under_way_is_found_out_about_after_a_restart(town: Town) -> None:
    number = dispensed(town)
    town.store.commit([("UPDATE yb_trace SET state = 'sending', sel_no = ''", ())])
    sales = sent(town, "3505A")

    town.start_his()
    town.rest()

    assert (states(town, "yb_trace"), town.state(number)) == (["sold", "sold"], "settled")
    assert sent(town, "3505A") == sales


@pytest.mark.parametrize("state", ["paying", "refunding"])
def test_an_order_under_way_is_found_out_about_after_a_restart(town: Town, state: str) -> None:
    number = paid(town)
    town.store.commit([("UPDATE yb_order SET state = ?", (state,))])

    town.start_his()
    town.rest()

    assert (states(town, "yb_order"), town.state(number)) == (["paid"], "settled")
    assert (len(town.ours()), town.agree()) == (1, True)


# -- lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("infno", ["4101", "4102", "4103", "5203"])
@pytest.mark.parametrize("fault", ["F2", "F3"])
def test_a_list_is_submitted_once(town: Town, infno: str, fault: str) -> None:
    number = town.stay()
    town.settle(number)
    town.fault(fault, infno)

    do(town, "list", bill_no=number, bill_code="P1")

    assert states(town, "yb_list") == ["submitted"]
    assert [row["stas_type"] for row in town.books.rows("SELECT * FROM setl_lists")] == ["1"]


def test_a_list_is_due_until_it_is_sent(town: Town) -> None:
    number = town.stay()
    town.settle(number)

    do(town, "list-check")
    assert states(town, "yb_list") == ["due"]
    do(town, "list", bill_no=number, bill_code="P1")
    do(town, "list-check")

    assert states(town, "yb_list") == ["submitted"]


def test_an_outpatient_bill_needs_no_list(town: Town) -> None:
    town.settle(town.bill())

    do(town, "list-check")

    assert states(town, "yb_list") == []


# -- credentials -----------------------------------------------------------------------------------


def test_a_token_of_another_person_settles_nothing(town: Town) -> None:
    number = town.bill()

    do(town, "scan", bill_no=number, shown=card("resident"))
    do(town, "token-settle", bill_no=number, channel="window")

    assert (town.state(number), states(town, "yb_credential")) == ("failed", ["other"])
    assert town.theirs() == []


def test_nothing_is_settled_by_a_credential_that_was_never_shown(town: Town) -> None:
    number = town.bill()

    do(town, "token-settle", bill_no=number, channel="self")

    assert town.state(number) == "failed"
    assert sent(town, "1101") == 0


def test_a_token_that_ran_out_after_the_money_moved_is_no_proof_that_it_stands(
    town: Town,
) -> None:
    """The trial that finds out shows the card, so a token that ran out cannot mislead it."""
    number = town.bill()
    do(town, "scan", bill_no=number, shown=card("employee"))
    town.fault("F2", "2207")

    do(town, "token-settle", bill_no=number, channel="self")

    assert (town.state(number), len(town.theirs())) == ("settled", 1)
    assert town.agree()


# -- mobile payment --------------------------------------------------------------------------------


def paid(town: Town) -> str:
    number = town.bill("empty_account")
    do(town, "scan", bill_no=number, shown=card("empty_account"))
    do(town, "mobile-pay", bill_no=number)
    return number


@pytest.mark.parametrize("fault", ["F2", "F3", "F8", "F9"])
@pytest.mark.parametrize("infno", ["6202", "6203", "6204", "6301"])
def test_an_order_is_paid_once_and_given_back_once(town: Town, infno: str, fault: str) -> None:
    town.fault(fault, infno)

    number = paid(town)
    assert (town.state(number), len(town.ours())) == ("settled", 1)
    assert town.agree()
    do(town, "scan", bill_no=number, shown=card("empty_account"))
    do(town, "mobile-refund", bill_no=number)

    assert (town.state(number), len(town.ours())) == ("refunded", 2)
    assert town.agree()
    assert [row["ord_stas"] for row in town.books.rows("SELECT * FROM pay_orders")] == ["7"]


def called(town: Town) -> Any:
    town.centre.calls_back = True
    where = town.member.listen(his_callback.LINK)
    town.pump.members["centre"].routes[his_callback.LINK] = where
    return town


@pytest.mark.parametrize("how", ["late", "twice", "disorder"])
def test_a_callback_is_understood_and_books_nothing_twice(town: Town, how: str) -> None:
    called(town)
    town.fault("F20", "6202", how=how)

    number = paid(town)
    town.pump.wait(lambda: False, town.pump.clock.now() + 200)

    assert [text for text in town.notes if text.endswith("understood")]
    assert (town.state(number), len(town.ours())) == ("settled", 1)
    assert town.agree()


def test_a_callback_about_no_order_of_ours_is_told_so(town: Town) -> None:
    called(town)
    town.fault("F20", "6202", how="late")
    paid(town)
    town.store.commit([("DELETE FROM yb_order", ())])

    town.pump.wait(lambda: False, town.pump.clock.now() + 400)

    assert [text for text in town.notes if text.endswith("given up")]
    assert len(town.ours()) == 1
