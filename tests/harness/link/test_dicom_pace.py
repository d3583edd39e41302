"""The pace of an association: what is written, and what a broken peer does to it."""

import queue
import select
import socket
import struct
import threading
import time
from types import SimpleNamespace

import pytest
from pydicom.filereader import read_dataset
from pynetdicom.acse import ACSE
from pynetdicom.dimse_messages import C_MOVE_RSP, C_STORE_RQ, N_SET_RQ
from pynetdicom.dsutils import encode as library_encode
from pynetdicom.fsm import InvalidEventError

from harness.errors import HarnessError
from harness.link import dicom_pace, dicom_scu
from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Answer, Quiet, Request
from harness.link.dicom_data import IMPLICIT
from harness.link.dicom_messages import primitive_of, response_of
from harness.link.dicom_pace import command_of
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.dicom_wire import Bell, put
from harness.wire import dicom_command
from tests.harness.link.test_dicom_links import LINK, Seen

CT = "1.2.840.10008.5.1.4.1.1.2"
OFFERS = [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])]


def by_library(message, primitive):
    made = message()
    made.primitive_to_message(primitive)
    return library_encode(made.command_set, True, True)


def elements(raw):
    from io import BytesIO

    return {one.keyword: one.value for one in read_dataset(BytesIO(raw), True, True)}


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        (C_STORE_RQ, Request(kind="C-STORE", sop_class=CT, sop_instance="2.25.1", payload=b"ab",
                             message_id=7, originator="MOVER")),
        (N_SET_RQ, Request(kind="N-SET", sop_class=CT, sop_instance="2.25.2", payload=b"ab")),
    ],
)  # fmt: skip
def test_a_request_has_the_command_set_that_the_library_writes(message, request_):
    primitive = primitive_of(request_)
    ours = dicom_command.encode(command_of(primitive, payload=True))
    assert elements(ours) == elements(by_library(message, primitive))


def test_an_answer_has_the_command_set_that_the_library_writes():
    asked = primitive_of(Request(kind="C-MOVE", sop_class=CT, destination="X", payload=b"ab"))
    answer = response_of("C-MOVE", asked, Answer(status=0xB000, counts=(None, 3, 1, 0)))
    ours = dicom_command.encode(command_of(answer, payload=False))
    assert elements(ours) == elements(by_library(C_MOVE_RSP, answer))


def test_a_comment_in_chinese_is_not_the_end_of_an_answer():
    asked = primitive_of(Request(kind="C-STORE", sop_class=CT, sop_instance="2.25.1"))
    answer = response_of("C-STORE", asked, Answer(status=0xC000, comment="数据集 7"))
    raw = dicom_command.encode(command_of(answer, payload=False))
    assert dicom_command.decode(raw)[dicom_command.COMMENT] == "??? 7"


ACCEPT = bytes.fromhex(
    "0200000000a80001000050414353202020202020202020202020"
    "43542020202020202020202020202020" + "00" * 32
)
"""The fixed fields of A-ASSOCIATE-AC (PS3.8 table 9-17); the items are put behind it."""


def item(kind, body):
    return struct.pack(">BxH", kind, len(body)) + body


def acceptance():
    context = bytes([1, 0, 0, 0]) + item(0x40, IMPLICIT.encode())
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"2.25.9")
    items = item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x21, context) + item(0x50, user)
    body = ACCEPT[6:] + items
    return struct.pack(">BxI", 2, len(body)) + body


def peer_that(says, then_closes=True):
    """A server that accepts an association, reads one message and says this."""
    server = socket.create_server(("127.0.0.1", 0))

    def run():
        with server, server.accept()[0] as wire:
            wire.recv(65536)
            wire.sendall(acceptance())
            wire.recv(65536)
            wire.sendall(says)
            if not then_closes:
                wire.settimeout(5)
                try:
                    while wire.recv(65536):
                        pass
                except OSError:
                    pass

    thread = threading.Thread(target=run)
    thread.start()
    return server.getsockname()[1], thread


def echo(port, dimse_s=3.0):
    peer = Peer(address=Address(host="127.0.0.1", port=port), called="PACS", calling="CT",
                dimse_s=dimse_s, acse_s=1.0)  # fmt: skip
    with Association(peer, OFFERS) as link:
        assert link.is_open
        return link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION))


