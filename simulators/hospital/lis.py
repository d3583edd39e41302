"""The built-in LIS: ASTM results in, HL7 orders and admissions in, HL7 results out.

It keeps everything in its store, commits before it acknowledges, and forgets nothing when it
crashes. Its defects are switched on by id; see ``defects.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.clock import Clock
from harness.link import actor as act
from harness.wire.astm_link import (
    Accept,
    AstmLinkConfig,
    AstmLinkCore,
    FrameReceived,
    Refuse,
)
from harness.wire.astm_link import MessageReceived as AstmReceived
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore
from simulators import trouble
from simulators.hospital import adt, lis_results, messages
from simulators.hospital.inbox import Inbox, Refusal, Statement
from simulators.hospital.outbox import Outbox, Timing
from simulators.store import Store

ANALYZER, ORDERS, RESULTS = "analyzer-lis", "his-lis", "lis-his"
"""Links: analyzers connect to us, the HIS connects to us, we connect to the HIS."""


@dataclass(slots=True)
class Lis:
    """The actor of the LIS."""

    store: Store
    clock: Clock
    defects: set[str] = field(default_factory=set)
    timing: Timing = field(default_factory=Timing)
    link_config: AstmLinkConfig = field(
        default_factory=lambda: AstmLinkConfig(side="host", auto_accept=False)
    )
    role: str = "LIS"
    outbox: Outbox = field(init=False)
    inbox: Inbox = field(init=False)
    _late: dict[str, list[act.Command]] = field(default_factory=dict)
    _tripped: set[str] = field(default_factory=set)
    """Connections whose frame at hand completes a message that could not be taken in."""

    def __post_init__(self) -> None:
        self.outbox = Outbox(RESULTS, self.store, self.timing, self.defects, "lis")
        self.inbox = Inbox("LIS", self.store, self.defects, "lis")

    def open_core(self, link: str, *, client: bool) -> Core:
        """ASTM towards analyzers, MLLP towards the HIS."""
        return AstmLinkCore(self.link_config) if link == ANALYZER else MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The whole behaviour."""
        match event:
            case act.Started():
                return [self.outbox.soon(now)]
            case act.Received(link=link) if link == ANALYZER:
                return self._from_analyzer(event, now)
            case act.Received(link=link, event=Message() as message) if link == ORDERS:
                time = messages.stamp(self.clock.wall())
                return self.inbox.take(event.conn, message, self._apply, time)
            case act.Closed(link=link) if link == ANALYZER:
                self._forget(event.conn)
                return []
            case act.Commanded():
                return self._commanded(event)
        return self.outbox.on_event(event, now)

    # -- analyzers -----------------------------------------------------------------------------

    def _from_analyzer(self, event: act.Received, now: float) -> list[act.Command]:
        """A whole message is reported before the frame that completes it asks for its reply."""
        match event.event:
            case AstmReceived() as message:
                try:
                    return self._results(event.conn, message.payload, now)
                except Exception as error:  # noqa: BLE001 - one message must not end the system
                    trouble.tell(self.role, error)
                    self._tripped.add(event.conn)
            case FrameReceived(hold=hold):
                late = self._late.pop(event.conn, [])
                if event.conn in self._tripped:
                    self._tripped.discard(event.conn)
                    return [act.Send(conn=event.conn, event=Refuse(hold=hold))]
                return [act.Send(conn=event.conn, event=Accept(hold=hold)), *late]
        return []

    def _results(self, conn: str, payload: bytes, now: float) -> list[act.Command]:
        """Store a whole message; the frame that carries its L record is accepted after that."""
        statements = lis_results.store(
            payload, self.store, self.outbox, self.defects, messages.stamp(self.clock.wall())
        )
        if not statements:
            return []
        stored: list[act.Command] = [act.Commit(statements=statements), self.outbox.soon(now)]
        if "lis-accepts-before-storing" in self.defects:
            self._late.setdefault(conn, []).extend(stored)
            return []
        return stored

    def _forget(self, conn: str) -> None:
        """A connection is gone, and the frame at hand with it."""
        self._late.pop(conn, None)
        self._tripped.discard(conn)

    # -- HIS -----------------------------------------------------------------------------------

    def _apply(self, message: Hl7Message) -> list[Statement]:
        kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
        if kind.startswith("ADT^"):
            return adt.apply(message, self.defects, "lis")
        if kind == "OML^O21":
            return adt.apply_order(message, self.store, self.defects)
        if "lis-accepts-unknown-types" in self.defects:
            return []
        raise Refusal("AR", "200", f"unsupported message {kind}")

    # -- whoever runs us -----------------------------------------------------------------------

    def _commanded(self, event: act.Commanded) -> list[act.Command]:
        if event.name == "pending":
            return [act.Reply(ident=event.ident, value=self.outbox.pending())]
        if event.name == "abandon":
            commit = act.Commit(statements=[self.outbox.abandon()])
            return [commit, act.Reply(ident=event.ident)]
        return [act.Reply(ident=event.ident, error=f"the LIS knows no command {event.name}")]
