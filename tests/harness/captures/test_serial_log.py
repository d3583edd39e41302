"""Logs of serial lines, as programs on such lines write them: bytes, directions, times, order."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime

import pytest
import serial

from harness.captures.sources import form_of, streams
from harness.cases.recorded import read
from harness.cli import main

SESSION = b"\x05\x021H|\\^&|||XN|||||||P|1|20260105083000\r\x03B3\r\n\x04"


def directions(data, day_s=0.0):
    return {one.direction: one.data for one in streams(data, day_s=day_s)}


def times(data, day_s=0.0):
    """Civil time in China of each line of each direction."""
    zone = 8 * 3600
    return {
        one.direction: [
            datetime.fromtimestamp(at + zone, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            if at
            else ""
            for _, _, at in one.marks
        ]
        for one in streams(data, day_s=day_s)
    }


def test_words_in_brackets_with_times():
    log = (b"05.01.2026 08:30:00.125 [TX] - <ENQ>\r\n05.01.2026 08:30:01.250 [RX] - <ACK>\r\n"
           b"05.01.2026 08:30:02.000 [TX] - 02 31 48 0d\r\n")  # fmt: skip
    assert form_of(log) == "log"
    assert directions(log) == {"TX": b"\x05\x021H\r", "RX": b"\x06"}
    assert times(log) == {"TX": ["2026-01-05 08:30:00.125", "2026-01-05 08:30:02.000"],
                          "RX": ["2026-01-05 08:30:01.250"]}  # fmt: skip


def test_a_heading_with_a_dump_below_it():
    log = (b"[05/13/2026 09:43:08] Written data (COM3)\n\t05                        .\n"
           b"[05/13/2026 09:43:09] Read data (COM3)\n\t06                        .\n"
           b"[05/13/2026 09:43:10] Written data (COM3)\n\t02 31 48 7c 5c 5e 26 0d   .1H|\\^&.\n"
           b"\t03 42                     .B\n")  # fmt: skip
    assert directions(log) == {"TX": b"\x05\x021H|\\^&\r\x03B", "RX": b"\x06"}
    assert times(log)["RX"] == ["2026-05-13 09:43:09.000"]


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_what_pyserial_writes_itself(tmp_path):
    """By pyserial: a pseudo-terminal, spied upon."""
    path = tmp_path / "spy.log"
    near, far = os.openpty()
    with (
        serial.serial_for_url(f"spy://{os.ttyname(far)}?file={path}", timeout=30) as port,
        contextlib.closing(port.formatter.output),
    ):
        port.write(SESSION)
        held = b""
        while len(held) < len(SESSION):
            held += os.read(near, 100)
        os.write(near, b"\x06")
        assert port.read(1) == b"\x06"
    os.close(near)
    os.close(far)

    assert held == SESSION
    assert directions(path.read_bytes()) == {"TX": SESSION, "RX": b"\x06"}


def test_chinese_words_and_signs():
    for codec in ("utf-8", "gbk"):
        log = "08:30:00 发送: <ENQ>\n08:30:01 接收: <ACK>\n".encode(codec)
        assert directions(log) == {"发送": b"\x05", "接收": b"\x06"}
    assert directions(b">> 05\n<< [ACK]\n") == {">>": b"\x05", "<<": b"\x06"}


def test_times_of_day_are_of_the_day_that_is_given_and_go_on_behind_midnight():
    log = b"23:59:58 TX: <ENQ>\n00:00:01 RX: <ACK>\n"
    day = datetime(2026, 1, 4, 16, tzinfo=UTC).timestamp()  # midnight of 5 January in China
    assert times(log) == {"TX": [""], "RX": [""]}
    assert times(log, day) == {"TX": ["2026-01-05 23:59:58.000"], "RX": ["2026-01-06 00:00:01.000"]}


@pytest.mark.parametrize(("day", "known"), [
    ("2026/1/5", True), ("5.1.2026", True), ("25/01/2026", True), ("01/25/2026", True),
    ("05/01/2026", False), ("99/99/2026", False), ("2026-13-01", False),
])  # fmt: skip
def test_a_day_that_may_be_either_of_two_is_not_guessed(day, known):
    (at,) = times(f"[{day} 08:30:00] TX: <ENQ>\n".encode())["TX"]
    assert bool(at) is known


def test_messages_stand_in_the_order_of_their_lines_between_both_ends(tmp_path):
    query = b"\x021H|\\^&|||AU\rQ|1|^B77001||ALL\rL|1\r\x03".hex(" ").encode()
    order = b"\x021H|\\^&|||LIS\rO|1|B77001||^^^GLU\rL|1\r\x03".hex(" ").encode()
    path = tmp_path / "com3.log"
    path.write_bytes(b"RX: 05\nRX: " + query + b"\nRX: 04\nTX: 05\nTX: " + order + b"\nTX: 04\n"
                     b"RX: 05\nRX: " + query.replace(b"37 37", b"38 38") + b"\nRX: 04\n")  # fmt: skip
    found = read([path])

    assert [(one.frm, one.to) for one in found.messages] == [
        ("RX", "TX"),
        ("TX", "RX"),
        ("RX", "TX"),
    ]
    out = tmp_path / "case"
    words = ["--end", "RX=analyzer", "--end", "TX=LIS"]
    assert main(["case", "take", str(path), "--about", "B77001", "--out", str(out), *words]) == 0
    told = [json.loads(one) for one in (out / "timeline.jsonl").read_text("utf-8").splitlines()]
    assert [(one["frm"], one["to"]) for one in told] == [("analyzer", "LIS"), ("LIS", "analyzer")]


def test_a_capture_without_directions_is_between_a_device_and_a_host(tmp_path):
    path = tmp_path / "raw.bin"
    path.write_bytes(SESSION)
    (one,) = read([path]).messages
    assert (one.frm, one.to, one.at_s) == ("device", "host", 0.0)


def test_times_of_day_in_a_file_are_of_the_day_it_was_written(tmp_path):
    path = tmp_path / "com3.log"
    path.write_bytes(b"08:30:05 TX: " + SESSION.hex(" ").encode() + b"\n")
    at = datetime(2026, 1, 5, 3, tzinfo=UTC).timestamp()
    os.utime(path, (at, at))
    (one,) = read([path]).messages
    assert datetime.fromtimestamp(one.at_s, UTC) == datetime(2026, 1, 5, 0, 30, 5, tzinfo=UTC)


def test_a_log_of_one_direction_names_the_other_end(tmp_path):
    path = tmp_path / "one.log"
    path.write_bytes(b"ANALYZER: " + SESSION.hex(" ").encode() + b"\n")
    (one,) = read([path]).messages
    assert (one.frm, one.to) == ("ANALYZER", "LIS")
