"""The message account over records typed by hand, and over what a run really wrote."""

import json

import pytest

from harness.evidence.account import (
    ANSWERED_WITHOUT_EFFECT,
    DUPLICATED,
    EFFECT_WITHOUT_ANSWER,
    LOST,
    OUT_OF_ORDER,
    account,
)
from harness.evidence.line import pack
from harness.model import Outcome
from harness.selfcheck.runs import play, shipped

BLOCK, END = b"\x0b", b"\x1c\r"


def oru(control="C1", barcode="B1", patient="P1", value="5.2"):
    return (
        f"MSH|^~\\&|LIS||HIS||20260105||ORU^R01|{control}|P|2.4\r"
        f"PID|1||{patient}\rOBR|1||{barcode}|LAB\rOBX|1|NM|K||{value}|mmol/L\r"
    ).encode()


def ack(names="C1", code="AA"):
    return f"MSH|^~\\&|HIS||LIS||20260105||ACK^R01|A1|P|2.4\rMSA|{code}|{names}\r".encode()


RESULT = (
    b"H|\\^&|M1||SIM|||||||P|LIS02-A2|20260105\rP|1|P1\rO|1|B1||^^^K|R\r"
    b"R|1|^^^K|5.2|mmol/L||N||F\rL|1|N\r"
)
"""LIS02-A2 §6 to §15, each record with its letter."""

FRAMES = [b"\x02%d%b\r\x03" % (i, record) for i, record in enumerate(RESULT.split(b"\r")[:-1], 1)]
"""LIS01-A2 §6.3.1; the account reads no checksums, so none stand here."""


class Tape:
    """Records in order, each with the next number."""

    def __init__(self):
        self.records = []

    def add(self, kind, **fields):
        n = len(self.records) + 1
        self.records.append({"n": n, "t": n / 100, "kind": kind} | fields)
        return n

    def bytes(self, data, frm="LIS", to="HIS", link="lis-his", conn=None):
        conn = conn or f"{link}#1"
        return self.add("bytes", link=link, conn=conn, frm=frm, to=to, raw=pack(data))

    def message(self, payload, *, ident="C1", barcode="B1", patient="P1", conn="lis-his#1"):
        corr = {"patient": patient, "barcode": barcode}
        return self.add(
            "message", link="lis-his", conn=conn, frm="LIS", to="HIS", protocol="hl7",
            type="ORU^R01", id=ident, raw=pack(payload), corr=corr,
        )  # fmt: skip

    def send(self, payload, **fields):
        """Written down, and over the wire whole."""
        n = self.message(payload, **fields)
        self.bytes(BLOCK + payload + END, conn=fields.get("conn"))
        return n

    def answer(self, names="C1", code="AA"):
        return self.add(
            "message", link="lis-his", conn="lis-his#1", frm="HIS", to="LIS", protocol="hl7",
            type="ACK^R01", id="A1", raw=pack(ack(names, code)),
            corr={"acknowledges": names, "code": code},
        )  # fmt: skip

    def look(self, *rows, probe="his-results", role="HIS", key="B1", outcome="ok"):
        return self.add(
            "probe", probe=probe, role=role, args={"barcode": key}, outcome=outcome, rows=list(rows)
        )

    def upload(self):
        """An analyzer writes its message down before it calls."""
        return self.add(
            "message", link="analyzer-lis", conn="analyzer-lis#1", frm="analyzer", to="LIS",
            protocol="astm", type="astm result", id="M1", raw=pack(RESULT), encoding="ascii",
            corr={"patient": "P1", "barcode": "B1"},
        )  # fmt: skip

    def ours(self, data):
        return self.bytes(data, frm="analyzer", to="LIS", link="analyzer-lis")

    def theirs(self, data):
        return self.bytes(data, frm="LIS", to="analyzer", link="analyzer-lis")

    def transfer(self, frames=FRAMES, end=b"\x04"):
        self.ours(b"\x05")
        self.theirs(b"\x06")
        for frame in frames:
            self.ours(frame)
            self.theirs(b"\x06")
        if end:
            self.ours(end)

    def ended(self, event="SendFailed"):
        return self.add(
            "link", event=event, link="analyzer-lis", conn="analyzer-lis#1", frm="analyzer",
            to="LIS", reason="",
        )  # fmt: skip

    def only(self):
        (state,) = account(self.records)
        return state


