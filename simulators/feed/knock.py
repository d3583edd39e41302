"""Bytes at a door, and what comes back: for greetings that no proper sender makes any more.

A plain frame where TLS is spoken, or the greeting of a version that nobody should speak: the door
must say no, and be there for the next one. What came back is read by hand, from RFC 8446.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Event, Message, RawCore
from simulators.feed.core import Bytes

PATIENCE_S: Final = 2.0
"""How long an answer is waited for; a door that says no does so at once."""

RANDOM: Final = bytes(range(32))
SUITES: Final = bytes.fromhex("002f0035c013c014c009c00a00ff")
"""What TLS 1.0 offered: AES in CBC with SHA-1 (RFC 5246 appendix A.5), and 5746's mark."""

ALERT, SERVER_HELLO, FRAME, NOTHING = "alert", "hello", "frame", "nothing"


def greeting(minor: int) -> bytes:
    """A ClientHello of TLS 1.0 (``minor`` 1) or 1.1 (2), typed from RFC 5246 §7.4.1.2."""
    version = bytes([3, minor])
    groups = bytes.fromhex("000a0006000400170018")
    points = bytes.fromhex("000b00020100")
    extensions = groups + points
    body = (
        version + RANDOM + b"\0" + len(SUITES).to_bytes(2, "big") + SUITES + b"\x01\0"
        + len(extensions).to_bytes(2, "big") + extensions
    )  # fmt: skip
    shake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(shake).to_bytes(2, "big") + shake


def told(data: bytes) -> str:
    """What an answer is: by its first record (RFC 8446 §5.1, §4)."""
    if data[:1] == b"\x16" and data[5:6] == b"\x02":
        return SERVER_HELLO
    if data[:1] == b"\x15":
        return ALERT
    return FRAME if b"\x0b" in data else NOTHING


@dataclass(slots=True)
class KnockCore(RawCore):
    """``RawCore``, which sends ``Bytes``."""

    def send(self, event: Event, now: float) -> None:
        """Put bytes on the wire as they are."""
        if isinstance(event, Bytes):
            self._out += event.data


@dataclass(slots=True)
class Knock:
    """The actor: one connection, some bytes, and what came back until its end."""

    role: str
    _conn: str = ""
    _ident: int = 0
    _data: bytes = b""
    _count: int = 0
    _came: bytearray = field(default_factory=bytearray)

    def open_core(self, link: str, *, client: bool) -> Core:
        """Bytes as they are."""
        return KnockCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Say it, and listen."""
        match event:
            case act.Commanded(name="knock") if not self._ident:
                self._ident, self._data = event.ident, bytes.fromhex(str(event.args["payload"]))
                self._came.clear()
                self._count += 1
                link = str(event.args["link"])
                self._conn = f"{link}#{self.role}-knock{self._count}"
                patience = act.SetTimer(name="patience", at=now + PATIENCE_S)
                return [patience, act.Open(link=link, conn=self._conn)]
            case act.Commanded():
                return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
            case act.Opened(conn=self._conn):
                return [act.Send(conn=self._conn, event=Bytes(data=self._data))]
            case act.Received(conn=self._conn, event=Message() as message):
                self._came += message.payload
            case act.Closed(conn=self._conn) | act.Refused(conn=self._conn) if self._conn:
                self._conn = ""
                return self._done()
            case act.TimerFired(name="patience"):
                closing, self._conn = self._conn, ""
                return [*([act.Close(conn=closing)] if closing else []), *self._done()]
        return []

    def _done(self) -> list[act.Command]:
        ident, self._ident = self._ident, 0
        if not ident:
            return []
        value = {"outcome": Outcome.OK.value, "answer": told(bytes(self._came))}
        return [act.SetTimer(name="patience", at=None), act.Reply(ident=ident, value=value)]
