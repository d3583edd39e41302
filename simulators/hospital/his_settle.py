"""The HIS as one system: the desk that admits and orders, and the cashier that settles.

Both share a store and a role. The cashier's commands, connections and timers carry its prefix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from harness.clock import Clock
from harness.link import actor as act
from harness.wire.core import Core
from simulators.centre.provinces import load_province
from simulators.hospital.cashier import LINK, Cashier
from simulators.hospital.his import His
from simulators.hospital.outbox import Timing
from simulators.store import Store

PROVINCE: Final = "hunan"
"""Whose interface the built-in HIS speaks."""


@dataclass(slots=True)
class WholeHis:
    """The actor of the HIS with its cashier."""

    desk: His
    cashier: Cashier
    role: str = "HIS"

    @property
    def defects(self) -> set[str]:
        """Switched-on defects; one set for both parts."""
        return self.desk.defects

    @property
    def store(self) -> Store:
        """One store for both parts."""
        return self.desk.store

    @property
    def outbox(self) -> Any:
        """Of the desk."""
        return self.desk.outbox

    @property
    def inbox(self) -> Any:
        """Of the desk."""
        return self.desk.inbox

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP to the centre, MLLP to the LIS."""
        part = self.cashier if link == LINK else self.desk
        return part.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Each part gets what concerns it."""
        match event:
            case act.Started():
                return [*self.desk.on_event(event, now), *self.cashier.on_event(event, now)]
            case act.Commanded(name="pending"):
                left = self.desk.outbox.pending() + self.cashier.pending()
                return [act.Reply(ident=event.ident, value=left)]
            case act.Commanded(name="abandon"):
                self.cashier.abandon()
        part = self.cashier if self.cashier.concerns(event) else self.desk
        return part.on_event(event, now)


def whole_his(store: Store, clock: Clock, defects: set[str], timing: Timing) -> WholeHis:
    """The HIS of the built-in hospital.

    Args:
        store: for both parts.
        clock: of the driver.
        defects: switched on.
        timing: patience of both parts.
    """
    desk = His(store, clock, defects, timing)
    cashier = Cashier(store, clock, defects, timing, load_province(PROVINCE))
    return WholeHis(desk, cashier)
