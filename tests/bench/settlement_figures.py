"""The settlement centre under load, beside its limits, and with millions of settlements behind it.

The whole flow (2204, 2206, 2207), signed, each settlement on the disk (``synchronous=FULL``) before
its answer leaves, journal on; beside it the same server with an empty handler and the bare wait for
the disk, in the same round. The size of the ledger that is reconciled comes from
``SETTLEMENT_BENCH_ROWS``: small by default, 10000000 for the stated figures. The exploration takes
a slice of its points unless ``SETTLEMENT_BENCH_EXPLORE`` is ``all``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from core import PINNED
from settlement_ledger import Asker, build

from harness.clock import RealClock
from simulators.centre import provinces, simulate
from simulators.exploration.explore import explore

HERE: Final = Path(__file__).parent
ROWS: Final = int(os.environ.get("SETTLEMENT_BENCH_ROWS", "1000000"))
EXPLORE_ALL: Final = os.environ.get("SETTLEMENT_BENCH_EXPLORE") == "all"
CLIENTS: Final = (1, 50)
PAGE_BYTES: Final = 4096
START_S: Final = 120.0
STOP_S: Final = 60.0
LOAD_S: Final = 1800.0


class Server:
    """A server in a process of its own.

    Args:
        kind: ``centre`` or ``empty``.
        folder: of its ledger and journal.
        clients: how many will ask.
        traced: what each wait for the disk is counted into, by the system and not by us.
    """

    def __init__(self, kind: str, folder: Path, clients: int, traced: Path | None = None) -> None:
        argv = [sys.executable, str(HERE / "settlement_server.py"), kind, str(folder)]
        if traced is not None:
            calls = "trace=fsync,fdatasync"
            argv = ["strace", "-f", "--seccomp-bpf", "-e", calls, "-o", str(traced), *argv]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
            env=_environment(clients),
        )  # fmt: skip
        assert self.process.stdout is not None
        said = self.process.stdout.readline().split()
        if len(said) != 2:
            raise SystemExit(f"the server did not start: {said}")
        self.port, self.path = int(said[0]), said[1]

    def stop(self) -> dict[str, float]:
        """What it counted."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        found: dict[str, float] = json.loads(self.process.stdout.readline() or "{}")
        if self.process.wait(STOP_S):
            raise SystemExit("the server did not end in order")
        return found


def _environment(clients: int) -> dict[str, str]:
    root = str(HERE.parents[1])
    return os.environ | {"PYTHONPATH": root, PINNED: "1" if clients > 1 else "0"}


@contextmanager
def served(
    kind: str, folder: Path, clients: int, counted: dict[str, float], traced: Path | None = None
) -> Iterator[Server]:
    """A server, and afterwards what it counted."""
    one = Server(kind, folder, clients, traced)
    killer = threading.Timer(LOAD_S, one.process.kill)
    killer.start()
    try:
        yield one
        counted |= one.stop()
    finally:
        killer.cancel()
        one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout):
            if pipe is not None:
                pipe.close()


def load(kind: str, server: Server, clients: int, seconds: float) -> dict[str, float]:
    """What the sender measured."""
    argv = [sys.executable, str(HERE / "settlement_load.py"), kind, str(server.port), server.path]
    done = subprocess.run(
        [*argv, str(clients), str(seconds)], capture_output=True, encoding="utf-8", check=False,
        timeout=LOAD_S, env=_environment(clients),
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"the load failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def settle(
    folder: Path, clients: int, seconds: float, traced: Path | None = None
) -> dict[str, float]:
    """The flow on a new ledger; every settlement that was answered must be in it, whole."""
    counted: dict[str, float] = {}
    with served("centre", folder, clients, counted, traced) as server:
        found = load("flow", server, clients, seconds)
    with sqlite3.connect(folder / "centre.sqlite") as db:
        (held,) = db.execute("SELECT COUNT(*) FROM settlements").fetchone()
        (whole,) = db.execute(
            "SELECT COUNT(*) FROM settlements s JOIN fees r ON r.mdtrt_id = s.mdtrt_id"
            " WHERE r.setl_id = s.setl_id AND r.det_item_fee_sumamt = s.medfee_sumamt"
            " AND s.fund_pay_sumamt = (SELECT COALESCE(SUM(fund_payamt), 0) FROM funds f"
            " WHERE f.setl_id = s.setl_id)"
        ).fetchone()
    db.close()
    # Each window sends three requests a visit; those still under way at the end are not answered.
    answered = int(found["done"])
    if not answered // 3 - clients <= held <= answered // 3 + clients or held != whole:
        raise SystemExit(f"{answered} answers, {held} settlements, {whole} of them whole")
    return found | counted


