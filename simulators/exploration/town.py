"""A HIS and a centre in one pump, for exploring: every schedule replays, and nothing waits.

Both stores are files, so that a HIS that lost its power comes back to what it had committed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.clock import VirtualClock
from harness.errors import HarnessError
from harness.link.host import CrashPoint, Host
from harness.link.pump import Member, Pump
from harness.link.tap import Connection
from harness.wire.core import Event
from simulators.centre import callback, simulate, world
from simulators.centre.centre import Centre
from simulators.centre.provinces import Province
from simulators.hospital import cashier_books, schema
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier import LINK
from simulators.hospital.cashier_model import Ask
from simulators.hospital.his_settle import WholeHis, whole_his
from simulators.hospital.outbox import Timing
from simulators.shell import plain
from simulators.store import Store, open_store

HIS: Final = "HIS"
CENTRE: Final = "centre"
REST_S: Final = 3600.0
"""Virtual seconds that a flow gets to come to its end: every back-off, and more."""

ORDER_S: Final = 10.0
BEGIN_S: Final = 0.01
"""Virtual seconds in which a system takes up what it was told."""

RETRY_S: Final = 0.5
_TABLES: Final = (*schema.HIS, *schema.HIS_SETTLE)


@dataclass(slots=True)
class PowerCut:
    """Let the HIS die at a commit of its own after its nth message went out.

    Args:
        message: from 1, over all that it sends.
        commit: the nth commit from there on.
        after: that commit, or before it.
    """

    message: int
    commit: int
    after: bool


@dataclass(slots=True)
class _Eyes:
    """Watches one side."""

    town: Town
    role: str

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """Counts the messages of the HIS: it opens a connection for each."""
        if self.role == HIS and connection.client and event in {"opened", "failed"}:
            self.town.message_out()

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Not looked at."""

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """Not looked at."""

    def note(self, role: str, text: str) -> None:
        """What the centre says of its faults."""
        self.town.notes.append(text)


