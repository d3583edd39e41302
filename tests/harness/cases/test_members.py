"""Members of bodies and arguments of commands go as far as the same fault still shows."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from harness.cases import faults, minimise
from harness.cases.framing import WIRE
from harness.cases.members import (
    arguments,
    frames,
    only,
    places,
    with_arguments,
    with_frames,
)
from harness.cases.minimise import Search
from harness.cases.replay import Once
from harness.cases.score import Score, Turn
from harness.cases.slots import Slots
from harness.errors import HarnessError
from tests.harness.cases.test_replay import line

FAULT = faults.parse("his-yb-ledger medfee_fen = 54017")


def score(payload, *, args=None):
    """A command, what the HIS asks then, and what it is answered."""
    turns = [
        Turn("command", line(1, "user", "HIS", "yb-settle", json.dumps(args or {"bill": "B1"}).encode(), "command")),
        Turn("hear", line(2, "HIS", "centre", "2207", b'{"infno":"2207"}', "http")),
    ]  # fmt: skip
    replies = {2: [line(3, "centre", "HIS", "2207", payload, "http")]}
    return Score(system="HIS", turns=turns, replies=replies, left_out={})


def body(one):
    return one.replies[2][0].payload


# ---- what can go


def test_every_scalar_is_a_place_and_an_empty_container_goes_with_its_members():
    whole = score(b'{"infcode":0,"output":{"list":[{"a":1.50},{"b":"x"}],"none":[]}}')
    found = places(whole)

    assert [way for _, way in found] == [
        ("infcode",), ("output", "list", 0, "a"), ("output", "list", 1, "b"), ("output", "none"),
    ]  # fmt: skip
    assert json.loads(body(only(whole, [found[0], found[2]]))) == {
        "infcode": 0, "output": {"list": [{"b": "x"}]}}  # fmt: skip
    assert b"1.50" in body(only(whole, found[:2]))
    assert body(only(whole, [])) == b"{}"


def test_what_stays_whole_or_breaks_keeps_its_bytes():
    spaced = b'{ "infcode" : 0 ,\n "x": 1.0 }'
    whole, broken = score(spaced), score(b'{"infcode":0,"x":')

    assert body(only(whole, places(whole))) == spaced
    assert places(broken) == []
    assert only(broken, []).replies == broken.replies


def test_the_character_set_of_a_body_stays():
    whole = score('{"name":"张三","x":1}'.encode("gb18030"))

    assert body(only(whole, places(whole)[:1])) == '{"name":"张三"}'.encode("gb18030")


def test_arguments_go_one_by_one():
    whole = score(b"{}", args={"bill": "B1", "channel": "window"})

    assert arguments(whole) == [(1, "bill"), (1, "channel")]
    left = with_arguments(whole, [(1, "bill")])
    assert json.loads(left.turns[0].line.payload) == {"bill": "B1"}
    assert with_arguments(whole, arguments(whole)).turns == whole.turns


def test_frames_of_a_session_go_and_the_others_stay_byte_for_byte():
    bad = b"\x021H|\\^&\r\x03ZZ\r\n"
    session = b"\x05" + bad + b"\x022L|1\r\x0311\r\n" + b"\x04"
    turns = [Turn("send", line(1, "analyzer", "LIS", "session", session, WIRE))]
    whole = Score(system="LIS", turns=turns, replies={}, left_out={})

    found = frames(whole)
    assert found == [(1, 0), (1, 1), (1, 2), (1, 3)]
    assert with_frames(whole, found).turns == turns
    assert with_frames(whole, [(1, 0), (1, 1)]).turns[0].line.payload == b"\x05" + bad


# ---- the search


def system(monkeypatch, books, needs=("bill",)):
    """A HIS that books what the answer says, less than it should; its play takes no time."""
    plays = []

    def once(_stage, played, _faults):
        plays.append(played)
        command = json.loads(played.turns[0].line.payload)
        if not set(needs) <= set(command):
            raise HarnessError("it broke down")
        values = books(json.loads(body(played) or b"{}"))
        seen = faults.Seen(FAULT, tuple(values))
        told = SimpleNamespace(slots=Slots("s"), refused=[], unmatched=[], heard=[])
        return Once(told, (seen,))

    monkeypatch.setattr(minimise, "once", once)
    stage = SimpleNamespace(stop=lambda: None, manner=SimpleNamespace(timed=0.0), layout=None)
    return stage, plays


ANSWER = (
    b'{"infcode":0,"output":{"setlinfo":{"medfee":540.17,"cash":394.17,"name":"x"},"more":[1,2,3]}}'
)


def test_a_search_leaves_what_the_fault_needs_and_says_how_much(monkeypatch):
    def books(told):
        fee = told.get("output", {}).get("setlinfo", {}).get("medfee")
        return ["54016"] if fee else []

    stage, plays = system(monkeypatch, books)
    search = Search(stage, [FAULT])
    least = search.run(score(ANSWER, args={"bill": "B1", "channel": "window"}))

    assert json.loads(body(least)) == {"output": {"setlinfo": {"medfee": 540.17}}}
    assert json.loads(least.turns[0].line.payload) == {"bill": "B1"}
    assert search.levels["members"] == (7, 1)
    assert search.levels["arguments"] == (2, 1)
    assert search.ended
    assert search.trials == len(plays)


def test_another_wrong_value_is_another_fault(monkeypatch):
    """Without the fee this HIS books nothing: wrong as well, and not what was reported."""

    def books(told):
        return ["54016" if told.get("output", {}).get("setlinfo", {}).get("medfee") else "0"]

    stage, _ = system(monkeypatch, books)
    least = Search(stage, [FAULT]).run(score(ANSWER))
    assert b"540.17" in body(least)

    monkeypatch.setattr(Search, "_like", lambda _self, _result: True)
    careless = Search(stage, [FAULT]).run(score(ANSWER))
    assert b"540.17" not in body(careless)


def test_where_the_value_is_not_the_same_twice_no_member_goes(monkeypatch):
    turn = iter(range(1000))
    stage, _ = system(monkeypatch, lambda _told: [f"5401{next(turn)}"])

    search = Search(stage, [FAULT])
    assert body(search.run(score(ANSWER))) == ANSWER
    assert "members" not in search.levels


@pytest.mark.parametrize("place", ["count"])
def test_where_something_did_not_come_no_member_goes(monkeypatch, place):
    absent = faults.parse(f"HIS 2207 {place} = 1")
    stage, _ = system(monkeypatch, lambda _told: ["0"])

    assert body(Search(stage, [absent]).run(score(ANSWER))) == ANSWER
