"""Hospitals that do nothing: a scenario that passes with one of them has judged nothing of it.

Three manners, each from the first sentence to the last and after every restart: the systems hear
nothing, say nothing, or keep nothing. What passes all the same has to be known with its reason,
and a reason that no scenario needs any more is a failure, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from harness.clock import Clock
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.link import actor as act
from harness.scenario.binding import BoundScenario
from harness.scenario.hospital import Hospital, OnlyRoles
from harness.scenario.systems import InPump
from harness.scenario.world import World
from harness.selfcheck import crew, seeds_apart
from harness.selfcheck.crew import Crew
from harness.selfcheck.runs import play
from harness.wire.core import Core

MANNERS: Final[Mapping[str, type[Any]]] = {
    "deaf": act.Received,
    "mute": act.Send,
    "forgetful": act.Commit,
}
"""Manners, and what is lost in each: what comes in, what goes out, or what is to be kept."""

REFUSING: Final = "refusing"
"""The manner of a PACS and a RIS: each association is rejected."""

PART: Final = "idle"
"""Under which it is told how far this is."""

_CASE: Final = "a case is played again with a hospital of its own"
_KEPT: Final = "what the LIS keeps is judged; that it answers, feed-lis-answers judges"
_REFUSED: Final = "a refusal is judged: nothing is to be kept"
_ANSWER: Final = "the answer is judged; that it is kept, other scenarios judge"
_WEB: Final = "it speaks DICOMweb alone, which has no associations"

ALLOWED: Final[Mapping[str, Mapping[str, str]]] = {
    "deaf": {
        "feed-admission-message": "what the HIS says unasked is judged",
        "lab-case-unit-lost": _CASE,
        "yb-clock-31": "a HIS that gets no answer has to hold the bill back, too",
    },
    "mute": {
        "feed-charset-each-message": _KEPT,
        "feed-empty-component": _KEPT,
        "feed-identifier-by-type": _KEPT,
        "feed-null-empty-absent": _KEPT,
        "feed-trail-bytes": _KEPT,
        "feed-unknown-segment": _KEPT,
        "feed-unwanted-answer": _KEPT,
        "lab-case-unit-lost": _CASE,
    },
    REFUSING: {
        "img-web-https": _WEB,
        "img-web-qido-pages": _WEB,
        "img-web-stow-conflict": _WEB,
        "img-web-stow-garbage": _WEB,
        "img-web-stow-odd": _WEB,
        "img-web-stow-open-end": _WEB,
        "img-web-stow-spellings": _WEB,
        "img-web-stow-stranger": _WEB,
        "img-web-stow-truncated": _WEB,
        "img-web-stow-twice": _WEB,
        "img-web-stow-wrong-boundary": _WEB,
    },
    "forgetful": {
        "feed-answer-header": _ANSWER,
        "feed-half-frame-elsewhere": _ANSWER,
        "feed-his-not-silent": _REFUSED,
        "feed-his-refuses": _REFUSED,
        "feed-his-refuses-in-hl7": _REFUSED,
        "feed-lis-refuses": _REFUSED,
        "feed-order-matrix": _REFUSED,
        "feed-parallel": _ANSWER,
        "feed-refusal-text": _REFUSED,
        "feed-tls-old": _ANSWER,
        "lab-case-unit-lost": _CASE,
        "lab-query-nothing": _REFUSED,
    },
}
"""By manner the scenarios that may pass, an outline as a whole, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleResult:
    """What one manner came to.

    Args:
        manner: of the hospital.
        plays: scenarios that were run.
        noticed: those in which a judge noticed, or said that nothing can be told.
        passed: those that passed all the same.
    """

    manner: str
    plays: int
    noticed: int
    passed: Sequence[str]

    @property
    def unexpected(self) -> list[str]:
        """Those of them that nobody has a reason for."""
        return [one for one in self.passed if not _reason(self.manner, one)]

    def data(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "manner": self.manner,
            "plays": self.plays,
            "noticed": self.noticed,
            "passed": {one: _reason(self.manner, one) for one in self.passed},
        }


Ended = tuple[str, Verdict]
"""A scenario and what it came to."""

_NOTICED: Final = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})


