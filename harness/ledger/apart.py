"""One hospital after another: both ledgers as a Parquet data set that is partitioned by hospital.

A province's ledgers need no more memory than its largest hospital then, and each partition may as
well be reconciled by itself, on another machine or on a cluster. Rows keep the line numbers of the
whole files, so what comes out is what a run for each hospital says, put together: habits of a file
(refunds written with a positive amount, constant keys) are found out for each hospital.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import adapters, conserve, engines, verdicts
from harness.ledger.reading_text import quoted
from harness.ledger.sides import Side

NOBODY: Final = "(none)"
"""Rows that name no hospital are a part of their own."""

_FEN: Final = "fee BIGINT, fund BIGINT, acct BIGINT, cash BIGINT"
_FAULTS: Final = "rid BIGINT, fault VARCHAR"

KEPT: Final = {
    "verdict": "side VARCHAR, line BIGINT, class VARCHAR, field VARCHAR, partner VARCHAR,"
    f" stage VARCHAR, d BIGINT, weak BIGINT, mate BIGINT, delta_fen BIGINT, rf BIGINT, {_FEN}",
    "plain": "hr BIGINT, cr BIGINT, d BIGINT",
    "pair": adapters.RESULTS["pair"],
    "edge": adapters.RESULTS["edge"],
    "hs": "rid BIGINT, rf BIGINT",
    "cs": "rid BIGINT, rf BIGINT",
    "faulty_his": _FAULTS,
    "faulty_centre": _FAULTS,
}
"""What the rest of a run asks of the stages, and its columns."""


@dataclass(slots=True, kw_only=True)
class _Own(Side):
    """The rows of one hospital on one side."""

    count: int = 0

    @property
    def rows(self) -> int:
        """Lines of this hospital."""
        return self.count


def partition(
    con: duckdb.DuckDBPyConnection, sides: list[Side], column: str, target: Path
) -> list[str]:
    """Write both ledgers as ``target/SIDE/hospital=NAME/*.parquet``; the parts, in order.

    Raises:
        InputError: ``target`` has something in it that is no such data set.
    """
    for side in sides:
        folder = target / side.name
        if folder.exists() and any(
            not one.name.startswith("hospital=") for one in folder.iterdir()
        ):
            raise InputError(
                tr("this folder has other files in it"),
                where=str(folder),
                remedy=tr("name a new folder"),
            )
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        own = next(one for one in side.further if one.lower() == column.lower())
        name = f"""COALESCE(NULLIF(UPPER(TRIM("x_{own}")), ''), '{NOBODY}')"""
        con.execute(
            f"COPY (SELECT *, {name} AS hospital FROM canon_{side.name}) TO '{quoted(folder)}'"
            " (FORMAT parquet, PARTITION_BY (hospital), OVERWRITE_OR_IGNORE)"
        )
    return sorted({one.name for side in sides for one in (target / side.name).iterdir()})


class Asked(Protocol):
    """What a run was asked for, as far as it matters here; see ``command.Request``."""

    @property
    def sources(self) -> Mapping[str, str]:
        """File, folder or database URL by side."""

    @property
    def engine(self) -> str:
        """Who runs the stages."""

    @property
    def state(self) -> str:
        """Folder with the memory of days."""

    @property
    def carry_from(self) -> str:
        """An earlier run to remember."""

    @property
    def further(self) -> argparse.Namespace:
        """All other options."""


def wanted(asked: Asked) -> Path | None:
    """Where the data set is to stand; ``None`` where nobody asked for one.

    Raises:
        InputError: hospitals are not told apart; the run has a memory of days or a third ledger,
            which see the whole only; or Spark, which has its own distribution, is to run it.
    """
    target = str(getattr(asked.further, "hospital_parts", "") or "")
    if not target:
        return None
    if not getattr(asked.further, "by_hospital", ""):
        raise InputError(
            tr("--hospital-parts needs the column that names the hospital"),
            where="--hospital-parts",
            remedy="--by-hospital fixmedins_code",
        )
    if asked.engine == "spark":
        # A session and more than a hundred planned statements for every hospital.
        raise InputError(
            tr("--hospital-parts does not go with --engine spark"),
            where="--hospital-parts",
            remedy=tr(
                "leave it out: Spark spreads the hospitals of --by-hospital over its workers"
            ),
        )
    if asked.state or asked.carry_from or len(asked.sources) > len(adapters.INPUTS):
        raise InputError(
            tr("--hospital-parts does not go with --state, --carry-from or --channel"),
            where="--hospital-parts",
            remedy=tr("leave it out: --by-hospital alone tells the same of the whole"),
        )
    return Path(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """How the stages are run: by which engine, how far apart days may lie, where it works."""

    engine: str
    tolerance_days: int
    work: Path


def run(
    con: duckdb.DuckDBPyConnection,
    sides: list[Side],
    target: Path,
    *,
    column: str,
    stages: Stages,
    ready: Callable[[], None],
) -> None:
    """Run the stages hospital by hospital; afterwards ``con`` has the verdicts of all.

    Args:
        con: has the canonical rows of the whole files.
        sides: hospital and centre.
        target: where the data set is written.
        column: names the hospital in both.
        stages: how they are run.
        ready: what is done to the inputs of the stages before they run.
    """
    parts = partition(con, sides, column, target)
    folder = stages.work / "apart"
    folder.mkdir()
    turned: list[tuple[str, str, int]] = []
    for number, part in enumerate(parts):
        own = [_own(con, side, target / side.name / part) for side in sides]
        for one in own:
            con.execute(f"CREATE OR REPLACE VIEW canon_{one.name} AS {one.picked('')}")
        engines.prepare(con, own[0], own[1])
        ready()
        engines.run(con, stages.engine, tolerance_days=stages.tolerance_days, work=stages.work)
        verdicts.build(con, [*own])
        for side, view in zip(own, adapters.INPUTS, strict=True):
            turned += [(side.name, *one) for one in conserve.signs(con, side, view).items()]
        for name, shape in KEPT.items():
            path = folder / f"{name}.{number:06d}.parquet"
            columns = (column.split() for column in shape.split(", "))
            cells = ", ".join(f"CAST({cell} AS {kind}) AS {cell}" for cell, kind in columns)
            con.execute(f"COPY (SELECT {cells} FROM {name}) TO '{quoted(path)}' (FORMAT parquet)")
    _together(con, sides, folder)
    con.execute(
        f"CREATE OR REPLACE TABLE {conserve.TURNED} (side VARCHAR, short VARCHAR, fen BIGINT)"
    )
    for values in turned:
        con.execute(f"INSERT INTO {conserve.TURNED} VALUES (?, ?, ?)", values)


def _own(con: duckdb.DuckDBPyConnection, side: Side, folder: Path) -> _Own:
    """One hospital's rows of a side; none where the side does not know the hospital."""
    source = f"SELECT * FROM ({side.picked('')}) z WHERE FALSE"
    if folder.is_dir():
        files = quoted(folder / "*.parquet")
        source = f"SELECT * FROM read_parquet('{files}', hive_partitioning=false)"
    row = con.execute(f"SELECT COUNT(*) FROM ({source}) z").fetchone()

    def reader(condition: str) -> str:
        return f"SELECT * FROM ({source}) z" + (f" WHERE rid {condition}" if condition else "")

    return _Own(
        name=side.name,
        parts=[],
        present=side.present,
        further=side.further,
        readers=[reader],
        count=int(row[0]) if row else 0,
    )


def _together(con: duckdb.DuckDBPyConnection, sides: list[Side], folder: Path) -> None:
    """What all hospitals left, under the names that the rest of a run knows."""
    for side in sides:
        con.execute(f"CREATE OR REPLACE VIEW canon_{side.name} AS {side.picked('')}")
    for kind, name in _made(con):
        con.execute(f"DROP {kind} {name}")
    for name in KEPT:
        files = quoted(folder / f"{name}.*.parquet")
        # A cut changes classes in place; what nothing changes stays on disk.
        kind = "TABLE" if name == "verdict" and verdicts.changed_later(con, sides) else "VIEW"
        con.execute(f"CREATE {kind} {name} AS SELECT * FROM read_parquet('{files}')")
    verdicts.join_mates(con)


def _made(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Tables and views of the last hospital that stand in the way."""
    wanted = {*KEPT, verdicts.CLOSE}
    for kind, table in (("VIEW", "duckdb_views()"), ("TABLE", "duckdb_tables()")):
        rows = con.execute(f"SELECT {kind.lower()}_name FROM {table}").fetchall()
        # The view of verdicts first: it reads the others.
        yield from ((kind, name) for (name,) in rows if name in wanted)
