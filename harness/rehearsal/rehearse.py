"""A rehearsal and production: which differences the version makes, and which the configuration.

In the rehearsal room the same configuration runs in the old version (A) and in the new one (B), so
what differs there is the *version's*. Production (C) runs one of the two versions in its own
configuration; against the rehearsal of the same version, what differs is the *configuration's*.
Which of the two that is, the versions in ``run.json`` say; where they fit neither, nothing can be
separated, and that is an input error, not a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness import output_files
from harness.clock import RealClock
from harness.errors import InputError
from harness.evidence.verdict import EXIT_CODES, Verdict, worst
from harness.i18n import tr
from harness.report.words import verdict_name
from harness.signoff import paper
from harness.signoff.rules import Conclusion
from harness.signoff.sections import Section, Table
from harness.upgrade import approvals, command, report, severity
from harness.upgrade import compare as comparing
from harness.upgrade.observe import RunFolder

FORMAT: Final = 1

_MARKS: Final = {Verdict.PASS: Conclusion.GO, Verdict.FAIL: Conclusion.NO_GO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(command.Request):
    """What the command line asks for: the rehearsals before and after, and one run more.

    Attributes:
        production: a run in production, of either version.
    """

    production: Path


def versions(run: RunFolder) -> dict[str, tuple[str, str]]:
    """Product and version of every system that took part."""
    return {one.role: (one.product, one.version) for one in run.run.systems if one.version}


def partner(before: RunFolder, after: RunFolder, production: RunFolder) -> str:
    """Which rehearsal ran the version of production: ``before`` or ``after``.

    Raises:
        InputError: neither, or both rehearsals ran one version.
    """
    old, new, live = versions(before), versions(after), versions(production)
    if old == new:
        raise InputError(
            tr("both rehearsals ran the same versions: {versions}", versions=_told(old)),
            where=str(after.path),
            remedy=tr("write the versions into [systems] of the profile of each run"),
        )
    for name, one in (("after", new), ("before", old)):
        if live == one:
            return name
    raise InputError(
        tr("production ran {live}; the rehearsals ran {old} and {new}", live=_told(live),
           old=_told(old), new=_told(new)),
        where=str(production.path),
        remedy=tr("write the versions into [systems] of the profile of each run"),
    )  # fmt: skip


def _told(found: Mapping[str, tuple[str, str]]) -> str:
    return ", ".join(f"{role} {version}" for role, (_, version) in found.items()) or "-"


def rehearse(request: Request) -> int:
    """Compare both ways, write and print what belongs to which; returns the exit code.

    Raises:
        InputError: a run folder cannot be used, or versions cannot be told apart.
    """
    before, after, production = (
        RunFolder.open(one) for one in (request.before, request.after, request.production)
    )
    which = partner(before, after, production)
    given = approvals.read(request.approved) if request.approved is not None else []
    noise = [RunFolder.open(one) for one in request.noise]
    today = request.today or RealClock().wall().date()
    grades = severity.given(request.severity)
    twin = after if which == "after" else before
    sides: dict[str, dict[str, Any]] = {}
    verdicts: list[Verdict] = []
    for name, one, other in (("version", before, after), ("configuration", twin, production)):
        # An approval holds for the side that needs it; unused is one that neither side needs.
        found = comparing.run(one, other, noise, given, today=today, say=command.say)
        found = replace(found, severity=grades)
        sides[name] = dict(report.write(found, one, other, request.out / name))
        verdicts.append(Verdict.FAIL if found.open_signatures else
                        Verdict.INCONCLUSIVE if found.coverage else Verdict.PASS)  # fmt: skip
    problems = _problems(sides)
    verdict = worst([*verdicts, *([Verdict.FAIL] if problems else [])])
    data = {
        "format": FORMAT, "verdict": verdict.value, "production_is": which,
        "before": sides["version"]["before"], "after": sides["version"]["after"],
        "production": sides["configuration"]["after"], "groups": gathered(sides),
        "signatures": origins(sides),
        "coverage": [text for one in sides.values() for text in one["coverage"]],
        "approval_problems": problems,
    }  # fmt: skip
    _write(data, verdict, request.out)
    code = EXIT_CODES[verdict]
    if request.json:
        short = {key: data[key] for key in ("verdict", "production_is", "groups", "signatures")}
        print(json.dumps(short | {"exit_code": code}, ensure_ascii=False))
    return code


def _problems(sides: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong with the approvals on both sides: one that a side does not need is right."""
    one, other = (side["approval_problems"] for side in sides.values())
    return [text for text in one if text in other]


def origins(sides: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every signature once: of the version, of the configuration, or of both."""
    found: dict[str, dict[str, Any]] = {}
    for name, side in sides.items():
        for one in side["signatures"]:
            known = found.get(one["signature"])
            if known is None:
                found[one["signature"]] = {**one, "origin": name}
            else:
                known["origin"] = "both"
    return list(found.values())


def gathered(sides: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups of both sides; ``origin`` says whose, and numbers are those of its own page."""
    return [{**one, "origin": name} for name, side in sides.items() for one in side["groups"]]


def origin_name(origin: str) -> str:
    """In the language in use."""
    return {"version": tr("of the version"), "configuration": tr("of the configuration"),
            "both": tr("of both")}[origin]  # fmt: skip


def _write(data: Mapping[str, Any], verdict: Verdict, out: Path) -> None:
    output_files.write_json(out / "rehearsal.json", data)
    rows = [
        (origin_name(one["origin"]), str(one["severity"]), report.class_name(one["class"]),
         one["interface"], f"{one['name']} {one['path']}".strip(), str(one["count"]),
         one["approved"] or tr("not approved"))
        for one in data["signatures"]
    ]  # fmt: skip
    groups = [
        (origin_name(one["origin"]), str(one["number"]), str(one["severity"]),
         report.class_name(one["class"]), one["interface"],
         f"{one['name']} {one['path']}".strip(), str(one["scenarios"]), str(len(one["signatures"])))
        for one in data["groups"]
    ]  # fmt: skip
    twin = tr("after") if data["production_is"] == "after" else tr("before")
    notes = [
        tr("Production runs the version of the rehearsal {which}: what differs between them is of"
           " the configuration; what differs between the rehearsals is of the version.",
           which=twin),
        *data["coverage"], *data["approval_problems"],
    ]  # fmt: skip
    runs = [(tr(key), data[key]["label"] or data[key]["folder"],
             " ".join(f"{one['role']} {one['version']}" for one in data[key]["systems"]))
            for key in ("before", "after", "production")]  # fmt: skip
    page = paper.Paper(
        title=tr("Rehearsal and production"), banner=verdict_name(verdict.value),
        mark=_MARKS.get(verdict, Conclusion.CONDITIONAL),
        sections=[
            Section(tr("Runs"), notes, [Table((tr("run"), tr("name"), tr("systems")), runs)]),
            Section(tr("Differences"), (), [Table(
                (tr("origin"), tr("group"), tr("grade"), tr("class"), tr("interface"),
                 tr("first difference"), tr("scenarios"), tr("signatures")), groups), Table(
                (tr("origin"), tr("grade"), tr("class"), tr("interface"), tr("where"), tr("times"),
                 tr("approval")), rows)]),
        ],
    )  # fmt: skip
    paper.write(page, out / "rehearsal.html")
    for row in groups:
        print("  ".join(row))
    for note in notes:
        print(f"! {note}")
    print(tr("written: {path}", path=out / "rehearsal.html"))
