"""DIMSE messages over pynetdicom associations: what both sides share.

This room (``dicom*.py``) is the only one that imports pynetdicom. It takes from it the association
and the cutting of messages, and nothing above: data sets go out and come in as the bytes that they
are (``dicom_data``), so no library can mend or spoil what a test is about.

Workarounds that stand here, once:

* **Lost responses.** In pynetdicom 3.0.4 the association's own thread can take an answer off the
  queue while the caller waits for it. ``Quiet`` puts a lock around the queue: the association's
  thread looks only where nobody waits.
* **Nagle.** The library leaves it on, which costs some 40 ms a message against a peer with delayed
  acknowledgements. It is switched off as soon as the connection is open.
* **Sockets left open.** The library forgets the socket of a refused connection, and that of one
  which the other side has ended already; both are closed here.
* **Identifiers in logs.** The library's standard handlers write data sets into the log; they are
  switched off.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

from pynetdicom import _config, evt
from pynetdicom.dimse_primitives import (
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_EVENT_REPORT,
    N_SET,
)
from pynetdicom.transport import AssociationSocket

from harness.errors import HarnessError
from harness.link.dicom_data import IMPLICIT, DataSet, read, written
from harness.link.dicom_pace import quicken
from harness.link.tap import Connection, Guard, Watcher

_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").addHandler(logging.NullHandler())
logging.getLogger("pynetdicom").propagate = False


def _connect(self: Any, primitive: Any) -> None:
    """The library's connect, and its socket closed where the connection is refused."""
    wire = self.socket
    _library_connect(self, primitive)
    if self.socket is None and wire is not None:
        wire.close()


def _shutdown(self: Any) -> None:
    """The library's end of a connection, and its socket closed where the other side was first."""
    wire = self.socket
    _library_shutdown(self)
    if wire is not None:
        wire.close()


_library_shutdown = AssociationSocket._shutdown_socket  # noqa: SLF001 - as below
AssociationSocket._shutdown_socket = _shutdown  # type: ignore[method-assign] # noqa: SLF001 - it skips the close where the shutdown fails
_library_connect = AssociationSocket.connect
AssociationSocket.connect = _connect  # type: ignore[method-assign] # the library leaves it open

VERIFICATION: Final = "1.2.840.10008.1.1"
WORKLIST: Final = "1.2.840.10008.5.1.4.31"
MPPS: Final = "1.2.840.10008.3.1.2.3.3"
COMMITMENT: Final = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
PATIENT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

PENDING: Final = (0xFF00, 0xFF01)

_PRIMITIVES: Final[dict[str, Any]] = {
    "C-ECHO": C_ECHO,
    "C-STORE": C_STORE,
    "C-FIND": C_FIND,
    "C-MOVE": C_MOVE,
    "C-GET": C_GET,
    "N-ACTION": N_ACTION,
    "N-CREATE": N_CREATE,
    "N-SET": N_SET,
    "N-EVENT-REPORT": N_EVENT_REPORT,
}
_PAYLOAD: Final = {
    "C-STORE": "DataSet",
    "C-FIND": "Identifier",
    "C-MOVE": "Identifier",
    "C-GET": "Identifier",
    "N-ACTION": "ActionInformation",
    "N-CREATE": "AttributeList",
    "N-SET": "ModificationList",
    "N-EVENT-REPORT": "EventInformation",
}
_ANSWER_PAYLOAD: Final = {**_PAYLOAD, "N-SET": "AttributeList", "N-ACTION": "ActionReply",
                          "N-EVENT-REPORT": "EventReply"}  # fmt: skip
_REQUESTED: Final = frozenset({"N-ACTION", "N-SET"})
"""Requests that name ``Requested`` class and instance (PS3.7 §10.1)."""

