"""What people have taken back of what a run left: the table ``cleanup.csv`` of a run folder.

``harness/site/cleanup.py`` derives its rows from the traces and writes it. Here it is read as
somebody has filled it in, because the conclusion of a run is conditional as long as a row is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr
from harness.report.model import Cleanup

NAME: Final = "cleanup.csv"

COLUMNS: Final = ("scenario", "system", "id", "what", "undo", "done_by", "done_at")
"""Header; the last two are filled in by hand."""

_FORMULA: Final = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One thing that was left in a system that is not ours.

    Attributes:
        scenario: which left it.
        system: role that holds it.
        id: what it is known by there.
        what: what was done.
        undo: how it is taken back.
        done_by: who took it back; empty while it is open.
        done_at: when.
    """

    scenario: str
    system: str
    id: str
    what: str
    undo: str
    done_by: str = ""
    done_at: str = ""

    @property
    def open(self) -> bool:
        """Nobody has taken it back."""
        return not self.done_by.strip()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is found again by."""
        return self.scenario, self.system, self.id, self.what

    def row(self) -> list[str]:
        """For the table; a text that a spreadsheet would calculate is marked as one."""
        cells = [str(getattr(self, name)) for name in COLUMNS]
        return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]


def read(folder: Path) -> list[Leftover]:
    """The table of a run folder as somebody has filled it in; empty where there is none.

    Raises:
        InputError: it has other columns, or cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return []
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")  # saved again by a spreadsheet
    rows = [row for _, row in input_files.rows_of(text, str(path))]
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(
            tr("the first line must be {header}", header=",".join(COLUMNS)), where=str(path)
        )
    found = []
    for row in rows[1:]:
        if len(row) == len(COLUMNS):
            cells = [cell[1:] if cell[:1] == "'" else cell for cell in row]
            found.append(Leftover(**dict(zip(COLUMNS, cells, strict=True))))
    return found


def counted(folder: Path) -> Cleanup:
    """How many rows the table has and how many are open; why, where it cannot be read."""
    try:
        rows = read(folder)
    except InputError as error:
        return Cleanup(problem=error.message)
    return Cleanup(rows=len(rows), open=sum(one.open for one in rows))
