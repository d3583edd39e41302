"""The short way of a message that an actor answers at once, whoever sent it and whatever it says.

Nearly every message that a receiver takes is one frame in one read, and its answer follows from its
header alone. Then no event, no command and no queue is needed between the two: the payload is cut
out, the actor gives the answer, and the journal is told of both in one entry. Whatever is not so
plain goes the way of all messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from harness.link.tap import Connection
from harness.wire.core import Core, unchanged
from harness.wire.mllp import MllpCore, framed

if TYPE_CHECKING:
    from harness.link.host import Host

Reply = Callable[[bytes, float], bytes | None]
"""What leaves for a read; None, with nothing told and nothing kept, where there is no short way."""


@runtime_checkable
class Replying(Protocol):
    """An actor that answers most messages with one message, and does nothing else about them."""

    def reply_at_once(self, conn: str, payload: bytes) -> bytes | None:
        """As ``on_event`` of a received ``Message``, where one ``Send`` is all that comes of it.

        Returns:
            The payload of the answer; None, with nothing done, where ``on_event`` is to be asked.
        """
        ...


@runtime_checkable
class Replied(Protocol):
    """A watcher that takes a message and its answer in one go."""

    def replied(self, connection: Connection, payload: bytes, answer: bytes, now: float) -> None:
        """As ``Watcher.data`` and ``Watcher.event`` of both, each in one frame, read and write."""
        ...


def short_reply(host: Host, core: Core, about: Connection) -> Reply | None:
    """The short way of one connection; None where the actor, the core or the watcher has none.

    Where somebody must agree to what we send, there is none either.
    """
    actor, watcher = host.actor, host.watcher
    if host.guard is not None or not isinstance(core, MllpCore) or not isinstance(actor, Replying):
        return None
    kind = type(core)
    if kind.receive is not MllpCore.receive or kind.events is not MllpCore.events:
        return None  # it makes something else of a frame, as HLLP does
    if watcher is not None and not isinstance(watcher, Replied):
        return None
    tell = None if watcher is None else watcher.replied
    reply, conn, plain = actor.reply_at_once, about.id, core

    def answer(data: bytes, now: float) -> bytes | None:
        payload = plain.whole(data)
        if payload is None or plain.mutator is not unchanged or host.watcher is not watcher:
            return None
        try:
            said = reply(conn, payload)
        except Exception:  # noqa: BLE001 - the long way tells it, with the message in the journal
            return None
        if said is None:
            return None
        plain.passed(data)
        if tell is not None:
            tell(about, payload, said, now)
        return framed(said)

    return answer
