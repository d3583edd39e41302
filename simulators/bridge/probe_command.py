"""``medharness centre probe``: where a centre differs from its profile, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from harness import people, profile
from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from simulators.bridge.caller import Caller
from simulators.bridge.probe import Asked, Finding, Probe
from simulators.bridge.probe_site import SiteCentre, site_centre
from simulators.foreground import finish, say

FORMAT: Final = 1
"""Of the JSON report."""

NOBODY: Final = 999_983
"""Index of the generated person whom no centre knows: beyond every world that is ever made."""

PLACES_SHOWN: Final = 6
"""Places of one kind of difference on the screen; the report has all."""


def probe(args: argparse.Namespace) -> int:
    """Look at the centre of a site profile.

    Returns:
        0 nothing differs; 1 something does, or was left behind; 3 the look is incomplete.

    Raises:
        InputError, PermitError: the profile does not allow it, or does not say where.
    """
    loaded = profile.load_profile(args.profile)
    clock = RealClock()
    fallback = people.generate(args.seed, 0)
    site = site_centre(
        loaded, clock.wall, write=args.write, endpoint=args.endpoint, fallback=fallback
    )
    zone = site.province.zone()
    nobody = people.generate(args.seed, NOBODY)
    look = Probe(
        Caller(site.province, site.house, host=f"{site.address.host}:{site.address.port}"),
        site.exchange,
        site.who,
        nobody,
        lambda: clock.wall().astimezone(zone),
        site.guard(nobody),
    )
    began = clock.wall()
    look.run(write=args.write, discover=args.discover)
    code = _code(look)
    result = _result(look, site, began, code)
    if args.out:
        _write(Path(args.out), result)
    _show(look.asked, list(look.findings.values()), left_behind=look.left_behind)
    say(_summary(look, code))
    return finish(result, code, as_json=args.json)


def _code(look: Probe) -> int:
    if look.findings or look.left_behind:
        return 1
    return 0 if look.complete else 3


def _result(look: Probe, site: SiteCentre, began: datetime, code: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "started": began.isoformat(timespec="seconds"),
        "endpoint": site.name,
        "address": str(site.address),
        "province": site.province.name,
        "specification": site.province.specification,
        "complete": look.complete,
        "left_behind": look.left_behind,
        "asked": [asdict(one) for one in look.asked],
        "differences": [asdict(one) for one in look.findings.values()],
        "exit_code": code,
    }


def _write(path: Path, result: Mapping[str, Any]) -> None:
    try:
        path.write_text(
            json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n"
        )
    except OSError as error:
        raise InputError(
            tr("the report cannot be written: {reason}", reason=error), where=str(path)
        ) from error


def _outcomes() -> Mapping[str, str]:
    return {
        "compared": tr("compared"),
        "empty": tr("nothing in it to compare"),
        "refused": tr("refused"),
        "unmodelled": tr("not modelled"),
        "unanswered": tr("no answer"),
        "gateway": tr("turned away by the gateway"),
    }


def _show(asked: Sequence[Asked], findings: Sequence[Finding], *, left_behind: bool) -> None:
    names = _outcomes()
    for one in asked:
        text = f"{one.infno:6} {one.fields:5}  {names[one.outcome]}"
        say(f"{text}  {one.err_msg[:80]}".rstrip())
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        kinds[each.kind].append(each)
    for kind, some in kinds.items():
        say(f"≠ {kind} ({len(some)})")
        for each in some[:PLACES_SHOWN]:
            say(f"    {each.place}: {each.expected} → {each.actual}")
        if len(some) > PLACES_SHOWN:
            say(tr("    and {count} more", count=len(some) - PLACES_SHOWN))
    if left_behind:
        say(tr("what was written could not be taken back: look at the test person's visits"))


def _summary(look: Probe, code: int) -> str:
    fields = sum(one.fields for one in look.asked)
    text = tr(
        "{asked} questions, {fields} values compared, {count} differences",
        asked=len(look.asked), fields=fields, count=len(look.findings),
    )  # fmt: skip
    return f"{text}; {tr('the look is incomplete')}" if code and not look.complete else text
