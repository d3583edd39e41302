"""Reads what reconciliation left in its folder: totals, buckets, and the rows of each class.

Amounts are integer fen. ``work/verdicts.parquet`` is scanned in place, so that ten million rows
take no more memory than one batch.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from harness import input_files
from harness.digits import whole_number
from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money
from harness.ledger.class_words import CLASS_WORDS, word

BATCH_ROWS: Final = 5_000
"""Rows fetched at once."""

MEMORY_MAX: Final = "1GB"
"""Memory of the engine while reports are read; beyond it, it works on disk."""

TABLE_ROWS_MAX: Final = 200_000
"""So many rows are kept in memory; more are scanned where they lie."""

PARTNERS_MAX: Final = 20
"""Partners shown beside one row; an ambiguous row can have many candidates."""

SIDE_ORDER: Final = ("his", "centre", "channel")

_NO_ROWS: Final = (
    "CREATE VIEW v AS SELECT '' AS side, 0 AS line, '' AS class, '' AS partner,"
    " 0::BIGINT AS delta_fen, 0::BIGINT AS medfee_fen WHERE false"
)

_ORDER: Final = "CASE {0} WHEN 'his' THEN 1 WHEN 'centre' THEN 2 ELSE 3 END"

_FILED: Final = f"""
WITH e AS (
    SELECT side, line, unnest(string_split(coalesce(partner, ''), '+')) AS p
    FROM v WHERE class = $code
), later AS (
    SELECT DISTINCT e.side, e.line
    FROM e JOIN v ON v.side = split_part(e.p, ':', 1)
        AND v.line = try_cast(split_part(e.p, ':', 2) AS BIGINT) AND v.class = $code
    WHERE ({_ORDER.format("v.side")}, v.line) < ({_ORDER.format("e.side")}, e.line)
)
SELECT {{0}} FROM v ANTI JOIN later ON v.side = later.side AND v.line = later.line
WHERE v.class = $code
"""
"""A difference is filed under its first row; a partner of another class files nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Counts and sums of one class; ``rows`` and ``fen`` by side."""

    code: str
    rows: dict[str, int]
    fen: dict[str, int]

    @property
    def effect_fen(self) -> int:
        """What this class adds to HIS minus centre."""
        return self.fen.get("his", 0) - self.fen.get("centre", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One difference: its own row first, then the rows that it is about."""

    rows: tuple[dict[str, Any], ...]
    more: int = 0

    @property
    def first(self) -> dict[str, Any]:
        """The row that the difference is filed under."""
        return self.rows[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one reconciliation, open for reading.

    Args:
        out: the folder that reconciliation wrote.
    """

    out: Path
    totals: dict[str, Any] = field(init=False)
    _base: duckdb.DuckDBPyConnection = field(init=False)

    def __post_init__(self) -> None:
        parquet = self.out / "work" / "verdicts.parquet"
        totals = self.out / "totals.json"
        loaded = input_files.json_of(totals) if totals.is_file() else {}
        told = input_files.shaped(dict[str, Any], loaded, str(totals))
        object.__setattr__(self, "totals", told)
        if not parquet.is_file() and not self.incomplete:
            raise InputError(
                tr("no reconciliation result here: {file} is missing", file=parquet.name),
                where=str(self.out),
                remedy=tr("run medharness reconcile first"),
            )
        object.__setattr__(self, "_base", _opened(parquet, self._spill))

    def close(self) -> None:
        """Let go of the file (Windows keeps it locked otherwise)."""
        self._base.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    @property
    def _spill(self) -> Path:
        return self.out / "work" / "report-spill"

    @property
    def verdict(self) -> str:
        """As ``totals.json`` says, lower case; empty where it says nothing."""
        return str(self.totals.get("verdict", "")).lower()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of ``totals.json``: what explains another run's totals is not shown."""
        totals = self.out / "totals.json"
        return hashlib.sha256(totals.read_bytes()).hexdigest() if totals.is_file() else ""

    @property
    def incomplete(self) -> bool:
        """The inputs could not be proven complete, so no difference may be listed."""
        return self.verdict == "incomplete"

    def columns(self) -> list[str]:
        """Names of the columns, in the order of the file."""
        return [str(row[0]) for row in self._base.execute("DESCRIBE v").fetchall()]

    def buckets(self) -> list[Bucket]:
        """Every class that has rows, in the order in which reports list them."""
        found: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        query = "SELECT class, side, count(*), coalesce(sum(medfee_fen), 0) FROM v GROUP BY 1, 2"
        counted = self.out / "work" / "classes.parquet"
        if counted.is_file() and not self.incomplete:
            quoted = str(counted).replace("'", "''")
            query = f"SELECT class, side, rows, fen FROM read_parquet('{quoted}')"
        for code, side, rows, fen in self._base.execute(query).fetchall():
            counts, sums = found.setdefault(str(code), ({}, {}))
            counts[str(side)], sums[str(side)] = int(rows), int(fen)
        for side, fen in self._rejected_fen().items():
            if "rejected" in found and side in found["rejected"][1]:
                found["rejected"][1][side] = fen
        order = {code: place for place, code in enumerate(CLASS_WORDS)}
        return [
            Bucket(code=code, rows=found[code][0], fen=found[code][1])
            for code in sorted(found, key=lambda one: (order.get(one, len(order)), one))
        ]

    def _rejected_fen(self) -> dict[str, int]:
        """What rows that could not be read are worth by their raw text, by side."""
        return {
            str(one["side"]): money.fen(str(one["medfee_sumamt"])) or 0
            for one in self.totals.get("buckets", [])
            if isinstance(one, dict) and one.get("class") == "rejected" and "medfee_sumamt" in one
        }

    def total_fen(self, side: str) -> int | None:
        """Total of a side as taken from the raw bytes; None where ``totals.json`` has none."""
        for one in self.totals.get("waterfall", []):
            if isinstance(one, dict) and one.get("step") == f"{side}_total":
                return money.fen(str(one.get("amount", "")))
        return None

    def rows(self, code: str, limit: int = -1) -> Iterator[dict[str, Any]]:
        """The rows of a class, streamed in the order of the file: by side, then by line."""
        yield from _fetched(self._of_class(code, limit))

    def blocks(self, code: str, limit: int = -1) -> Iterator[list[tuple[Any, ...]]]:
        """The same rows in blocks, column by column as ``columns`` names them."""
        cursor = self._of_class(code, limit)
        while batch := cursor.fetchmany(BATCH_ROWS):
            yield list(zip(*batch, strict=True))

    def _of_class(self, code: str, limit: int) -> duckdb.DuckDBPyConnection:
        tail = f" LIMIT {limit:d}" if limit >= 0 else ""
        cursor = self._base.cursor()
        cursor.execute(f"SELECT * FROM v WHERE class = ?{tail}", [code])
        return cursor

    def cases(self, code: str, limit: int) -> list[Case]:
        """The gravest differences of a class, each once, with its partners' rows."""
        cursor = self._base.cursor()
        cursor.execute(
            _FILED.format("v.*")
            + " ORDER BY abs(coalesce(delta_fen, medfee_fen, 0)) DESC,"
            + f" {_ORDER.format('v.side')}, v.line LIMIT {limit:d}",
            {"code": code},
        )
        firsts = list(_fetched(cursor))
        wanted = {key for first in firsts for key in _partners(str(first.get("partner") or ""))}
        partners = self._by_key(wanted)
        return [_case(first, partners) for first in firsts]

    def case_count(self, code: str) -> int:
        """How many differences (not rows) a class has."""
        answer = self._base.execute(_FILED.format("count(*)"), {"code": code}).fetchone()
        return int(answer[0]) if answer else 0

    def query(self, text: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """A question of our own to the view ``v``."""
        return self._base.execute(text, values or []).fetchall()

    def _by_key(self, keys: set[tuple[str, int]]) -> dict[tuple[str, int], dict[str, Any]]:
        if not keys:
            return {}
        ordered = sorted(keys)
        cursor = self._base.cursor()
        cursor.execute(
            "SELECT v.* FROM v JOIN (SELECT unnest(?::VARCHAR[]) AS s, unnest(?::BIGINT[]) AS l)"
            " k ON v.side = k.s AND v.line = k.l",
            [[side for side, _ in ordered], [line for _, line in ordered]],
        )
        return {(str(row["side"]), int(row["line"])): row for row in _fetched(cursor)}


def _opened(parquet: Path, spill: Path) -> duckdb.DuckDBPyConnection:
    """The rows as view ``v``; an incomplete run has none, and lists none."""
    base = duckdb.connect(config={"memory_limit": MEMORY_MAX, "temp_directory": str(spill)})
    if not parquet.is_file():
        base.execute(_NO_ROWS)
        return base
    quoted = str(parquet).replace("'", "''")
    source = f"SELECT * FROM read_parquet('{quoted}')"
    names = {str(row[0]) for row in base.execute(f"DESCRIBE {source}").fetchall()}
    rename = "" if "medfee_fen" in names else " RENAME (fee_fen AS medfee_fen)"
    counted = base.execute(f"SELECT COUNT(*) FROM read_parquet('{quoted}')").fetchone()
    # Many questions follow: what is small is unpacked once.
    kind = "TABLE" if counted and int(counted[0]) <= TABLE_ROWS_MAX else "VIEW"
    base.execute(f"CREATE {kind} v AS SELECT *{rename} FROM read_parquet('{quoted}')")
    return base


def _fetched(cursor: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    names = [str(one[0]) for one in cursor.description or []]
    while batch := cursor.fetchmany(BATCH_ROWS):
        for row in batch:
            yield dict(zip(names, row, strict=True))


def _partners(text: str) -> list[tuple[str, int]]:
    """``centre:12+centre:13`` as keys, the first few."""
    pairs = (one.partition(":") for one in text.split("+") if ":" in one)
    told = ((side, whole_number(line)) for side, _, line in pairs)
    return [(side, line) for side, line in told if line is not None][:PARTNERS_MAX]


def _case(first: dict[str, Any], known: dict[tuple[str, int], dict[str, Any]]) -> Case:
    text = str(first.get("partner") or "")
    others = [known[key] for key in _partners(text) if key in known]
    return Case(rows=(first, *others), more=max(0, text.count(":") - len(others)))


def is_difference(code: str) -> bool:
    """A person has something to do about rows of this class."""
    return word(code).difference
