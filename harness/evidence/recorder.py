"""Writes what happens on the links into the trace."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from harness.evidence import correlate
from harness.evidence.trace import Trace, pack
from harness.link.tap import Connection
from harness.wire.core import Event, Violation

_SUMMARIES = {"mllp": correlate.hl7, "astm": correlate.astm, "relay": correlate.hl7}
_PROTOCOLS = {"mllp": "hl7", "relay": "hl7"}
_MESSAGES = frozenset({"Message", "MessageReceived", "RelayUnit"})
_STATES = frozenset(
    {"SessionEnded", "SendFailed", "MessageIncomplete", "DuplicateFrame", "CommitBlock"}
)
"""Events of the cores that are worth judging though they are no messages."""


@dataclass(slots=True)
class Recorder:
    """The watcher of one scenario: a ``Watcher`` of the links.

    A relay holds two connections of one link. It is watched on the side where a message comes in,
    so that the trace has what the sender really sent, once.

    Args:
        trace: where it goes.
        astm_encoding: how ASTM payloads are to be read.
        together: for load: records wait for ``settle``, which the driver calls before anything
            that they led to leaves (``Threads.settle``), and share one write.
    """

    trace: Trace
    astm_encoding: str = "gb18030"
    together: bool = False
    _pending: deque[tuple[str, dict[str, Any]]] = field(default_factory=deque)
    _settling: threading.Lock = field(default_factory=threading.Lock)

    def settle(self) -> None:
        """Write what was told so far; when it returns, all of it is with the operating system."""
        with self._settling:  # held while writing: what another thread took is not written yet
            pending = [self._pending.popleft() for _ in range(len(self._pending))]
            if pending:
                self.trace.add_all(pending)

    def _tell(self, kind: str, /, **fields: Any) -> None:
        if self.together:
            self._pending.append((kind, fields))
        else:
            self.trace.add(kind, **fields)

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection opened, closed, was refused or failed."""
        frm, to = _ends(connection, sent=connection.client)
        self._tell(
            "link",
            event=event,
            link=connection.link,
            interface=connection.interface,
            conn=connection.id,
            frm=frm,
            to=to,
            reason=reason,
        )

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes went over the wire."""
        frm, to = _ends(connection, sent=sent)
        self._tell(
            "bytes",
            link=connection.link,
            interface=connection.interface,
            conn=connection.id,
            frm=frm,
            to=to,
            raw=pack(data),
        )

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A core reported or was asked to send a protocol event."""
        name = type(event).__name__
        if isinstance(event, Violation):
            self._violation(connection, event)
        elif name in _MESSAGES:
            payload: bytes = getattr(event, "payload", b"")
            if payload and not (sent and protocol == "relay"):
                self._message(connection, protocol, payload, sent=sent)
        elif name in _STATES and not sent:
            self.link(connection, name, str(getattr(event, "reason", "")))

    def _message(
        self, connection: Connection, protocol: str, payload: bytes, *, sent: bool
    ) -> None:
        frm, to = _ends(connection, sent=sent)
        summarise = _SUMMARIES.get(protocol, correlate.hl7)
        summary = summarise(payload)
        self._tell(
            "message",
            link=connection.link,
            interface=connection.interface,
            conn=connection.id,
            frm=frm,
            to=to,
            protocol=_PROTOCOLS.get(protocol, protocol),
            type=summary.type,
            id=summary.id,
            raw=pack(payload),
            corr=summary.corr,
            **({"encoding": self.astm_encoding} if protocol == "astm" else {}),
        )

    def _violation(self, connection: Connection, event: Violation) -> None:
        frm, to = _ends(connection, sent=False)
        self._tell(
            "violation",
            link=connection.link,
            interface=connection.interface,
            conn=connection.id,
            frm=frm,
            to=to,
            code=event.code,
            message=event.message,
            clause=event.clause,
            raw=pack(event.raw),
        )

    def note(self, role: str, text: str) -> None:
        """An actor has something worth reading in the journal."""
        self._tell("note", role=role, text=text)


def _ends(connection: Connection, *, sent: bool) -> tuple[str, str]:
    ends = (connection.local, connection.peer)
    return ends if sent else (connection.peer, connection.local)
