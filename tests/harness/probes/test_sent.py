"""The look that reaches ``sent``: only what came in at an endpoint of ours was sent."""

from pathlib import Path

import pytest

import scenarios
from harness.evidence.trace import pack
from harness.probes.sent import SentResults
from harness.scenario.binding import load
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries

FEATURE = Path(scenarios.__file__).parent / "feeds" / "reach.feature"

ORU = (
    "MSH|^~\\&|LIS|L|HIS|H|20260101||ORU^R01|1|P|2.4\rPID|1||P1||\r"
    "OBR|1|620|F1|BIO\rOBX|1|NM|K||4.10|mmol/L||N|||F\rOBX|2|NM|NA||140|mmol/L||N|||F\r"
    "OBR|2|621|F2|BIO\rOBX|1|NM|K||9.99|mmol/L||N|||F\r"
)


def record(text=ORU, *, link="lis-his", frm="LIS"):
    return {"kind": "message", "link": link, "frm": frm, "protocol": "hl7",
            "raw": pack(text.encode())}  # fmt: skip


def look(*records, watched=None):
    known = {"lis-his": ("LIS-ORU",)} if watched is None else watched
    return SentResults("sent", "LIS", "LIS-ORU", lambda: records, lambda: known).ask(
        {"barcode": "620"}
    )


def values(answer):
    return [(one["item"], one["value"], one["patient_id"]) for one in answer.rows]


def test_what_arrived_is_told_by_specimen_and_the_last_value_counts():
    again = ORU.replace("4.10", "4.20")
    answer = look(record(), {"kind": "note"}, record(again))
    assert values(answer) == [("K", "4.20", "P1"), ("NA", "140", "P1")]


@pytest.mark.parametrize("other", [
    {"link": "his-lis"}, {"frm": "HIS"}, {"text": ORU.replace("ORU^R01", "ACK^R01")},
    {"text": ORU.replace("|620|", "|629|")},
])  # fmt: skip
def test_another_link_sender_message_or_specimen_is_not_what_was_sent(other):
    assert values(look(record(**other))) == []


def test_where_no_endpoint_of_ours_stands_nothing_is_told_instead_of_nothing_sent():
    answer = look(record(), watched={"his-lis": ("HIS-ORD",)})
    assert answer.outcome == "failed"
    assert "LIS-ORU" in answer.error


def ran(folder, *, defects=(), prepare=None):
    (bound,) = load([FEATURE], load_libraries())
    options = SessionOptions(profile="memory", seed=4, folder=folder / "run", defects=defects)
    session = RunSession(options, prepare=prepare)
    try:
        return session.run(bound)
    finally:
        session.stop()


def unseen(world):
    world.bench.carried = {}


def stored(world):
    """A probe into a table under that name: it shows the very rows, and reaches no farther."""
    world.bench.look(Stored(world))


class Stored(SentResults):
    def __init__(self, world):
        super().__init__("LIS-sent-results", "LIS", "LIS-ORU", lambda: world.trace.records,
                         lambda: world.bench.watched, reach="stored")  # fmt: skip


@pytest.mark.parametrize(("prepare", "verdict", "why"), [
    (None, "pass", ""),
    (unseen, "inconclusive", "LIS-ORU"),
    (stored, "inconclusive", "claims sent, and the probe LIS-sent-results reaches stored only"),
])  # fmt: skip
def test_the_sentence_passes_by_what_our_endpoint_saw_and_by_nothing_nearer(
    tmp_path, prepare, verdict, why
):
    conclusion = ran(tmp_path, prepare=prepare)
    assert conclusion.verdict == verdict
    assert why in " ".join(conclusion.reasons)


def test_what_is_stored_and_not_sent_fails_at_its_place(tmp_path):
    conclusion = ran(tmp_path, defects=("lis-sends-first-result-only",))
    assert conclusion.verdict == "fail"
    assert {one.place for one in conclusion.findings} == {"LIS-ORU hl7 OBX"}
