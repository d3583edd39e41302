"""The imaging orders of the built-in HIS: it orders, changes and cancels, and learns the state.

A part of the HIS with a database of its own, as departments have it: what is ordered is stored
before it is sent, and sent until it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.clock import Clock
from harness.link import actor as act
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore
from simulators.hospital import messages, ris_orders
from simulators.hospital.inbox import Inbox, Refusal, Statement
from simulators.hospital.outbox import Outbox, Timing
from simulators.hospital.ris_feed import ORDERS, STATES
from simulators.store import Store, upsert

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS imaging_orders (placer TEXT PRIMARY KEY, patient_id TEXT NOT NULL,
    accession TEXT NOT NULL, state TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS received (control_id TEXT, sender TEXT, digest TEXT,
    answer TEXT, PRIMARY KEY (sender, control_id))""",
    """CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, control_id TEXT,
    kind TEXT, subject TEXT, payload TEXT, state TEXT, tries INTEGER)""",
)

CONTROLS: Final[Mapping[str, str]] = {
    "order": ris_orders.NEW, "change": ris_orders.CHANGE, "cancel": ris_orders.CANCEL,
}  # fmt: skip
"""Commands, and the order control that each sends."""


@dataclass(slots=True)
class ImagingOrders:
    """The actor.

    Args:
        store: its database.
        clock: of the driver.
        timing: patience towards the RIS.
    """

    store: Store
    clock: Clock
    timing: Timing = field(default_factory=lambda: Timing(answer_s=1.0, retry_s=0.2))
    role: str = "HIS"
    inbox: Inbox = field(init=False)
    outbox: Outbox = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self.inbox = Inbox("HIS", self.store, set(), "his")
        self.outbox = Outbox(ORDERS, self.store, self.timing, set(), "his")

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP both ways."""
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Send orders, take states."""
        match event:
            case act.Received(link=link, event=Message() as message) if link == STATES:
                return self.inbox.take(event.conn, message, self._apply, self._stamp())
            case act.Commanded(name="pending"):
                return [act.Reply(ident=event.ident, value=self.outbox.pending())]
            case act.Commanded(name="states"):
                return [act.Reply(ident=event.ident, value=self._states())]
            case act.Commanded():
                return self._commanded(event, now)
        return self.outbox.on_event(event, now)

    def _stamp(self) -> str:
        return messages.stamp(self.clock.wall())

    def _states(self) -> list[dict[str, str]]:
        """Every order, its state, and how each message about it ended."""
        rows = self.store.rows("SELECT * FROM imaging_orders ORDER BY placer")
        sql = "SELECT subject, state FROM outbox ORDER BY id"
        ended: dict[str, list[str]] = {}
        for one in self.store.rows(sql):
            ended.setdefault(one["subject"], []).append(one["state"])
        return [{**row, "answers": " ".join(ended.get(row["placer"], []))} for row in rows]

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        """Store one message, say so, and send it."""
        row: Mapping[str, Any] = event.args
        self._count += 1
        subject = str(row.get("placer") or row["patient_id"])
        control_id = messages.control_id("H", event.name, subject, self._count)
        time, charset = self._stamp(), str(row["charset"])
        statements: list[Statement] = []
        if event.name == "update":
            kind = ris_orders.UPDATE
            payload = ris_orders.update(row, control_id=control_id, time=time, charset=charset)
        elif event.name in CONTROLS:
            kind, control = ris_orders.ORDER, CONTROLS[event.name]
            payload = ris_orders.order(
                control, row, control_id=control_id, time=time, charset=charset
            )
            about = {"placer": row["placer"], "patient_id": row["patient_id"],
                     "accession": row["accession"], "state": control}  # fmt: skip
            if event.name != "cancel":  # whether it is cancelled is what the RIS says
                statements.append(upsert("imaging_orders", ["placer"], about))
        else:
            return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
        statements.append(self.outbox.put(control_id, kind, subject, payload))
        reply = act.Reply(ident=event.ident, value={"control_id": control_id})
        # The timer fires once the commit is carried out, so the push finds the message.
        return [act.Commit(statements=statements), reply, self.outbox.soon(now)]

    def _apply(self, message: Hl7Message) -> list[Statement]:
        kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
        if kind != ris_orders.STATUS or message.get("ORC-1") != "SC":
            raise Refusal("AR", "200", f"unsupported message {kind}")
        placer, state = message.get("ORC-2.1") or "", message.get("ORC-5") or ""
        known = self.store.rows("SELECT 1 AS n FROM imaging_orders WHERE placer = ?", [placer])
        if not known:
            raise Refusal("AE", "204", f"no order {placer}")
        sql = "UPDATE imaging_orders SET state = ? WHERE placer = ?"
        return [(sql, [state, placer])]
