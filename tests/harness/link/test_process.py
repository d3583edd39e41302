"""A simulated system as a process: started, steered, killed, started again, never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import i18n, limits
from harness.errors import HarnessError, InputError
from harness.link.process import STDERR_LINES_MAX, SimulatedProcess, python

ECHO = Path(__file__).resolve().parents[2] / "simulators" / "echo_system.py"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


def system(folder: Path, **config: object) -> SimulatedProcess:
    listen = {"lab": {"host": "127.0.0.1", "port": 0}}
    settings = {"listen": listen, "store": str(folder / "echo.sqlite")} | config
    return SimulatedProcess("ECHO", [sys.executable, str(ECHO)], settings)


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[SimulatedProcess]:
    before = set(threading.enumerate())
    one = system(tmp_path)
    one.start()
    yield one
    one.stop()
    assert not one.running
    assert set(threading.enumerate()) <= before


def ask(one: SimulatedProcess, text: bytes) -> bytes:
    """One message over a socket of the test's own; empty where the peer is gone."""
    address = one.addresses["lab"]
    with socket.create_connection((address.host, address.port), 5) as sock:
        sock.settimeout(5)
        sock.sendall(b"\x0b" + text + b"\x1c\r")
        data = b""
        try:
            while not data.endswith(b"\x1c\r"):
                piece = sock.recv(4096)
                if not piece:
                    break
                data += piece
        except ConnectionResetError:
            pass
        return data[1:-2]


def test_start_exchange_and_command(echo: SimulatedProcess) -> None:
    assert echo.running
    assert ask(echo, "管1".encode()) == "stored 管1".encode()
    assert echo.command("stored", {}, 60) == ["管1"]
    assert echo.command("_defects", {"ids": ["d2", "d1"]}, 60) is None
    assert echo.command("defects", {}, 60) == ["d1", "d2"]
    with pytest.raises(HarnessError, match="ECHO refused refuse: not today"):
        echo.command("refuse", {}, 60)
    assert echo._answers == {}


def test_commands_of_several_threads_get_their_own_answers(echo: SimulatedProcess) -> None:
    answers: list[object] = []

    def work() -> None:
        for _ in range(20):
            answers.append(echo.command("stored", {}, 60))
            answers.append(echo.command("defects", {}, 60))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert answers == [[]] * 160


def test_a_killed_system_comes_back_on_its_port_with_its_store(echo: SimulatedProcess) -> None:
    assert ask(echo, b"one") == b"stored one"
    address = echo.addresses["lab"]
    echo.kill()
    assert not echo.running
    assert echo.wait_ended(60)
    with pytest.raises(ConnectionRefusedError):
        ask(echo, b"two")
    with pytest.raises(HarnessError, match="ECHO is not running"):
        echo.command("stored", {}, 60)
    echo.start()

    assert echo.addresses == {"lab": address}
    assert ask(echo, b"three") == b"stored three"
    assert echo.command("stored", {}, 60) == ["one", "three"]


@pytest.mark.parametrize(("after", "stored"), [(False, []), (True, ["one"])])
def test_a_power_cut_at_a_commit(echo: SimulatedProcess, after: bool, stored: list[str]) -> None:
    echo.command("_crash_at", {"number": 1, "after": after}, 60)

    assert ask(echo, b"one") == b""
    assert echo.wait_ended(5)
    echo.start()
    assert echo.command("stored", {}, 60) == stored


def test_a_system_that_leaves_on_a_command(echo: SimulatedProcess) -> None:
    with pytest.raises(HarnessError, match="ECHO ended on the command exit"):
        echo.command("exit", {}, 60)
    assert echo.wait_ended(5)


