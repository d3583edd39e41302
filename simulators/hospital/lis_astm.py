"""The LIS towards ASTM analyzers: results in, questions answered, orders pushed.

A whole message is reported before the frame that completes it asks for its reply, so everything is
stored before that frame is accepted; an answer goes out when the line is free.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from harness.link import actor as act
from harness.wire.astm_link import (
    Accept,
    Delivered,
    FrameReceived,
    MessageIncomplete,
    MessageReceived,
    Refuse,
    SendFailed,
    SessionEnded,
)
from harness.wire.astm_records import AstmMessage
from harness.wire.core import Message
from simulators import trouble
from simulators.hospital import (
    lis_driver,
    lis_flaws,
    lis_flaws_guess,
    lis_reading,
    lis_results,
    lis_worklist,
)
from simulators.hospital.lis_flaws_frames import Frames
from simulators.hospital.lis_worklist import Download
from simulators.hospital.outbox import Outbox
from simulators.store import Store

PUSH_AGAIN_S: Final = 10.0
"""After a push that failed."""

ON_THE_WAY_MAX: Final = 1_000
"""Downloads whose fate is remembered."""

ANALYZERS_MAX: Final = 1_000
"""Senders whose connection is remembered."""


@dataclass(slots=True)
class AstmAnalyzers:
    """The part of the LIS that ASTM analyzers talk to."""

    store: Store
    outbox: Outbox
    defects: set[str]
    stamp: Callable[[], str]
    role: str = "LIS"
    _late: dict[str, list[act.Command]] = field(default_factory=dict)
    _tripped: set[str] = field(default_factory=set)
    """Connections whose frame at hand completes a message that could not be taken in."""
    _conns: dict[str, str] = field(default_factory=dict)
    """By sender: the connection over which it was heard last."""
    _on_the_way: dict[str, str] = field(default_factory=dict)
    """By hash of a download: whom it is for."""

    _frames: Frames = field(default_factory=Frames)
    _reconnected: bool = False
    """A connection ended, and nothing has come since."""
    _restarted: bool = False
    """There was work before this start."""
    _fresh: bool = False
    """Nothing has come since a restart."""

    def started(self) -> None:
        """The system begins: for the first time, or with what it knew before."""
        self._restarted = bool(self.store.rows("SELECT 1 AS n FROM orders LIMIT 1"))
        self._fresh = self._restarted

    @property
    def deaf(self) -> bool:
        """The defect: after a restart nobody is listened to."""
        return self._restarted and "lis-port-stays-closed" in self.defects

    def on_event(self, event: act.Received, now: float) -> list[act.Command]:
        """A whole message is reported before the frame that completes it asks for its reply."""
        self._frames.note(event.conn, event.event)
        match event.event:
            case MessageReceived() as message:
                try:
                    return self._message(event.conn, message.payload, now)
                except Exception as error:  # noqa: BLE001 - one message must not end the system
                    trouble.tell(self.role, error)
                    self._tripped.add(event.conn)
            case SessionEnded():
                return self._late.pop(event.conn, [])
            case FrameReceived(hold=hold):
                waits = "lis-stores-at-session-end" in self.defects
                late: list[act.Command] = [] if waits else self._late.pop(event.conn, [])
                if event.conn in self._tripped:
                    self._tripped.discard(event.conn)
                    return [act.Send(conn=event.conn, event=Refuse(hold=hold))]
                return [act.Send(conn=event.conn, event=Accept(hold=hold)), *late]
            case MessageIncomplete() as half if data := lis_flaws.half_message(half, self.defects):
                return self._message(event.conn, data, now)
            case Delivered(payload=payload):
                return self._fate(payload, "taken", now)
            case SendFailed(payload=payload, reason=reason):
                again: list[act.Command] = []
                if reason == "frame-timeout" and "lis-floods-after-timeout" in self.defects:
                    again = [act.Send(conn=event.conn, event=Message(payload=payload))]
                return [*self._fate(payload, "failed", now), *again * lis_flaws_guess.FLOOD]
        return []

    def _message(self, conn: str, payload: bytes, now: float) -> list[act.Command]:
        """Store a whole message; the frame that carries its L record is accepted after that."""
        time = self.stamp()
        payload, defects = self._frames.message(conn, payload, self.defects)
        if self._reconnected and "lis-forgets-after-reconnect" in defects:
            defects = {*defects, "lis-stores-repeats-of-results"}
        self._reconnected = False
        lost, self._fresh = self._fresh and "lis-loses-first-after-start" in defects, False
        if lost:
            return []
        statements = lis_results.store(payload, self.store, self.outbox, defects, time)
        commands: list[act.Command] = []
        if statements:
            stored = [act.Commit(statements=statements), self.outbox.soon(now)]
            if self.defects & {"lis-accepts-before-storing", "lis-stores-at-session-end"}:
                self._late.setdefault(conn, []).extend(stored)
            else:
                commands = [*stored]
        return [*commands, *self._heard(conn, payload, now, time)]

    def _heard(self, conn: str, payload: bytes, now: float, time: str) -> list[act.Command]:
        """Who it was, what it asks, and what waits for it."""
        message = AstmMessage.parse(payload, lis_results.FIRST_CODEC)
        sender = lis_reading.sender_of(message)
        driver = lis_driver.load(self.store, sender)
        if sender and (sender in self._conns or len(self._conns) < ANALYZERS_MAX):
            self._conns[sender] = conn
        commands: list[act.Command] = [act.SetTimer(name="worklist", at=now)] if driver.push else []
        asked = lis_worklist.asked(message, self.store, driver, self.defects)
        if asked is None:
            return commands
        found = lis_worklist.answer(asked, self.store, driver, self.defects, time)
        if found is not None:
            if found.statements:
                commands.append(act.Commit(statements=found.statements))
            self._late.setdefault(conn, []).append(self._sent(conn, found, sender))
        return commands

    def _sent(self, conn: str, download: Download, sender: str) -> act.Send:
        while len(self._on_the_way) >= ON_THE_WAY_MAX:
            del self._on_the_way[next(iter(self._on_the_way))]
        self._on_the_way[_key(download.payload)] = sender
        return act.Send(conn=conn, event=Message(payload=download.payload))

    def push(self, now: float) -> list[act.Command]:
        """Tell every analyzer that is configured for it, and connected, what is new."""
        commands: list[act.Command] = []
        for driver in lis_driver.pushed_to(self.store):
            conn = self._conns.get(driver.sender, "")
            found = None
            if conn:
                found = lis_worklist.push(self.store, driver, self.defects, self.stamp())
            if found is not None:
                commands.append(act.Commit(statements=found.statements))
                commands.append(self._sent(conn, found, driver.sender))
        return commands

    def ask_results(self, event: act.Commanded) -> list[act.Command]:
        """The staff wants results that an analyzer has and we have not (LIS02-A2 §11).

        Takes ``sender`` and ``barcode``; without a barcode every tube is asked for.
        """
        sender, barcode = str(event.args.get("sender", "")), str(event.args.get("barcode", ""))
        conn = self._conns.get(sender, "")
        if not conn:
            return [act.Reply(ident=event.ident, error=f"{sender} is not connected")]
        driver = lis_driver.load(self.store, sender)
        payload = lis_worklist.results_query(driver, barcode, self.stamp())
        return [act.Send(conn=conn, event=Message(payload=payload)), act.Reply(ident=event.ident)]

    def push_soon(self, now: float) -> list[act.Command]:
        """A push after what is about to be committed, where somebody wants one."""
        wanted = self.store.rows("SELECT 1 AS n FROM analyzer_driver WHERE push = 1 LIMIT 1")
        return [act.SetTimer(name="worklist", at=now)] if wanted else []

    def _fate(self, payload: bytes, state: str, now: float) -> list[act.Command]:
        """A download has arrived, or has not: what failed as a push is new again."""
        sender = self._on_the_way.pop(_key(payload), "")
        if not sender:
            return []
        sql = "UPDATE worklist SET state = ? WHERE instrument = ? AND state = 'sent'"
        commands: list[act.Command] = [act.Commit(statements=[(sql, (state, sender))])]
        if state == "failed":
            commands.append(act.SetTimer(name="worklist", at=now + PUSH_AGAIN_S))
        return commands

    def forget(self, conn: str) -> None:
        """A connection is gone, and the frame at hand with it."""
        self._reconnected = True
        self._frames.forget(conn)
        self._late.pop(conn, None)
        self._tripped.discard(conn)
        for sender in [one for one, its in self._conns.items() if its == conn]:
            del self._conns[sender]


def _key(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
