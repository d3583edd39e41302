"""An association that does not wait for its own clock.

pynetdicom looks for work a thousand times a second in two threads a side and hands every fragment
of a message from one to the other; a round trip costs some milliseconds that way, whatever is in
it, and a store of half a megabyte more than the network does. Here, once, and for both sides:

* the thread that reads waits for the socket, and not for a millisecond; who waits for an answer
  reads it himself meanwhile (``dicom_socket``), and no thread wakes another for it;
* the thread that serves wakes when a message, a release or an abort is there;
* a message is cut and written by the thread that sends it (over TLS by the library: one TLS
  connection must not be used by two threads at a time);
* a peer that stops in the middle of a PDU, or takes nothing, is given up after the idle time.
"""

from __future__ import annotations

import contextlib
import queue
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from pynetdicom import evt
from pynetdicom.fsm import TRANSITION_TABLE

from harness.link.dicom_guard import guard, longest, worded
from harness.link.dicom_socket import CLOSING, GROUP, POLL_S, WAKE_S, Socket
from harness.link.dicom_take import ATTRIBUTES, Taker
from harness.link.dicom_wire import Bell
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse

PAUSE_S: Final = 0.005
"""How often it says again that it pauses."""

GRACE_S: Final = 2.0
"""The reading thread ends by itself within this, or its connection is cut."""

_STALL_S: Final = 60.0
_IDLE: Final = "Sta1"
"""State of PS3.8 table 9-5 in which there is no connection."""

_OURS: Final = {"Evt7", "Evt8", "Evt9", "Evt11", "Evt14", "Evt15"}
"""Of PS3.8 table 9-10: both answers to a request for an association, data, a release, its answer,
an abort that we ask for."""

_SERVICES: Final = {one.name: one for one in command.Service}
DATA_SET: Final = 0x0001


def command_of(primitive: Any, *, payload: bool) -> dict[int, command.Value]:
    """The command set of the library's object of a message (PS3.7 §9.3, §10.3)."""
    service = _SERVICES[type(primitive).__name__]
    answer = primitive.MessageIDBeingRespondedTo is not None
    answer = answer and service != command.Service.C_CANCEL  # it names what it is to end
    made: dict[int, command.Value] = {
        command.FIELD: service | command.RESPONSE if answer else int(service),
        command.DATA_SET_TYPE: DATA_SET if payload else command.NO_DATA_SET,
    }
    for name, element in ATTRIBUTES:
        value = getattr(primitive, name, None)
        if value is not None:
            made[element] = int(value) if isinstance(value, int) else str(value)
    if answer:
        made.pop(command.PRIORITY, None)
    comment = made.get(command.COMMENT)
    if isinstance(comment, str):  # a command set knows no character set (PS3.7 §6.3.1)
        made[command.COMMENT] = comment.encode("ascii", "replace").decode("ascii")
    return made


def quicken(
    assoc: Any,
    told: Callable[[bytes], None] | None,
    seen: Callable[[bytes], None] | None = None,
    told_group: Callable[[bytes, list[int]], None] | None = None,
) -> None:
    """Give an association whose connection has just opened this pace.

    Args:
        assoc: the library's.
        told: is shown each PDU of a message before it leaves; what the library itself writes, its
            own event tells.
        seen: is shown each PDU of a message that came; of other PDUs the library's event tells.
    """
    wire = assoc.dul.socket
    if wire is None or wire.socket is None:
        return
    wire.__class__ = Socket
    wire.writing, wire.reading = threading.Lock(), threading.Lock()
    wire.head, wire.reader, wire.asked = b"", 0, 0.0
    wire.kept_times = wire.looked_at = 0
    wire.told, wire.seen, wire.told_group = told, seen, told_group
    wire.taker, wire.bell = Taker(assoc), Bell()
    ours = assoc.acceptor if assoc.is_acceptor else assoc.requestor
    wire.most, wire.why, wire.dropped = longest(ours.maximum_length or 0), 0, 0
    worded(assoc, wire)
    if assoc.is_acceptor:
        guard(assoc, wire)
    wire.socket.settimeout(assoc.network_timeout or _STALL_S)
    assoc.dul._run_loop_delay = 0  # noqa: SLF001 - the wait is in ``ready``
    machine = assoc.dul.state_machine
    machine.do_action = _acting(assoc.dul, machine, machine.do_action)
    read = assoc.dul._read_pdu_data  # noqa: SLF001 - where a PDU comes in
    assoc.dul._read_pdu_data = lambda: _read(wire, read)  # noqa: SLF001
    wake = threading.Event()
    assoc.kill = lambda: _kill(assoc, wire, wake)
    _wakes(assoc.dul.to_provider_queue, "put", wire.bell)
    _wakes(assoc.dul.to_user_queue, "put", wake)
    if assoc.is_acceptor:
        _wakes(assoc.dimse.msg_queue, "put", wake)
    assoc._run_reactor = lambda: _serve(assoc, wake)  # noqa: SLF001 - its one way in
    if not isinstance(wire.socket, ssl.SSLSocket):
        assoc.dimse.send_msg = lambda message, context: _send(assoc, message, context)
        assoc.dimse.put = lambda message: _put_message(assoc, message)


