"""``replay``, ``minimise`` and ``case make``: from a case, or a recording, to a test that fails."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cases import command
from harness.cases.at_site import AtSite, at_site
from harness.cases.keep import renewed
from harness.cases.kept import Case, load
from harness.cases.minimise import BUDGET_S, Search, summary
from harness.cases.replay import (
    NEEDED,
    TIMES,
    Once,
    Replayed,
    faults_of,
    once,
    replay,
    stage_of,
    system_of,
)
from harness.cases.score import Score, compose
from harness.cases.stage import Manner, specs_of
from harness.clock import RealClock
from harness.errors import Blocked, InputError
from harness.i18n import tr
from harness.permit import Permit
from harness.profile import Profile, load_profile
from harness.scenario.hospital import built_in
from harness.site import at_rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a case is tried.

    Attributes:
        profile: file or name.
        system: role under test; empty for the one that the faults are about.
        faults: instead of those of the case.
        manner: causal or timed, release and defects of the built-in hospital.
        times: how often.
        needed: how often the fault must show.
        reference: profile whose system does not have the fault; empty for none.
        budget_s: real time for one search.
        number: of the fault, for the scenario.
        requirement: that the fault breaks, for the scenario.
        keep: write what was found into the case.
        as_json: last line is one JSON object.
    """

    profile: str = "builtin"
    system: str = ""
    faults: Sequence[str] = ()
    manner: Manner = field(default_factory=Manner)
    times: int = TIMES
    needed: int = NEEDED
    reference: str = ""
    budget_s: float = BUDGET_S
    number: str = ""
    requirement: str = ""
    keep: bool = False
    as_json: bool = False


def run_replay(folder: str, trial: Trial) -> int:
    """Play a case; the exit code says whether its fault shows.

    Returns:
        0 if it is gone every time, 1 if it shows often enough, 3 if that cannot be told.
    """
    case = load(Path(folder))
    profile = _profile(trial)
    site = _site(case, profile, trial)
    try:
        replayed = _replayed(case, profile, trial, site)
    except Blocked as error:
        return _blocked({"case": folder}, error, trial)
    finally:
        _left(site)
    _tell(replayed)
    if trial.keep or trial.number:
        renewed(
            case, replayed, more=_named(trial), feature=trial.number,
            requirement=trial.requirement, profile=profile,
        )  # fmt: skip
        _renewed(site)
    if trial.as_json:
        print(json.dumps({"case": folder, **replayed.data()}, ensure_ascii=False))
    return replayed.exit_code


def run_minimise(folder: str, trial: Trial) -> int:
    """Make a case as small as still shows its fault, and write it in its place.

    Returns:
        0 if that was done, 3 if the fault did not show: then the case stays as it was.
    """
    case = load(Path(folder))
    code, done = _least(case, _profile(trial), trial)
    if trial.as_json:
        print(json.dumps({"case": folder, **done, "exit_code": code}, ensure_ascii=False))
    return code


def run_make(options: command.Options, trial: Trial) -> int:
    """Take a fault out of a recording, reproduce it, minimise it, keep it.

    Returns:
        0 if the case fails as it should, 3 if the fault could not be reproduced: the case is there
        then, says so, and is no test.
    """
    begun = time.monotonic()
    profile = _profile(trial)
    if not options.faults:
        raise InputError(tr("the case does not say what is wrong"), remedy="--fault")
    command.run(options)
    code, done = _least(load(Path(options.out)), profile, trial)
    seconds = round(time.monotonic() - begun, 1)
    print(tr("{seconds:g} s from the recording to the case", seconds=seconds))
    if trial.as_json:
        print(json.dumps({"case": options.out, "seconds": seconds, **done, "exit_code": code},
                         ensure_ascii=False))  # fmt: skip
    return code


def _profile(trial: Trial) -> Profile:
    profile = load_profile(trial.profile)
    at_rest.words_of(profile)  # what it answers is kept in the case
    built_in().check_defects(trial.manner.defects)
    if trial.manner.defects:
        Permit(profile, RealClock().wall).require_fault()
    return profile


def _site(case: Case, profile: Profile, trial: Trial) -> AtSite | None:
    """One session at a real system for all replays of a command."""
    return at_site(case, profile, system_of(faults_of(case, trial.faults), profile, trial.system))


def _blocked(told: dict[str, Any], error: Blocked, trial: Trial) -> int:
    """Nothing was sent to the real system, so nothing can be judged."""
    print(error)
    if trial.as_json:
        print(json.dumps({**told, "blocked": error.message, "exit_code": 3}, ensure_ascii=False))
    return 3


def _renewed(site: AtSite | None) -> None:
    """The folder of the case was written anew; the list of what is left belongs into it."""
    if site is not None:
        site.save()


def _left(site: AtSite | None) -> None:
    """Say what is still to be taken back."""
    _renewed(site)
    if site is not None:
        print(site.told(), end="\n" if site.told() else "")


