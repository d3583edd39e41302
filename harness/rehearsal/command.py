"""``medharness compare --day DAY AFTER``: a recorded day stands for the run before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from harness.clock import RealClock
from harness.evidence.verdict import EXIT_CODES
from harness.i18n import tr
from harness.rehearsal import day
from harness.upgrade import approvals, report, severity
from harness.upgrade.command import show

BASIS = "recorded day"
"""What ``compare.json`` says under ``basis``."""


def compare_day(
    before: Path, after: Path, approved: Path | None, out: Path, *, as_json: bool,
    graded: Path | None = None, today: date | None = None,
) -> int:  # fmt: skip
    """Compare, write the same files as any comparison, and say what it rests on.

    Raises:
        InputError: a side holds no traffic, or an approval cannot be used (exit code 2).
    """
    old, new = day.read(before), day.read(after)
    given = approvals.read(approved) if approved is not None else []
    found = day.compare(old, new, given, today or RealClock().wall().date())
    found = replace(found, severity=severity.given(graded))
    basis = tr(
        "Before is a recorded ordinary working day: dialect, counts and contract were compared,"
        " and no value of a single message. Learned from: {protocols}.",
        protocols=", ".join(day.protocols(old)),
    )
    data = report.write(found, old.folder, new.folder, out, basis=(BASIS, basis))
    show(data, found.verdict, out)
    print(f"! {basis}")
    code = EXIT_CODES[found.verdict]
    if as_json:
        summary = {
            key: data[key] for key in ("verdict", "basis", "groups", "signatures", "coverage")
        }
        print(json.dumps(summary | {"exit_code": code}, ensure_ascii=False))
    return code
