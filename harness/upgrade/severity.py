"""How bad a difference is, interface by interface: grades of the service desk, from a data file.

1: the whole hospital stands still; 2: windows cannot work, or accounts are wrong; 3: an error
elsewhere; 4: a wish. The first rule that fits decides. What is about money or about whose data it
is has grade 2 at least, whatever the file says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness import resources
from harness.errors import InputError
from harness.i18n import tr
from harness.input_files import toml_of
from harness.upgrade.approvals import untouchable
from harness.upgrade.differences import CLASSES, Difference

GRADES: Final = (1, 2, 3, 4)
GRADE_MONEY: Final = 2
KEYS: Final = frozenset({"interface", "class", "grade", "reason"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        interface: id, with ``*`` for any text.
        classes: of differences; all where empty.
        grade: 1 to 4.
        reason: why.
    """

    interface: str
    classes: tuple[str, ...]
    grade: int
    reason: str

    def fits(self, interface: str, cls: str) -> bool:
        """Whether it decides."""
        return fnmatchcase(interface, self.interface) and (not self.classes or cls in self.classes)


@dataclass(frozen=True, slots=True)
class Severity:
    """The rules, in their order."""

    rules: Sequence[Rule]

    def of(self, interface: str, cls: str = "verdict") -> int:
        """Of an interface, and of a class of differences on it; 3 where no rule fits."""
        return next((one.grade for one in self.rules if one.fits(interface, cls)), 3)

    def grade(self, difference: Difference) -> int:
        """Of a difference."""
        found = self.of(difference.interface, difference.cls)
        return min(found, GRADE_MONEY) if untouchable(difference) else found


@lru_cache(maxsize=1)
def shipped() -> Severity:
    """The rules that ship."""
    return read(resources.fixtures_folder() / "severity.toml")


def given(path: Path | None) -> Severity:
    """Rules of a file, or those that ship where none is named."""
    return shipped() if path is None else read(path)


def read(path: Path) -> Severity:
    """Rules of a file.

    Raises:
        InputError: it cannot be read, or a rule says what no rule can say.
    """
    data = toml_of(path)
    tables = data.get("rule", [])
    if data.get("format") != 1 or set(data) - {"format", "rule"} or not isinstance(tables, list):
        raise InputError(tr("only format = 1 and [[rule]] tables belong here"), where=str(path))
    return Severity(
        [_rule(one, f"{path}:[[rule]] {number}") for number, one in enumerate(tables, 1)]
    )


def _rule(table: Any, where: str) -> Rule:
    if not isinstance(table, dict) or set(table) - KEYS or not table.get("interface"):
        raise InputError(tr("a rule has interface, class, grade and reason"), where=where)
    classes = table.get("class", [])
    if not isinstance(classes, list) or set(map(str, classes)) - set(CLASSES):
        raise InputError(tr("class is a list of: {known}", known=", ".join(CLASSES)), where=where)
    if table.get("grade") not in GRADES:
        raise InputError(tr("grade is 1, 2, 3 or 4"), where=where)
    return Rule(interface=str(table["interface"]), classes=tuple(map(str, classes)),
                grade=int(table["grade"]), reason=str(table.get("reason", "")))  # fmt: skip
