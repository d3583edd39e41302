"""From the files of one side to its canonical rows.

A delimited file becomes Parquet of plain text, line by line in file order; from that come the
canonical rows: identifiers tidied, amounts as integer fen, times. The engine reads what is written
in the usual way; every other spelling is read once by Python and looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import canonical, money, sniff, straighten, when
from harness.ledger.columns import AMOUNTS, KNOWN, REQUIRED, TIME
from harness.ledger.control import FOOTER_SQL, Control, Incomplete, control
from harness.ledger.sources import Feed

IN_MEMORY_BYTES: Final = 256 << 20
"""Up to this size of file its rows are kept in the memory of the engine, beyond on disk."""

PARALLEL_BYTES: Final = 8 << 20
"""From this size on the control totals are taken in a process of their own, at the same time."""

_CHUNK_CHARS: Final = 4 << 20
_MAY_END: Final = "NOT (c0 >= '0' AND c0 < ':')"
"""No line that sums up begins with a digit, and most ids do."""


@dataclass(slots=True, kw_only=True)
class Part:
    """One file of a side, as text, ready to become canonical rows.

    Args:
        table: what the engine reads it from.
        number: column of ``table`` that counts its rows from 0, in file order.
        offset: rows of the side in earlier files.
    """

    feed: Feed
    names: tuple[str, ...]
    columns: tuple[str, ...]
    table: str
    offset: int
    rows: int
    header: int
    straightened: bool
    number: str = "file_row_number"
    control: Control = field(default_factory=Control)


@dataclass(slots=True, kw_only=True)
class Side:
    """One ledger.

    Args:
        name: his, centre or channel.
        parts: its files.
        present: canonical columns that at least one file has.
        further: columns carried through, in order of first appearance.
        readers: for each file, from a condition on the row number (nothing: all) to its canonical
            rows.
    """

    name: str
    parts: list[Part]
    present: frozenset[str]
    further: tuple[str, ...]
    readers: list[Callable[[str], str]] = field(default_factory=list)

    def picked(self, rids: str) -> str:
        """SQL of the canonical rows that a SELECT of row numbers names, without tidying others."""
        condition = f"IN ({rids})" if rids else ""
        return " UNION ALL ".join(reader(condition) for reader in self.readers)

    def sampled(self, every: int) -> str:
        """SQL of one canonical row in ``every``."""
        condition = f"% {every} = 0" if every > 1 else ""
        return " UNION ALL ".join(reader(condition) for reader in self.readers)

    @property
    def rows(self) -> int:
        """Data lines that the engine read."""
        return sum(part.rows for part in self.parts)

    @property
    def control_rows(self) -> int:
        """Data lines by the independent count; known once large files are through."""
        return sum(part.control.rows for part in self.parts)

    def control_sum(self, column: str) -> int:
        """Fen of one amount column by the independent sum."""
        return sum(part.control.sums.get(column, 0) for part in self.parts)

    @property
    def problems(self) -> list[str]:
        """Why the side is not whole."""
        return [problem for part in self.parts for problem in part.control.problems]


def read_side(
    con: duckdb.DuckDBPyConnection,
    name: str,
    feeds: list[Feed],
    *,
    renames: Mapping[str, str],
    work: Path,
    pool: Callable[[], Executor],
) -> tuple[Side, list[Callable[[], None]]]:
    """Read all files of one side into the view ``canon_NAME``.

    Returns:
        The side, and what still has to be waited for: the control totals of its large files.

    Raises:
        InputError: a file is no ledger.
        Incomplete: a file was cut off.
    """
    parts: list[Part] = []
    waits: list[Callable[[], None]] = []
    offset = 0
    for number, feed in enumerate(feeds):
        stem = f"{name}_{number}"
        if feed.parquet:
            part = _parquet(con, feed, renames, offset)
        else:
            part, wait = _text(con, feed, renames, work / stem, offset, pool)
            if wait is not None:
                waits.append(wait)
        parts.append(part)
        offset += part.rows
    present = frozenset(n for part in parts for n in part.names if n in KNOWN)
    _require(name, parts)
    further = tuple(dict.fromkeys(n for part in parts for n in part.names if n not in KNOWN))
    side = Side(name=name, parts=parts, present=present, further=further)
    for number, part in enumerate(parts):
        target = work / f"{name}_{number}.canon"
        side.readers.append(_canonical(con, side, part, target))
    con.execute(f"CREATE OR REPLACE VIEW canon_{name} AS {side.picked('')}")
    return side, waits


def _require(side: str, parts: list[Part]) -> None:
    for part in parts:
        missing = [name for name in REQUIRED if name not in part.names]
        if side == "channel":
            # A payment channel knows the hospital's order number and its own amount.
            named = {"setl_id", "medins_setl_id", "msgid"} & set(part.names)
            missing = [] if named and set(AMOUNTS) & set(part.names) else missing
        if missing:
            raise InputError(
                tr("column {name} is missing", name=", ".join(missing)),
                where=f"{part.feed.label}:1",
                remedy=tr("name the columns as the interface does, or map them with --columns"),
            )


def _text(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    renames: Mapping[str, str],
    stem: Path,
    offset: int,
    pool: Callable[[], Executor],
) -> tuple[Part, Callable[[], None] | None]:
    dialect = sniff.look(feed.path, label=feed.label, renames=renames)
    large = feed.path.stat().st_size >= PARALLEL_BYTES
    later: Future[Control] | None = None
    found: Control | None = None
    if large:
        later = pool().submit(control, feed.path, dialect, feed.label)
    else:
        found = control(feed.path, dialect, feed.label)
    keep = _Keep(con, stem.with_name(f"{stem.name}.text"), memory=_small(feed))
    rows = -1
    if found is None or not found.crooked:
        rows = _fast(keep, feed.path, dialect, stem)
    if found is None and later is not None and rows < 0:
        found = later.result()
    straightened = rows < 0 or (found is not None and rows != found.rows)
    if straightened:
        rows = _slow(keep, feed.path, dialect, stem)
    part = Part(
        feed=feed,
        names=dialect.names,
        columns=tuple(f"c{i}" for i in range(len(dialect.names))),
        table=keep.scan,
        offset=offset,
        rows=rows,
        header=int(dialect.header),
        straightened=straightened,
        number=keep.number,
    )
    if found is not None:
        part.control = found
        return part, None
    return part, lambda: _settle(part, later)


def _settle(part: Part, later: Future[Control] | None) -> None:
    """Take the control totals of a large file, which were made meanwhile."""
    if later is None:
        return
    part.control = later.result()
    if part.control.rows != part.rows:
        part.control.problems.append(
            tr(
                "{file}: {read} rows were read, the text has {rows}",
                file=part.feed.label,
                read=part.rows,
                rows=part.control.rows,
            )
        )


class _Keep:
    """Where rows are kept, in order and with a number: a table in memory, or a Parquet file."""

    def __init__(self, con: duckdb.DuckDBPyConnection, target: Path, *, memory: bool) -> None:
        self._con = con
        self._path = target.with_name(f"{target.name}.parquet")
        self._name = "kept_" + target.name.replace(".", "_")
        self._memory = memory
        self.scan = self._name if memory else _parquet_scan(self._path)
        self.number = "rowid" if memory else "file_row_number"

    def fill(self, select: str, values: Sequence[Any] = ()) -> int:
        """Keep the rows of a SELECT; how many there are."""
        if self._memory:
            self._con.execute(f"CREATE OR REPLACE TABLE {self._name} AS {select}", list(values))
        else:
            self._con.execute(
                f"COPY ({select}) TO '{_quoted(self._path)}' (FORMAT parquet, COMPRESSION snappy)",
                list(values),
            )
        row = self._con.execute(f"SELECT COUNT(*) FROM {self.scan}").fetchone()
        return int(row[0]) if row else 0


def _small(feed: Feed) -> bool:
    return feed.path.stat().st_size <= IN_MEMORY_BYTES


def _fast(keep: _Keep, path: Path, dialect: sniff.Dialect, stem: Path) -> int:
    """The engine reads the file itself; -1 where it will not."""
    source = path
    if dialect.encoding not in {"utf-8", "utf-8-sig"} or (
        dialect.encoding == "utf-8-sig" and not dialect.header
    ):
        source = stem.with_name(f"{stem.name}.utf8.txt")
        _transcode(path, dialect.encoding, source)
    width = len(dialect.names) + dialect.trailing
    declared = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    select = ", ".join(f"c{i}" for i in range(len(dialect.names)))
    try:
        return keep.fill(
            f"SELECT {select} FROM read_csv(?, delim=?, quote='\"', escape='\"',"
            f" header=false, skip=?, auto_detect=false, strict_mode=true, null_padding=false,"
            f" max_line_size={1 << 21}, columns={{{declared}}})"
            f" WHERE c0 IS NULL OR NOT ({_MAY_END} AND regexp_full_match(c0, '{FOOTER_SQL}'))",
            [str(source), dialect.delimiter, int(dialect.header)],
        )
    except duckdb.Error:
        return -1


def _transcode(path: Path, encoding: str, target: Path) -> None:
    """The same text as UTF-8; the engine knows no GBK."""
    with (
        path.open(encoding=encoding, errors="replace", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as stream,
    ):
        while text := source.read(_CHUNK_CHARS):
            stream.write(text)


def _slow(keep: _Keep, path: Path, dialect: sniff.Dialect, stem: Path) -> int:
    source = stem.with_name(f"{stem.name}.straight.csv")
    straighten.straighten(path, dialect, source)
    width = len(dialect.names)
    declared = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    return keep.fill(
        f"SELECT * FROM read_csv(?, delim=',', quote='\"', escape='\"', header=false,"
        f" auto_detect=false, max_line_size={1 << 23}, new_line='\\n',"
        f" columns={{{declared}, '__line': 'BIGINT', '__fault': 'VARCHAR'}})",
        [str(source)],
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _parquet_scan(path: Path) -> str:
    return f"read_parquet('{_quoted(path)}', file_row_number=true)"


def _count(con: duckdb.DuckDBPyConnection, path: Path) -> int:
    row = con.execute(f"SELECT COUNT(*) FROM read_parquet('{_quoted(path)}')").fetchone()
    return int(row[0]) if row else 0


def _parquet(
    con: duckdb.DuckDBPyConnection, feed: Feed, renames: Mapping[str, str], offset: int
) -> Part:
    """A Parquet file is read where it lies; its control totals come from its own columns."""
    scan = _parquet_scan(feed.path)
    try:
        described = con.execute(
            f"DESCRIBE SELECT * FROM read_parquet('{_quoted(feed.path)}')"
        ).fetchall()
        columns = tuple(str(row[0]) for row in described)
        names = tuple(sniff.canonical_name(column, renames) for column in columns)
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise InputError(
                tr("column {name} stands twice", name=", ".join(sorted(doubled))), where=feed.label
            )
        rows = _count(con, feed.path)
    except duckdb.Error as error:
        raise Incomplete(str(error).splitlines()[0], where=feed.label) from error
    part = Part(
        feed=feed,
        names=names,
        columns=columns,
        table=scan,
        offset=offset,
        rows=rows,
        header=0,
        straightened=False,
    )
    types = {name: str(row[1]) for name, row in zip(names, described, strict=True)}
    canonical.control_of_parquet(con, part, types)
    return part


def _canonical(
    con: duckdb.DuckDBPyConnection, side: Side, part: Part, target: Path
) -> Callable[[str], str]:
    """The SELECT that gives canonical rows of one file; text is written down once."""
    described = con.execute(f"DESCRIBE SELECT * FROM {part.table}").fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    by_name = dict(zip(part.names, part.columns, strict=True))
    if canonical.typed(by_name, types):
        form = canonical.form(side, part, types, odd=())
        return lambda condition: form.some(condition) if condition else form.every()
    form = canonical.form(side, part, types, odd=_odd(con, part, by_name, types))
    keep = _Keep(con, target, memory=_small(part.feed))
    keep.fill(form.kept())
    if part.table.startswith("kept_"):
        con.execute(f"DROP TABLE {part.table}")
    written = f"SELECT {form.again} FROM {keep.scan}"
    return lambda condition: f"{written} WHERE rid {condition}" if condition else written


def _odd(
    con: duckdb.DuckDBPyConnection, part: Part, by_name: dict[str, str], types: dict[str, str]
) -> tuple[str, ...]:
    """Read every unusual spelling once; returns the columns that have any."""
    con.execute(
        "CREATE OR REPLACE TABLE odd (kind VARCHAR, text VARCHAR, fen BIGINT, word VARCHAR)"
    )
    found: list[str] = []
    conditions = {
        name: canonical.odd_condition(name, f'"{column}"')
        for name, column in by_name.items()
        if name in KNOWN and types[column] == "VARCHAR"
    }
    counts = ", ".join(f"COUNT(CASE WHEN {one} THEN 1 END)" for one in conditions.values())
    row = con.execute(f"SELECT {counts} FROM {part.table}").fetchone() if conditions else ()
    for (name, condition), count in zip(conditions.items(), row or (), strict=True):
        if not count:
            continue
        column = by_name[name]
        texts = con.execute(
            f'SELECT DISTINCT "{column}" FROM {part.table} WHERE {condition}'
        ).fetchall()
        rows: list[tuple[Any, ...]] = [(name, text, *_read(name, text)) for (text,) in texts]
        if rows:
            con.executemany("INSERT INTO odd VALUES (?, ?, ?, ?)", rows)
            found.append(name)
    if found:
        con.execute(f"CREATE OR REPLACE TABLE odd_{part.offset} AS SELECT * FROM odd")
    return tuple(found)


def _read(name: str, text: str) -> tuple[int | None, str | None]:
    if name in AMOUNTS:
        return (0 if money.is_nothing(text) else money.fen(text)), None
    if name == TIME:
        moment = when.moment(text)
        return None, moment.isoformat(sep=" ") if moment else None
    return None, canonical.word(text)
