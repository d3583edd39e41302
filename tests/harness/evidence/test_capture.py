"""A load run's journal: a message once, one write a turn, nothing lost; and the trace made of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.clock import VirtualClock
from harness.errors import InputError
from harness.evidence import trace as traces
from harness.evidence.capture import HEAD, MAGIC, Capture, expand
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Record, Trace, unpack
from harness.link.tap import Connection
from harness.model import Outcome
from harness.wire.astm_link import MessageReceived, SendFailed, SessionEnded
from harness.wire.core import Event, Message, RawCore, Violation
from harness.wire.mllp import CommitBlock

SERVER = Connection(id="o#1", link="o", interface="LIS-ORU", local="HIS", peer="LIS", client=False)
OTHER = Connection(id="o#2", link="o", interface="LIS-ORU", local="HIS", peer="LIS", client=False)

REPORT = b"MSH|^~\\&|LIS||HIS||1||ORU^R01|M1|P|2.4\rOBR|1||B1\r"
ANSWER = b"MSH|^~\\&|HIS||LIS||1||ACK^R01|A1|P|2.4\rMSA|AA|M1\r"


def framed(payload: bytes) -> bytes:
    return b"\x0b" + payload + b"\x1c\r"


class Run:
    """A capture, and what it says once it is a trace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.capture = Capture(folder / "c", self.clock)

    def records(self) -> list[Record]:
        self.capture.close()
        assert expand(self.folder / "c", self.folder / "t.jsonl") == ""
        read = traces.read(self.folder / "t.jsonl")
        assert read.sealed
        return list(read.records[1:-1])

    def shown(self) -> list[tuple[str, str, bytes]]:
        return [
            (one["kind"], one.get("frm", ""), unpack(one.get("raw", ""))) for one in self.records()
        ]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_message_in_one_frame_is_kept_once_and_told_as_both(run: Run) -> None:
    rec = run.capture
    before = (run.folder / "c").stat().st_size

    rec.link(SERVER, "opened", "")
    rec.settle()
    opened = (run.folder / "c").stat().st_size
    rec.data(SERVER, framed(REPORT), sent=False)
    rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
    rec.event(SERVER, "mllp", Message(payload=ANSWER), sent=True)
    rec.data(SERVER, framed(ANSWER), sent=True)
    assert (run.folder / "c").stat().st_size == opened > before
    rec.settle()
    size = (run.folder / "c").stat().st_size - opened
    assert size == 2 * HEAD.size + len(REPORT) + len(ANSWER)

    assert run.shown() == [
        ("link", "HIS", b"") if SERVER.client else ("link", "LIS", b""),
        ("bytes", "LIS", framed(REPORT)),
        ("message", "LIS", REPORT),
        ("message", "HIS", ANSWER),
        ("bytes", "HIS", framed(ANSWER)),
    ]


Story = list[Callable[[Capture | Recorder], None]]


def _stories() -> dict[str, Story]:
    def data(raw: bytes, *, sent: bool, end: Connection = SERVER):
        return lambda rec: rec.data(end, raw, sent=sent)

    def event(what: Event, *, sent: bool, end: Connection = SERVER, protocol: str = "mllp"):
        return lambda rec: rec.event(end, protocol, what, sent=sent)

    def link(end: Connection, name: str, reason: str = ""):
        return lambda rec: rec.link(end, name, reason)

    def note(text: str):
        return lambda rec: rec.note("HIS", text)

    report, answer = Message(payload=REPORT), Message(payload=ANSWER)
    came = [data(framed(REPORT), sent=False), event(report, sent=False)]
    leaves = [event(answer, sent=True), data(framed(ANSWER), sent=True)]
    glued = framed(REPORT) * 2
    odd = Violation(code="mllp.nul-between-frames", message="m", clause="c", offset=7, raw=b"\0")
    return {
        "a turn": [link(SERVER, "opened"), *came, *leaves, link(SERVER, "closed", "by us")],
        "in pieces": [data(framed(REPORT)[:9], sent=False), data(framed(REPORT)[9:], sent=False),
                      event(report, sent=False)],
        "glued": [data(glued, sent=False), event(report, sent=False), event(report, sent=False)],
        "noise": [data(b"\0" + framed(REPORT), sent=False), event(odd, sent=False),
                  event(report, sent=False)],
        "a fault": [event(answer, sent=True), data(framed(ANSWER)[:-2], sent=True)],
        "a silent fault": [event(answer, sent=True), note("x")],
        "between": [came[0], note("x"), came[1], leaves[0], link(OTHER, "opened"), leaves[1]],
        "another connection": [came[0], event(report, sent=False, end=OTHER), *came, leaves[0],
                               data(framed(ANSWER), sent=True, end=OTHER)],
        "another protocol": [came[0], event(report, sent=False, protocol=RawCore().protocol),
                             event(MessageReceived(payload=b"H|\\^&\rL|1\r"), sent=False,
                                   protocol="astm"),
                             event(SendFailed(payload=b"", reason="no answer", outcome=Outcome.UNKNOWN), sent=False,
                                   protocol="astm")],
        "a relay": [event(report, sent=True, protocol="relay"),
                    event(report, sent=False, protocol="relay")],
        "commit blocks": [event(CommitBlock(positive=True), sent=False),
                          event(CommitBlock(positive=True), sent=True)],
        "again": [link(SERVER, "opened"), link(SERVER, "closed"), link(SERVER, "opened"), *came],
        "a session of an analyzer": [
            link(SERVER, "opened"), data(b"\x05", sent=False), data(b"\x06", sent=True),
            data(b"\x021P|1\r\x033E\r\n", sent=False), data(b"\x06", sent=True),
            data(b"\x04", sent=False),
            event(MessageReceived(payload=b"H|\\^&\rL|1\r"), sent=False, protocol="astm"),
            event(SessionEnded(reason="eot", frames=1), sent=False, protocol="astm"),
            link(SERVER, "closed", "by the peer"), data(b"\x15", sent=False)],
        "a frame that waits is told before what follows": [
            came[0], data(b"\x06", sent=True), came[0], data(b"\x05", sent=False, end=OTHER)],
        "empty": [event(Message(payload=b""), sent=False), data(b"x", sent=False)],
    }  # fmt: skip


