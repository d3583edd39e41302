"""The desk without a hospital: rows that prove a card, typed ids, order, and what is no proof."""

import pytest

from harness.clock import VirtualClock
from harness.errors import Blocked
from harness.evidence.trace import Trace, pack
from harness.model import Outcome
from harness.probes.probe import Answer
from harness.profile_model import Operators
from harness.report.run import _seconds
from harness.site.board import Board
from harness.site.cards import Form, fits
from harness.site.desk import Desk
from harness.site.route import Routes
from harness.wire.hl7 import Hl7Message  # noqa: F401 - the codec that reads the messages below


class Looker:
    name, role = "visits", "HIS"

    def __init__(self):
        self.rows, self.asked, self.outcome = [], [], Outcome.OK

    def ask(self, args):
        self.asked.append(dict(args))
        return Answer(outcome=self.outcome, rows=[dict(row) for row in self.rows], error="down")

    def close(self):
        pass


class Seeing:
    """Eyes on a virtual clock; ``later`` holds what happens, one a wait."""

    def __init__(self, trace, looker):
        self.clock, self.trace, self.looker = trace.clock, trace, looker
        self.watched = {"his-lis": ("HIS-ADT",)}
        self.later = []

    @property
    def probes(self):
        return {"visits": self.looker}

    def wait(self, satisfied, deadline):
        self.clock.advance_to(min(deadline, self.clock.now() + 1.0))
        if self.later:
            self.later.pop(0)()
        return satisfied()


class Nowhere:
    endpoints, canaries = {}, {}


ROW = Form(
    role="HIS", command="visit", workstation="挂号", text="挂号", fields={"name": "姓名"},
    probe="visits", ask={"name": "{name}"}, match={"name": "{name}"}, ids={"visit": "visit_no"},
    undo="退号",
)  # fmt: skip
ADMIT = Form(
    role="HIS", command="admit", workstation="入院", text="登记", fields={"name": "姓名"},
    interface="HIS-ADT", match={"MSH-9.2": "A01", "PID-5": "{name}"}, ids={"patient_id": "PID-3.1"},
)  # fmt: skip


class Site:
    def __init__(self, **operators):
        self.trace = Trace(VirtualClock())
        self.trace.add("step", index=0)
        self.looker = Looker()
        self.eyes = Seeing(self.trace, self.looker)
        self.captured = []
        self.desk = Desk(
            roles=frozenset({"HIS"}),
            forms={("HIS", "visit"): ROW, ("HIS", "admit"): ADMIT},
            operators=Operators(wait_s=30.0, **operators),
            board=Board(),
            trace=self.trace,
            eyes=self.eyes,
            say=lambda _: None,
            routes=Routes(Nowhere()),
            captured=lambda *told: self.captured.append(told),
        )

    def message(self, name, *, link="his-lis", frm="HIS", number="P1", event="ADT^A01"):
        text = f"MSH|^~\\&|H|H|L|L|20260101||{event}|1|P|2.4\rPID|1||{number}||{name}\r"
        self.trace.add(
            "message", link=link, interface=link, conn=f"{link}#1", frm=frm, to="LIS",
            protocol="hl7", type=event, id="1", raw=pack(text.encode()),
        )  # fmt: skip

    def commands(self):
        return [one for one in self.trace.records if one["kind"] == "command"]


def test_a_row_that_was_there_before_proves_nothing_and_a_new_one_gives_its_id():
    site = Site(mints=["HIS.visit"])
    site.looker.rows = [{"name": "甲", "visit_no": "V0"}]
    site.desk.hand("HIS", "visit", {"name": "甲", "visit": "ours"})
    site.eyes.later = [
        lambda: None,
        lambda: site.looker.rows.append({"name": "乙", "visit_no": "V8"}),
        lambda: site.looker.rows.append({"name": "甲", "visit_no": "V9"}),
    ]
    site.desk.finish()
    assert site.captured == [("visit", "ours", "V9")]
    assert site.looker.asked[0] == {"name": "甲"}
    (done,) = site.commands()
    assert (done["outcome"], done["seen"]) != ("unknown", "")


def test_a_probe_that_sees_nothing_blocks_before_the_card_goes_out():
    site = Site()
    site.looker.outcome = Outcome.FAILED
    with pytest.raises(Blocked, match="down"):
        site.desk.hand("HIS", "visit", {"name": "甲", "visit": "x"})
    assert site.desk.board.cards == []