def row(value="5.2", **more):
    return {"barcode": "B1", "patient_id": "P1", "item": "K", "value": value} | more


@pytest.fixture
def tape():
    return Tape()


# -- HL7 ---------------------------------------------------------------------------------------


def test_a_message_that_goes_well_passes_through_every_state(tape):
    sent = tape.send(oru())
    answered = tape.answer()
    seen = tape.look(row())

    state = tape.only()

    assert state.states == ("sent", "on the wire", "accepted", "applied", "effect seen")
    assert state.records == (sent,)
    assert [one.record for one in state.answers] == [answered]
    assert (state.outcome, state.effect.seen_at, state.words) == (Outcome.OK, seen, ())
    assert (state.sender, state.id, state.keys["barcode"]) == ("LIS", "C1", "B1")


def test_commit_accept_is_not_applied(tape):
    tape.send(oru())
    tape.answer(code="CA")

    assert tape.only().states == ("sent", "on the wire", "accepted")


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_a_refusal_is_known_and_no_loss(tape, code):
    tape.send(oru())
    tape.answer(code=code)
    tape.look()

    state = tape.only()

    assert (state.outcome, state.words) == (Outcome.FAILED, ())


def test_without_an_answer_the_outcome_is_unknown(tape):
    tape.send(oru())

    state = tape.only()

    assert (state.outcome, state.answers, state.words) == (Outcome.UNKNOWN, (), ())


@pytest.mark.parametrize(("names", "code"), [("OTHER", "AA"), ("C1", "ZZ"), ("C1", "")])
def test_an_answer_that_says_nothing_about_it_is_not_trusted(tape, names, code):
    tape.send(oru())
    tape.answer(names, code)

    state = tape.only()

    assert [one.trusted for one in state.answers] == [False]
    assert state.outcome is Outcome.UNKNOWN


def test_garbage_is_an_answer_that_is_not_trusted(tape):
    tape.send(oru())
    tape.add(
        "message", link="lis-his", conn="lis-his#1", frm="HIS", to="LIS", protocol="hl7",
        type="", id="", raw=pack(b"??"), corr={},
    )  # fmt: skip

    state = tape.only()

    assert [(one.code, one.trusted) for one in state.answers] == [("", False)]


def test_an_answer_that_a_fault_swallowed_leaves_it_unknown_until_it_comes_again(tape):
    tape.send(oru())
    tape.answer()
    tape.add(
        "fault", event="fired", id="F1", link="lis-his", conn="lis-his#1", frm="HIS", to="LIS",
        before=pack(BLOCK + ack() + END), after="",
    )  # fmt: skip

    assert tape.only().outcome is Outcome.UNKNOWN

    tape.send(oru())
    tape.answer()

    state = tape.only()
    assert [one.trusted for one in state.answers] == [False, True]
    assert (state.outcome, len(state.records), state.deliveries) == (Outcome.OK, 2, 2)


def test_what_never_went_over_the_wire_is_lost(tape):
    tape.message(oru())

    state = tape.only()

    assert (state.deliveries, state.words) == (0, (LOST,))


def test_what_was_sent_and_neither_answered_nor_seen_is_lost(tape):
    tape.send(oru())
    tape.look()

    assert tape.only().words == (LOST,)


def test_answered_without_effect(tape):
    tape.send(oru())
    tape.answer()
    tape.look()

    assert tape.only().words == (ANSWERED_WITHOUT_EFFECT,)


