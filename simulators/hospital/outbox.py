"""Sending HL7 reliably: stored before it is sent, one outstanding, sent again until answered.

Follows ``HL7 2.5.1 §2.9.2``: the same control id on every attempt, nothing new before the answer,
``AE`` and ``AR`` are not sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.link import actor as act
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from harness.wire.hllp import BlockRefused
from harness.wire.mllp import CommitBlock
from simulators.store import Store, insert

Statement = tuple[str, Sequence[Any]]

TRIES_MAX = 100
"""Attempts before a message is put aside for a person."""

HASTE_S = 0.2
"""What two defects know: the patience of a sender that floods its peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient a sender is, in seconds."""

    answer_s: float = 5.0
    retry_s: float = 1.0


@dataclass(slots=True)
class Outbox:
    """The sending half of a system, as part of its actor.

    Args:
        link: name of the endpoint that it sends over.
        store: where the messages wait.
        timing: patience.
        defects: switched-on defects of the system.
        prefix: of the defects that concern this outbox, ``lis`` or ``his``.
    """

    link: str
    store: Store
    timing: Timing
    defects: set[str]
    prefix: str
    conn: str = ""
    opening: bool = False
    waiting: int = 0
    waiting_id: str = ""
    _opened: int = 0
    _backing_off: bool = field(default=False)

    def put(self, control_id: str, kind: str, subject: str, payload: bytes) -> Statement:
        """The statement that stores one message for sending."""
        return insert(
            "outbox",
            {
                "control_id": control_id,
                "kind": kind,
                "subject": subject,
                "payload": payload.hex(),
                "state": "pending",
                "tries": 0,
            },
        )

    def pending(self) -> int:
        """Messages that are not answered yet."""
        rows = self.store.rows("SELECT COUNT(*) AS n FROM outbox WHERE state = 'pending'")
        return int(rows[0]["n"])

    def abandon(self) -> Statement:
        """The statement that gives up everything that still waits."""
        return "UPDATE outbox SET state = 'abandoned' WHERE state = 'pending'", ()

    def push(self, now: float) -> list[act.Command]:
        """Send the next message if the line is free."""
        if self.waiting or self._backing_off:
            return []
        order = "tries, id" if self.has("retries-at-the-end") else "id"
        rows = self.store.rows(
            "SELECT id, control_id, payload, tries FROM outbox WHERE state = 'pending'"
            f" ORDER BY {order} LIMIT 1"
        )
        if not rows:
            return []
        if not self.conn:
            return self._open()
        row = rows[0]
        if row["tries"] >= TRIES_MAX:
            aside = ("UPDATE outbox SET state = 'failed' WHERE id = ?", (row["id"],))
            return [self.soon(now), act.Commit(statements=[aside])]
        self.waiting, self.waiting_id = row["id"], row["control_id"]
        payload = bytes.fromhex(row["payload"])
        if row["tries"] and self.has("resend-new-control-id"):
            self.waiting_id = f"{row['control_id']}R{row['tries']}"
            payload = Hl7Message.parse(payload).set("MSH-10", self.waiting_id).raw
        # The timer comes first: where the commit fails, it brings us back.
        return [
            act.SetTimer(name="answer", at=now + self._patience_s()),
            act.Commit(
                statements=[("UPDATE outbox SET tries = tries + 1 WHERE id = ?", (row["id"],))]
            ),
            act.Send(conn=self.conn, event=Message(payload=payload)),
        ]

    def _patience_s(self) -> float:
        """How long an answer is waited for."""
        return HASTE_S if self.has("impatient") else self.timing.answer_s

    def _open(self) -> list[act.Command]:
        if self.opening:
            return []
        self.opening = True
        self._opened += 1
        return [act.Open(link=self.link, conn=f"{self.prefix}-out#{self._opened}")]

    def soon(self, now: float) -> act.Command:
        """Ask for ``push`` once the commands before this one are carried out."""
        return act.SetTimer(name="push", at=now)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """What concerns this outbox; anything else is answered with nothing."""
        match event:
            case act.Opened(link=self.link) if event.conn.startswith(f"{self.prefix}-out"):
                self.conn, self.opening = event.conn, False
                return self.push(now)
            case act.Refused(link=self.link):
                self.opening = False
                return self._back_off(now)
            case act.Closed(conn=self.conn) if self.conn:
                self.conn = ""
                if not self.waiting and self.has("stops-after-close"):
                    self._backing_off = True
                    return []
                return self._again(now)
            case act.Received(conn=self.conn, event=Message() as message) if self.conn:
                return self._answered(message.payload, now)
            case act.Received(conn=self.conn, event=CommitBlock(positive=True)) if self.waiting:
                return self._settle("accepted", now) if self.has("takes-commit-block") else []
            case act.Received(conn=self.conn, event=BlockRefused()) if self.waiting:
                return [act.SetTimer(name="answer", at=None), *self._again(now)]
            case act.TimerFired(name="answer"):
                return self._no_answer(now)
            case act.TimerFired(name="push"):
                return self.push(now)
            case act.TimerFired(name="retry"):
                self._backing_off = False
                return self.push(now)
        return []

    def _answered(self, payload: bytes, now: float) -> list[act.Command]:
        answer = Hl7Message.parse(payload)
        code, about = answer.get("MSA-1") or "", answer.get("MSA-2") or ""
        if not self.waiting:
            return []
        if not answer.count("MSH") and not self.has("takes-any-answer"):
            return []  # an MSA by itself is no message (HL7 2.5.1 §2.5.1)
        trusting = (self.has("ignores-msa-2") and code) or self.has("takes-any-answer")
        late = self.has("credits-late-answer") and self._sent_before(about)
        if about != self.waiting_id and not trusting and not late:
            return []
        if code == "CA" and self.has("refuses-commit-accept"):
            return self._again(now)
        if code in {"AE", "AR"} and self.has("poison-blocks"):
            return self._again(now)
        if code in {"AE", "AR", "CE", "CR"} and not self.has("takes-any-answer"):
            return self._settle("refused", now)
        if code in {"AA", "CA"} or self.has("takes-any-answer"):
            return self._settle("accepted", now)
        return []

    def _sent_before(self, control_id: str) -> bool:
        """Whether a message of ours had that control id."""
        sql = "SELECT 1 AS n FROM outbox WHERE control_id = ? LIMIT 1"
        return bool(self.store.rows(sql, (control_id,)))

    def _settle(self, state: str, now: float) -> list[act.Command]:
        """The commit is carried out before any timer fires, so the push reads the new state."""
        done, self.waiting, self.waiting_id = self.waiting, 0, ""
        return [
            act.SetTimer(name="answer", at=None),
            self.soon(now),
            act.Commit(statements=[("UPDATE outbox SET state = ? WHERE id = ?", (state, done))]),
        ]

    def _no_answer(self, now: float) -> list[act.Command]:
        if not self.waiting:
            return []
        closing: list[act.Command] = []
        if self.conn:
            closing, self.conn = [act.Close(conn=self.conn)], ""
        return [*closing, *self._again(now)]

    def _again(self, now: float) -> list[act.Command]:
        done, self.waiting, self.waiting_id = self.waiting, 0, ""
        if done and self.has("no-resend"):
            lost = ("UPDATE outbox SET state = 'lost' WHERE id = ?", (done,))
            return [*self._back_off(now), act.Commit(statements=[lost])]
        return self._back_off(now)

    def _back_off(self, now: float) -> list[act.Command]:
        self._backing_off = True
        pause_s = HASTE_S / 10 if self.has("no-back-off") else self.timing.retry_s
        return [act.SetTimer(name="retry", at=now + pause_s)]

    def has(self, defect: str) -> bool:
        """Is this defect of ours switched on?"""
        return f"{self.prefix}-{defect}" in self.defects
