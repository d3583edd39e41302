"""From a recording of 100,000 messages to a minimised, de-identified, failing case of each defect.

Run alone it prints one line a defect: ``python tests/bench/cases_figures.py [COUNT] [DEFECT]...``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from harness.cli import main
from tests.harness.cases import seeded

MESSAGES = 100_000
DAY = ("lab-upload-plain", "lab-upload-chinese", "feed-result-message", "yb-window")


def measure(count: int = MESSAGES, defects: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Every seeded defect, one command each, over the same recording."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        day = folder / "day.jsonl"
        written = seeded.background(day, count, DAY)
        for one in seeded.SEEDED:
            if not defects or one.defect in defects:
                try:
                    rows.append(_made(one, day, folder / one.defect))
                except ValueError as error:
                    rows.append({"pillar": one.pillar, "defect": one.defect, "made": False,
                                 "text": str(error)})  # fmt: skip
                print(json.dumps(rows[-1], ensure_ascii=False), file=sys.stderr, flush=True)
    good = [row for row in rows if row["made"]]
    return {
        "messages": written,
        "defects": len(rows),
        "made": len(good),
        "pillars": sorted({row["pillar"] for row in good}),
        "seconds_max": max((row["seconds"] for row in good), default=0.0),
        "cpu_seconds_max": max((row["cpu_seconds"] for row in good), default=0.0),
        "rows": rows,
    }


def figures() -> dict[str, Any]:
    """The same, as ``make bench`` writes it down."""
    found = measure()
    rows = [row for row in found["rows"] if row["made"]]
    kept = {name: found[name] for name in ("messages", "made", "seconds_max", "cpu_seconds_max")}
    return kept | Counter(row["pillar"] for row in rows) | {
        "missed": found["defects"] - found["made"],
        "seconds_median": median(row["seconds"] for row in rows) if rows else 0.0,
    }  # fmt: skip


def _made(one: seeded.Seeded, day: Path, folder: Path) -> dict[str, Any]:
    """One command, timed; the case must fail with the defect and pass without it."""
    path = seeded.recorded(one.scenario, folder / "run", [one.defect])
    case = folder / "case"
    words = ["case", "make", str(day), str(path), "--about", seeded.about(one, path), "--out",
             str(case), "--fault", seeded.told(one), "--profile", one.profile, "--reference",
             one.profile, "--defect", one.defect, "--number", one.defect, "--json"]  # fmt: skip
    begun, cpu = time.monotonic(), _cpu_s()
    code, data = _run(words)
    seconds, cpu = time.monotonic() - begun, _cpu_s() - cpu
    again = ["replay", str(case), "--profile", one.profile]
    red = _run([*again, "--defect", one.defect])[0] if code == 0 else None
    green = _run(again)[0] if code == 0 else None
    return {
        "pillar": one.pillar,
        "defect": one.defect,
        "made": code == 0 and red == 1 and green == 0,
        "exit_code": code,
        "red": red,
        "green": green,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "load": _load(),
        "minimised": data.get("minimised", {}),
        "text": data.get("text", ""),
    }


def _cpu_s() -> float:
    """Of this process and of those that it started and that have ended, in seconds."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _load() -> float | None:
    """How many programs want the processors: seconds of the wall clock tell nothing without it."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _run(words: list[str]) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(words)
    last = out.getvalue().strip().rpartition("\n")[2]
    return code, json.loads(last) if last.startswith("{") else {"text": last}


if __name__ == "__main__":
    wanted = frozenset(sys.argv[2:])
    print(json.dumps(measure(int((sys.argv[1:] or [MESSAGES])[0]), wanted), ensure_ascii=False))