def test_another_value_is_not_its_effect(tape):
    tape.send(oru(value="5.2"))
    tape.answer()
    tape.look(row("5.20"))

    assert tape.only().words == (ANSWERED_WITHOUT_EFFECT,)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"role": "LIS"},
        {"key": "B2"},
        {"outcome": "unknown"},
        {"probe": "his-alarms"},
    ],
)
def test_who_looks_elsewhere_has_not_looked(tape, elsewhere):
    tape.send(oru())
    tape.answer()
    tape.look(**elsewhere)

    assert tape.only().words == ()


def test_effect_without_answer(tape):
    tape.send(oru())
    tape.look(row())

    state = tape.only()

    assert (state.outcome, state.words) == (Outcome.UNKNOWN, (EFFECT_WITHOUT_ANSWER,))


def test_an_effect_that_stands_twice_is_duplicated_whatever_its_version(tape):
    tape.send(oru())
    tape.answer()
    tape.look(row(version="1"), row(version="2"))

    assert tape.only().words == (DUPLICATED,)


def test_two_results_are_no_duplicate(tape):
    tape.send(oru())
    tape.answer()
    tape.look(row(), row("6.1"))

    assert tape.only().words == ()


def test_what_a_later_message_replaced_is_not_missing(tape):
    tape.send(oru("C1", value="5.2"), ident="C1")
    tape.answer("C1")
    tape.send(oru("C2", value="6.1"), ident="C2")
    tape.answer("C2")
    tape.look(row("6.1"))

    assert [one.words for one in account(tape.records)] == [(), ()]


def test_who_is_overtaken_by_a_later_message_of_the_same_patient_is_out_of_order(tape):
    first, second = oru("C1", "B1"), oru("C2", "B2")
    tape.message(first, ident="C1", barcode="B1")
    tape.message(second, ident="C2", barcode="B2")
    tape.bytes(BLOCK + second + END + BLOCK + first + END)

    # Both are whole with one record: what stands first in it does not tell them apart.
    assert [one.words for one in account(tape.records)] == [(), ()]

    tape.records.pop()
    tape.bytes(BLOCK + second + END)
    tape.bytes(BLOCK + first + END)

    assert [one.words for one in account(tape.records)] == [(OUT_OF_ORDER,), ()]


def test_another_patient_may_overtake(tape):
    first, second = oru("C1", patient="P1"), oru("C2", patient="P2")
    tape.message(first, ident="C1", patient="P1")
    tape.message(second, ident="C2", patient="P2")
    tape.bytes(BLOCK + second + END)
    tape.bytes(BLOCK + first + END)

    assert [one.words for one in account(tape.records)] == [(), ()]


def test_the_same_id_with_another_content_is_another_message(tape):
    tape.send(oru(value="5.2"))
    tape.send(oru(value="6.1"))

    first, second = account(tape.records)

    assert first.id == second.id
    assert first.digest != second.digest


def test_behind_a_relay_the_far_side_is_what_was_delivered(tape):
    tape.add(
        "link", event="opened", link="lis-his", conn="lis-his#1>", frm="LIS", to="HIS", reason=""
    )
    tape.send(oru())
    assert tape.only().deliveries == 0

    for chunk in (BLOCK + oru()[:30], oru()[30:] + END, BLOCK + oru() + END):
        tape.bytes(chunk, conn="lis-his#1>")

    assert tape.only().deliveries == 2


def test_a_message_of_which_no_effect_is_known_is_not_missed(tape):
    tape.send(oru())
    tape.records[0]["type"] = "MDM^T02"
    tape.answer()
    tape.look()

    assert tape.only().words == ()


def test_of_a_message_about_nobody_no_effect_is_looked_for(tape):
    tape.send(oru(), barcode="", patient="")
    tape.answer()
    tape.look(key="")

    assert tape.only().words == ()


# -- ASTM --------------------------------------------------------------------------------------