REJECTION = struct.pack(">BxIxBBB", 3, 4, 1, 1, 7)
ABORT = struct.pack(">BxIxxBB", 7, 4, 0, 0)


def test_a_rejection_that_comes_before_the_library_looks_is_told_as_one(monkeypatch):
    server = socket.create_server(("127.0.0.1", 0))

    def refuse():
        with server, server.accept()[0] as wire:
            wire.recv(65536)
            wire.sendall(REJECTION)

    thread = threading.Thread(target=refuse)
    thread.start()
    ask = ACSE.send_request

    def ask_and_sleep(self):
        ask(self)
        self.assoc.dul.join(20)  # the rejection ends that thread

    monkeypatch.setattr(ACSE, "send_request", ask_and_sleep)
    peer = Peer(address=Address(host="127.0.0.1", port=server.getsockname()[1]), called="PACS",
                calling="CT")  # fmt: skip
    with Association(peer, OFFERS) as link:
        assert link.error.startswith("rejected (1, 1, 7)")
    thread.join(60)


class SlowToClose(Seen):
    """A watcher that holds the thread that reads until the question was asked."""

    def __init__(self):
        super().__init__()
        self.asked = threading.Event()

    def link(self, connection, event, reason):
        if event == "closed":
            self.asked.wait(20)


def test_an_abort_that_came_before_the_question_is_told_at_once(monkeypatch):
    """The thread that serves takes the word that would have ended the wait for an answer."""
    taken, watcher, over = threading.Event(), SlowToClose(), dicom_pace._over
    opened = threading.Event()

    def over_later(assoc, how, event):
        taken.set()
        watcher.asked.wait(20)
        over(assoc, how, event)

    def aborting():
        with server, server.accept()[0] as wire:
            wire.recv(65536)
            wire.sendall(acceptance())
            opened.wait(20)  # else it may be taken for an association that never was
            wire.sendall(ABORT)

    def asking(assoc, request, context):
        threading.Timer(0.2, watcher.asked.set).start()

    monkeypatch.setattr(dicom_pace, "_over", over_later)
    monkeypatch.setattr(dicom_scu, "say_request", asking)
    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=aborting)
    thread.start()
    peer = Peer(address=Address(host="127.0.0.1", port=server.getsockname()[1]), called="PACS",
                calling="CT", dimse_s=120.0)  # fmt: skip
    question = Request(kind="C-ECHO", sop_class=VERIFICATION)
    with Association(peer, OFFERS, connection=LINK, watcher=watcher) as link:
        opened.set()
        assert taken.wait(20)
        begun = time.monotonic()
        assert link.ask(question).error == "aborted"
        assert time.monotonic() - begun < 60
        assert not link.is_open
        assert link.ask(question).error == "aborted"
    with pytest.raises(HarnessError, match="it is over"):
        link.ask(question)
    thread.join(60)


def test_the_word_that_it_is_over_is_an_abort_though_the_flags_come_later(monkeypatch):
    monkeypatch.setattr(dicom_scu, "say_request", lambda *_: None)
    server = socket.create_server(("127.0.0.1", 0))

    def accepting():
        with server, server.accept()[0] as wire:
            wire.recv(65536)
            wire.sendall(acceptance())
            while wire.recv(65536):
                pass

    thread = threading.Thread(target=accepting)
    thread.start()
    peer = Peer(address=Address(host="127.0.0.1", port=server.getsockname()[1]), called="PACS",
                calling="CT", dimse_s=120.0)  # fmt: skip
    question = Request(kind="C-ECHO", sop_class=VERIFICATION)
    with Association(peer, OFFERS) as link:
        link._assoc.is_established = True
        monkeypatch.setattr(link._quiet, "_get", lambda block: (None, None))
        link._assoc.dimse.msg_queue.put((None, None))
        assert link.ask(question).error == "aborted"
        assert not link.is_open
    thread.join(60)


def test_a_wait_in_vain_is_told_from_the_word_that_it_is_over():
    """Where the library's thread reads: over TLS, and for whoever came second."""
    waits = queue.Queue()

    def get(block):
        try:
            return waits.get(block=block, timeout=0.05)
        except queue.Empty:
            return None, None

    quiet = Quiet(SimpleNamespace(dimse=SimpleNamespace(get_msg=get, dimse_timeout=0.05)))
    assert (quiet.take(), quiet.timed_out) == ((None, None), True)
    waits.put((None, None))
    assert (quiet.take(), quiet.timed_out) == ((None, None), False)


