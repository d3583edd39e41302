"""The HL7 dialect of recorded traffic as items: which fields are valued, and with which codes.

What the dialect learner says of people is lengths and shapes only, so nothing of a patient is in a
snapshot. How often a field is valued is kept in three words: two days never fill it equally often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.dialect.profile import DialectRule, SegmentRule, profile_of
from harness.dialect.reading import cut
from harness.dialect.sources import messages
from harness.dialect.stats import Learner
from harness.errors import InputError
from harness.i18n import tr

ALWAYS: Final = 0.98
"""Share of the segments from which a field counts as always valued."""


def items(path: Path) -> dict[str, str]:
    """What the traffic in a file or folder promises.

    Raises:
        InputError: there is no HL7 message in it.
    """
    return items_of(learned(path))


def learned(path: Path) -> Learner:
    """What was counted of the traffic in a file or folder.

    Raises:
        InputError: there is no HL7 message in it.
    """
    learner = Learner()
    for payload in messages([path]):
        learner.add(cut(payload))
    if not learner.messages:
        raise InputError(tr("there is no HL7 message in it"), where=str(path))
    return learner


def items_of(learner: Learner) -> dict[str, str]:
    """What was counted, as items."""
    return dict(_items(list(profile_of(learner).dialects.values())))


def codes_of(learner: Learner) -> dict[str, Counter[str]]:
    """How often each value was seen, by the item that would name its codes."""
    learner.settle()
    return {
        f"codes {sender} {kind} {name}-{number}.{component}": Counter(part.values)
        for (sender, kind), dialect in learner.dialects.items()
        for name, segment in dialect.segments.items()
        for number, each in segment.fields.items()
        for component, part in each.parts.items()
    }


def _items(dialects: list[DialectRule]) -> Iterator[tuple[str, str]]:
    for one in dialects:
        head = f"{one.sender} {one.type}"
        yield f"segments {head}", " ".join(one.segments)
        for name, values in (("version", one.versions), ("charset", one.declared),
                             ("written", one.written)):  # fmt: skip
            yield f"{name} {head}", " ".join(values) or "-"
        for segment in one.segments.values():
            yield from _segment(head, segment)


def _segment(head: str, segment: SegmentRule) -> Iterator[tuple[str, str]]:
    for rule in segment.fields.values():
        if not rule.ignore and rule.fill:
            fill = "always" if rule.fill >= ALWAYS else "sometimes"
            more = ", repeats" if rule.repeats > 1 else ""
            yield f"field {head} {segment.name}-{rule.at}", f"{fill}{more}"
    for part in segment.parts.values():
        if part.codes and not part.ignore:
            yield f"codes {head} {segment.name}-{part.at}", " ".join(part.codes)
