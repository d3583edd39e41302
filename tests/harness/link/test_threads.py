"""The same actors over TCP and TLS, against raw sockets that no code of ours drives."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import limits
from harness.errors import HarnessError, PermitError
from harness.link import actor as act
from harness.link import scheduler as scheduler_module
from harness.link import tcp, threads
from harness.link.address import Address
from harness.link.scheduler import Scheduler, Timer
from harness.link.tap import Connection, Delivery
from harness.link.threads import Member, Threads
from harness.wire.core import Message
from tests.harness.link.parties import (
    Journal,
    MemoryStore,
    Party,
    Sender,
    Tamper,
    acker,
    host,
    oru,
    raw_core,
    until,
)


@pytest.fixture
def runtime() -> Iterator[Threads]:
    """A runtime that must leave no thread behind and no error unsaid."""
    before = set(threading.enumerate())
    one = Threads()
    yield one
    assert one.stop() == []
    assert set(threading.enumerate()) <= before
    assert one.errors == []


def dial(address: Address) -> socket.socket:
    sock = socket.create_connection((address.host, address.port), 5)
    sock.settimeout(5)
    return sock


def read_all(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def read_exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(min(size - len(data), 1 << 20))
        assert piece, f"ended after {len(data)} of {size}"
        data += piece
    return data


def echo(role: str = "E") -> Party:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                return [act.Send(conn=event.conn, event=Message(payload=payload))]
        return []

    return Party(role, core=raw_core, react=react)


def serving(runtime: Threads, party: Party, **fields: object) -> tuple[Member, Address]:
    member = runtime.add(party.role, host(party, runtime.clock, **fields))
    return member, member.listen("lab")


def sending(runtime: Threads, address: Address, *messages: bytes, role: str = "AN") -> Sender:
    sender = Sender(role, "lab", list(messages), answer_s=5)
    runtime.add(role, host(sender, runtime.clock)).routes["lab"] = address
    return sender


def opener(conn: str = "c", core: object = raw_core) -> Party:
    """Opens one connection when it starts."""
    party = Party("C", core=core)  # type: ignore[arg-type]
    party.react = lambda event, now: (
        [act.Open(link="lab", conn=conn)] if isinstance(event, act.Commanded) else []
    )
    return party


# -- exchange ----------------------------------------------------------------------------------


def test_the_actors_of_the_pump_over_tcp(runtime: Threads) -> None:
    lis = acker()
    _, address = serving(runtime, lis)
    sending(runtime, address, oru(1), oru(2), oru(3))

    assert runtime.command("AN", "send", {}, 60) == ["ACK", "ACK", "ACK"]
    assert lis.payloads == [oru(1), oru(2), oru(3)]
    assert runtime.wait(lambda: bool(lis.of(act.Closed)), runtime.clock.now() + 5)
    assert lis.of(act.Closed) == [act.Closed(conn="lab#1", link="lab", reason="")]


def test_a_large_payload_both_ways(runtime: Threads) -> None:
    _, address = serving(runtime, acker())
    payload = oru(1) + b"OBX|2|ED|PDF||" + bytes(range(0x20, 0x7F)) * 55_000 + b"\r"
    assert len(payload) > 5_000_000

    with dial(address) as sock:
        sender = threading.Thread(target=sock.sendall, args=(b"\x0b" + payload + b"\x1c\r",))
        sender.start()
        answer = read_exactly(sock, len(payload) + 7)
        sender.join()

    assert answer == b"\x0bACK:" + payload + b"\x1c\r"


def test_refused_where_nobody_listens(runtime: Threads) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sending(runtime, Address(host="127.0.0.1", port=port), oru(1))

    assert runtime.command("AN", "send", {}, 60) == ["refused"]


def test_refused_without_a_route(runtime: Threads) -> None:
    sender = sending(runtime, Address(host="127.0.0.1", port=1), oru(1))
    runtime.members["AN"].routes.clear()

    assert runtime.command("AN", "send", {}, 60) == ["no route for lab"]
    assert sender.outcomes == ["no route for lab"]


# -- ends --------------------------------------------------------------------------------------


def greeter(reset: bool) -> Party:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Received):
            bye = act.Send(conn=event.conn, event=Message(payload=b"bye"))
            return [bye, act.Close(conn=event.conn, reset=reset)]
        return []

    return Party("E", core=raw_core, react=react)


def test_an_orderly_close_is_a_fin_after_the_data(runtime: Threads) -> None:
    party = greeter(reset=False)
    _, address = serving(runtime, party)
    with dial(address) as sock:
        sock.sendall(b"hi")
        assert read_all(sock) == b"bye"

    assert not party.of(act.Closed)


def test_an_orderly_close_is_a_fin_even_where_the_peer_goes_on_sending(runtime: Threads) -> None:
    _, address = serving(runtime, greeter(reset=False))
    with dial(address) as sock:
        sock.sendall(b"hi")
        assert sock.recv(10) == b"bye"
        sock.sendall(b"x" * 10_000)
        assert sock.recv(10) == b""  # and no ECONNRESET


def test_a_reset_is_seen_as_rst_by_the_peer(runtime: Threads) -> None:
    _, address = serving(runtime, greeter(reset=True))
    with dial(address) as sock:
        sock.sendall(b"hi")
        with pytest.raises(ConnectionResetError):
            read_all(sock)


@pytest.mark.parametrize("reset", [True, False])
def test_another_thread_than_its_reader_may_end_a_connection(runtime: Threads, reset: bool) -> None:
    party = Party("E", core=raw_core)
    party.react = lambda event, now: (
        [act.Close(conn="lab#1", reset=reset), act.Reply(ident=event.ident)]
        if isinstance(event, act.Commanded)
        else []
    )
    member, address = serving(runtime, party)
    with dial(address) as sock:
        runtime.wait(lambda: bool(party.of(act.Opened)), runtime.clock.now() + 5)
        runtime.command("E", "end", {}, 60)
        began = time.monotonic()
        if reset:
            with pytest.raises(ConnectionResetError):
                read_all(sock)
        else:
            assert read_all(sock) == b""
        assert time.monotonic() - began < 1.0
    until(lambda: not member._sockets, "our socket closed")
    assert not party.of(act.Closed)


def test_a_reset_by_the_peer_reaches_the_actor(runtime: Threads) -> None:
    party, journal = echo(), Journal()
    _, address = serving(runtime, party, watcher=journal)
    sock = dial(address)
    sock.sendall(b"x")
    assert sock.recv(1) == b"x"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()

    assert runtime.wait(lambda: bool(party.of(act.Closed)), runtime.clock.now() + 5)
    assert party.of(act.Closed) == [act.Closed(conn="lab#1", link="lab", reason="reset")]
    assert journal.lines[-1] == "lab#1 closed reset"


def test_a_half_closed_peer_still_gets_its_answer(runtime: Threads) -> None:
    party = acker()
    _, address = serving(runtime, party)
    with dial(address) as sock:
        sock.sendall(b"\x0b" + oru(1) + b"\x1c\r")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b"\x0bACK:" + oru(1) + b"\x1c\r"

    assert runtime.wait(lambda: bool(party.of(act.Closed)), runtime.clock.now() + 5)


def test_a_peer_that_never_closes_its_side_does_not_keep_ours(
    runtime: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "LINGER_S", 0.05)
    member, address = serving(runtime, greeter(reset=False))
    with dial(address) as sock:
        sock.sendall(b"hi")
        assert read_all(sock) == b"bye"
        until(lambda: not member._sockets, "our socket closed")


def test_a_connection_closed_before_it_came_about(runtime: Threads) -> None:
    lis = echo("LIS")
    _, address = serving(runtime, lis)
    client = Party("C", core=raw_core)
    client.react = lambda event, now: (
        [act.Open(link="lab", conn="c"), act.Close(conn="c"), act.Reply(ident=event.ident)]
        if isinstance(event, act.Commanded)
        else []
    )
    runtime.add("C", host(client, runtime.clock)).routes["lab"] = address
    runtime.command("C", "go", {}, 60)

    assert runtime.wait(lambda: bool(lis.of(act.Closed)), runtime.clock.now() + 5)
    assert not client.of(act.Opened)


# -- many, slow and full -----------------------------------------------------------------------


def test_fifty_connections_at_a_time(runtime: Threads) -> None:
    lis = acker()
    _, address = serving(runtime, lis)
    socks = [dial(address) for _ in range(50)]
    for number, sock in enumerate(socks):
        sock.sendall(b"\x0b" + oru(number) + b"\x1c\r")
    for number, sock in enumerate(socks):
        wanted = b"\x0bACK:" + oru(number) + b"\x1c\r"
        assert read_exactly(sock, len(wanted)) == wanted
        sock.close()

    assert len({event.conn for event in lis.of(act.Opened)}) == 50


def flooder() -> Party:
    """Sends far more than the buffers of a connection hold to whoever says ``flood``."""

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=b"flood")):
                flood = Message(payload=b"f" * 30_000_000)
                return [act.Send(conn=event.conn, event=flood), act.Commit(statements=[])]
            case act.Received(event=Message(payload=payload)):
                return [act.Send(conn=event.conn, event=Message(payload=payload))]
        return []

    return Party("E", core=raw_core, react=react)


def test_a_peer_that_does_not_read_blocks_nobody_else(runtime: Threads) -> None:
    _, address = serving(runtime, flooder(), store=MemoryStore())
    with dial(address) as slow, dial(address) as quick:
        slow.sendall(b"flood")
        assert slow.recv(1) == b"f"
        for number in range(20):
            quick.sendall(b"%05d" % number)
            assert read_exactly(quick, 5) == b"%05d" % number
        # Nothing of the flood was lost meanwhile, and nothing overtook it.
        slow.sendall(b"after")
        assert read_exactly(slow, 29_999_999) == b"f" * 29_999_999
        assert read_exactly(slow, 5) == b"after"


def test_a_peer_that_never_reads_is_given_up(
    runtime: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEND_TIMEOUT_S", 0.05)
    party = flooder()
    _, address = serving(runtime, party, store=MemoryStore())
    with dial(address) as slow:
        slow.sendall(b"flood")

        assert runtime.wait(lambda: bool(party.of(act.Closed)), runtime.clock.now() + 5)
        assert party.of(act.Closed)[0].reason == "the peer does not read"


def test_the_queue_of_a_connection_is_bounded(
    runtime: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "OUT_BYTES_MAX", 20_000_000)
    party = flooder()
    _, address = serving(runtime, party, store=MemoryStore())
    with dial(address) as slow:
        slow.sendall(b"flood")

        assert runtime.wait(lambda: bool(party.of(act.Closed)), runtime.clock.now() + 5)
        assert party.of(act.Closed)[0].reason == "the peer does not read"


def test_connections_are_bounded(runtime: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS_MAX", 2)
    party = echo()
    member, address = serving(runtime, party)
    one, two = dial(address), dial(address)
    for sock in (one, two):
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
    with dial(address) as three:
        assert three.recv(1) == b""
    one.close()
    until(lambda: len(member._sockets) == 1, "the first one is gone")
    with dial(address) as four:
        four.sendall(b"y")
        assert four.recv(1) == b"y"
    two.close()

    assert len(party.of(act.Opened)) == 3


# -- order and concurrency ---------------------------------------------------------------------


def test_nothing_is_lost_between_two_threads_that_send_on_one_connection(runtime: Threads) -> None:
    party = Party("E", core=raw_core)
    member, address = serving(runtime, party)
    with dial(address) as sock:
        runtime.wait(lambda: bool(party.of(act.Opened)), runtime.clock.now() + 5)

        def chatter(name: bytes) -> None:
            for number in range(300):
                member.run(
                    lambda number=number: member.host._do(
                        act.Send(conn="lab#1", event=Message(payload=b"%b%04d;" % (name, number)))
                    )
                )

        workers = [threading.Thread(target=chatter, args=(name,)) for name in (b"a", b"b", b"c")]
        for worker in workers:
            worker.start()
        data = read_exactly(sock, 3 * 300 * 6)
        for worker in workers:
            worker.join()

    said = data.split(b";")[:-1]
    for name in (b"a", b"b", b"c"):
        assert [one for one in said if one[:1] == name] == [
            b"%b%04d" % (name, n) for n in range(300)
        ]


# -- faults, crashes and errors ----------------------------------------------------------------


def test_a_tap_refuses_an_accepted_connection_by_rst(runtime: Threads) -> None:
    party = echo()
    _, address = serving(runtime, party, tap=Tamper(may=lambda connection: False))
    # The reset may come as early as into the connecting itself.
    with pytest.raises(ConnectionResetError), dial(address) as sock:
        sock.sendall(b"x")
        read_all(sock)

    assert not party.of(act.Opened)


def test_delayed_deliveries_keep_their_order_over_real_time(runtime: Threads) -> None:
    slices = Tamper(
        out=lambda data: [
            Delivery(data=data[at : at + 1], delay_s=0.001) for at in range(len(data))
        ]
    )
    _, address = serving(runtime, echo(), tap=slices)
    text = bytes(range(64)) * 2
    with dial(address) as sock:
        sock.sendall(text[:64])
        sock.sendall(text[64:])
        assert read_exactly(sock, 128) == text


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_a_commit_resets_peers_and_stops_listening(after: bool) -> None:
    died: list[str] = []
    runtime = Threads(died=lambda member: died.append(member.name))
    store = MemoryStore()
    lis = acker(store=True)
    _, address = serving(runtime, lis, store=store)
    sending(runtime, address, oru(1), oru(2), oru(3))
    runtime.crash_at("LIS", 2, after=after)

    assert runtime.command("AN", "send", {}, 60) == ["ACK", "reset", "refused"]
    assert len(store.committed) == (2 if after else 1)
    assert died == ["LIS"]
    assert runtime.stop() == []


def test_what_was_sent_before_the_crash_is_on_the_wire(runtime: Threads) -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Received):
            early = act.Send(conn=event.conn, event=Message(payload=b"ACK too early"))
            return [early, act.Commit(statements=[("X", [])])]
        return []

    store = MemoryStore()
    _, address = serving(runtime, Party("LIS", core=raw_core, react=react), store=store)
    runtime.crash_at("LIS", 1, after=False)
    with dial(address) as sock:
        sock.sendall(b"result")
        assert read_exactly(sock, 13) == b"ACK too early"
        with pytest.raises(ConnectionResetError):
            read_all(sock)

    assert store.committed == []


def test_an_error_in_an_actor_surfaces_where_somebody_waits() -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Received):
            raise ZeroDivisionError("in the actor")
        return []

    runtime = Threads()
    _, address = serving(runtime, Party("E", core=raw_core, react=react))
    with dial(address) as sock:
        sock.sendall(b"x")
        with pytest.raises(ZeroDivisionError, match="in the actor"):
            runtime.wait(lambda: False, runtime.clock.now() + 5)

    assert runtime.stop() == []


class Gate:
    """A guard that lets nobody out."""

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None: ...

    def opens(self, connection: Connection, host: str, port: int) -> None:
        raise PermitError(f"{connection.link} {host}:{port}")


def test_the_guard_is_asked_before_a_connection_is_opened() -> None:
    runtime = Threads()
    _, address = serving(runtime, echo())
    member = runtime.add("C", host(opener(), runtime.clock, guard=Gate()))
    member.routes["lab"] = address
    member.run(lambda: member.host.command("go", {}, 0))

    with pytest.raises(PermitError, match=f"lab 127.0.0.1:{address.port}"):
        runtime.wait(lambda: False, runtime.clock.now() + 5)
    assert runtime.stop() == []
    assert not runtime.errors


def test_a_listener_has_a_thread_where_the_system_needs_one(
    runtime: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "ACCEPTS", False)
    party = echo()
    _, address = serving(runtime, party)
    for _ in range(3):
        with dial(address) as sock:
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"

    assert len(party.of(act.Opened)) == 3


def test_commands_that_are_refused_or_not_answered(runtime: Threads) -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Commanded) and event.name == "bad":
            return [act.Reply(ident=event.ident, error="not now")]
        return []

    runtime.add("A", host(Party(react=react), runtime.clock))

    with pytest.raises(HarnessError, match="A refused bad: not now"):
        runtime.command("A", "bad", {}, 1)
    with pytest.raises(HarnessError, match="A did not answer to go within"):
        runtime.command("A", "go", {}, 0.01)


# -- time and the end --------------------------------------------------------------------------


def test_timers_of_an_actor(runtime: Threads) -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Started):
            return [
                act.SetTimer(name="late", at=now + 0.03),
                act.SetTimer(name="soon", at=now + 0.01),
                act.SetTimer(name="never", at=now + 0.02),
                act.SetTimer(name="never", at=None),
                act.SetTimer(name="unknown", at=None),
            ]
        return []

    party = Party(react=react)
    runtime.add("A", host(party, runtime.clock))
    runtime.wait(lambda: len(party.of(act.TimerFired)) == 2, runtime.clock.now() + 5)

    assert [event.name for event in party.of(act.TimerFired)] == ["soon", "late"]
    began, *fired = [now for now, event in party.seen if not isinstance(event, act.Opened)]
    assert fired[0] - began >= 0.01


def test_a_timer_that_was_set_anew_while_it_fired_does_not_fire_twice(runtime: Threads) -> None:
    party = Party()
    member = runtime.add("A", host(party, runtime.clock))
    member._alarms.ring(("actor", "gone"), Timer(0.0, None))
    assert not party.of(act.TimerFired)


def test_a_name_that_exists_is_replaced(runtime: Threads) -> None:
    first, second = echo(), echo()
    _, address = serving(runtime, first)
    runtime.add("E", host(second, runtime.clock)).listen("lab", address)
    with dial(address) as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"

    assert (first.payloads, second.payloads) == ([], [b"x"])


def test_stop_ends_open_connections_and_pending_ones(runtime: Threads) -> None:
    party = echo()
    member, address = serving(runtime, party)
    with dial(address) as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        assert runtime.remove("E") == []
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    late = socket.create_server(("127.0.0.1", 0))
    with late, socket.create_connection(late.getsockname()) as other:
        wire = member._wire(other)  # one that was accepted while the member stopped
        assert wire.broken == "stopped"
        assert wire.read_all(lambda data: None) == "stopped"
    member.run(lambda: pytest.fail("nothing happens after the end"))

    assert not party.of(act.Closed)


def test_threads_that_will_not_end_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STOP_TIMEOUT_S", 0.0)
    monkeypatch.setattr(limits, "CONNECT_TIMEOUT_S", 0.0)
    runtime, release = Threads(), threading.Event()
    member = runtime.add("A", host(Party(), runtime.clock))
    member._thread(release.wait, "stuck")  # type: ignore[arg-type]

    assert runtime.stop() == ["A stuck"]
    release.set()
    until(lambda: not member._team.left(), "it ended after all")


# -- the scheduler -----------------------------------------------------------------------------


def test_a_scheduler_forgets_cancelled_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_module, "CANCELLED_KEPT", 3)
    clock = Threads().clock
    one = Scheduler(clock)
    done = threading.Event()
    timers = [Timer(clock.now() + 1000, lambda: None) for _ in range(5)]
    for timer in timers:
        one.add(timer)
    for timer in timers[:4]:
        one.cancel(timer)
        one.cancel(timer)
    assert len(one._due) == 1
    past = Timer(clock.now() + 0.002, pytest.fail)
    one.add(past)
    one.cancel(past)
    one.add(Timer(clock.now() + 0.004, done.set))

    assert done.wait(5)
    assert one._cancelled == 0
    one.stop()
    one.add(Timer(clock.now(), pytest.fail))
    assert not one._due


def test_a_scheduler_stopped_by_its_own_action() -> None:
    clock = Threads().clock
    one, done = Scheduler(clock), threading.Event()

    def end() -> None:
        one.stop()
        done.set()

    one.add(Timer(clock.now(), end))

    assert done.wait(5)
    assert one._thread is not None
    one._thread.join(60)
    assert not one._thread.is_alive()


def test_addresses_are_shown_as_host_and_port() -> None:
    assert str(threads.LOOPBACK) == "127.0.0.1:0"


# -- TLS ---------------------------------------------------------------------------------------


def _openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test CA, a server certificate for 127.0.0.1 and a certificate of nobody known."""
    if shutil.which("openssl") is None:
        if os.environ.get("MEDHARNESS_REQUIRE_PEERS") == "1":
            pytest.fail("the openssl command line is required and missing")
        pytest.skip("the openssl command line is missing")
    folder = tmp_path_factory.mktemp("tls")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "stranger"):
        subject = ("-subj", f"/CN={name}", "-days", "2")
        _openssl(
            folder,
            "req",
            "-x509",
            *curve,
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
            *subject,
        )
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1\n", encoding="ascii")
    _openssl(
        folder, "req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=lis"
    )
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    _openssl(
        folder,
        "x509",
        "-req",
        "-in",
        "server.csr",
        *signed,
        "-extfile",
        "server.ext",
        "-out",
        "server.pem",
    )
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


