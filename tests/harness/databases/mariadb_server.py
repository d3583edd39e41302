"""A private MariaDB for tests against a real one; not a test module."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

READY_S = 60.0


def program(name: str) -> str | None:
    """On the path, or where Debian keeps what only administrators start."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


@contextmanager
def server() -> Iterator[tuple[int, Path]]:
    """A running server in a folder of its own; yields its port and the socket of its root."""
    daemon, install = program("mariadbd"), program("mariadb-install-db")
    if daemon is None or install is None:
        pytest.skip("peer mariadb is not installed")
    home = Path(tempfile.mkdtemp(prefix="maria-"))
    data, sock = home / "data", home / "s"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
             "stderr": subprocess.DEVNULL}  # fmt: skip
    me = Path.home().owner()
    try:
        subprocess.run([install, "--no-defaults", f"--datadir={data}", f"--user={me}",
                        "--auth-root-authentication-method=normal"],
                       check=True, timeout=120, **quiet)  # fmt: skip
        running = subprocess.Popen(
            [daemon, "--no-defaults", f"--datadir={data}", f"--user={me}", f"--port={port}",
             "--bind-address=127.0.0.1", f"--socket={sock}", f"--pid-file={home / 'pid'}",
             "--innodb-flush-log-at-trx-commit=0"], **quiet,
        )  # fmt: skip
        try:
            _wait(sock, running)
            yield port, sock
        finally:
            running.terminate()
            running.wait(60)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(sock: Path, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while running.poll() is None and time.monotonic() < until:
        if sock.exists():  # it is made when everything else is ready
            root(sock).close()
            return
        time.sleep(0.05)  # nothing tells of a socket that is made
    pytest.fail("MariaDB did not begin")


def root(sock: Path) -> pymysql.Connection:
    """Its administrator, who may do everything."""
    return pymysql.connect(unix_socket=str(sock), user="root", autocommit=True)
