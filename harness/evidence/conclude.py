"""From the records of one scenario to its verdict.

The verdict is computed from the trace alone, by judging every expectation again. The live run
seals what this function says, the report shows what it says, and so a run that was killed and read
back gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.evidence.expect import Expectation, Finding, Judgement
from harness.evidence.judge import judge
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict, worst


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultState:
    """What became of one planned fault."""

    id: str
    fault_class: str
    link: str
    planned: int = 0
    fired: int = 0
    healed: int = 0

    def data(self) -> dict[str, Any]:
        """For ``run.json``."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What one scenario came to, and why."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    faults: tuple[FaultState, ...] = ()
    reasons: tuple[str, ...] = ()
    judgements: tuple[Judgement, ...] = ()


def conclude(records: Sequence[Record]) -> Conclusion:
    """The verdict of a scenario from its trace.

    A stated end (``note`` with a ``verdict``: blocked, not-applicable, error) stands as it is
    said. Otherwise every 那么 must have been judged, and every planned fault must have fired and
    healed; what is missing makes the scenario inconclusive, never pass.
    """
    judgements: list[Judgement] = []
    findings: list[Finding] = []
    for record in records:
        if record["kind"] == "expectation" and not record.get("completion"):
            result = judge(Expectation.of(record["spec"]), record["id"], records)
            judgements.append(result)
            findings += [replace(one, sentence=record["sentence"]) for one in result.findings]
    stated = [record for record in records if record["kind"] == "note" and "verdict" in record]
    verdicts = [one.verdict for one in judgements] + [Verdict(one["verdict"]) for one in stated]
    reasons = [reason for one in judgements for reason in one.reasons]
    reasons += [str(one.get("text", "")) for one in stated]
    faults = fault_states(records)
    if not stated:
        gaps = _gaps(records, judgements, faults)
        reasons += gaps
        verdicts += [Verdict.INCONCLUSIVE] * bool(gaps)
    return Conclusion(
        verdict=worst(verdicts),
        findings=tuple(findings),
        faults=faults,
        reasons=tuple(dict.fromkeys(reason for reason in reasons if reason)),
        judgements=tuple(judgements),
    )


def _gaps(
    records: Sequence[Record], judgements: Sequence[Judgement], faults: Sequence[FaultState]
) -> list[str]:
    """Everything that was planned and did not happen."""
    sentences = records[0].get("sentences", ()) if records else ()
    wanted = {index for index, one in enumerate(sentences) if one["kind"] == "then"}
    judged = {one["sentence"] for one in records if one["kind"] == "expectation"}
    gaps = []
    failed = any(one.verdict is Verdict.FAIL for one in judgements)
    if wanted - judged and not failed:
        lines = ", ".join(str(sentences[index]["line"]) for index in sorted(wanted - judged))
        gaps.append(f"not judged: line {lines}")
    if not wanted:
        gaps.append("the scenario judges nothing")
    for fault in faults:
        if not fault.fired:
            gaps.append(f"the planned fault {fault.id} never fired")
        elif fault.healed < fault.fired and not failed:
            gaps.append(f"the fault {fault.id} was not healed")
    return gaps


def fault_states(records: Sequence[Record]) -> tuple[FaultState, ...]:
    """Planned, fired and healed counts by fault, in the order of planning."""
    states: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["kind"] != "fault":
            continue
        state = states.setdefault(
            record["id"],
            {
                "id": record["id"],
                "fault_class": record.get("fault_class", ""),
                "link": record.get("link", ""),
                "planned": 0,
                "fired": 0,
                "healed": 0,
            },
        )
        state[record["event"]] += 1
    return tuple(FaultState(**state) for state in states.values())
