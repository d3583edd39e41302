"""A run that goes on asks nobody twice for what a probe still shows, and says what was done."""

import pytest
from test_desk import ADMIT, ROW, Looker, Nowhere, Seeing
from test_desk import Site as Other

from harness.clock import VirtualClock
from harness.errors import Blocked
from harness.evidence.trace import Trace
from harness.profile_model import Operators
from harness.site.board import Board
from harness.site.cards import Form
from harness.site.desk import Desk
from harness.site.earlier import Earlier
from harness.site.route import Routes

GONE = Form(
    role="HIS", command="cancel", workstation="挂号", text="退号", fields={"visit": "就诊号"},
    probe="visits", ask={"name": "{name}"}, match={"visit_no": "{visit}"}, gone=True,
)  # fmt: skip

HEAD = {"format": 1, "scenario": {"id": "s1", "interface": "HIS-ADT"}}
PERSON = {"name": "甲", "visit": "ours"}


class Night:
    """One attempt after another of one scenario, with a HIS that goes on all the time."""

    def __init__(self, folder):
        self.folder, self.looker = folder, Looker()
        self.said = []

    def attempt(self):
        """A desk as a run has it, with what the attempts before left."""
        clock = VirtualClock()
        path = self.folder / "traces" / "s1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.trace = Trace(clock, path)
        self.trace.add("open", **HEAD)
        self.eyes = Seeing(self.trace, self.looker)
        self.captured, self.said = [], []
        self.board = Board()
        return Desk(
            roles=frozenset({"HIS"}),
            forms={("HIS", "visit"): ROW, ("HIS", "admit"): ADMIT, ("HIS", "cancel"): GONE},
            operators=Operators(wait_s=30.0, mints=["HIS.visit", "HIS.patient_id"]),
            board=self.board,
            trace=self.trace,
            eyes=self.eyes,
            say=self.said.append,
            routes=Routes(Nowhere()),
            captured=lambda *told: self.captured.append(told),
            past=Earlier(self.folder).find,
        )

    def broken_off(self, *, sealed=""):
        """The run ends; its trace is put aside as ``--resume`` does."""
        if sealed:
            self.trace.seal(sealed)
        self.trace.close()
        number = 1 + len(list(self.folder.glob("attempts/*")))
        kept = self.folder / "attempts" / str(number) / "traces"
        kept.mkdir(parents=True)
        (self.folder / "traces" / "s1.jsonl").replace(kept / "s1.jsonl")

    def commands(self):
        return [one for one in self.trace.records if one["kind"] == "command"]


@pytest.fixture
def night(tmp_path):
    made = Night(tmp_path)
    yield made
    made.trace.close()


def visited(night, name="甲"):
    desk = night.attempt()
    desk.hand("HIS", "visit", {"name": name, "visit": "ours"})
    night.eyes.later = [lambda: night.looker.rows.append({"name": name, "visit_no": "V9"})]
    desk.finish()


def test_what_a_probe_still_shows_is_asked_of_nobody_again(night):
    visited(night)
    night.broken_off()
    desk = night.attempt()
    desk.hand("HIS", "visit", PERSON)
    assert night.board.cards == []
    assert night.said == []
    desk.finish()
    (card,) = night.commands()
    assert (card["outcome"], card["captured"]) == ("ok", {"visit": "V9"})
    assert "attempt 1" in card["seen"] or "1 次" in card["seen"]
    assert night.captured == [("visit", "ours", "V9")]


def test_what_is_gone_meanwhile_is_asked_for_again_and_the_card_says_so(night):
    visited(night)
    night.broken_off()
    night.looker.rows.clear()  # somebody went back to the old version
    desk = night.attempt()
    desk.hand("HIS", "visit", PERSON)
    (card,) = night.board.cards
    assert "V9" in card.earlier
    assert card.earlier in night.said[0]
    assert night.board.data()[0]["earlier"] == card.earlier
    with pytest.raises(Blocked):
        desk.finish()


