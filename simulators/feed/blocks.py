"""A sender that speaks HLLP over a line that damages its first block (HL7 2.3 guide §C.4.1).

What a terminal server or a serial line does to a block: two equal bytes get lost, which the
exclusive or cannot see; one byte is changed, which the count cannot see; or the block comes without
its head. The sender does what the protocol asks of it: refused, it sends the same block again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hllp import BlockRefused, block
from harness.wire.mllp import framed
from simulators.feed.core import BlockCore, Bytes

ANSWER_S: Final = 5.0
"""How long an answer is waited for before the block is sent again."""

SENT_MAX: Final = 3
"""Times that one block is sent, the damaged one included."""


def lost_pair(payload: bytes, about: bytes, spot: float) -> bytes:
    """The frame of a block out of which two equal bytes of ``about`` got lost.

    Args:
        payload: the message.
        about: the value that is hit; it stands in the message.
        spot: where, from 0 to 1.

    Raises:
        InputError: the value has no two equal bytes, or is not there.
    """
    pairs = [
        pair for pair in combinations(range(len(about)), 2) if about[pair[0]] == about[pair[1]]
    ]
    whole, begin = _whole(payload, about)
    if not pairs:
        raise InputError(tr("no two bytes of the value are equal"))
    first, second = (begin + one for one in pairs[int(spot * len(pairs))])
    return framed(whole[:first] + whole[first + 1 : second] + whole[second + 1 :])


def changed(payload: bytes, about: bytes, spot: float) -> bytes:
    """The frame of a block in which one byte of ``about`` became another digit."""
    whole, begin = _whole(payload, about)
    at = begin + int(spot * len(about))
    other = b"%d" % ((whole[at] - ord("0") + 1) % 10)
    return framed(whole[:at] + other + whole[at + 1 :])


def plain(payload: bytes, _about: bytes, _spot: float) -> bytes:
    """The message as MLLP has it: without the head of a block, its count and its checksum."""
    return framed(payload)


DAMAGES: Final[Mapping[str, Callable[[bytes, bytes, float], bytes]]] = {
    "lost-pair": lost_pair,
    "changed": changed,
    "plain": plain,
}
"""What a line makes of a block, by name."""


def _whole(payload: bytes, about: bytes) -> tuple[bytes, int]:
    whole = block(payload)
    begin = whole.find(about) if about else -1
    if begin < 0:
        raise InputError(tr("the value does not stand in the message"))
    return whole, begin


@dataclass(slots=True)
class BlockSender:
    """The actor: one message over one connection, and the outcome with every refusal."""

    role: str
    _conn: str = ""
    _ident: int = 0
    _payload: bytes = b""
    _first: bytes = b""
    _sent: int = 0
    _refusals: str = ""
    _opened: int = 0

    def open_core(self, link: str, *, client: bool) -> Core:
        """HLLP, and bytes as they are."""
        return BlockCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Send, and send again what was refused or not answered."""
        match event:
            case act.Commanded(name="send") if not self._ident:
                return self._begin(event)
            case act.Commanded():
                return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
            case act.Opened(conn=self._conn):
                return self._again(now)
            case act.Refused(conn=self._conn):
                self._conn = ""
                return self._done(Outcome.FAILED, event.reason)
            case act.Closed(conn=self._conn) if self._conn:
                self._conn = ""
                return self._done(Outcome.UNKNOWN, event.reason or "closed before the answer")
            case act.Received(conn=self._conn, event=BlockRefused() as refused) if self._ident:
                self._refusals += refused.reason
                return self._again(now)
            case act.Received(conn=self._conn, event=Message() as message) if self._ident:
                return self._answered(message.payload)
            case act.TimerFired(name="answer") if self._ident:
                return self._again(now)
        return []

    def _begin(self, event: act.Commanded) -> list[act.Command]:
        """``payload`` over ``link``; ``first`` is the frame that goes out in its place (hex)."""
        self._ident, self._sent, self._refusals = event.ident, 0, ""
        self._payload = bytes.fromhex(str(event.args["payload"]))
        self._first = bytes.fromhex(str(event.args.get("first", "")))
        self._opened += 1
        link = str(event.args["link"])
        self._conn = f"{link}#{self.role}-block{self._opened}"
        return [act.Open(link=link, conn=self._conn)]

    def _again(self, now: float) -> list[act.Command]:
        if self._sent >= SENT_MAX:
            return self._done(Outcome.UNKNOWN, "no answer")
        self._sent += 1
        damaged = self._first if self._sent == 1 else b""
        event = Bytes(data=damaged) if damaged else Message(payload=self._payload)
        return [act.Send(conn=self._conn, event=event),
                act.SetTimer(name="answer", at=now + ANSWER_S)]  # fmt: skip

    def _answered(self, payload: bytes) -> list[act.Command]:
        answer = Hl7Message.parse(payload)
        if answer.get("MSA-2") != header(self._payload).control_id:
            return []
        code = answer.get("MSA-1") or ""
        outcome = Outcome.OK if code in {"AA", "CA"} else Outcome.FAILED
        return self._done(outcome, answer.get("MSA-3") or "", code)

    def _done(self, outcome: Outcome, detail: str, code: str = "") -> list[act.Command]:
        ident, self._ident = self._ident, 0
        if not ident:
            return []
        value = {"outcome": outcome.value, "detail": detail, "code": code,
                 "refusals": self._refusals}  # fmt: skip
        return [act.SetTimer(name="answer", at=None), act.Reply(ident=ident, value=value)]
