r"""Files that the harness writes of what others said: UTF-8, the same on every system.

A peer's text may hold half of a surrogate pair, which no UTF-8 can hold. It is written as its
escape (``\ud800``), in JSON as in a page: nothing is lost, and no result fails over it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def utf8(text: str) -> bytes:
    """The text as it is written."""
    return text.encode("utf-8", "backslashreplace")


def write_text(path: Path, text: str) -> None:
    """A text file with line feeds alone."""
    path.write_bytes(utf8(text))


def write_json(path: Path, data: Any, *, indent: int = 1) -> None:
    """A JSON file that people can read."""
    write_text(path, json.dumps(data, ensure_ascii=False, indent=indent) + "\n")


def write_table(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """A table with commas, and the mark by which a spreadsheet knows UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + utf8(text.getvalue()))