SHUT_S: Final = 5.0
"""The threads of one association end within this, or are reported as left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as the other side's service takes it.

    Attributes:
        kind: ``C-STORE``, ``N-SET`` ...
        sop_class: abstract syntax of the message.
        sop_instance: the instance; empty for queries.
        message_id: of the sender.
        payload: encoded data set; empty for none.
        syntax: transfer syntax of the payload.
        destination: of C-MOVE.
        number: action or event type of the N services.
        originator: AE that asked for the move that this store serves.
    """

    kind: str
    sop_class: str
    sop_instance: str = ""
    message_id: int = 1
    payload: bytes = b""
    syntax: str = IMPLICIT
    destination: str = ""
    number: int = 1
    originator: str = ""

    def data(self) -> DataSet:
        """The payload read; ``PeerError`` where it cannot be."""
        return read(self.payload, self.syntax)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response.

    Attributes:
        status: 0000H and so on; -1 where none came.
        payload: encoded data set; empty for none.
        comment: error comment.
        counts: remaining, completed, failed and warning sub-operations; None where absent.
        kind: of the request it belongs to.
        syntax: transfer syntax of the payload.
        seconds: since the request, by the monotonic clock.
        error: why there is no status.
    """

    status: int
    payload: bytes = b""
    comment: str = ""
    counts: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    kind: str = ""
    syntax: str = IMPLICIT
    seconds: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        """Success without a remark."""
        return self.status == 0

    def data(self) -> DataSet:
        """The payload read; ``PeerError`` where it cannot be."""
        return read(self.payload, self.syntax)

    @property
    def shown(self) -> str:
        """``0000``, or a word for what came in its place."""
        return f"{self.status:04X}" if self.status >= 0 else self.error or "none"


Told = Callable[[str, Request | Answer], None]
"""Told of each whole message: ``sent`` or ``received``, and what it was."""


def payload_of(data: DataSet, syntax: str) -> bytes:
    """A data set in a transfer syntax of ours."""
    return written(data, syntax)


def primitive_of(request: Request) -> Any:
    """The library's object of a request."""
    made = _PRIMITIVES[request.kind]()
    made.MessageID = request.message_id
    side = "Requested" if request.kind in _REQUESTED else "Affected"
    setattr(made, f"{side}SOPClassUID", request.sop_class)
    if request.sop_instance:
        setattr(made, f"{side}SOPInstanceUID", request.sop_instance)
    if request.kind in {"C-STORE", "C-FIND", "C-MOVE", "C-GET"}:
        made.Priority = 0
    if request.kind == "C-MOVE":
        made.MoveDestination = request.destination
    if request.kind == "N-ACTION":
        made.ActionTypeID = request.number
    if request.kind == "N-EVENT-REPORT":
        made.EventTypeID = request.number
    if request.originator:
        made.MoveOriginatorApplicationEntityTitle = request.originator
        made.MoveOriginatorMessageID = 1
    if request.payload:
        setattr(made, _PAYLOAD[request.kind], BytesIO(request.payload))
    return made


def response_of(kind: str, to: Any, answer: Answer) -> Any:
    """The library's object of an answer to its object of a request."""
    made = _PRIMITIVES[kind]()
    made.MessageIDBeingRespondedTo = to.MessageID
    for name in ("SOPClassUID", "SOPInstanceUID"):
        for side in ("Affected", "Requested"):
            value = getattr(to, f"{side}{name}", None)
            if value is not None and hasattr(made, f"Affected{name}"):
                setattr(made, f"Affected{name}", value)
    made.Status = answer.status
    if answer.comment and hasattr(made, "ErrorComment"):
        made.ErrorComment = answer.comment[:64]
    names = ("Remaining", "Completed", "Failed", "Warning")
    for name, count in zip(names, answer.counts, strict=True):
        if count is not None:
            setattr(made, f"NumberOf{name}Suboperations", count)
    if answer.payload:
        setattr(made, _ANSWER_PAYLOAD[kind], BytesIO(answer.payload))
    return made


def kind_of(message: Any) -> str:
    """``C-STORE`` of the library's object."""
    return type(message).__name__.replace("_", "-")


def is_request(message: Any) -> bool:
    """Whether it asks for something."""
    return message.MessageIDBeingRespondedTo is None


def request_of(message: Any, syntax: str) -> Request:
    """A request that came."""
    kind = kind_of(message)
    side = "Requested" if kind in _REQUESTED else "Affected"
    stream = getattr(message, _PAYLOAD.get(kind, ""), None)
    return Request(
        kind=kind,
        sop_class=str(getattr(message, f"{side}SOPClassUID", "") or ""),
        sop_instance=str(getattr(message, f"{side}SOPInstanceUID", "") or ""),
        message_id=message.MessageID,
        payload=stream.getvalue() if stream is not None else b"",
        syntax=syntax,
        destination=str(getattr(message, "MoveDestination", "") or "").strip(),
        number=getattr(message, "ActionTypeID", None) or getattr(message, "EventTypeID", None) or 1,
        originator=str(getattr(message, "MoveOriginatorApplicationEntityTitle", "") or "").strip(),
    )


