"""Captures that a real sniffer takes and reads: what dumpcap wrote, and what tshark makes of it.

tshark puts TCP together by itself and shares no line with us: both must come to the same bytes.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs_of import needs

from harness.captures.network import talks
from harness.cli import main
from tests.harness.captures import wires

pytestmark = [pytest.mark.slow, pytest.mark.peer]


def sniffer() -> None:
    for program in ("dumpcap", "tshark"):
        needs("tshark", program if shutil.which(program) else "")


def followed(path: Path) -> list[bytes]:
    """What each side of the first connection said, as tshark puts it together."""
    done = subprocess.run(
        ["tshark", "-r", str(path), "-q", "-z", "follow,tcp,raw,0"],
        capture_output=True, encoding="ascii", timeout=60, check=True,
    )  # fmt: skip
    sides = [b"", b""]
    for line in done.stdout.splitlines():
        text = line.strip()
        if text and all(sign in "0123456789abcdef" for sign in text):
            sides[line.startswith("\t")] += bytes.fromhex(text)
    return sides


ANSWER = b"\x0bMSH|^~\\&|B|A|D|C|20260101||ACK|9|P|2.4\rMSA|AA|1\r\x1c\r"


def answer(listener: socket.socket) -> None:
    """One connection: each block is answered."""
    connection, _ = listener.accept()
    with connection:
        held = b""
        while data := connection.recv(65536):
            held += data
            while b"\x1c\r" in held:
                held = held.partition(b"\x1c\r")[2]
                connection.sendall(ANSWER)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@contextlib.contextmanager
def _sniffing(path: Path, port: int, *words: str) -> Iterator[None]:
    """Watch the loopback, from when the sniffer says that it does."""
    command = ["dumpcap", "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", str(path), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr is not None
        heard = ""
        while "File:" not in heard:
            line = process.stderr.readline()
            assert line, f"dumpcap ended: {heard}"
            heard += line
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def captured(tmp_path: Path, listener: socket.socket, speak, *words: str) -> Path:
    """Sniff the loopback while somebody speaks to a listener."""
    sniffer()
    port = listener.getsockname()[1]
    path = tmp_path / "taken.pcap"
    with _sniffing(path, port, *words):
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        speak(port)
        _written(path)
    return path


def _written(path: Path) -> None:
    """The sniffer writes late: wait until the file has both sides and grows no more."""
    size, deadline = -1, time.monotonic() + 30
    while time.monotonic() < deadline:
        now = path.stat().st_size if path.exists() else 0
        if now == size > 400:
            return
        size = now
        threading.Event().wait(0.6)
    raise AssertionError("the sniffer wrote nothing")


def speak_hl7(port: int) -> None:
    """The client of PyPI ``hl7`` in a process of its own: two messages."""
    text = "MSH|^~\\\\&|A|B|C|D|20260101||ORU^R01|{}|P|2.4\\rPID|1||{}\\r"
    code = (
        "from hl7.client import MLLPClient\n"
        f"with MLLPClient('127.0.0.1', {port}) as client:\n"
        f"    for number in (1, 2): client.send_message('{text}'.format(number, 'x' * 30000))\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


@pytest.mark.parametrize("form", [[], ["-P"]])
def test_a_capture_of_a_foreign_client_is_read_as_tshark_reads_it(tmp_path, listener, capsys, form):
    path = captured(tmp_path, listener, speak_hl7, *form)

    found, skipped = talks(path)

    assert [one.stream.data for one in found] == followed(path)
    assert [one.protocol for one in found] == ["hl7", "hl7"]
    assert [one.findings for one in found] == [[], []]
    assert not skipped
    assert main(["decode", str(path), "--lang", "en"]) == 0
    shown = capsys.readouterr().out
    assert "PID|1||xxxx" in shown
    assert "4 messages, 0 findings, 0 pieces kept apart" in shown


def test_an_association_of_foreign_programs_is_read(tmp_path, capsys):
    """DCMTK speaks to DCMTK, and every step of it is shown."""
    sniffer()
    needs("DCMTK", shutil.which("storescp") or "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    asking = ["echoscu", "-aet", "ONE", "-aec", "TWO", "127.0.0.1", str(port)]
    serving = ["storescp", "--ignore", "-aet", "TWO", str(port)]
    path = tmp_path / "taken.pcap"
    with _sniffing(path, port), subprocess.Popen(serving) as process:
        for _ in range(100):
            if subprocess.run(asking, capture_output=True, check=False).returncode == 0:
                break
            threading.Event().wait(0.1)
        _written(path)
        process.terminate()

    assert main(["decode", str(path), "--lang", "en", "--port", str(port)]) == 0
    shown = capsys.readouterr().out
    for word in ("A-ASSOCIATE-RQ called=TWO calling=ONE", "A-ASSOCIATE-AC", "C-ECHO-RQ", "0000H",
                 "A-RELEASE-RQ", "A-RELEASE-RP"):  # fmt: skip
        assert word in shown


def test_what_a_short_snapshot_lost_is_a_finding(tmp_path, listener):
    path = captured(tmp_path, listener, speak_hl7, "-s", "120")

    found, _ = talks(path)

    gaps = [one for talk in found for one in talk.findings if one.code == "net.gap"]
    assert gaps
    assert len(found[0].stream.data) < 60_000


@pytest.mark.parametrize("seed", range(6))
def test_repeats_and_disorder_are_put_together_as_tshark_does(tmp_path, seed):
    sniffer()
    chance = random.Random(seed)
    text = bytes(chance.randrange(256) for _ in range(3000))
    start = chance.choice([5, 2**32 - 900])
    pieces = [(at, text[at : at + 200]) for at in range(0, len(text), 200)]
    again = [chance.choice(pieces) for _ in range(8)]
    packets = [wires.tcp(wires.CLIENT, wires.SERVER, start, wires.SYN)]
    for at, data in _near(pieces, chance):
        packets.append(wires.tcp(wires.CLIENT, wires.SERVER, start + 1 + at, wires.ACK, data))
    packets += [
        wires.tcp(wires.CLIENT, wires.SERVER, start + 1 + at, wires.ACK, data) for at, data in again
    ]
    path = tmp_path / "made.pcap"
    path.write_bytes(wires.pcap([wires.ethernet(one) for one in packets]))

    found, _ = talks(path)

    assert found[0].stream.data == text == followed(path)[0]


def _near(pieces, chance):
    """Neighbours change places, as they do on a network with two ways."""
    mixed = list(pieces)
    for at in range(0, len(mixed) - 1, 2):
        if chance.random() < 0.6:
            mixed[at], mixed[at + 1] = mixed[at + 1], mixed[at]
    return mixed
