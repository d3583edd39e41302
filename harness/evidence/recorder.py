"""Writes what happens on the links into the trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness import limits
from harness.evidence import correlate, correlate_http
from harness.evidence.line import NOTHING, Shared, pack
from harness.evidence.trace import Trace
from harness.link.tap import Connection
from harness.wire.core import Event, Violation
from harness.wire.http1_events import HttpRequest, HttpResponse

_SUMMARIES = {"mllp": correlate.hl7, "astm": correlate.astm, "relay": correlate.hl7}
_PROTOCOLS = {"mllp": "hl7", "relay": "hl7"}
MESSAGES = frozenset({"Message", "MessageReceived", "RelayUnit"})
"""Events of the cores that carry a whole message; those of HTTP are told apart by their types."""
STATES = frozenset(
    {
        "SessionEnded",
        "SendFailed",
        "MessageIncomplete",
        "DuplicateFrame",
        "CommitBlock",
        "BlockRefused",
        "TlsUnclosed",
    }
)
"""Events of the cores that are worth judging though they are no messages."""

HEADS_MAX = 4 * limits.CONNECTIONS_MAX
"""Connections, twice for their directions, of which the shared fields are remembered."""


@dataclass(slots=True)
class Recorder:
    """The watcher of one scenario: a ``Watcher`` of the links.

    A relay holds two connections of one link. It is watched on the side where a message comes in,
    so that the trace has what the sender really sent, once.

    Args:
        trace: where it goes.
        astm_encoding: how ASTM payloads are to be read.
    """

    trace: Trace
    astm_encoding: str = "gb18030"
    _heads: dict[tuple[str, bool], tuple[Connection, Shared]] = field(default_factory=dict)
    _asked: dict[str, correlate.Summary] = field(default_factory=dict)

    def _tell(self, kind: str, shared: Shared, /, **own: Any) -> None:
        self.trace.add_all([(kind, shared, own)])

    def _head(self, connection: Connection, *, sent: bool) -> Shared:
        """Link, interface, connection and ends, with who sends in ``frm``."""
        known = self._heads.get((connection.id, sent))
        if known is not None and known[0] is connection:
            return known[1]
        ends = (connection.local, connection.peer)
        frm, to = ends if sent else ends[::-1]
        shared = Shared(
            {
                "link": connection.link,
                "interface": connection.interface,
                "conn": connection.id,
                "frm": frm,
                "to": to,
            }
        )
        if len(self._heads) >= HEADS_MAX:
            self._heads.clear()
        self._heads[connection.id, sent] = (connection, shared)
        return shared

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection opened, closed, was refused or failed."""
        head = self._head(connection, sent=connection.client)
        self._tell("link", head, event=event, reason=reason)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes went over the wire."""
        self._tell("bytes", self._head(connection, sent=sent), raw=pack(data))

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A core reported or was asked to send a protocol event."""
        name = type(event).__name__
        if isinstance(event, Violation):
            self._violation(connection, event)
        elif isinstance(event, HttpRequest | HttpResponse):
            self._http(connection, event, sent=sent)
        elif name in MESSAGES:
            payload: bytes = getattr(event, "payload", b"")
            if payload and not (sent and protocol == "relay"):
                self.message(connection, protocol, payload, sent=sent)
        elif name in STATES and not sent:
            self.link(connection, name, str(getattr(event, "reason", "")))

    def _http(
        self, connection: Connection, event: HttpRequest | HttpResponse, *, sent: bool
    ) -> None:
        """A request, or an answer: it belongs to what was asked last on its connection.

        An answer without a body is a message as well: its status says something.
        """
        if isinstance(event, HttpRequest):
            summary = correlate_http.request(event)
            if len(self._asked) >= HEADS_MAX:
                self._asked.clear()
            self._asked[connection.id] = summary
        else:
            summary = correlate_http.response(event, self._asked.pop(connection.id, None))
        self._told(connection, "http", event.payload, summary, sent=sent)

    def message(self, connection: Connection, protocol: str, payload: bytes, *, sent: bool) -> None:
        """One whole message, with what it is about."""
        summary = _SUMMARIES.get(protocol, correlate.hl7)(payload)
        self._told(connection, protocol, payload, summary, sent=sent)

    def _told(
        self,
        connection: Connection,
        protocol: str,
        payload: bytes,
        summary: correlate.Summary,
        *,
        sent: bool,
    ) -> None:
        self._tell(
            "message",
            self._head(connection, sent=sent),
            protocol=_PROTOCOLS.get(protocol, protocol),
            type=summary.type,
            id=summary.id,
            raw=pack(payload),
            corr=summary.corr,
            **({"encoding": self.astm_encoding} if protocol == "astm" else {}),
        )

    def _violation(self, connection: Connection, event: Violation) -> None:
        self._tell(
            "violation",
            self._head(connection, sent=False),
            code=event.code,
            message=event.message,
            clause=event.clause,
            raw=pack(event.raw),
        )

    def note(self, role: str, text: str) -> None:
        """An actor has something worth reading in the journal."""
        self._tell("note", NOTHING, role=role, text=text)