def _replayed(case: Case, profile: Profile, trial: Trial, site: AtSite | None) -> Replayed:
    return replay(
        case, profile, system=trial.system, faults=trial.faults, manner=trial.manner,
        times=trial.times, needed=trial.needed, told=_told, site=site,
    )  # fmt: skip


def _told(number: int, result: Once) -> None:
    texts = {
        "shows": tr("the fault shows"),
        "gone": tr("the fault does not show"),
        "unclear": tr("nobody can tell"),
    }
    print(tr("replay {number}: {outcome}", number=number, outcome=texts[result.outcome]))


def _tell(replayed: Replayed) -> None:
    data = replayed.data()
    for one in data["faults"]:
        values = ", ".join(repr(value) for value in one["values"]) or tr("nothing")
        print(tr("  {fault}: there stands {values}", fault=one["fault"], values=values))
    for one in data["missing"]:
        print(tr("  recorded and not said again: {line}", line=one))
    for one in data["unmatched"]:
        print(tr("  not in the recording: {kind}, {count} times; nearest: {nearest}",
                 kind=one["kind"], count=one["count"], nearest=one["nearest"] or "-"))  # fmt: skip
    for one in data["refused"]:
        print(tr("  did not come about: {what}", what=one))
    for why, count in replayed.left_out.items():
        print(tr("left out: {why}, {count}", why=tr(why), count=count))
    print(tr("{system}: the fault shows in {shown} of {runs} replays, {needed} needed",
             system=replayed.system, shown=replayed.shown, runs=len(replayed.runs),
             needed=replayed.needed))  # fmt: skip
    if not replayed.reproduced:
        print(tr("not reproduced: this case is no test"))


def _least(case: Case, profile: Profile, trial: Trial) -> tuple[int, dict[str, Any]]:
    site = _site(case, profile, trial)
    try:
        return _searched_for(case, profile, trial, site)
    except Blocked as error:
        print(error)
        return 3, {"blocked": error.message}
    finally:
        _left(site)


def _searched_for(
    case: Case, profile: Profile, trial: Trial, site: AtSite | None
) -> tuple[int, dict[str, Any]]:
    replayed = _replayed(case, profile, trial, site)
    _tell(replayed)
    if not replayed.reproduced:
        renewed(case, replayed)
        return 3, {"replayed": replayed.data()}
    faults = faults_of(case, trial.faults)
    system = system_of(faults, profile, trial.system)
    before = compose(case.lines, system, specs_of(profile))
    search, after = _searched(case, profile, trial, (system, site), before)
    told = dict(summary(before, after, search))
    with stage_of(case, profile, system, trial.manner, site) as stage:
        runs = [once(stage, after, faults) for _ in range(trial.times)]
    least = Replayed(system=system, runs=runs, needed=trial.needed, left_out=dict(before.left_out))
    if not least.reproduced:  # what showed in the search by chance is not kept
        after, least = before, replayed
        told["kept"] = "whole"
    print(tr("minimised in {trials} replays: {before} messages to {after}, {old} bytes to {new}",
             trials=search.trials, before=len(before.lines), after=len(after.lines),
             old=told["bytes_before"], new=told["bytes_after"]))  # fmt: skip
    for name, (old, new) in ((one, pair) for one, pair in search.levels.items() if pair[0]):
        print(f"  {tr(name)}: {old} -> {new}")
    if not search.ended:
        print(tr("the time for it was used up; more may go"))
    more: dict[str, Any] = {**_named(trial), "minimised": told}
    if trial.reference:
        more["reference"] = {"profile": trial.reference, "fault": "gone"}
    manifest = renewed(
        case, least, lines=after.lines, more=more, feature=trial.number,
        requirement=trial.requirement, profile=profile,
    )  # fmt: skip
    return 0, {"replayed": least.data(), "minimised": told, "faults": manifest["faults"]}


def _named(trial: Trial) -> dict[str, str]:
    """Who writes requests over HTTP, for the manifest: the scenario of a case asks nobody."""
    named = {"province": trial.manner.province, "path": trial.manner.path}
    return {name: value for name, value in named.items() if value}


def _searched(
    case: Case, profile: Profile, trial: Trial, at: tuple[str, AtSite | None], before: Score
) -> tuple[Search, Score]:
    """Search; the reference must do well with the whole case, or it is none.

    Raises:
        InputError: the fault shows on the reference as well.
    """
    faults = faults_of(case, trial.faults)
    system, site = at
    with stage_of(case, profile, system, trial.manner, site) as stage:
        if not trial.reference:
            search = Search(stage, faults, budget_s=trial.budget_s)
            return search, search.run(before)
        other = load_profile(trial.reference)
        at_rest.words_of(other)
        with stage_of(case, other, system, Manner()) as reference:
            if once(reference, before, faults).outcome != "gone":
                raise InputError(
                    tr("the reference does not do well with this case either"),
                    where=trial.reference,
                    remedy=tr("name a profile whose system does not have the fault"),
                )
            search = Search(stage, faults, reference, budget_s=trial.budget_s)
            return search, search.run(before)