def client_context(folder: Path, ca: str = "ca.pem") -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / ca))


def secured(runtime: Threads, party: Party, folder: Path, **fields: object) -> Address:
    member = runtime.add(party.role, host(party, runtime.clock, **fields))
    return member.listen("lab", Address(host="127.0.0.1", port=0, tls=server_context(folder)))


@pytest.mark.slow
def test_an_exchange_over_tls(runtime: Threads, certificates: Path) -> None:
    lis = acker()
    address = secured(runtime, lis, certificates)
    route = Address(host=address.host, port=address.port, tls=client_context(certificates))
    sending(runtime, route, oru(1), oru(2))

    assert runtime.command("AN", "send", {}, 60) == ["ACK", "ACK"]
    assert runtime.wait(lambda: bool(lis.of(act.Closed)), runtime.clock.now() + 5)
    assert lis.of(act.Closed)[0].reason == ""


@pytest.mark.slow
def test_a_large_exchange_both_ways_at_once_over_tls(runtime: Threads, certificates: Path) -> None:
    address = secured(runtime, echo(), certificates)
    text = os.urandom(1 << 20) * 8
    with client_context(certificates).wrap_socket(
        dial(address), server_hostname="127.0.0.1"
    ) as sock:
        sender = threading.Thread(target=_trickle, args=(sock, text))
        # One TLS session is not for two threads at once: the test sends first, into our echo,
        # which must go on reading while its own answers pile up.
        sender.start()
        sender.join(20)
        assert not sender.is_alive()
        assert read_exactly(sock, len(text)) == text


