"""``medharness compare``: two run folders in, what really differs out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.clock import RealClock
from harness.evidence.verdict import EXIT_CODES, Verdict
from harness.i18n import tr
from harness.report.text import columns, cut
from harness.upgrade import approvals, report, severity
from harness.upgrade import compare as comparing
from harness.upgrade.observe import RunFolder

SHOWN_MAX: Final = 30
"""Groups and approved signatures on the terminal; the files have all."""

VALUE_COLUMNS: Final = 32
"""Width of an old or new value on the terminal."""

PLACES_COLUMNS: Final = 90
"""Width of the places that follow from a group's first one; the page names all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        before: run folder before the upgrade.
        after: run folder after it.
        noise: further run folders before it.
        approved: file or folder of approvals; None for none.
        severity: file of severities by interface; None for the one that ships.
        out: where the result goes.
        json: print one JSON object as the last line.
        today: the day that approvals are measured by; None is today.
    """

    before: Path
    after: Path
    noise: Sequence[Path] = ()
    approved: Path | None = None
    severity: Path | None = None
    out: Path
    json: bool = False
    today: date | None = None


def compare(request: Request) -> int:
    """Compare, write the result, print it; returns the exit code.

    Raises:
        InputError: a run folder or an approval cannot be used (exit code 2).
    """
    before, after = RunFolder.open(request.before), RunFolder.open(request.after)
    noise = [RunFolder.open(one) for one in request.noise]
    given = approvals.read(request.approved) if request.approved is not None else []
    today = request.today or RealClock().wall().date()
    grades = severity.given(request.severity)
    comparison = comparing.run(before, after, noise, given, today=today, say=say)
    comparison = replace(comparison, severity=grades)
    data = report.write(comparison, before, after, request.out)
    show(data, comparison.verdict, request.out)
    code = EXIT_CODES[comparison.verdict]
    if request.json:
        summary = {key: data[key] for key in ("verdict", "groups", "signatures", "coverage")}
        print(json.dumps(summary | {"exit_code": code}, ensure_ascii=False))
    return code


def say(text: str) -> None:
    """Progress, on stderr."""
    print(f"… {text}", file=sys.stderr, flush=True)


def show(data: Mapping[str, Any], verdict: Verdict, out: Path) -> None:
    """What a comparison says, on the terminal."""
    lines = list(_lines(data))
    for line in lines[:SHOWN_MAX]:
        print(line)
    if len(lines) > SHOWN_MAX:
        print(tr("and {count} more", count=len(lines) - SHOWN_MAX))
    for problem in (*data["approval_problems"], *data["coverage"]):
        print(f"! {problem}")
    print(
        {
            Verdict.PASS: tr("Nothing differs, or every difference is approved."),
            Verdict.FAIL: tr("There are differences that nobody approved."),
        }.get(verdict, tr("Inconclusive: the two runs do not cover the same."))
    )
    print(tr("written: {path}", path=out / "compare.html"))


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    """A line a group, with what follows folded into one below; then what is approved."""
    known = {one["signature"]: one for one in data["signatures"]}
    if data["groups"]:
        yield tr("groups: {count}", count=len(data["groups"]))
    for group in data["groups"]:
        first, *follow = (known[one] for one in group["signatures"])
        yield f"{group['number']:2}  {_line(first)}"
        if follow:
            places = " · ".join(dict.fromkeys(_where(one) for one in follow))
            told = tr("{count} signatures follow", count=len(follow))
            yield f"    └ {told}: {cut(places, PLACES_COLUMNS)}"
    for one in data["signatures"]:
        if one["group"] is None:
            yield f"    {_line(one)}"


def _where(one: Mapping[str, Any]) -> str:
    parts = (one["interface"], one["name"], one["path"])
    return " ".join(part for part in parts if part)


def _line(group: Mapping[str, Any]) -> str:
    where = _where(group)
    old, new = (cut(group[side] or "∅", VALUE_COLUMNS) for side in ("old", "new"))
    name = report.class_name(group["class"])
    gap = " " * max(1, 10 - columns(name))
    mark = f"  [{group['approved']}]" if group["approved"] else ""
    grade = tr("grade {grade}", grade=group["severity"])
    what = f"{grade}  {name}{gap}{where}  {old} → {new}"
    return f"{what}  ×{group['count']}  {group['signature']}{mark}"
