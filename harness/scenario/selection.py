"""Which scenarios of a file are meant by ``file.feature:LINE``.

A line of an example row means that row alone; any other line of a scenario means all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from harness.scenario.feature import Scenario
from harness.scenario.files import LINE


@dataclass(slots=True)
class Lines:
    """Lines that were asked for, by file; a file that is not here is meant as a whole."""

    by_file: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def take(cls, args: list[str]) -> Self:
        """Take the lines off the arguments of pytest, which knows no such address.

        ``args`` is changed in place; a file that is also named without a line is meant whole.
        """
        chosen = cls()
        seen: list[str] = []
        for arg in args:
            match = LINE.match(arg)
            if match:
                chosen.by_file.setdefault(_key(match[1]), []).append(int(match[2]))
                arg = match[1]  # noqa: PLW2901 - the same argument without its line
                if arg in seen:
                    continue
            seen.append(arg)
        for arg in args:
            if arg.endswith(".feature"):
                chosen.by_file.pop(_key(arg), None)
        args[:] = seen
        return chosen

    def without(self, folders: Iterable[str]) -> None:
        """Forget lines of files below folders that were named as well."""
        for folder in folders:
            path = Path(folder).resolve()
            for file in list(self.by_file):
                if path in Path(file).parents:
                    del self.by_file[file]

    def data(self) -> dict[str, Any]:
        """For a worker."""
        return {"by_file": self.by_file}

    def choose(self, scenarios: Sequence[Scenario]) -> list[bool]:
        """Of each scenario, whether it is meant."""
        if not self.by_file:
            return [True] * len(scenarios)
        rows = {(_key(one.file), one.row_line) for one in scenarios if one.row_line}
        return [self._takes(one, rows) for one in scenarios]

    def _takes(self, scenario: Scenario, rows: set[tuple[str, int]]) -> bool:
        file = _key(scenario.file)
        if file not in self.by_file:
            return True
        return any(
            line == scenario.row_line
            if (file, line) in rows
            else scenario.line <= line <= scenario.last_line
            for line in self.by_file[file]
        )


def _key(path: str | Path) -> str:
    return str(Path(path).resolve())
