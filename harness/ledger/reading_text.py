"""Where the rows of a file are kept, and the two ways of reading a text file into them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from harness.ledger import sniff, straighten
from harness.ledger.control import FOOTER_SQL

_CHUNK_CHARS: Final = 4 << 20
_MAY_END: Final = "NOT (c0 >= '0' AND c0 < ':')"
"""No line that sums up begins with a digit, and most ids do."""


class Keep:
    """Where rows are kept, in order and with a number: a table in memory, or a Parquet file."""

    def __init__(self, con: duckdb.DuckDBPyConnection, target: Path, *, memory: bool) -> None:
        self._con = con
        self._path = target.with_name(f"{target.name}.parquet")
        self._name = "kept_" + target.name.replace(".", "_")
        self._memory = memory
        self.scan = self._name if memory else parquet_scan(self._path)
        self.number = "rowid" if memory else "file_row_number"

    @property
    def numbered(self) -> str:
        """What reads the rows with a column ``file_row_number``, which counts them from 0."""
        table = f"(SELECT *, rowid AS file_row_number FROM {self._name})"
        return table if self._memory else self.scan

    def drop(self) -> None:
        """Forget the rows."""
        if self._memory:
            self._con.execute(f"DROP TABLE IF EXISTS {self._name}")
        else:
            self._path.unlink(missing_ok=True)

    def fill(self, select: str) -> int:
        """Keep the rows of a SELECT; how many there are."""
        if self._memory:
            done = self._con.execute(f"CREATE OR REPLACE TABLE {self._name} AS {select}")
        else:
            done = self._con.execute(
                f"COPY ({select}) TO '{quoted(self._path)}' (FORMAT parquet, COMPRESSION snappy)"
            )
        row = done.fetchone()
        return int(row[0]) if row else 0


def lines(
    path: Path,
    dialect: sniff.Dialect,
    stem: Path,
    apart: duckdb.DuckDBPyConnection | None = None,
) -> str:
    """SELECT of the text of every data line, as the engine reads it; it may refuse.

    Args:
        path: the file.
        dialect: how it is written.
        stem: where files that are made of it begin.
        apart: is told where the file is, which then does not stand in the statement: that is the
            same for all files that are written alike, and may be known already.
    """
    place = f"'{quoted(_as_utf8(path, dialect, stem))}'"
    if apart is not None:
        apart.execute(f"SET VARIABLE file_{stem.name} = {place}")
        place = f"getvariable('file_{stem.name}')"
    width = dialect.width
    declared = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    select = ", ".join(f"c{i}" for i in range(len(dialect.names)))
    return (
        f"SELECT {select} FROM read_csv({place}, {_options(dialect)}, columns={{{declared}}})"
        f" WHERE c0 IS NULL OR NOT ({_MAY_END} AND regexp_full_match(c0, '{FOOTER_SQL}'))"
    )


def typed_lines(path: Path, dialect: sniff.Dialect, stem: Path, types: Sequence[str]) -> str:
    """SELECT of every line with types, for a file that is known to be plain; it may refuse.

    Args:
        path: the file.
        dialect: how it is written.
        stem: where files that are made of it begin.
        types: of its columns; times are read like 2026-03-02 10:00:00 only.
    """
    source = _as_utf8(path, dialect, stem)
    every = [*types, *["VARCHAR"] * (dialect.width - len(types))]
    declared = ", ".join(f"'c{i}': '{kind}'" for i, kind in enumerate(every))
    select = ", ".join(f"c{i}" for i in range(len(types)))
    return (
        f"SELECT {select} FROM read_csv('{quoted(source)}', {_options(dialect)},"
        f" timestampformat='%Y-%m-%d %H:%M:%S', columns={{{declared}}})"
    )


def _options(dialect: sniff.Dialect) -> str:
    return (
        f"delim='{dialect.delimiter}', quote='\"', escape='\"', header=false,"
        f" skip={int(dialect.header)}, auto_detect=false, strict_mode=true, null_padding=false,"
        f" max_line_size={1 << 21}"
    )


def _as_utf8(path: Path, dialect: sniff.Dialect, stem: Path) -> Path:
    """The file itself, or the same text as UTF-8 where the engine would not know it."""
    source = path
    if dialect.encoding not in {"utf-8", "utf-8-sig"} or (
        dialect.encoding == "utf-8-sig" and not dialect.header
    ):
        source = stem.with_name(f"{stem.name}.utf8.txt")
        if not source.exists():
            _transcode(path, dialect.encoding, source)
    return source


def _transcode(path: Path, encoding: str, target: Path) -> None:
    """The same text as UTF-8; the engine knows no GBK."""
    with (
        path.open(encoding=encoding, errors="replace", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as stream,
    ):
        while text := source.read(_CHUNK_CHARS):
            stream.write(text)


def straight(keep: Keep, path: Path, dialect: sniff.Dialect, stem: Path) -> int:
    """Keep the text of every data line as Python reads it, with its number and its fault."""
    source = stem.with_name(f"{stem.name}.straight.csv")
    straighten.straighten(path, dialect, source)
    declared = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(dialect.names)))
    return keep.fill(
        f"SELECT * FROM read_csv('{quoted(source)}', delim=',', quote='\"', escape='\"',"
        f" header=false, auto_detect=false, max_line_size={1 << 23}, new_line='\\n',"
        f" columns={{{declared}, '__line': 'BIGINT', '__fault': 'VARCHAR'}})"
    )


def quoted(path: Path) -> str:
    """A path inside a string of SQL."""
    return str(path).replace("'", "''")


def parquet_scan(path: Path) -> str:
    """What reads a Parquet file with the numbers of its rows."""
    return f"read_parquet('{quoted(path)}', file_row_number=true)"
