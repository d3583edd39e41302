"""``medharness load``: everything at once on the built-in hospital, and the books afterwards."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.clock import RealClock
from harness.errors import HarnessError, InputError
from harness.evidence.verdict import EXIT_CODES, Verdict
from harness.i18n import current, tr
from harness.link import tcp
from harness.profile import Mode, load_profile
from harness.scenario.progress import verdict_table
from harness.scenario.session import refuse_used, run_folder
from simulators import foreground
from simulators.hospital import defects
from simulators.load import books
from simulators.load.crew import TOLD_S, Crew
from simulators.load.order import FOLDER, PARTS, Order, read_part, read_progress
from simulators.load.plan import LoadPlan, load_plan
from simulators.load.result import Result
from simulators.load.tally import Tally
from simulators.load.users import PATIENCE_S, Confirmed
from simulators.load.ward import Places, Ward

LOCUST: Final = "locust"
MARGIN_S: Final = 180.0
"""Beyond the plan, until the crews are there and the last action is over: a run that has not come
to its end by itself then is ended."""

WORKERS_MAX: Final = 16

POLL_S: Final = 0.2
STORES: Final = "stores"
"""Folder of the run folder with what the systems have stored."""

SHOWN_CHARS: Final = 1500

Came = tuple[dict[str, Tally], dict[str, Confirmed]]


def load(args: argparse.Namespace) -> int:
    """Carry out what the command line asks for; the exit code is that of the verdict.

    Raises:
        InputError: the plan or the options are wrong, or Locust is not there.
        HarnessError: the hospital does not take what has to be there before.
    """
    path = Path(args.plan) if args.plan else None
    if args.seconds < 0 or args.scale <= 0:
        raise InputError(tr("--seconds and --scale take numbers above 0"))
    if not 1 <= args.workers <= WORKERS_MAX:
        raise InputError(tr("--workers takes 1 to {most}", most=WORKERS_MAX))
    defects.check(args.defect)
    if not args.plain and importlib.util.find_spec(LOCUST) is None:
        raise InputError(
            tr("Locust is not installed"),
            remedy=tr("install medharness[load], or say --plain"),
        )
    plan = load_plan(path).changed(seconds=args.seconds, scale=args.scale, seed=args.seed)
    if args.profile:
        plan = plan.judged_by(_limits(args.profile))
    folder = run_folder(args.out)
    refuse_used(folder)
    folder.mkdir(parents=True, exist_ok=True)
    started = RealClock().wall().isoformat(timespec="seconds")
    result = _carried_out(args, plan, folder)
    run = result.write(started)
    if run.verdict is Verdict.PASS:  # else somebody wants to look into them
        shutil.rmtree(folder / STORES, ignore_errors=True)
    foreground.say(verdict_table(run, folder))
    foreground.say(tr("Picture: {file}", file=folder / "load.svg"))
    told = {"verdict": run.verdict.value, "out": str(folder)}
    return foreground.finish(told, EXIT_CODES[run.verdict], as_json=args.json)


def _limits(name: str) -> dict[str, dict[str, float]]:
    """Of a profile whose systems are all ours: nobody else's is ever loaded."""
    profile = load_profile(name)
    for role, system in profile.systems.items():
        if system.mode is not Mode.SIMULATED:
            raise InputError(
                tr("{role} is no built-in system: load goes to the built-in hospital only",
                   role=role),
                where=str(profile.path),
                remedy=tr("use a profile whose systems are all simulated"),
            )  # fmt: skip
    return {role: dict(found) for role, found in profile.limits.items()}


def _carried_out(args: argparse.Namespace, plan: LoadPlan, folder: Path) -> Result:
    stores = folder / STORES
    stores.mkdir()
    ward = Ward(stores, plan.seed, tuple(args.defect))
    try:
        ward.start()
        before = ward.memory_kib()
        tallies, confirmed = _worked(args, plan, ward.places, folder)
        books.settle(ward)
        if gone := ward.gone:
            raise HarnessError(tr("ended by itself: {roles}", roles=", ".join(gone)))
        found = books.all_books(ward, confirmed)
        for role, after in ward.memory_kib().items():
            foreground.say(f"{role}: {before[role] // 1024} -> {after // 1024} MiB")
    finally:
        ward.stop()
    return Result(
        folder, plan, tallies, found, lang=current(), command=_words(args), defects=args.defect
    )