def _trickle(sock: socket.socket, text: bytes) -> None:
    sock.sendall(text)


@pytest.mark.slow
@pytest.mark.parametrize("reset", [False, True])
def test_the_end_of_a_tls_connection(runtime: Threads, certificates: Path, reset: bool) -> None:
    address = secured(runtime, greeter(reset=reset), certificates)
    context = client_context(certificates)
    with context.wrap_socket(
        dial(address), server_hostname="127.0.0.1", suppress_ragged_eofs=False
    ) as sock:
        sock.sendall(b"hi")
        if reset:  # OpenSSL may report an RST as an end without close_notify
            with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
                read_all(sock)
        else:
            assert read_all(sock) == b"bye"  # with close_notify: no SSLEOFError


@pytest.mark.slow
def test_a_server_that_nobody_vouches_for_is_refused(runtime: Threads, certificates: Path) -> None:
    lis, journal = acker(), Journal()
    address = secured(runtime, lis, certificates, watcher=journal)
    tls = client_context(certificates, "stranger.pem")
    sending(runtime, Address(host=address.host, port=address.port, tls=tls), oru(1))

    (outcome,) = runtime.command("AN", "send", {}, 60)

    assert "certificate verify failed" in outcome.lower()
    until(lambda: bool(journal.lines), "the server side is told, too")
    assert journal.lines[0].startswith("lab#1 failed ")
    assert not lis.of(act.Opened)


@pytest.mark.slow
def test_plain_text_at_a_tls_port_is_turned_away(runtime: Threads, certificates: Path) -> None:
    lis, journal = acker(), Journal()
    address = secured(runtime, lis, certificates, watcher=journal)
    with dial(address) as sock, contextlib.suppress(ConnectionResetError):
        sock.sendall(b"\x0b" + oru(1) + b"\x1c\r")
        read_all(sock)

    until(lambda: bool(journal.lines), "it is told")
    assert "failed" in journal.lines[0]
    assert not lis.seen or [type(event).__name__ for _, event in lis.seen] == ["Started"]


def test_this_file_needs_no_more_than_a_moment_for_a_round_trip(runtime: Threads) -> None:
    _, address = serving(runtime, echo())
    with dial(address) as sock:
        began = time.perf_counter()
        for _ in range(50):
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
        assert time.perf_counter() - began < 1.0
