"""What a sender did after each answer: the reaction is the test of an answer policy.

A reaction is one of ``sent again`` (same control id and content), ``sent again with other
content``, ``sent again with another control id`` (same matter), ``went on`` (another matter),
``hung up``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from harness.wire.hl7 import header

AGAIN, CHANGED, RENAMED = (
    "sent again", "sent again with other content", "sent again with another control id",
)  # fmt: skip
WENT_ON, HUNG_UP = "went on", "hung up"
AT_ONCE: Final = "came again without a pause"

PAUSE_S: Final = 0.2
"""A sender that comes again sooner has no back-off: no engine has a shorter retry interval."""

OBSERVED_MAX: Final = 1_000
"""Reactions that are kept: a scripted policy answers a handful of messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What followed one answer.

    Attributes:
        identity: of the message that was answered.
        answer: the action of the rule, with MSA-1 where there is one: ``answer AE``.
        reaction: see above.
        seconds: from the answer to the reaction.
        same_connection: the reaction came over the connection of the answer.
    """

    identity: str
    answer: str
    reaction: str
    seconds: float
    same_connection: bool

    @property
    def text(self) -> str:
        """As it stands in the journal: without the time, which differs from run to run."""
        return f"{self.identity}: {self.answer}: {self.reaction}"

    @property
    def texts(self) -> tuple[str, ...]:
        """``text``, and whether the sender connected again without a pause."""
        cut_off = self.answer in {"close", "reset"}
        hasty = cut_off and self.reaction == AGAIN and self.seconds < PAUSE_S
        return (self.text, f"{self.identity}: {AT_ONCE}") if hasty else (self.text,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    conn: str
    identity: str
    control_id: str
    digest: bytes
    answer: str
    at: float


@dataclass(slots=True)
class Aftermath:
    """Remembers the last answer until the sender does something."""

    reactions: list[Reaction] = field(default_factory=list)
    _last: _Answered | None = None

    def answered(self, conn: str, identity: str, payload: bytes, answer: str, now: float) -> None:
        """An answer was given, or withheld."""
        self._last = _Answered(
            conn=conn, identity=identity, control_id=header(payload).control_id,
            digest=hashlib.sha256(payload).digest(), answer=answer, at=now,
        )  # fmt: skip

    def delivered(self, conn: str, identity: str, payload: bytes, now: float) -> list[Reaction]:
        """A message came: what that says of the answer before it."""
        last = self._last
        if last is None:
            return []
        if header(payload).control_id == last.control_id:
            same = hashlib.sha256(payload).digest() == last.digest
            reaction = AGAIN if same else CHANGED
        else:
            reaction = RENAMED if identity == last.identity else WENT_ON
        return self._told(last, reaction, conn, now)

    def closed(self, conn: str, now: float) -> list[Reaction]:
        """The sender ended a connection; what it does next is still waited for."""
        last = self._last
        if last is None or last.conn != conn:
            return []
        kept = self._last
        told = self._told(last, HUNG_UP, conn, now)
        self._last = kept
        return told

    def _told(self, last: _Answered, reaction: str, conn: str, now: float) -> list[Reaction]:
        self._last = None
        one = Reaction(
            identity=last.identity, answer=last.answer, reaction=reaction,
            seconds=round(now - last.at, 3), same_connection=conn == last.conn,
        )  # fmt: skip
        if len(self.reactions) < OBSERVED_MAX:
            self.reactions.append(one)
        return [one]
