"""The files of a run, and that none of an earlier one is taken for them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.i18n import tr

RESULTS: Final = (
    "verdicts.csv",
    "totals.json",
    "identities.csv",
    "repairs.csv",
    "uploads.csv",
    "detail.json",
    "period.json",
    "report.html",
    "reconcile.xlsx",
    "statement.docx",
)
"""Every file that a run can leave; an earlier run's must not look like this one's."""


def folder(out: Path) -> Path:
    """The folder for what a run works with; what an earlier run left is gone.

    Raises:
        InputError: it cannot be written.
    """
    work = out / "work"
    try:
        forget(out)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    except OSError as error:
        raise InputError(
            tr("this folder cannot be written: {error}", error=error), where=str(out)
        ) from error
    return work


def forget(out: Path) -> None:
    """Remove every result."""
    for name in RESULTS:
        (out / name).unlink(missing_ok=True)


def tidy(work: Path) -> None:
    """Remove what a run only worked with."""
    for path in work.iterdir():
        if path.name not in {"verdicts.parquet", "classes.parquet"}:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
