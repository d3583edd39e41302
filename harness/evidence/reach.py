"""How far a look sees: stored in a table, sent to the next system, displayed to a person.

A sentence may claim more than a probe can see: that a nurse's screen shows an alarm is not proven
by a row of a table. A judgement that would pass is then inconclusive, and says why. One that fails
stays a failure of what was seen: it names the place that it looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict

if TYPE_CHECKING:
    from harness.evidence.expect import Ask, Judgement

STORED: Final = "stored"
LEVELS: Final = (STORED, "sent", "displayed")
"""From the nearest to the farthest."""


def level(name: str) -> int:
    """How far a word reaches; one that is not known, or missing, proves no more than a row."""
    return LEVELS.index(name) if name in LEVELS else 0


def least(records: Iterable[Record]) -> str:
    """The shortest reach of these answers of probes; empty where none is among them."""
    found = [level(str(one.get("reach", ""))) for one in records if one["kind"] == "probe"]
    return LEVELS[min(found)] if found else ""


def limited(judgement: Judgement, ask: Ask | None, records: Sequence[Record]) -> Judgement:
    """The judgement, without what its probe cannot see.

    Args:
        judgement: of an expectation.
        ask: the probe whose answers it rests on, and what the sentence claims.
        records: of the trace.
    """
    if ask is None or not ask.claim or judgement.verdict is not Verdict.PASS:
        return judgement
    cited = set(judgement.cited)
    seen = least(one for one in records if one["n"] in cited) or LEVELS[0]
    if level(seen) >= level(ask.claim):
        return judgement
    # As every reason, in English; the report translates it.
    why = f"the sentence claims {ask.claim}, and the probe {ask.probe} reaches {seen} only"
    return replace(judgement, verdict=Verdict.INCONCLUSIVE, reasons=(*judgement.reasons, why))
