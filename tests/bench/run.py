"""Takes all figures, writes ``docs/figures.json`` and renders ``docs/performance.md`` from it.

``python tests/bench/run.py [--rounds N] [--seconds S]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import binding_figures
import codec_figures
import ledger_figures
import render
import round_trips
import serial_figures

ROUNDS: Final = 5
SECONDS: Final = 2.0
"""Of each kind in each round, after a warm-up of half a second."""


def _commit() -> str:
    """The commit that was measured; ``+`` where the tree differs from it."""
    root = str(render.DOCS.parent)
    head = subprocess.run(
        ["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        ["git", "-C", root, "status", "--porcelain", "--", "harness", "simulators", "tests/bench"],
        capture_output=True,
        text=True,
        check=False,
    )
    return (head.stdout.strip()[:12] or "unknown") + ("+" if changed.stdout.strip() else "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _machine() -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(load, 2),
    }


def main() -> None:
    """Measure, write, render."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "commit": _commit(),
        "command": "python tests/bench/run.py",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "rounds": options.rounds,
        "seconds": options.seconds,
    }
    figures["figures"] = {
        "codec": codec_figures.measure(options.rounds),
        "binding": binding_figures.measure(options.rounds),
        "serial": serial_figures.measure(),
        "ledger": ledger_figures.measure(),
        **round_trips.measure(options.rounds, options.seconds),
    }
    text = json.dumps(figures, ensure_ascii=False, indent=2) + "\n"
    render.FIGURES.write_text(text, "utf-8", newline="\n")
    render.PAGE.write_text(render.page(figures), "utf-8", newline="\n")
    print(render.page(figures))


if __name__ == "__main__":
    main()
