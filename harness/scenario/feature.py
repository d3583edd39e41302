"""What a feature file says, as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.digits import whole_number
from harness.errors import InputError, InputErrors, ScenarioError
from harness.i18n import tr
from harness.scenario.sentence import Sentence

PROBLEMS_PER_FILE_MAX = 100
"""More than anyone reads at once; a file that is no feature file at all would give thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario, or one row of an outline.

    Attributes:
        id: unique in the tree, safe as a file name on every system.
        name: title; for a row of an outline with the values of the row.
        feature: name of its feature.
        file: the file as given to the reader.
        shown: the file as messages show it.
        line: line of its title.
        last_line: last line that belongs to it, example rows included.
        row_line: line of its row in 例子; 0 where there is none.
        outline: id that all rows of one outline share; the scenario's own id elsewhere.
        tags: with ``@``, those of the feature first.
        requirement: such as ``REQ-LAB-001``.
        interface: such as ``LIS-ASTM``.
        owner: who answers for it.
        sentences: those of 背景 first.
    """

    id: str
    name: str
    feature: str
    file: Path
    line: int
    tags: tuple[str, ...]
    requirement: str
    interface: str
    owner: str
    sentences: tuple[Sentence, ...]
    shown: str = ""
    last_line: int = 0
    row_line: int = 0
    outline: str = ""

    @property
    def where(self) -> str:
        """``file:line`` of the example row or of the title."""
        return f"{self.shown or self.file}:{self.row_line or self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature file.

    Attributes:
        name: what stands after 功能.
        file: the file as given to the reader.
        line: line of 功能.
        description: free text below it.
        owner: from the line ``负责人: ...`` of the description.
        tags: with ``@``.
        scenarios: in the order of the file, rows of outlines unfolded.
        shown: the file as messages show it.
    """

    name: str
    file: Path
    line: int
    description: str
    owner: str
    tags: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    shown: str = ""


class Problems:
    """Collects the problems of one file; none stops the reading.

    Args:
        shown: the file as messages show it.
    """

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self._found: list[tuple[int, ScenarioError]] = []
        self._left_out = 0

    def add(self, line: int, message: str, remedy: str = "") -> None:
        """Note one; past the bound they are only counted."""
        if len(self._found) >= PROBLEMS_PER_FILE_MAX:
            self._left_out += 1
            return
        error = ScenarioError(message, where=f"{self.shown}:{line}", remedy=remedy)
        self._found.append((line, error))

    def listed(self) -> list[ScenarioError]:
        """All of them in the order of their lines."""
        errors = [error for _, error in sorted(self._found, key=lambda found: found[0])]
        if self._left_out:
            rest = tr("{count} further problems are not listed", count=self._left_out)
            errors.append(ScenarioError(rest, where=self.shown))
        return errors

    def __len__(self) -> int:
        return len(self._found)


def place_of(problem: InputError) -> tuple[str, int]:
    """What problems are sorted by: the file, then the line."""
    file, _, line = problem.where.rpartition(":")
    number = whole_number(line)
    return (problem.where, 0) if number is None else (file, number)


def raise_all(problems: list[ScenarioError]) -> None:
    """Raise every problem at once, in the order of places; nothing happens where there is none.

    Raises:
        InputErrors: holds them all.
    """
    if problems:
        found: list[InputError] = sorted(problems, key=place_of)
        raise InputErrors(found)
