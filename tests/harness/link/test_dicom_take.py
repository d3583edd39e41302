"""Messages put together beside the library: the same as it reads, and what is odd left to it."""

from io import BytesIO
from types import SimpleNamespace

import pytest
from pynetdicom.dimse_messages import C_FIND_RSP, C_MOVE_RQ, C_STORE_RQ, N_ACTION_RQ, DIMSEMessage

from harness.link import dicom_take
from harness.link.dicom import Answer, Request
from harness.link.dicom_messages import (
    answer_of,
    command_of_answer,
    command_of_request,
    primitive_of,
    request_of,
    response_of,
)
from harness.link.dicom_take import Taken, Taker, usual
from harness.wire import dicom_command as command

CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.31"

REQUESTS = [
    (C_STORE_RQ, Request(kind="C-STORE", sop_class=CT, sop_instance="2.25.1", payload=b"ab",
                         message_id=7, originator="MOVER")),
    (C_MOVE_RQ, Request(kind="C-MOVE", sop_class=CT, destination="HERE", payload=b"ab")),
    (N_ACTION_RQ, Request(kind="N-ACTION", sop_class=CT, sop_instance="2.25.2", payload=b"ab")),
]  # fmt: skip


class Desk:
    """What an association is to a ``Taker``."""

    def __init__(self, *, acceptor=True):
        self.is_acceptor = acceptor
        self.dimse = self
        self.msg_queue = self
        self.taken, self.pieces, self.message = [], [], None

    def put(self, one):
        self.taken.append(one)

    def receive_primitive(self, primitive):
        """As the library: the message is gone once its last fragment came."""
        ((context, data),) = primitive.presentation_data_value_list
        self.pieces.append((context, bytes(data)))
        self.message = None if data[0] & 2 and data[1:] == b"end" else object()


def feed(taker, *pieces):
    return [taker.take(1, control, memoryview(data)) for control, data in pieces]


def raw(request, **more):
    elements = command_of_request(request) | more.get("change", {})
    return command.encode({key: value for key, value in elements.items() if value is not None})


def by_library(message, primitive):
    """The library's own way from its object to bytes, and from these to its object."""
    made = message()
    made.primitive_to_message(primitive)
    read = DIMSEMessage()
    done = [read.decode_msg(one) for one in made.encode_msg(1, 16384)]
    assert done[-1]
    return read.message_to_primitive()


@pytest.mark.parametrize(("message", "request_"), REQUESTS)
def test_a_request_is_read_as_the_library_reads_it(message, request_):
    desk = Desk()
    assert feed(Taker(desk), (1, raw(request_)[:30]), (3, raw(request_)[30:]), (0, b"a"),
                (2, b"b")) == [True] * 4  # fmt: skip
    ((context, taken),) = desk.taken
    assert context == 1
    theirs = by_library(message, primitive_of(request_))
    assert request_of(taken, "1.2") == request_of(theirs, "1.2")
    assert request_of(taken, "1.2").payload == b"ab"


def test_an_answer_is_read_as_the_library_reads_it():
    asked = Taken(
        1, command.decode(raw(Request(kind="C-FIND", sop_class=FIND, payload=b"ab"))), b""
    )
    answer = Answer(status=0xFF00, payload=b"cd", comment="\u4e00 x")
    made = command.encode(command_of_answer(asked, answer))
    desk = Desk(acceptor=False)
    feed(Taker(desk), (3, made), (2, b"cd"))
    theirs = by_library(C_FIND_RSP, response_of("C-FIND", asked, answer))
    ours = answer_of(desk.taken[0][1], "1.2", 0.0)
    assert ours == answer_of(theirs, "1.2", 0.0)
    assert (ours.status, ours.payload, ours.comment) == (0xFF00, b"cd", "? x")
    assert ours.kind == "C-FIND"


STORE = REQUESTS[0][1]


@pytest.mark.parametrize(
    "change",
    [
        {command.AFFECTED_INSTANCE: "1." + "2" * 64},
        {command.AFFECTED_CLASS: "CT"},
        {command.FIELD: int(command.Service.C_CANCEL)},
        {command.FIELD: int(command.Service.N_EVENT_REPORT)},
        {command.FIELD: 0x7777},
        {command.PRIORITY: 9},
        {command.MESSAGE_ID: None},
        {command.DATA_SET_TYPE: None},
        {command.ORIGINATOR: "A" * 18},
        {0x5110: b"\1\0"},
    ],
)
def test_what_is_odd_goes_to_the_library_whole(change):
    desk = Desk()
    body = raw(STORE, change=change)
    feed(Taker(desk), (1, body[:20]), (3, body[20:]), (0, b"x"), (2, b"end"))
    assert desk.taken == []
    assert b"".join(data[1:] for _, data in desk.pieces) == body + b"xend"
    assert [data[0] for _, data in desk.pieces] == [1, 3, 0, 2]


def test_after_an_odd_message_comes_a_usual_one():
    desk = Desk()
    taker = Taker(desk)
    feed(taker, (3, raw(STORE, change={command.PRIORITY: 9})), (2, b"end"))
    feed(taker, (3, raw(STORE)), (2, b"ab"))
    assert [one.payload for _, one in desk.taken] == [b"ab"]


@pytest.mark.parametrize("pieces", [((0, b"data first"),), ((3, raw(STORE)), (1, b"a command"))])
def test_fragments_out_of_order_go_to_the_library(pieces):
    desk = Desk()
    feed(Taker(desk), *pieces)
    assert desk.taken == []
    assert len(desk.pieces) == len(pieces)


def test_a_message_has_an_end(monkeypatch):
    """Whoever never says which fragment is the last is given up."""
    monkeypatch.setattr(dicom_take, "OBJECT_BYTES_MAX", 1000)
    desk = Desk()
    taker = Taker(desk)
    assert feed(taker, (3, raw(STORE)), (0, bytes(500)), (0, bytes(500))) == [True, True, False]
    assert feed(taker, (3, raw(STORE)), (2, b"ab")) == [True, True]
    odd = raw(STORE, change={command.PRIORITY: 9})
    assert feed(taker, (3, odd), (0, bytes(1000)))[-1] is False


def test_a_requestor_leaves_requests_to_the_library():
    elements = command.decode(raw(STORE))
    assert usual(elements, acceptor=True)
    assert not usual(elements, acceptor=False)
    assert not usual({}, acceptor=True)


def test_a_message_has_the_names_of_the_library():
    taken = Taken(1, command.decode(raw(STORE)), b"ab")
    assert (taken.MessageID, taken.AffectedSOPInstanceUID, taken.Status) == (7, "2.25.1", None)
    assert taken.kind == "C-STORE"
    with pytest.raises(AttributeError):
        _ = taken.Nothing


def test_an_answer_over_tls_is_the_librarys_object():
    """Its association has no ``put`` (see ``dicom_pace``)."""
    from harness.link.dicom_messages import say_answer

    sent = []
    assoc = SimpleNamespace(dimse=SimpleNamespace(send_msg=lambda *args: sent.append(args)))
    taken = Taken(1, command.decode(raw(STORE)), b"ab")
    say_answer(assoc, taken, Answer(status=0, payload=b""), 1)
    ((made, context),) = sent
    assert (type(made).__name__, made.MessageIDBeingRespondedTo, context) == ("C_STORE", 7, 1)
    assert made.AffectedSOPInstanceUID == "2.25.1"
    assert made.DataSet is None or made.DataSet == BytesIO()
