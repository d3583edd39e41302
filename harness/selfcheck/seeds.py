"""Seeds: no false alarm on the clean hospital, and every seed a different run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from harness.evidence.conclude import Conclusion
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict
from harness.faults.plan import keyed
from harness.scenario.binding import BoundScenario
from harness.selfcheck.crew import Crew, bound
from harness.selfcheck.runs import play

WHOLE: Final = range(1, 21)
"""Seeds of the whole check; a quick one takes two of them."""

PAYLOADS_MIN: Final = 18
"""Of all of these, how many must give different payloads."""

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


CERTIFICATE: Final = "tls-certificate"
"""Message that shows what a side hands to TLS."""


class Seen(NamedTuple):
    """What one run with one seed showed.

    Args:
        scenario: its id.
        sends: whether it sends anything.
        digest: hash of what it sends.
        verdict: of the run.
        alarm: what is wrong; empty where it passed.
    """

    scenario: str
    sends: bool
    digest: str
    verdict: Verdict
    alarm: str


def of_commit(revision: str) -> list[int]:
    """The seeds that a quick check takes for a commit."""
    whole = list(WHOLE)
    first = int(keyed(revision, "seeds") * len(whole))
    return [whole[first], whole[(first + 7) % len(whole)]]


def alike(results: Iterable[SeedResult]) -> list[str]:
    """Scenarios that send too much of the same with different seeds."""
    return [
        one.scenario
        for one in results
        if one.sends and one.payloads * len(WHOLE) < one.seeds * PAYLOADS_MIN
    ]


def over_seeds(
    scenarios: Sequence[BoundScenario], seeds: Sequence[int], crew: Crew | None = None
) -> list[SeedResult]:
    """Run every scenario with every seed on the clean hospital.

    Args:
        scenarios: to run.
        seeds: each is one round.
        crew: plays the rounds; this process where left out.
    """
    idents = tuple(one.scenario.id for one in scenarios)
    if crew is None:
        rounds = [_seen(scenarios, seed) for seed in seeds]
    else:
        rounds = crew.each(_of_shipped, [(idents, seed) for seed in seeds])
    return together(idents, len(seeds), rounds)


def together(
    idents: Sequence[str], seeds: int, rounds: Iterable[Iterable[Seen]]
) -> list[SeedResult]:
    """The runs of each scenario put together; there were so many ``seeds``."""
    hashes: dict[str, set[str]] = {ident: set() for ident in idents}
    sends: dict[str, bool] = dict.fromkeys(hashes, False)
    alarms: dict[str, list[str]] = {ident: [] for ident in hashes}
    for one in (one for found in rounds for one in found):
        sends[one.scenario] = sends[one.scenario] or one.sends
        hashes[one.scenario].add(one.digest)
        if one.alarm:
            alarms[one.scenario].append(one.alarm)
    return [
        SeedResult(
            scenario=ident,
            seeds=seeds,
            sends=sends[ident],
            payloads=len(hashes[ident]),
            false_alarms=tuple(alarms[ident]),
        )
        for ident in hashes
    ]


def _of_shipped(idents: Sequence[str], seed: int) -> list[Seen]:
    return _seen(bound(idents), seed)


def _seen(scenarios: Sequence[BoundScenario], seed: int) -> list[Seen]:
    return [
        seen(played.bound.scenario.id, seed, played.conclusion, played.records)
        for played in play(scenarios, seed=seed, part="seeds")
    ]


def seen(
    ident: str, seed: int, conclusion: Conclusion, records: Sequence[Record], more: bytes = b""
) -> Seen:
    """What one run with one seed showed; ``more`` is what it sends beside its messages."""
    payload = _payloads(records) + more
    alarm = ""
    if conclusion.verdict is not Verdict.PASS:
        reasons = [*conclusion.reasons, *(finding.place for finding in conclusion.findings)]
        alarm = f"seed {seed}: {conclusion.verdict} {reasons}"
    return Seen(
        scenario=ident,
        sends=bool(payload),
        digest=hashlib.sha256(payload).hexdigest(),
        verdict=conclusion.verdict,
        alarm=alarm,
    )


def _payloads(records: Sequence[Record]) -> bytes:
    """All messages of a run, with what is volatile masked.

    A certificate is not among them: the site has it, and no scenario makes it up.
    """
    told = (record for record in records if record["kind"] == "message")
    texts = (record["raw"] for record in told if record.get("type") != CERTIFICATE)
    parts = [unpack(text) for text in texts if text]
    return b"\n".join(VOLATILE.sub(b"*", part) for part in parts)
