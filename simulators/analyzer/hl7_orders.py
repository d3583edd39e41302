"""Orders as HL7 instruments read them: DSR^Q03 of Mindray, ORR^O02 of haematology analyzers."""

from __future__ import annotations

import re
from typing import Any, Final

from harness.wire.hl7 import Hl7Message
from simulators.analyzer.model_hl7 import Hl7Section

FIRST_TEST: Final = 29
"""From this DSP-1 on, each DSP of Mindray is a test."""

_NAMED: Final = {
    1: "patient", 2: "bed", 3: "name", 4: "birth", 5: "sex", 21: "barcode", 22: "sample",
    24: "stat", 26: "specimen", 27: "doctor", 28: "department",
}  # fmt: skip
"""DSP-1 of what an order is judged by."""

_LINE: Final = re.compile(r"[0-9]{1,9}")
"""DSP-1: a host may write anything there, such as ``²`` or digits without end."""

TESTS_MAX: Final = 500
"""Tests of one order; an instrument has some hundred channels."""


def display(message: Hl7Message, section: Hl7Section) -> dict[str, Any]:
    """The order of one DSR^Q03, by what DSP-1 says of each line."""
    order: dict[str, Any] = dict.fromkeys(_NAMED.values(), "")
    codes: list[str] = []
    for segment in message.segments("DSP"):
        number = segment.field(1) or ""
        if not _LINE.fullmatch(number):
            continue
        parts = segment.components(3)
        if int(number) in _NAMED:
            order[_NAMED[int(number)]] = segment.field(3) or ""
        elif int(number) >= FIRST_TEST and parts and parts[0] and len(codes) < TESTS_MAX:
            codes.append(parts[0])
    return order | named(codes, section) | {"more": bool(message.get("DSC-1"))}


def reply(message: Hl7Message, section: Hl7Section) -> dict[str, Any]:
    """The order of one ORR^O02."""
    codes = [
        code for segment in message.segments("OBX") if (code := (segment.components(3) or [""])[0])
    ]
    return {
        "patient": message.get("PID-3.1") or "",
        "name": message.get("PID-5") or "",
        "barcode": message.get("ORC-2") or message.get("OBR-3") or "",
        "control": message.get("ORC-1") or "",
    } | named(codes[:TESTS_MAX], section)


def named(codes: list[str], section: Hl7Section) -> dict[str, Any]:
    """The instrument's codes, and which items of the LIS they are."""
    known = {channel.code: item for item, channel in section.channels.items()}
    return {
        "codes": codes,
        "tests": [known[code] for code in codes if code in known],
        "unknown": [code for code in codes if code not in known],
    }