def test_a_transfer_whose_frames_were_all_acknowledged_is_delivered(tape):
    tape.upload()
    tape.transfer()
    tape.look(row(), probe="lis-results", role="LIS")

    state = tape.only()

    assert state.states == ("sent", "on the wire", "accepted", "effect seen")
    assert [(one.code, one.trusted) for one in state.answers] == [("delivered", True)]
    assert (state.deliveries, state.words) == (1, ())


def test_the_receiver_writes_a_message_down_when_it_is_complete(tape):
    tape.transfer(end=b"")
    tape.upload()
    tape.ours(b"\x04")

    state = tape.only()

    assert (state.deliveries, state.outcome) == (1, Outcome.OK)


def test_a_transfer_cut_before_its_last_frame_is_known_to_have_failed(tape):
    tape.upload()
    tape.transfer(FRAMES[:3], end=b"")
    tape.ended()

    state = tape.only()

    assert (state.outcome, state.deliveries, state.words) == (Outcome.FAILED, 0, (LOST,))


def test_a_transfer_cut_behind_its_last_frame_is_unknown(tape):
    tape.upload()
    tape.ours(b"\x05")
    for frame in FRAMES:
        tape.ours(frame)
    tape.ended()

    state = tape.only()

    assert (state.outcome, state.deliveries) == (Outcome.UNKNOWN, 1)


def test_a_last_frame_that_is_refused_is_known_to_have_failed(tape):
    """LIS01-A2 §6.5.1.3: after six refusals the sender gives up with EOT."""
    tape.upload()
    tape.transfer(FRAMES[:-1], end=b"")
    tape.ours(FRAMES[-1])
    tape.theirs(b"\x15")
    tape.ours(b"\x04")

    state = tape.only()

    assert [(one.code, one.trusted) for one in state.answers] == [("refused", True)]
    assert state.outcome is Outcome.FAILED


def test_a_last_frame_without_an_answer_leaves_it_unknown(tape):
    tape.upload()
    tape.transfer(FRAMES[:-1], end=b"")
    tape.ours(FRAMES[-1])
    tape.ours(b"\x04")

    assert tape.only().outcome is Outcome.UNKNOWN


def test_the_same_bytes_sent_again_are_the_same_message(tape):
    tape.upload()
    tape.transfer()
    tape.upload()
    tape.transfer()

    state = tape.only()

    assert (len(state.records), state.deliveries, len(state.answers)) == (2, 2, 2)


def test_a_call_that_nothing_followed_shows_no_end(tape):
    tape.ended("opened")
    tape.upload()
    tape.ended("opened")
    tape.ours(b"\x05")

    state = tape.only()

    assert (state.answers, state.outcome, state.deliveries) == ((), Outcome.UNKNOWN, 0)


# -- the rest ----------------------------------------------------------------------------------


def test_data_is_plain(tape):
    tape.send(oru())
    tape.answer()

    data = json.loads(json.dumps(tape.only().data()))

    assert data["outcome"] == "ok"
    assert data["states"] == ["sent", "on the wire", "accepted", "applied"]
    assert data["answers"][0]["code"] == "AA"


def test_nothing_comes_of_nothing():
    assert account([]) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defect", "scenario", "word"),
    [
        ("", "feed-his-results", ""),
        ("his-acknowledges-before-storing", "feed-his-power-cut", ANSWERED_WITHOUT_EFFECT),
        ("his-stores-repeats", "feed-delivered-twice", DUPLICATED),
        ("lis-accepts-before-storing", "lab-power-cut-before", ANSWERED_WITHOUT_EFFECT),
        ("lis-no-resend", "feed-message-fault", LOST),
    ],
)
def test_a_real_run_says_what_the_defect_does(defect, scenario, word):
    chosen = [one for one in shipped() if one.scenario.id.startswith(scenario)]

    played = play(chosen, seed=1, defects=[defect] if defect else [])

    words = {word for one in played for state in account(one.records) for word in state.words}
    assert words >= {word} if word else not words
