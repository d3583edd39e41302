"""A file that the engine writes while something else is done."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import duckdb


class Writing:
    """Writes one file by a connection of its own; what it reads must stay as it is meanwhile.

    Use it as a context manager: it ends with the file written, or with the error that kept it from
    being written; where what was done meanwhile failed, with that error, and the file is there too.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writing")
        self._later: Future[None] | None = None

    def begin(self, cursor: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
        """Run what writes it by a thread.

        Args:
            cursor: a connection that nobody else uses; it is closed at the end.
            statements: the last one is a ``COPY ... TO``; those before it make what it copies.
        """
        self._later = self._executor.submit(self._run, cursor, statements)

    def settle(self) -> None:
        """Wait for the file; raises what kept it from being written."""
        if self._later is not None:
            self._later.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
        if error is None:
            self.settle()

    @staticmethod
    def _run(cursor: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
        with cursor:
            for one in statements:
                cursor.execute(one)
