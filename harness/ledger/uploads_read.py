"""Reads one side of an upload: any file that a ledger may be, to one table in the engine.

Rows go through one at a time, so memory stays bounded. A row that cannot be read keeps its line and
its reason; none is dropped. What was read is counted against the lines of the raw bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money, sniff
from harness.ledger.columns import LINE_CHARS_MAX
from harness.ledger.control import Incomplete
from harness.ledger.sources import Feed, feeds
from harness.ledger.uploads_model import AMOUNTS, FIELDS, SPLITS, STATES, Kind, plain

COLUMNS: Final = ("rid", *FIELDS, "fault", "raw_line", "source")
_BIG: Final = ("rid", "fund", "acct", "cash", "raw_line")
_TEXT_MAX: Final = 200
"""Characters of a cell that a reason quotes or a note keeps."""

_BLOCK: Final = 1 << 20

Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One side that was read.

    Attributes:
        side: ``his_visits`` and the like, which names its table too.
        source: as the reports name it.
        rows: data rows.
        has: fields that its files have.
    """

    side: str
    source: str
    rows: int
    has: frozenset[str]


def read(
    con: duckdb.DuckDBPyConnection,
    kind: Kind,
    side: str,
    src: str,
    *,
    query: str,
    renames: Mapping[str, str],
    work: Path,
) -> Upload:
    """Read one side to the table ``up_<side>``.

    Args:
        con: the engine.
        kind: what is uploaded.
        side: ``his_visits`` and the like.
        src: file, folder or database URL.
        query: SELECT for a database URL.
        renames: own column names, in lower case, to the interface's.
        work: folder for what is converted.

    Raises:
        InputError: a file that is no such list: no header, missing or doubled columns.
        Incomplete: fewer or more rows were read than the file has lines.
    """
    work.mkdir()
    found = feeds(src, query=query, work=work, renames=renames)
    target, total, has = work / "rows.csv", 0, set[str]()
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        for feed in found:
            fields, rows = _opened(con, kind, feed, renames)
            has |= {field for field in fields if field}
            before = total
            for line, cells in rows:
                total += 1
                row = _row(kind, fields, cells)
                writer.writerow(
                    row | {"rid": str(total), "raw_line": str(line), "source": feed.label}
                )
            if not feed.parquet:
                _counted(feed, total - before)
    quoted = str(target).replace("'", "''")
    listed = ", ".join(
        f"CAST(NULLIF({name}, '') AS BIGINT) AS {name}"
        if name in _BIG
        else f"NULLIF({name}, '') AS {name}"
        for name in COLUMNS
    )
    con.execute(
        f"CREATE OR REPLACE TABLE up_{side} AS SELECT {listed} FROM read_csv('{quoted}',"
        " all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"',"
        " nullstr = '\\N')"
    )
    shown = found[0].label if len(found) == 1 else src if "://" not in src else found[0].label
    return Upload(side=side, source=shown, rows=total, has=frozenset(has))


