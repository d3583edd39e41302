"""Pictures are kept with their card by hash, also after it was seen to be done."""

import csv
import hashlib

import pytest

from harness.site.attached import NAME, index
from harness.site.board import FINISHED_KEPT, Board, Page
from harness.site.cards import Card, Form
from harness.site.desk import keep
from harness.wire.http1_events import HttpRequest


def card(number):
    form = Form(role="HIS", command="x", workstation="窗口", text="做", interface="I",
                fields={}, match={"type": "1"})  # fmt: skip
    return Card(number=number, form=form, args={}, workstation="窗口", minted=frozenset(),
                typed=frozenset(), since=0, opened="")  # fmt: skip


@pytest.fixture
def board(tmp_path):
    made = Board(keep=lambda data: keep(tmp_path, data), stamp=lambda: "09:00")
    made.indexed = lambda one, attached: index(tmp_path, one, attached, at=made.stamp())
    return made


def post(board, path, number, data=b"", name="a.png"):
    target = f"{path}?card={number}&name={name}&operator=x"
    headers = (("Host", "127.0.0.1:1"), ("X-Medharness", "1"))
    request = HttpRequest(method="POST", target=target, headers=headers, payload=data)
    return Page(board)._answer(request).status


def rows(folder):
    with (folder / NAME).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_picture_of_the_result_is_added_after_the_card_was_seen_done(board, tmp_path):
    one = card(1)
    board.put(one)
    assert post(board, "/attach", 1, b"before") == 200
    one.seen = "record 7"
    board.drop(one)
    assert post(board, "/attach", 1, b"after", name="=b.png") == 200
    assert [(row["card"], row["after"], row["sha256"]) for row in rows(tmp_path)] == [
        ("1", "no", hashlib.sha256(b"before").hexdigest()),
        ("1", "yes", hashlib.sha256(b"after").hexdigest()),
    ]
    assert rows(tmp_path)[1]["name"] == "'=b.png", "no spreadsheet takes it for a formula"
    kept = tmp_path / "attachments" / hashlib.sha256(b"after").hexdigest()
    assert kept.read_bytes() == b"after"
    assert board.done() == [{"number": 1, "workstation": "窗口", "text": "做", "attachments": 2}]


def test_a_done_card_takes_pictures_and_nothing_else(board):
    one = card(1)
    one.seen = "record 7"
    board.put(one)
    board.drop(one)
    assert post(board, "/take", 1) == 404
    assert one.operator == ""


def test_a_card_that_was_not_done_is_gone(board, tmp_path):
    one = card(1)
    board.put(one)
    board.drop(one)
    assert post(board, "/attach", 1, b"x") == 404
    assert not (tmp_path / NAME).exists()


def test_only_the_last_done_cards_are_kept(board):
    for number in range(1, FINISHED_KEPT + 3):
        one = card(number)
        one.seen = "record"
        board.put(one)
        board.drop(one)
    assert [row["number"] for row in board.done()][-1] == 3
