"""Everything that must hold before a change lands: checks of style and types, then the tests.

Run by ``make test``; without make: ``python tests/run_all.py`` in the project's environment. Of the
slow tests it takes the slice of the commit, unless ``MEDHARNESS_TESTS`` says otherwise: ``half``
runs half of them, ``every`` runs them all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def tool(name: str, *arguments: str) -> list[str]:
    suffix = ".exe" if os.name == "nt" else ""
    return [str(BIN / f"{name}{suffix}"), *arguments]


CHECKS = {
    "style": tool("ruff", "check", "."),
    "format": tool("ruff", "format", "--check", "."),
    "types": tool("mypy"),
    "storeys": tool("lint-imports"),
}

BYTECODE = ROOT / ".pytest_cache" / "bytecode"
"""Where compiled modules go if this machine writes none beside the sources."""


def environment() -> dict[str, str]:
    """That of every program that is started here: its modules are compiled once.

    The tests start some hundred programs. Each of them would compile hundreds of modules anew
    where ``PYTHONDONTWRITEBYTECODE`` is set, as it is in many containers: a third of its time.
    """
    found = {"MEDHARNESS_TESTS": "slice", **os.environ}
    if found.pop("PYTHONDONTWRITEBYTECODE", ""):
        found.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))
    return found


WORKERS = 1 + (os.cpu_count() or 1)
"""One more than there are processors: tests over sockets wait some of their time."""

TESTS = [
    sys.executable,
    "-m",
    "pytest",
    "-n",
    str(WORKERS),
    "--dist",
    "loadgroup",
    "--cov",
    "--cov-report=",
    *sys.argv[1:],
]

TESTS_FAILED = 1
"""The exit code of pytest where it ran to its end and some tests failed."""

AGAIN = [
    sys.executable,
    "-m",
    "pytest",
    "-n",
    "0",
    "--last-failed",
    "--last-failed-no-failures=none",
]

FLAKES_MAX = 8
"""Below 0.1 % of the tests. More, and the run says nothing."""

COVERED_MIN = 85
COVERAGE = [sys.executable, "-m", "coverage", "report", "--skip-covered", "--format=total"]


SELFCHECK = [sys.executable, "-m", "harness", "selfcheck", "--quick", "--seed", "1"]


def failures() -> list[str]:
    """The tests that failed in the last run."""
    kept = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text("utf-8"))) if kept.exists() else []


def tests() -> int:
    """All tests, then those that failed once more, each by itself.

    A test that fails only sometimes is a bug of its own: it is named, and more than a few of them
    fail the run.
    """
    code = subprocess.run(TESTS, cwd=ROOT, env=environment(), check=False).returncode
    if code != TESTS_FAILED:
        return code
    failed = failures()
    print(f"failed: {len(failed)}, each is run once more:", *failed, sep="\n  ", flush=True)
    if not failed or len(failed) > FLAKES_MAX:
        return code
    code = subprocess.run(AGAIN, cwd=ROOT, env=environment(), check=False).returncode
    if code == 0:
        print("flaked, and to be mended:", *failed, sep="\n  ", flush=True)
    return code


def covered() -> bool:
    """Whether the branches that tests went through are enough; says how many."""
    done = subprocess.run(COVERAGE, cwd=ROOT, check=False, capture_output=True, text=True)
    total = done.stdout.strip()
    print(f"coverage: {total or done.stderr.strip()} % (at least {COVERED_MIN})", flush=True)
    return total.isdecimal() and int(total) >= COVERED_MIN


def check(name: str) -> str:
    """One check; returns its name where it failed."""
    started = time.monotonic()
    done = subprocess.run(
        CHECKS[name],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    seconds = time.monotonic() - started
    print(f"{name}: {'FAILED' if done.returncode else 'ok'} ({seconds:.1f} s)", flush=True)
    if done.returncode == 0:
        return ""
    print(done.stdout[-6000:], done.stderr[-3000:], sep="\n", flush=True)
    return name


def main() -> int:
    with ThreadPoolExecutor(1) as beside:
        types = beside.submit(check, "types")  # has one processor; the others are for the tests
        failed = [check(name) for name in CHECKS if name != "types"]
        code = tests()
        failed.append(types.result())
    if code == 0 and not covered():
        failed.append("coverage")
    if subprocess.run(SELFCHECK, cwd=ROOT, env=environment(), check=False).returncode:
        failed.append("self-check")
    failed = [name for name in failed if name]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return code or bool(failed)


if __name__ == "__main__":
    sys.exit(main())