def _acting(dul: Any, machine: Any, act: Callable[[str], None]) -> Callable[[str], None]:
    """The actions of the library's machine, without those that come too late."""

    def action(event: str) -> None:
        if not _too_late(event, machine):
            act(event)
            return
        with contextlib.suppress(queue.Empty):  # else its thread would meet it again for ever
            dul.to_provider_queue.get(block=False)

    return action


def _too_late(event: str, machine: Any) -> bool:
    """Whether we ask something of a connection that is closing, and the standard has no way for it.

    Its thread would end in the middle of closing: an abort of ours crosses the peer's release, or
    the end of the connection, which that thread alone has seen.
    """
    state = machine.current_state
    return event in _OURS and state in {_IDLE, CLOSING} and (event, state) not in TRANSITION_TABLE


def _read(wire: Socket, otherwise: Callable[[], None]) -> None:
    """Take the PDUs that are there; what carries no data is the library's.

    The library looks at its timers and sleeps between two of them.
    """
    if not wire.reading.acquire(blocking=False):
        return  # who waits for an answer was faster
    try:
        if wire.why:
            wire.drop()
        # Else it would wait for bytes that may never come, and send nothing meanwhile.
        elif not wire.stale and not _data(wire) and not wire.refused():
            otherwise()
    finally:
        wire.reading.release()


def _data(wire: Socket) -> bool:
    """Take the PDUs that carry data; False where another one is there."""
    try:
        for _ in range(GROUP):
            if not wire.data():
                return False
            if not wire.more:
                break
    except OSError:
        wire.event_queue.put("Evt17")
    return True


def _kill(assoc: Any, wire: Socket, wake: threading.Event) -> None:
    """End the threads of an association: the library's way, without its ten milliseconds."""
    assoc._reactor_checkpoint.set()  # noqa: SLF001 - what the library's own ``kill`` sets
    assoc._kill = assoc._is_paused = True  # noqa: SLF001
    assoc.is_established = False
    assoc.dimse.msg_queue.put((None, None))  # the library's word was perhaps taken by ``_serve``
    wake.set()
    dul = assoc.dul
    until = time.monotonic() + GRACE_S
    while dul.is_alive() and dul is not threading.current_thread():
        if dul.state_machine.current_state == _IDLE:
            dul.kill_dul()
        wire.bell.set()
        dul.join(POLL_S)  # the end wakes it; the state does not
        if time.monotonic() > until:
            wire.cut()  # it waits for the rest of a PDU
    if dul.socket is not None:
        dul.socket._shutdown_socket()  # noqa: SLF001 - ours; the library forgets it here
    if not dul.is_alive():
        wire.bell.close()


def _wakes(owner: Any, name: str, wake: threading.Event | Bell) -> None:
    """Let a method of an object wake a thread."""
    method = getattr(owner, name)

    def called(*args: Any, **kwargs: Any) -> None:
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
    _put_message(assoc, message)


def _put_message(assoc: Any, message: SendDimse) -> None:
    """Write a message of ours, as ``put`` of the library's provider of messages."""
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
