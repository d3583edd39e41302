"""Serial ports behind the driver: pseudo-terminals, device servers, RFC 2217, modem lines.

The RFC 2217 server is pyserial's own; the TCP device server is written here with plain sockets.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
import serial.rfc2217
from serial.urlhandler import protocol_socket

from harness import limits
from harness.errors import PermitError
from harness.link import actor as act
from harness.link import serial_port
from harness.link.serial_address import SerialAddress
from harness.link.serial_line import LineSettings
from harness.link.serial_port import SerialSocket, connect, is_device, modem_lines
from harness.link.serial_pty import Cable, Cables
from harness.link.tap import Connection, Delivery
from harness.link.threads import Threads
from harness.wire.core import Message
from tests.harness.link.parties import Journal, Party, Tamper, acker, host, oru, until

FAST = LineSettings(baud=115200)


@pytest.fixture
def cables() -> Iterator[Cables]:
    found = Cables()
    yield found
    assert found.stop() == []


@pytest.fixture
def cable(cables: Cables) -> Cable:
    return cables.add(FAST)


@pytest.fixture
def runtime() -> Iterator[Threads]:
    found = Threads()
    yield found
    assert found.stop() == []
    assert not found.errors


def next_bytes(sock: SerialSocket, count: int) -> bytes:
    for _ in range(20):
        with contextlib.suppress(TimeoutError):
            return sock.recv(count)
    pytest.fail("nothing came")


def read_exactly(sock: SerialSocket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        found += next_bytes(sock, count - len(found))
    return found


# -- one port ----------------------------------------------------------------------------------


def test_bytes_go_both_ways_as_they_are(cable: Cable) -> None:
    everything = bytes(range(256))
    with connect(cable.near) as near, connect(cable.far) as far:
        assert near.send(everything) == 256
        assert read_exactly(far, 256) == everything
        far.send(everything)
        assert read_exactly(near, 256) == everything
    assert near.ended.is_set()


def test_a_port_in_use_is_refused(cable: Cable) -> None:
    with connect(cable.near), pytest.raises(OSError, match=r"(?i)exclusively lock|busy"):
        connect(cable.near)


@pytest.mark.parametrize("url", ["/dev/no-such-port", "loop://?nonsense=1", "strange://x"])
def test_what_cannot_be_opened_is_an_os_error(url: str) -> None:
    with pytest.raises(OSError, match=r"."):
        connect(SerialAddress(url=url))


def test_a_port_that_goes_away_says_so(cables: Cables) -> None:
    master, slave = os.openpty()
    port = connect(SerialAddress(url=os.ttyname(slave)))
    os.close(slave)
    os.close(master)
    with port, pytest.raises(OSError, match=r"^cable: "):
        while next_bytes(port, 10):
            pass
    with pytest.raises(BrokenPipeError):
        port.send(b"x")
    port.close()


def test_a_port_that_takes_no_more_blocks_and_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEND_TIMEOUT_S", 0.1)
    monkeypatch.setattr(serial_port, "ROOM_S", 0.02)
    master, slave = os.openpty()
    with connect(SerialAddress(url=os.ttyname(slave))) as port:
        sent = 0
        with pytest.raises(BlockingIOError):
            while sent < 1 << 20:
                sent += port.send(b"x" * 256)
        assert 0 < sent < 1 << 20
        with pytest.raises(OSError, match="the peer does not read"):
            for _ in range(1000):
                with contextlib.suppress(BlockingIOError):
                    port.send(b"x" * 256)
    os.close(master)
    os.close(slave)


def test_what_was_sent_leaves_before_an_orderly_close(cable: Cable) -> None:
    with connect(cable.near) as near, connect(cable.far) as far:
        near.send(b"the end")
        near.shutdown(socket.SHUT_WR)
        assert next_bytes(near, 1) == b""
        assert read_exactly(far, 7) == b"the end"


def test_a_pseudo_terminal_has_no_modem_lines(cable: Cable) -> None:
    with connect(cable.near) as port:
        assert port.modem() is None
        port.send_break(0.0)
    with pytest.raises(OSError, match="has no modem lines"):
        connect(SerialAddress(url=cable.near.url, ready="cts"))


def test_devices_are_told_from_files(cable: Cable, tmp_path: Path) -> None:
    assert is_device(cable.near.url)
    assert not is_device(str(tmp_path))
    assert not is_device("/dev/no-such-port")
    assert not is_device("COM3")


# -- modem lines, where a port has them ----------------------------------------------------------


def test_the_lines_of_a_port_that_has_them() -> None:
    # loop:// connects RTS to CTS and DTR to DSR
    with contextlib.closing(serial.serial_for_url("loop://")) as port:
        port.rts, port.dtr = False, True
        assert modem_lines(port) == {"cts": False, "dsr": True, "ri": False, "cd": True}


def test_who_needs_cts_waits_for_it_and_a_fall_is_a_pulled_cable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "CONNECT_TIMEOUT_S", 0.05)
    state = {"cts": False}
    monkeypatch.setattr(
        serial_port, "modem_lines", lambda port: {**state, "dsr": True, "ri": False, "cd": False}
    )
    monkeypatch.setattr(serial_port, "READ_S", 0.01)
    address = SerialAddress(url="loop://", ready="cts")
    with pytest.raises(OSError, match="CTS stays low"):
        connect(address)
    state["cts"] = True
    with connect(address) as port:
        state["cts"] = False
        with pytest.raises(OSError, match=r"^cable: CTS fell$"):
            next_bytes(port, 1)


# -- the driver --------------------------------------------------------------------------------


def serving(runtime: Threads, address: SerialAddress, party: Party, **fields: object) -> None:
    runtime.add(party.role, host(party, runtime.clock, **fields)).attend("lab", address)


def calling(runtime: Threads, address: SerialAddress, *messages: bytes, **fields: object) -> Party:
    """Opens the line, sends each message when the one before is answered."""
    left = list(messages)

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Commanded(name="go"):
                return [act.Open(link="lab", conn="lab#c"), act.Reply(ident=event.ident)]
            case act.Opened() | act.Received(event=Message()) if left:
                return [act.Send(conn="lab#c", event=Message(payload=left.pop(0)))]
            case act.Commanded(name="close"):
                return [act.Close(conn="lab#c"), act.Reply(ident=event.ident)]
        return []

    party = Party(role="AN", react=react)
    runtime.add("AN", host(party, runtime.clock, **fields)).routes["lab"] = address
    runtime.command("AN", "go", {}, 60)
    return party


def test_an_exchange_over_a_cable(runtime: Threads, cable: Cable) -> None:
    lis, journal = acker(), Journal()
    serving(runtime, cable.far, lis)
    caller = calling(runtime, cable.near, oru(1), oru(2), watcher=journal)

    assert runtime.wait(lambda: len(caller.payloads) == 2, runtime.clock.now() + 5)
    assert lis.payloads == [oru(1), oru(2)]
    runtime.command("AN", "close", {}, 60)
    assert journal.lines[0] == "lab#c opened"
    until(lambda: journal.lines[-1].startswith("lab#c closed"), "it is told")


def test_faults_reach_both_directions(runtime: Threads, cable: Cable) -> None:
    seen: list[str] = []

    def out(data: bytes) -> list[Delivery]:
        seen.append("out")
        return [Delivery(data=data.replace(b"|P1", b"|P9"))]

    def into(data: bytes) -> list[Delivery]:
        seen.append("in")
        return [Delivery(data=data.replace(b"ACK:", b"NAK:"))]

    lis = acker()
    serving(runtime, cable.far, lis)
    caller = calling(runtime, cable.near, oru(1), tap=Tamper(out=out, into=into))

    assert runtime.wait(lambda: bool(caller.payloads), runtime.clock.now() + 5)
    assert b"|P9" in lis.payloads[0]
    assert caller.payloads[0].startswith(b"NAK:")
    assert set(seen) == {"out", "in"}


def test_a_port_that_cannot_be_opened_is_a_refusal(runtime: Threads) -> None:
    caller = calling(runtime, SerialAddress(url="/dev/no-such-port"), oru(1))

    assert runtime.wait(lambda: bool(caller.of(act.Refused)), runtime.clock.now() + 5)
    assert "no-such-port" in caller.of(act.Refused)[0].reason


def test_a_listener_that_cannot_open_its_port_fails_at_once(runtime: Threads) -> None:
    with pytest.raises(OSError, match="no-such-port"):
        serving(runtime, SerialAddress(url="/dev/no-such-port"), acker())


@pytest.mark.slow
def test_a_listener_opens_its_port_again(
    runtime: Threads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serial_port, "REOPEN_S", 0.02)
    path = tmp_path / "port"
    first, second = os.openpty(), os.openpty()
    path.symlink_to(os.ttyname(first[1]))
    lis, journal = acker(), Journal()
    serving(runtime, SerialAddress(url=str(path)), lis, watcher=journal)
    until(lambda: bool(lis.of(act.Opened)), "it is open")
    path.unlink()
    for descriptor in first:
        os.close(descriptor)
    until(lambda: bool(lis.of(act.Closed)), "the adapter is gone")
    assert "cable" in lis.of(act.Closed)[0].reason
    path.symlink_to(os.ttyname(second[1]))
    until(lambda: len(lis.of(act.Opened)) == 2, "it is plugged in again")
    os.write(second[0], b"\x0b" + oru(7) + b"\x1c\r")

    until(lambda: lis.payloads == [oru(7)], "it serves again")
    for descriptor in second:
        os.close(descriptor)


class Refusing:
    """A policy that forbids every address."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        """Payloads are all right."""

    def opens(self, connection: Connection, host: str, port: int) -> None:
        self.asked.append((host, port))
        raise PermitError("forbidden")


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_device_server_needs_the_permit(scheme: str) -> None:
    runtime = Threads()
    guard = Refusing()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        address = SerialAddress(url=f"{scheme}://127.0.0.1:{port}")
        calling(runtime, address, oru(1), guard=guard)
        with pytest.raises(PermitError):
            runtime.wait(lambda: False, runtime.clock.now() + 5)

        assert guard.asked == [("127.0.0.1", port)]
        with pytest.raises(BlockingIOError):
            server.accept()
    assert runtime.stop() == []


def test_a_port_of_this_machine_needs_no_permit(runtime: Threads, cable: Cable) -> None:
    guard = Refusing()
    serving(runtime, cable.far, acker())
    caller = calling(runtime, cable.near, oru(1), guard=guard)

    assert runtime.wait(lambda: bool(caller.payloads), runtime.clock.now() + 5)
    assert guard.asked == []


# -- device servers ----------------------------------------------------------------------------


class DeviceServer:
    """Two TCP ports, each the network side of a serial port; the serial sides are wired up."""

    def __init__(self) -> None:
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.urls = [f"socket://127.0.0.1:{one.getsockname()[1]}" for one in self.listeners]
        self.peers: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            self.peers.extend(listener.accept()[0] for listener in self.listeners)
        if len(self.peers) < 2:
            return
        for source, target in (self.peers, self.peers[::-1]):
            thread = threading.Thread(target=self._copy, args=(source, target), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(100):
                target.sendall(data)

    def close(self) -> None:
        for one in (*self.peers, *self.listeners):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self.threads:
            thread.join(60)


@pytest.mark.slow
def test_an_exchange_through_a_tcp_device_server(runtime: Threads) -> None:
    with contextlib.closing(DeviceServer()) as server:
        lis = acker()
        near, far = (SerialAddress(url=url) for url in server.urls)
        caller = calling(runtime, near, oru(1), oru(2))
        serving(runtime, far, lis)

        assert runtime.wait(lambda: len(caller.payloads) == 2, runtime.clock.now() + 5)
        assert lis.payloads == [oru(1), oru(2)]
        for name in ("AN", "LIS"):
            assert runtime.remove(name) == []


def test_what_a_device_server_says_at_once_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    open_one = socket.create_connection

    def connect_and_wait(*args: Any, **kwargs: Any) -> socket.socket:
        wire = open_one(*args, **kwargs)
        assert select.select([wire], [], [], 20)[0]  # the first bytes are there
        return wire

    monkeypatch.setattr(protocol_socket.socket, "create_connection", connect_and_wait)

    def speak() -> None:
        with server.accept()[0] as wire:
            wire.sendall(b"\x05")
            wire.recv(1)  # until the other side closes

    with socket.create_server(("127.0.0.1", 0)) as server:
        speaker = threading.Thread(target=speak)
        speaker.start()
        port = connect(SerialAddress(url=f"socket://127.0.0.1:{server.getsockname()[1]}"))
        with contextlib.closing(port):
            assert next_bytes(port, 100) == b"\x05"
        speaker.join(60)


class PortWithLines(serial.Serial):
    """A pseudo-terminal has no modem lines: these stand in for them."""

    cts = dsr = cd = True
    ri = False
    raised: dict[str, bool]

    def _reconfigure_port(self, force_update: bool = False) -> None:
        """Not every system lets a pseudo-terminal have seven bits: later settings are kept only."""
        if force_update:
            super()._reconfigure_port(force_update)

    def _update_rts_state(self) -> None:
        self.__dict__.setdefault("raised", {})["rts"] = self._rts_state

    def _update_dtr_state(self) -> None:
        self.__dict__.setdefault("raised", {})["dtr"] = self._dtr_state


class Rfc2217Server:
    """pyserial's own RFC 2217 port manager in front of a real (pseudo) serial port."""

    def __init__(self, device: str) -> None:
        self.port = PortWithLines(device, timeout=0.02)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self.listener.getsockname()[1]}"
        self.over = threading.Event()
        self.sock: socket.socket | None = None
        self.writing = threading.Lock()
        self.threads = [threading.Thread(target=self._serve, daemon=True)]
        self.threads[0].start()

    def write(self, data: bytes) -> None:
        """Towards the client; the port manager answers through it, too."""
        assert self.sock is not None
        with self.writing, contextlib.suppress(OSError):
            self.sock.sendall(data)

    def _serve(self) -> None:
        try:
            self.sock, _ = self.listener.accept()
        except OSError:
            return
        self.manager = serial.rfc2217.PortManager(self.port, self)
        self.threads.append(threading.Thread(target=self._read_port, daemon=True))
        self.threads[1].start()
        with contextlib.suppress(OSError):
            while data := self.sock.recv(1024):
                self.port.write(b"".join(self.manager.filter(data)))
        self.over.set()

    def _read_port(self) -> None:
        while not self.over.is_set():
            data = self.port.read(self.port.in_waiting or 1)
            if data:
                self.write(b"".join(self.manager.escape(data)))

    def close(self) -> None:
        self.over.set()
        for one in (self.sock, self.listener):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        for thread in self.threads:
            thread.join(60)
        self.port.close()


