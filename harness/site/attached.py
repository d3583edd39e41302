"""The list of what was attached to cards: which picture belongs to which card, also afterwards.

The trace of a scenario may be sealed when somebody adds the picture of the screen that shows the
result, so the list is a file of the run folder of its own; each picture stands beside it by hash.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Final

from harness.report.pictures import FOLDER, HEADER, NAME
from harness.site.cards import Attachment, Card

_FORMULA: Final = ("=", "+", "-", "@", "\t")
"""What a spreadsheet would take for a formula; a file name may begin so."""


def index(folder: Path, card: Card, one: Attachment, *, at: str) -> None:
    """Add a line for an attachment; ``after`` says whether the card had been seen to be done."""
    path = folder / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    row = (card.number, card.scenario, card.workstation, card.form.text, card.operator, one.name,
           one.sha256, one.size, at, "yes" if card.seen else "no")  # fmt: skip
    with path.open("a", encoding="utf-8-sig" if fresh else "utf-8", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(HEADER)
        writer.writerow([_plain(str(cell)) for cell in row])


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def keep(folder: Path, data: bytes) -> str:
    """Keep an attachment under its SHA-256 below the run folder; returns the hash."""
    digest = hashlib.sha256(data).hexdigest()
    path = folder / FOLDER / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(data)
    return digest
