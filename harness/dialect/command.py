"""``medharness dialect learn PATH... --out FILE`` and ``check PROFILE PATH...``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.dialect.check import ERROR, NOTE, SEVERITIES, WARNING, DialectFinding, check
from harness.dialect.profile import profile_of
from harness.dialect.profile_file import read_profile, write_profile
from harness.dialect.reading import cut
from harness.dialect.sources import messages
from harness.dialect.stats import Learner
from harness.errors import InputError
from harness.i18n import tr

SHOWN_MAX = 60
"""Lines on the screen; ``--json`` has them all."""


def run_learn(paths: Sequence[str], out: str, *, as_json: bool = False) -> int:
    """Learn a dialect from recorded traffic and write it to ``out``.

    Returns:
        0.

    Raises:
        InputError: there is nothing to learn from (exit code 2).
    """
    learner = Learner()
    for payload in messages([Path(one) for one in paths]):
        learner.add(cut(payload))
    if not learner.messages:
        raise InputError(tr("there is no HL7 message in it"), where=" ".join(paths))
    profile = profile_of(learner)
    write_profile(Path(out), profile)
    for one in profile.dialects.values():
        print(tr("{sender} {type}: {seen} messages, segments {segments}", sender=one.sender,
                 type=one.type, seen=one.seen, segments=" ".join(one.segments)))  # fmt: skip
        if one.fee:
            print(tr("  the fee category seems to be at {places}", places=", ".join(one.fee)))
    print(tr("{messages} messages learned, {unreadable} could not be read: {path}",
             messages=learner.messages, unreadable=learner.unreadable, path=out))  # fmt: skip
    if as_json:
        _json({"profile": out, "messages": learner.messages, "unreadable": learner.unreadable,
               "dialects": len(profile.dialects), "exit_code": 0})  # fmt: skip
    return 0


def run_check(profile: str, paths: Sequence[str], *, as_json: bool = False) -> int:
    """Check recorded traffic against a profile.

    Returns:
        0 if there is neither error nor warning, 1 otherwise, 3 if no message was there to check.

    Raises:
        InputError: the profile or the traffic cannot be used (exit code 2).
    """
    rules = read_profile(Path(profile))
    checker = check(rules, (cut(one) for one in messages([Path(one) for one in paths])))
    findings = checker.findings()
    for one in findings[:SHOWN_MAX]:
        print(_line(one))
    if len(findings) > SHOWN_MAX:
        print(tr("... and {more} more", more=len(findings) - SHOWN_MAX))
    counts = Counter(one.severity for one in findings)
    print(tr("{messages} messages checked, {unreadable} could not be read:"
             " {errors} errors, {warnings} warnings, {notes} notes",
             messages=checker.messages, unreadable=checker.unreadable, errors=counts[ERROR],
             warnings=counts[WARNING], notes=counts[NOTE]))  # fmt: skip
    bad = counts[ERROR] or counts[WARNING] or checker.unreadable
    code = 1 if bad else 0 if checker.messages else 3
    if as_json:
        _json({"messages": checker.messages, "unreadable": checker.unreadable,
               "counts": {name: counts[name] for name in SEVERITIES},
               "findings": [asdict(one) for one in findings], "exit_code": code})  # fmt: skip
    return code


def _line(one: DialectFinding) -> str:
    severities = {ERROR: tr("error"), WARNING: tr("warning"), NOTE: tr("note")}
    parts = [severities[one.severity], one.sender, one.type, one.place, one.code,
             f"{one.expected or '-'} -> {one.actual or '-'}", f"x{one.count}"]  # fmt: skip
    return "  ".join(part for part in [*parts, one.example] if part)


def _json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
