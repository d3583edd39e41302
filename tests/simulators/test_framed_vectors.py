"""The framing of each shipped model against whole frames that were worked by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.wire.core import Message
from simulators.analyzer.framed_analyzer import FramedAnalyzer
from simulators.analyzer.model import load_model

VECTORS = Path(__file__).parents[1] / "corpus" / "framings" / "vectors.txt"
CODES = {"STX": 2, "ETX": 3, "EOT": 4, "LF": 10, "CR": 13, "GS": 29}


def as_bytes(text: str) -> bytes:
    """A notation of its own, not the one of the product."""
    parts = re.findall(r"<h(..)>|<([A-Z]+)>|(.)", text)
    return bytes(
        int(code, 16) if code else CODES[name] if name else ord(char) for code, name, char in parts
    )


def vectors() -> list[tuple[str, bytes, bytes]]:
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    rows = [line.split(" ") for line in lines if line and not line.startswith("#")]
    return [(name, as_bytes(wire), as_bytes(payload)) for name, wire, payload in rows]


@pytest.mark.parametrize(("name", "wire", "payload"), vectors())
def test_the_bytes_on_the_wire(name: str, wire: bytes, payload: bytes) -> None:
    analyzer = FramedAnalyzer(load_model(name).framed)
    sender, receiver = (analyzer.open_core("L", client=True) for _ in range(2))
    sender.send(Message(payload=payload), 0.0)
    assert sender.data_to_send() == wire
    receiver.receive(wire, 0.0)

    assert [event for event in receiver.events() if isinstance(event, Message)] == [
        Message(payload=payload)
    ]


def test_there_are_enough() -> None:
    assert len(vectors()) >= 12
