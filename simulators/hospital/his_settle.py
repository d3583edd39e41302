"""The HIS as one system: the desk that admits and orders, and the cashier that settles.

Both share a store and a role. The cashier's commands, connections and timers carry its prefix.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from harness.clock import Clock
from harness.link import actor as act
from harness.wire.core import Core
from simulators.centre.provinces import Province, load_province
from simulators.hospital import his_settle_books
from simulators.hospital.cashier import LINK, Cashier
from simulators.hospital.his import His
from simulators.hospital.his_callback import LINK as CALLBACK
from simulators.hospital.his_callback import Callback
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
        if link == CALLBACK:
            return Callback(self.cashier).open_core()
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
            case act.Commanded(name=name) if name.startswith(his_settle_books.PREFIX):
                return his_settle_books.obey(self.cashier, event)
            case act.Commanded(name="abandon"):
                self.cashier.abandon()
            case act.Received(link=link) if link == CALLBACK:
                return Callback(self.cashier).on_event(event, now)
        part = self.cashier if self.cashier.concerns(event) else self.desk
        return part.on_event(event, now)


@lru_cache(maxsize=1)
def _province() -> Province:
    """Read once: a HIS that is started again speaks the same interface."""
    return load_province(PROVINCE)


def whole_his(store: Store, clock: Clock, defects: set[str], timing: Timing) -> WholeHis:
    """The HIS of the built-in hospital.

    Args:
        store: for both parts.
        clock: of the driver.
        defects: switched on.
        timing: patience of both parts.
    """
    desk = His(store, clock, defects, timing)
    cashier = Cashier(store, clock, defects, timing, _province())
    return WholeHis(desk, cashier)
