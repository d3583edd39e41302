"""``medharness simulate``: one simulator in the foreground, ready lines, and a clean end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import cli, i18n, people
from harness.errors import HarnessError, InputError
from harness.link.threads import Address
from simulators import foreground, simulate
from simulators.analyzer import generate
from simulators.analyzer.model import load_model
from simulators.hospital.built_in import BuiltInHospital
from tests.simulators.desk import adt, frame, mllp, run, specimen

ADMISSION = adt("A01", "C1", "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F")
READY = re.compile(r"ready (\S+) (.+):(\d+)")

Visit = Callable[[dict[str, tuple[str, int]]], None]


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """No thread, no handler of ours stays behind."""
    threads = set(threading.enumerate())
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    assert set(threading.enumerate()) <= threads
    assert {one: signal.getsignal(one) for one in handlers} == handlers


LINKS = [link for role in BuiltInHospital.roles for link in BuiltInHospital.listens[role]]
"""Where the built-in hospital listens, in the order of its ports."""


class Session:
    """Runs a command in this process; a visitor comes when it is ready, and then presses Ctrl-C."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self.trouble: list[BaseException] = []
        self.over = False
        monkeypatch.setattr(foreground, "say", self.lines.append)

    def run(self, visit: Visit, endpoints: int, *words: str, by: int = signal.SIGINT) -> int:
        def come() -> None:
            try:
                visit(self.endpoints(endpoints))
            except BaseException as error:  # noqa: BLE001 - raised again where pytest sees it
                self.trouble.append(error)
            finally:
                if not self.over:  # else it would end the tests
                    signal.raise_signal(by)

        visitor = threading.Thread(target=come)
        visitor.start()
        code = cli.main(["simulate", *words, "--lang", "en"])
        self.over = True
        visitor.join()
        for error in self.trouble:
            raise error
        return code

    def endpoints(self, count: int) -> dict[str, tuple[str, int]]:
        deadline = time.monotonic() + 10
        while len(found := [READY.fullmatch(line) for line in self.lines]) < count:
            assert time.monotonic() < deadline, "never ready"
            time.sleep(0.001)
        return {one[1]: (one[2], int(one[3])) for one in found[:count] if one}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    return Session(monkeypatch)


def ask(address: tuple[str, int], data: bytes, end: bytes) -> bytes:
    with socket.create_connection(address, 5) as sock:
        sock.settimeout(5)
        sock.sendall(data)
        heard = b""
        while not heard.endswith(end):
            piece = sock.recv(4096)
            assert piece, heard
            heard += piece
    return heard


# -- hospital --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_hospital_until_it_is_stopped(session: Session, by: int) -> None:
    def visit(ready: dict[str, tuple[str, int]]) -> None:
        assert list(ready) == LINKS
        assert {"analyzer-lis", "his-lis", "lis-his"} <= set(LINKS)
        assert b"MSA|AA|C1" in ask(ready["his-lis"], mllp(ADMISSION), b"\x1c\r")
        upload = frame(1, run(*specimen("T1", "K|4.1|||F")))
        assert ask(ready["analyzer-lis"], b"\x05" + upload, b"\x06\x06") == b"\x06\x06"
        assert b"MSA|AR|" in ask(ready["lis-his"], mllp(b"NO HL7\r"), b"\x1c\r")

    assert session.run(visit, len(LINKS), "hospital", by=by) == 0
    assert len(session.lines) == len(LINKS)


@pytest.mark.slow
def test_a_hospital_with_a_defect(session: Session) -> None:
    def visit(ready: dict[str, tuple[str, int]]) -> None:
        assert b"\rMSA|AA|1\r" in ask(ready["his-lis"], mllp(ADMISSION), b"\x1c\r")

    assert session.run(visit, len(LINKS), "hospital", "--defect", "lis-wrong-msa-2", "--json") == 0
    assert json.loads(session.lines[-1]) == {"exit_code": 0}


