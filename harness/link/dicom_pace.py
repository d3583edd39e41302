"""An association that does not wait for its own clock.

pynetdicom looks for work a thousand times a second in two threads a side and hands every fragment
of a message from one to the other; a round trip costs some milliseconds that way, whatever is in
it, and a store of half a megabyte more than the network does. Here, once, and for both sides:

* the thread that reads waits for the socket, and not for a millisecond;
* the thread that serves wakes when a message, a release or an abort is there;
* a message is cut and written by the thread that sends it (over TLS by the library: one TLS
  connection must not be used by two threads at a time);
* a peer that stops in the middle of a PDU, or takes nothing, is given up after the idle time.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from pynetdicom import evt
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket

from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse, fragments
from harness.wire.dicom_pdu import HEAD, PDV_OVERHEAD_BYTES, PduType

POLL_S: Final = 0.001
SOON_S: Final = 0.0002
"""The reading thread looks for what the library itself has to say (associate, release, abort): as
often while data may flow, and sooner where the peer waits for just that (Sta3, Sta8)."""

WAKE_S: Final = 0.05
"""The serving thread looks for its timers at least as often."""

PAUSE_S: Final = 0.005
"""How often it says again that it pauses."""

READ_MAX: Final = 256 * 1024
"""Bytes of one read; what a peer says to be coming is not reserved before it is there."""

GROUP: Final = 64
"""PDUs of one write: one call for a slice at 16 KiB, and no second copy of a long recording."""

GRACE_S: Final = 2.0
"""The reading thread ends by itself within this, or its connection is cut."""

_STALL_S: Final = 60.0
_WAITS: Final = {"Sta3": SOON_S, "Sta8": SOON_S, "Sta13": 0.0}
"""By state of PS3.8 table 9-5; in Sta13 the connection is closed once all is read."""

_PDV_LEAST: Final = 2
"""Context and control header (PS3.8 §9.3.5.1, annex E.2)."""

_ATTRIBUTES: Final = (
    ("AffectedSOPClassUID", command.AFFECTED_CLASS),
    ("RequestedSOPClassUID", command.REQUESTED_CLASS),
    ("MessageID", command.MESSAGE_ID),
    ("MessageIDBeingRespondedTo", command.RESPONDED_TO),
    ("MoveDestination", command.DESTINATION),
    ("Priority", command.PRIORITY),
    ("Status", command.STATUS),
    ("ErrorComment", command.COMMENT),
    ("AffectedSOPInstanceUID", command.AFFECTED_INSTANCE),
    ("RequestedSOPInstanceUID", command.REQUESTED_INSTANCE),
    ("EventTypeID", command.EVENT_TYPE),
    ("ActionTypeID", command.ACTION_TYPE),
    ("NumberOfRemainingSuboperations", command.REMAINING),
    ("NumberOfCompletedSuboperations", command.COMPLETED),
    ("NumberOfFailedSuboperations", command.FAILED),
    ("NumberOfWarningSuboperations", command.WARNING),
    ("MoveOriginatorApplicationEntityTitle", command.ORIGINATOR),
    ("MoveOriginatorMessageID", command.ORIGINATOR_ID),
)
"""What our messages carry, and its element of group 0000 (PS3.7 §E.1)."""

_SERVICES: Final = {one.name: one for one in command.Service}
_DATA_SET: Final = 0x0001


def command_of(primitive: Any, *, payload: bool) -> dict[int, command.Value]:
    """The command set of the library's object of a message (PS3.7 §9.3, §10.3)."""
    answer = primitive.MessageIDBeingRespondedTo is not None
    service = _SERVICES[type(primitive).__name__]
    made: dict[int, command.Value] = {
        command.FIELD: service | command.RESPONSE if answer else int(service),
        command.DATA_SET_TYPE: _DATA_SET if payload else command.NO_DATA_SET,
    }
    for name, element in _ATTRIBUTES:
        value = getattr(primitive, name, None)
        if value is not None:
            made[element] = int(value) if isinstance(value, int) else str(value)
    if answer:
        made.pop(command.PRIORITY, None)
    comment = made.get(command.COMMENT)
    if isinstance(comment, str):  # a command set knows no character set (PS3.7 §6.3.1)
        made[command.COMMENT] = comment.encode("ascii", "replace").decode("ascii")
    return made