@pytest.mark.parametrize("wrong", [{"link": "other"}, {"frm": "LIS"}])
def test_a_message_on_another_link_or_of_another_system_proves_nothing(wrong):
    site = Site()
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.message("甲", **wrong)
    with pytest.raises(Blocked):
        site.desk.finish()
    site = Site()
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.message("甲")
    site.desk.finish()


def test_a_message_from_before_the_card_proves_nothing():
    site = Site()
    site.message("甲")
    site.desk.hand("HIS", "admit", {"name": "甲"})
    with pytest.raises(Blocked):
        site.desk.finish()


ORDER = Form(
    role="HIS", command="order", workstation="医生站", text="开立", fields={"patient_id": "号"},
    interface="HIS-ADT", match={"MSH-9.2": "O21", "PID-3.1": "{patient_id}"},
)  # fmt: skip


def test_an_order_that_passes_before_the_admission_proves_its_card_once_the_number_is_known():
    site = Site(mints=["HIS.patient_id"])
    site.desk.forms = {**site.desk.forms, ("HIS", "order"): ORDER}
    site.message("甲", number="P7", event="OML^O21")  # before the cards: proves nothing
    site.desk.hand("HIS", "admit", {"name": "甲", "patient_id": "ours"})
    for _ in range(2):
        site.desk.hand("HIS", "order", {"patient_id": "ours"})
    site.message("甲", number="P7", event="OML^O21")
    site.message("甲", number="P7")
    with pytest.raises(Blocked, match="开立"):
        site.desk.finish()
    assert [(one["args"]["patient_id"], one["outcome"]) for one in site.commands()] == [
        ("ours", "ok"), ("P7", "ok"), ("P7", "unknown"),
    ]  # fmt: skip


def test_a_message_that_proved_a_card_proves_no_other_when_all_are_looked_at_again():
    site = Site(mints=["HIS.patient_id"])
    site.desk.forms = {**site.desk.forms, ("HIS", "order"): ORDER}
    site.desk.hand("HIS", "admit", {"name": "甲", "patient_id": "ours"})
    for _ in range(2):
        site.desk.hand("HIS", "order", {"patient_id": "ours"})
    site.desk.hand("HIS", "admit", {"name": "乙", "patient_id": "other"})
    site.message("甲", number="P7")
    site.message("甲", number="P7", event="OML^O21")
    site.message("乙", number="P8")  # a number is known: everything is looked at once more
    with pytest.raises(Blocked, match="开立"):
        site.desk.finish()
    assert [one["outcome"] for one in site.commands()] == ["ok", "ok", "unknown", "ok"]


def test_one_message_proves_one_card():
    site = Site()
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.message("甲")
    with pytest.raises(Blocked):
        site.desk.finish()
    assert [one["outcome"] for one in site.commands()] == ["ok", "unknown"]


def test_a_typed_id_is_waited_for_and_used():
    site = Site(mints=["HIS.patient_id"], typed=["HIS.patient_id"])
    site.desk.hand("HIS", "admit", {"name": "甲", "patient_id": "ours"})
    (card,) = site.desk.board.cards
    site.message("甲", number="P7")
    site.eyes.later = [lambda: None, lambda: card.captured.update(patient_id="P8")]
    site.desk.finish()
    assert site.captured == [("patient_id", "ours", "P8")]


def test_a_number_that_is_typed_late_is_known_to_the_card_that_waits_for_it():
    site = Site(mints=["HIS.patient_id"], typed=["HIS.patient_id"])
    site.desk.forms = {**site.desk.forms, ("HIS", "order"): ORDER}
    site.desk.hand("HIS", "admit", {"name": "甲", "patient_id": "ours"})
    site.desk.hand("HIS", "order", {"patient_id": "ours"})
    first, second = site.desk.board.cards
    site.message("甲", number="P8")
    site.eyes.later = [
        lambda: first.captured.update(patient_id="P8"),
        lambda: None,
        lambda: site.message("甲", number=second.args["patient_id"], event="OML^O21"),
    ]
    site.desk.finish()
    assert [one["outcome"] for one in site.commands()] == ["ok", "ok"]
    assert second.first() == []


def test_nothing_of_ours_on_the_link_blocks():
    site = Site()
    site.eyes.watched = {}
    with pytest.raises(Blocked, match="HIS-ADT"):
        site.desk.hand("HIS", "admit", {"name": "甲"})


def test_a_command_without_a_card_blocks():
    with pytest.raises(Blocked, match="discharge"):
        Site().desk.hand("HIS", "discharge", {})


