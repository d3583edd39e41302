"""Writes what happens on the links into the trace of a load run, at a fraction of the cost.

All that a ``Recorder`` would write can be read from it again, with two differences in form. A
message that came or went as exactly one frame in one read or write is one record, marked
``framed``, and no ``bytes`` record stands beside it. And the records that belong to one turn of an
actor carry one time and share one write; nothing that they led to leaves before it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from harness.evidence.recorder import Recorder
from harness.evidence.trace import Entry, Trace
from harness.link.tap import Connection
from harness.wire.core import Event, Message

FRAME: Final = b"\x0b%b\x1c\r"
"""What ``framed`` says: SB, payload, EB, CR (HL7 2.5.1 appendix C §C.4.3)."""


@dataclass(slots=True)
class LoadRecorder:
    """The watcher of a load run: a ``Watcher`` of the links, for ``Threads(settle=...)``.

    Args:
        trace: where it goes.
    """

    trace: Trace
    _recorder: Recorder = field(init=False)
    _pending: deque[Entry] = field(default_factory=deque)
    _came: tuple[Connection, bytes] | None = None
    _leaves: tuple[Connection, bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _settling: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._recorder = Recorder(self.trace, sink=self._pending.append)

    def settle(self) -> None:
        """Write what was told so far; when it returns, all of it is with the operating system."""
        with self._settling:  # held while writing: what another thread took is not written yet
            with self._lock:
                self._release()
                pending = list(self._pending)
                self._pending.clear()
            if pending:
                self.trace.add_all(pending)

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection opened, closed, was refused or failed."""
        with self._lock:
            self._release()
            self._recorder.link(connection, event, reason)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes went over the wire; those that a message accounts for are not written again."""
        with self._lock:
            leaves = self._leaves
            self._release()
            if not sent:
                self._came = (connection, data)
            elif leaves is not None and leaves[0] is connection and data == FRAME % leaves[1]:
                self._pending[-1][2]["framed"] = True
            else:
                self._recorder.data(connection, data, sent=True)

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A core reported or was asked to send a protocol event."""
        with self._lock:
            payload = event.payload if protocol == "mllp" and isinstance(event, Message) else b""
            came, self._came = self._came, None
            framed = (
                not sent
                and came is not None
                and came[0] is connection
                and bool(payload)
                and came[1] == FRAME % payload
            )
            if not framed:
                self._came = came
            self._release()
            self._recorder.event(connection, protocol, event, sent=sent)
            if framed:
                self._pending[-1][2]["framed"] = True
            elif sent and payload:
                self._leaves = (connection, payload)

    def note(self, role: str, text: str) -> None:
        """An actor has something worth reading in the journal."""
        with self._lock:
            self._release()
            self._recorder.note(role, text)

    def _release(self) -> None:
        """What waited for its counterpart stands by itself."""
        self._leaves = None
        came, self._came = self._came, None
        if came is not None:
            self._recorder.data(came[0], came[1], sent=False)
