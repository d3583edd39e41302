"""Pictures that people attached to operator cards, also after the trace of a scenario was sealed.

``harness/site/attached.py`` writes the list. Each picture stands beside it by its SHA-256, which is
looked at again for each report: a list that names what is no longer there, or no longer as it was,
says so.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr

FOLDER: Final = "attachments"
NAME: Final = f"{FOLDER}/index.csv"
HEADER: Final = ("card", "scenario", "workstation", "text", "operator", "name", "sha256", "bytes",
                 "added", "after")  # fmt: skip

LISTED_MAX: Final = 10_000
"""Lines that a report shows: a night has some hundred cards."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One line of the list.

    Attributes:
        card: number of the card.
        scenario: whose card it is; empty in lists of earlier versions.
        workstation: where.
        text: of the card.
        operator: who worked at the card.
        name: of the file, as it was attached.
        sha256: of the picture.
        bytes: how many.
        added: civil time.
        after: ``yes`` where the card had been seen to be done.
        state: ``kept``, ``missing`` or ``altered``: what stands beside the list now.
    """

    card: str = ""
    scenario: str = ""
    workstation: str = ""
    text: str = ""
    operator: str = ""
    name: str = ""
    sha256: str = ""
    bytes: str = ""
    added: str = ""
    after: str = ""
    state: str = "missing"

    @property
    def told(self) -> str:
        """The state in the language in use."""
        return {
            "kept": tr("kept, and the hash holds"),
            "altered": tr("altered: the hash does not hold"),
        }.get(self.state, tr("missing"))


def read(folder: Path) -> list[Picture]:
    """The list of a run folder; empty where nothing was attached, or nobody can read it."""
    try:
        text = (folder / NAME).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return []
    known = {one.name for one in fields(Picture)} - {"state"}
    found = []
    try:
        rows = [row for _, row in input_files.rows_of(text, NAME) if row]
    except InputError:
        return []
    for line in rows[1:]:
        row = dict(zip(rows[0], line, strict=False))
        cells = {name: _cell(row.get(name)) for name in known}
        found.append(Picture(**cells, state=_state(folder, cells["sha256"])))
    return found[:LISTED_MAX]


def belongs(name: str) -> bool:
    """Whether a file beside the list is the list, or a picture by its hash."""
    return name == Path(NAME).name or _DIGEST.fullmatch(name) is not None


def _cell(text: str | None) -> str:
    return (text or "").removeprefix("'")


def _state(folder: Path, digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        return "missing"  # a list that somebody edited leads to no other file
    try:
        data = (folder / FOLDER / digest).read_bytes()
    except OSError:
        return "missing"
    return "kept" if hashlib.sha256(data).hexdigest() == digest else "altered"
