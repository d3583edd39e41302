"""Repairs in any order, repeated, with answers that never came: no money moves a second time.

A proposal may be carried out again from an old list, or after a call whose outcome nobody knows. So
whatever the order, a settlement stands once in either ledger, and is taken back at most once.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from tests.simulators.cashier_desk import Town

REPAIRS = st.tuples(
    st.sampled_from(["undo", "book", "reverse_booked", "reverse"]),
    # What becomes of the answers of the centre meanwhile: they come, or are lost after the commit.
    st.sampled_from(["", "", "2601", "2208", "5203"]),
)
TRIES = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def broken(town):
    """A settlement that the centre has committed and called refused; its ids, as a list has them."""
    town.fault("F8", "2207")
    number = town.bill("resident")
    town.settle(number)
    (row,) = town.books.rows("SELECT setl_id, medins_setl_id AS msgid FROM settlements")
    assert town.ours() == []
    return number, {"setl_id": row["setl_id"], "msgid": row["msgid"]}


def carry_out(town, number, ids, what, lost, nth):
    if lost:
        town.fault("F3", lost, nth)
    try:
        town.order("repair", what=what, bill_no=number, **ids)
    except HarnessError:
        return  # refused: nothing was done
    finally:
        town.rest()


def moved(rows):
    """How often each settlement stands, by whether it gives or takes back."""
    return Counter((row[-1], row[8]) for row in rows)


def net(rows):
    return sum(row[3] for row in rows)


def once(town, total):
    """No settlement twice, nothing taken back that was not given, no sum but none and the bill."""
    for rows in (town.ours(), town.theirs()):
        if max(moved(rows).values(), default=0) > 1 or net(rows) not in {0, total}:
            return False
    return True


@pytest.mark.slow
@TRIES
@given(steps=st.lists(REPAIRS, min_size=1, max_size=5))
def test_no_order_of_repairs_moves_money_twice(steps):
    with tempfile.TemporaryDirectory() as name:
        town = Town(Path(name))
        try:
            number, ids = broken(town)
            total = net(town.theirs())
            assert total > 0
            for nth, (what, lost) in enumerate(steps, 1):
                carry_out(town, number, ids, what, lost, nth)
                assert once(town, total), (steps[:nth], town.ours(), town.theirs())
        finally:
            town.close()


@pytest.mark.parametrize(("defects", "safe"), [((), True), (("his-repair-books-again",), False)])
def test_booking_twice_from_an_old_list_is_noticed(tmp_path, defects, safe):
    town = Town(tmp_path, *defects)
    try:
        number, ids = broken(town)
        total = net(town.theirs())
        for _ in range(2):
            carry_out(town, number, ids, "book", "", 1)
        assert once(town, total) is safe
        assert town.agree() is safe
    finally:
        town.close()
