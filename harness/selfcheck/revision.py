"""The commit that is checked: it chooses what a quick check takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness import __version__
from harness.faults.plan import keyed


def commits(count: int = 1) -> list[str]:
    """The last commits, newest first; the version where this is no checkout."""
    command = ["git", "rev-list", f"--max-count={count}", "HEAD"]
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    except OSError:
        return [__version__]
    return done.stdout.split() or [__version__]


def commit() -> str:
    """The commit that is checked: it chooses the slice of a quick check."""
    return commits()[0]


def slice_of(revision: str, slices: int) -> int:
    """The slice of scenarios and of defects that a quick check, or a test, takes for a commit."""
    return int(keyed(revision, "slice") * slices)
