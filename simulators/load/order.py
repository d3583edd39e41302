"""What the processes of a load run tell each other, as files of one folder."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from simulators.load.plan import LoadPlan
from simulators.load.ward import Places
from simulators.load.windows import Visit

FOLDER: Final = "MEDHARNESS_LOAD_FOLDER"
"""Environment variable with the folder."""

PARTS: Final = "MEDHARNESS_LOAD_PARTS"
"""Environment variable: by how many processes the actions are shared."""


@dataclass(frozen=True, slots=True)
class Order:
    """The plan, where the systems are, and what was prepared there."""

    plan: LoadPlan
    places: Places
    visits: dict[int, Visit]

    def write(self, folder: Path) -> None:
        """For the others."""
        visits = {number: asdict(visit) for number, visit in self.visits.items()}
        data = {"plan": self.plan.data(), "places": self.places.data(), "visits": visits}
        (folder / "order.json").write_text(json.dumps(data), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Order:
        """What ``write`` wrote."""
        data = json.loads((folder / "order.json").read_text("utf-8"))
        visits = {int(number): Visit(**visit) for number, visit in data["visits"].items()}
        return cls(LoadPlan.of(data["plan"]), Places.of(data["places"]), visits)


def write_part(folder: Path, part: int, data: dict[str, Any]) -> None:
    """What came of the actions of one process; it is there as a whole, or not at all."""
    path = folder / f"part-{part}.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    new.replace(path)


def read_part(folder: Path, part: int) -> dict[str, Any] | None:
    """What ``write_part`` wrote; None where that process did not get so far."""
    path = folder / f"part-{part}.json"
    if not path.is_file():
        return None
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return data


def write_progress(folder: Path, part: int, counts: Mapping[str, tuple[int, int]]) -> None:
    """How many actions of each kind are done, and how many failed."""
    (folder / f"progress-{part}.json").write_text(json.dumps(counts), encoding="utf-8")


def read_progress(folder: Path) -> str:
    """The same of all processes together, as a line."""
    done: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for path in sorted(folder.glob("progress-*.json")):
        with contextlib.suppress(ValueError, RecursionError):  # it is being written
            for kind, (good, bad) in json.loads(path.read_text("utf-8")).items():
                done[kind] += good
                failed[kind] += bad
    return "  ".join(
        f"{kind} {count}" + (f" (-{failed[kind]})" if failed[kind] else "")
        for kind, count in done.items()
    )
