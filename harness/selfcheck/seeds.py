"""Seeds: no false alarm on the clean hospital, and every seed a different run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict
from harness.scenario.binding import BoundScenario
from harness.selfcheck.crew import Crew, bound
from harness.selfcheck.runs import play

VOLATILE = re.compile(rb"20\d{12}|\bT\d{15}\b|\b[AHL][0-9A-F]{19}\b")
"""Times and control ids, which differ between any two runs and so prove nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """One scenario over several seeds."""

    scenario: str
    seeds: int
    sends: bool
    payloads: int
    false_alarms: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """For ``selfcheck.json``."""
        return asdict(self)


Seen = tuple[str, bool, str, str]
"""Of one run: scenario, whether it sends, hash of what it sends, and a false alarm or nothing."""


def over_seeds(
    scenarios: Sequence[BoundScenario], seeds: Sequence[int], crew: Crew | None = None
) -> list[SeedResult]:
    """Run every scenario with every seed on the clean hospital.

    Args:
        scenarios: to run.
        seeds: each is one round.
        crew: plays the rounds; this process where left out.
    """
    hashes: dict[str, set[str]] = {one.scenario.id: set() for one in scenarios}
    sends: dict[str, bool] = dict.fromkeys(hashes, False)
    alarms: dict[str, list[str]] = {ident: [] for ident in hashes}
    if crew is None:
        rounds = [_seen(scenarios, seed) for seed in seeds]
    else:
        idents = tuple(hashes)
        rounds = crew.each(_of_shipped, [(idents, seed) for seed in seeds])
    for ident, sent, digest, alarm in (one for found in rounds for one in found):
        sends[ident] = sends[ident] or sent
        hashes[ident].add(digest)
        if alarm:
            alarms[ident].append(alarm)
    return [
        SeedResult(
            scenario=ident,
            seeds=len(seeds),
            sends=sends[ident],
            payloads=len(hashes[ident]),
            false_alarms=tuple(alarms[ident]),
        )
        for ident in hashes
    ]


def _of_shipped(idents: Sequence[str], seed: int) -> list[Seen]:
    return _seen(bound(idents), seed)


def _seen(scenarios: Sequence[BoundScenario], seed: int) -> list[Seen]:
    found: list[Seen] = []
    for played in play(scenarios, seed=seed, part="seeds"):
        payload = _payloads(played.records)
        alarm = ""
        if played.conclusion.verdict is not Verdict.PASS:
            reasons = [*played.conclusion.reasons]
            reasons += [finding.place for finding in played.conclusion.findings]
            alarm = f"seed {seed}: {played.conclusion.verdict} {reasons}"
        digest = hashlib.sha256(payload).hexdigest()
        found.append((played.bound.scenario.id, bool(payload), digest, alarm))
    return found


def _payloads(records: Sequence[Record]) -> bytes:
    """All messages of a run, with what is volatile masked."""
    parts = [unpack(record["raw"]) for record in records if record["kind"] == "message"]
    return b"\n".join(VOLATILE.sub(b"*", part) for part in parts)