class _Socket(AssociationSocket):
    """The library's socket, which waits for bytes and is written by one thread at a time."""

    writing: threading.Lock
    head: bytes
    """Of a PDU that the library is to read."""
    told: Callable[[bytes], None] | None

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits for it a little."""
        wire = self.socket
        if wire is None or not self._is_connected:
            time.sleep(POLL_S)  # there is no socket to wait on
            return False
        if isinstance(wire, ssl.SSLSocket) and wire.pending():
            return True
        wait = _WAITS.get(self.assoc.dul.state_machine.current_state, POLL_S)
        try:
            found, _, _ = select.select([wire], [], [], wait)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False
        return bool(found)

    def recv(self, nr_bytes: int) -> bytearray:
        """So many bytes, or fewer at the end of the connection."""
        head, self.head = self.head, b""
        if head:
            return bytearray(head)
        wire, came = self.socket, bytearray()
        if wire is not None and nr_bytes <= READ_MAX:
            return _filled(wire, nr_bytes)
        while wire is not None and len(came) < nr_bytes:
            piece = wire.recv(min(nr_bytes - len(came), READ_MAX))
            if not piece:
                break
            came += piece
        return came

    def data(self) -> bool:
        """Take one P-DATA-TF to where messages are put together; False where it is another PDU."""
        dul = self.assoc.dul
        self.head = bytes(self.recv(HEAD.size))
        if len(self.head) < HEAD.size or dul.state_machine.current_state != "Sta6":
            return False
        kind, length = HEAD.unpack(self.head)
        if kind != PduType.DATA:
            return False
        head, self.head = self.head, b""
        body = self.recv(length)
        if len(body) < length:
            self.event_queue.put("Evt17")
            return True
        if self.assoc.get_handlers(evt.EVT_DATA_RECV):
            evt.trigger(self.assoc, evt.EVT_DATA_RECV, {"data": head + body})
        view, at = memoryview(body), 0
        values: Any = []  # of lists of two: nothing else is taken
        while at < length:
            if length - at < PDV_OVERHEAD_BYTES:
                self.event_queue.put("Evt19")
                return True
            size = int.from_bytes(view[at : at + 4], "big")
            end = at + 4 + size
            if size < _PDV_LEAST or end > length:
                self.event_queue.put("Evt19")
                return True
            values.append([body[at + 4], bytes(view[at + 5 : end])])
            at = end
        primitive = P_DATA()
        primitive.presentation_data_value_list = values
        self.assoc.dimse.receive_primitive(primitive)
        return True

    def send(self, bytestream: bytes) -> None:
        """What the library itself says."""
        with self.writing:
            super().send(bytestream)

    def cut(self) -> None:
        """End the connection under whoever reads it or writes to it."""
        wire = self.socket
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _shutdown_socket(self) -> None:
        """The library leaves a socket open whose peer is gone already."""
        self.cut()
        if self.socket is not None:
            self.socket.close()

    def write(self, message: SendDimse, most: int) -> None:
        """The PDUs of one message, told before they leave: an answer is never told first."""
        pieces = fragments(message, most)
        with self.writing:
            while group := list(islice(pieces, GROUP)):
                if self.told is not None:
                    for head, piece in group:
                        self.told(head + piece)
                wire = self.socket
                if wire is None:
                    return
                try:
                    _put(wire, [one for pair in group for one in pair])
                except OSError:
                    self.event_queue.put("Evt17")
                    return


def _filled(wire: socket.socket, size: int) -> bytearray:
    """So many bytes into one buffer; fewer at the end of the connection."""
    came, done = bytearray(size), 0
    view = memoryview(came)
    while done < size:
        count = wire.recv_into(view[done:])
        if not count:
            return came[:done]
        done += count
    return came


def _put(wire: socket.socket, buffers: list[bytes | memoryview]) -> None:
    """Write buffers in one call where the system can; not joined, so not copied."""
    if not hasattr(wire, "sendmsg"):  # Windows
        wire.sendall(b"".join(buffers))
        return
    done = wire.sendmsg(buffers)
    for one in buffers:
        if done < len(one):
            wire.sendall(memoryview(one)[done:])
        done = max(done - len(one), 0)


def quicken(assoc: Any, told: Callable[[bytes], None] | None) -> None:
    """Give an association whose connection has just opened this pace.

    Args:
        assoc: the library's.
        told: is shown each PDU of a message before it leaves; what the library itself writes, its
            own event tells.
    """
    wire = assoc.dul.socket
    if wire is None or wire.socket is None:
        return
    wire.__class__ = _Socket
    wire.writing, wire.head, wire.told = threading.Lock(), b"", told
    wire.socket.settimeout(assoc.network_timeout or _STALL_S)
    assoc.dul._run_loop_delay = 0  # noqa: SLF001 - the wait is in ``ready``
    read = assoc.dul._read_pdu_data  # noqa: SLF001 - where a PDU comes in
    assoc.dul._read_pdu_data = lambda: _read(wire, read)  # noqa: SLF001
    wake = threading.Event()
    assoc.kill = lambda: _kill(assoc, wake)
    _wakes(assoc.dul.to_user_queue, "put", wake)
    if assoc.is_acceptor:
        _wakes(assoc.dimse.msg_queue, "put", wake)
    assoc._run_reactor = lambda: _serve(assoc, wake)  # noqa: SLF001 - its one way in
    if not isinstance(wire.socket, ssl.SSLSocket):
        assoc.dimse.send_msg = lambda message, context: _send(assoc, message, context)


def _read(wire: _Socket, otherwise: Callable[[], None]) -> None:
    """Take one PDU; what carries no data is the library's."""
    try:
        done = wire.data()
    except OSError:
        wire.event_queue.put("Evt17")
        return
    if not done:
        otherwise()


