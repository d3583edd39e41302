"""MLLP round trips a second: ours beside a bare asyncio echo and PyPI ``hl7``."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core import KEEPING, PINNED, RETURNING

HERE: Final = Path(__file__).parent
KINDS: Final = ("ours", "receiver", "echo", "returning", "hl7")
"""Both ends ours; our receiver with the bare sender; and others with the bare sender.

``returning`` is the echo whose memory goes back to the system after each read.
"""

BESIDE: Final = ("echo", "returning", "hl7")
"""What ours is measured against."""

CONNECTIONS: Final = (1, 50)
STOP_S: Final = 60.0
"""A process that does not end within this has hung."""


@contextmanager
def server(kind: str, folder: Path, environ: dict[str, str]) -> Iterator[int]:
    """A receiver in a process of its own; gives its port."""
    name = {"receiver": "ours", "returning": "echo"}.get(kind, kind)
    argv = [sys.executable, str(HERE / "servers.py"), name]
    if name == "ours":
        argv.append(str(folder / "receiver.jsonl"))
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            if process.wait(STOP_S):
                raise SystemExit(f"the server {kind} failed")


def one(kind: str, connections: int, seconds: float) -> dict[str, float]:
    """One round of one kind."""
    memory = RETURNING if kind == "returning" else KEEPING
    environ = os.environ | memory | {PINNED: "1" if connections > 1 else "0"}
    with tempfile.TemporaryDirectory() as name, server(kind, Path(name), environ) as port:
        sender = "ours" if kind == "ours" else "bare"
        argv = [sys.executable, str(HERE / "load.py"), sender, str(port), str(connections)]
        argv += [str(seconds), str(Path(name) / "sender.jsonl")]
        done = subprocess.run(
            argv,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=STOP_S,
            check=True,
            env=environ,
        )
        result: dict[str, float] = json.loads(done.stdout)
        return result


def measure(rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """All kinds in turn, round after round, so that a busy machine disturbs all alike.

    Ratios are taken in each round; everything is the median of the rounds.
    """
    taken: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for connections in CONNECTIONS:
            rates = {}
            for kind in KINDS:
                figures = one(kind, connections, seconds)
                rates[kind] = figures["rate"]
                taken.setdefault(f"{kind}_{connections}", []).append(figures)
            ratios = {f"of_{kind}": rates["ours"] / rates[kind] for kind in BESIDE}
            taken.setdefault(f"ratio_{connections}", []).append(ratios)
    return {name: _medians(all_rounds) for name, all_rounds in taken.items()}


def _medians(all_rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in all_rounds) for name in all_rounds[0]}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2])), indent=1))
