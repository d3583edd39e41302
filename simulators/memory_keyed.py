"""What a store has read of tables whose rows belong to somebody: a visit, a person.

A settlement reads the same visit, rows and account that its trial has just read. They are kept by
the key that a ``SELECT`` names first, and what is about to be changed under that key is forgotten
before. A statement of which it cannot be told whom it changes makes all of its tables forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from simulators.memory import Read, Row

ANSWERS_MAX: Final = 4_000
"""Answers kept, and their rows; then it begins anew: who asks again does so within seconds."""

ROWS_MAX: Final = 16
"""A longer answer is not kept: to copy it would cost as much as to read it."""

Answers = dict[tuple[str, tuple[Any, ...]], list[Row]]
"""Of one key: the rows by statement and values."""

_WIDE: Final = re.compile(r"\b(?:OR|SELECT|JOIN|UNION|LIMIT)\b")
"""In a condition: it may reach beyond the key, or tell less than all."""

_INSERT: Final = re.compile(
    r"INSERT INTO (?P<table>\w+) \((?P<columns>[\w, ]+)\) VALUES \((?P<holes>[?, ]+)\)"
    r"(?: ON CONFLICT \((?P<key>[\w, ]+)\) DO (?:NOTHING|UPDATE SET (?P<set>.+)))?"
)
_UPDATE: Final = re.compile(r"UPDATE (?P<table>\w+) SET (?P<set>.+) WHERE (?P<where>.+)")
_DELETE: Final = re.compile(r"DELETE FROM (?P<table>\w+) WHERE (?P<where>.+)")
_SELECT: Final = re.compile(r"SELECT (?P<what>[^?()]+) FROM (?P<table>\w+) WHERE (?P<where>.+)")


class KeyedMemory:
    """Answers of ``SELECT ... WHERE key = ?``, until something is changed under that key.

    Args:
        keys: by table, the column that holds its key; a text.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = dict(keys)
        self._kept: dict[str, dict[str, Answers]] = {table: {} for table in keys}
        self._count = 0
        words = "|".join(re.escape(name) for name in keys)
        self._named = re.compile(rf"\b(?:{words})\b") if words else re.compile(r"(?!)")
        self.about = lru_cache(maxsize=1024)(self._about)
        self._touched = lru_cache(maxsize=1024)(self._touches)

    # -- what a statement is about -------------------------------------------------------------

    def _about(self, sql: str) -> str:
        """The table of which a SELECT tells rows of one key, its first value; empty if not so."""
        found = _SELECT.fullmatch(sql)
        if found is None or found["table"] not in self._keys:
            return ""
        return found["table"] if self._under(found["table"], found["where"]) else ""

    def _under(self, table: str, where: str) -> bool:
        """Whether a condition holds for rows of one key only, and names it first."""
        begin = f"{self._keys[table]} = ?"
        rest = where[len(begin) :]
        whole = where.startswith(begin) and (not rest or rest.startswith((" AND ", " ORDER BY ")))
        return whole and not _WIDE.search(rest)

    def _touches(self, sql: str) -> tuple[tuple[str, ...], int]:
        """Tables that a statement changes, and which of its values is the key; -1: nobody knows."""
        names = tuple(sorted(set(self._named.findall(sql))))
        if len(names) != 1:
            return names, -1
        table, key = names[0], self._keys[names[0]]
        if found := _INSERT.fullmatch(sql):
            columns = found["columns"].split(", ")
            plain = found["table"] == table and key in columns
            if found["key"] and (key not in found["key"].split(", ") or self._sets(key, found)):
                plain = False
            return names, columns.index(key) if plain else -1
        if found := _UPDATE.fullmatch(sql):
            plain = found["table"] == table and self._under(table, found["where"])
            return names, found["set"].count("?") if plain and not self._sets(key, found) else -1
        if found := _DELETE.fullmatch(sql):
            plain = found["table"] == table and self._under(table, found["where"])
            return names, 0 if plain else -1
        return names, -1

    @staticmethod
    def _sets(key: str, found: re.Match[str]) -> bool:
        return re.search(rf"\b{re.escape(key)} =", found["set"] or "") is not None

    # -- keeping -------------------------------------------------------------------------------

    def rows(self, table: str, sql: str, values: tuple[Any, ...], read: Read) -> list[Row]:
        """The rows, as they were read before or now; the caller may do with them what it likes."""
        key = values[0]
        if type(key) is not str:  # the database may take it for a text
            return read(sql, values)
        under = self._kept[table].get(key)
        kept = None if under is None else under.get((sql, values))
        if kept is None:
            kept = read(sql, values)
            if len(kept) > ROWS_MAX:
                return kept
            if self._count + len(kept) >= ANSWERS_MAX:
                self.forget()
                under = None
            if under is None:
                under = self._kept[table][key] = {}
            under[sql, values] = kept
            self._count += 1 + len(kept)
        return [row.copy() for row in kept]

    def changed(self, sql: str, values: Sequence[Any]) -> None:
        """This is about to be carried out."""
        if not self._count:
            return
        tables, at = self._touched(sql)
        for table in tables:
            key = values[at] if at >= 0 else None
            if type(key) is str:
                gone = self._kept[table].pop(key, None)
                self._count -= _size(gone) if gone else 0
            else:
                self._count -= sum(map(_size, self._kept[table].values()))
                self._kept[table].clear()

    def forget(self) -> None:
        """What was read may never have been committed, or others wrote."""
        for under in self._kept.values():
            under.clear()
        self._count = 0


def _size(answers: Answers) -> int:
    """Answers and their rows: what is bounded."""
    return len(answers) + sum(map(len, answers.values()))
