"""Verdicts and how they combine.

``error > fail > inconclusive > blocked > pass``; not-applicable stands apart: it is the verdict of
a scenario whose optional interface the site does not have, and it never outweighs another.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a judgement, a scenario or a run came to."""

    ERROR = "error"
    """The harness itself failed."""
    FAIL = "fail"
    """The system under test did not do what was expected, and the evidence shows it."""
    INCONCLUSIVE = "inconclusive"
    """What was needed to judge was not there: nothing read, a fault that never fired."""
    BLOCKED = "blocked"
    """A required system could not be reached, so nothing was tried."""
    PASS = "pass"  # noqa: S105 - a verdict
    """Judged, with evidence."""
    NOT_APPLICABLE = "not-applicable"
    """The site does not have this interface."""


_RANK = {
    Verdict.ERROR: 5,
    Verdict.FAIL: 4,
    Verdict.INCONCLUSIVE: 3,
    Verdict.BLOCKED: 2,
    Verdict.PASS: 1,
    Verdict.NOT_APPLICABLE: 0,
}

EXIT_CODES = {
    Verdict.ERROR: 70,
    Verdict.FAIL: 1,
    Verdict.INCONCLUSIVE: 3,
    Verdict.BLOCKED: 3,
    Verdict.PASS: 0,
    Verdict.NOT_APPLICABLE: 3,
}
"""Exit code of a run; a run in which nothing was applicable judged nothing, so it is not 0."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole from those of its parts; nothing judged is inconclusive."""
    return max(verdicts, key=_RANK.__getitem__, default=Verdict.INCONCLUSIVE)
