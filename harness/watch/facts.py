"""What a watched line tells: messages and their answers, whatever the protocol is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message passed.

    Attributes:
        key: its id at its sender.
        kind: type of the message.
        subject: whose it is, as a digest: order is judged among messages of one subject.
        content: digest of all but its header: the same message under another id has the same.
        order: sender and time of the message, where it states them.
        repeatable: it may be sent again as it is, such as a query.
    """

    key: str
    kind: str
    subject: str = ""
    content: str = ""
    order: tuple[str, str] = ("", "")
    repeatable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer passed, in the other direction.

    Attributes:
        key: id of the message that it answers.
        good: the message was accepted.
    """

    key: str
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A part of a message passed that is answered by itself, such as a frame.

    Attributes:
        kind: of the part.
    """

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """The answer to such a part; whether the whole was accepted, ``Answered`` says."""


Forth = Sent | Asked
"""Facts of what goes the way of the question."""

Fact = Forth | Answered | Replied


def digest(data: bytes) -> str:
    """Short enough to keep millions of them, and nothing of a person."""
    return hashlib.blake2b(data, digest_size=10).hexdigest()
