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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from pynetdicom import _config, evt
from pynetdicom.transport import AssociationSocket

from harness.errors import HarnessError
from harness.link.dicom_data import IMPLICIT, DataSet, read, written
from harness.link.dicom_pace import quicken
from harness.link.dicom_socket import Socket
from harness.link.tap import Connection, Gathering, Guard, Watcher

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


class Quiet:
    """Keeps an association's own thread off the queue while somebody waits for an answer.

    Args:
        assoc: the library's association.
    """

    def __init__(self, assoc: Any) -> None:
        self._lock = threading.RLock()
        wire = getattr(getattr(assoc, "dul", None), "socket", None)
        self._wire = wire if isinstance(wire, Socket) else None
        self._limit, self._late = getattr(assoc.dimse, "dimse_timeout", None), False
        self.timed_out = False
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

    def say(self, write: Callable[[], None]) -> None:
        """Write a request, and wait for its first answer; nobody else reads that."""
        with self._reading() as hear:
            write()
            hear()

    def take(self) -> tuple[Any, Any]:
        """The next message; ``(None, None)`` at the end, or where ``timed_out`` says so."""
        if not self._late:
            with self._reading() as hear:
                hear()
        self.timed_out, self._late = self._late, False
        if self.timed_out:
            return None, None
        begun = time.monotonic()
        found: tuple[Any, Any] = self._get(block=True)
        waited = time.monotonic() - begun
        self.timed_out = found[1] is None and self._limit is not None and waited >= self._limit
        return found

    @contextmanager
    def _reading(self) -> Iterator[Callable[[], None]]:
        """Who waits reads, where the association has our pace; else the library's thread does."""
        if self._wire is None:
            yield _nothing
            return
        with self._wire.kept() as mine:
            yield self._hear if mine else _nothing

    def _hear(self) -> None:
        if self._wire is not None:
            until = None if self._limit is None else time.monotonic() + self._limit
            self._late = not self._wire.hear(until)


def _nothing() -> None:
    """The library's thread reads."""


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
        watcher = self.watcher
        together = partial(self._together, watcher) if isinstance(watcher, Gathering) else None
        quicken(event.assoc, self.wrote, self.came, together)
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

    def _together(self, watcher: Gathering, data: bytes, sizes: list[int]) -> None:
        self.sent_bytes += len(data)
        if self.connection is not None:
            watcher.together(self.connection, data, sizes, sent=True)

    def _received(self, event: Any) -> None:
        self.came(bytes(event.data))

    def came(self, data: bytes) -> None:
        """Bytes of the other side are here."""
        self.received_bytes += len(data)
        if self.watcher is not None and self.connection is not None:
            self.watcher.data(self.connection, data, sent=False)


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
