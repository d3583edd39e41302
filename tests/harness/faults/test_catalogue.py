"""Every action, seen by decoders that were written for this file from the standards."""

from __future__ import annotations

import re

import pytest

from harness.faults.catalogue import (
    ACTIONS,
    PROCESS_ACTIONS,
    STATE_ACTIONS,
    UNIT_ACTIONS,
    WIRE_ACTIONS,
)
from harness.link.tap import Delivery
from harness.wire.core import Unit

TEXT = b"MSH|^~\\&|A||||20260105||ORU^R01|C1|P|2.5.1\rPID|1||P1||\xd5\xc5\xc8\xfd\r"  # 张三 in GBK
MESSAGE = Unit(kind="message", data=b"\x0b" + TEXT + b"\x1c\r", payload=TEXT)

# LIS01-A2 §8.3: STX, frame number, text, ETX, two hex digits of the sum modulo 256, CR, LF.
# 0x31 ("1") + 0x52 ("R") + 0x7C ("|") + 0x31 ("1") + 0x0D + 0x03 = 0x140, so the sum is 40.
# The other frame has "M" (0x4D) in place of "R": five less, so 3B.
FRAME = Unit(kind="frame", data=b"\x021R|1\r\x0340\r\n", payload=b"R|1\r")
LETTERS = Unit(kind="frame", data=b"\x021M|1\r\x033B\r\n", payload=b"M|1\r")


def mllp(data: bytes) -> list[bytes]:
    """Payloads of the frames in a stream: SB ... EB CR (HL7 2.5.1 appendix C)."""
    return re.findall(rb"\x0b([^\x0b\x1c]*)\x1c\r", data)


def astm(data: bytes) -> tuple[bytes, bytes, str, str]:
    """Frame number, text, stated and true checksum of one frame."""
    found = re.fullmatch(rb"\x02([0-7])(.*)\x03(..)\r\n", data, re.DOTALL)
    assert found is not None
    true = sum(data[1:-4]) & 0xFF
    return found[1], found[2], found[3].decode("ascii"), f"{true:02X}"


def wire(action: str, unit: Unit = MESSAGE, **parameters: str) -> bytes:
    return b"".join(UNIT_ACTIONS[action](unit, parameters))


def test_the_frames_of_this_file_are_right() -> None:
    assert astm(FRAME.data) == (b"1", b"R|1\r", "40", "40")
    assert astm(LETTERS.data) == (b"1", b"M|1\r", "3B", "3B")
    assert mllp(MESSAGE.data) == [TEXT]


def test_drop() -> None:
    assert wire("drop") == b""


@pytest.mark.parametrize(("times", "copies"), [(None, 2), ("3", 4), ("0", 1)])
def test_repeat(times: str | None, copies: int) -> None:
    parameters = {"times": times} if times else {}

    assert mllp(wire("repeat", **parameters)) == [TEXT] * copies