@pytest.mark.slow
def test_a_hospital_sends_its_results_to_its_own_his(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The LIS finds the HIS, also where both listen on every address."""
    stores: list[Any] = []
    opened = simulate._open_systems

    def keep(*args: Any) -> Any:
        stores.extend(found := opened(*args))
        return found

    monkeypatch.setattr(simulate, "_open_systems", keep)

    def visit(ready: dict[str, tuple[str, int]]) -> None:
        assert {host for host, _ in ready.values()} == {"0.0.0.0"}
        here = {link: ("127.0.0.1", port) for link, (_, port) in ready.items()}
        order = adt("A01", "C2", "PID|1|P1|P1^^^^PatientNO||甲", "ORC|NW|O1", "OBR|1|O1|T1|K|R")
        order = order.replace(b"ADT^A01^ADT_A01", b"OML^O21^OML_O21")
        assert b"MSA|AA|C2" in ask(here["his-lis"], mllp(order), b"\x1c\r")
        upload = frame(1, run(*specimen("T1", "K|4.1|||F")))
        ask(here["analyzer-lis"], b"\x05" + upload, b"\x06\x06")
        deadline = time.monotonic() + 60
        while not (rows := stores[1].rows("SELECT item, value FROM results")):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        assert rows == [{"item": "K", "value": "4.1"}]

    monkeypatch.setattr(foreground, "check_host", lambda host, *, expose: None)
    assert session.run(visit, len(LINKS), "hospital", "--host", "0.0.0.0") == 0


@pytest.mark.slow
def test_fixed_ports_follow_each_other(session: Session) -> None:
    port = free_port(len(LINKS))

    def visit(ready: dict[str, tuple[str, int]]) -> None:
        assert list(ready.values()) == [("127.0.0.1", port + index) for index in range(len(LINKS))]

    assert session.run(visit, len(LINKS), "hospital", "--port", str(port)) == 0


def free_port(count: int) -> int:
    """The first of several free ports, below those that systems give to whoever asks for any."""
    for port in range(20_000 + os.getpid() % 1000, 32_000, count):
        with contextlib.ExitStack() as stack:
            try:
                for index in range(count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port + index)))
            except OSError:
                continue
            return port
    raise AssertionError("no free ports")


# -- feed ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_feed_prints_a_line_a_message_and_no_patient(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    def visit(ready: dict[str, tuple[str, int]]) -> None:
        assert b"MSA|AE|C1" in ask(ready["feed"], mllp(ADMISSION), b"\x1c\r")
        hostile = ADMISSION.replace(b"|C1|", b"|C\x1b[31m" + b"9" * 200 + b"|")
        ask(ready["feed"], b"junk" + mllp(hostile), b"\x1c\r")
        ask(ready["feed"], mllp(b"NO HL7\r"), b"\x1c\r")

    assert session.run(visit, 1, "feed", "--answer", "AE", "--json") == 0
    time_ = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    lines = session.lines[1:]
    assert re.fullmatch(rf"{time_} ADT\^A01 C1 AE", lines[0])
    assert re.fullmatch(rf"{time_} ADT\^A01 C\?\[31m9{{74}} AE", lines[1])
    assert re.fullmatch(rf"{time_} - - AE", lines[2])
    assert json.loads(lines[3]) == {"messages": 3, "exit_code": 0}
    assert len(lines) == 4
    err = capsys.readouterr().err
    assert re.search(rf"{time_} mllp\.\S+: ", err)
    assert "测试甲" not in "".join(session.lines) + err


# -- analyzer --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_analyzer_uploads_to_a_hospital(session: Session) -> None:
    codes: list[int] = []

    def visit(ready: dict[str, tuple[str, int]]) -> None:
        host, port = ready["analyzer-lis"]
        words = ["simulate", "analyzer", "--link", f"tcp://{host}:{port}", "--seed", "7"]
        codes.append(cli.main([*words, "--lang", "en"]))
        codes.append(cli.main([*words, "--model", "chemistry", "--json", "--lang", "en"]))

    assert session.run(visit, len(LINKS), "hospital") == 0
    tested = generate.run(7)
    assert codes == [0, 0]
    assert session.lines[len(LINKS)] == f"upload ok: specimen {tested.barcode}, 5 results"
    assert json.loads(session.lines[len(LINKS) + 2]) == {
        "outcome": "ok", "detail": "", "barcode": people.barcode(7, 0), "exit_code": 0,
    }  # fmt: skip


FAMILIES = {
    "hl7": ("analyzer-lis-hl7", "mindray-bs"),
    "framed": ("analyzer-lis-framed", "beckman-au"),
    "poct1a": ("analyzer-lis-poct", "poct-glucose"),
}
"""A model of each other family, and the link of the hospital that it connects to."""


@pytest.mark.slow
def test_every_family_uploads_to_a_hospital_that_is_set_up_for_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores: list[Any] = []
    opened = simulate._open_systems

    def keep(*args: Any) -> Any:
        stores.extend(found := opened(*args))
        return found

    monkeypatch.setattr(simulate, "_open_systems", keep)
    codes: list[int] = []
    kept: list[tuple[str, str, str]] = []

    def visit(ready: dict[str, tuple[str, int]]) -> None:
        for link, model in FAMILIES.values():
            host, port = ready[link]
            words = ["simulate", "analyzer", "--link", f"tcp://{host}:{port}", "--model", model]
            codes.append(cli.main([*words, "--seed", "7", "--lang", "en"]))
        rows = stores[0].rows("SELECT instrument, item, value FROM unmatched ORDER BY id")
        kept.extend((row["instrument"], row["item"], row["value"]) for row in rows)

    drivers = [word for _, model in FAMILIES.values() for word in ("--driver", model)]
    assert session.run(visit, len(LINKS), "hospital", *drivers) == 0
    assert codes == [0, 0, 0]
    senders = {"mindray-bs": "Mindray", "beckman-au": "beckman-au", "poct-glucose": "GLUCO-1"}
    assert kept == [
        (senders[model], one.item, one.value)
        for _, model in FAMILIES.values()
        for one in generate.run(7, load_model(model)).results
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "model"),
    [("analyzer-lis-framed", "vitros-750"), ("analyzer-lis-hl7", "snibe-maglumi-hl7")],
)
def test_a_link_without_acknowledgement_leaves_it_open(
    session: Session, link: str, model: str
) -> None:
    """Nothing failed, and nothing can be known: neither 0 nor 1."""
    codes: list[int] = []

    def visit(ready: dict[str, tuple[str, int]]) -> None:
        host, port = ready[link]
        words = ["simulate", "analyzer", "--link", f"tcp://{host}:{port}", "--model", model]
        codes.append(cli.main([*words, "--lang", "en"]))

    assert session.run(visit, len(LINKS), "hospital") == 0
    assert codes == [3]
    assert session.lines[-1].startswith("upload unknown: specimen MH")


@pytest.mark.slow
def test_an_upload_that_nobody_takes_is_a_failure(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.analyzer.analyzer.RECONNECT_S", 0.001)
    port = free_port(1)
    words = ["simulate", "analyzer", "--link", f"tcp://127.0.0.1:{port}", "--json", "--lang", "en"]

    assert cli.main(words) == 1
    assert session.lines[0].startswith("upload failed: specimen MH")
    assert session.lines[0].endswith("(refused)")
    assert json.loads(session.lines[1])["exit_code"] == 1


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["hospital", "--defect", "lis-drop-unit"], "no defect lis-drop-unit\n  → lis-drops-unit"),
        (["hospital", "--host", "0.0.0.0"], "0.0.0.0 is not on this machine alone"),
        (["feed", "--host", "::"], ":: is not on this machine alone"),
        (["feed", "--host", "lis.example"], "lis.example is not on this machine alone"),
        (["hospital", "--port", "65534"], f"no port 65534\n  → 0-{65536 - len(LINKS)}"),
        (["feed", "--port", "65536"], "no port 65536"),
        (["feed", "--port", "-1"], "no port -1"),
        (
            ["feed", "--answer", "OK"],
            "no acknowledgement code OK\n  → use one of: AA AE AR CA CE CR",
        ),
        (["analyzer"], "not a link: “”\n  → write --link tcp://HOST:PORT"),
        (["analyzer", "--link", "127.0.0.1:5000"], "not a link"),
        (["analyzer", "--link", "http://127.0.0.1:5000"], "not a link"),
        (["analyzer", "--link", "tcp://127.0.0.1"], "not a link"),
        (["analyzer", "--link", "tcp://127.0.0.1:0"], "not a link"),
        (["analyzer", "--link", "tcp://127.0.0.1:99999"], "not a link"),
        (["analyzer", "--link", "tcp://:5000"], "not a link"),
        (["analyzer", "--link", "tcp://127.0.0.1:5000/lis"], "not a link"),
        (["analyzer", "--link", "tcp://me@127.0.0.1:5000"], "not a link"),
        (["analyzer", "--link", "tcp://[::1:5000"], "not a link"),
        (["analyzer", "--link", "tcp://192.0.2.7:5000"], "192.0.2.7 is not on this machine alone"),
        (["analyzer", "--link", "tcp://[::1]:5", "--model", "none"], "no analyzer model none"),
        (["dancer"], "no simulator dancer is installed"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_reason(
    session: Session, capsys: pytest.CaptureFixture[str], words: list[str], error: str
) -> None:
    assert cli.main(["simulate", *words, "--lang", "en"]) == 2
    assert error in capsys.readouterr().err
    assert session.lines == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hospital", "feed"])
def test_a_port_in_use_is_told_and_nothing_stays_open(
    session: Session, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["simulate", kind, "--port", str(port), "--lang", "en"]) == 2
    err = capsys.readouterr().err

    assert f"cannot listen on 127.0.0.1:{port}: " in err
    assert "choose another port" in err
    assert session.lines == []


def test_an_address_that_is_not_ours() -> None:
    with foreground.running() as runtime:
        member = runtime.add("x", _host(runtime))
        with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1:0"):
            foreground.listen(member, "feed", "192.0.2.1", 0)


def _host(runtime: Any) -> Any:
    from harness.link.host import Host
    from simulators.feed.feed import Feed
    from simulators.shell import plain

    return Host(Feed("x", runtime.clock), runtime.clock, plain)


def test_an_address_that_is_meant() -> None:
    foreground.check_host("0.0.0.0", expose=True)
    for host in ("127.0.0.1", "localhost", "::1"):
        foreground.check_host(host, expose=False)


def test_where_peers_on_this_machine_connect_to() -> None:
    for host, there in (("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.1", "192.0.2.1")):
        assert foreground.from_here(Address(host=host, port=5)) == Address(host=there, port=5)


def test_threads_that_stay_are_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = foreground.OutspokenThreads.stop
    monkeypatch.setattr(foreground.OutspokenThreads, "stop", lambda self: [*stop(self), "x reads"])
    with pytest.raises(HarnessError, match="threads are left over: x reads"), foreground.running():
        pass


def test_a_log_forgets_connections_that_end() -> None:
    from harness.clock import VirtualClock
    from harness.wire.core import Message
    from simulators.shell import plain

    log = simulate.Log(VirtualClock())
    about = plain("feed", "feed#1", False)
    log.event(about, "mllp", Message(payload=ADMISSION), sent=False)
    log.link(about, "opened", "")
    log.data(about, b"", sent=True)
    log.note("feed", "")
    assert set(log._got) == {"feed#1"}
    log.link(about, "closed", "")
    assert log._got == {}


# -- as a process ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("kind", "endpoints"), [("hospital", len(LINKS)), ("feed", 1)])
def test_a_process_ends_at_once_and_leaves_nothing(
    tmp_path: Path, kind: str, endpoints: int, by: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "harness", "simulate", kind, "--lang", "en"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONUTF8": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        ready = [process.stdout.readline() for _ in range(endpoints)]
        process.send_signal(by)
        out, err = process.communicate(timeout=60)

    assert all(READY.fullmatch(line.strip()) for line in ready)
    assert (process.returncode, out, err) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_the_models_are_listed(session: Session) -> None:
    assert cli.main(["simulate", "analyzer", "--model", "list", "--lang", "en"]) == 0
    names = {line.split()[0] for line in session.lines}
    assert {"haematology", "sysmex-xn", "roche-cobas-e411", "mindray-bs", "vitros-750"} <= names
