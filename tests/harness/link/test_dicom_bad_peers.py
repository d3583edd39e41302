"""Peers that break PS3.8 at our listeners: each gets its answer, holds little, and stops nobody."""

import socket
import struct
import threading
import time
from queue import Queue
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pynetdicom.fsm import InvalidEventError

from harness.link import dicom_guard, dicom_pace
from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Answer, Request
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_guard import (
    AHEAD_MAX,
    ASSOCIATE_BYTES_MAX,
    PDU_SLACK_BYTES,
    Places,
    Silent,
    fault_of,
    longest,
    plenty,
    sound,
)
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.dicom_socket import DROPPED_MAX, GROUP
from harness.link.dicom_take import OBJECT_BYTES_MAX, Taken
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse, cut
from harness.wire.dicom_items import (
    APPLICATION_CONTEXT,
    Context,
    Items,
    UserInformation,
    item,
)
from harness.wire.dicom_pdu import (
    HEAD,
    Abort,
    Associate,
    Data,
    Pdv,
    Reject,
    Release,
    pdu,
    whole_pdus,
)

OFFERS = [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])]
PLACES, SILENT, MAX_PDU, WAIT_S, SOON_S = 3, 6, 16384, 20.0, 3.0
TWO_GIB = 0x7FFFFFFF
SPARE = b"\0" * (1 << 20)
WRONG_VALUE, UNKNOWN = Abort(source=2, reason=6), Abort(source=2, reason=1)


def request(ids=(1,), syntaxes=(IMPLICIT,), **more):
    contexts = [Context(id=one, abstract_syntax=VERIFICATION, transfer_syntaxes=syntaxes)
                for one in ids]  # fmt: skip
    user = UserInformation(max_length=MAX_PDU, class_uid="2.25.9")
    items = Items(contexts=contexts, user=user, **more)
    return Associate(called=b"PACS", calling=b"BAD", items=items).encode()


class Echo:
    def serve(self, request_, session):
        yield Answer(status=0)


@pytest.fixture(scope="module")
def pacs():
    before = set(threading.enumerate())
    listener = Listener(Echo(), "PACS", [(VERIFICATION, [IMPLICIT, EXPLICIT])], max_pdu=MAX_PDU,
                        associations_max=PLACES, silent_max=SILENT)  # fmt: skip
    address = listener.start("127.0.0.1", 0)
    yield address
    assert listener.stop() == []
    assert until(lambda: set(threading.enumerate()) <= before)


def until(holds):
    end = time.monotonic() + WAIT_S
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    return holds()


def wire_to(address, *says):
    wire = socket.create_connection((address.host, address.port), WAIT_S)
    for one in says:
        wire.sendall(one)
    return wire


def heard(wire):
    """All that comes until the other side ends it."""
    came = bytearray()
    try:
        while piece := wire.recv(65536):
            came += piece
    except ConnectionError:
        pass
    return [pdu(kind, body) for kind, body in whole_pdus(came)]


def served(address):
    peer = Peer(address=address, called="PACS", calling="GOOD", dimse_s=WAIT_S, acse_s=WAIT_S)
    begun = time.monotonic()
    with Association(peer, OFFERS) as link:
        assert link.is_open, link.error
        assert link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).ok
    return time.monotonic() - begun < SOON_S


def associated(address):
    wire = wire_to(address, request())
    head = wire.recv(HEAD.size, socket.MSG_WAITALL)
    kind, size = HEAD.unpack(head)
    wire.recv(size, socket.MSG_WAITALL)
    return kind, wire


def threads():
    """Of listeners, those that serve one connection."""
    return [one for one in threading.enumerate() if hasattr(one, "dul") or hasattr(one, "assoc")]


def proposed(body, user=b""):
    """A request whose one context and user information hold this."""
    items = item(0x10, APPLICATION_CONTEXT.encode()) + item(0x20, b"\1\0\0\0" + body)
    return pdu(1, FIXED + items + (item(0x50, user) if user else b""))


