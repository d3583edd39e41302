"""Going on with a run: what has not ended, and what failed, runs again; nothing is forgotten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.profile import load_profile
from harness.report import attempts
from harness.site.vault import refuse_sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What an earlier run leaves to do.

    Attributes:
        folder: of the run.
        paths: ``FILE:LINE`` of each scenario that is to run.
        idents: their ids.
        plan: of the run.
    """

    folder: Path
    paths: Sequence[str]
    idents: Sequence[str]
    plan: dict[str, Any]


def resumed(folder: Path, profile: str, *, rerun_failed: bool) -> Resumed:
    """What is left of a run.

    Args:
        folder: of the run.
        profile: must be the one that the run began with, byte for byte.
        rerun_failed: also what ended and did not pass.

    Raises:
        InputError: this is no run folder, another profile, or nothing is left.
    """
    refuse_sealed(folder)
    try:
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        scenarios = [(one["id"], f"{one['file']}:{one['line']}") for one in plan["scenarios"]]
        before = plan["profile"]["hash"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            tr("not a run that can go on: {why}", why=error), where=str(folder)
        ) from None
    if load_profile(profile).hash != before:
        raise InputError(
            tr("the run began with another profile"),
            where=profile,
            remedy=tr("give the same profile, unchanged, or begin a new run"),
        )
    good = {Verdict.PASS.value, Verdict.NOT_APPLICABLE.value}
    left = []
    for ident, path in scenarios:
        verdict = attempts.ended(folder / "traces" / f"{ident}.jsonl")
        if not verdict or (rerun_failed and verdict not in good):
            left.append((ident, path))
    if not left:
        raise InputError(
            tr("nothing of this run is left to do"),
            where=str(folder),
            remedy="" if rerun_failed else tr("--rerun-failed runs again what did not pass"),
        )
    return Resumed(
        folder=folder.resolve(),
        paths=[path for _, path in left],
        idents=[ident for ident, _ in left],
        plan=plan,
    )