def _words(args: argparse.Namespace) -> list[str]:
    words = ["medharness", "load"]
    for name, default in (
        ("profile", ""),
        ("plan", ""),
        ("seconds", 0.0),
        ("scale", 1.0),
        ("seed", 0),
    ):
        value = getattr(args, name)
        if value != default:
            words += [
                f"--{name}",
                f"{value:g}" if name in {"seconds", "scale", "seed"} else Path(value).name,
            ]
    return words + (["--plain"] if args.plain else ["--workers", str(args.workers)])


def _worked(args: argparse.Namespace, plan: LoadPlan, places: Places, folder: Path) -> Came:
    """Prepare, then let everybody work; what came of it."""
    crew = Crew(plan, places)
    try:
        foreground.say(tr("preparing orders and visits"))
        crew.prepare()
        if args.plain:
            crew.run(foreground.say)
            return crew.tallies, crew.confirmed
    finally:
        left = crew.close()
    if left:
        raise HarnessError(tr("would not end: {threads}", threads=", ".join(left)))
    Order(plan, places, crew.visits).write(folder)
    _run_locust(plan, folder, args.workers)
    confirmed = {kind: Confirmed() for kind in crew.confirmed} | {
        "ordered": crew.confirmed["ordered"]
    }
    tallies = {kind: Tally() for kind in crew.tallies}
    for part in range(args.workers):
        data = read_part(folder, part)
        if data is None:
            raise HarnessError(
                tr("the users of worker {number} did not end: {said}",
                   number=part + 1, said=_no_parts(folder)),
                where=str(folder),
            )  # fmt: skip
        for kind, told in data["tallies"].items():
            tallies[kind].merge(told)
        for kind, told in data["confirmed"].items():
            confirmed[kind].merge(told)
    return tallies, confirmed


def _run_locust(plan: LoadPlan, folder: Path, workers: int) -> None:
    """Master and workers, each a process of Locust; without workers one process is both."""
    # Locust gives each worker as many: those that it does not need end at once.
    users = workers * max(len(plan.roles(part, workers)) for part in range(workers))
    common = ["-f", str(Path(__file__).with_name("locustfile.py"))]
    alone = [
        "--headless", "--users", str(users), "--spawn-rate", str(users), "--run-time",
        f"{plan.seconds + MARGIN_S:.0f}s", "--stop-timeout", f"{PATIENCE_S:.0f}",
        "--csv", str(folder / "locust"), "--only-summary",
    ]  # fmt: skip
    environ = os.environ | {FOLDER: str(folder), PARTS: str(workers)}
    processes: list[subprocess.Popen[bytes]] = []
    try:
        if workers == 1:
            processes.append(_locust([*common, *alone], environ, folder / "locust.log"))
        else:
            port = _free_port()
            where = ["--master-bind-host", "127.0.0.1", "--master-bind-port", str(port)]
            master = [*alone, "--master", "--expect-workers", str(workers), *where]
            processes.append(_locust([*common, *master], environ, folder / "locust.log"))
            for number in range(workers):
                worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
                log = folder / f"locust-worker-{number + 1}.log"
                processes.append(_locust([*common, *worker], environ, log))
        _await(processes, plan, folder)
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def _locust(words: list[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", LOCUST, *words],
            env=dict(environ), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip


def _free_port() -> int:
    """One that the system has just given and taken back."""
    with tcp.listen("127.0.0.1", 0) as server:
        port: int = server.getsockname()[1]
        return port


def _await(processes: list[subprocess.Popen[bytes]], plan: LoadPlan, folder: Path) -> None:
    """Until all are over; says how far they are.

    Raises:
        HarnessError: one hangs, or ends before its time with what it wrote.
    """
    begun = time.monotonic()
    until = begun + plan.seconds + MARGIN_S + 2 * PATIENCE_S
    told = begun
    while any(process.poll() is None for process in processes):
        now = time.monotonic()
        if now > until:
            raise HarnessError(tr("Locust does not end"), where=str(folder / "locust.log"))
        if now >= told + TOLD_S:
            told = now
            foreground.say(f"[{now - begun:5.0f}/{plan.seconds:.0f} s] {read_progress(folder)}")
        time.sleep(POLL_S)
    # Locust ends with 1 where requests failed: that is ours to judge, by what the crews wrote.


def _no_parts(folder: Path) -> str:
    """The end of what Locust wrote, for an error."""
    text = (folder / "locust.log").read_text("utf-8", "replace")
    return text[-SHOWN_CHARS:].strip()
