"""The HL7 side of the built-in RIS: orders of the HIS become steps, and states go back to it.

An order is stored before it is acknowledged. A step that has begun can be neither changed nor
cancelled by the HIS any more: that is refused, so that both sides know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from harness.clock import Clock
from harness.link import actor as act
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore
from simulators.hospital import messages, ris_orders
from simulators.hospital.inbox import Inbox, Refusal, Statement
from simulators.hospital.outbox import Outbox, Timing
from simulators.hospital.ris import FIELDS, Ris
from simulators.store import Store, upsert

ORDERS: Final = "his-ris"
"""Link by which the HIS sends orders."""

TAKES: Final = (ORDERS, "engine-ris")
"""Orders come from the HIS itself, or by way of the interface engine."""

STATES: Final = "ris-his"
"""Link by which the RIS tells the HIS how far an order is."""

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS placed (sps_id TEXT PRIMARY KEY, placer TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS received (control_id TEXT, sender TEXT, digest TEXT,
    answer TEXT, PRIMARY KEY (sender, control_id))""",
    """CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, control_id TEXT,
    kind TEXT, subject TEXT, payload TEXT, state TEXT, tries INTEGER)""",
)


@dataclass(slots=True)
class RisFeed:
    """The actor.

    Args:
        ris: the service whose steps are fed.
        clock: of the driver.
        timing: patience towards the HIS.
    """

    ris: Ris
    clock: Clock
    timing: Timing = field(default_factory=lambda: Timing(answer_s=1.0, retry_s=0.2))
    role: str = "RIS"
    inbox: Inbox = field(init=False)
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = Inbox("RIS", self.store, self.ris.defects, "ris")
        self.outbox = Outbox(STATES, self.store, self.timing, self.ris.defects, "ris")

    @property
    def store(self) -> Store:
        """Shared with the DICOM side."""
        return self.ris.store

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP both ways."""
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Take orders, send states."""
        match event:
            case act.Received(link=link, event=Message() as message) if link in TAKES:
                done = self.inbox.take(event.conn, message, self._apply, self._stamp())
                return [*done, self.outbox.soon(now)]
            case act.Commanded(name="push"):
                return [*self.outbox.push(now), act.Reply(ident=event.ident)]
            case act.Commanded():
                return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
            case act.Started():
                return self.outbox.push(now)
        return self.outbox.on_event(event, now)

    def _stamp(self) -> str:
        return messages.stamp(self.clock.wall())

    # ---- orders

    def _apply(self, message: Hl7Message) -> list[Statement]:
        kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
        if kind == ris_orders.UPDATE:
            return self._update(message)
        if kind != ris_orders.ORDER:
            raise Refusal("AR", "200", f"unsupported message {kind}")
        row = ris_orders.read_order(message)
        control = message.get("ORC-1") or ""
        apply = self._controls().get(control)
        if apply is None:
            raise Refusal("AE", "103", f"unknown order control {control}")
        return apply(row)

    def _controls(self) -> dict[str, Callable[[dict[str, str]], list[Statement]]]:
        return {
            ris_orders.NEW: self._new,
            ris_orders.CHANGE: self._change,
            ris_orders.CANCEL: self._cancel,
        }

    def _state(self, row: dict[str, str]) -> str:
        sql = "SELECT state FROM steps WHERE sps_id = ?"
        found = self.store.rows(sql, [row["sps_id"]])
        return str(found[0]["state"]) if found else ""

    def _kept(self, row: dict[str, str]) -> list[Statement]:
        step = {column: row[column] for column in FIELDS}
        if "ris-feed-loses-rare" in self.ris.defects:
            step["name"] = step["name"].encode("gb2312", "replace").decode("gb2312")
        placed = {"sps_id": row["sps_id"], "placer": row["placer"]}
        return [
            upsert("steps", ["sps_id"], {**step, "state": "SCHEDULED"}),
            upsert("placed", ["sps_id"], placed),
        ]

    def _new(self, row: dict[str, str]) -> list[Statement]:
        if self._state(row):
            raise Refusal("AE", "205", f"the step {row['sps_id']} exists")
        return self._kept(row)

    def _change(self, row: dict[str, str]) -> list[Statement]:
        self._require_scheduled(row)
        if "ris-feed-ignores-change" in self.ris.defects:
            return []
        return self._kept(row)

    def _cancel(self, row: dict[str, str]) -> list[Statement]:
        self._require_scheduled(row)
        if "ris-feed-ignores-cancel" in self.ris.defects:
            return []
        gone = ("UPDATE steps SET state = 'CANCELLED' WHERE sps_id = ?", [row["sps_id"]])
        return [gone, *self.told(row["sps_id"], "CANCELLED")]

    def _require_scheduled(self, row: dict[str, str]) -> None:
        state = self._state(row)
        if not state:
            raise Refusal("AE", "204", f"no step {row['sps_id']}")
        if state != "SCHEDULED" and "ris-feed-cancels-begun" not in self.ris.defects:
            raise Refusal("AE", "207", f"the step is {state}")

    def _update(self, message: Hl7Message) -> list[Statement]:
        patient_id = message.get("PID-3.1") or ""
        if not patient_id:
            raise Refusal("AE", "101", "PID-3 has no PatientNO")
        if "ris-keeps-old-name" in self.ris.defects:
            return []
        values = [message.get("PID-5.1") or "", ris_orders.latin(message), patient_id]
        return [("UPDATE steps SET name = ?, latin = ? WHERE patient_id = ?", values)]

    # ---- states

    def told(self, sps_id: str, state: str) -> list[Statement]:
        """The statement that stores the message about a state, for an order of the HIS."""
        sql = ("SELECT p.placer, s.accession FROM placed AS p JOIN steps AS s"
               " ON s.sps_id = p.sps_id WHERE p.sps_id = ?")  # fmt: skip
        found = self.store.rows(sql, [sps_id])
        if not found or "ris-feed-tells-no-state" in self.ris.defects:
            return []
        placer, accession = found[0]["placer"], found[0]["accession"]
        control_id = messages.control_id("R", placer, state)
        payload = ris_orders.status(
            placer, accession, state, control_id=control_id, time=self._stamp()
        )
        return [self.outbox.put(control_id, ris_orders.STATUS, placer, payload)]