def test_truncate() -> None:
    assert wire("truncate") == MESSAGE.data[: len(MESSAGE.data) // 2]
    assert mllp(wire("truncate")) == []
    assert wire("truncate", keep_percent="0") == b"\x0b"
    assert wire("truncate", keep_percent="100") == MESSAGE.data


def test_replace() -> None:
    assert mllp(wire("replace", old="P1", new="P2")) == [TEXT.replace(b"P1", b"P2")]
    assert wire("replace", old="not there", new="x") == MESSAGE.data


def test_junk_before() -> None:
    assert wire("junk-before") == b"\x00\n" + MESSAGE.data
    assert mllp(wire("junk-before", junk="\xff?")) == [TEXT]


def test_bad_checksum() -> None:
    number, text, stated, true = astm(wire("bad-checksum", FRAME))

    assert (number, text, true) == (b"1", b"R|1\r", "40")
    assert stated != true
    # 255 is followed by 0: 0x30 + 0xC0 + 0x0C + 0x03 = 0xFF.
    last = Unit(kind="frame", data=b"\x020\xc0\x0c\x03FF\r\n", payload=b"\xc0\x0c")
    assert astm(last.data)[2:] == ("FF", "FF")
    assert astm(wire("bad-checksum", last))[2] == "00"


def test_lower_case_checksum() -> None:
    assert astm(wire("lower-case-checksum", LETTERS))[2:] == ("3b", "3B")
    assert wire("lower-case-checksum", FRAME) == FRAME.data  # digits alone have no case


def test_skip_frame_number() -> None:
    assert astm(wire("skip-frame-number", FRAME)) == (b"2", b"R|1\r", "41", "41")
    seven = Unit(kind="frame", data=b"\x027R|1\r\x0346\r\n", payload=b"R|1\r")
    assert astm(wire("skip-frame-number", seven))[0] == b"0"


@pytest.mark.parametrize("action", ["bad-checksum", "lower-case-checksum", "skip-frame-number"])
@pytest.mark.parametrize("unit", [MESSAGE, Unit(kind="enq", data=b"\x05")])
def test_actions_on_frames_change_nothing_else(action: str, unit: Unit) -> None:
    assert UNIT_ACTIONS[action](unit, {}) == [unit.data]


def test_instead() -> None:
    assert wire("instead", FRAME, bytes="\x15") == b"\x15"


def test_without_start_and_without_end() -> None:
    assert wire("without-start") == TEXT + b"\x1c\r"
    assert wire("without-end") == b"\x0b" + TEXT
    assert mllp(wire("without-start")) == mllp(wire("without-end")) == []


def test_double_wrapped() -> None:
    assert wire("double-wrapped") == b"\x0b\x0b" + TEXT + b"\x1c\r\x1c\r"


def test_line_feeds() -> None:
    (payload,) = mllp(wire("line-feeds"))

    assert payload.split(b"\r\n") == TEXT.split(b"\r")


def test_re_encode() -> None:
    (payload,) = mllp(wire("re-encode"))

    assert payload.split(b"|")[-1] == "张三\r".encode()
    assert mllp(wire("re-encode", to="gb18030")) == [TEXT]


# -- on the way --------------------------------------------------------------------------------


def on_the_way(action: str, **parameters: str) -> list[Delivery]:
    return WIRE_ACTIONS[action](b"0123456789", parameters)


@pytest.mark.parametrize(
    ("action", "end"), [("reset-in-the-middle", "reset"), ("close-in-the-middle", "close")]
)
def test_ends_in_the_middle(action: str, end: str) -> None:
    assert on_the_way(action) == [Delivery(data=b"01234"), Delivery(end=end)]
    assert on_the_way(action, at_percent="30") == [Delivery(data=b"012"), Delivery(end=end)]


def test_reset_after() -> None:
    assert on_the_way("reset-after") == [Delivery(data=b"0123456789"), Delivery(end="reset")]


def test_delay() -> None:
    assert on_the_way("delay", delay_s="2.5") == [Delivery(data=b"0123456789", delay_s=2.5)]
    assert on_the_way("delay")[0].delay_s == 1.0


def test_slices() -> None:
    assert [one.data for one in on_the_way("slices")] == [b"%d" % n for n in range(10)]
    assert [one.data for one in on_the_way("slices", bytes="4")] == [b"0123", b"4567", b"89"]
    assert all(one.delay_s > 0 for one in on_the_way("slices")[1:])
    assert len(on_the_way("slices", bytes="0")) == 10


@pytest.mark.parametrize(("baud", "seconds"), [("9600", 10 / 960), ("300", 10 / 30)])
def test_bandwidth_is_that_of_a_serial_line(baud: str, seconds: float) -> None:
    deliveries = on_the_way("bandwidth", baud=baud)

    assert b"".join(one.data for one in deliveries) == b"0123456789"
    assert sum(one.delay_s for one in deliveries) == pytest.approx(seconds)
    assert max(len(one.data) for one in deliveries) <= max(1, int(baud) // 1000)


def test_the_names_of_actions() -> None:
    kinds = [frozenset(UNIT_ACTIONS), frozenset(WIRE_ACTIONS), STATE_ACTIONS, PROCESS_ACTIONS]

    assert len(ACTIONS) == sum(len(kind) for kind in kinds)  # no name twice
