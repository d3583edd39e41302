"""A sender with many connections: one message over each, all of them under way at a time.

What a receiver mixes up between connections, or makes wait for one another, shows only where they
are open at once; an ordinary sender (``feed.py``) has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hllp import block
from simulators.feed.core import BlockCore, Bytes, FeedCore
from simulators.feed.feed import ANSWER_S

CONNECTIONS_MAX: Final = 50


@dataclass(slots=True)
class Parallel:
    """The actor.

    Args:
        role: the role that it plays, such as ``HIS``.
        answer_s: how long it waits for the last answer.
        hybrid: speaks HLLP.
    """

    role: str
    answer_s: float = ANSWER_S
    hybrid: bool = False
    _ident: int = 0
    _payloads: dict[str, bytes] = field(default_factory=dict)
    _opened: set[str] = field(default_factory=set)
    _own: set[str] = field(default_factory=set)
    _foreign: int = 0
    _half: str = ""
    _round: int = 0

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP or HLLP, and halves of frames."""
        return BlockCore() if self.hybrid else FeedCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Open all, then send over all, then listen."""
        match event:
            case act.Commanded(name="parallel"):
                return self._begin(event, now)
            case act.Commanded():
                return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
            case act.Opened() if event.conn in self._payloads:
                self._opened.add(event.conn)
                return self._send() if len(self._opened) == len(self._payloads) else []
            case act.TimerFired(name="answers"):
                return self._done(Outcome.UNKNOWN)
            case act.Received(event=Message() as message) if event.conn in self._payloads:
                return self._answered(event.conn, message.payload)
        return []

    def _begin(self, event: act.Commanded, now: float) -> list[act.Command]:
        """Send ``payloads`` (hex, joined by commas), one over each fresh connection of ``link``.

        With ``half`` the first connection gets the first half of its frame only.
        """
        payloads = [bytes.fromhex(one) for one in str(event.args["payload"]).split(",")]
        if self._ident:
            return [act.Reply(ident=event.ident, error="the round before is not over")]
        if len(payloads) > CONNECTIONS_MAX:
            text = f"at most {CONNECTIONS_MAX} connections"
            return [act.Reply(ident=event.ident, error=text)]
        self._ident, link = event.ident, str(event.args["link"])
        self._round += 1
        names = [f"{link}#{self.role}-{self._round}-{number}" for number in range(len(payloads))]
        self._payloads = dict(zip(names, payloads, strict=True))
        self._opened, self._own, self._foreign = set(), set(), 0
        self._half = names[0] if event.args.get("half") else ""
        opens: list[act.Command] = [act.Open(link=link, conn=name) for name in names]
        return [act.SetTimer(name="answers", at=now + self.answer_s), *opens]

    def _send(self) -> list[act.Command]:
        sends: list[act.Command] = []
        for conn, payload in self._payloads.items():
            if conn == self._half:
                inside = block(payload) if self.hybrid else payload
                frame = b"\x0b%b" % inside[: len(inside) // 2]
                sends.append(act.Send(conn=conn, event=Bytes(data=frame)))
            else:
                sends.append(act.Send(conn=conn, event=Message(payload=payload)))
        return sends

    def _answered(self, conn: str, payload: bytes) -> list[act.Command]:
        answer = Hl7Message.parse(payload)
        own = header(self._payloads[conn]).control_id
        if (answer.get("MSA-1"), answer.get("MSA-2")) == ("AA", own):
            self._own.add(conn)
        else:
            self._foreign += 1
        whole = len(self._payloads) - bool(self._half)
        return self._done(Outcome.OK) if len(self._own) == whole else []

    def _done(self, outcome: Outcome) -> list[act.Command]:
        ident, self._ident = self._ident, 0
        if not ident:
            return []
        value = {"outcome": outcome.value, "own": len(self._own), "foreign": self._foreign}
        return [act.SetTimer(name="answers", at=None), act.Reply(ident=ident, value=value)]
