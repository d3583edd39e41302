"""The forwarding half of the interface engine: one queue, one connection and one patience a link.

A message leaves the queue when its receiver has answered. ``AA`` and ``CA`` end it; ``AE``, ``AR``,
``CE`` and ``CR`` put it aside for a person with the reason, and the next one goes out; anything
else, or silence, brings the same bytes again over a new connection, after a pause that doubles
(HL7 2.5.1 §2.9.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.link import actor as act
from harness.link.tls_core import TlsFailed
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from harness.wire.hllp import BlockRefused
from simulators.hospital import interface_engine_hllp, messages
from simulators.hospital.outbox import Timing
from simulators.store import Store, insert

Statement = tuple[str, Sequence[Any]]

PENDING, DONE, REFUSED, ABANDONED = "pending", "accepted", "refused", "abandoned"

BACK_OFF_TIMES: Final = 8
"""The longest pause between two attempts, as a multiple of the first."""

SENDERS: Final = "engine-sender"
"""The link back to whoever asked for an application answer over a connection of its own."""


def row_of(link: str, payload: bytes, origin: bytes = b"") -> dict[str, Any]:
    """A message as the queue keeps it."""
    message = Hl7Message.parse(payload)
    kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
    return {
        "link": link, "control_id": message.get("MSH-10") or "", "kind": kind,
        "patient": message.get("PID-3[1].1") or "", "payload": payload.hex(), "state": PENDING,
        "tries": 0, "reason": "", "origin": origin.hex(),
    }  # fmt: skip


@dataclass(slots=True)
class Forwarder:
    """One destination.

    Args:
        link: that it is reached over.
        store: of the engine.
        timing: patience.
        defects: switched-on defects of the engine.
        before: the destination that has to be through first, for the one defect.
    """

    link: str
    store: Store
    timing: Timing
    defects: set[str]
    before: str = ""
    conn: str = ""
    opening: bool = False
    waiting: Mapping[str, Any] | None = None
    newest_first: bool = False
    failures: int = 0
    _opened: int = 0
    _resting: bool = field(default=False)

    def timer(self, name: str) -> str:
        """The name of one of its timers."""
        return f"{name} {self.link}"

    def soon(self, now: float) -> act.Command:
        """Look into the queue once the commands before this one are carried out."""
        return act.SetTimer(name=self.timer("push"), at=now)

    def started(self, now: float) -> list[act.Command]:
        """What a start finds in the queue goes out first."""
        self.newest_first = "engine-reorders-after-restart" in self.defects and bool(self._next())
        if "engine-repeats-after-restart" not in self.defects:
            return [self.soon(now)]
        sql = "SELECT payload FROM queue WHERE link = ? AND state = ? ORDER BY id DESC LIMIT 1"
        again = [
            insert("queue", row_of(self.link, _renamed(bytes.fromhex(row["payload"]))))
            for row in self.store.rows(sql, (self.link, DONE))
        ]
        return [act.Commit(statements=again), self.soon(now)] if again else [self.soon(now)]

    def _next(self) -> Mapping[str, Any] | None:
        order = "id DESC" if self.newest_first else "id"
        rows = self.store.rows(
            "SELECT id, control_id, payload, tries, origin FROM queue"
            f" WHERE link = ? AND state = '{PENDING}' ORDER BY {order} LIMIT 1",
            (self.link,),
        )
        return rows[0] if rows else None

    def push(self, now: float) -> list[act.Command]:
        """Send the next message if the line is free."""
        if self.waiting is not None or self._resting or self._held_up():
            return []
        row = self._next()
        if row is None:
            self.newest_first = False
            return []
        if not self.conn:
            return self._open()
        self.waiting = row
        patient = "engine-waits-for-ever" not in self.defects
        timer = [act.SetTimer(name=self.timer("answer"), at=now + self.timing.answer_s)]
        more: Statement = ("UPDATE queue SET tries = tries + 1 WHERE id = ?", (row["id"],))
        return [
            *(timer if patient else []),
            act.Commit(statements=[more]),
            act.Send(conn=self.conn, event=Message(payload=bytes.fromhex(row["payload"]))),
        ]

    def _held_up(self) -> bool:
        """The defect: destinations one after the other, so that one that is down stops the rest."""
        if not self.before or "engine-one-line-for-all" not in self.defects:
            return False
        sql = f"SELECT 1 AS n FROM queue WHERE link = ? AND state = '{PENDING}' LIMIT 1"
        return bool(self.store.rows(sql, (self.before,)))

    def _open(self) -> list[act.Command]:
        if self.opening:
            return []
        self.opening = True
        self._opened += 1
        return [act.Open(link=self.link, conn=f"{self.link}#out{self._opened}")]

    # -- what happens on the line --------------------------------------------------------------

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """What concerns this destination; anything else is answered with nothing."""
        match event:
            case act.Opened(conn=conn, link=self.link) if conn.startswith(f"{self.link}#out"):
                self.conn, self.opening = conn, False
                return self.push(now)
            case act.Refused(link=self.link):
                self.opening = False
                return self._rest(now)
            case act.Closed(conn=self.conn) if self.conn:
                self.conn, self.waiting = "", None
                return [self._quiet(), *self._rest(now)]
            case act.Received(conn=self.conn, event=TlsFailed()) if self.conn:
                return [self._quiet(), *self._no_answer(now)]  # it stays in the queue
            case act.Received(conn=self.conn, event=Message() as message) if self.conn:
                return self._answered(message.payload, now)
            case act.Received(conn=self.conn, event=BlockRefused()) if self.waiting:
                return self._refused(self.waiting, now)
            case act.TimerFired(name=name) if name == self.timer("answer"):
                return self._no_answer(now)
            case act.TimerFired(name=name) if name == self.timer("retry"):
                self._resting = False
                return self.push(now)
            case act.TimerFired(name=name) if name == self.timer("push"):
                return self.push(now)
        return []

    def _quiet(self) -> act.Command:
        return act.SetTimer(name=self.timer("answer"), at=None)

    def _answered(self, payload: bytes, now: float) -> list[act.Command]:
        answer = Hl7Message.parse(payload)
        row, code = self.waiting, answer.get("MSA-1") or ""
        if row is None or not answer.count("MSH") or answer.get("MSA-2") != row["control_id"]:
            return []
        if code not in {"AA", "CA", "AE", "AR", "CE", "CR"}:
            return []
        self.waiting, self.failures = None, 0
        good = code in {"AA", "CA"}
        reason = "" if good else f"{code} {answer.get('MSA-3') or ''}".strip()
        if not good and "engine-blocked-by-refusal" in self.defects:
            return [self._quiet(), *self._rest(now)]
        state = DONE if good else REFUSED
        if not good and "engine-drops-refused" in self.defects:
            state, reason = DONE, ""
        statements: list[Statement] = [
            ("UPDATE queue SET state = ?, reason = ? WHERE id = ?", (state, reason, row["id"]))
        ]
        told: list[act.Command] = []
        if row["origin"] and self.link != SENDERS:
            origin = bytes.fromhex(row["origin"])
            ack = application_answer(origin, "AA" if good else "AE", reason)
            if "engine-forgets-application-answer" not in self.defects:
                statements.append(insert("queue", row_of(SENDERS, ack)))
                told = [act.SetTimer(name=f"push {SENDERS}", at=now)]
        return [self._quiet(), self.soon(now), act.Commit(statements=statements), *told]

    def _refused(self, row: Mapping[str, Any], now: float) -> list[act.Command]:
        """A block of HLLP did not arrive whole: the same again, over the same connection."""
        self.waiting = None
        flawed: list[act.Command] = []
        if "engine-hllp-refusal-is-answer" in self.defects:
            sql = "UPDATE queue SET state = ? WHERE id = ?"
            flawed = [act.Commit(statements=[(sql, (DONE, row["id"]))])]
        if "engine-hllp-renames-refused" in self.defects:
            sql = "UPDATE queue SET control_id = ?, payload = ? WHERE id = ?"
            ident, payload = interface_engine_hllp.renamed(row)
            flawed = [act.Commit(statements=[(sql, (ident, payload, row["id"]))])]
        return [self._quiet(), *flawed, *self._rest(now)]

    def _no_answer(self, now: float) -> list[act.Command]:
        if self.waiting is None:
            return []
        self.waiting = None
        closing, self.conn = self.conn, ""
        return [*([act.Close(conn=closing)] if closing else []), *self._rest(now)]

    def _rest(self, now: float) -> list[act.Command]:
        """A pause before the next attempt, twice as long after each failure."""
        if self._resting:
            return []
        self._resting = True
        times = min(2**self.failures, BACK_OFF_TIMES)
        self.failures += 1
        if "engine-no-back-off" in self.defects:
            times = 0.05
        return [act.SetTimer(name=self.timer("retry"), at=now + times * self.timing.retry_s)]


def application_answer(origin: bytes, code: str, text: str) -> bytes:
    """The answer of the application to a message that was committed before (§2.9.3.2).

    It is a message of its own, to be accepted in turn.
    """
    head = Hl7Message.parse(origin)
    ident = head.get("MSH-10") or ""
    error = "207" if code != "AA" else ""
    ack = messages.acknowledgement(
        origin, code, error=error, text=text, time=head.get("MSH-7") or "", system="ENGINE"
    )
    own = messages.control_id("P", ident, code)
    return Hl7Message.parse(ack).set("MSH-10", own).set("MSH-15", "AL").raw


def _renamed(payload: bytes) -> bytes:
    """The defect: the same matter as a message of its own."""
    ident = Hl7Message.parse(payload).get("MSH-10") or ""
    return Hl7Message.parse(payload).set("MSH-10", f"R{ident[1:]}").raw
