"""Who waits for an answer reads it; what is none is left to the library, and nothing is lost."""

import socket
import struct
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.link.address import Address
from harness.link.dicom import VERIFICATION, WORKLIST, Request
from harness.link.dicom_data import IMPLICIT
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.dicom_socket import READ_MAX
from harness.link.tap import Connection
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse, cut, grouped

WAIT_S = 60.0
WAY = Connection(id="c", link="l", interface="I", local="CT", peer="PACS", client=True)
ABORT = struct.pack(">BxIxxBB", 7, 4, 0, 0)
RELEASE = struct.pack(">BxI4x", 5, 4)
RELEASED = struct.pack(">BxI4x", 6, 4)


def item(kind, body):
    return struct.pack(">BxH", kind, len(body)) + body


def acceptance(limit=16384):
    """A-ASSOCIATE-AC of two contexts (PS3.8 table 9-17)."""
    contexts = b"".join(
        item(0x21, bytes([number, 0, 0, 0]) + item(0x40, IMPLICIT.encode())) for number in (1, 3)
    )
    user = item(0x51, struct.pack(">I", limit)) + item(0x52, b"2.25.9")
    body = (struct.pack(">H2x", 1) + b"PACS".ljust(16) + b"CT".ljust(16) + bytes(32)
            + item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + item(0x50, user))  # fmt: skip
    return struct.pack(">BxI", 2, len(body)) + body


def echoed(number=1, status=0):
    """The answer to an echo, in two PDUs as some write it."""
    elements = {command.FIELD: 0x8030, command.RESPONDED_TO: number, command.STATUS: status,
                command.DATA_SET_TYPE: 0x0101, command.AFFECTED_CLASS: VERIFICATION}  # fmt: skip
    return b"".join(cut(SendDimse(context=1, command=elements), 60))


def found(status, payload=b"", pdu_bytes=16384):
    elements = {command.FIELD: 0x8020, command.RESPONDED_TO: 1, command.STATUS: status,
                command.DATA_SET_TYPE: 1 if payload else 0x0101,
                command.AFFECTED_CLASS: WORKLIST}  # fmt: skip
    return b"".join(cut(SendDimse(context=3, command=elements, payload=payload), pdu_bytes))


class Pacs:
    """Accepts one association, and lets a function talk to it."""

    def __init__(self, talk):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(WAIT_S)
        self.talk = talk
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with self.server, self.server.accept()[0] as wire:
            wire.settimeout(WAIT_S)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pdu(wire)
            wire.sendall(acceptance())
            self.talk(wire)

    @staticmethod
    def pdu(wire):
        head = wire.recv(6, socket.MSG_WAITALL)
        return head + wire.recv(struct.unpack(">BxI", head)[1], socket.MSG_WAITALL)

    def __enter__(self):
        self.thread.start()
        return self.server.getsockname()[1]

    def __exit__(self, *_):
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()


class Journal:
    """Who told what, in order."""

    def __init__(self):
        self.told = []

    def link(self, connection, event, reason):
        pass

    def data(self, connection, data, *, sent):
        self.told.append((sent, data, threading.get_ident()))

    def event(self, connection, protocol, event, *, sent):
        pass

    def note(self, role, text):
        pass


class Gatherer(Journal):
    """Takes what leaves together, and its time: until the answer is there, and somewhat longer."""

    def __init__(self, answered):
        super().__init__()
        self.answered = answered

    def together(self, connection, data, sizes, *, sent):
        assert self.answered.wait(WAIT_S)
        threading.Event().wait(0.05)
        at = 0
        for size in sizes:
            self.data(connection, data[at : at + size], sent=sent)
            at += size


def asking(port, journal=None, dimse_s=WAIT_S, max_pdu=16384):
    peer = Peer(address=Address(host="127.0.0.1", port=port), called="PACS", calling="CT",
                dimse_s=dimse_s, acse_s=WAIT_S, max_pdu=max_pdu)  # fmt: skip
    offers = [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT]),
              Offer(abstract=WORKLIST, syntaxes=[IMPLICIT])]  # fmt: skip
    return Association(peer, offers, WAY, journal or Journal())


ECHO = Request(kind="C-ECHO", sop_class=VERIFICATION)
FIND = Request(kind="C-FIND", sop_class=WORKLIST, payload=b"\x08\0\x52\0\0\0\0\0")


def is_over(link):
    until = time.monotonic() + WAIT_S
    while link.is_open and time.monotonic() < until:
        time.sleep(0.005)  # nothing tells of the end
    return not link.is_open


def told_by(journal, data):
    return next(ident for _, one, ident in journal.told if one in data)


def test_who_waits_reads_the_answer_himself():
    def talk(wire):
        for number in range(3):
            Pacs.pdu(wire)
            wire.sendall(echoed(number))
        Pacs.pdu(wire)
        wire.sendall(RELEASED)

    journal = Journal()
    with Pacs(talk) as port, asking(port, journal) as link:
        for number in range(3):
            assert link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION, message_id=number)).ok
        assert link.close() == []
    assert told_by(journal, echoed(2)) == threading.get_ident()
    received = b"".join(data for sent, data, _ in journal.told if not sent)
    assert received == acceptance() + echoed(0) + echoed(1) + echoed(2) + RELEASED


