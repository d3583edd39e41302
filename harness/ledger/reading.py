"""From the files of one side to its canonical rows.

A delimited file becomes Parquet of plain text, line by line in file order; from that come the
canonical rows: identifiers tidied, amounts as integer fen, times. The engine reads what is written
in the usual way; every other spelling is read once by Python and looked up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import (
    canonical,
    control_parquet,
    reading_odd,
    reading_text,
    reading_typed,
    sniff,
)
from harness.ledger.columns import ALSO_CARRIED, AMOUNTS, KEYS, KNOWN, REQUIRED
from harness.ledger.control import Control, Incomplete, control
from harness.ledger.reading_text import Keep, parquet_scan, quoted
from harness.ledger.sides import Part, Side, Text, Typed
from harness.ledger.sources import Feed, has_few

IN_MEMORY_BYTES: Final = 256 << 20
"""Up to this size of file its rows are kept in the memory of the engine, beyond on disk."""

PARALLEL_BYTES: Final = 8 << 20
"""From this size on the control totals are taken at the same time, not before."""

_BINARY: Final = frozenset({"DOUBLE", "FLOAT", "REAL"})
"""Types that keep fifteen digits of an id, or fewer, and write a code as 310.0."""

_PROBE_ROWS: Final = 2_000
"""Rows at the beginning of a file whose spelling decides how the rest is read first."""


Begun = tuple[list[Part], list[Callable[[], None]]]
"""The files of a side, and what has to be waited for: the control totals of the large ones."""


def begin(
    con: duckdb.DuckDBPyConnection,
    name: str,
    feeds: list[Feed],
    *,
    renames: Mapping[str, str],
    work: Path,
    pool: Callable[[], Executor],
) -> Begun:
    """Look at all files of one side, and begin to add up the large ones.

    Where all sides are begun before the first is read, the totals of one are taken while another
    is read.

    Raises:
        InputError: a file is no ledger.
        Incomplete: a file was cut off.
    """
    parts: list[Part] = []
    waits: list[Callable[[], None]] = []
    for number, feed in enumerate(feeds):
        if feed.parquet:
            part = _parquet(con, feed, renames)
        else:
            part, wait = _text(feed, renames, work / f"{name}_{number}", pool)
            if wait is not None:
                waits.append(wait)
        parts.append(part)
    return parts, waits


def read_side(con: duckdb.DuckDBPyConnection, name: str, parts: list[Part], work: Path) -> Side:
    """Read all files of one side into the view ``canon_NAME``.

    Raises:
        InputError: a file is no ledger.
        Incomplete: a file was cut off.
    """
    present = frozenset(n for part in parts for n in part.names if n in KNOWN)
    _require(name, parts)
    names = dict.fromkeys(name for part in parts for name in part.names)
    further = tuple(one for one in names if one not in KNOWN or one in ALSO_CARRIED)
    side = Side(name=name, parts=parts, present=present, further=further)
    offset = 0
    for number, part in enumerate(parts):
        part.offset = offset
        side.readers.append(_canonical(con, side, part, work / f"{name}_{number}.canon"))
        offset += part.rows
    if side.few:
        side.held = f"few_{name}"
        con.execute(f"CREATE OR REPLACE TABLE {side.held} AS {side.picked('')}")
        faulty = con.execute(f"SELECT COUNT(*) FROM {side.held} WHERE fault IS NOT NULL")
        side.clean = faulty.fetchone() == (0,)
        rows = f"SELECT * FROM {side.held}"
        side.readers = [lambda some: f"{rows} WHERE rid {some}" if some else rows]
    con.execute(f"CREATE OR REPLACE VIEW canon_{name} AS {side.picked('')}")
    return side


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
    feed: Feed, renames: Mapping[str, str], stem: Path, pool: Callable[[], Executor]
) -> tuple[Part, Callable[[], None] | None]:
    dialect = sniff.look(feed.path, label=feed.label, renames=renames)
    part = Part(
        feed=feed,
        names=dialect.names,
        columns=tuple(f"c{i}" for i in range(len(dialect.names))),
        table="",
        offset=0,
        rows=-1,
        header=int(dialect.header),
        straightened=False,
    )
    if feed.path.stat().st_size < PARALLEL_BYTES:
        part.control = control(feed.path, dialect, feed.label)
        part.text = Text(dialect=dialect, stem=stem, later=None)
        return part, None
    later = reading_typed.totals(feed.path, dialect, feed.label)
    later = later or pool().submit(control, feed.path, dialect, feed.label)
    part.text = Text(dialect=dialect, stem=stem, later=later)
    return part, lambda: _settle(part, later)


def _settle(part: Part, later: Future[Control]) -> None:
    """Take the control totals of a large file, which were made meanwhile."""
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


def _small(feed: Feed) -> bool:
    return feed.path.stat().st_size <= IN_MEMORY_BYTES


def _parquet(con: duckdb.DuckDBPyConnection, feed: Feed, renames: Mapping[str, str]) -> Part:
    """A Parquet file is read where it lies; its control totals come from its own columns."""
    scan = parquet_scan(feed.path)
    try:
        described = con.execute(
            f"DESCRIBE SELECT * FROM read_parquet('{quoted(feed.path)}')"
        ).fetchall()
        columns = tuple(str(row[0]) for row in described)
        names = tuple(sniff.canonical_name(column, renames) for column in columns)
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise InputError(
                tr("column {name} stands twice", name=", ".join(sorted(doubled))), where=feed.label
            )
        counted = con.execute(f"SELECT COUNT(*) FROM {scan}").fetchone()
    except duckdb.Error as error:
        raise Incomplete(str(error).splitlines()[0], where=feed.label) from error
    part = Part(
        feed=feed,
        names=names,
        columns=columns,
        table=scan,
        offset=0,
        rows=int(counted[0]) if counted else 0,
        header=0,
        straightened=False,
    )
    types = {name: str(row[1]) for name, row in zip(names, described, strict=True)}
    for name in KEYS:
        if types.get(name) in _BINARY:
            raise InputError(
                tr("{column} was stored as a number: its last digits are lost", column=name),
                where=feed.label,
                remedy=tr("export the column as text"),
            )
    control_parquet.control_of_parquet(con, part, types)
    return part


def _canonical(
    con: duckdb.DuckDBPyConnection, side: Side, part: Part, target: Path
) -> Callable[[str], str]:
    """The SELECT that gives canonical rows of one file; text is written down once."""
    if part.text is not None:
        keep = Keep(con, target, memory=_small(part.feed))
        if not reading_typed.keep(part, part.text, keep):
            at_once = _at_once(con, side, part, part.text, target)
            if at_once is not None:
                return at_once
            _keep_text(con, part, part.text)
    described = con.execute(f"DESCRIBE SELECT * FROM {part.table}").fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    by_name = dict(zip(part.names, part.columns, strict=True))
    if canonical.typed(by_name, types):
        form = canonical.form(side, part, types, odd=())
        side.typed.append(
            Typed(
                table=part.table,
                terms=canonical.terms(side, part, types),
                types={name: types[column] for name, column in by_name.items() if name in KNOWN},
                columns=by_name,
            )
        )
        return lambda condition: form.some(condition) if condition else form.every()
    form = canonical.form(side, part, types, odd=reading_odd.read(con, part, by_name, types))
    keep = Keep(con, target, memory=_small(part.feed))
    keep.fill(form.kept())
    if part.table.startswith("kept_"):
        con.execute(f"DROP TABLE {part.table}")
    written = f"SELECT {form.again} FROM {keep.scan}"
    return lambda condition: f"{written} WHERE rid {condition}" if condition else written


def _at_once(
    con: duckdb.DuckDBPyConnection, side: Side, part: Part, text: Text, target: Path
) -> Callable[[str], str] | None:
    """From the text to canonical rows in one pass.

    Not where a line is crooked or a cell is spelt in an unusual way, nor where the engine refuses
    the file or counts other lines than the text has: such files are read step by step.
    """
    if part.control.crooked:
        return None
    by_name = dict(zip(part.names, part.columns, strict=True))
    brief = has_few(part.feed.path)
    spelt = [canonical.odd_condition(n, by_name[n], brief=brief) for n in part.names if n in KNOWN]
    odd = " OR ".join(f"({one})" for one in spelt)
    keep = Keep(con, target, memory=_small(part.feed))
    try:
        apart = con if brief else None
        source = reading_text.lines(part.feed.path, text.dialect, text.stem, apart)
        probe = f"SELECT COUNT(*) FROM ({source} LIMIT {_PROBE_ROWS}) z WHERE {odd}"
        # A small file is read as quickly as it is looked into.
        if not _small(part.feed) and con.execute(probe).fetchone() != (0,):
            return None
        part.table, part.number = f"({source})", keep.number
        types = dict.fromkeys(part.columns, "VARCHAR")
        form = canonical.form(side, part, types, odd=(), at_once=True, brief=brief)
        rows = keep.fill(f"SELECT {form.stored}, {odd} AS odd_cell FROM {part.table} t")
        strange = con.execute(f"SELECT COUNT(*) FROM {keep.scan} WHERE odd_cell").fetchone()
    except duckdb.Error:
        return None
    if strange != (0,) or (text.later is None and rows != part.control.rows):
        return None
    part.rows = rows
    written = f"SELECT {form.again} FROM {keep.scan}"
    return lambda condition: f"{written} WHERE {form.number} {condition}" if condition else written


def _keep_text(con: duckdb.DuckDBPyConnection, part: Part, text: Text) -> None:
    """Keep the text of a file: as the engine reads it, or line by line where it must not."""
    keep = Keep(con, text.stem.with_name(f"{text.stem.name}.text"), memory=_small(part.feed))
    part.rows = -1
    if not part.control.crooked:
        with contextlib.suppress(duckdb.Error):
            part.rows = keep.fill(reading_text.lines(part.feed.path, text.dialect, text.stem))
    if part.rows < 0 and text.later is not None:
        part.control = text.later.result()
    if part.rows < 0 or (text.later is None and part.rows != part.control.rows):
        part.rows = reading_text.straight(keep, part.feed.path, text.dialect, text.stem)
        part.straightened = True
    part.table, part.number = keep.scan, keep.number
