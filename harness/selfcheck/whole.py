"""The whole of ``medharness selfcheck``: every part, then the table, the file and the pages."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.clock import RealClock
from harness.i18n import tr
from harness.selfcheck import crew, page, progress
from harness.selfcheck.command import SelfCheck
from harness.selfcheck.revision import commit
from harness.selfcheck.slices import union

PARTIAL: Final = "selfcheck.partial.json"
"""What a check has found that was stopped; one that ends has none."""

CLASSES: Final = "faults.md"
"""The table of fault classes beside ``selfcheck.json``, as the reference shows it."""


def selfcheck(*, quick: bool, seed: int, out: str, as_json: bool, jobs: int = 0) -> int:
    """Measure, print a table, write ``selfcheck.json``; 0 if every target holds, 1 if not."""
    started = time.monotonic()
    folder = Path(out) if out else Path("runs") / "selfcheck"
    folder.mkdir(parents=True, exist_ok=True)
    path, partial = folder / "selfcheck.json", folder / PARTIAL

    def kept(place: Path) -> dict[str, Any]:
        document = {
            "format": 1,
            "harness_version": __version__,
            "commit": commit(),
            "finished": RealClock().wall().isoformat(timespec="seconds"),
            "whole": not quick,
            "seed": seed,
            "jobs": crew.workers(jobs),
            "seconds": round(time.monotonic() - started, 1),
            "seconds_of": check.seconds,
            "failures": check.failures,
            **check.result,
        }
        place.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
        if check.page:
            (folder / CLASSES).write_text(check.page, encoding="utf-8")
        return document

    with progress.shown() as far:
        check = SelfCheck(
            quick, seed, far.say, jobs, folder, progress=far, keep=lambda: kept(partial)
        )
        check.run()
    if quick:
        print(union())
    document = kept(path)
    partial.unlink(missing_ok=True)
    page.write(document, folder)
    for name, value in page.figures(document):
        print(f"{name}: {value}")
    _conclude(check.failures, path)
    code = 1 if check.failures else 0
    if as_json:
        print(json.dumps({"failures": check.failures, "out": str(path), "exit_code": code}))
    return code


def _conclude(failures: Sequence[str], path: Path) -> None:
    for failure in failures:
        print(f"✘ {failure}")
    print(tr("Self-check: {count} targets missed", count=len(failures)))
    print(tr("Result: {path}", path=path))