def _opened(
    con: duckdb.DuckDBPyConnection, kind: Kind, feed: Feed, renames: Mapping[str, str]
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Field of each column, and the rows with their lines."""
    if feed.parquet:
        cursor = con.cursor().execute("SELECT * FROM read_parquet(?)", [str(feed.path)])
        names = [str(one[0]) for one in cursor.description or []]
        return _fields(kind, names, feed.label, renames), _of_parquet(cursor)
    dialect = sniff.look(feed.path, label=feed.label, renames={})
    if dialect.damaged:
        raise InputError(
            tr("the file is neither UTF-8 nor GBK"),
            where=feed.label,
            remedy=tr("export it again"),
        )
    if not dialect.header:
        raise InputError(
            tr("there is no header line"),
            where=f"{feed.label}:1",
            remedy=tr("name the columns as the interface does"),
        )
    fields = _fields(kind, list(dialect.names), feed.label, renames)
    return fields, _of_text(feed, dialect)


def _fields(kind: Kind, names: list[str], label: str, renames: Mapping[str, str]) -> list[str]:
    fields: list[str] = []
    for name in names:
        own = renames.get(name.lower(), name)
        field = kind.names.get(plain(own), "")
        if field and field in fields:
            # ``vali_flag`` beside ``stas_type``: the state of the list is the closer one.
            if field == "state" and plain(own) == "valiflag":
                field = ""
            elif field == "state":
                fields[fields.index("state")] = ""
            else:
                raise InputError(
                    tr("column {name} stands twice", name=own),
                    where=f"{label}:1",
                    remedy=tr("rename one of them, or map the names with --columns"),
                )
        fields.append(field)
    wanted = {"key": kind.key, "p": "psn_no", "m": "mdtrt_id", "state": "stas_type"}
    missing = [wanted[one] for one in ("key", *kind.required) if one not in fields]
    if missing:
        raise InputError(
            tr("column {name} is missing", name=", ".join(missing)),
            where=f"{label}:1",
            remedy=tr("name the columns as the interface does"),
        )
    return fields


def _of_parquet(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, list[str]]]:
    line = 0
    while batch := cursor.fetchmany(10_000):
        for row in batch:
            line += 1
            yield line, ["" if cell is None else str(cell) for cell in row]


def _of_text(feed: Feed, dialect: sniff.Dialect) -> Iterator[tuple[int, list[str]]]:
    with feed.path.open(encoding=dialect.encoding, newline="") as stream:
        reader = csv.reader(_bounded(stream, feed.label), delimiter=dialect.delimiter)
        first = True
        try:
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if first:
                    first = False
                    continue
                cut = dialect.trailing and len(cells) == dialect.width and not cells[-1].strip()
                yield reader.line_num, cells[:-1] if cut else cells
        except csv.Error as error:
            raise InputError(str(error), where=f"{feed.label}:{reader.line_num}") from error


def _bounded(stream: Iterator[str], label: str) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        if len(line) > LINE_CHARS_MAX:
            raise InputError(
                tr("a line of more than {limit} characters", limit=LINE_CHARS_MAX),
                where=f"{label}:{number}",
            )
        # A cut file leaves NUL bytes, which some readers end at.
        yield line.replace("\0", "\ufffd")


def _row(kind: Kind, fields: list[str], cells: list[str]) -> Row:
    """One row by field; what cannot be read is its ``fault``."""
    if len(cells) != len(fields):
        known = tr("{found} cells where {wanted} belong", found=len(cells), wanted=len(fields))
        return {"fault": known, "key": cells[0][:_TEXT_MAX] if cells else ""}
    row = {
        field: "" if money.is_nothing(cell) else money.tidy(cell)[:_TEXT_MAX]
        for field, cell in zip(fields, cells, strict=True)
        if field and field != "item"
    }
    faults = []
    for field in ("key", "m", "p", "own", "s", "msgid"):
        if field in row:
            row[field] = row[field].upper()
    if not row["key"] and not kind.may_lack_key:
        faults.append(f"{kind.key}: ")
    said = row.get("state", "")
    row["state"] = STATES[kind.name].get(said.lower(), "")
    if not row["state"]:
        faults.append(f"state: {said}")
    elif kind.name == "boxes" and row["state"] == "unsent" and not row.get("note"):
        row["note"] = said.lower()
    split = row.get("split", "")
    row["split"] = SPLITS.get(split.lower(), "")
    if not row["split"]:
        faults.append(f"trdn_flag: {split}")
    for name in AMOUNTS:
        if row.get(name):
            fen = money.fen(row[name])
            if fen is None:
                faults.append(f"{name}: {row[name]}")
            row[name] = "" if fen is None else str(fen)
    return row | {"fault": "; ".join(faults)}


def _counted(feed: Feed, rows: int) -> None:
    """Lines of the raw bytes against rows; a file with quotes may have lines inside its cells.

    Raises:
        Incomplete: they are not the same.
    """
    lines, tail = 0, b""
    with feed.path.open("rb") as stream:
        head = stream.read(2)
        stream.seek(0)
        if head in {b"\xff\xfe", b"\xfe\xff"}:
            return
        while block := stream.read(_BLOCK):
            if b'"' in block:
                return
            parts = (tail + block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).split(b"\n")
            tail = parts.pop()
            lines += sum(1 for one in parts if one.strip(b" \t,;|^\xef\xbb\xbf"))
    lines += bool(tail.strip(b" \t,;|^"))
    if lines - 1 != rows:
        raise Incomplete(
            tr("{lines} lines of data, {rows} rows were read", lines=lines - 1, rows=rows),
            where=feed.label,
        )