# pyserial 3.5 calls Thread.setDaemon and Thread.setName.
OLD_CALLS = pytest.mark.filterwarnings(
    "ignore:setDaemon:DeprecationWarning", "ignore:setName:DeprecationWarning"
)


@OLD_CALLS
@pytest.mark.slow
def test_an_exchange_through_an_rfc_2217_server_that_takes_our_settings(
    runtime: Threads, cable: Cable
) -> None:
    with contextlib.closing(Rfc2217Server(cable.near.url)) as server:
        lis = acker()
        serving(runtime, cable.far, lis)
        line = LineSettings.parse("4800 7E2")
        caller = calling(runtime, SerialAddress(url=server.url, line=line), oru(1), oru(2))

        assert runtime.wait(lambda: len(caller.payloads) == 2, runtime.clock.now() + 10)
        assert lis.payloads == [oru(1), oru(2)]
        # What the foreign server set at its port is what we asked for.
        assert (server.port.baudrate, server.port.bytesize) == (4800, 7)
        assert (server.port.parity, server.port.stopbits) == (serial.PARITY_EVEN, 2)
        assert server.port.raised == {"rts": True, "dtr": True}
        assert runtime.remove("AN") == []


@OLD_CALLS
@pytest.mark.slow
def test_modem_lines_and_breaks_pass_an_rfc_2217_server(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: list[bool] = []
    monkeypatch.setattr(
        PortWithLines, "break_condition", property(None, lambda _, on: broken.append(on))
    )
    with (  # one after the other: the second needs the first
        contextlib.closing(Rfc2217Server(cable.near.url)) as server,
        connect(SerialAddress(url=server.url, ready="dsr")) as near,
    ):
        assert near.modem() == {"cts": True, "dsr": True, "ri": False, "cd": True}
        near.send_break(0.0)
        until(lambda: broken == [True, False], "the break has come")
        server.port.dsr = False
        server.manager.check_modem_lines()
        with pytest.raises(OSError, match=r"^cable: DSR fell$"):
            next_bytes(near, 1)


@OLD_CALLS
@pytest.mark.slow
def test_bytes_of_the_telnet_alphabet_pass_an_rfc_2217_server(cable: Cable) -> None:
    with (
        contextlib.closing(Rfc2217Server(cable.near.url)) as server,
        connect(cable.far) as far,
        connect(SerialAddress(url=server.url)) as near,
    ):
        everything = bytes(range(256)) + b"\xff\xff"
        near.send(everything)
        near.send(everything[256:])
        assert read_exactly(far, 258) == everything
        far.send(everything[:256])
        assert read_exactly(near, 256) == everything[:256]


def test_a_round_trip_needs_no_more_than_its_bytes(cable: Cable) -> None:
    with connect(cable.near) as near, connect(cable.far) as far:
        began = time.perf_counter()
        for _ in range(20):
            near.send(b"\x05")
            assert next_bytes(far, 1) == b"\x05"
            far.send(b"\x06")
            assert next_bytes(near, 1) == b"\x06"
        assert time.perf_counter() - began < 1.0
