"""What reading HL7 costs: the header, every value of a report, and one value of 20 MB."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Final

from message import message, report_of

from harness.wire.hl7 import Hl7Message

CALLS: Final = 500
"""Of what takes microseconds, timed as one."""

LARGE_BYTES: Final = 20 * 1024 * 1024


def _seconds(calls: int, action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        action()
    return (time.perf_counter() - begin) / calls


def _header(data: bytes) -> str:
    return Hl7Message.parse(data).header.control_id


def _every_value(data: bytes) -> int:
    return sum(1 for _ in Hl7Message.parse(data).leaves())


def _large_value(data: bytes) -> int:
    value = Hl7Message.parse(data).get("OBX-5.5")
    assert value is not None
    return len(value)


def measure(rounds: int) -> dict[str, float]:
    """Medians of ``rounds`` rounds."""
    report, large = message(), report_of(LARGE_BYTES)
    assert _header(report) == "M00000001"
    assert _large_value(large) == LARGE_BYTES
    taken: dict[str, list[float]] = {"header_us": [], "index_us": [], "large_s": []}
    for _ in range(rounds):
        taken["header_us"].append(1e6 * _seconds(CALLS, lambda: _header(report)))
        taken["index_us"].append(1e6 * _seconds(CALLS, lambda: _every_value(report)))
        taken["large_s"].append(_seconds(1, lambda: _large_value(large)))
    return {name: statistics.median(values) for name, values in taken.items()}


if __name__ == "__main__":
    print(json.dumps(measure(5), indent=1))
