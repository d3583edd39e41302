"""The time of a serial line: computed by hand from bits a character and bits a second."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.link import serial_line
from harness.link.serial_line import Direction, LineSettings


@pytest.mark.parametrize(
    ("text", "bits", "chars_per_s"),
    [
        ("9600 8N1", 10, 960.0),
        ("9600", 10, 960.0),
        ("9600,7,E,2", 11, 9600 / 11),  # Hitachi 7060
        ("300 7E2", 11, 300 / 11),
        ("1200 7N1", 9, 1200 / 9),
        ("9600 8E1", 11, 9600 / 11),
        ("9600 7M1", 10, 960.0),
    ],
)
def test_how_fast_characters_leave(text: str, bits: int, chars_per_s: float) -> None:
    settings = LineSettings.parse(text)

    assert settings.bits_per_char == bits
    assert 1 / settings.char_s == pytest.approx(chars_per_s)


def test_settings_are_written_as_they_are_read() -> None:
    assert str(LineSettings.parse("4800 7o2")) == "4800 7O2"


@pytest.mark.parametrize("text", ["", "8N1", "9600 9N1", "9600 8X1", "9600 8N3", "9600 8N", "-5"])
def test_what_is_no_settings(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        LineSettings.parse(text)


def test_each_byte_arrives_at_its_time() -> None:
    line = Direction(LineSettings.parse("1000 8N1"))  # 10 ms a character
    line.put(b"abc", 5.0)

    assert line.due(5.0099) == b""
    assert line.due(5.0100) == b"a"
    assert line.due(5.0299) == b"b"
    assert line.waiting == 1
    assert line.due(9.0) == b"c"
    assert line.next_due() is None
    assert line.passed == 3


def test_a_late_look_does_not_delay_what_follows() -> None:
    line = Direction(LineSettings.parse("1000 8N1"))
    line.put(b"ab", 0.0)
    line.put(b"cd", 0.0)

    assert line.due(0.035) == b"abc"
    assert line.due(0.040) == b"d"


def test_a_line_that_was_idle_begins_anew() -> None:
    line = Direction(LineSettings.parse("1000 8N1"))
    line.put(b"a", 0.0)
    assert line.due(1.0) == b"a"
    line.put(b"b", 1.0)

    assert line.due(1.005) == b""
    assert line.due(1.010) == b"b"


def test_the_next_look_is_after_a_slice_or_exactly_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serial_line, "SLICE_S", 0.01)
    line = Direction(LineSettings.parse("9600 8N1"))
    line.put(bytes(12), 0.0)

    assert line.next_due() == pytest.approx(9 / 960)  # the whole characters of 10 ms
    line.due(9 / 960)
    assert line.next_due() == pytest.approx(12 / 960)


def test_a_slow_line_is_looked_at_for_every_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_line, "SLICE_S", 0.01)
    line = Direction(LineSettings.parse("300 7E2"))
    line.put(b"ab", 0.0)

    assert line.next_due() == pytest.approx(11 / 300)


def test_a_pulled_cable_swallows_what_would_arrive_meanwhile() -> None:
    line = Direction(LineSettings.parse("1000 8N1"))
    line.put(b"abcdef", 0.0)
    line.pull(0.015)
    assert line.due(0.045) == b"a"
    line.plug(0.045)

    assert line.due(0.060) == b"ef"
    assert (line.lost, line.passed) == (3, 3)


def test_a_cable_that_is_out_for_a_time_comes_back_by_itself() -> None:
    line = Direction(LineSettings.parse("1000 8N1"))
    line.pull(0.0, 1.0)
    line.put(b"ab", 0.0)
    assert line.due(0.5) == b""
    line.put(b"c", 0.995)

    assert line.due(2.0) == b"c"


def test_a_held_line_begins_later() -> None:
    line = Direction(LineSettings.parse("1000 8N1"))
    line.hold(0.25, 0.0)
    line.put(b"a", 0.0)

    assert line.due(0.25) == b""
    assert line.due(0.26) == b"a"


def test_the_backlog_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_line, "BACKLOG_BYTES_MAX", 4)
    line = Direction()
    line.put(b"abcd", 0.0)
    line.put(b"", 0.0)

    assert line.room() == 0
    with pytest.raises(HarnessError, match="more than 4 bytes"):
        line.put(b"e", 0.0)


@given(
    baud=st.sampled_from([300, 1200, 9600, 38400, 115200]),
    writes=st.lists(
        st.tuples(st.binary(min_size=1, max_size=40), st.floats(0, 0.2)), min_size=1, max_size=8
    ),
    looks=st.lists(st.floats(0, 0.05), max_size=30),
)
def test_nothing_is_lost_reordered_or_early(
    baud: int, writes: list[tuple[bytes, float]], looks: list[float]
) -> None:
    line = Direction(LineSettings(baud=baud))
    now, free = 0.0, Fraction(0)
    sent, got = b"", b""
    for data, pause_s in writes:
        line.put(data, now)
        free = max(Fraction(now), free) + Fraction(10 * len(data), baud)
        sent += data
        got += line.due(now)
        assert len(got) <= len(sent)
        now += pause_s
        for step in looks[:4]:
            got += line.due(now)
            now += step
    while (at := line.next_due()) is not None:
        got += line.due(at)
        now = at

    assert got == sent
    assert line.due(float(free)) == b""
    assert line.waiting == 0
