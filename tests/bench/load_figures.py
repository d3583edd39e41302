"""Load beside the built-in hospital: what was asked for, what became of it, and how long it took.

The command plays it and judges it; here its records are read. Locust is taken from where the tests
of that peer have it, unless this installation has it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 600.0
"""Of the load; ``LOAD_BENCH_SECONDS`` takes less, and then nothing is judged."""

LOCUST: Final = Path(__file__).parents[1] / "peers" / "python" / "locust"
WRONG: Final = ("missing", "double", "other", "unasked")
"""What may be wrong with a book: ids, a blank between them."""

PERCENTILES: Final = ("p50_s", "p95_s", "p99_s", "p100_s")


def environment() -> dict[str, str]:
    """With Locust, where it is to be had at all."""
    found = dict(os.environ)
    if importlib.util.find_spec("locust") is None and LOCUST.is_dir():
        found["PYTHONPATH"] = os.pathsep.join([str(LOCUST), found.get("PYTHONPATH", "")]).strip(":")
    return found


def rows_of(trace: Path) -> list[dict[str, str]]:
    """The rows of the last look that a scenario of the load rests on."""
    records = [json.loads(line) for line in trace.read_text("utf-8").splitlines()]
    looks: list[list[dict[str, str]]] = [one["rows"] for one in records if one["kind"] == "probe"]
    return looks[-1]


def of_kind(rows: Sequence[Mapping[str, str]], seconds: float) -> dict[str, Any]:
    """What one kind of users did, in numbers; ids of what is wrong are counted."""
    counts, *books = rows
    done = int(counts["done"])
    return {
        "planned": int(counts["planned"]),
        "done": done,
        "per_s": round(done / seconds, 1),
        "confirmed": sum(int(one["confirmed"]) for one in books),
        "found": sum(int(one["found"]) for one in books),
        "wrong": sum(len(one[name].split()) for one in books for name in WRONG),
        **{name: float(counts[name]) for name in PERCENTILES},
    }


def _traces(out: Path) -> Iterator[tuple[str, Path]]:
    for trace in sorted((out / "traces").glob("load-*.jsonl")):
        yield trace.stem.removeprefix("load-"), trace


def figures(out: Path, seconds: float) -> dict[str, Any]:
    """The figures of a finished run, and over all kinds what is lost or not done."""
    run = json.loads((out / "run.json").read_text("utf-8"))
    kinds = {name: of_kind(rows_of(trace), seconds) for name, trace in _traces(out)}
    return {
        "seconds": seconds,
        "passed": int(run["verdict"] == "pass"),
        "not_done": sum(one["planned"] - one["done"] for one in kinds.values()),
        "wrong": sum(one["wrong"] for one in kinds.values()),
        **kinds,
    }


def measure() -> dict[str, Any]:
    """One run of the plan that ships.

    Raises:
        SystemExit: there was no run.
    """
    seconds = float(os.environ.get("LOAD_BENCH_SECONDS", SECONDS))
    told = environment()
    locust = importlib.util.find_spec("locust") is not None or "PYTHONPATH" in told
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run"
        words = ["load", "--seconds", str(seconds), "--out", str(out)]
        words += [] if locust else ["--plain"]
        done = subprocess.run(
            [sys.executable, "-m", "harness", *words],
            env=told,
            cwd=place,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if not (out / "run.json").is_file():
            raise SystemExit(done.stdout + done.stderr)
        return {"by_locust": int(locust), **figures(out, seconds)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