def test_another_person_is_a_card_as_ever(night):
    visited(night)
    night.broken_off()
    desk = night.attempt()
    desk.hand("HIS", "visit", PERSON | {"name": "乙"})
    (card,) = night.board.cards
    assert card.earlier == ""


def test_what_was_not_seen_done_is_a_card_as_ever(night):
    desk = night.attempt()
    desk.hand("HIS", "visit", PERSON)
    desk.withdraw()
    night.broken_off()
    night.looker.rows = [{"name": "甲", "visit_no": "V9"}]
    desk = night.attempt()
    desk.hand("HIS", "visit", PERSON)
    assert [one.earlier for one in night.board.cards] == [""]


def test_a_scenario_that_ended_and_runs_again_asks_again_with_a_hint(night):
    """What failed may have failed by what was entered: nothing of it is taken for granted."""
    visited(night)
    night.broken_off(sealed="fail")
    desk = night.attempt()
    desk.hand("HIS", "visit", PERSON)
    (card,) = night.board.cards
    assert "V9" in card.earlier


def test_a_message_is_over_so_the_card_says_that_the_person_is_there(night):
    desk = night.attempt()
    desk.hand("HIS", "admit", {"name": "甲", "patient_id": "ours"})
    night.eyes.later = [lambda: Other.message(night, "甲", number="P77")]
    desk.finish()
    night.board.cards.clear()
    night.broken_off()
    desk = night.attempt()
    desk.hand("HIS", "admit", {"name": "甲", "patient_id": "ours"})
    (card,) = night.board.cards
    assert "P77" in card.earlier
    assert not card.seen


def test_what_was_taken_away_stays_away(night):
    def cancelled():
        desk = night.attempt()
        desk.aliases["ours"] = "V9"  # a card before gave the number
        desk.hand("HIS", "cancel", {"name": "甲", "visit": "V9"})
        return desk

    there = [{"name": "甲", "visit_no": "V9"}]
    night.looker.rows = list(there)
    desk = cancelled()
    night.eyes.later = [night.looker.rows.clear]
    desk.finish()
    night.broken_off()
    desk = cancelled()
    assert night.board.cards == []
    desk.finish()
    night.broken_off()
    night.looker.rows = list(there)  # somebody went back to the old version
    cancelled()
    assert len(night.board.cards) == 1


def test_one_card_of_before_stands_for_one_card_now(night):
    visited(night)
    night.broken_off()
    desk = night.attempt()
    desk.hand("HIS", "visit", PERSON)
    desk.hand("HIS", "visit", PERSON | {"visit": "other"})
    assert len(night.board.cards) == 1


ORDER = Form(
    role="HIS", command="order", workstation="医生站", text="开单", fields={"visit": "就诊号"},
    probe="visits", match={"order_for": "{name}"},
)  # fmt: skip


@pytest.mark.parametrize(("left", "asked"), [(0, 0), (1, 2)])
def test_what_was_done_for_a_number_holds_as_long_as_the_number(night, left, asked):
    """The order was for visit V9: with a new visit it is a new order."""

    def both():
        desk = night.attempt()
        desk.forms = {**desk.forms, ("HIS", "order"): ORDER}
        desk.hand("HIS", "visit", PERSON)
        desk.hand("HIS", "order", {"visit": "ours", "name": "甲"})
        return desk

    desk = both()
    rows = [{"name": "甲", "visit_no": "V9"}, {"order_for": "甲"}]
    night.eyes.later = [lambda: night.looker.rows.append(rows[0]),
                        lambda: night.looker.rows.append(rows[1])]  # fmt: skip
    desk.finish()
    night.broken_off()
    night.looker.rows = rows[left:]
    both()
    assert len(night.board.cards) == asked


def test_a_run_that_began_anew_remembers_nothing(tmp_path):
    assert Earlier(tmp_path).find("s1", ROW, PERSON, frozenset()) is None
