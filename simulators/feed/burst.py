"""A sender that does not wait: several messages go out in one go, and the answers are counted.

What a receiver makes of frames that arrive together shows only where the sender sends on without
an answer; an ordinary sender (``feed.py``) never does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hllp import HllpCore
from harness.wire.mllp import MllpCore
from simulators.feed.feed import ANSWER_S

BURST_MAX: Final = 200
"""Messages of one burst; more is load, which has a tool of its own."""


@dataclass(slots=True)
class Burst:
    """The actor.

    Args:
        role: the role that it plays, such as ``HIS``.
        answer_s: how long it waits for the last answer.
        hybrid: speaks HLLP.
    """

    role: str
    answer_s: float = ANSWER_S
    hybrid: bool = False
    _conn: str = ""
    _opened: int = 0
    _ident: int = 0
    _payloads: list[bytes] = field(default_factory=list)
    _codes: dict[str, list[str]] = field(default_factory=dict)

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP; what goes wrong on the way is planned on the link."""
        return HllpCore() if self.hybrid else MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Everything at once, then listen."""
        match event:
            case act.Commanded(name="burst"):
                return self._burst(event)
            case act.Commanded():
                return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
            case act.Opened(conn=self._conn):
                sends = [act.Send(conn=self._conn, event=Message(payload=one))
                         for one in self._payloads]  # fmt: skip
                return [act.SetTimer(name="answers", at=now + self.answer_s), *sends]
            case act.Refused(conn=self._conn) | act.Closed(conn=self._conn):
                return self._done(Outcome.UNKNOWN)
            case act.TimerFired(name="answers"):
                return self._done(Outcome.UNKNOWN)
            case act.Received(conn=self._conn, event=Message() as message):
                return self._answered(message.payload)
        return []

    def _burst(self, event: act.Commanded) -> list[act.Command]:
        """Send ``payloads`` (hex, joined by commas) over a fresh connection of ``link``."""
        payloads = [bytes.fromhex(one) for one in str(event.args["payload"]).split(",")]
        if self._ident:
            return [act.Reply(ident=event.ident, error="the burst before is not over")]
        if len(payloads) > BURST_MAX:
            return [act.Reply(ident=event.ident, error=f"at most {BURST_MAX} messages")]
        self._ident, self._payloads = event.ident, payloads
        self._codes = {header(one).control_id: [] for one in payloads}
        self._opened += 1
        link = str(event.args["link"])
        self._conn = f"{link}#{self.role}-burst{self._opened}"
        return [act.Open(link=link, conn=self._conn)]

    def _answered(self, payload: bytes) -> list[act.Command]:
        answer = Hl7Message.parse(payload)
        codes = self._codes.get(answer.get("MSA-2") or "")
        if codes is not None:
            codes.append(answer.get("MSA-1") or "")
        return self._done(Outcome.OK) if all(self._codes.values()) else []

    def _done(self, outcome: Outcome) -> list[act.Command]:
        ident, self._ident = self._ident, 0
        if not ident:
            return []
        value = {"outcome": outcome.value, "answers": {k: list(v) for k, v in self._codes.items()}}
        return [act.SetTimer(name="answers", at=None), act.Reply(ident=ident, value=value)]
