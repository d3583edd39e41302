"""Operator steps: a person does it, listeners see it, ids of the system are captured."""

import contextlib
import hashlib
import threading
import urllib.error

import pytest
from hands import OPENER, Operators, double, profile_text, run_feature

pytestmark = pytest.mark.slow


def entered(card):
    return dict(card["fields"])


def by_form(screens, board, card, operator):
    """One card at the form that its workstation stands for; says what the screen said."""
    board.post("/take", card=card["number"], operator=operator)
    fields = entered(card)
    if card["workstation"] == "入院登记":
        return screens.enter("入院登记", **fields)
    return screens.enter("检验申请", **fields)


def worker(screens, workstation, name, done, *, once=False):
    """A simulated operator of one workstation: does each card once it can be done."""

    def work(address, stop):
        board, finished = Operators(address), set()
        while not stop.is_set():
            for card in board.cards():
                mine = card["workstation"] == workstation and card["number"] not in finished
                if mine and not card["seen"]:
                    said = by_form(screens, board, card, name)
                    if "已" in said:
                        finished.add(card["number"])
                        if once:
                            return
                        done.append((name, card["number"]))
            stop.wait(0.05)

    return work


def together(*works):
    def work(address, stop):
        trouble = []

        def each(one):
            try:
                one(address, stop)
            except Exception as error:  # noqa: BLE001 - told to whoever waits for all
                trouble.append(error)

        threads = [threading.Thread(target=each, args=(one,)) for one in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if trouble:  # at the end of a run the page goes while somebody looks at it
            raise trouble[0]

    return work


def test_two_operators_work_and_the_ids_of_the_system_are_used(tmp_path):
    done = []
    with double(tmp_path) as (screens, port):
        conclusion, records, told = run_feature(
            tmp_path,
            profile_text(screens, port),
            together(
                screens.self_test,
                worker(screens, "入院登记", "张工", done),
                worker(screens, "医生站", "李医生", done),
            ),
        )

    assert conclusion.verdict == "pass", conclusion.reasons
    by_hand = [one for one in records if one["kind"] == "command" and one.get("card")][1:]
    assert [(one["name"], one["operator"], one["outcome"]) for one in by_hand] == [
        ("admit", "张工", "ok"),
        ("order", "李医生", "ok"),
    ]
    # The system minted these, and the analyzer brought the captured barcode, not ours.
    assert by_hand[0]["captured"] == {"patient_id": "70001"}
    assert by_hand[1]["captured"]["barcode"] == "620000010001"
    assert all(one["seen"] and one["opened"] and one["taken"] for one in by_hand)
    assert any("入院登记" in line and "姓名" in line for line in told)
    assert not any("患者号" in line for line in told)


def test_a_card_is_not_done_by_saying_so(tmp_path):
    def says_so(address, stop):
        board = Operators(address)
        while not stop.is_set():
            for card in board.cards():
                with contextlib.suppress(urllib.error.HTTPError):  # taken back meanwhile
                    board.post("/take", card=card["number"], operator="张工")
            stop.wait(0.1)

    with double(tmp_path) as (screens, port):
        text = profile_text(screens, port, operator="wait_s = 1.0")
        conclusion, records, _ = run_feature(tmp_path, text, together(screens.self_test, says_so))

    assert conclusion.verdict == "blocked"
    assert "入院登记" in conclusion.reasons[0]
    assert not [one for one in records if one["kind"] == "judgement"]
    outcomes = [one["outcome"] for one in records if one["kind"] == "command"]
    assert outcomes == ["ok", "unknown", "unknown"][: len(outcomes)]
    assert len(outcomes) > 1
    assert sum(one.get("person_s", 0) for one in records) >= 1.0


def test_the_page_keeps_to_itself_and_attachments_are_hashed(tmp_path):
    seen, picture = {}, b"\x89PNG synthetic"

    def refused(board, what, path, **words):
        try:
            board.post(path, **words)
            seen[what] = "taken"
        except urllib.error.HTTPError as error:
            seen[what] = error.code

    def look(address, stop):
        board = Operators(address)
        while not any(card["workstation"] == "入院登记" for card in board.cards()):
            if stop.wait(0.05):
                return
        number = board.cards()[0]["number"]
        seen["digest"] = board.post("/attach", picture, card=number, name="a.png", operator="张工")
        refused(board, "no header of ours", "/take", card=number, operator="x", own=False)
        refused(board, "another host", "/take", card=number, operator="x", host="evil.example")
        refused(board, "not asked for", "/typed", card=number, name="name", value="x")
        refused(board, "no such card", "/take", card=99, operator="x")
        seen["page"] = OPENER.open(f"http://{address}/", timeout=30).headers
        for workstation in ("入院登记", "医生站"):
            worker(screens, workstation, "张工", [], once=True)(address, stop)

    with double(tmp_path) as (screens, port):
        text = profile_text(screens, port)
        conclusion, records, _ = run_feature(tmp_path, text, together(screens.self_test, look))

    digest = hashlib.sha256(picture).hexdigest()
    assert conclusion.verdict == "pass", conclusion.reasons
    assert seen["digest"] == digest
    assert seen["no header of ours"] == 405
    assert seen["another host"] == seen["not asked for"] == 400
    assert seen["no such card"] == 404
    assert "default-src 'self'" in seen["page"]["Content-Security-Policy"]
    assert (tmp_path / "run" / "attachments" / digest).read_bytes() == picture
    kept = [one["attachments"] for one in records if one.get("attachments")]
    assert kept == [[{"name": "a.png", "sha256": digest, "bytes": len(picture)}]]
