"""How a simulated receiver acknowledges: a rule by message, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.faults.identity import Identities
from harness.wire.core import Unit

ANSWERS = frozenset(
    {"answer", "silence", "garbage", "foreign-id", "twice", "close", "accept-first"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What happens to messages that the rule takes.

    Attributes:
        holds: text that the business identity must contain; empty takes all.
        occurrences: which deliveries of one identity, from 1; empty takes all.
        action: ``answer``, ``silence``, ``garbage`` (a frame that is no HL7), ``foreign-id``
            (MSA-2 of another message), ``twice``, ``close`` (answer by hanging up),
            ``accept-first`` (CA, then the application answer).
        code: MSA-1.
        delay_s: before the answer.
    """

    holds: str = ""
    occurrences: tuple[int, ...] = ()
    action: str = "answer"
    code: str = "AA"
    delay_s: float = 0.0

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

    def decide(self, conn: str, payload: bytes) -> Rule:
        """The rule for one delivery of a message.

        Where one rule takes all, nothing is read or counted: a receiver under load only answers.
        """
        first = self.rules[0] if self.rules else AT_ONCE
        if not first.holds and not first.occurrences:
            return first
        identity = self._identities.of(conn, Unit(kind="message", data=b"", payload=payload))
        self._seen[identity] = self._seen.get(identity, 0) + 1
        for rule in self.rules:
            if rule.holds in identity and (
                not rule.occurrences or self._seen[identity] in rule.occurrences
            ):
                return rule
        return AT_ONCE