FIXED = request()[6:74]
CLASS, SYNTAX = item(0x30, VERIFICATION.encode()), item(0x40, IMPLICIT.encode())
BAD_REQUESTS = {
    "even": (request(ids=(2,)), WRONG_VALUE),
    "nought": (request(ids=(0,)), WRONG_VALUE),
    "twice": (request(ids=(1, 3, 1)), WRONG_VALUE),
    "without a syntax": (request(syntaxes=()), WRONG_VALUE),
    "application context": (request(application_context="1.2.3.4"), Reject(reason=2)),
    "no class": (proposed(SYNTAX), WRONG_VALUE),
    "empty syntax": (proposed(CLASS + item(0x40, b"")), WRONG_VALUE),
    "identity of no kind": (proposed(CLASS + SYNTAX, item(0x58, b"\x09\1\0\1a\0\0")), WRONG_VALUE),
    "no items": (pdu(1, FIXED), Reject(reason=2)),
    "two gibibytes": (HEAD.pack(1, TWO_GIB) + SPARE[:1000], WRONG_VALUE),
    "long release": (HEAD.pack(5, TWO_GIB), WRONG_VALUE),
    "unknown": (b"\x55\0\0\0\0\x04abcd", UNKNOWN),
    "http": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", UNKNOWN),
    "garbage items": (pdu(1, FIXED + b"\x20\0\xff\xff\1"), Abort()),
    "an acceptance": (request().replace(b"\1", b"\2", 1), Abort()),
    "data first": (Data(values=[Pdv(context=1, command=True, last=True, data=b"")]).encode(),
                   Abort()),
    "release first": (Release().encode(), Abort()),
    "long data first": (HEAD.pack(4, TWO_GIB), WRONG_VALUE),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_answered_and_its_place_is_free_at_once(pacs, name):
    says, answer = BAD_REQUESTS[name]
    with wire_to(pacs, says) as wire:
        assert served(pacs)
        told = heard(wire)
    assert told == [answer.encode()]
    for _ in range(PLACES + 1):
        wire_to(pacs, says).close()
    assert served(pacs)
    assert until(lambda: threads() == [])


@pytest.mark.parametrize("length", [MAX_PDU + PDU_SLACK_BYTES + 1, TWO_GIB, 0xFFFFFFFF])
def test_data_that_is_too_long_is_aborted_by_its_length_alone(pacs, length):
    kind, wire = associated(pacs)
    with wire:
        wire.sendall(HEAD.pack(4, length))
        assert served(pacs)
        assert (kind, heard(wire)) == (2, [WRONG_VALUE.encode()])
    assert until(lambda: threads() == [])


@pytest.mark.parametrize("head", [HEAD.pack(4, TWO_GIB), HEAD.pack(1, TWO_GIB)])
def test_what_follows_a_refused_length_is_not_taken(pacs, head):
    """Counted is what the peer gets rid of: what the listener takes, and the network's buffers."""
    _, wire = associated(pacs)
    sent = 0
    with wire:
        wire.sendall(head)
        with pytest.raises(ConnectionError):
            for _ in range(100):
                wire.sendall(SPARE)
                sent += len(SPARE)
    assert sent <= DROPPED_MAX + 32 * len(SPARE)
    assert served(pacs)


def test_an_answer_of_ours_that_comes_too_late_is_forgotten():
    """It must neither end the thread that reads nor keep it busy: a fault crossed it."""
    asked, did = Queue(), []
    machine = SimpleNamespace(current_state="Sta13")
    act = dicom_pace._acting(SimpleNamespace(to_provider_queue=asked), machine, did.append)
    for event in ("Evt7", "Evt8", "Evt15"):
        asked.put(event)
        act(event)
        act(event)  # it is asked for at each look, until it is gone
        assert asked.empty()
    act("Evt17")
    assert did == ["Evt17"]


def test_requests_without_end_wait_in_the_network():
    """A peer that asks on and on while the first is being served; all are answered in the end."""
    goes, got = threading.Event(), []

    class Slow:
        def serve(self, request_, session):
            goes.wait(WAIT_S)
            got.append(request_.message_id)
            yield Answer(status=0)

    listener = Listener(Slow(), "PACS", [(VERIFICATION, [IMPLICIT])])
    address = listener.start("127.0.0.1", 0)
    _, wire = associated(address)
    elements = {command.FIELD: 0x30, command.MESSAGE_ID: 1, command.DATA_SET_TYPE: 0x0101,
                command.AFFECTED_CLASS: VERIFICATION}  # fmt: skip
    echo, count = b"".join(cut(SendDimse(context=1, command=elements), MAX_PDU)), 4 * AHEAD_MAX
    try:
        with wire:
            wire.sendall(echo * count)
            (serving,) = (one for one in threads() if hasattr(one, "dimse"))
            waiting = serving.dimse.msg_queue.queue
            assert until(lambda: len(waiting) > AHEAD_MAX)
            time.sleep(0.2)  # it would read on meanwhile
            assert len(waiting) <= AHEAD_MAX + GROUP
            goes.set()
            assert until(lambda: len(got) == count)
            wire.sendall(Release().encode())
            assert heard(wire)[-1] == Release(answer=True).encode()
    finally:
        goes.set()
        assert listener.stop() == []


def test_what_waits_is_counted_by_its_bytes_too():
    long = Taken(1, {command.FIELD: 1}, bytes(OBJECT_BYTES_MAX // 3))
    odd = (3, object())
    assert [plenty([(1, long)] * count) for count in (0, 1, 3, 4)] == [False, False, False, True]
    assert [plenty([odd] * count) for count in (1, 4, 5)] == [False, False, True]


def test_data_somewhat_longer_than_announced_is_taken(pacs):
    _, wire = associated(pacs)
    with wire:
        value = Pdv(context=1, command=False, last=False, data=bytes(MAX_PDU + 300_000))
        wire.sendall(Data(values=[value]).encode() + Release().encode())
        assert heard(wire) == [Release(answer=True).encode()]


def test_connections_that_ask_for_nothing_take_no_place(pacs):
    held = [wire_to(pacs, request()[: 10 * number]) for number in range(SILENT)]
    assert served(pacs)
    late = wire_to(pacs)
    assert heard(held[0]) == []  # the oldest of them made room
    rest = [*held[1:], late]
    assert served(pacs)
    rest.pop(2).sendall(request()[20:])  # its first part has come before
    for one in [*held, late]:
        one.close()
    begun = time.monotonic()
    assert until(lambda: threads() == [])
    assert time.monotonic() - begun < SOON_S


def test_only_so_many_associations_at_a_time_and_a_place_is_free_when_one_ends(pacs):
    silent = [wire_to(pacs) for _ in range(PLACES)]
    held = [associated(pacs) for _ in range(PLACES)]
    assert [kind for kind, _ in held] == [2] * PLACES
    with wire_to(pacs, request()) as wire:
        assert heard(wire) == [Reject(result=2, source=3, reason=2).encode()]
    held[0][1].close()
    assert until(lambda: len(threads()) == 2 * (2 * PLACES - 1))
    assert served(pacs)
    for wire in [*silent, *(one for _, one in held)]:
        wire.close()
    assert until(lambda: threads() == [])


def test_a_request_that_never_becomes_whole_has_its_time():
    listener = Listener(Echo(), "PACS", [(VERIFICATION, [IMPLICIT])], request_s=0.3)
    address = listener.start("127.0.0.1", 0)
    try:
        with wire_to(address) as idle, wire_to(address, request()[:50]) as half:
            assert (heard(idle), heard(half)) == ([], [])
        assert served(address)
    finally:
        assert listener.stop() == []


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(
    st.binary(max_size=200),
    st.tuples(st.integers(0, 9), st.binary(max_size=100)).map(lambda one: pdu(*one)),
    st.tuples(st.integers(0, 300), st.binary(min_size=1, max_size=9)).map(
        lambda one: request()[: one[0]] + one[1] + request()[one[0] + len(one[1]) :]),
))  # fmt: skip
def test_any_bytes_leave_the_next_one_served(pacs, says):
    with wire_to(pacs, says):
        assert served(pacs)
    wire_to(pacs, says).close()
    assert served(pacs)


def test_the_bounds():
    assert longest(0) == OBJECT_BYTES_MAX
    most = longest(MAX_PDU)
    assert [fault_of(4, most, most), fault_of(4, most + 1, most)] == [0, 6]
    assert [fault_of(1, ASSOCIATE_BYTES_MAX + one, most) for one in (0, 1)] == [0, 6]
    assert [sound(ids) for ids in ([], [1, 255, 3], [1, 2], [1, 1])] == [True, True, False, False]
    assert [fault_of(kind, 4, most) for kind in (0, 1, 7, 8, 255)] == [1, 0, 0, 1, 1]


def test_a_place_is_only_taken_by_who_lives():
    class One:
        def __init__(self, lives, ended):
            self.is_alive, self._kill = (lambda: lives), ended

    places, ones = (
        Places(1),
        [One(False, False), One(True, True), One(True, False), One(True, False)],
    )
    assert [places.take(one) for one in ones] == [(1, True), (1, True), (1, True), (2, False)]


def test_a_handshake_stays_the_same_connection():
    silent, ends = Silent(2), [socket.socketpair() for _ in range(3)]
    first, second, third = (ours for ours, _ in ends)
    silent.came(first)
    again = socket.socket(fileno=first.detach())  # as the wrapping by TLS does it
    silent.came(again)
    silent.came(second)
    assert len(silent) == 2
    silent.came(third)
    assert ends[0][1].recv(1) == b""
    again.close()
    silent.asked(second)
    silent.asked(None)
    assert len(silent) == 1
    third.close()
    assert len(silent) == 0
    for one in [one for both in ends for one in both]:
        one.close()


def test_the_length_of_an_answer_has_its_bound_too():
    """Ours as the requestor: the same socket reads it."""
    server = socket.create_server(("127.0.0.1", 0))
    told = []

    def run():
        with server, server.accept()[0] as wire:
            wire.recv(65536)
            wire.sendall(struct.pack(">BxI", 2, TWO_GIB))
            told.extend(heard(wire))

    thread = threading.Thread(target=run)
    thread.start()
    address = Address(host="127.0.0.1", port=server.getsockname()[1])
    with Association(Peer(address=address, called="PACS", calling="CT"), OFFERS) as link:
        assert not link.is_open
    thread.join(WAIT_S)
    assert told == [WRONG_VALUE.encode()]


def test_a_thread_that_has_no_way_on_says_so_before_it_ends():
    """Of the library's machine: no peer is known to bring it there."""
    said, told, waiting = [], Queue(), Queue()
    dul = SimpleNamespace(socket=SimpleNamespace(send=said.append), to_user_queue=told)
    assoc = SimpleNamespace(dul=dul, dimse=SimpleNamespace(msg_queue=waiting))

    def run():
        raise InvalidEventError

    dicom_guard._reads(assoc, run)
    assert said == [Abort(source=2).encode()]
    assert [told.get(block=False), waiting.get(block=False)] == [None, (None, None)]


# A fault of ours is raised again in its thread, for whoever watches threads.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("thread", ["reads", "serves"])
def test_a_thread_of_a_listener_that_dies_tells_its_peer_and_leaves_its_place(pacs, thread):
    """As any fault of the library's machine would end it, in the middle of an association."""
    _, wire = associated(pacs)
    (serving,) = (one for one in threads() if hasattr(one, "dimse"))

    def dies(*_):
        raise InvalidEventError

    with wire:
        if thread == "reads":
            serving.dul.state_machine.do_action = dies
        else:
            serving.acse.is_release_requested = dies
        wire.sendall(Release().encode())
        assert heard(wire) == [Abort(source=2).encode()]
        assert until(lambda: threads() == [])
    assert served(pacs)


def proposing(*ids):
    """The library's reader with a request that waits for its action."""
    pending = Queue()
    pending.put(SimpleNamespace(presentation_context=[SimpleNamespace(context_id=one)
                                                      for one in ids]))  # fmt: skip
    return SimpleNamespace(_recv_pdu=pending, _kill_thread=False,
                           state_machine=SimpleNamespace(current_state="Sta2"))  # fmt: skip


def test_a_request_that_the_library_cannot_read_is_an_invalid_pdu_and_its_thread_goes_on():
    """PS3.8 table 9-10: after the abort the machine waits in Sta13 for the peer to close."""
    did, dul, wire = [], proposing(1), SimpleNamespace(why=0)

    def act(event):
        did.append(event)
        if event == "Evt6":
            dul._kill_thread = True  # what the library does before it raises
            raise ValueError

    dicom_guard._vetted(dul, wire, act)("Evt6")
    assert did == ["Evt6", "Evt19"]
    assert (wire.why, dul._kill_thread) == (6, False)


@pytest.mark.parametrize("ids", [(2,), (1, 1)])
def test_a_request_that_is_not_sound_is_never_acted_on_nor_left_behind(ids):
    did, dul, wire = [], proposing(*ids), SimpleNamespace(why=0)
    dicom_guard._vetted(dul, wire, did.append)("Evt6")
    assert (did, wire.why) == (["Evt19"], 6)
    assert dul._recv_pdu.empty()


def test_a_fault_of_ours_breaks_the_association_off_and_is_not_hidden():
    did = []
    acse = SimpleNamespace(send_ap_abort=did.append)
    assoc = SimpleNamespace(is_established=True, acse=acse, kill=lambda: did.append("kill"))

    def run():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        dicom_guard._serves(assoc, run)
    assert did == [0, "kill"]
