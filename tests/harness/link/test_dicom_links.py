"""Associations over loopback: requests, answers, refusals, and nothing left afterwards."""

import gc
import socket
import threading
import time

import pytest

from harness.errors import HarnessError, PermitError
from harness.link.address import Address
from harness.link.dicom import STUDY_FIND, VERIFICATION, Answer, Quiet, Request
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, encode
from harness.link.dicom_scp import Listener, free_port
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.tap import Connection

CT = "1.2.840.10008.5.1.4.1.1.2"
CONTEXTS = [(VERIFICATION, [IMPLICIT]), (STUDY_FIND, [EXPLICIT]), (CT, [EXPLICIT])]
OFFERS = [Offer(abstract=one, syntaxes=list(syntaxes)) for one, syntaxes in CONTEXTS]
LINK = Connection(
    id="c#1",
    link="modality-pacs",
    interface="PACS-DIMSE",
    local="modality",
    peer="PACS",
    client=True,
)


class Echo:
    """Answers everything with success; queries with two answers first."""

    def __init__(self):
        self.got = []

    def serve(self, request, session):
        self.got.append((request, session.calling, session.called))
        if request.kind == "C-FIND":
            yield Answer(status=0xFF00, payload=request.payload)
            yield Answer(status=0xFF00, payload=request.payload)
        if request.sop_instance == "1.2.666":
            raise ValueError("on purpose")
        yield Answer(status=0)


class Seen:
    def __init__(self):
        self.bytes = {True: b"", False: b""}
        self.links = []

    def link(self, connection, event, reason):
        self.links.append(event)

    def data(self, connection, data, *, sent):
        self.bytes[sent] += data

    def event(self, connection, protocol, event, *, sent): ...

    def note(self, role, text): ...


class Refusing:
    def payload(self, connection, protocol, payload): ...

    def opens(self, connection, host, port):
        raise PermitError(f"{host} is forbidden")


@pytest.fixture
def pacs():
    service = Echo()
    listener = Listener(service, "PACS", CONTEXTS)
    before = set(threading.enumerate())
    address = listener.start("127.0.0.1", 0)
    yield service, address, listener
    assert listener.stop() == []
    assert set(threading.enumerate()) <= before


def peer(address, **more):
    return Peer(address=address, called="PACS", calling="CT1", **more)


def store(number=1, size=10):
    data = encode(DataSet.of({"EncapsulatedDocument": b"x" * size}), explicit=True)
    return Request(
        kind="C-STORE",
        sop_class=CT,
        sop_instance=f"1.2.{number}",
        message_id=number,
        syntax=EXPLICIT,
        payload=data,
    )


@pytest.mark.slow
def test_requests_come_unread_and_answers_go_back(pacs):
    service, address, _ = pacs
    with Association(peer(address), OFFERS) as link:
        assert link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).ok
        sent = store()
        assert link.ask(sent).ok
        found = list(
            link.ask_all(
                Request(kind="C-FIND", sop_class=STUDY_FIND, syntax=EXPLICIT, payload=sent.payload)
            )
        )
    assert [one.status for one in found] == [0xFF00, 0xFF00, 0]
    assert service.got[1][0].payload == sent.payload
    assert service.got[1][1:] == ("CT1", "PACS")


@pytest.mark.slow
def test_every_byte_is_shown_and_nagle_is_off(pacs):
    _, address, _ = pacs
    seen = Seen()
    with Association(peer(address), OFFERS, connection=LINK, watcher=seen) as link:
        wire = link._assoc.dul.socket.socket
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        sent = store(size=40_000)
        assert link.ask(sent).ok
    assert seen.bytes[True][:2] == b"\x01\x00"  # A-ASSOCIATE-RQ
    assert seen.bytes[False][:2] == b"\x02\x00"  # A-ASSOCIATE-AC
    assert len(seen.bytes[True]) > 40_000
    assert seen.links == ["opened", "closed"]


def test_nagle_is_off_where_we_accept(pacs):
    """Its answers are small: with the peer's delayed acknowledgements each would take 40 ms."""
    service, address, listener = pacs
    with Association(peer(address), OFFERS) as link:
        assert link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).ok
        (taken,) = listener._ae.active_associations
        assert taken.is_acceptor
        wire = taken.dul.socket.socket
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    assert len(service.got) == 1


def test_a_forbidden_address_is_not_opened():
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.setblocking(False)
        address = Address(host="127.0.0.1", port=trap.getsockname()[1])
        link = Association(peer(address), OFFERS, connection=LINK, guard=Refusing())
        with pytest.raises(PermitError):
            link.open()
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.mark.slow
def test_why_there_is_no_association():
    listener = Listener(Echo(), "PACS", CONTEXTS, check_called=True)
    address = listener.start("127.0.0.1", 0)
    try:
        other = Peer(address=address, called="OTHER", calling="CT1")
        with Association(other, OFFERS) as link:
            assert not link.is_open
            assert link.error.startswith("rejected (1, 1, 7)")
            with pytest.raises(HarnessError, match="rejected"):
                link.ask(store())
        unknown = [Offer(abstract="1.2.840.10008.5.1.4.1.1.128", syntaxes=[EXPLICIT])]
        with Association(peer(address), unknown) as link:
            assert link.error == "no usable presentation context"
    finally:
        assert listener.stop() == []
    with Association(peer(Address(host="127.0.0.1", port=free_port()), acse_s=2.0), OFFERS) as link:
        assert link.error in {"aborted", "not reached"}


