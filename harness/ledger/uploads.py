"""Reconciles what is uploaded beside settlements, in the same run and with the same rules.

Registrations (REG), trace codes (TRC) and settlement lists (LST): each kind whose two files are
given is read, paired and judged; every row ends in exactly one bucket, which is proven by counting.
What is not given is not judged, and said so.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import engines, tables, uploads_read, uploads_rules
from harness.ledger.class_words import word
from harness.ledger.control import Incomplete
from harness.ledger.evidence import Exchange
from harness.ledger.report_text import plain_yuan
from harness.ledger.uploads_causes import Calls, advice, cause
from harness.ledger.uploads_model import FIELDS, KINDS, LISTS, SIDES, Kind
from harness.ledger.verdict_lines import HEADINGS

LISTED_MAX: Final = 20_000
"""Differences of one kind in ``totals.json`` and the workbook; ``uploads.csv`` has all."""

CSV_COLUMNS: Final = (
    "side", "line", "class", "field", "partner", "delta", "cause", "confidence", "advice", "key",
    "mdtrt_id", "psn_no", "number", "his_state", "centre_state", "note", "msgid", "file",
    "file_line",
)  # fmt: skip

_EXPLAINED: Final = "side VARCHAR, line BIGINT, cause VARCHAR, confidence VARCHAR, advice VARCHAR"

_RUNS: Final = re.compile(r"^[=+@\t\r-]")
_PLAIN_NUMBER: Final = re.compile(r"[-+]?[0-9]*(\.[0-9]+)?")


def wanted(further: argparse.Namespace) -> list[Kind]:
    """Kinds whose two files are given.

    Raises:
        InputError: only one of the two.
    """
    found = []
    for kind in KINDS.values():
        given = [side for side in SIDES if getattr(further, f"{side}_{kind.name}", "")]
        if len(given) == 1:
            raise InputError(
                tr("--{given} needs the other side too", given=f"{given[0]}-{kind.name}"),
                remedy=tr("give both --his-{name} and --centre-{name}", name=kind.name),
            )
        if given:
            found.append(kind)
    return found


def files(further: argparse.Namespace) -> list[str]:
    """The sources of the kinds that are given."""
    return [str(getattr(further, f"{s}_{kind.name}")) for kind in wanted(further) for s in SIDES]


def judge(
    con: duckdb.DuckDBPyConnection,
    further: argparse.Namespace,
    out: Path,
    work: Path,
    *,
    renames: Mapping[str, Mapping[str, str]],
    log: Sequence[Exchange],
) -> dict[str, Any]:
    """Judge every kind that is given; what ``totals.json`` says under ``uploads``.

    Rows are added to ``verdicts.csv``; the differences alone, with both sides' cells, go to
    ``uploads.csv``.

    Raises:
        InputError: a file cannot be used.
        Incomplete: both files of a kind are empty, or rows were lost or doubled.
    """
    kinds = wanted(further)
    if not kinds:
        return {}
    calls, told = Calls.of(log), {}
    with (out / "uploads.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, CSV_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for kind in kinds:
            told[kind.name] = _kind(con, kind, further, work, renames, calls, writer)
            _append(con, out / "verdicts.csv")
    return told


def differences(told: Mapping[str, Any]) -> int:
    """Rows that need a person, of all kinds, settlements without a list included."""
    return sum(one["differences"] for one in told.values())


def _kind(
    con: duckdb.DuckDBPyConnection,
    kind: Kind,
    further: argparse.Namespace,
    work: Path,
    renames: Mapping[str, Mapping[str, str]],
    calls: Calls,
    writer: csv.DictWriter[str],
) -> dict[str, Any]:
    inputs = {}
    for side in SIDES:
        name = f"{side}_{kind.name}"
        inputs[name] = uploads_read.read(
            con,
            kind,
            name,
            str(getattr(further, name)),
            query=str(getattr(further, f"{name}_query", "") or ""),
            renames=renames.get(name, {}),
            work=work / name,
        )
    if not any(one.rows for one in inputs.values()):
        raise Incomplete(tr("both files are empty: nothing was compared"), where=kind.name)
    uploads_rules.run(con, kind)
    buckets = _buckets(con, {name: one.rows for name, one in inputs.items()})
    _explain(con, kind, calls)
    listed: list[dict[str, Any]] = []
    total = 0
    rows = (_shown(row) for row in _joined(con, kind))
    unlisted = _unlisted(con, kind, calls)
    for shown in itertools.chain(rows, unlisted):
        total += 1
        writer.writerow({name: _safe(str(shown.get(name, ""))) for name in CSV_COLUMNS})
        if len(listed) < LISTED_MAX:
            listed.append(shown)
    return {
        "inputs": {one.side: {"source": one.source, "rows": one.rows} for one in inputs.values()},
        "not_compared": _not_compared(inputs.values()),
        "buckets": buckets,
        "unlisted": len(unlisted),
        "differences": total,
        "listed": listed,
    }


def _not_compared(inputs: Any) -> list[str]:
    """Fields that only one side has, so that nothing was said about them."""
    one, other = inputs
    return sorted((one.has ^ other.has) - {"note", "msgid", "item", "s", "own", "state"})


def _buckets(con: duckdb.DuckDBPyConnection, read: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows by side and class.

    Raises:
        Incomplete: a row in no bucket or in two, or a row more or less than was read.
    """
    found = con.execute(
        "SELECT side, class, COUNT(*), COUNT(DISTINCT line), SUM(delta_fen) FROM up_verdict"
        " GROUP BY 1, 2 ORDER BY 1 DESC, 2"
    ).fetchall()
    for side, rows in read.items():
        once = con.execute(
            "SELECT COUNT(*), COUNT(DISTINCT line), COUNT(class) FROM up_verdict WHERE side = ?",
            [side],
        ).fetchone()
        if once != (rows, rows, rows):
            raise Incomplete(
                tr("{rows} rows were read, {buckets} stand in buckets", rows=rows,
                   buckets=once[0] if once else 0),
                where=side,
            )  # fmt: skip
    return [
        {
            "side": str(side),
            "class": str(code),
            "rows": int(rows),
            "delta": plain_yuan(int(fen or 0)),
        }
        for side, code, rows, _, fen in found
    ]


