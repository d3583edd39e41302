"""The terminal as keyboard and scanner: what is typed goes to the card that asks, and to no other."""

import io
import os
import threading

import pytest

from harness.site.board import Board
from harness.site.cards import Card, Form
from harness.site.keys import Keys, follow, listen


def card(number, *typed):
    form = Form(role="HIS", command="x", workstation="窗口", text="做", interface="I",
                fields={"visit": "就诊号", "tube": "条码"}, match={"type": "1"})  # fmt: skip
    return Card(number=number, form=form, args={}, workstation="窗口", minted=frozenset(typed),
                typed=frozenset(typed), since=0, opened="")  # fmt: skip


@pytest.fixture
def board():
    return Board(stamp=lambda: "09:00")


def test_a_scanned_line_goes_to_the_one_card_that_asks(board):
    plain, asking = card(1), card(2, "tube")
    board.cards += [plain, asking]
    told = []
    follow(io.StringIO("@王工\n620000010001\n"), Keys(board), told.append)
    assert asking.captured == {"tube": "620000010001"}
    assert (asking.operator, asking.taken, plain.operator) == ("王工", "09:00", "")
    assert "条码" in told[-1]
    assert not asking.seen, "nothing that is typed completes a card"


def test_two_cards_that_ask_must_be_told_apart(board):
    first, second = card(1, "tube"), card(2, "tube")
    board.cards += [first, second]
    keys = Keys(board)
    said = keys.take("T1")
    assert "#1" in said
    assert "#2" in said
    assert (first.captured, second.captured) == ({}, {})
    keys.take("#2 T1")
    assert (first.captured, second.captured) == ({}, {"tube": "T1"})


def test_several_ids_of_a_card_are_typed_one_after_the_other(board):
    asking = card(1, "tube", "visit")
    board.cards.append(asking)
    keys = Keys(board)
    keys.take("T1")
    keys.take("V1")
    assert asking.captured == {"tube": "T1", "visit": "V1"}


def test_a_card_is_taken_up_by_its_number_once_somebody_said_who(board):
    one = card(3)
    board.cards.append(one)
    keys = Keys(board)
    keys.take("#3")
    assert (one.operator, one.taken) == ("", "")
    keys.take("@李医生")
    keys.take("#3")
    assert one.operator == "李医生"


@pytest.mark.parametrize("line", ["#9 T1", "#1 T1", "T1", "#9", ""])
def test_what_no_card_asks_for_changes_nothing(board, line):
    one = card(1)
    board.cards.append(one)
    said = Keys(board).take(line)
    assert bool(said) is bool(line)
    assert one.captured == {}


def test_what_is_too_long_is_refused(board):
    one = card(1, "tube")
    board.cards.append(one)
    assert "条码" in Keys(board).take("9" * 65)
    assert one.captured == {}


def test_only_a_terminal_is_listened_to(board):
    assert not listen(board, io.StringIO("T1\n"), print)
    assert not listen(board, None, print)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo terminals here")
def test_a_scanner_at_a_terminal(board):
    one, told, heard = card(1, "tube"), [], threading.Event()
    board.cards.append(one)

    def say(line):
        told.append(line)
        heard.set()

    far, near = os.openpty()
    with os.fdopen(near, encoding="utf-8") as stream:
        assert listen(board, stream, say)
        os.write(far, b"620000010001\n")
        assert heard.wait(60)
        assert one.captured == {"tube": "620000010001"}
        os.write(far, b"\x04")
        for thread in threading.enumerate():
            if thread.name == "keys":
                thread.join(60)
    os.close(far)