def test_an_answer_is_never_told_before_its_question():
    """The peer answers while the journal is still at work on what was sent."""
    answered = threading.Event()

    def talk(wire):
        Pacs.pdu(wire)
        wire.sendall(echoed())
        answered.set()
        Pacs.pdu(wire)
        wire.sendall(RELEASED)

    journal = Gatherer(answered)
    with Pacs(talk) as port, asking(port, journal) as link:
        assert link.ask(ECHO).ok
    ways = [sent for sent, _, _ in journal.told]
    assert ways == [True, False, True, False, False, True, False]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_answers_are_whole_however_they_come(size):
    whole = found(0xFF00, b"ab" * 70, 90) + found(0xFF00, b"cd") + found(0)

    def talk(wire):
        Pacs.pdu(wire)
        Pacs.pdu(wire)
        for at in range(0, len(whole), size):
            wire.sendall(whole[at : at + size])
        Pacs.pdu(wire)
        wire.sendall(RELEASED)

    with Pacs(talk) as port, asking(port) as link:
        came = list(link.ask_all(FIND))
    assert [(one.status, one.payload) for one in came] == [
        (0xFF00, b"ab" * 70), (0xFF00, b"cd"), (0, b"")
    ]  # fmt: skip


def test_who_waits_in_vain_waits_once():
    """Not once by himself, and as long again by way of the library."""

    def talk(wire):
        Pacs.pdu(wire)
        wire.recv(100)  # until it is given up

    with Pacs(talk) as port, asking(port, dimse_s=0.2) as link:
        again = []
        link._quiet._get = lambda block: again.append(block) or (None, None)
        assert link.ask(ECHO).error == "timeout"
        assert again == []


def test_who_looked_before_another_read_does_not_wait_for_bytes_that_are_gone():
    """It would send no release meanwhile."""

    def talk(wire):
        Pacs.pdu(wire)
        wire.sendall(echoed())
        Pacs.pdu(wire)
        wire.sendall(RELEASED)

    with Pacs(talk) as port, asking(port) as link:
        wire = link._assoc.dul.socket
        look = type(wire).ready.fget
        entered, looked, read = threading.Event(), threading.Event(), threading.Event()

        class Slow(type(wire)):
            @property
            def ready(self):
                if looked.is_set():
                    return look(self)
                entered.set()
                found = look(self)
                if found:
                    looked.set()
                    assert read.wait(WAIT_S)
                return found

        link._quiet.say = lambda write: (write(), looked.wait(WAIT_S))
        wire.__class__ = Slow
        assert entered.wait(WAIT_S)
        assert link.ask(ECHO).ok
        read.set()
        begun = time.monotonic()
        link.close()
        assert time.monotonic() - begun < WAIT_S / 2


def test_a_release_that_comes_with_the_answer_ends_the_association_after_it():
    def talk(wire):
        Pacs.pdu(wire)
        wire.sendall(echoed() + RELEASE)
        assert Pacs.pdu(wire)[0] == RELEASED[0]

    with Pacs(talk) as port, asking(port) as link:
        assert link.ask(ECHO).ok
        assert is_over(link)
        assert link.ask(ECHO).error == "aborted"


@pytest.mark.parametrize("says", [ABORT, b"", b"\x09\0\0\0\0\1x", found(0xFF00, b"ab")[:-1]])
def test_what_is_no_answer_ends_the_wait(says):
    def talk(wire):
        Pacs.pdu(wire)
        wire.sendall(says)

    with Pacs(talk) as port, asking(port) as link:
        assert link.ask(ECHO).error == "aborted"
        assert is_over(link)


def test_an_answer_of_one_long_pdu_is_left_to_the_library():
    payload = b"\x10\0\x10\0" + struct.pack("<I", 2 * READ_MAX) + b"A" * 2 * READ_MAX
    whole = found(0xFF00, payload, 4 * READ_MAX) + found(0)

    def talk(wire):
        Pacs.pdu(wire)
        Pacs.pdu(wire)
        wire.sendall(whole)
        Pacs.pdu(wire)
        wire.sendall(RELEASED)

    with Pacs(talk) as port, asking(port, max_pdu=0) as link:
        came = list(link.ask_all(FIND))
    assert [one.payload for one in came] == [payload, b""]


@pytest.mark.slow
@pytest.mark.parametrize("says", [b"", echoed()[:-1]])
def test_a_peer_that_stops_is_given_up_after_the_time_for_an_answer(says):
    over = threading.Event()

    def talk(wire):
        Pacs.pdu(wire)
        wire.sendall(says)
        over.wait(WAIT_S)

    with Pacs(talk) as port, asking(port, dimse_s=0.3) as link:
        assert link.ask(ECHO).error == "timeout"
        assert not link.is_open
        over.set()


def test_the_end_by_another_thread_ends_the_wait():
    asked, over = threading.Event(), threading.Event()

    def talk(wire):
        Pacs.pdu(wire)
        asked.set()
        over.wait(WAIT_S)

    with Pacs(talk) as port, asking(port) as link:
        ending = threading.Thread(target=lambda: asked.wait(WAIT_S) and link.cut())
        ending.start()
        assert link.ask(ECHO).status == -1
        ending.join(WAIT_S)
        over.set()


@settings(max_examples=60)
@given(st.integers(0, 700), st.sampled_from([0, 8, 12, 60, 61, 300]), st.integers(1, 9))
def test_what_leaves_together_is_the_same_pdus(size, limit, most):
    elements = {command.FIELD: 1, command.MESSAGE_ID: 7, command.AFFECTED_CLASS: VERIFICATION}
    message = SendDimse(context=5, command=elements, payload=bytes(range(256)) * 3)
    message = SendDimse(context=5, command=elements, payload=message.payload[:size])
    one_by_one, together = cut(message, limit), list(grouped(message, limit, most))
    assert b"".join(whole for whole, _ in together) == b"".join(one_by_one)
    assert [one for _, sizes in together for one in sizes] == list(map(len, one_by_one))
    assert all(len(whole) == sum(sizes) for whole, sizes in together)
    assert all(0 < len(sizes) <= most for _, sizes in together)