def _explain(con: duckdb.DuckDBPyConnection, kind: Kind, calls: Calls) -> None:
    """Make ``up_explained`` of the differences; they are few beside the rows."""
    tables.fill(con, "up_explained", _EXPLAINED, [])
    block: list[tuple[Any, ...]] = []
    for row in _joined(con, kind):
        code = str(row["class"])
        if not word(code).difference:
            continue
        why, sure = cause(code, str(row["field"] or ""), row, calls)
        block.append((row["side"], row["line"], why, sure, advice(code, why)))
        if len(block) == LISTED_MAX:
            tables.put(con, "up_explained", _EXPLAINED, block)
            block.clear()
    if block:
        tables.put(con, "up_explained", _EXPLAINED, block)


def _joined(con: duckdb.DuckDBPyConnection, kind: Kind) -> Iterator[dict[str, Any]]:
    """Differences with both sides' cells, in the order of the files."""
    his, centre = kind.sides()
    cells = ", ".join(f"a.{one} AS h_{one}, b.{one} AS c_{one}" for one in FIELDS)
    cursor = engines.beside(con)
    cursor.execute(
        "SELECT v.*, e.cause, e.confidence, e.advice,"
        " COALESCE(a.source, b.source) AS h_source, b.source AS c_source,"
        f" a.raw_line AS h_raw_line, b.raw_line AS c_raw_line, {cells}, g.gone,"
        " EXISTS (SELECT 1 FROM up_settled t WHERE t.m = COALESCE(b.key, a.key) AND t.gone = 0)"
        " AS held, (SELECT MIN(x.m) FROM"
        f" (SELECT rid, key, m FROM up_{his} WHERE fault IS NULL AND state = 'sold') x"
        " WHERE x.key = COALESCE(a.key, b.key) AND x.rid <> COALESCE(a.rid, -1)) AS twin_visit"
        " FROM up_verdict v"
        f" LEFT JOIN up_{his} a ON a.rid = CASE WHEN v.side = '{his}' THEN v.line ELSE v.mate END"
        f" LEFT JOIN up_{centre} b"
        f" ON b.rid = CASE WHEN v.side = '{centre}' THEN v.line ELSE v.mate END"
        " LEFT JOIN up_explained e ON e.side = v.side AND e.line = v.line"
        " LEFT JOIN (SELECT k, MIN(gone) AS gone FROM up_settled GROUP BY k) g"
        " ON g.k = COALESCE(a.key, b.key)"
        " WHERE v.class NOT IN ('matched', 'withdrawn', 'not_insured')"
        " ORDER BY v.side DESC, v.line"
    )
    names = [str(one[0]) for one in cursor.description or []]
    while batch := cursor.fetchmany(5_000):
        for row in batch:
            yield dict(zip(names, row, strict=True))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A difference as ``uploads.csv`` and the reports have it."""
    own = "h" if str(row["side"]).startswith("his") else "c"
    far = "c" if own == "h" else "h"

    def either(name: str) -> str:
        return str(row[f"{own}_{name}"] or row[f"{far}_{name}"] or "")

    return {
        "side": str(row["side"]),
        "line": int(row["line"]),
        "class": str(row["class"]),
        "field": str(row["field"] or ""),
        "partner": str(row["partner"] or ""),
        "delta": plain_yuan(int(row["delta_fen"] or 0)),
        "cause": str(row["cause"] or ""),
        "confidence": str(row["confidence"] or ""),
        "advice": str(row["advice"] or ""),
        "key": either("key"),
        "mdtrt_id": either("m"),
        "psn_no": either("p"),
        "number": either("own"),
        "his_state": str(row["h_state"] or ""),
        "centre_state": str(row["c_state"] or ""),
        "note": either("note"),
        "msgid": str(row["c_msgid"] or row["h_msgid"] or ""),
        "file": either("source"),
        "file_line": int(row[f"{own}_raw_line"] or 0),
    }


def _unlisted(con: duckdb.DuckDBPyConnection, kind: Kind, calls: Calls) -> list[dict[str, Any]]:
    """Settled stays of the ledger that no list belongs to; they are no rows of these files."""
    if kind.name != LISTS:
        return []
    found = []
    for key, line, fen in uploads_rules.unlisted(con, *kind.sides()):
        row = {"h_key": key, "c_key": None, "h_state": None, "c_state": None, "gone": 0}
        why, sure = cause("list_missing", "", row, calls)
        found.append(
            {
                "side": kind.sides()[0],
                "line": "",
                "class": "list_missing",
                "partner": f"centre:{line}",
                "delta": plain_yuan(fen),
                "cause": why,
                "confidence": sure,
                "advice": advice("list_missing", why),
                "key": key,
            }
        )
    return found


def _append(con: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Every row of the kind to ``verdicts.csv``: a line for every row of every input."""
    with target.open(encoding="utf-8-sig", newline="") as stream:
        width = len(next(csv.reader(stream)))
    cursor = engines.beside(con)
    keys = " UNION ALL ".join(
        f"SELECT '{name}' AS side, rid, {column} AS key FROM up_{name}"
        for name, column in _tables(con)
    )
    cursor.execute(
        "SELECT v.side, v.line, COALESCE(k.key, ''), v.class, v.field, v.partner, v.delta_fen,"
        " COALESCE(e.cause, ''), COALESCE(e.confidence, ''), COALESCE(e.advice, '')"
        f" FROM up_verdict v JOIN ({keys}) k ON k.side = v.side AND k.rid = v.line"
        " LEFT JOIN up_explained e ON e.side = v.side AND e.line = v.line"
        " ORDER BY v.side DESC, v.line"
    )
    with target.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        while batch := cursor.fetchmany(5_000):
            for side, line, key, code, name, partner, fen, why, sure, text in batch:
                stage = "read" if code == "rejected" else "uploads"
                cells = [side, line, _safe(key), code, _safe(name or ""), partner]
                cells += [plain_yuan(int(fen or 0)), stage, why, sure, text]
                writer.writerow([*cells, *[""] * (width - len(cells))])


def begin(out: Path) -> None:
    """Begin ``verdicts.csv`` for the rows of uploads alone."""
    with (out / "verdicts.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerow(HEADINGS)


def _tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Sides of the last kind, and which of their columns holds the settlement's id."""
    found = con.execute("SELECT DISTINCT side FROM up_verdict ORDER BY side").fetchall()
    return [(str(one), "key" if str(one).endswith(LISTS) else "s") for (one,) in found]


def _safe(text: str) -> str:
    """A cell that a spreadsheet would run, as text."""
    if _RUNS.match(text) and not _PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text
