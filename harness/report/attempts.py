"""Earlier attempts of scenarios of a run: kept beside the traces, never replaced by later ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.evidence import trace
from harness.i18n import tr

FOLDER: Final = "attempts"
"""Below the run folder: one folder an attempt, named by its number."""

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")


def folders(folder: Path) -> list[Path]:
    """One folder an earlier attempt, the first one first."""
    base = folder / FOLDER
    found = base.iterdir() if base.is_dir() else ()
    named = [one for one in found if one.is_dir() and _NUMBER.fullmatch(one.name)]
    return sorted(named, key=lambda one: int(one.name))


def ended(path: Path) -> str:
    """What a trace was sealed as; empty where it was cut off, or is not there."""
    if not path.is_file():
        return ""
    try:
        return trace.read(path).verdict
    except InputError:
        return ""


def told(folder: Path, ident: str) -> Iterator[str]:
    """What each earlier attempt of a scenario came to, for its reasons."""
    for one in folders(folder):
        path = one / "traces" / f"{ident}.jsonl"
        if path.is_file():
            verdict = ended(path) or "cut off"
            yield tr("attempt {number}: {verdict}", number=one.name, verdict=verdict)


def put_aside(folder: Path, idents: list[str]) -> int:
    """Move the traces of scenarios that will run again; returns the number of their attempt."""
    number = 1 + max((int(one.name) for one in folders(folder)), default=0)
    kept = folder / FOLDER / str(number) / "traces"
    kept.mkdir(parents=True)
    for ident in idents:
        path = folder / "traces" / f"{ident}.jsonl"
        if path.is_file():
            path.replace(kept / path.name)
    return number
