"""Writes what happens on the links into the trace."""

from __future__ import annotations

from dataclasses import dataclass

from harness.evidence import correlate
from harness.evidence.trace import Trace, pack
from harness.link.tap import Connection
from harness.wire.core import Event, Violation

_SUMMARIES = {"mllp": correlate.hl7, "astm": correlate.astm, "relay": correlate.hl7}
_PROTOCOLS = {"mllp": "hl7", "relay": "hl7"}


@dataclass(slots=True)
class Recorder:
    """The watcher of one scenario: a ``Watcher`` of the links.

    A relay holds two connections of one link. It is watched on the side where a message comes in,
    so that the trace has what the sender really sent, once.
    """

    trace: Trace
    astm_encoding: str = "gb18030"

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection opened, closed, was refused or failed."""
        frm, to = _ends(connection, sent=connection.client)
        self.trace.add(
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
        self.trace.add(
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
        payload = getattr(event, "payload", None)
        if isinstance(event, Violation):
            self._violation(connection, event)
        elif isinstance(payload, bytes) and not (sent and protocol == "relay"):
            if payload and type(event).__name__ in {"Message", "MessageReceived", "RelayUnit"}:
                self._message(connection, protocol, payload, sent=sent)
        elif not isinstance(payload, bytes) and not sent:
            self._state(connection, event)

    def _message(
        self, connection: Connection, protocol: str, payload: bytes, *, sent: bool
    ) -> None:
        frm, to = _ends(connection, sent=sent)
        summarise = _SUMMARIES.get(protocol, correlate.hl7)
        summary = summarise(payload)
        self.trace.add(
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
        self.trace.add(
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

    def _state(self, connection: Connection, event: Event) -> None:
        """Link states worth judging: a session ended, a message was given up."""
        name = type(event).__name__
        if name in {"SessionEnded", "SendFailed", "DuplicateFrame", "CommitBlock"}:
            self.link(connection, name, str(getattr(event, "reason", "")))

    def note(self, role: str, text: str) -> None:
        """An actor has something worth reading in the journal."""
        self.trace.add("note", role=role, text=text)


def _ends(connection: Connection, *, sent: bool) -> tuple[str, str]:
    ends = (connection.local, connection.peer)
    return ends if sent else (connection.peer, connection.local)