def test_an_abort_of_ours_that_meets_a_closing_connection_ends_no_thread():
    """Nor does what else we ask; what the peer does out of turn stays an error."""
    server = socket.create_server(("127.0.0.1", 0))

    def accepting():
        with server, server.accept()[0] as wire:
            wire.recv(65536)
            wire.sendall(acceptance())
            while wire.recv(65536):
                pass

    thread = threading.Thread(target=accepting)
    thread.start()
    peer = Peer(address=Address(host="127.0.0.1", port=server.getsockname()[1]), called="PACS",
                calling="CT")  # fmt: skip
    with Association(peer, OFFERS) as link:
        machine = link._assoc.dul.state_machine
        link.abort()
        for state in ("Sta13", "Sta1"):
            machine.current_state = state
            for event in ("Evt9", "Evt11", "Evt14", "Evt15"):
                machine.do_action(event)
                assert machine.current_state == state
        with pytest.raises(InvalidEventError):
            machine.do_action("Evt3")
    thread.join(60)


DATA = struct.pack(">BxI", 4, 100)


@pytest.mark.slow
@pytest.mark.parametrize(
    "says",
    [
        b"",
        DATA + b"\0\0",
        struct.pack(">BxI", 4, 6) + struct.pack(">IBB", 1, 1, 3),
        struct.pack(">BxI", 4, 6) + struct.pack(">IBB", 0xFFFFFFF0, 1, 3),
        struct.pack(">BxI", 4, 3) + b"abc",
        struct.pack(">BxI", 4, 10) + struct.pack(">IBB", 6, 1, 3) + b"\xff\xff\xff\xff",
        struct.pack(">BxI", 9, 4) + b"abcd",
    ],
)
def test_a_broken_answer_ends_the_association_and_is_no_answer(says):
    port, thread = peer_that(says)
    answer = echo(port)
    thread.join(60)
    assert answer.status == -1
    assert answer.error in {"aborted", "timeout"}


@pytest.mark.slow
def test_a_length_of_two_gibibytes_reserves_nothing():
    port, thread = peer_that(struct.pack(">BxI", 4, 0x7FFFFFFF) + b"abc", then_closes=False)
    answer = echo(port, dimse_s=0.5)
    thread.join(60)
    assert answer.status == -1


def test_who_waits_for_the_pause_gets_it_though_a_report_ended_meanwhile():
    """The library serves a report in a thread of its own, which then says that nobody pauses."""
    assoc = SimpleNamespace(
        _kill=False, _is_paused=False, _reactor_checkpoint=threading.Event(), is_established=False,
        dimse=SimpleNamespace(get_msg=lambda block: (None, None)),
        acse=SimpleNamespace(is_aborted=lambda: False),
        dul=SimpleNamespace(is_alive=lambda: True, idle_timer_expired=lambda: False),
    )  # fmt: skip
    serving = threading.Thread(target=dicom_pace._serve, args=(assoc, threading.Event()))
    serving.start()

    def paused():
        until = time.monotonic() + 20
        while not assoc._is_paused and time.monotonic() < until:
            threading.Event().wait(0.001)
        return assoc._is_paused

    first = paused()
    assoc._is_paused = False
    again = paused()
    assoc._kill = True
    assoc._reactor_checkpoint.set()
    serving.join(20)

    assert (first, again, serving.is_alive()) == (True, True, False)


def test_a_bell_wakes_and_never_blocks():
    bell = Bell()
    assert select.select([bell.ear], [], [], 0)[0] == []
    for _ in range(10_000):  # far more than its buffer holds
        bell.set()
    assert select.select([bell.ear], [], [], 0)[0] == [bell.ear]
    while select.select([bell.ear], [], [], 0)[0]:
        bell.heard()
    bell.close()
    bell.set()
    bell.heard()


class SlowLine:
    """Takes a little at a time, each time just before the timeout."""

    def __init__(self):
        self.came = bytearray()

    def send(self, view):
        self.came += view[:1000]
        return min(len(view), 1000)

    def sendall(self, view):
        raise TimeoutError("counted from the first byte")


def test_a_slow_line_that_goes_on_is_not_given_up():
    line = SlowLine()
    put(line, bytes(range(256)) * 100)
    assert line.came == bytes(range(256)) * 100
