"""The tap that carries planned faults out and shows each as fired in the trace."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.errors import HarnessError
from harness.evidence.trace import Trace, pack
from harness.faults import catalogue
from harness.faults.identity import Identities
from harness.faults.plan import Fault, Plan
from harness.link.tap import Connection, Delivery
from harness.wire.core import Unit


@dataclass(slots=True)
class _Line:
    """What the injector remembers of one connection."""

    armed: list[Fault] = field(default_factory=list)
    held: bytes = b""
    held_by: Fault | None = None
    silent: Fault | None = None
    last_identity: str = ""


@dataclass(slots=True)
class Injector:
    """Carries out the faults of one scenario on every link that we hold an end of."""

    plan: Plan
    trace: Trace
    _lines: dict[str, _Line] = field(default_factory=dict)
    _identities: dict[str, Identities] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, fault: Fault) -> None:
        """Plan a fault and say so in the trace."""
        if fault.action not in catalogue.ACTIONS:
            raise HarnessError(f"unknown fault action {fault.action}")
        self.plan.add(fault)
        self._record("planned", fault)

    def heal(self, fault: Fault) -> None:
        """Switch a fault off that stays on by itself."""
        self.plan.heal(fault.id)
        with self._lock:
            for line in self._lines.values():
                if line.silent is not None and line.silent.id == fault.id:
                    line.silent = None
        self._record("healed", fault)

    def process(self, fault: Fault, event: str, detail: str) -> None:
        """Record what the runtime did to a process for a planned fault."""
        self._record(event, fault, detail=detail)

    # -- Tap -----------------------------------------------------------------------------------

    def connects(self, connection: Connection, now: float) -> bool:
        """``refuse``: the connection does not come about."""
        kind, sender = (
            ("connect", connection.local) if connection.client else ("accept", connection.peer)
        )
        due = self._due(connection, kind, kind, sender=sender)
        refused = [fault for fault in due if fault.action == "refuse"]
        for fault in refused:
            self._fired(fault, connection, b"", b"", kind)
        return not refused

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        """Change one protocol unit, or arm what happens to its bytes."""
        with self._lock:
            line = self._line(connection)
            identity = self._identity(connection, unit)
            if unit.payload:
                line.last_identity = identity
            pieces = [unit.data]
            for fault in self._due(connection, unit.kind, identity):
                pieces = self._apply(line, fault, connection, unit, pieces, identity)
            if line.held_by is not None and pieces == [unit.data]:
                pieces = self._release(line, connection, unit, pieces)
            return pieces

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Change how the bytes of an armed unit travel."""
        with self._lock:
            line = self._line(connection)
            if line.silent is not None:
                return ()
            if not line.armed:
                return (Delivery(data=data),)
            fault = line.armed.pop(0)
            deliveries = catalogue.WIRE_ACTIONS[fault.action](data, fault.parameters)
            after = b"".join(delivery.data for delivery in deliveries)
            self._fired(fault, connection, data, after, line.last_identity)
            return deliveries

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Hit what the peer answers to our last unit (kind ``reply``)."""
        with self._lock:
            line = self._line(connection)
            if line.silent is not None:
                return ()
            identity = f"reply|{line.last_identity}"
            deliveries: Sequence[Delivery] = (Delivery(data=data),)
            for fault in self._due(connection, "reply", identity, sender=connection.peer):
                deliveries = self._hit_reply(line, fault, connection, data, identity)
            return deliveries

    # -- carrying out --------------------------------------------------------------------------

    def _apply(
        self,
        line: _Line,
        fault: Fault,
        connection: Connection,
        unit: Unit,
        pieces: list[bytes],
        identity: str,
    ) -> list[bytes]:
        if fault.action in catalogue.WIRE_ACTIONS:
            line.armed.append(fault)
            return pieces
        if fault.action in {"half-open", "black-hole"}:
            line.silent = fault
            self._fired(fault, connection, unit.data, b"", identity)
            return pieces
        if fault.action in {"coalesce", "swap"}:
            line.held, line.held_by = unit.data, fault
            return []
        if fault.action not in catalogue.UNIT_ACTIONS:
            return pieces
        changed = catalogue.UNIT_ACTIONS[fault.action](unit, fault.parameters)
        if changed == [unit.data]:
            # Nothing was there to change: the fault did not happen, and must not be called fired.
            return pieces
        self._fired(fault, connection, unit.data, b"".join(changed), identity)
        return changed

    def _release(
        self, line: _Line, connection: Connection, unit: Unit, pieces: list[bytes]
    ) -> list[bytes]:
        fault, held = line.held_by, line.held
        if fault is None:
            return pieces
        line.held, line.held_by = b"", None
        both = [unit.data, held] if fault.action == "swap" else [held + unit.data]
        self._fired(fault, connection, held, b"".join(both), line.last_identity)
        return both

    def _hit_reply(
        self, line: _Line, fault: Fault, connection: Connection, data: bytes, identity: str
    ) -> Sequence[Delivery]:
        if fault.action == "drop":
            self._fired(fault, connection, data, b"", identity)
            return ()
        if fault.action in {"half-open", "black-hole"}:
            line.silent = fault
            self._fired(fault, connection, data, b"", identity)
            return ()
        if fault.action in catalogue.WIRE_ACTIONS:
            deliveries = catalogue.WIRE_ACTIONS[fault.action](data, fault.parameters)
            after = b"".join(delivery.data for delivery in deliveries)
            self._fired(fault, connection, data, after, identity)
            return deliveries
        changed = catalogue.UNIT_ACTIONS[fault.action](
            Unit(kind="reply", data=data), fault.parameters
        )
        self._fired(fault, connection, data, b"".join(changed), identity)
        return [Delivery(data=piece) for piece in changed]

    # -- bookkeeping ---------------------------------------------------------------------------

    def _line(self, connection: Connection) -> _Line:
        return self._lines.setdefault(connection.id, _Line())

    def _identity(self, connection: Connection, unit: Unit) -> str:
        identities = self._identities.setdefault(connection.link, Identities())
        return identities.of(connection.id, unit)

    def _due(
        self, connection: Connection, kind: str, identity: str, *, sender: str = ""
    ) -> list[Fault]:
        sender = sender or connection.local
        occurrence = self.plan.count(connection.link, sender, kind, identity)
        return self.plan.due(
            link=connection.link,
            sender=sender,
            kind=kind,
            identity=identity,
            occurrence=occurrence,
        )

    def _fired(
        self, fault: Fault, connection: Connection, before: bytes, after: bytes, identity: str
    ) -> None:
        self._record(
            "fired",
            fault,
            interface=connection.interface,
            conn=connection.id,
            frm=fault.sender,
            to=connection.peer if fault.sender == connection.local else connection.local,
            before=pack(before),
            after=pack(after),
            identity=identity,
        )
        if not fault.until_healed:
            self._record("healed", fault, conn=connection.id, identity=identity)

    def _record(self, event: str, fault: Fault, **fields: object) -> None:
        self.trace.add(
            "fault",
            event=event,
            id=fault.id,
            fault_class=fault.fault_class,
            layer=fault.layer,
            action=fault.action,
            link=fault.link,
            **fields,
        )
