"""A page that is to leave the house is searched for every personal value of its traces."""

from __future__ import annotations

import html
from pathlib import Path

from harness.errors import InputError
from harness.evidence import trace
from harness.i18n import tr
from harness.report.mask import Mask

SHOWN_CHARS: int = 1
"""Of a value that leaked, so that the error is no leak itself."""


def check(folder: Path) -> None:
    """Refuse a page that still shows who somebody is; the page is removed.

    Raises:
        InputError: it does; says how many values, and of what record.
    """
    path = folder / "report.html"
    text = html.unescape(path.read_text(encoding="utf-8"))
    for one in sorted((folder / "traces").glob("*.jsonl")):
        mask = Mask.of(trace.read(one).records)
        found = [value for value in mask.values if value in text]
        if mask.whole or found:
            path.unlink()
            (folder / "evidence.zip").unlink(missing_ok=True)
            raise InputError(
                tr("the page still shows {count} personal values of {trace}; it was removed",
                   count=len(found) or "?", trace=one.name),
                where=str(path),
                remedy=tr("give the house the page of --for internal, and nobody else any"),
            )  # fmt: skip
