"""What a run left behind in systems that are not ours: ``cleanup.csv`` and ``cleanup.xlsx``.

Every card that was handed out and every message that we sent to a real system is a row with what it
is about and how it is undone. Somebody fills in who did that; as long as a row has no name there,
the conclusion of the run is conditional. A second writing keeps what was filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness import output_files
from harness.errors import InputError
from harness.evidence import trace
from harness.evidence.trace import Record
from harness.i18n import tr
from harness.report.leftover import COLUMNS, NAME, Leftover, read
from harness.report.text import visible
from harness.site.cards import Form

__all__ = [
    "COLUMNS",
    "NAME",
    "SHEET",
    "Leftover",
    "filled",
    "left",
    "read",
    "rows_of",
    "save",
    "write",
]

SHEET: Final = "cleanup.xlsx"

CANARY: Final = "canary "
"""How the command of a route proof begins: it is harmless by its choice, so it leaves no row."""


def write(folder: Path, forms: Mapping[tuple[str, str], Form]) -> list[Leftover]:
    """Write both tables of a run folder; nothing where every system was ours.

    Args:
        folder: of the run.
        forms: cards, for traces of an older version, which do not tell how each is undone.

    Raises:
        InputError: an older table of the folder cannot be read.
    """
    rows = rows_of(folder, forms)
    if rows is None:
        return []
    done = filled(rows, folder)
    save(folder, done)
    return done


def filled(rows: Sequence[Leftover], folder: Path) -> list[Leftover]:
    """The rows with what the table of a run folder says of each.

    Raises:
        InputError: the table cannot be read.
    """
    known = {one.key: one for one in read(folder)}
    return [_filled(one, known.get(one.key)) for one in rows]


def rows_of(folder: Path, forms: Mapping[tuple[str, str], Form]) -> list[Leftover] | None:
    """What the traces of a run say was left, every row open; None where every system was ours."""
    found: dict[tuple[str, str, str, str], Leftover] = {}
    real = False
    for path in sorted((folder / "traces").glob("*.jsonl")):
        theirs = _not_ours(path)
        if theirs:
            real = True
            for one in _left_whole(path, theirs, forms):
                found.setdefault(one.key, one)
    return list(found.values()) if real else None


def _left_whole(
    path: Path, theirs: frozenset[str], forms: Mapping[tuple[str, str], Form]
) -> Iterator[Leftover]:
    """What a trace says was left; of one that is damaged, up to where it makes sense."""
    try:
        sealed = trace.read(path)
    except InputError:  # the report tells it as damage
        return
    try:
        yield from left(sealed.records, theirs, forms)
    except (LookupError, TypeError, ValueError, AttributeError):
        if sealed.sealed:
            raise


def left(
    records: Sequence[Record], theirs: frozenset[str], forms: Mapping[tuple[str, str], Form]
) -> Iterator[Leftover]:
    """What one scenario left in systems that are not ours."""
    scenario = str(records[0]["scenario"]["id"])
    for record in records:
        if record["kind"] == "command" and record.get("card"):
            if not str(record["name"]).startswith(CANARY):
                yield _of_card(scenario, record, forms.get((record["role"], record["name"])))
        elif record["kind"] == "message" and record.get("to") in theirs:
            if record.get("frm") in theirs or not _writes(record):
                continue
            yield Leftover(
                scenario=scenario,
                system=record["to"],
                id=_about(record),
                what=tr("{type} from {device}", type=record["type"], device=record["frm"]),
                undo=_UNDO.get(record["protocol"], _undo)(),
            )


_STORES: Final = frozenset({"C-STORE-RQ", "N-CREATE-RQ", "N-SET-RQ", "N-ACTION-RQ", "STOW-RQ"})
"""What leaves something behind in DICOM (PS3.4, PS3.18 §10.5); the others only ask."""

_ASKS: Final = ("ACK", "RSP", "ORL", "ORR", "QRY", "QBP", "QCK", "ORF", "RTB", "1", "5", "9")
"""Types that only answer or ask: of HL7, and transactions of 医保 by their first figure."""

DONE: Final = "0"
"""``infcode`` of an answer that booked something."""

_BESIDE: Final = frozenset({"code", "acknowledges"})


def _writes(record: Record) -> bool:
    """Whether a message that we sent may have changed something there."""
    kind, corr = str(record.get("type", "")), record.get("corr") or {}
    if record.get("protocol") in {"dicom", "dicomweb"}:
        return kind in _STORES
    if kind.startswith(_ASKS):
        return False
    if record.get("protocol") == "http":
        # A call of ours, whatever it says; of our answers those that let something be booked.
        return "code" not in corr or corr["code"] == DONE
    return bool(corr or record.get("id"))


def _about(record: Record) -> str:
    """What it is known by there: the ids in it, else what it is called itself."""
    corr = record.get("corr") or {}
    found = _told(corr, sorted(set(corr) - _BESIDE))
    for name in ("sop", "target", "id", "conn"):
        found = found or _told(record, [name])
    return found


def _undo() -> str:
    return tr("delete or void what came of it")


_UNDO: Final[Mapping[str, Callable[[], str]]] = {
    "dicom": lambda: tr("delete the object or step in the archive"),
    "dicomweb": lambda: tr("delete the object or step in the archive"),
    "http": lambda: tr("void the booking in the HIS"),
}


def _of_card(scenario: str, record: Record, form: Form | None) -> Leftover:
    """What a person did at a card, in the words of the card itself.

    Only a trace that has them not, of an older version, is told by the cards that are known here.
    """
    ids = record["args"] | record["captured"]
    names = dict.fromkeys([*(form.fields if form else ()), *sorted(ids)])
    what = record.get("text") or (form.text if form else f"{record['role']} {record['name']}")
    undo = record.get("undo", form.undo if form else "")
    return Leftover(
        scenario=scenario,
        system=record["role"],
        id=_told(ids, [name for name in names if name in _IDS]),
        what=what + (tr(" (not seen)") if record["outcome"] != "ok" else ""),
        undo=undo or tr("take it back at {place}", place=record["workstation"]),
    )


_IDS: Final = frozenset({"patient_id", "barcode", "placer", "bill_no", "visit", "accession"})


def _told(ids: Mapping[str, object], names: Iterable[str]) -> str:
    return " ".join(f"{name}={ids[name]}" for name in names if ids.get(name))


def _not_ours(path: Path) -> frozenset[str]:
    """Roles of the run that we do not play; the head alone is read, for most runs have none."""
    try:
        systems = trace.head(path).get("systems")
    except InputError:  # the report tells it as damage
        return frozenset()
    told = [one for one in systems if isinstance(one, dict)] if isinstance(systems, list) else []
    return frozenset(str(one.get("role")) for one in told if one.get("mode") != "simulated")


def _filled(one: Leftover, known: Leftover | None) -> Leftover:
    return one if known is None else replace(one, done_by=known.done_by, done_at=known.done_at)


def save(folder: Path, rows: Sequence[Leftover]) -> None:
    """Write both tables as they are given."""
    import xlsxwriter  # noqa: PLC0415 - slow to load, and most runs leave nothing behind

    output_files.write_table(folder / NAME, [COLUMNS, *(one.row() for one in rows)])
    with xlsxwriter.Workbook(str(folder / SHEET), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("cleanup")
        bold = book.add_format({"bold": True})
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name, bold)
        for number, one in enumerate(rows, 1):
            for column, name in enumerate(COLUMNS):
                sheet.write_string(number, column, visible(str(getattr(one, name))))
