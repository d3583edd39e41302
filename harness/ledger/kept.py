"""One engine for many small runs of a process, each in a database of its own.

To start the engine and to parse some hundred statements takes longer than to run them over a few
rows; and from run to run they are the same.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Final, cast

import duckdb

from harness.ledger import engines
from harness.ledger.adapters import KeptSQLite
from harness.ledger.stages import Statement

STATEMENTS_MAX: Final = 400
"""Parsed statements that are kept; a run has about a hundred, and few differ from run to run."""

_TOLD: Final = ("PRAGMA", "SET", "RESET", "USE")
"""How what is told to a connection begins; it is worth no keeping."""

_base: dict[int, duckdb.DuckDBPyConnection] = {}
"""By process the engine that stays: a forked one must not touch that of its parent."""

_numbers: Final = count()

_stages = threading.local()
"""Of each thread the engine of the stages that stays, and the process that made it."""


class _Known:
    """A connection that parses what it is asked again only once; for the rest it is the one."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def execute(self, query: str, values: object = None) -> duckdb.DuckDBPyConnection:
        """As the connection does it."""
        return self._con.execute(_parsed(os.getpid(), query), values)


def stages(statements: Iterable[Statement]) -> KeptSQLite:
    """The engine of the stages that stays, for these statements."""
    wanted = (os.getpid(), tuple(statements))
    if getattr(_stages, "wanted", None) != wanted:
        if hasattr(_stages, "engine"):
            _stages.engine.end()
        _stages.wanted, _stages.engine = wanted, KeptSQLite(wanted[1])
    return cast(KeptSQLite, _stages.engine)


@lru_cache(STATEMENTS_MAX)
def _parsed(process: int, query: str) -> duckdb.Statement | str:
    """A statement that can be run, now and again."""
    if query.startswith(_TOLD):
        return query
    found = _base[process].extract_statements(query)
    return found[0] if len(found) == 1 else query


@contextmanager
def session(work: Path, *, kept: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one run, with no table in it; it is closed in the end.

    Args:
        work: where it spills.
        kept: the run is a small one of many: it takes the engine that stays, which spills nowhere.
    """
    if not kept:
        with engines.connect(work) as con:
            yield con
        return
    base = _base.get(os.getpid())
    if base is None:
        base = _base[os.getpid()] = engines.connect(None)
    name = f"run_{next(_numbers)}"
    base.execute(f"ATTACH ':memory:' AS {name}")
    try:
        with engines.within(base.cursor(), name) as con:
            yield cast(duckdb.DuckDBPyConnection, _Known(con))
    finally:
        base.execute(f"DETACH {name}")
