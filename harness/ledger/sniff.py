"""What a text file is: its encoding, its delimiter, whether it has a header, how its lines end."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.columns import ALIASES, COLUMNS_MAX, KNOWN, LAYOUTS, LINE_CHARS_MAX
from harness.ledger.money import fen, is_nothing, tidy

CHUNK_BYTES: Final = 4 << 20
_LIKE_ASCII: Final = frozenset({"utf-8", "gb18030"})
"""Encodings in which a byte below 128 at the beginning of a character is that character."""

_SAMPLE_LINES: Final = 50
_DELIMITERS: Final = ("\t", ",", "|", ";", "^")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one text file is to be read.

    Args:
        encoding: Python's name of it.
        damaged: bytes that the encoding does not know were seen.
        delimiter: one character.
        header: the first line names the columns.
        names: canonical or own name of each column, in file order.
        trailing: every line ends in one delimiter too many.
    """

    encoding: str
    damaged: bool
    delimiter: str
    header: bool
    names: tuple[str, ...]
    trailing: bool

    @property
    def width(self) -> int:
        """Cells of a line."""
        return len(self.names) + self.trailing


def encoding_of(path: Path) -> tuple[str, bool]:
    """Encoding of the file, and whether it has bytes that this encoding does not know.

    UTF-8 is tried first: GBK text is hardly ever valid UTF-8, the other way round often is.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, not _decodes(path, name)
    for name in ("utf-8", "gb18030"):
        if _decodes(path, name):
            return name, False
    return "gb18030", True


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    same = encoding in _LIKE_ASCII
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                # ASCII between two characters is right in either, and most of a ledger is ASCII.
                if not (same and chunk.isascii() and not decoder.getstate()[0]):
                    decoder.decode(chunk)
            # A character that the end of the file cuts is the truncation check's business.
    except UnicodeDecodeError:
        return False
    return True


def look(path: Path, *, label: str, renames: Mapping[str, str]) -> Dialect:
    """The dialect of a text file.

    Args:
        path: the file.
        label: how messages name it.
        renames: own column names of the site, in lower case, to canonical names.

    Raises:
        InputError: empty, doubled or missing columns, lines that are no ledger.
    """
    csv.field_size_limit(LINE_CHARS_MAX)  # the lines are bounded
    encoding, damaged = encoding_of(path)
    lines = _sample(path, encoding, label)
    if not lines:
        raise InputError(tr("the file is empty"), where=label, remedy=tr("export it again"))
    delimiter = _delimiter(lines)
    rows = [row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter) if row]
    first = rows[0]
    if len(first) > COLUMNS_MAX:
        raise InputError(
            tr("{count} columns in one line: this is no ledger", count=len(first)),
            where=f"{label}:1",
        )
    named = [canonical_name(cell, renames) for cell in first]
    header = sum(name in KNOWN for name in named) >= 2 or _looks_like_header(first)
    if header:
        return _with_header(encoding, damaged, delimiter, named, rows, label)
    return _without_header(encoding, damaged, delimiter, rows, label)


def _sample(path: Path, encoding: str, label: str) -> list[str]:
    lines: list[str] = []
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        while len(lines) < _SAMPLE_LINES:
            line = stream.readline(LINE_CHARS_MAX + 1)
            if len(line) > LINE_CHARS_MAX:
                raise InputError(
                    tr(
                        "a line of more than {limit} characters: this is no ledger", limit=len(line)
                    ),
                    where=f"{label}:{len(lines) + 1}",
                )
            if not line:
                break
            lines.append(line.rstrip("\r\n"))
    while lines and not lines[0].strip():
        lines.pop(0)
    return lines


def _delimiter(lines: list[str]) -> str:
    """The character that splits most lines into the same, largest number of cells."""

    def score(mark: str) -> tuple[int, int]:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=mark))
        widths = [len(row) for row in rows if row]
        common = max(set(widths), key=lambda width: (widths.count(width), width))
        return (widths.count(common) if common > 1 else 0, common)

    return max(_DELIMITERS, key=score)


def canonical_name(cell: str, renames: Mapping[str, str]) -> str:
    """The interface's name of a column, or its own name where it is carried through."""
    own = tidy(cell).lstrip("\ufeff").strip("`'\"")
    lower = own.lower()
    return renames.get(lower) or ALIASES.get(lower) or (lower if lower in KNOWN else own)


def _looks_like_header(cells: list[str]) -> bool:
    """Names, none of which is a number; a data line of a ledger always has an amount."""
    filled = [cell for cell in cells if not is_nothing(cell)]
    return bool(filled) and not any(fen(cell) is not None for cell in filled)


def _with_header(
    encoding: str,
    damaged: bool,  # noqa: FBT001 - one caller
    delimiter: str,
    named: list[str],
    rows: list[list[str]],
    label: str,
) -> Dialect:
    trailing = len(named) > 1 and not named[-1]
    if trailing:
        named = named[:-1]
    elif len(rows) > 1:
        trailing = all(len(row) == len(named) + 1 and not row[-1].strip() for row in rows[1:])
    seen: set[str] = set()
    for position, name in enumerate(named, 1):
        if not name:
            named[position - 1] = f"column_{position}"
        elif name in seen:
            raise InputError(
                tr("column {name} stands twice", name=name),
                where=f"{label}:1",
                remedy=tr("rename one of them, or map the names with --columns"),
            )
        seen.add(name)
    return Dialect(
        encoding=encoding,
        damaged=damaged,
        delimiter=delimiter,
        header=True,
        names=tuple(named),
        trailing=trailing,
    )


def _without_header(
    encoding: str,
    damaged: bool,  # noqa: FBT001 - one caller
    delimiter: str,
    rows: list[list[str]],
    label: str,
) -> Dialect:
    trailing = all(len(row) > 1 and not row[-1].strip() for row in rows)
    widths = [len(row) - trailing for row in rows]
    width = max(set(widths), key=widths.count)
    if width not in LAYOUTS:
        raise InputError(
            tr("no header, and {count} columns are no layout that is known", count=width),
            where=f"{label}:1",
            remedy=tr("add a header line with the interface's own column names"),
        )
    return Dialect(
        encoding=encoding,
        damaged=damaged,
        delimiter=delimiter,
        header=False,
        names=LAYOUTS[width],
        trailing=trailing,
    )
