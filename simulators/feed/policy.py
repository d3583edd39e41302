"""How a simulated receiver acknowledges: a rule by message, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.faults.identity import Identities
from harness.wire.core import Unit
from simulators.feed.odd import SHAPES

ANSWERS = frozenset(
    {
        "answer", "silence", "garbage", "foreign-id", "twice", "close", "accept-first",
        "again-later", "close-after", "reset", "free-text", "empty", "bare", "split", "swapped",
        "answer-of-before", *SHAPES,
    }
)  # fmt: skip

UNANSWERED = frozenset(
    {"silence", "close", "reset", "garbage", "free-text", "empty", "commit-block", "block-refused"}
)
"""Actions without a code."""

PIECE_GAP_S = 0.005
"""Between the bytes of a split answer: far above what a stack glues together."""

LATE_S = 0.5
"""How long after the first the second of ``again-later`` comes, where the rule has no delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What happens to messages that the rule takes.

    Attributes:
        holds: text that the business identity must contain; empty takes all.
        occurrences: which deliveries of one identity, from 1; empty takes all.
        action: ``answer``, ``silence``, ``garbage`` (a frame that is no HL7), ``foreign-id``
            (MSA-2 of another message), ``twice``, ``close`` (answer by hanging up), ``reset``,
            ``accept-first`` (CA, then the application answer), ``again-later`` (at once, and once
            more after ``delay_s``), ``close-after`` (answer, then hang up), ``free-text`` (bytes
            without a frame), ``empty`` (a frame without payload), ``bare`` (MSA without MSH),
            ``split`` (byte by byte), ``swapped`` (two messages get each other's answer),
            ``answer-of-before`` (MSA-2 of the message before), or one of ``odd.SHAPES``.
        code: MSA-1.
        delay_s: before the answer; above the patience of a sender it comes after the resend.
    """

    holds: str = ""
    occurrences: tuple[int, ...] = ()
    action: str = "answer"
    code: str = "AA"
    delay_s: float = 0.0

    @property
    def text(self) -> str:
        """As observations name it: the action, and MSA-1 where there is one."""
        return self.action if self.action in UNANSWERED else f"{self.action} {self.code}"

    def __post_init__(self) -> None:
        if self.action not in ANSWERS:
            raise ValueError(f"unknown action {self.action!r}")


AT_ONCE = Rule()
"""What no rule takes: AA, without delay."""


@dataclass(slots=True)
class Policy:
    """Rules in order; the first that takes a message decides, and AA at once is the rest."""

    rules: list[Rule] = field(default_factory=list)
    _identities: Identities = field(default_factory=Identities)
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def scripted(self) -> bool:
        """Rules look at messages: their identity and number have to be known."""
        first = self.rules[0] if self.rules else AT_ONCE
        return bool(first.holds or first.occurrences)

    def identity(self, conn: str, payload: bytes) -> str:
        """What a message is about, as rules and observations name it."""
        return self._identities.of(conn, Unit(kind="message", data=b"", payload=payload))

    def decide(self, conn: str, payload: bytes) -> Rule:
        """The rule for one delivery of a message.

        Where one rule takes all, nothing is read or counted: a receiver under load only answers.
        """
        if not self.scripted:
            return self.rules[0] if self.rules else AT_ONCE
        identity = self.identity(conn, payload)
        self._seen[identity] = self._seen.get(identity, 0) + 1
        for rule in self.rules:
            if rule.holds in identity and (
                not rule.occurrences or self._seen[identity] in rule.occurrences
            ):
                return rule
        return AT_ONCE
