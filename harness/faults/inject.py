"""The tap that carries planned faults out and shows each as fired in the trace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.errors import HarnessError
from harness.evidence.line import pack
from harness.evidence.trace import Trace
from harness.faults import catalogue
from harness.faults.identity import Identities
from harness.faults.plan import Fault, Plan
from harness.link.tap import Connection, Delivery
from harness.wire.core import Unit


@dataclass(slots=True)
class _Line:
    """What the injector remembers of one connection."""

    armed: Fault | None = None
    held: bytes = b""
    held_by: Fault | None = None
    silent: Fault | None = None
    last_identity: str = ""
    awaits_reply: bool = False
    drops_reply: bool = False
    dark_until: float = float("-inf")


@dataclass(slots=True)
class Injector:
    """Carries out the faults of one scenario on every link that we hold an end of."""

    plan: Plan
    trace: Trace
    on_process: Callable[[Fault], None] = lambda _: None
    """Carries out what a unit brings upon a process: its power is cut, or it stands still."""
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
            line.last_identity = identity
            line.awaits_reply, line.drops_reply = True, False
            pieces = [unit.data]
            for fault in self._due(connection, unit.kind, identity):
                pieces = self._apply(fault, connection, unit, pieces)
            if line.held_by is not None and pieces == [unit.data]:
                pieces = self._release(line, line.held_by, connection, unit)
            if not any(pieces):
                line.armed = None  # there are no bytes for it, and those of a later unit are others
            return pieces

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Change how the bytes of an armed unit travel."""
        with self._lock:
            line = self._line(connection)
            if line.silent is not None or now < line.dark_until:
                line.armed = None
                return ()
            fault, line.armed = line.armed, None
            if fault is None:
                return (Delivery(data=data),)
            if catalogue.DARK_S in fault.parameters:
                line.dark_until = now + float(fault.parameters[catalogue.DARK_S])
            return self._on_the_way(fault, connection, data, line.last_identity)

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Hit what the peer answers to our last unit (kind ``reply``).

        An answer may come in several reads. It is counted, and decided upon, once.
        """
        with self._lock:
            line = self._line(connection)
            if line.silent is not None or line.drops_reply or now < line.dark_until:
                return ()
            if not line.awaits_reply:
                return (Delivery(data=data),)
            line.awaits_reply = False
            identity = f"reply|{line.last_identity}"
            due = self._due(connection, "reply", identity, sender=connection.peer)
            if not due:
                return (Delivery(data=data),)
            return self._hit_reply(due[0], connection, data, identity)

    # -- carrying out --------------------------------------------------------------------------

    def _apply(
        self, fault: Fault, connection: Connection, unit: Unit, pieces: list[bytes]
    ) -> list[bytes]:
        line = self._line(connection)
        if pieces != [unit.data]:
            return pieces  # one fault has changed it already: a second one would undo the first
        if fault.action in catalogue.WIRE_ACTIONS:
            line.armed = line.armed or fault
        elif fault.action in {"half-open", "black-hole"}:
            line.silent = fault
            self._fired(fault, connection, unit.data, b"", line.last_identity)
        elif fault.action in {"coalesce", "swap"} and line.held_by is None:
            line.held, line.held_by = unit.data, fault
            return []
        elif fault.action in catalogue.PROCESS_ACTIONS:
            self.on_process(fault)  # before the unit goes out: it meets what became of the process
        elif fault.action in catalogue.UNIT_ACTIONS:
            changed = catalogue.UNIT_ACTIONS[fault.action](unit, fault.parameters)
            # Where nothing was there to change, the fault did not happen: it is not called fired.
            if changed != [unit.data]:
                after = b"".join(changed)
                self._fired(fault, connection, unit.data, after, line.last_identity)
                return changed
        return pieces

    def _release(
        self, line: _Line, fault: Fault, connection: Connection, unit: Unit
    ) -> list[bytes]:
        held, line.held, line.held_by = line.held, b"", None
        both = [unit.data, held] if fault.action == "swap" else [held + unit.data]
        self._fired(fault, connection, held, b"".join(both), line.last_identity)
        return both

    def _on_the_way(
        self, fault: Fault, connection: Connection, data: bytes, identity: str
    ) -> Sequence[Delivery]:
        deliveries = catalogue.WIRE_ACTIONS[fault.action](data, fault.parameters)
        if deliveries != [Delivery(data=data)]:
            after = b"".join(delivery.data for delivery in deliveries)
            self._fired(fault, connection, data, after, identity)
        return deliveries

    def _hit_reply(
        self, fault: Fault, connection: Connection, data: bytes, identity: str
    ) -> Sequence[Delivery]:
        line = self._line(connection)
        if fault.action in catalogue.WIRE_ACTIONS:
            return self._on_the_way(fault, connection, data, identity)
        if fault.action in {"drop", "half-open", "black-hole"}:
            line.drops_reply = fault.action == "drop"
            line.silent = None if line.drops_reply else fault
            self._fired(fault, connection, data, b"", identity)
            return ()
        if fault.action not in catalogue.UNIT_ACTIONS:
            return (Delivery(data=data),)
        unit = Unit(kind="reply", data=data)
        changed = catalogue.UNIT_ACTIONS[fault.action](unit, fault.parameters)
        if changed != [data]:
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
