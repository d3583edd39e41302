"""The slow way of reading a text file: for lines that an engine would refuse or read otherwise."""

from __future__ import annotations

import csv
from pathlib import Path

from harness.i18n import tr
from harness.ledger.control import is_footer, rows_of
from harness.ledger.sniff import Dialect


def straighten(path: Path, dialect: Dialect, target: Path) -> int:
    """Write the file again with every line as wide as its header; returns its data lines.

    Two columns follow: the line's number in the file, and what is wrong with the line. A line
    with too few or too many cells keeps what can be told by position, so that its money counts.
    """
    count = 0
    width = len(dialect.names)
    lines = rows_of(path, dialect)
    if dialect.header:
        next(lines, None)
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for number, row in lines:
            if is_footer(row[0]):
                continue
            fault = _fault(row, dialect)
            cells = [cell.replace("\x00", "") for cell in row[:width]]
            cells += [""] * (width - len(cells))
            writer.writerow([*cells, number, fault])
            count += 1
    return count


def _fault(row: list[str], dialect: Dialect) -> str:
    spare = len(row) == dialect.width + 1 and not row[-1].strip()
    if len(row) not in {dialect.width, len(dialect.names)} and not spare:
        return tr("{found} cells, not {wanted}", found=len(row), wanted=len(dialect.names))
    if any("\ufffd" in cell for cell in row):
        return tr("bytes that {encoding} does not know", encoding=dialect.encoding)
    return ""