@pytest.mark.parametrize("story", _stories())
def test_its_trace_says_what_a_recorder_would_have_written(run: Run, story: str) -> None:
    told = Trace(run.clock, run.folder / "plain.jsonl")
    recorder = Recorder(told)

    for number, step in enumerate(_stories()[story]):
        run.clock.advance_to(float(number))
        step(recorder)
        step(run.capture)
        if story != "a turn":
            run.capture.settle()
    told.close()
    mine, theirs = run.records(), told.records

    # What waited for its counterpart may be told with the time of the counterpart.
    volatile = ("n", "t", "w")
    strip = [{k: v for k, v in one.items() if k not in volatile} for one in theirs]
    assert [{k: v for k, v in one.items() if k not in volatile} for one in mine] == strip
    assert mine[0]["w"] == theirs[0]["w"]


@pytest.mark.parametrize("before", ["nothing", "a note", "another", "a frame that waits"])
def test_an_exchange_is_told_as_what_came_and_what_left(run: Run, before: str) -> None:
    rec, told = run.capture, Trace(run.clock, run.folder / "plain.jsonl")
    plain = Recorder(told)
    for one in (rec, plain):
        one.data(SERVER, b"\x05", sent=False)
        if before == "a note":
            one.note("HIS", "x")
        elif before == "another":
            one.data(OTHER, b"\x05", sent=False)
        elif before == "a frame that waits":
            one.data(OTHER, framed(REPORT), sent=False)
        if before == "nothing":
            rec.settle()
    for number in range(3):
        rec.exchanged(SERVER, b"frame %d" % number, b"\x06", run.clock.now())
        plain.data(SERVER, b"frame %d" % number, sent=False)
        plain.data(SERVER, b"\x06", sent=True)
        assert (run.folder / "c").read_bytes().endswith(b"\x06"), "it is written already"
    told.close()

    strip = [{k: v for k, v in one.items() if k != "n"} for one in told.records]
    assert [{k: v for k, v in one.items() if k != "n"} for one in run.records()] == strip


def test_a_killed_run_gives_a_trace_to_its_last_whole_record(run: Run) -> None:
    rec = run.capture
    for number in range(3):
        rec.data(SERVER, framed(REPORT), sent=False)
        rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
        rec.note("HIS", f"turn {number}")
        rec.settle()
    whole = (run.folder / "c").read_bytes()

    for cut in (len(whole), len(whole) - 1, len(whole) - 40):
        (run.folder / "cut").write_bytes(whole[:cut])
        assert expand(run.folder / "cut", run.folder / "t.jsonl") != ""
        read = traces.read(run.folder / "t.jsonl")
        assert not read.sealed
        assert len([one for one in read.records if one["kind"] == "message"]) == 3
        assert len(read.records) == (10 if cut == len(whole) else 9)
    rec.close()


@pytest.mark.parametrize("content", [b"", MAGIC, b"MEDHARNESS-CAPTURE 9\n" + bytes(40)])
def test_what_is_no_capture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c").write_bytes(content)

    with pytest.raises(InputError, match=r"capture|采集"):
        expand(tmp_path / "c", tmp_path / "t.jsonl")


def test_what_another_thread_took_is_written_before_settle_returns(run: Run) -> None:
    writing, go_on = threading.Event(), threading.Event()
    rec = run.capture
    file = rec._file

    class Slow:
        def write(self, data: bytes) -> int:
            writing.set()
            assert go_on.wait(5)
            return file.write(data)

    rec._file = Slow()  # type: ignore[assignment] # only what is used
    rec.note("LIS", "taken by the other thread")
    other = threading.Thread(target=rec.settle)
    other.start()
    assert writing.wait(5)

    ours = threading.Thread(target=rec.settle)
    ours.start()
    ours.join(0.02)
    assert ours.is_alive(), "it must wait for what the other one is writing"
    go_on.set()
    ours.join(60)
    other.join(60)
    assert b"taken by the other thread" in (run.folder / "c").read_bytes()
    rec._file = file
    rec.close()
