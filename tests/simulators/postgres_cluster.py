"""A private PostgreSQL cluster for tests against a real one; not a test module."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``: on the path, or where Debian keeps them."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    versions = sorted(DEBIAN.glob("*/bin/pg_ctl"))
    return versions[-1].parent if versions else None


def missing(reason: str) -> None:
    """Skip, or fail where the peers are required."""
    if os.environ.get("MEDHARNESS_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def cluster() -> Iterator[str]:
    """A running cluster in a folder of its own; yields its URL."""
    folder = programs()
    if folder is None:
        missing("PostgreSQL is not installed (Debian: postgresql)")
        return
    user = "postgres" if hasattr(os, "geteuid") and os.geteuid() == 0 else None  # never as root
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    if user:
        shutil.chown(home, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def run(name: str, *args: str) -> None:
        subprocess.run(
            [str(folder / name), *args],
            check=True, timeout=60, user=user, cwd=home,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    data, options = str(home / "data"), f"-p {port} -h 127.0.0.1 -k {home} -c fsync=off"
    try:
        run("initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale", "C")
        run("pg_ctl", "-D", data, "-o", options, "-l", str(home / "log"), "-w", "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
