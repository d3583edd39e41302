"""A large text file that is plainly written, read by the engine with types in one pass.

Whether it is plain, the control totals tell: they look at every byte on their own path, at the same
time. Only where every amount is like 12.30, every time like 2026-03-02 10:00:00 and every id and
code ASCII may the engine make numbers and times while it reads; any other file is read as text.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import duckdb

from harness.ledger import control_blocks, reading_text
from harness.ledger.columns import AMOUNTS, TIME
from harness.ledger.control import Control, control
from harness.ledger.sides import Part, Text
from harness.ledger.sniff import Dialect

_TYPES: Final = {**dict.fromkeys(AMOUNTS, "DECIMAL(16,2)"), TIME: "TIMESTAMP"}


def totals(path: Path, dialect: Dialect, label: str) -> Future[Control] | None:
    """Control totals, taken meanwhile by a thread; ``None`` where numpy does not do the work.

    Without numpy a thread would only take turns with everything else, and a process is better.
    """
    if not control_blocks.usable(dialect):
        return None
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="control-totals")
    found = executor.submit(control, path, dialect, label)
    executor.shutdown(wait=False)
    return found


def keep(part: Part, text: Text, rows: reading_text.Keep) -> bool:
    """Keep the rows of a file with types; False where it has to be read as text.

    Args:
        part: the file; gets its rows and where they are.
        text: how it is written, and its control totals to come.
        rows: where its rows are kept.

    Raises:
        Incomplete: the text cannot be counted at all.
    """
    path, dialect = part.feed.path, text.dialect
    if text.later is None or not control_blocks.usable(dialect):
        return False
    if not control_blocks.begins_plain(path, dialect):
        return False
    types = [_TYPES.get(name, "VARCHAR") for name in part.names]
    try:
        count = rows.fill(reading_text.typed_lines(path, dialect, text.stem, types))
    except duckdb.Error:
        return False
    found = text.later.result()
    if not found.plain or found.rows != count:
        rows.drop()
        return False
    part.control, part.rows = found, count
    part.table, part.number = rows.numbered, "file_row_number"
    return True