def _kill(assoc: Any, wake: threading.Event) -> None:
    """End the threads of an association: the library's way, without its ten milliseconds."""
    assoc._reactor_checkpoint.set()  # noqa: SLF001 - what the library's own ``kill`` sets
    assoc._kill = assoc._is_paused = True  # noqa: SLF001
    assoc.is_established = False
    wake.set()
    until = time.monotonic() + GRACE_S
    while assoc.dul.is_alive() and not assoc.dul.stop_dul():
        if time.monotonic() > until and assoc.dul.socket is not None:
            assoc.dul.socket.cut()  # it waits for the rest of a PDU
        time.sleep(SOON_S)  # the library's thread tells nobody when it ends
    if assoc.dul.socket is not None:
        assoc.dul.socket._shutdown_socket()  # noqa: SLF001 - ours; the library forgets it here


def _wakes(owner: Any, name: str, wake: threading.Event) -> None:
    """Let a method of an object wake the serving thread."""
    method = getattr(owner, name)

    def called(*args: Any, **kwargs: Any) -> None:
        wake.set()
        method(*args, **kwargs)
        wake.set()

    setattr(owner, name, called)


def _send(assoc: Any, primitive: Any, context: int) -> None:
    """Cut a message and write it."""
    streams = (getattr(primitive, name, None) for name in _STREAMS[type(primitive).__name__])
    stream = next((one for one in streams if one is not None), None)
    payload = stream.getvalue() if stream is not None else b""
    message = SendDimse(
        context=context, command=command_of(primitive, payload=bool(payload)), payload=payload
    )
    wire = assoc.dul.socket
    if wire is not None:
        wire.write(message, assoc.dimse.maximum_pdu_size or 0)


_STREAMS: Final = {
    "C_ECHO": (),
    "C_STORE": ("DataSet",),
    "C_FIND": ("Identifier",),
    "C_MOVE": ("Identifier",),
    "C_GET": ("Identifier",),
    "C_CANCEL": (),
    "N_ACTION": ("ActionInformation", "ActionReply"),
    "N_CREATE": ("AttributeList",),
    "N_SET": ("ModificationList", "AttributeList"),
    "N_GET": ("AttributeList",),
    "N_DELETE": (),
    "N_EVENT_REPORT": ("EventInformation", "EventReply"),
}


def _serve(assoc: Any, wake: threading.Event) -> None:
    """Serve what comes until the association is over: the library's loop without its sleep."""
    assoc._is_paused = False  # noqa: SLF001 - what the library's own loop keeps
    while not assoc._kill:  # noqa: SLF001
        assoc._is_paused = True  # noqa: SLF001
        wake.wait(WAKE_S)
        while not assoc._reactor_checkpoint.wait(PAUSE_S):  # noqa: SLF001
            # A report is served by a thread of its own, which says that nobody pauses when it
            # ends; whoever waits for the pause would then wait for ever.
            assoc._is_paused = True  # noqa: SLF001
        assoc._is_paused = False  # noqa: SLF001
        wake.clear()
        context, message = assoc.dimse.get_msg(block=False)
        if message is not None:
            wake.set()  # there may be another one behind it
            assoc._serve_request(message, context)  # noqa: SLF001
        if assoc.is_established and assoc.acse.is_release_requested():
            assoc.acse.send_release(is_response=True)
            _over(assoc, "is_released", evt.EVT_RELEASED)
        elif assoc.acse.is_aborted():
            assoc.dul.receive_pdu(wait=False)
            _over(assoc, "is_aborted", evt.EVT_ABORTED)
        elif not assoc.dul.is_alive():
            assoc.kill()
        elif assoc.dul.idle_timer_expired():
            assoc.abort()
            assoc.kill()


def _over(assoc: Any, how: str, event: Any) -> None:
    setattr(assoc, how, True)
    assoc.is_established = False
    evt.trigger(assoc, event, {})
    assoc.kill()