def disk(folder: Path, seconds: float) -> float:
    """A page appended and waited for, again and again: times a second."""
    page = b"\0" * PAGE_BYTES
    sync = getattr(os, "fdatasync", os.fsync)
    count, begin = 0, time.perf_counter()
    with (folder / "bare").open("wb", buffering=0) as file:
        while (now := time.perf_counter()) - begin < seconds:
            file.write(page)
            sync(file.fileno())
            count += 1
    return count / (now - begin)


def system_syncs(folder: Path, seconds: float) -> dict[str, float]:
    """Waits for the disk as the system counts them, beside those that the ledger says it made."""
    if shutil.which("strace") is None:
        return {}
    traced = folder / "syncs"
    found = settle(folder, CLIENTS[-1], seconds, traced)
    lines = traced.read_text("utf-8").splitlines()
    seen = sum(bool(re.search(r"\bf(data)?sync\(", line)) for line in lines)
    if seen < found["syncs"]:
        raise SystemExit(f"{found['syncs']} groups were durable with {seen} waits for the disk")
    return {"ledger_syncs": found["syncs"], "system_syncs": float(seen)}


def ledger(folder: Path, rows: int) -> dict[str, float]:
    """3201 and 3202 on a ledger of many settlements."""
    path = folder / "centre.sqlite"
    _, store = simulate.make(provinces.load_province("hunan"), str(path), RealClock(), seed=5)
    store.close()
    build_s = build(path, rows)
    counted: dict[str, float] = {}
    with served("centre", folder, 1, counted) as server:
        asker = Asker(server.port, server.path)
        found = asker.totals(path) | asker.details(path, rows)
    size = path.stat().st_size
    return {"ledger_rows": rows, "build_s": build_s, "ledger_gb": size / 1e9} | found


def exploration() -> dict[str, float]:
    """Points of the settlement's exploration, and the seconds that they took."""
    found = explore(quick=not EXPLORE_ALL, jobs=os.cpu_count() or 1)
    if found["unexplained"]:
        what = json.dumps(found["unexplained"], default=str)[:500]
        raise SystemExit(f"the exploration left unexplained: {what}")
    return {
        "explored_points": found["points"] - len(found["never_fired"]),
        "nothing_to_do_points": len(found["never_fired"]),
        "explored_s": found["seconds"],
    }


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """All kinds in turn, round after round; ratios within a round, medians of the rounds."""
    taken: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        taken.setdefault(name, []).append(value)

    def folder() -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)

    for _ in range(rounds):
        for clients in CLIENTS:
            with folder() as name:
                bare = disk(Path(name), min(seconds, 1.0))
                ours = settle(Path(name), clients, seconds)
            counted: dict[str, float] = {}
            with folder() as name, served("empty", Path(name), clients, counted) as server:
                empty = load("echo", server, clients, seconds)
            note("bare_fsync_per_s", bare)
            note(f"flow_{clients}_per_s", ours["rate"])
            note(f"flow_{clients}_p99_ms", ours["p99_ms"])
            note(f"empty_{clients}_per_s", empty["rate"])
            note(f"flow_{clients}_of_empty", ours["rate"] / empty["rate"])
            note(f"commits_{clients}_a_sync", ours["commits"] / ours["syncs"])
    found: dict[str, Any] = {
        name: round(statistics.median(values), 4) for name, values in taken.items()
    }
    with folder() as name:
        found |= system_syncs(Path(name), min(seconds, 1.0))
    with folder() as name:
        found |= ledger(Path(name), ROWS)
    return found | exploration()


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    print(json.dumps(measure(options.rounds, options.seconds), indent=2))


if __name__ == "__main__":
    main()
