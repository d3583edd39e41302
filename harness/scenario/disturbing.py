"""Scenarios that alert staff, print, charge or count in indicators: off in production.

Which they are follows from their requirement (``fixtures/disturbing.toml``) and from critical flags
in what they upload; the tag says it to the reader. A scenario that somebody forgot to tag is off in
production all the same, and ``lint`` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Final

from harness import input_files, resources
from harness.errors import InputError, ScenarioError
from harness.i18n import tr
from harness.scenario.feature import Scenario
from harness.scenario.sentence import StepKind

TAG: Final = "@扰动"

KINDS: Final = frozenset({"alert", "print", "charge", "indicator"})

FLAGS: Final = "标志"
CRITICAL: Final = frozenset({"HH", "LL"})
"""Flags of a result that is reported to a person at once (HL7 table 0078)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the list.

    Attributes:
        kind: one of ``KINDS``.
        requirements: ids, with ``*`` for any.
        why: for the reader.
    """

    kind: str
    requirements: tuple[str, ...]
    why: str


@lru_cache(maxsize=2)
def rules(path: Path | None = None) -> tuple[Rule, ...]:
    """The list that ships.

    Raises:
        InputError: it cannot be used.
    """
    found = path or resources.fixture("disturbing.toml")
    told = input_files.toml_of(found).get("disturbing")
    made = input_files.shaped(tuple[Rule, ...], told, f"{found.name} [[disturbing]]")
    unknown = sorted({one.kind for one in made} - KINDS)
    if unknown:
        raise InputError(tr("unknown: {keys}", keys=", ".join(unknown)), where=found.name)
    return made


def disturbs(scenario: Scenario) -> tuple[str, ...]:
    """What a scenario does to people who do not expect it; empty where it does nothing of it."""
    kinds = [
        one.kind
        for one in rules()
        if any(fnmatchcase(scenario.requirement, pattern) for pattern in one.requirements)
    ]
    if _critical(scenario):
        kinds.append("alert")
    return tuple(dict.fromkeys(kinds))


def _critical(scenario: Scenario) -> bool:
    """Whether it uploads a result with a critical flag."""
    for sentence in scenario.sentences:
        if sentence.kind is StepKind.THEN or not sentence.table:
            continue
        header, *rows = sentence.table
        if FLAGS in header and CRITICAL & {row[header.index(FLAGS)] for row in rows}:
            return True
    return False


def untagged(scenarios: Sequence[Scenario]) -> Iterator[InputError]:
    """Scenarios that disturb and do not say so, an outline once."""
    seen: set[tuple[str, int]] = set()
    for one in scenarios:
        kinds = disturbs(one)
        if not kinds or TAG in one.tags or (one.shown, one.line) in seen:
            continue
        seen.add((one.shown, one.line))
        yield ScenarioError(
            tr("it disturbs people ({kinds}) and does not say so", kinds=", ".join(kinds)),
            where=f"{one.shown}:{one.line}",
            remedy=tr("tag it {tag}: it is off in production", tag=TAG),
        )
