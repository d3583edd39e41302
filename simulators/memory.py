"""What a store has read of tables that hardly ever change: persons, insurances, catalogues.

A settlement looks at half a dozen such rows. They are kept as long as nobody changed their tables:
a statement of our own that names one makes the store forget all, and so does a change by anybody
else, which the database tells by its version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

Row = dict[str, Any]
Read = Callable[[str, tuple[Any, ...]], list[Row]]

ANSWERS_MAX: Final = 20_000
"""Answers kept; then it begins anew: a hundred bytes to a kilobyte each."""

ROWS_MAX: Final = 4
"""A longer answer is not kept: whole catalogues would crowd out what every message asks for."""


class Memory:
    """Answers of ``SELECT`` from some tables.

    Args:
        tables: whose rows are kept.
    """

    def __init__(self, tables: Sequence[str]) -> None:
        self._kept: dict[tuple[str, tuple[Any, ...]], list[Row]] = {}
        self._version: object = None
        words = "|".join(re.escape(name) for name in tables)
        named = re.compile(rf"\b(?:{words})\b") if words else re.compile(r"(?!)")
        # Only from these tables, and from no other: a join may hold what changes with every call.
        alone = re.compile(rf"SELECT [^()]*? FROM (?:{words}) WHERE (?!.*(?:SELECT|JOIN)).*")
        self.names = lru_cache(maxsize=1024)(lambda sql: named.search(sql) is not None)
        self.about = lru_cache(maxsize=1024)(
            lambda sql: bool(words) and alone.fullmatch(sql) is not None
        )

    def rows(self, sql: str, values: tuple[Any, ...], read: Read) -> list[Row]:
        """The rows, as they were read before or now; the caller may do with them what it likes."""
        key = (sql, values)
        kept = self._kept.get(key)
        if kept is None:
            kept = read(sql, values)
            if len(kept) <= ROWS_MAX:
                if len(self._kept) >= ANSWERS_MAX:
                    self._kept.clear()
                self._kept[key] = kept
        return [kept[0].copy()] if len(kept) == 1 else [row.copy() for row in kept]

    def changed(self, sql: str) -> None:
        """This is about to be carried out."""
        if self._kept and self.names(sql):
            self._kept.clear()

    def seen(self, version: object) -> bool:
        """The version of the database: another one than last time means that others wrote."""
        if version == self._version:
            return False
        self._version = version
        self._kept.clear()
        return True

    def forget(self) -> None:
        """What was read may never have been committed."""
        self._kept.clear()