def test_a_system_that_does_not_answer_in_time(
    echo: SimulatedProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not echo.wait_ended(0.01)
    with pytest.raises(
        HarnessError, match=r"ECHO did not answer within 0\.05 s on the command hang"
    ):
        echo.command("hang", {"seconds": 0.3}, 0.05)
    # Its late answer belongs to nobody, and the next command gets its own.
    assert echo.command("stored", {}, 60) == []
    assert echo._answers == {}
    with pytest.raises(HarnessError, match="did not answer"):
        echo.command("hang", {"seconds": 60}, 0.01)
    monkeypatch.setattr(limits, "STOP_TIMEOUT_S", 0.1)
    echo.stop()
    assert not echo.running


def test_a_pipe_that_is_closed_while_an_order_goes_out_is_a_clear_error(
    echo: SimulatedProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = SimulatedProcess._put

    def closed_first(self: SimulatedProcess, process: Any, message: Any) -> None:
        process.stdin.close()
        put(self, process, message)

    monkeypatch.setattr(SimulatedProcess, "_put", closed_first)
    with pytest.raises(HarnessError, match="ECHO is gone"):
        echo.command("stored", {}, 60)


def test_what_fails_to_start_says_why(tmp_path: Path) -> None:
    one = system(tmp_path, broken="端口已占用")

    with pytest.raises(InputError, match="ECHO did not start: 无法启动: 端口已占用") as caught:
        one.start()
    assert caught.value.remedy == f"{sys.executable} {ECHO}"
    assert not one.running


def test_a_port_that_is_taken_is_told_with_the_systems_own_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        one = system(
            tmp_path, listen={"lab": {"host": "127.0.0.1", "port": taken.getsockname()[1]}}
        )
        with pytest.raises(InputError, match=r"Address already in use|10048"):
            one.start()


def test_a_program_that_is_not_there() -> None:
    one = SimulatedProcess("ECHO", ["/no/such/program"], {"listen": {}})

    with pytest.raises(InputError, match=r"ECHO did not start: .*No such file"):
        one.start()
    one.kill()
    one.stop()
    assert one.wait_ended(0)
    assert not one.running


def test_a_program_that_never_gets_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "START_TIMEOUT_S", 0.2)
    monkeypatch.setattr(limits, "STOP_TIMEOUT_S", 0.2)
    one = SimulatedProcess(
        "ECHO", [sys.executable, "-c", "import time; time.sleep(60)"], {"listen": {"lab": {}}}
    )

    with pytest.raises(InputError, match=r"ECHO did not start: not ready within 0\.2 s"):
        one.start()
    assert not one.running


def test_a_program_that_ends_before_it_reads(tmp_path: Path) -> None:
    one = SimulatedProcess("ECHO", [sys.executable, "-c", "raise SystemExit('gone at once')"],
                           {"listen": {"lab": {}}, "padding": "x" * 1_000_000})  # fmt: skip

    with pytest.raises(InputError, match="gone at once"):
        one.start()


def test_the_error_output_is_kept_in_bounds() -> None:
    noisy = "import sys; [print('line', n, file=sys.stderr) for n in range(1000)]; print('ready a b:1', flush=True); sys.stdin.read()"
    one = SimulatedProcess("NOISY", [sys.executable, "-c", noisy], {"listen": {"a": {}}})
    one.start()
    one.stop()

    assert len(one._stderr) == STDERR_LINES_MAX
    assert one._stderr[-1] == "line 999\n"


PARENT = """
import json, sys, time
from harness.link.process import SimulatedProcess
one = SimulatedProcess("ECHO", [sys.executable, sys.argv[1]],
    {"listen": {"lab": {"host": "127.0.0.1", "port": 0}}, "store": sys.argv[2]})
one.start()
print(json.dumps([one._process.pid, one.addresses["lab"].port]), flush=True)
time.sleep(60)
"""


def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(ECHO), str(tmp_path / "echo.sqlite")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert parent.stdout is not None
        pid, port = json.loads(parent.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.settimeout(10)
            parent.kill()
            # The connection ends because the child does; nobody told it but the end of its input.
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b""
    if hasattr(signal, "SIGKILL"):
        for _ in range(2000):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            state = Path(f"/proc/{pid}/stat")
            if state.exists() and ") Z " in state.read_text():
                return
            threading.Event().wait(0.005)
        pytest.fail("the child outlived its parent")


def test_modules_are_started_with_this_interpreter() -> None:
    assert python("simulators.hospital") == [sys.executable, "-m", "simulators.hospital"]


def test_orders_during_a_restart_never_come_before_the_configuration(
    echo: SimulatedProcess,
) -> None:
    told: list[str] = []
    over = threading.Event()

    def order() -> None:
        while not over.is_set():
            try:
                echo.command("stored", {}, 20)
            except HarnessError as error:
                told.append(str(error))

    orders = [threading.Thread(target=order) for _ in range(3)]
    for one in orders:
        one.start()
    try:
        for _ in range(4):
            echo.start()
    finally:
        over.set()
        for one in orders:
            one.join(30)

    assert not any(one.is_alive() for one in orders)
    assert not any("did not answer" in text for text in told)
    assert echo.command("stored", {}, 60) == []
