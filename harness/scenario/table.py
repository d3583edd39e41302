"""The table below a sentence, as a step gets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.sentence import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Header and rows of a table; every message about it names ``file:line``.

    Attributes:
        file: the feature file as messages show it.
        line: line of the header row.
        header: names of the columns, in order.
        rows: one ``{column: cell}`` a row.
        lines: line of each row of ``rows``.
    """

    file: str
    line: int
    header: tuple[str, ...]
    rows: list[dict[str, str]]
    lines: tuple[int, ...]

    @classmethod
    def of(cls, sentence: Sentence, file: str) -> Table:
        """The table of a sentence that has one.

        Raises:
            ScenarioError: a column has no name or stands twice, or there is no row.
        """
        assert sentence.table is not None
        header, *body = sentence.table
        line = sentence.table_lines[0] if sentence.table_lines else sentence.line
        where = f"{file}:{line}"
        if len(set(header)) != len(header) or not all(header):
            raise ScenarioError(
                tr("a column of the table has no name, or a name stands twice"),
                where=where,
                remedy=tr("the first row names the columns, each with a name of its own"),
            )
        if not body:
            raise ScenarioError(
                tr("the table has no row below its header"),
                where=where,
                remedy=tr("the first row names the columns; write the values below it"),
            )
        return cls(
            file=file,
            line=line,
            header=header,
            rows=[dict(zip(header, row, strict=True)) for row in body],
            lines=sentence.table_lines[1:] or (line,) * len(body),
        )

    def require(
        self, required: Iterable[str], *, optional: Iterable[str] = ()
    ) -> list[dict[str, str]]:
        """The rows, once every required column is there and no unknown one.

        Columns of ``optional`` that are not written are empty in every row.

        Raises:
            ScenarioError: names the columns that are missing or unknown.
        """
        needed, known = sorted(set(required)), set(required) | set(optional)
        missing = [name for name in needed if name not in self.header]
        unknown = [name for name in self.header if name not in known]
        if missing or unknown:
            parts = [
                tr("the table lacks the column {names}", names=" ".join(missing))
                if missing
                else "",
                tr("the table has no use for the column {names}", names=" ".join(unknown))
                if unknown
                else "",
            ]
            raise ScenarioError(
                "; ".join(part for part in parts if part),
                where=f"{self.file}:{self.line}",
                remedy=tr(
                    "columns are: {needed}; if wanted also: {others}",
                    needed=" ".join(needed) or "-",
                    others=" ".join(sorted(known - set(needed))) or "-",
                ),
            )
        absent = dict.fromkeys(sorted(known - set(self.header)), "")
        return [{**absent, **row} for row in self.rows]

    def column(self, name: str) -> Sequence[str]:
        """All cells of one column."""
        return [row[name] for row in self.require({name}, optional=self.header)]

    def decimal(self, row: int, column: str) -> Decimal:
        """A cell as an exact number.

        Raises:
            ScenarioError: the cell is no decimal number.
        """
        cell = self.rows[row][column]
        try:
            number = Decimal(cell)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or "e" in cell.lower() or "_" in cell:
            raise self.error(
                row,
                tr(
                    "“{cell}” in the column {column} is no decimal number", cell=cell, column=column
                ),
                tr("write it as digits with a point, such as 12.50"),
            )
        return number

    def error(self, row: int, message: str, remedy: str = "") -> ScenarioError:
        """An error about one row, for the step to raise."""
        return ScenarioError(message, where=f"{self.file}:{self.lines[row]}", remedy=remedy)
