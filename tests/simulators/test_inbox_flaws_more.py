"""Further defects of reading, answering and serving: harmless while off, and each as it says."""

from __future__ import annotations

import pytest

from harness.link import actor as act
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore
from simulators.hospital import his_values
from simulators.hospital import inbox_flaws_more as more
from simulators.hospital.defects_feeds_more import DEFECTS
from simulators.hospital.inbox import asked_for
from simulators.hospital.lis_lines import CAP, Lines

HEAD = "MSH|^~\\&|HIS|A|LIS|B|20260105||ADT^A04|C1|P|2.4||||||{charset}\r"
PID = "PID|1||P1||{name}\r"
ACK = "MSH|^~\\&|LIS|B|HIS|A|20260105||ACK|A7|P|2.4||||||GBK\rMSA|AE|C1|{text}\r"


def message(name: str = "甲", charset: str = "GBK", codec: str = "gbk", more: str = "") -> bytes:
    return (HEAD.format(charset=charset) + PID.format(name=name) + more).encode(codec)


def read(payload: bytes, defect: str) -> str:
    return more.misread(payload, {defect}).decode("utf-8", "replace")


def test_without_defects_every_byte_stays() -> None:
    for payload in (message(), message(more="\rPV1|1\r"), b"", b"\xff", b"MSH|"):
        assert more.misread(payload, set()) == payload
    ack = ACK.format(text="不支持" * 30).encode("gbk")
    assert more.misanswer(ack, set()) == ack
    for core in (more.receiving_core, more.results_core, more.sending_core):
        assert type(core(set())) is MllpCore


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"MSH|", b"MSH|^~\\&|" + b"\xd6" * 9])
def test_no_defect_fails_on_any_bytes(data: bytes) -> None:
    for one in DEFECTS:
        more.misread(data, {one.id})
        more.misanswer(data, {one.id})


@pytest.mark.parametrize(
    ("defect", "payload", "kept", "lost"),
    [
        ("lis-empty-line-ends", message(more="\rPV1|1\r"), "PID", "PV1"),
        ("lis-needs-carriage-return", message(more="PV1|1\n"), "PV1", "\n"),
        ("lis-gives-up-on-many", message(more="ZPI|" + "A~" * 1_001), "", "MSH"),
        ("lis-unknown-charset-latin", message("甲", "UNICODE UTF-8", "utf-8"), "MSH", "甲"),
        ("lis-default-charset", message("甲", ""), "MSH", "甲"),
        ("lis-utf8-only", message("甲"), "MSH", "甲"),
        ("lis-loses-rare", message("王䶮", "GB18030", "gb18030"), "王", "䶮"),
        ("his-cuts-digits", message(more="OBX|1|ST|K||123456789012345\r"), "12345678901234", "345"),
    ],
)
def test_what_is_lost_in_reading(defect: str, payload: bytes, kept: str, lost: str) -> None:
    found = read(payload, defect)
    assert kept in found
    assert lost not in found.replace("12345678901234", "")


def test_a_visit_in_front_of_the_patient_is_not_read() -> None:
    early = b"MSH|^~\\&|\rPV1|1\rPID|1\r"
    late = b"MSH|^~\\&|\rPID|1\rPV1|1\r"
    assert b"PV1" not in more.misread(early, {"lis-segment-order"})
    assert more.misread(late, {"lis-segment-order"}) == late


def test_the_text_of_a_refusal() -> None:
    ack = ACK.format(text="不支持的控制码" * 4).encode("gbk")
    garbled = Hl7Message.parse(more.misanswer(ack, {"lis-garbles-error-text"}))
    cut = Hl7Message.parse(more.misanswer(ack, {"lis-cuts-error-text"}))
    assert garbled.get("MSA-3") == "?" * 28
    assert cut.get("MSA-3") == ("不支持的控制码" * 4)[:20]


@pytest.mark.parametrize(
    ("conditions", "accepted", "refused"),
    [("|", True, True), ("NE|NE", False, False), ("ER|ER", False, True), ("SU|NE", True, False),
     ("AL|NE", True, True), ("|NE", False, False)],
)  # fmt: skip
def test_an_answer_is_sent_where_it_is_asked_for(
    conditions: str, accepted: bool, refused: bool
) -> None:
    payload = f"MSH|^~\\&|A||B||1||ADT^A04|1|P|2.4|||{conditions}\r".encode()
    assert asked_for(payload, refused=False) is accepted
    assert asked_for(payload, refused=True) is refused


# -- cores -----------------------------------------------------------------------------------------


def seen(core: Core, *reads: bytes, eof: bool = False) -> list[bytes]:
    for data in reads:
        core.receive(data, 0.0)
    if eof:
        core.receive_eof(0.0)
    return [one.payload for one in core.events() if isinstance(one, Message)]


FRAME = b"\x0bMSH|1\r\x1c\r"


