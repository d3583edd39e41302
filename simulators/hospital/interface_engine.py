"""The small interface engine of the built-in hospital: it receives, transforms and forwards.

It stands between HIS, LIS and whoever else wants to know, follows a rule file, keeps everything in
its store, commits before it acknowledges, and neither loses nor invents anything when it crashes.
It runs only where somebody puts it in line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.clock import Clock
from harness.errors import InputError
from harness.link import actor as act
from harness.link.tls_core import TlsFailed
from harness.wire.core import Core, Message
from harness.wire.mllp import MllpCore
from simulators import rule_file
from simulators.hospital import interface_engine_out, messages
from simulators.hospital.interface_engine_hllp import FROM_HIS_HLLP, Blocks
from simulators.hospital.interface_engine_in import Intake
from simulators.hospital.interface_engine_out import Forwarder
from simulators.hospital.interface_engine_rules import read_rules
from simulators.hospital.interface_engine_tls import FROM_HIS_TLS, Secured
from simulators.hospital.outbox import Timing
from simulators.store import Store, upsert

ROLE: Final = "ENGINE"
FROM_HIS, FROM_LIS = "his-engine", "lis-engine"
LISTENS: Final = (FROM_HIS, FROM_LIS, FROM_HIS_TLS, FROM_HIS_HLLP)

USUAL: Final = ("engine-lis", "engine-his", interface_engine_out.SENDERS)
"""Destinations that are on from the beginning; the others are switched on by command."""


@dataclass(slots=True)
class Engine:
    """The actor of the interface engine.

    Args:
        rules: its rule file; empty takes the one that ships.
        hybrid: links that speak HLLP in place of MLLP, on either side.
    """

    store: Store
    clock: Clock
    defects: set[str] = field(default_factory=set)
    timing: Timing = field(default_factory=Timing)
    rules: str = ""
    hybrid: frozenset[str] = frozenset()
    role: str = ROLE
    intake: Intake = field(init=False)
    forwarders: dict[str, Forwarder] = field(init=False)
    secured: Secured = field(init=False)
    _deaf: bool = False

    def __post_init__(self) -> None:
        routes = read_rules(rule_file.text_of(self.rules), self.rules)
        links = list(dict.fromkeys([*(route.to for route in routes), interface_engine_out.SENDERS]))
        self.forwarders = {
            link: Forwarder(link, self.store, self.timing, self.defects,
                            before=links[index - 1] if index else "")
            for index, link in enumerate(links)
        }  # fmt: skip
        settings = {row["name"]: row["value"] for row in self.store.rows("SELECT * FROM setting")}
        active = {*USUAL, *(name for name, value in settings.items() if value == "on")}
        active -= {name for name, value in settings.items() if value == "off"}
        self.secured = Secured(self.defects)
        self.secured.load(settings)
        self.intake = Intake(
            self.store, self.defects, routes, active, upgraded=settings.get("version", "1") != "1"
        )

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP or HLLP on every side, inside TLS where the link is secured."""
        inner: Core = Blocks(defects=self.defects) if link in self.hybrid else MllpCore()
        return self.secured.core(link, inner, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The whole behaviour."""
        match event:
            case act.Started():
                self._deaf = "engine-deaf-after-restart" in self.defects and bool(
                    self.store.rows("SELECT 1 AS n FROM received LIMIT 1")
                )
                return self._each("started", now)
            case act.Opened(conn=conn, link=link) if link in LISTENS and self._shut(link):
                return [act.Close(conn=conn)]
            case act.Commanded():
                return self._commanded(event, now)
            case act.Received(conn=conn, link=link, event=TlsFailed()) if link in LISTENS:
                return [act.Close(conn=conn)]
            case act.Received(link=link, event=Message() as message) if link in LISTENS:
                way = FROM_HIS if link in {FROM_HIS_TLS, FROM_HIS_HLLP} else link
                done, links = self.intake.take(
                    event.conn, way, message.payload, messages.stamp(self.clock.wall())
                )
                return [*done, *(self.forwarders[one].soon(now) for one in sorted(links))]
        done = [one for forwarder in self.forwarders.values()
                for one in forwarder.on_event(event, now)]  # fmt: skip
        if "engine-one-line-for-all" in self.defects and isinstance(event, act.Received):
            done += [forwarder.soon(now) for forwarder in self.forwarders.values()]
        return done

    def _shut(self, link: str) -> bool:
        """Nobody is let in: after the one defect, and where TLS has no certificates yet."""
        return self._deaf or (link == FROM_HIS_TLS and link not in self.secured.links)

    def _each(self, what: str, now: float) -> list[act.Command]:
        commands: list[act.Command] = []
        for forwarder in self.forwarders.values():
            commands += forwarder.started(now) if what == "started" else [forwarder.soon(now)]
        return commands

    # -- whoever runs it -----------------------------------------------------------------------

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        args = {name: str(value) for name, value in event.args.items()}
        match event.name:
            case "pending":
                return [act.Reply(ident=event.ident, value=self._pending())]
            case "abandon":
                sql = "UPDATE queue SET state = 'abandoned' WHERE state = 'pending'"
                return [act.Commit(statements=[(sql, ())]), act.Reply(ident=event.ident)]
            case "switch" if args.get("link") in self.forwarders:
                return self._switch(event.ident, args["link"], args.get("state", "on"))
            case "resubmit" if "control_id" in args:
                sql = (
                    "UPDATE queue SET state = 'pending', tries = 0, reason = ''"
                    " WHERE state = 'refused' AND control_id = ?"
                )
                commit = act.Commit(statements=[(sql, (args["control_id"],))])
                return [commit, act.Reply(ident=event.ident), *self._each("push", now)]
            case "upgrade":
                return self._upgraded(event.ident)
            case "secure" if args.get("link") in {FROM_HIS_TLS, *self.forwarders}:
                return self._secure(event.ident, args)
        return [act.Reply(ident=event.ident, error=f"the engine knows no command {event.name}")]

    def _pending(self) -> int:
        sql = "SELECT COUNT(*) AS n FROM queue WHERE state = 'pending'"
        return int(self.store.rows(sql)[0]["n"])

    def _switch(self, ident: int, link: str, state: str) -> list[act.Command]:
        (self.intake.active.add if state == "on" else self.intake.active.discard)(link)
        row = {"name": link, "value": state}
        return [act.Commit(statements=[upsert("setting", ["name"], row)]), act.Reply(ident=ident)]

    def _secure(self, ident: int, args: Mapping[str, str]) -> list[act.Command]:
        """TLS on a link, from its next connection on."""
        link = args["link"]
        try:
            row = self.secured.open(link) if args.get("off") else self.secured.secure(link, args)
        except InputError as error:
            return [act.Reply(ident=ident, error=error.message)]
        return [act.Commit(statements=[upsert("setting", ["name"], row)]), act.Reply(ident=ident)]

    def _upgraded(self, ident: int) -> list[act.Command]:
        """A newer version of the engine begins to work, with the rules that were there."""
        self.intake.upgraded = True
        row = {"name": "version", "value": "2"}
        return [act.Commit(statements=[upsert("setting", ["name"], row)]), act.Reply(ident=ident)]


def make(
    store: Store,
    clock: Clock,
    defects: set[str],
    timing: Timing,
    rules: Sequence[Any] | str = "",
    hybrid: frozenset[str] = frozenset(),
) -> Engine:
    """The engine as the hospital makes its systems."""
    return Engine(store, clock, defects, timing, rules=str(rules), hybrid=hybrid)
