"""Two snapshots against each other: what was taken away, what is new, what is otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness import output_files
from harness.contract import workstation
from harness.contract.model import Items, Snapshot
from harness.evidence.verdict import Verdict

CLASSES: Final = ("removed", "changed", "added", "rows")

ROWS_LOST_SHARE: Final = 0.01
"""Rows may be deleted in daily work; a table that lost more than this since before is told."""

STATION: Final = "workstation "


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item that is otherwise.

    Attributes:
        cls: one of ``CLASSES``.
        part: where it was seen.
        item: what it is.
        old: before; empty if it is new.
        new: after; empty if it is gone.
    """

    cls: str
    part: str
    item: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of it.

    Attributes:
        changes: in the order of parts and items.
        coverage: parts that not both sides looked at, with the reason.
        compared: parts that both looked at.
        items: items of those.
        matrix: workstations that differ from the majority after, as a table.
    """

    changes: Sequence[Change]
    coverage: Sequence[str]
    compared: int
    items: int
    matrix: Sequence[Sequence[str]]

    @property
    def verdict(self) -> Verdict:
        """Fail: something differs. Inconclusive: not everything was looked at on both sides."""
        if self.changes:
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if self.coverage or not self.items else Verdict.PASS

    def write(self, out: Path) -> None:
        """``contract-compare.json``, ``contract-differences.csv``, ``workstations.csv``."""
        out.mkdir(parents=True, exist_ok=True)
        data = {"format": 1, "verdict": self.verdict.value, **asdict(self)}
        output_files.write_json(out / "contract-compare.json", data)
        rows = [[one.cls, one.part, one.item, one.old, one.new] for one in self.changes]
        head = ["class", "part", "item", "old", "new"]
        output_files.write_table(out / "contract-differences.csv", [head, *rows])
        if self.matrix:
            output_files.write_table(out / "workstations.csv", self.matrix)


def compare(before: Snapshot, after: Snapshot) -> Compared:
    """Every part of either side."""
    changes: list[Change] = []
    coverage: list[str] = []
    both = [name for name in before.parts if name in after.parts]
    for name in dict.fromkeys([*before.parts, *after.parts, *before.missed, *after.missed]):
        if name in after.parts and name in before.parts:
            changes += _changes(name, before.parts[name], after.parts[name])
        else:
            reason = before.missed.get(name, "") or after.missed.get(name, "") or "-"
            coverage.append(f"{name}: {reason}")
    stations = {name.removeprefix(STATION): items for name, items in after.parts.items()
                if name.startswith(STATION)}  # fmt: skip
    return Compared(
        changes=changes, coverage=coverage, compared=len(both),
        items=sum(len(before.parts[name]) for name in both), matrix=workstation.matrix(stations),
    )  # fmt: skip


def _changes(part: str, old: Items, new: Items) -> Iterator[Change]:
    for item in dict.fromkeys([*old, *new]):
        was, now = old.get(item, ""), new.get(item, "")
        if was == now and (item in old) == (item in new):
            continue
        if item not in new:
            cls = "removed"
        elif item not in old:
            cls = "added"
        elif item.startswith("rows ") and part.startswith("sql "):
            if not _lost(was, now):
                continue
            cls = "rows"
        else:
            cls = "changed"
        yield Change(cls=cls, part=part, item=item, old=was, new=now)


def _lost(old: str, new: str) -> bool:
    """Whether rows went: growing is what tables do, becoming empty or fewer is not."""
    was, now = int(old), int(new)
    return now < was * (1 - ROWS_LOST_SHARE)
