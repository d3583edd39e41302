"""Everything that must hold before a change lands: checks of style and types, then all tests.

Run by ``make test``; without make: ``python tests/run_all.py`` in the project's environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
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

TESTS = [
    sys.executable,
    "-m",
    "pytest",
    "-n",
    "2",
    "--dist",
    "loadgroup",
    "--cov",
    "--cov-report=term:skip-covered",
    "--cov-fail-under=85",
    *sys.argv[1:],
]


SELFCHECK = [sys.executable, "-m", "harness", "selfcheck", "--quick", "--seed", "1"]


def main() -> int:
    failed = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        print(
            f"{name}: {'ok' if done.returncode == 0 else 'FAILED'} ({time.monotonic() - started:.1f} s)"
        )
        if done.returncode:
            print(done.stdout[-6000:], done.stderr[-3000:], sep="\n")
            failed.append(name)
    sys.stdout.flush()
    code = subprocess.run(TESTS, cwd=ROOT, check=False).returncode
    if subprocess.run(SELFCHECK, cwd=ROOT, check=False).returncode:
        failed.append("self-check")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return code or bool(failed)


if __name__ == "__main__":
    sys.exit(main())
