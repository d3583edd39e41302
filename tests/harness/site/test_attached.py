"""Pictures are kept with their card by hash, also after it was seen to be done."""

import csv
import hashlib

import pytest
import sample

from harness.report.pictures import NAME, read
from harness.report.run import write
from harness.site.attached import index, keep
from harness.site.board import FINISHED_KEPT, Board, Page
from harness.site.cards import Card, Form
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


def test_a_card_that_waits_for_another_says_so_until_it_is_known(board):
    one = card(2)
    one.after, one.minted = {"patient_id": 1}, frozenset({"patient_id"})
    board.put(one)
    assert "1" in board.data()[0]["first"]
    assert board.data()[0]["first"] in board.text(one)
    one.minted = frozenset()
    assert board.data()[0]["first"] == ""


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


@pytest.fixture
def folder(tmp_path):
    """A run folder with one scenario of every kind, not yet reported."""
    return sample.write_folder(tmp_path / "run")


def listed(folder):
    return [(one.card, one.scenario, one.operator, one.after, one.state) for one in read(folder)]


def attached(board, number, data, **more):
    one = card(number)
    one.scenario, one.operator, one.seen = f"s-{number}", "张工", more.get("seen", "")
    board.put(one)
    post(board, "/attach", number, data, name=more.get("name", "屏幕.png"))
    return hashlib.sha256(data).hexdigest()


def test_a_list_that_nobody_can_read_lists_nothing(board, tmp_path, request):
    before = csv.field_size_limit(1_000)  # some readers raise it for the whole process
    request.addfinalizer(lambda: csv.field_size_limit(before))
    attached(board, 1, b"x")
    with (tmp_path / NAME).open("a", encoding="utf-8") as file:
        file.write("x" * 200_000)
    assert read(tmp_path) == []


def test_the_list_is_read_again_with_what_stands_beside_it(board, tmp_path):
    digests = [attached(board, number, bytes([number])) for number in (1, 2, 3)]
    (tmp_path / "attachments" / digests[1]).write_bytes(b"another")
    (tmp_path / "attachments" / digests[2]).unlink()
    assert listed(tmp_path) == [
        ("1", "s-1", "x", "no", "kept"), ("2", "s-2", "x", "no", "altered"),
        ("3", "s-3", "x", "no", "missing"),
    ]  # fmt: skip
    path = tmp_path / NAME
    path.write_text(path.read_text("utf-8-sig").replace(digests[0], "../../etc/passwd"), "utf-8")
    assert listed(tmp_path)[0][-1] == "missing"
    assert read(tmp_path / "no") == []


def test_the_report_shows_a_picture_that_came_after_the_seal(folder, tmp_path):
    """Card, operator, time and hash stand there; what was sealed stays as it was."""
    before = {one.name: one.read_bytes() for one in (folder / "traces").glob("*.jsonl")}
    made = Board(keep=lambda data: keep(folder, data), stamp=lambda: "2026-01-05T23:10:00+08:00")
    made.indexed = lambda one, picture: index(folder, one, picture, at=made.stamp())
    digest = attached(made, 7, b"late", seen="record 3", name="<b>.png")
    run = write(folder, lang="en", masked=False)
    page = (folder / "report.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="attached">') :].split("</section>")[0]
    for text in ("7 · 窗口", "s-7", "x", "23:10:00", "after the card was done", digest,
                 "the hash holds", "&lt;b&gt;.png"):  # fmt: skip
        assert text in section, text
    assert {one.name: one.read_bytes() for one in (folder / "traces").glob("*.jsonl")} == before
    assert digest not in run.text()
    write(folder, lang="en", masked=True)
    page = (folder / "report.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="attached">') :].split("</section>")[0]
    assert digest in section
    assert "&lt;b&gt;.png" not in section
    assert "***" in section


def test_a_report_without_pictures_has_no_such_section(folder):
    write(folder, lang="en")
    assert "Attached to operator cards" not in (folder / "report.html").read_text(encoding="utf-8")
