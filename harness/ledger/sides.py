"""One ledger while it is read and judged: its files, its columns, and where its rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from harness.ledger import columns, sniff
from harness.ledger.control import Control
from harness.ledger.sources import Feed


@dataclass(slots=True, kw_only=True)
class Text:
    """A text file that is not read yet.

    Args:
        dialect: how it is written.
        stem: where files that are made of it begin.
        later: control totals that another process takes meanwhile; ``None``: they are there.
    """

    dialect: sniff.Dialect
    stem: Path
    later: Future[Control] | None


@dataclass(slots=True, kw_only=True)
class Part:
    """One file of a side, as text, ready to become canonical rows.

    Args:
        table: what the engine reads it from.
        number: column of ``table`` that counts its rows from 0, in file order.
        offset: rows of the side in earlier files.
        text: the file as text, until its rows are kept.
    """

    feed: Feed
    names: tuple[str, ...]
    columns: tuple[str, ...]
    table: str
    offset: int
    rows: int
    header: int
    straightened: bool
    number: str = "file_row_number"
    control: Control = field(default_factory=Control)
    text: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A Parquet file whose amounts and times have types.

    Args:
        table: what the engine reads it from.
        terms: every canonical column and its SQL over ``t``.
        types: type of each known column, by the interface's name.
        columns: the file's own name of each.
    """

    table: str
    terms: Mapping[str, str]
    types: Mapping[str, str]
    columns: Mapping[str, str]

    def cell(self, name: str) -> str:
        """SQL of a column as the file has it."""
        return f't."{self.columns[name]}"'


@dataclass(slots=True, kw_only=True)
class Side:
    """One ledger.

    Args:
        name: his, centre or channel.
        parts: its files.
        present: canonical columns that at least one file has.
        further: columns carried through, in order of first appearance.
        readers: for each file, from a condition on the row number (nothing: all) to its canonical
            rows.
        typed: the files that are Parquet with types, as they are.
        held: table of its canonical rows, where they are few.
        clean: every row is known to be readable; where rows are many, nobody has asked.
    """

    name: str
    parts: list[Part]
    present: frozenset[str]
    further: tuple[str, ...]
    readers: list[Callable[[str], str]] = field(default_factory=list)
    typed: list[Typed] = field(default_factory=list)
    held: str = ""
    clean: bool = False

    def picked(self, rids: str) -> str:
        """SQL of the canonical rows that a SELECT of row numbers names, without tidying others."""
        return " UNION ALL ".join(reader(f"IN ({rids})" if rids else "") for reader in self.readers)

    def among(self, rids: str) -> str:
        """What to join where these row numbers are joined anyway; it may have other rows, too."""
        return self.held or f"({self.picked(rids)})"

    def sampled(self, every: int) -> str:
        """SQL of one canonical row in ``every``."""
        condition = f"% {every} = 0" if every > 1 else ""
        return " UNION ALL ".join(reader(condition) for reader in self.readers)

    @property
    def rows(self) -> int:
        """Data lines that the engine read."""
        return sum(part.rows for part in self.parts)

    @property
    def few(self) -> bool:
        """Planning a statement over them costs more than running it."""
        return self.rows <= columns.FEW_ROWS

    @property
    def control_rows(self) -> int:
        """Data lines by the independent count; known once large files are through."""
        return sum(part.control.rows for part in self.parts)

    def control_sum(self, column: str) -> int:
        """Fen of one amount column by the independent sum."""
        return sum(part.control.sums.get(column, 0) for part in self.parts)

    @property
    def problems(self) -> list[str]:
        """Why the side is not whole."""
        return [problem for part in self.parts for problem in part.control.problems]
