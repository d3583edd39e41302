"""Where a ledger comes from: a file, a folder, an archive or a database; each becomes text files.

Everything but Parquet is brought to delimited text first, so that one reader, one set of rules and
one control sum serve them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import columns, sources_archive, sources_sheet

TEXT_SUFFIXES: Final = (".csv", ".txt", ".tsv", ".dat")
SHEET_SUFFIXES: Final = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
FILES_MAX: Final = 2000
"""Files of one folder."""

_ROW_BYTES: Final = 400
"""Of a row with all that the interface knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One file to read.

    Args:
        path: delimited text or Parquet.
        label: how messages and reports name it.
        parquet: it has types already.
        deleted: records that the table holds and marks as deleted; they are no rows.
    """

    path: Path
    label: str
    parquet: bool = False
    deleted: int = 0


def feeds(
    src: str, *, query: str, work: Path, renames: Mapping[str, str] | None = None
) -> list[Feed]:
    """The files behind a command-line source, in a stable order.

    Args:
        src: file, folder or database URL (``dialect+driver://...``).
        query: SELECT for a database URL.
        work: folder for what has to be converted.
        renames: own column names, in lower case, to the interface's.

    Raises:
        InputError: nothing there, or nothing that can be read.
    """
    if "://" in src:
        from harness.ledger import sources_sql  # noqa: PLC0415 - brings a library of half a second

        target = work / "query.csv"
        sources_sql.extract(src, query, target)
        return [Feed(path=target, label=sources_sql.shown(src))]
    path = Path(src)
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.is_file() and _known(one))
        if not found or len(found) > FILES_MAX:
            raise InputError(
                tr("{count} ledger files in this folder", count=len(found)), where=str(path)
            )
        return [feed for one in found for feed in _file(one, one.name, work, renames or {})]
    if not path.is_file():
        raise InputError(tr("no such file or folder: {path}", path=path), where=str(path))
    if path.stat().st_size == 0:
        raise InputError(tr("the file is empty"), where=str(path), remedy=tr("export it again"))
    return list(_file(path, path.name, work, renames or {}))


def has_few(path: Path) -> bool:
    """Whether a file is so small that it has few rows; if more all the same, it is read slower."""
    return path.stat().st_size <= columns.FEW_ROWS * _ROW_BYTES


def not_read(src: str) -> list[str]:
    """What lies in a source folder and is no ledger by its name; nothing is left out in silence."""
    path = Path(src)
    if "://" in src or not path.is_dir():
        return []
    return sorted(one.name for one in path.iterdir() if not (one.is_file() and _known(one)))


def deleted(found: list[Feed]) -> list[str]:
    """Which files hold records that are marked as deleted, and how many."""
    return [
        tr("{file}: {count} records are marked as deleted", file=one.label, count=one.deleted)
        for one in found
        if one.deleted
    ]


def _known(path: Path) -> bool:
    return path.suffix.lower() in {*TEXT_SUFFIXES, *SHEET_SUFFIXES, ".zip", ".parquet", ".dbf"}


def _file(path: Path, label: str, work: Path, renames: Mapping[str, str]) -> Iterator[Feed]:
    kind = _kind(path)
    if kind == "parquet":
        yield Feed(path=path, label=label, parquet=True)
    elif kind == "zip":
        for member, name in sources_archive.extract(path, work):
            if _kind(member) == "zip":
                raise InputError(tr("an archive inside an archive"), where=f"{label}:{name}")
            yield from _file(member, f"{label}:{name}", work, renames)
    elif kind == "sheet":
        target = work / f"{path.stem}.sheet.csv"
        sources_sheet.sheet_to_text(path, target, renames)
        yield Feed(path=target, label=label)
    elif kind == "dbf":
        target = work / f"{path.stem}.dbf.csv"
        deleted = sources_sheet.dbf_to_text(path, target)
        yield Feed(path=target, label=label, deleted=deleted)
    else:
        yield Feed(path=path, label=label)


def _kind(path: Path) -> str:
    """What the first bytes say; the suffix only where they say nothing."""
    with path.open("rb") as stream:
        head = stream.read(8)
    suffix = path.suffix.lower()
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04") or suffix == ".zip":
        return "sheet" if suffix in SHEET_SUFFIXES else "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "sheet"
    return "dbf" if suffix == ".dbf" else "text"