def test_waiting_for_persons_is_no_time_of_the_scenario():
    site = Site()
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.eyes.later = [lambda: None] * 8 + [lambda: site.message("甲")]
    site.desk.finish()
    whole = site.trace.records[-1]["t"] - site.trace.records[0]["t"]
    assert whole >= 9.0
    assert _seconds(site.trace.records) == 0.0


def test_what_passed_before_a_later_card_of_the_batch_proves_nothing():
    site = Site()
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.message("甲")
    site.message("乙")
    site.desk.hand("HIS", "admit", {"name": "乙"})
    with pytest.raises(Blocked):
        site.desk.finish()


def test_two_messages_prove_two_equal_cards():
    site = Site()
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.desk.hand("HIS", "admit", {"name": "甲"})
    site.message("甲")
    site.message("甲")
    site.desk.finish()
    assert [one["outcome"] for one in site.commands()] == ["ok", "ok"]


EXAMINE = Form(
    role="modality", command="examine", workstation="设备", text="检查",
    fields={"visit": "就诊号"}, probe="visits", ask={"visit": "{visit}"},
    match={"name": "{visit}"},
)  # fmt: skip


def test_a_number_that_an_open_card_is_still_to_bring_is_not_shown_before_and_shown_after():
    site = Site(mints=["HIS.visit"])
    site.desk.roles = frozenset({"HIS", "modality"})
    site.desk.forms = {("HIS", "visit"): ROW, ("modality", "examine"): EXAMINE}
    site.desk.hand("HIS", "visit", {"name": "甲", "visit": "ours"})
    site.desk.hand("modality", "examine", {"visit": "ours"})
    first, second = site.desk.board.cards
    assert second.shown() == []
    assert (first.first(), second.first()) == ([], [first.number])
    shown = []
    site.eyes.later = [
        lambda: site.looker.rows.append({"name": "ours", "visit_no": "-"}),  # of nobody
        lambda: site.looker.rows.append({"name": "甲", "visit_no": "V9"}),
        lambda: None,
        lambda: shown.append((bool(second.seen), second.shown())),
        lambda: site.looker.rows.append({"name": "V9", "visit_no": "-"}),
    ]
    site.desk.finish()
    assert shown == [(False, [("就诊号", "V9")])]
    assert site.captured == [("visit", "ours", "V9")]
    assert first.args["visit"] == "ours", "what the card itself brought stays as it was asked"


@pytest.mark.parametrize(("found", "wanted", "fit"), [
    ("2207", "2207|2304", True), ("2304", "2207|2304", True), ("2208", "2207|2304", False),
    ("ZHANG=张三", "~张三", True), ("ZHANG=张", "~张三", False), (None, "~", False),
    ("A|B", "A|B", True), ("", "", True),
])  # fmt: skip
def test_what_a_card_wants_may_be_one_of_several_or_stand_inside(found, wanted, fit):
    assert fits(found, wanted) is fit


CANCEL = Form(
    role="RIS", command="cancel", workstation="登记台", text="取消", fields={"accession": "检查号"},
    probe="visits", ask={"accession": "{accession}"}, match={"accession": "{accession}"}, gone=True,
)  # fmt: skip


def cancelling(*rows):
    site = Site()
    site.desk.roles, site.desk.forms = frozenset({"RIS"}), {("RIS", "cancel"): CANCEL}
    site.looker.rows = [{"accession": row} for row in rows]
    return site


def test_a_cancelled_order_is_seen_by_its_row_that_goes_and_no_other():
    site = cancelling("A1", "A2")
    site.desk.hand("RIS", "cancel", {"accession": "A1"})
    shown = []
    site.eyes.later = [
        lambda: site.looker.rows.remove({"accession": "A2"}),
        lambda: setattr(site.looker, "outcome", Outcome.FAILED),
        site.looker.rows.clear,
        lambda: shown.append(site.desk.board.cards[0].seen),
        lambda: setattr(site.looker, "outcome", Outcome.OK),
    ]
    site.desk.finish()
    assert shown == [""], "a look that failed shows nothing"
    assert site.commands()[0]["outcome"] == "ok"


def test_what_was_never_there_cannot_go():
    site = cancelling("A2")
    with pytest.raises(Blocked, match="visits"):
        site.desk.hand("RIS", "cancel", {"accession": "A1"})
    assert site.desk.board.cards == []


@pytest.mark.parametrize("wrong", [
    {"probe": "", "interface": "RIS-ORD"}, {"ids": {"accession": "accession"}},
])  # fmt: skip
def test_a_card_of_what_goes_away_needs_a_probe_and_gives_no_ids(wrong):
    with pytest.raises(ValueError, match="gone"):
        Form(**CANCEL.model_dump() | wrong)
