"""What a run left behind in systems that are not ours: ``cleanup.csv`` and ``cleanup.xlsx``.

Every card that was handed out and every message that we sent to a real system is a row with what it
is about and how it is undone. Somebody fills in who did that; as long as a row has no name there,
the conclusion of the run is conditional. A second writing keeps what was filled in.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import xlsxwriter

from harness.errors import InputError
from harness.evidence import trace
from harness.evidence.trace import Record
from harness.i18n import tr
from harness.site.cards import Form

NAME: Final = "cleanup.csv"
SHEET: Final = "cleanup.xlsx"

COLUMNS: Final = ("scenario", "system", "id", "what", "undo", "done_by", "done_at")
"""Header; the last two are filled in by hand."""

_FORMULA: Final = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One thing that was left.

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


def write(folder: Path, forms: Mapping[tuple[str, str], Form]) -> list[Trace]:
    """Write both tables of a run folder; nothing where every system was ours.

    Args:
        folder: of the run.
        forms: cards, for how each is undone.

    Raises:
        InputError: an older table of the folder cannot be read.
    """
    found: dict[tuple[str, str, str, str], Trace] = {}
    real = False
    for path in sorted((folder / "traces").glob("*.jsonl")):
        records = trace.read(path).records
        theirs = _not_ours(records)
        real = real or bool(theirs)
        for one in left(records, theirs, forms):
            found.setdefault(one.key, one)
    if not real:
        return []
    known = {one.key: one for one in read(folder)}
    rows = [_filled(one, known.get(one.key)) for one in found.values()]
    _write(folder, rows)
    return rows


def left(
    records: Sequence[Record], theirs: frozenset[str], forms: Mapping[tuple[str, str], Form]
) -> Iterator[Trace]:
    """What one scenario left in systems that are not ours."""
    scenario = str(records[0]["scenario"]["id"])
    for record in records:
        if record["kind"] == "command" and record.get("card"):
            form = forms.get((record["role"], record["name"]))
            if form is None:
                continue  # a canary is harmless by its choice
            ids = record["args"] | record["captured"]
            yield Trace(
                scenario=scenario,
                system=record["role"],
                id=_told(ids, [name for name in form.fields if name in _IDS]),
                what=form.text + (tr(" (not seen)") if record["outcome"] != "ok" else ""),
                undo=form.undo or tr("take it back at {place}", place=record["workstation"]),
            )
        elif record["kind"] == "message" and record.get("to") in theirs:
            if record.get("frm") in theirs or not record.get("corr"):
                continue
            yield Trace(
                scenario=scenario,
                system=record["to"],
                id=_told(record["corr"], sorted(record["corr"])),
                what=tr("{type} from {device}", type=record["type"], device=record["frm"]),
                undo=tr("delete or void what came of it"),
            )


_IDS: Final = frozenset({"patient_id", "barcode", "placer", "bill_no", "visit", "accession"})


def _told(ids: Mapping[str, object], names: Iterable[str]) -> str:
    return " ".join(f"{name}={ids[name]}" for name in names if ids.get(name))


def _not_ours(records: Sequence[Record]) -> frozenset[str]:
    systems = records[0].get("systems", ())
    return frozenset(one["role"] for one in systems if one["mode"] != "simulated")


def _filled(one: Trace, known: Trace | None) -> Trace:
    return one if known is None else replace(one, done_by=known.done_by, done_at=known.done_at)


def read(folder: Path) -> list[Trace]:
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
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(
            tr("the first line must be {header}", header=",".join(COLUMNS)), where=str(path)
        )
    found = []
    for row in rows[1:]:
        if len(row) == len(COLUMNS):
            cells = [cell[1:] if cell[:1] == "'" else cell for cell in row]
            found.append(Trace(**dict(zip(COLUMNS, cells, strict=True))))
    return found


def _write(folder: Path, rows: Sequence[Trace]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *(one.row() for one in rows)])
    (folder / NAME).write_bytes(text.getvalue().encode("utf-8-sig"))
    with xlsxwriter.Workbook(str(folder / SHEET), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("cleanup")
        bold = book.add_format({"bold": True})
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name, bold)
        for number, one in enumerate(rows, 1):
            for column, name in enumerate(COLUMNS):
                sheet.write_string(number, column, str(getattr(one, name)))
