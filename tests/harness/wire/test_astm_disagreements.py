"""Where instruments and hosts disagree about LIS01-A2: each point is a switch with the standard's
value as its default, and each value is seen on the wire, or in what a receiver takes."""

from __future__ import annotations

import ast
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.wire.astm_config import (
    AstmLinkConfig,
    AstmTimers,
    BlockEnd,
    ChecksumKind,
    CutPolicy,
    NumberPolicy,
    Trailer,
)
from harness.wire.astm_decode import DecodedUnit, decode_stream
from harness.wire.astm_link import AstmLinkCore, MessageReceived
from harness.wire.core import Message

TEXT = b"H|\\^&\rP|1\rO|1|T1||^^^GLU\rR|1|^^^GLU|" + b"7" * 300 + b"\rL|1|N\r"

SWITCHES: list[tuple[str, str, list[Any]]] = [
    ("frame numbers start again", "numbers", list(NumberPolicy)),
    ("how a message becomes frames", "cut", list(CutPolicy)),
    ("where ETX stands", "block_end", list(BlockEnd)),
    ("CR before ETX", "record_end_in_frame", [True, False]),
    ("what follows the checksum", "trailer", list(Trailer)),
    ("what the digits sum", "checksum", list(ChecksumKind)),
    ("what ends a record", "record_end", [b"\r", b"\n", b"\r\n"]),
]
"""The point, its switch, and the values; the first is the standard's but for ``cut``."""


def config(side: Any, **switches: Any) -> AstmLinkConfig:
    return AstmLinkConfig(side=side, **switches)


def exchange(
    sends: AstmLinkConfig, takes: AstmLinkConfig, *payloads: bytes
) -> tuple[bytes, list[bytes]]:
    """What an instrument sends and what a host makes of it."""
    one, other, wire, got, now = AstmLinkCore(sends), AstmLinkCore(takes), b"", [], 0.0
    for payload in payloads:
        one.send(Message(payload=payload), now)
    for _ in range(400):
        now += 0.01
        data, answer = one.data_to_send(), b""
        wire += data
        other.receive(data, now)
        answer = other.data_to_send()
        one.receive(answer, now)
        for core in (one, other):
            due = core.next_deadline()
            if not data and not answer and due is not None and due < now + 30:
                now = max(now, due)
                core.on_deadline(now)
        got += [event.payload for event in other.events() if isinstance(event, MessageReceived)]
        one.events()
    return wire, got


def frames(wire: bytes) -> list[DecodedUnit]:
    return [unit for unit in decode_stream(wire) if unit.kind == "FRAME"]


@pytest.mark.parametrize(("point", "switch", "values"), SWITCHES, ids=[row[1] for row in SWITCHES])
def test_each_value_is_seen_on_the_wire_and_agreed_ends_understand_each_other(
    point: str, switch: str, values: list[Any]
) -> None:
    seen = set()
    for value in values:
        both = {switch: value}
        text = TEXT.replace(b"\r", value) if switch == "record_end" else TEXT
        messages = [text, text]
        if switch == "cut" and value is CutPolicy.WHOLE_MESSAGE:
            messages = [text]
        sent = messages if switch != "numbers" else [text + text, text]  # several in one session
        wire, got = exchange(config("instrument", **both), config("host", **both), *sent)
        assert b"".join(got) == b"".join(sent), (point, value)
        seen.add(wire)
    assert len(seen) == len(values), point
    if switch != "cut":
        assert getattr(config("host"), switch) == values[0]


def test_the_gap_between_eot_and_the_next_enq_is_a_switch() -> None:
    for gap_s, at_once in ((0.0, True), (2.0, False)):
        core = AstmLinkCore(config("instrument", timers=AstmTimers(gap_s=gap_s)))
        for _ in range(2):
            core.send(Message(payload=b"L|1|N\r"), 0.0)
        sent = core.data_to_send()
        for _ in range(2):
            core.receive(b"\x06", 0.0)
            sent += core.data_to_send()
        assert sent.endswith(b"\x04\x05") is at_once


def test_sessions_without_frames_and_frame_numbers_that_nobody_looks_at() -> None:
    core = AstmLinkCore(config("host"))
    core.receive(b"\x05\x04\x05\x04", 0.0)
    assert core.data_to_send() == b"\x06\x06"
    assert not [one for one in core.events() if isinstance(one, MessageReceived)]

    wrong = b"\x05\x025L|1|N\r\x0308\r\n"
    for check_numbers, reply in ((True, b"\x06\x15"), (False, b"\x06\x06")):
        core = AstmLinkCore(config("host", check_numbers=check_numbers))
        core.receive(wrong, 0.0)
        assert core.data_to_send() == reply


@pytest.mark.parametrize(
    ("switch", "on", "data"),
    [
        ("check_checksum", False, b"\x05\x021L|1|N\r\x0300\r\n"),
        ("lower_case_checksum", True, b"\x05\x027L|1|N\r\x030a\r\n"),
        ("check_middle_checksum", False, b"\x05\x021L|1|\x1700\r\n"),
    ],
)
def test_checks_that_hosts_leave_out(switch: str, on: bool, data: bytes) -> None:
    for value, reply in ((on, b"\x06\x06"), (not on, b"\x06\x15")):
        agreed = config("host", check_numbers=False, **{switch: value})
        core = AstmLinkCore(agreed)
        core.receive(data, 0.0)
        assert core.data_to_send() == reply


WIRE = Path(__file__).parents[3] / "harness" / "wire"
SENDS = ("astm_build", "astm_frame", "astm_sender")
JUDGES = ("astm_decode", "astm_check", "astm_records", "astm_views")


def imported(name: str) -> set[str]:
    tree = ast.parse((WIRE / f"{name}.py").read_text(encoding="utf-8"))
    return {
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }  # fmt: skip


def test_what_judges_shares_no_table_with_what_sends() -> None:
    """Two mistakes that fit each other cannot hide: neither side reads the other's modules."""
    for sender in SENDS:
        assert not {f"harness.wire.{one}" for one in JUDGES} & imported(sender)
    for judge in JUDGES:
        assert not {f"harness.wire.{one}" for one in SENDS} & imported(judge)
    known = {one.name for one in fields(AstmLinkConfig)}
    assert {switch for _, switch, _ in SWITCHES} <= known
    assert all(a != b for a, b in pairwise([row[1] for row in SWITCHES]))
