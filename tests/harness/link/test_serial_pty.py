"""Cables between pseudo-terminals, seen by plain file descriptors at their ends."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator

import pytest

from harness.errors import InputError
from harness.link import serial_pty
from harness.link.serial_line import LineSettings
from harness.link.serial_pty import Cable, Cables


@pytest.fixture
def cables() -> Iterator[Cables]:
    found = Cables()
    yield found
    assert found.stop() == []


class Ends:
    """Both ends opened by hand."""

    def __init__(self, cable: Cable) -> None:
        self.near = os.open(cable.near.url, os.O_RDWR | os.O_NOCTTY)
        self.far = os.open(cable.far.url, os.O_RDWR | os.O_NOCTTY)

    def read(self, end: int, count: int, timeout_s: float = 5.0) -> bytes:
        found = b""
        while len(found) < count and select.select([end], [], [], timeout_s)[0]:
            found += os.read(end, count - len(found))
        return found

    def close(self) -> None:
        os.close(self.near)
        os.close(self.far)


@pytest.fixture
def ends(cables: Cables) -> Iterator[tuple[Cable, Ends]]:
    cable = cables.add(LineSettings(baud=19200))
    found = Ends(cable)
    yield cable, found
    found.close()


def test_no_byte_is_changed(ends: tuple[Cable, Ends]) -> None:
    cable, ends_ = ends
    os.write(ends_.near, bytes(range(256)))
    os.write(ends_.far, b"\x06\r\n\x03\x04")

    assert ends_.read(ends_.far, 256) == bytes(range(256))
    assert ends_.read(ends_.near, 5) == b"\x06\r\n\x03\x04"
    assert (cable.passed, cable.lost) == (261, 0)


@pytest.mark.slow
def test_bytes_take_their_time(cables: Cables) -> None:
    ends_ = Ends(cables.add(LineSettings.parse("9600 7E1")))  # 10 bits a character
    began = time.monotonic()
    os.write(ends_.near, b"x" * 480)
    got = ends_.read(ends_.far, 480)
    took_s = time.monotonic() - began
    ends_.close()

    assert got == b"x" * 480
    assert 0.5 <= took_s < 0.5 * 1.25  # never early; the bench holds 5 % on a quiet machine


def test_a_seven_bit_cable_strips_the_eighth_bit(cables: Cables) -> None:
    ends_ = Ends(cables.add(LineSettings.parse("115200 7E1")))
    os.write(ends_.near, "张".encode("gb18030"))
    got = ends_.read(ends_.far, 2)
    ends_.close()

    assert got == b"UE"


def test_a_pulled_cable_is_silent_both_ways_and_comes_back(ends: tuple[Cable, Ends]) -> None:
    cable, ends_ = ends
    cable.pull()
    os.write(ends_.near, b"lost")
    os.write(ends_.far, b"too")
    assert ends_.read(ends_.far, 1, timeout_s=0.05) == b""
    assert ends_.read(ends_.near, 1, timeout_s=0.05) == b""
    cable.plug()
    os.write(ends_.near, b"back")

    assert ends_.read(ends_.far, 4) == b"back"
    assert cable.lost == 7


def test_noise_reaches_one_end(ends: tuple[Cable, Ends]) -> None:
    cable, ends_ = ends
    cable.noise(b"\xff\x00")
    assert ends_.read(ends_.far, 2) == b"\xff\x00"
    cable.noise(b"\xfe", to_far=False)
    assert ends_.read(ends_.near, 1) == b"\xfe"


@pytest.mark.slow
def test_a_reader_that_is_slow_loses_nothing(cables: Cables) -> None:
    ends_ = Ends(cables.add(LineSettings(baud=921_600)))
    os.set_blocking(ends_.near, False)
    data = os.urandom(60_000)
    sent, got = 0, b""
    while len(got) < len(data):
        try:
            sent += os.write(ends_.near, data[sent : sent + 4096])
        except BlockingIOError:
            got += ends_.read(ends_.far, 500)
        if sent == len(data):
            got += ends_.read(ends_.far, 4096, timeout_s=0.5)
    ends_.close()

    assert got == data


def test_stop_gives_the_terminals_back() -> None:
    cables = Cables()
    cable = cables.add()
    fds = cable._fds
    assert cables.stop() == []

    for descriptor in fds:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_system_without_terminals_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_pty, "has_terminals", lambda: False)

    with pytest.raises(InputError) as caught:
        Cables()
    assert "com0com" in caught.value.remedy


def test_no_terminal_left(cables: Cables, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> tuple[int, int]:
        raise OSError(28, "no terminal left")

    monkeypatch.setattr(os, "openpty", none_left)

    with pytest.raises(InputError, match="no terminal left"):
        cables.add()