@pytest.mark.parametrize(
    ("core", "wrong"),
    [
        (more.receiving_core({"lis-line-end-costs-frame"}), b"\r\n" + FRAME),
        (more.receiving_core({"lis-nul-costs-frame"}), b"\0" + FRAME),
        (more.sending_core({"lis-needs-exact-trailer"}), b"\x0bMSH|1\r\x1c\0"),
        (more.sending_core({"lis-needs-final-return"}), b"\x0bMSH|1\x1c\r"),
        (more.results_core({"his-drops-double-wrap"}), b"\x0b" + FRAME + b"\x1c\r"),
    ],
)
def test_a_frame_that_is_not_by_the_book_is_lost(core: MllpCore, wrong: bytes) -> None:
    assert len(seen(MllpCore(), wrong, eof=True)) == 1
    assert seen(core, wrong) == []
    assert seen(core, FRAME) == [b"MSH|1\r"]


def test_what_is_no_frame_is_taken_for_one() -> None:
    assert seen(more.sending_core({"lis-takes-unframed"}), b"MSH|1\r") == [b"MSH|1\r"]
    assert seen(more.results_core({"his-stores-half"}), FRAME[:5], eof=True) == [b"MSH|"]
    assert seen(MllpCore(), FRAME[:5], eof=True) == []


# -- several connections ---------------------------------------------------------------------------

ANSWER = act.Send(conn="in#1", event=Message(payload=b"MSA"))
COMMIT = act.Commit(statements=[("DELETE FROM patients", ())])


def test_without_a_defect_the_lines_change_nothing() -> None:
    lines, core = Lines(set()), MllpCore()
    assert lines.core(core) is core
    assert [lines.opened(f"in#{number}") for number in range(CAP + 2)] == [[]] * (CAP + 2)
    assert lines.answered([COMMIT, ANSWER], 100, 0.0) == [COMMIT, ANSWER]
    lines.closed("in#0")
    assert lines.open[0] == "in#1"
    assert lines.fired("apply 1") == []


def test_the_eleventh_connection_is_closed() -> None:
    lines = Lines({"lis-ten-connections"})
    assert [lines.opened(f"in#{number}") for number in range(CAP)] == [[]] * CAP
    assert lines.opened("in#10") == [act.Close(conn="in#10")]


def test_an_answer_goes_astray_or_waits() -> None:
    lines = Lines({"lis-answers-newest-line"})
    lines.opened("in#1")
    lines.opened("in#2")
    (sent,) = lines.answered([ANSWER], 100, 0.0)
    assert isinstance(sent, act.Send)
    assert sent.conn == "in#2"
    assert Lines({"lis-answers-at-close"}).answered([COMMIT, ANSWER], 100, 0.0) == [COMMIT]


@pytest.mark.parametrize("defect", ["lis-applies-last-first", "lis-small-overtakes-large"])
def test_what_came_first_is_applied_last(defect: str) -> None:
    lines = Lines({defect})
    timers = []
    for size in (200_000, 1_000):
        sent, timer = lines.answered([COMMIT, ANSWER], size, 0.0)
        assert sent is ANSWER
        assert isinstance(timer, act.SetTimer)
        timers.append((timer.at or 0.0, timer.name))
    assert timers[0] > timers[1]
    assert [lines.fired(name) for _, name in timers] == [[COMMIT], [COMMIT]]


def test_one_reader_for_all_and_one_that_goes_stale() -> None:
    lines = Lines({"lis-one-reader-for-all"})
    first, second = lines.core(MllpCore()), lines.core(MllpCore())
    assert seen(first, FRAME[:5]) == []
    assert seen(second, FRAME) == []
    assert len(seen(first, FRAME[5:])) == 1
    assert len(seen(second, FRAME)) == 1

    stale = Lines({"lis-stale-after-idle"}).core(MllpCore())
    for now in (0.0, 4.0, 9.0, 10.0):
        stale.receive(FRAME, now)
    assert len(stale.events()) == 3


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "kind", "value", "stored"),
    [
        ("his-unescapes-twice", "ST", r"a\T\b", "a&b"),
        ("his-cuts-at-line-end", "TX", "one\rtwo", "one"),
        ("his-eats-backslash", "ST", "4\\5", "45"),
        ("his-strips-padding", "ED", "JVBERi0=", "JVBERi0"),
        ("his-normalises-numbers", "NM", "007", "7"),
        ("his-normalises-numbers", "NM", "<0.50", "0.50"),
        ("his-normalises-numbers", "NM", "阴性", "阴性"),
        ("his-normalises-numbers", "ST", "007", "007"),
        ("his-question-marks", "ST", "阴性", "??"),
    ],
)
def test_a_value_is_misread(defect: str, kind: str, value: str, stored: str) -> None:
    parsed = Hl7Message.parse(f"MSH|^~\\&|A\rOBX|1|{kind}|K||x\r".encode())
    assert his_values.misread(parsed, "OBX[1]-", value, {defect}) == stored
    assert his_values.misread(parsed, "OBX[1]-", value, set()) == value


def test_a_text_is_cut_at_its_first_separator() -> None:
    parsed = Hl7Message.parse(b"MSH|^~\\&|A\rOBX|1|TX|K||a&b^c\r")
    assert his_values.misread(parsed, "OBX[1]-", "a&b^c", {"his-cuts-at-component"}) == "a"