@pytest.mark.slow
def test_a_syntax_that_was_not_accepted_cannot_be_sent(pacs):
    _, address, _ = pacs
    with Association(peer(address), OFFERS) as link:
        odd = Request(
            kind="C-STORE",
            sop_class=CT,
            sop_instance="1.2",
            payload=b"\x08\x00",
            syntax="1.2.840.10008.1.2.5",
        )
        with pytest.raises(HarnessError, match="not accepted"):
            link.ask(odd)


@pytest.mark.slow
def test_a_service_that_fails_answers_and_goes_on(pacs):
    _, address, listener = pacs
    with Association(peer(address), OFFERS) as link:
        assert link.ask(store(666)).status == 0x0110
        assert link.ask(store(1)).ok
    assert "on purpose" in listener.troubles[0]


@pytest.mark.slow
def test_a_part_of_a_message_is_never_served(pacs):
    service, address, _ = pacs
    with Association(peer(address, max_pdu=4096), OFFERS) as link:
        link.store_part(store(size=200_000), 0.5)
    with Association(peer(address), OFFERS) as link:
        assert link.ask(store(2)).ok
    assert [request.sop_instance for request, _, _ in service.got] == ["1.2.2"]


def test_a_listener_that_stays_silent_is_told_with_the_limit():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(host="127.0.0.1", port=silent.getsockname()[1])
        with Association(peer(address, acse_s=0.1), OFFERS) as link:
            assert link.error == "no answer within 0.1 s"


@pytest.mark.slow
def test_no_answer_in_time_is_said(pacs):
    service, address, _ = pacs
    service.serve = lambda request, session: iter(())
    with Association(peer(address, dimse_s=0.2), OFFERS) as link:
        answer = link.ask(store())
    assert (answer.status, answer.shown) == (-1, "timeout")


@pytest.mark.slow
def test_an_idle_connection_blocks_nobody(pacs):
    _, address, _ = pacs
    with (
        socket.create_connection((address.host, address.port)),
        Association(peer(address), OFFERS) as link,
    ):
        assert link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).ok


class _Queue:
    """The library's queue, with the association's thread as the only other taker."""

    def __init__(self):
        self.waiting = ["answer"]
        self.dimse = self

    def get_msg(self, block=False):
        return (1, self.waiting.pop()) if self.waiting else (None, None)


def test_the_thread_of_the_association_cannot_steal_an_answer():
    """Without the lock the look of the other thread takes what the caller waits for."""
    queue = _Queue()
    quiet = Quiet(queue)
    stolen = []
    with quiet.held():
        thief = threading.Thread(target=lambda: stolen.append(queue.get_msg(block=False)))
        thief.start()
        thief.join()
        assert quiet.take() == (1, "answer")
    assert stolen == [(None, None)]


def test_an_association_is_asked_for_once(pacs):
    """A second one would leave the first behind, and a peer that serves one at a time waits."""
    _, address, _ = pacs
    with Association(peer(address), OFFERS) as link:
        with pytest.raises(HarnessError, match="already"):
            link.open()
        assert link.is_open


@pytest.mark.slow
def test_no_answer_is_lost_over_parallel_associations(pacs):
    """A short form of the soak: each store must be answered, none after the timeout."""
    _, address, _ = pacs
    lost = []

    def send():
        with Association(peer(address, dimse_s=5.0), OFFERS) as link:
            lost.extend(number for number in range(1, 101) if not link.ask(store(number)).ok)

    threads = [threading.Thread(target=send) for _ in range(4)]
    begun = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert lost == []
    assert time.monotonic() - begun < 60


@pytest.mark.slow
def test_a_message_that_is_broken_off_anywhere_is_never_served_and_stops_nobody(pacs):
    """Between PDUs, within one, aborted, or left as it is while others go on."""
    service, address, _ = pacs
    held = []
    for place in range(4):
        with Association(peer(address), OFFERS) as link:
            pieces = link.pieces(store(size=3500), 1024)
            assert [len(one) <= 1024 + 6 for one in pieces] == [True] * len(pieces)
            link.send_raw(b"".join(pieces[:place]) + pieces[place][: 10 * (place % 2)])
            link.cut()
            assert not link.is_open
        stalled = Association(peer(address), OFFERS)
        assert stalled.open()
        stalled.send_raw(b"".join(stalled.pieces(store(size=3500), 1024)[: place + 1][:2]))
        held.append(stalled)
    with Association(peer(address), OFFERS) as link:
        assert link.ask(store(2)).ok
        link.cut()
        with pytest.raises(HarnessError):
            link.send_raw(b"x")
        with pytest.raises(HarnessError):
            link.pieces(store(3))
    for stalled in held:
        stalled.cut()
    assert [request.sop_instance for request, _, _ in service.got] == ["1.2.2"]


@pytest.mark.slow
def test_an_association_leaves_no_socket_open(pacs):
    """Neither that of the connection nor those that wake its threads, on either side."""
    _, address, _ = pacs

    def sockets():
        gc.collect()
        return sum(isinstance(one, socket.socket) and one.fileno() >= 0 for one in gc.get_objects())

    before = sockets()
    for _ in range(3):
        with Association(peer(address), OFFERS) as link:
            assert link.ask(store()).ok
    with Association(peer(address), OFFERS) as link:
        link.abort()
    until = time.monotonic() + 30
    while sockets() > before and time.monotonic() < until:
        time.sleep(0.02)
    assert sockets() == before


def test_the_checks_of_the_library_are_remembered():
    """Without it, an association checks the same UIDs some forty times."""
    from pynetdicom import pdu_items

    assert pdu_items.set_uid.__module__ == "harness.link.dicom_setup"
    assert pdu_items.set_ae.__module__ == "harness.link.dicom_setup"
