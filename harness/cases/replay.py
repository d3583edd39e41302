"""Plays a case until it is known whether its fault shows: at least k of n times, or not at all."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from harness.captures.layout import Layout, read_layout
from harness.cases.as_sent import comparing, sent_of
from harness.cases.at_site import AtSite, at_site
from harness.cases.faults import Fault, Seen, look, parse
from harness.cases.kept import Case
from harness.cases.player import Unmatched
from harness.cases.score import Score, compose
from harness.cases.stage import Manner, Played, Stage, specs_of
from harness.errors import InputError
from harness.i18n import tr
from harness.profile import Profile

TIMES: Final = 3
"""How often a case is played."""

NEEDED: Final = 2
"""How often its fault must show: one time of three may be chance."""

TIMES_MAX: Final = 1000

Outcome = Literal["shows", "gone", "unclear"]


@dataclass(frozen=True, slots=True)
class Once:
    """One replay, judged.

    Attributes:
        played: what came of it.
        seen: what stood at the place of each fault.
    """

    played: Played
    seen: tuple[Seen, ...]

    @property
    def outcome(self) -> Outcome:
        """``shows`` where every fault does, ``unclear`` where something could not be looked at.

        A message that the recording does not have makes an absence of the fault unclear, unless
        a fault is about messages of its kind.
        """
        if not all(one.judged for one in self.seen):
            return "unclear"
        if all(one.shows for one in self.seen):
            return "shows"
        about = {one.fault.kind for one in self.seen if one.fault.role}
        strange = any(
            one.heard.kind not in about and one.heard.kind.partition("^")[0] not in about
            for one in self.played.unmatched
        )
        if any(one.shows for one in self.seen) or strange or self.played.refused:
            return "unclear"
        return "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """All replays of a case.

    Attributes:
        system: role under test.
        runs: each of them.
        needed: how often the fault must show.
        left_out: lines that could not be played, and why.
    """

    system: str
    runs: Sequence[Once]
    needed: int
    left_out: dict[str, int]

    @property
    def shown(self) -> int:
        """How often the fault showed."""
        return sum(one.outcome == "shows" for one in self.runs)

    @property
    def reproduced(self) -> bool:
        """Whether it showed often enough."""
        return self.shown >= self.needed

    @property
    def exit_code(self) -> int:
        """0 where the fault is gone every time, 1 where it shows often enough, else 3."""
        if self.reproduced:
            return 1
        return 0 if all(one.outcome == "gone" for one in self.runs) else 3

    def data(self) -> dict[str, Any]:
        """For ``--json`` and the manifest."""
        last = self.runs[-1]
        return {
            "system": self.system,
            "runs": len(self.runs),
            "shown": self.shown,
            "needed": self.needed,
            "outcomes": dict(Counter(one.outcome for one in self.runs)),
            "faults": [
                {
                    "fault": one.fault.text,
                    "wanted": one.fault.wanted,
                    "values": list(one.values),
                    "shows": one.shows,
                }
                for one in last.seen
            ],
            "sent": last.played.sent,
            "heard": len(last.played.heard),
            "missing": [f"{one.number} {one.kind}" for one in last.played.missing],
            "unmatched": [
                {"kind": kind, "nearest": nearest, "count": count}
                for (kind, nearest), count in Counter(
                    map(_unmatched, last.played.unmatched)
                ).items()
            ],
            "refused": list(last.played.refused),
            "minted": sorted(name.partition(":")[0] for name in last.played.slots.values),
            "left_out": self.left_out,
            "exit_code": self.exit_code,
        }


def _unmatched(one: Unmatched) -> tuple[str, str]:
    near = one.nearest
    return one.heard.kind, f"{near.number} {near.kind}" if near else ""


def faults_of(case: Case, more: Sequence[str] = ()) -> list[Fault]:
    """The faults of a case, or those that are given instead.

    Raises:
        InputError: there is none: nothing could be judged.
    """
    texts = list(more) or [str(one) for one in case.manifest.get("faults", ())]
    if not texts:
        raise InputError(
            tr("the case does not say what is wrong"), where=case.name, remedy="--fault"
        )
    return [parse(one) for one in texts]


def system_of(faults: Sequence[Fault], profile: Profile, given: str = "") -> str:
    """The role under test: as given, or the one that the faults are about.

    Raises:
        InputError: they are about several, or about none of the profile.
    """
    roles = {one.role for one in faults if one.role}
    roles |= {profile.probes[one.kind].role for one in faults if one.kind in profile.probes}
    if given:
        roles = {given}
    if len(roles) != 1:
        raise InputError(tr("which system is tried?"), remedy="--role")
    role = roles.pop()
    if role not in profile.systems:
        raise InputError(tr("the profile has no system {role}", role=role))
    return role


def stage_of(
    case: Case, profile: Profile, system: str, manner: Manner, site: AtSite | None = None
) -> Stage:
    """Room for a case; only the persons of its manifest may stand in what is sent.

    Who writes its requests over HTTP stands in the manifest, where nobody else is named.

    Args:
        case: what will be played.
        profile: of the site.
        system: role under test.
        manner: how.
        site: of this session at a real system; None begins one where the system is real.
    """
    site = at_site(case, profile, system) if site is None else site
    if not (manner.province or manner.path):
        manner = dataclasses.replace(
            manner, province=str(case.manifest.get("province", "")),
            path=str(case.manifest.get("path", "")),
        )  # fmt: skip
    known = frozenset(str(one) for one in case.manifest.get("persons", ()))
    salt = str(case.manifest.get("persons_salt", ""))
    return Stage(profile, system, manner, (known, salt), layout_in(case), site)


def layout_in(case: Case) -> Layout | None:
    """The instrument with a framing of its own that a case is about; None where there is none.

    Raises:
        InputError: its manifest has none that can be read.
    """
    try:
        return read_layout(case.manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(tr("not a case: {why}", why=error), where=case.name) from error


def once(stage: Stage, score: Score, faults: Sequence[Fault], salt: str = "") -> Once:
    """Play once and look at every fault."""
    looks = sorted({one.kind for one in faults if not one.role})
    expected = frozenset(one.kind for one in faults if one.role)
    played = stage.play(score, looks, salt, expected)
    beside = comparing(sent_of(score.lines, score.system, played.slots), played.slots)
    seen = []
    for fault in faults:
        wanted = played.slots.text(fault.wanted)
        where = (fault.where[0], played.slots.text(fault.where[1]))
        current = Fault(
            text=fault.text, role=fault.role, kind=fault.kind, where=where, place=fault.place,
            wanted=wanted,
        )  # fmt: skip
        seen.append(look(current, played.heard, lambda name: played.rows[name], beside))
    return Once(played, tuple(seen))


def replay(
    case: Case,
    profile: Profile,
    *,
    system: str = "",
    faults: Sequence[str] = (),
    manner: Manner,
    times: int = TIMES,
    needed: int = NEEDED,
    told: Callable[[int, Once], None] | None = None,
    site: AtSite | None = None,
) -> Replayed:
    """Play a case several times.

    Args:
        case: what is played.
        profile: against which system.
        system: role under test; empty for the one that the faults are about.
        faults: instead of those of the case.
        manner: causal or timed, and the release of the built-in hospital.
        times: how often.
        needed: how often the fault must show.
        told: called after each replay.
        site: of this session at a real system.

    Raises:
        InputError: nothing to judge, or nothing that could be played.
    """
    if not 1 <= needed <= times <= TIMES_MAX:
        raise InputError(tr("k of n needs 1 <= k <= n <= {most}", most=TIMES_MAX))
    wanted = faults_of(case, faults)
    role = system_of(wanted, profile, system)
    score = compose(case.lines, role, specs_of(profile))
    runs = []
    with stage_of(case, profile, role, manner, site) as stage:
        for number in range(times):
            runs.append(once(stage, score, wanted))
            if told is not None:
                told(number + 1, runs[-1])
    return Replayed(system=role, runs=runs, needed=needed, left_out=dict(score.left_out))
