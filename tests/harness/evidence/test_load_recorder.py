"""A load run's trace: one record a message, one write a turn, and nothing lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.clock import RealClock, VirtualClock
from harness.evidence import recorder as recorders
from harness.evidence import trace as traces
from harness.evidence.load_recorder import LoadRecorder
from harness.evidence.trace import Record, Trace, unpack
from harness.link.tap import Connection
from harness.wire.core import Message, RawCore, Violation

SERVER = Connection(id="o#1", link="o", interface="LIS-ORU", local="HIS", peer="LIS", client=False)
OTHER = Connection(id="o#2", link="o", interface="LIS-ORU", local="HIS", peer="LIS", client=False)

REPORT = b"MSH|^~\\&|LIS||HIS||1||ORU^R01|M1|P|2.4\rOBR|1||B1\r"
ANSWER = b"MSH|^~\\&|HIS||LIS||1||ACK^R01|A1|P|2.4\rMSA|AA|M1\r"


def framed(payload: bytes) -> bytes:
    return b"\x0b" + payload + b"\x1c\r"


def shown(records: list[Record]) -> list[tuple[str, str, bytes, bool]]:
    return [
        (one["kind"], one.get("frm", ""), unpack(one.get("raw", "")), one.get("framed", False))
        for one in records
    ]


def recorder() -> LoadRecorder:
    return LoadRecorder(Trace(VirtualClock()))


def test_a_message_in_one_frame_is_one_record() -> None:
    rec = recorder()

    rec.data(SERVER, framed(REPORT), sent=False)
    rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
    rec.event(SERVER, "mllp", Message(payload=ANSWER), sent=True)
    rec.data(SERVER, framed(ANSWER), sent=True)
    assert rec.trace.records == []
    rec.settle()

    assert shown(rec.trace.records) == [
        ("message", "LIS", REPORT, True),
        ("message", "HIS", ANSWER, True),
    ]
    assert rec.trace.records[0]["corr"] == {"barcode": "B1"}
    assert len({one["t"] for one in rec.trace.records}) == 1


def test_a_message_in_pieces_keeps_its_bytes() -> None:
    rec = recorder()
    whole = framed(REPORT)

    rec.data(SERVER, whole[:9], sent=False)
    rec.settle()
    rec.data(SERVER, whole[9:], sent=False)
    rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
    rec.settle()

    assert shown(rec.trace.records) == [
        ("bytes", "LIS", whole[:9], False),
        ("bytes", "LIS", whole[9:], False),
        ("message", "LIS", REPORT, False),
    ]


def test_glued_frames_and_broken_ones_keep_their_bytes() -> None:
    rec = recorder()
    glued = framed(REPORT) + framed(REPORT)

    rec.data(SERVER, glued, sent=False)
    rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
    rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
    rec.data(SERVER, b"\n" + framed(REPORT), sent=False)
    rec.event(
        SERVER, "mllp", Violation(code="mllp.line-end-between-frames", message="m"), sent=False
    )
    rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
    rec.settle()

    kinds = [one["kind"] for one in rec.trace.records]
    assert kinds == ["bytes", "message", "message", "bytes", "violation", "message"]
    assert not any(one.get("framed") for one in rec.trace.records)


def test_what_a_fault_made_of_a_frame_is_kept() -> None:
    rec = recorder()

    rec.event(SERVER, "mllp", Message(payload=ANSWER), sent=True)
    rec.data(SERVER, framed(ANSWER)[:-2], sent=True)
    rec.settle()

    assert shown(rec.trace.records) == [
        ("message", "HIS", ANSWER, False),
        ("bytes", "HIS", framed(ANSWER)[:-2], False),
    ]


@pytest.mark.parametrize("other", ["connection", "link", "note", "settle"])
def test_only_what_follows_at_once_is_taken_together(other: str) -> None:
    rec = recorder()
    between = {
        "connection": lambda: None,
        "link": lambda: rec.link(OTHER, "opened", ""),
        "note": lambda: rec.note("HIS", "x"),
        "settle": rec.settle,
    }[other]
    end = OTHER if other == "connection" else SERVER

    rec.data(SERVER, framed(REPORT), sent=False)
    between()
    rec.event(end, "mllp", Message(payload=REPORT), sent=False)
    rec.event(SERVER, "mllp", Message(payload=ANSWER), sent=True)
    between()
    rec.data(end, framed(ANSWER), sent=True)
    rec.settle()

    messages = [one for one in rec.trace.records if one["kind"] == "message"]
    chunks = [unpack(one["raw"]) for one in rec.trace.records if one["kind"] == "bytes"]
    assert [unpack(one["raw"]) for one in messages] == [REPORT, ANSWER]
    assert chunks == [framed(REPORT), framed(ANSWER)]
    assert not any(one.get("framed") for one in messages)


def test_other_protocols_keep_their_bytes() -> None:
    rec = recorder()

    rec.data(SERVER, framed(REPORT), sent=False)
    rec.event(SERVER, RawCore().protocol, Message(payload=REPORT), sent=False)
    rec.settle()

    assert [one["kind"] for one in rec.trace.records] == ["bytes", "message"]


def test_what_another_thread_took_is_written_before_settle_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    trace = Trace(RealClock(), tmp_path / "t.jsonl", keep=False)
    rec = LoadRecorder(trace)
    slow = Trace.add_all

    def add_all(self: Trace, entries: list[traces.Entry]) -> None:
        writing.set()
        assert go_on.wait(5)
        slow(self, entries)

    monkeypatch.setattr(Trace, "add_all", add_all)
    rec.note("LIS", "taken by the other thread")
    other = threading.Thread(target=rec.settle)
    other.start()
    assert writing.wait(5)

    ours = threading.Thread(target=rec.settle)
    ours.start()
    ours.join(0.02)
    assert ours.is_alive(), "it must wait for what the other one is writing"
    go_on.set()
    ours.join(5)
    other.join(5)
    assert b"taken by the other thread" in (tmp_path / "t.jsonl").read_bytes()
    trace.seal("pass")


def test_the_file_reads_back_and_its_seal_holds(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    trace = Trace(RealClock(), path, keep=False)
    trace.add("open", format=traces.FORMAT)
    rec = LoadRecorder(trace)
    for number in range(5):
        rec.data(SERVER, framed(REPORT), sent=False)
        rec.event(SERVER, "mllp", Message(payload=REPORT), sent=False)
        rec.note("HIS", f"turn {number}")
        rec.settle()
    trace.seal("pass")

    read = traces.read(path)

    assert read.sealed
    assert [one["kind"] for one in read.records] == ["open", *["message", "note"] * 5, "seal"]
    assert trace.records == []


def test_the_remembered_fields_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "HEADS_MAX", 1)
    rec = recorder()

    for end in (SERVER, OTHER, SERVER):
        rec.link(end, "opened", "")
    rec.settle()

    assert [one["conn"] for one in rec.trace.records] == ["o#1", "o#2", "o#1"]