@dataclass(slots=True)
class Town:
    """Both systems over memory and virtual time.

    Args:
        folder: of their stores; what is there from before is overwritten.
        province: whose interface is spoken.
        seed: of persons and ids.
        defects: of the HIS.
        template: a folder from ``prepared``.
        calls_back: the centre tells the HIS of payments by mobile phone (6302).
        story: how many messages went out until the people of a story were done.
    """

    folder: Path
    province: Province
    seed: int
    template: Path
    defects: frozenset[str] = frozenset()
    cut: PowerCut | None = None
    calls_back: bool = False
    notes: list[str] = field(default_factory=list)
    died: int = 0
    sent: int = 0
    story: int = 0
    pump: Pump = field(init=False)
    centre: Centre = field(init=False)
    his: WholeHis = field(init=False)
    books: Store = field(init=False)
    store: Store = field(init=False)
    _where: str = ""
    _member: Member = field(init=False)
    _centre: Member = field(init=False)

    def __post_init__(self) -> None:
        for name in ("centre.sqlite", "his.sqlite"):
            for end in ("-wal", "-shm"):
                (self.folder / f"{name}{end}").unlink(missing_ok=True)
            shutil.copyfile(self.template / name, self.folder / name)
        self.pump = Pump(VirtualClock())
        self.centre, self.books = simulate.make(
            self.province,
            str(self.folder / "centre.sqlite"),
            self.pump.clock,
            seed=self.seed,
            durable=False,
        )
        host = Host(
            self.centre,
            self.pump.clock,
            plain,
            store=self.books,
            watcher=_Eyes(self, CENTRE),
        )
        self.centre.calls_back = self.calls_back
        self._centre = self.pump.add(CENTRE, host)
        self._where = self._centre.listen("centre")
        self._start_his()

    def _start_his(self) -> None:
        self.store = open_store(str(self.folder / "his.sqlite"), _TABLES, durable=False)
        self.his = whole_his(
            self.store, self.pump.clock, set(self.defects), Timing(retry_s=RETRY_S)
        )
        host = Host(self.his, self.pump.clock, plain, store=self.store, watcher=_Eyes(self, HIS))
        self._member = self.pump.add(HIS, host)
        self._member.routes[LINK] = self._where
        if self.calls_back:
            self._centre.routes[callback.LINK] = self._member.listen(callback.LINK)

    def message_out(self) -> None:
        """One more message of the HIS is on its way."""
        self.sent += 1
        cut = self.cut
        if cut is not None and self.sent == cut.message:
            self._member.host.crash_point = CrashPoint(cut.commit, cut.after)
            self._member.on_death = self._dies

    def _dies(self) -> None:
        self.died += 1

    # -- what people do ------------------------------------------------------------------------

    def order(self, name: str, /, **args: str) -> bool:
        """A command to the cashier; whether it was accepted."""
        answer = self.pump.command(HIS, f"yb-{name}", args, ORDER_S)
        return bool(answer["accepted"])

    def fault(
        self, ident: str, action: str, infno: Sequence[str], nth: int, parameters: dict[str, str]
    ) -> None:
        """Plan a fault of the centre."""
        plan: dict[str, Any] = {"id": ident, "action": action, "infno": list(infno)}
        plan |= {"occurrences": [nth], "parameters": parameters}
        self.pump.command(CENTRE, "fault", plan, ORDER_S)

    def heal(self, ident: str) -> None:
        """From here on a fault of the centre does nothing."""
        self.pump.command(CENTRE, "heal", {"id": ident}, ORDER_S)

    def day(self, days: int = 0) -> str:
        """Today, or so many days later, as the interface writes a day."""
        return f"{self.pump.clock.wall() + timedelta(days=days):%Y-%m-%d}"

    def fired(self, ident: str) -> bool:
        """Whether a fault did its work."""
        fired = any(note.startswith(f"fault {ident} F") for note in self.notes)
        return fired and f"fault {ident} found nothing to change" not in self.notes

    def reverse_at_centre(self, bill_no: str, setl_id: str) -> Mapping[str, Any]:
        """A person takes a settlement back in the centre's own program; ``setlinfo`` of it.

        Raises:
            HarnessError: there is no such bill.
        """
        bill = cashier_books.read_bill(self.store, bill_no)
        if bill is None:
            raise HarnessError(f"no bill {bill_no}")
        at = self.pump.clock.wall()
        client = self.his.cashier.client
        ask = Ask(
            infno=bill.kind.reverse,
            nodes=nodes.reversal(bill, setl_id),
            bill=bill,
            channel="window",
        )
        msgid = client.msgid(at)
        handled = self.centre.handle(
            self.centre.gateway.admit(client.request(ask, msgid, at), self.centre.time.wall())
        )
        self.books.commit(handled.statements)
        output = handled.answer.output
        info = output.get("setlinfo") if isinstance(output, Mapping) else None
        row = info[0] if isinstance(info, list) and info else info
        return dict(row, medins_setl_id=msgid) if isinstance(row, Mapping) else {}

    def rest(self) -> bool:
        """Until every flow is at its end; a HIS that died comes back first. False: it never is."""
        deadline = self.pump.clock.now() + REST_S
        self.pump.wait(lambda: False, self.pump.clock.now() + BEGIN_S)
        while True:
            died = self.died
            done = self.pump.wait(partial(self._still, died), deadline)
            if self.died == died:
                return done
            self._restart()

    def passes(self, seconds: float) -> bool:
        """Time goes by; whether the HIS is at rest again afterwards."""
        self.pump.wait(lambda: False, self.pump.clock.now() + seconds)
        return self.rest()

    def _still(self, died: int) -> bool:
        return self.died > died or not self.his.cashier.pending()

    def _restart(self) -> None:
        """The power is back."""
        self.cut = None
        self.pump.remove(HIS)
        self.store.close()
        self._start_his()
        self.pump.wait(lambda: False, self.pump.clock.now() + BEGIN_S)

    def close(self) -> None:
        """Let go of the stores."""
        self.pump.stop()
        self.store.close()
        self.books.close()


def prepared(folder: Path, province: Province, seed: int) -> Path:
    """Stores as every exploration begins with them; made once, copied for each point."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = VirtualClock()
    _, books = simulate.make(
        province, str(folder / "centre.sqlite"), clock, seed=seed, durable=False
    )
    books.close()
    open_store(str(folder / "his.sqlite"), _TABLES, durable=False).close()
    return folder


def insured(seed: int, kind: str) -> dict[str, str]:
    """Who a bill is for."""
    who = world.person(seed, kind)
    return {"patient_id": who.patient_id, "name": who.name, "id_card": who.id_card}
