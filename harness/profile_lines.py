"""On which line of a TOML text a key stands: ``tomllib`` reads values and forgets places.

The text has been read by ``tomllib`` before, so it is valid TOML, and this reader need only find
the keys (TOML 1.0.0, "Keys", "Table", "Array of Tables").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]

_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s.=\[\]"'#]+))\s*(\.?)""")
_SKIP = re.compile(r"[^\"'#\[\]{}\n]+")


class Lines:
    """Lines of the keys of one TOML text.

    Args:
        text: valid TOML.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._table: Path = ()
        for line, statement in _statements(text):
            self._read(line, statement)

    def of(self, path: Path) -> int:
        """Line of the key at ``path``, or of the nearest table around it; 1 if there is none."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return 1

    def _read(self, line: int, statement: str) -> None:
        if statement.startswith("[["):
            parts = _key(statement, 2)
            head = self._inside(parts[:-1]) + parts[-1:]
            index = self._counts.get(head, 0)
            self._counts[head] = index + 1
            self._lines.setdefault(head, line)
            self._table = (*head, index)
        elif statement.startswith("["):
            parts = _key(statement, 1)
            self._table = self._inside(parts)
        else:
            parts = _key(statement, 0)
            self._mark((*self._table, *parts), line, len(self._table))
            return
        self._mark(self._table, line, 0)

    def _mark(self, path: Path, line: int, known: int) -> None:
        for length in range(known + 1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    def _inside(self, parts: Path) -> Path:
        """A table named below an array of tables belongs to that array's last element."""
        path: Path = ()
        for part in parts:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path


def _key(text: str, start: int) -> Path:
    """The parts of the dotted key that begins at ``start``."""
    parts: list[str | int] = []
    dot = "."
    while dot == "." and (match := _KEY_PART.match(text, start)):
        quoted, literal, bare, dot = match.groups()
        parts.append(next(part for part in (quoted, literal, bare) if part is not None))
        start = match.end()
    return tuple(parts)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Every table header and key with the line that it begins on; values may span lines."""
    offset, line = 0, 1
    while offset < len(text):
        end = _end_of_statement(text, offset)
        statement = text[offset:end].lstrip("\ufeff \t\r")
        if statement and statement[0] not in "#\n":
            yield line, statement
        line += text.count("\n", offset, end)
        offset = end


def _end_of_statement(text: str, offset: int) -> int:
    """Behind the line feed that ends the statement: one outside strings and brackets."""
    depth = 0
    while offset < len(text):
        char = text[offset]
        if char == "\n":
            offset += 1
            if depth <= 0:
                return offset
        elif char in "[{":
            depth += 1
            offset += 1
        elif char in "]}":
            depth -= 1
            offset += 1
        elif char == "#":
            feed = text.find("\n", offset)
            offset = len(text) if feed < 0 else feed
        elif char in "\"'":
            offset = _end_of_string(text, offset)
        else:
            match = _SKIP.match(text, offset)
            offset = match.end() if match else offset + 1
    return offset


def _end_of_string(text: str, offset: int) -> int:
    mark = text[offset]
    quote = mark * 3 if text.startswith(mark * 3, offset) else mark
    offset += len(quote)
    while offset < len(text) and not text.startswith(quote, offset):
        offset += 2 if mark == '"' and text[offset] == "\\" else 1
    offset += len(quote)
    # Up to two more quotes may stand in front of the three that close (TOML, "String").
    while len(quote) == 3 and text.startswith(mark, offset):
        offset += 1
    return offset
