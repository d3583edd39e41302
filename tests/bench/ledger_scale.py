"""What reconciling costs by size; written into ``docs/reference/reconciliation-scale.md``.

``python tests/bench/ledger_scale.py 100000 1000000 10000000`` takes each size anew, Parquet to the
proof, in a process of its own, and keeps the sizes that it was not asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from ledger_figures import ROWS_A_ROUND, _make, run
from run import _commit, _machine

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "reconciliation-scale.md"
FIGURES: Final = PAGE.with_suffix(".json")
BEGIN: Final = "<!-- written by tests/bench/ledger_scale.py -->\n"
END: Final = "<!-- end -->\n"
HEAD: Final = (
    "| rows a side | stages and proof, s | processor, s | peak memory, GB | bare join, processor s"
    " | ratio | machine load | commit |\n|---:|---:|---:|---:|---:|---:|---:|---|\n"
)


def table(figures: dict[str, Any]) -> str:
    """The rows of the page from the figures."""
    lines = [
        f"| {int(size):,} | {one['s']:.1f} | {one['cpu_s']:.1f} | {one['gb']:.1f}"
        f" | {one['join_cpu_s']:.1f} | {one['cpu_s'] / one['join_cpu_s']:.1f}"
        f" | {one['machine']['load']} | {one['commit']} |\n"
        for size, one in sorted(figures.items(), key=lambda item: int(item[0]))
    ]
    return HEAD + "".join(lines)


def page(text: str, figures: dict[str, Any]) -> str:
    """The page with the table of these figures."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table(figures) + END + after


def take(rows: int) -> dict[str, Any]:
    """One size: ours, and a bare join of the same files."""
    with tempfile.TemporaryDirectory() as name:
        pair = _make(Path(name), rows, "parquet")
        run("join", pair)
        join = run("join", pair)
        ours = run("stages", pair)
    return {
        **ours,
        "join_cpu_s": join["cpu_s"],
        "rows_a_round": ROWS_A_ROUND,
        "commit": _commit(),
        "command": f"python tests/bench/ledger_scale.py {rows}",
        "machine": _machine(),
    }


def main(sizes: list[str]) -> None:
    """Measure, write, render."""
    known = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    for size in sizes:
        known[size] = take(int(size))
        text = json.dumps(known, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        FIGURES.write_text(text, "utf-8", newline="\n")
        PAGE.write_text(page(PAGE.read_text("utf-8"), known), "utf-8", newline="\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(error.stderr)
