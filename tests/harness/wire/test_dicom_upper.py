"""One association as a machine: bytes in, events and bytes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire import dicom_command as command
from harness.wire.core import Violation
from harness.wire.dicom_events import DimseReceived, PduReceived, SendDimse, SendPdu, cut
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import (
    Abort,
    Associate,
    Data,
    Pdv,
    RawPdu,
    Reject,
    Release,
    decode_pdu,
)
from harness.wire.dicom_upper import PDU_BYTES_MAX, State, UpperLayerCore

VERIFY = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
ECHO = {command.AFFECTED_CLASS: VERIFY, command.FIELD: 0x30, command.MESSAGE_ID: 1,
        command.DATA_SET_TYPE: command.NO_DATA_SET}  # fmt: skip
STORE = {command.FIELD: 1, command.MESSAGE_ID: 2, command.DATA_SET_TYPE: 1}


def request(max_length: int = 4096) -> Associate:
    context = Context(id=1, abstract_syntax=VERIFY, transfer_syntaxes=(IMPLICIT,))
    user = UserInformation(max_length=max_length, class_uid="1.2.3")
    return Associate(called=b"A", calling=b"B", items=Items(contexts=(context,), user=user))


def acceptance(max_length: int = 256) -> Associate:
    context = Context(id=1, result=0, transfer_syntaxes=(IMPLICIT,))
    user = UserInformation(max_length=max_length)
    return Associate(accepted=True, items=Items(contexts=(context,), user=user))


def pair(asked: int = 4096, answered: int = 256) -> tuple[UpperLayerCore, UpperLayerCore]:
    """A client and a server with an open association."""
    client, server = UpperLayerCore(), UpperLayerCore(server=True)
    server.opened(0.0)
    pass_on(client, server, SendPdu(pdu=request(asked)))
    pass_on(server, client, SendPdu(pdu=acceptance(answered)))
    assert (client.state, server.state) == (State.OPEN, State.OPEN)
    client.events()
    server.events()
    return client, server


def pass_on(frm: UpperLayerCore, to: UpperLayerCore, *events) -> None:
    for event in events:
        frm.send(event, 0.0)
    to.receive(frm.data_to_send(), 0.0)


def codes(core: UpperLayerCore) -> list[str]:
    return [event.code for event in core.events() if isinstance(event, Violation)]


def messages(core: UpperLayerCore) -> list[DimseReceived]:
    return [event for event in core.events() if isinstance(event, DimseReceived)]


def test_an_echo_from_request_to_release():
    client, server = pair()

    pass_on(client, server, SendDimse(context=1, command=ECHO))
    (echo,) = messages(server)
    assert echo.command[command.FIELD] == 0x30
    assert echo.payload == b""

    pass_on(client, server, SendPdu(pdu=Release()))
    assert server.state is State.LEAVING
    pass_on(server, client, SendPdu(pdu=Release(answer=True)))
    assert (client.state, server.state) == (State.OVER, State.OVER)
    assert codes(client) == codes(server) == []


@pytest.mark.parametrize("size", [1, 243, 244, 245, 250, 488, 489, 5000])
def test_no_pdu_is_longer_than_the_peer_takes(size):
    client, server = pair(answered=250)
    data = bytes(range(256)) * 20

    client.send(SendDimse(context=1, command=STORE, payload=data[:size]), 0.0)
    wire = client.data_to_send()
    server.receive(wire, 0.0)

    received = [
        event for event in server.events() if isinstance(event, PduReceived | DimseReceived)
    ]
    assert max(each.size for each in received if isinstance(each, PduReceived)) <= 250 + 6
    (message,) = [each for each in received if isinstance(each, DimseReceived)]
    assert message.payload == data[:size]
    assert message.fragments == len(received) - 1


def test_a_longer_one_than_was_announced_is_seen():
    client, server = pair(answered=250)

    pass_on(client, server, SendDimse(context=1, command=STORE, payload=bytes(600), pdu_bytes=500))

    assert codes(server) == ["dicom.longer-than-announced"]


def test_reads_of_one_byte_make_no_difference():
    client, server = pair()
    client.send(SendDimse(context=1, command=STORE, payload=bytes(600)), 0.0)
    client.send(SendPdu(pdu=Release()), 0.0)
    for byte in client.data_to_send():
        server.receive(bytes((byte,)), 0.0)

    (message,) = messages(server)
    assert len(message.payload) == 600
    assert server.state is State.LEAVING


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (request(), "dicom.pdu-unexpected"),
        (Release(answer=True), "dicom.pdu-unexpected"),
        (Reject(), "dicom.pdu-unexpected"),
        (RawPdu(data=b"GET / HTTP/1.1\r\n\r\n"), "dicom.pdu"),
        (RawPdu(data=b"\x04\0\x80\0\0\0"), "dicom.pdu-too-long"),
        (RawPdu(data=b"\x04\0\0\0\0\3abc"), "dicom.pdu"),
        (Data(values=(Pdv(context=3, command=True, last=True, data=command.encode(ECHO)),)),
         "dicom.context"),
        (Data(values=(Pdv(context=1, command=False, last=True, data=b"x"),)), "dicom.fragment"),
        (Data(values=(Pdv(context=1, command=True, last=True, data=b"rubbish!"),)),
         "dicom.command"),
    ],
)  # fmt: skip
def test_what_a_server_must_not_take(pdu, code):
    client, server = pair()

    pass_on(client, server, SendPdu(pdu=pdu))

    assert codes(server) == [code]
    if code == "dicom.context":  # told, and gone on: the message itself is whole
        return
    abort = server.data_to_send()
    assert decode_pdu(abort[0], abort[6:]) == Abort(source=2, reason=abort[-1])
    assert len(abort) == 10
    assert server.state is State.OVER


def test_a_patient_core_only_looks():
    client, server = pair()
    server.patient = True

    pass_on(client, server, SendPdu(pdu=Release(answer=True)), SendDimse(context=1, command=ECHO))

    found = server.events()
    assert [each.code for each in found if isinstance(each, Violation)] == ["dicom.pdu-unexpected"]
    assert [each for each in found if isinstance(each, DimseReceived)]
    assert server.data_to_send() == b""


def test_garbage_before_the_request():
    server = UpperLayerCore(server=True)

    server.receive(b"\x04\0\0\0\0\0", 0.0)

    assert codes(server) == ["dicom.pdu-unexpected"]
    assert server.data_to_send() == Abort(source=2, reason=2).encode()


def test_silence_is_borne_for_so_long():
    server = UpperLayerCore(server=True)
    server.opened(100.0)
    assert server.next_deadline() == 130.0

    server.receive(request().encode()[:40], 101.0)
    server.on_deadline(129.9)
    assert server.events() == []
    server.on_deadline(130.0)

    assert codes(server) == ["dicom.artim"]
    assert server.state is State.OVER
    assert server.next_deadline() is None


def test_an_end_in_the_middle():
    client, server = pair()
    client.send(SendDimse(context=1, command=STORE, payload=bytes(600)), 0.0)
    server.receive(client.data_to_send()[:400], 0.0)

    server.receive_eof(0.0)

    assert codes(server) == ["dicom.eof"]


def test_bytes_after_the_last_word_are_ignored():
    client, server = pair()
    pass_on(server, client, SendPdu(pdu=Abort()))
    client.events()

    client.receive(DATA_OF_100_KB, 0.0)

    assert client.events() == []
    assert len(client._buffer) == 0


DATA_OF_100_KB = Data(
    values=(Pdv(context=1, command=False, last=False, data=bytes(100_000)),)
).encode()


def test_a_message_without_end_is_given_up():
    _client, server = pair(answered=0)
    server.max_message_bytes = 150_000
    head = Data(values=(Pdv(context=1, command=True, last=True, data=command.encode(STORE)),))
    server.receive(head.encode() + DATA_OF_100_KB + DATA_OF_100_KB, 0.0)

    assert codes(server) == ["dicom.pdu-too-long"]
    assert server.state is State.OVER


def test_the_mutator_sees_every_pdu():
    client, server = pair()
    kinds = []
    client.mutator = lambda unit: kinds.append(unit.kind) or [unit.data]  # type: ignore[func-returns-value] # on purpose

    pass_on(client, server, SendDimse(context=1, command=ECHO), SendPdu(pdu=Release()))

    assert kinds == ["data", "release"]
    assert server.state is State.LEAVING


@given(st.lists(st.binary(max_size=64), max_size=20), st.booleans())
@settings(max_examples=300)
def test_nothing_that_comes_makes_it_fail(pieces, patient):
    server = UpperLayerCore(server=True, patient=patient, max_pdu_bytes=512)
    server.receive(request().encode(), 0.0)
    server.send(SendPdu(pdu=acceptance()), 0.0)
    for number, piece in enumerate(pieces):
        server.receive(piece, float(number))
        assert len(server._buffer) < 512 + 6 + 64
    server.receive_eof(99.0)
    assert server.state is State.OVER


def test_without_a_maximum_pieces_are_still_bounded():
    pieces = cut(SendDimse(context=1, command=STORE, payload=bytes(2 * PDU_BYTES_MAX)), 0)

    assert max(len(piece) for piece in pieces) <= PDU_BYTES_MAX
