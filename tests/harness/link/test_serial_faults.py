"""Faults of serial lines: what each does to the bytes of a frame, worked out by hand."""

from __future__ import annotations

from harness.clock import VirtualClock
from harness.evidence.trace import Trace
from harness.faults.catalogue import WIRE_ACTIONS
from harness.faults.inject import Injector
from harness.faults.plan import Fault, Plan, Trigger
from harness.link.tap import Connection, Delivery
from harness.wire.core import Unit

FRAME = b"\x021P|1||||\xd5\xc5\x030A\r\n"


def bytes_of(action: str, **parameters: str) -> list[bytes]:
    return [one.data for one in WIRE_ACTIONS[action](FRAME, parameters)]


def test_a_receiver_with_seven_bits_makes_letters_of_the_name() -> None:
    got = bytes_of("other-settings", sends="9600 8N1", receives="9600 7N1")

    assert got == [b"\x021P|1||||UE\x030A\r\n"]


def test_parity_errors_are_replaced_where_the_driver_does_so() -> None:
    (got,) = bytes_of("other-settings", sends="9600 7E1", receives="9600 7O1", on_error="question")

    assert got == b"?" * len(FRAME)


def test_one_bit_of_one_character() -> None:
    (got,) = bytes_of("bit-error", at_percent="10", bit="0")
    assert got == b"\x020P" + FRAME[3:]
    (got,) = bytes_of("bit-error", at_percent="10", on_error="question")
    assert got == b"\x02?P" + FRAME[3:]
    (got,) = bytes_of("bit-error", at_percent="100", on_error="drop")
    assert got == FRAME[:-1]


def test_noise_comes_before_the_unit() -> None:
    assert bytes_of("noise-before", noise="ff00") == [b"\xff\x00", FRAME]


def test_a_break_is_one_nul_and_swallows_the_rest() -> None:
    assert bytes_of("break", at_percent="50") == [FRAME[:8] + b"\x00"]


def test_held_bytes_come_late_and_whole() -> None:
    first, second = WIRE_ACTIONS["held"](FRAME, {"at_percent": "50", "held_s": "3"})

    assert first == Delivery(data=FRAME[:8])
    assert second == Delivery(data=FRAME[8:], delay_s=3.0)


PULL = Fault(
    id="F1",
    fault_class="lab-14",
    layer="transport",
    action="pulled-cable",
    link="lab",
    sender="analyzer",
    trigger=Trigger(kind="frame"),
    parameters={"dark_s": "20"},
)


def test_a_pulled_cable_is_dark_both_ways_for_its_time() -> None:
    trace = Trace(VirtualClock())
    one = Injector(Plan(1, "S"), trace)
    one.add(PULL)
    line = Connection(
        id="lab#1", link="lab", interface="LIS-ASTM", local="analyzer", peer="LIS", client=True
    )
    assert one.unit(line, Unit(kind="frame", data=FRAME), 100.0) == [FRAME]

    assert one.outgoing(line, FRAME, 100.0) == [Delivery(data=FRAME[:8])]
    assert list(one.incoming(line, b"\x06", 119.9)) == []
    assert list(one.outgoing(line, b"\x04", 119.9)) == []
    assert list(one.outgoing(line, b"\x05", 120.0)) == [Delivery(data=b"\x05")]
    assert list(one.incoming(line, b"\x06", 120.0)) == [Delivery(data=b"\x06")]
    events = [record["event"] for record in trace.records if record["kind"] == "fault"]
    assert events == ["planned", "fired", "healed"]