class _Actor:
    """An actor that loses one kind of what happens or of what it does."""

    def __init__(self, actor: act.Actor, manner: str) -> None:
        self._actor, self._lost = actor, MANNERS[manner]

    def __getattr__(self, name: str) -> Any:
        """Everything else is the actor's own."""
        return getattr(self._actor, name)

    def open_core(self, link: str, *, client: bool) -> Core:
        """The actor's."""
        return self._actor.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The actor's, but for what is lost."""
        if isinstance(event, self._lost):
            return []
        done = self._actor.on_event(event, now)
        return [one for one in done if not isinstance(one, self._lost)]


@dataclass(frozen=True, slots=True)
class _Hospital:
    """A hospital whose systems are all idle; for the rest it is the other one."""

    whole: Hospital
    manner: str

    def __getattr__(self, name: str) -> Any:
        """Everything else is the hospital's own."""
        return getattr(self.whole, name)

    def make(self, config: Mapping[str, Any], clock: Clock) -> tuple[act.Actor, Any]:
        """A role that starts, or starts again."""
        actor, store = self.whole.make(config, clock)
        return cast(act.Actor, _Actor(actor, self.manner)), store


def measure(
    scenarios: Sequence[BoundScenario], among: Crew | None = None, *, seed: int
) -> list[IdleResult]:
    """Run every scenario with a hospital of each manner.

    Args:
        scenarios: that run over memory.
        among: plays them; this process where left out.
        seed: of the runs.
    """
    idents = [one.scenario.id for one in scenarios]
    parts = [(part, manner, seed) for manner in MANNERS for part in crew.chunks(idents)]
    told = among.each(_verdicts, parts) if among else [_verdicts(*one) for one in parts]
    found: dict[str, list[Ended]] = {manner: [] for manner in MANNERS}
    for (_, manner, _), ended in zip(parts, told, strict=True):
        found[manner] += ended
    return [_result(manner, ended) for manner, ended in found.items()]


def measure_apart(scenarios: Sequence[BoundScenario], *, seed: int) -> list[IdleResult]:
    """Run every scenario with a PACS and a RIS that refuse; over TCP, for DICOM needs it."""
    idents = [one.scenario.id for one in scenarios]
    if not idents:
        return []
    told = seeds_apart.dealt(idents, [seed], part=PART, defects=("pacs-refuses-everyone",))
    return [_result(REFUSING, sorted((run.scenario, run.verdict) for one in told for run in one))]


def said(manner: str) -> str:
    """A manner in the language of the run."""
    return {
        "deaf": tr("deaf"),
        "mute": tr("mute"),
        "forgetful": tr("forgetful"),
        REFUSING: tr("refusing"),
    }[manner]


def stale(results: Iterable[IdleResult]) -> list[str]:
    """Reasons that no scenario needed; only a whole check can tell."""
    return [
        tr("{name} no longer passes with a {manner} hospital", name=name, manner=said(one.manner))
        for one in results
        for name in ALLOWED[one.manner]
        if not any(_is(ident, name) for ident in one.passed)
    ]


def _verdicts(idents: Sequence[str], manner: str, seed: int) -> list[Ended]:
    played = play(
        crew.bound(idents), seed=seed, prepare=_idle(manner), verdict_only=True, part=PART
    )
    return [(one.bound.scenario.id, one.conclusion.verdict) for one in played]


def _result(manner: str, ended: Sequence[Ended]) -> IdleResult:
    return IdleResult(
        manner=manner,
        plays=len(ended),
        noticed=sum(verdict in _NOTICED for _, verdict in ended),
        passed=[ident for ident, verdict in ended if verdict is Verdict.PASS],
    )


def _idle(manner: str) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        systems = world.bench.systems
        if not isinstance(systems, InPump):
            raise TypeError("only systems over memory can be made idle")
        hospital = cast(OnlyRoles, systems.hospital)
        systems.hospital = replace(
            hospital, whole=cast(Hospital, _Hospital(hospital.whole, manner))
        )
        for role in hospital.roles:
            host = systems.pump.members[role].host
            host.actor = cast(act.Actor, _Actor(host.actor, manner))

    return prepare


def _reason(manner: str, ident: str) -> str:
    return next((why for name, why in ALLOWED[manner].items() if _is(ident, name)), "")


def _is(ident: str, name: str) -> bool:
    """Whether this is the scenario of that name, or a row of the outline."""
    return re.fullmatch(rf"{re.escape(name)}(-[0-9a-f]{{6}})?", ident) is not None