def answer_of(message: Any, syntax: str, seconds: float) -> Answer:
    """An answer that came."""
    kind = kind_of(message)
    stream = getattr(message, _ANSWER_PAYLOAD.get(kind, ""), None)

    def count(name: str) -> int | None:
        value: int | None = getattr(message, f"NumberOf{name}Suboperations", None)
        return value

    return Answer(
        status=message.Status if message.Status is not None else -1,
        payload=stream.getvalue() if stream is not None else b"",
        comment=str(getattr(message, "ErrorComment", "") or ""),
        counts=(count("Remaining"), count("Completed"), count("Failed"), count("Warning")),
        kind=kind,
        syntax=syntax,
        seconds=seconds,
    )


class Quiet:
    """Keeps an association's own thread off the queue while somebody waits for an answer.

    Args:
        assoc: the library's association.
    """

    def __init__(self, assoc: Any) -> None:
        self._lock = threading.RLock()
        self._get = assoc.dimse.get_msg
        assoc.dimse.get_msg = self._look

    def _look(self, block: bool = False) -> tuple[Any, Any]:  # noqa: FBT001, FBT002 - the library's
        if not self._lock.acquire(blocking=block):
            return None, None
        try:
            found: tuple[Any, Any] = self._get(block=block)
            return found
        finally:
            self._lock.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """From before the request goes out until its last answer has been taken."""
        with self._lock:
            yield

    def take(self) -> tuple[Any, Any]:
        """The next message; ``(None, None)`` after the timeout or the end."""
        found: tuple[Any, Any] = self._get(block=True)
        return found


@dataclass(slots=True)
class Eyes:
    """Handlers of the library's events that write the journal and switch Nagle off.

    Args:
        connection: how the journal names it.
        watcher: of the scenario; None where nobody watches.
    """

    connection: Connection | None = None
    watcher: Watcher | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    last_received_s: float = 0.0
    closed: threading.Event = field(default_factory=threading.Event)

    def handlers(self) -> list[Any]:
        """For ``evt_handlers``."""
        return [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_DATA_SENT, self._sent),
            (evt.EVT_DATA_RECV, self._received),
        ]

    def _opened(self, event: Any) -> None:
        no_delay(event)
        quicken(event.assoc, self.wrote)
        if self.watcher is not None and self.connection is not None:
            self.watcher.link(self.connection, "opened", "")

    def _closed(self, event: Any) -> None:
        self.closed.set()
        if self.watcher is not None and self.connection is not None:
            self.watcher.link(self.connection, "closed", "")

    def _sent(self, event: Any) -> None:
        self.wrote(bytes(event.data))

    def wrote(self, data: bytes) -> None:
        """Bytes of ours are on their way."""
        self.sent_bytes += len(data)
        if self.watcher is not None and self.connection is not None:
            self.watcher.data(self.connection, data, sent=True)

    def _received(self, event: Any) -> None:
        self.received_bytes += len(event.data)
        if self.watcher is not None and self.connection is not None:
            self.watcher.data(self.connection, bytes(event.data), sent=False)


def no_delay(event: Any) -> None:
    """Switch Nagle off on the socket of a connection that has just opened."""
    wire = event.assoc.dul.socket
    if wire is not None and wire.socket is not None:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def require_open(guard: Guard | None, connection: Connection | None, host: str, port: int) -> None:
    """Ask before an address is opened; ``PermitError`` where it is forbidden."""
    if guard is not None and connection is not None:
        guard.opens(connection, host, port)


def join_all(threads: Sequence[threading.Thread]) -> list[str]:
    """Wait for threads; the names of those that would not end."""
    for thread in threads:
        thread.join(SHUT_S)
    return [thread.name for thread in threads if thread.is_alive()]


def no_association(reason: str) -> HarnessError:
    """What a caller gets that has none."""
    return HarnessError(f"no association: {reason}")
