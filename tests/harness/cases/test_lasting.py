"""What passed outlives the recorder; what is too much, encrypted or not written is said clearly."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from harness.captures import conversations, journal
from harness.captures.network import talks
from harness.cases import bundle
from harness.cases.record import Recording
from harness.cli import main
from tests.harness.captures import wires
from tests.harness.cases.test_record import LIMIT_S, System, dial, exchange, site
from tests.harness.cases.test_replay import own  # noqa: F401 - a fixture
from tests.harness.cases.test_take import framed, ward

ROOT = Path(__file__).resolve().parents[3]
ENOUGH = 300

RECORDER = "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))"

HOLDS_BACK = """
from harness.captures import journal
held = []
journal.PcapJournal._write = lambda self, data: held.append(data)
"""
"""A recorder that keeps in memory what it should have written: what the test must notice."""


@contextlib.contextmanager
def recorder(folder, profile, *words, patch=""):
    """The command in a process of its own, until it is killed; yields it with its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", patch + RECORDER, "record", "--profile", str(profile.path),
         "--out", str(folder), *words],
        stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=ROOT,
    )  # fmt: skip
    try:
        words = process.stdout.readline().split()
        assert words[:1] == ["ready"], words
        host, _, port = words[-1].rpartition(":")
        yield process, (host, int(port))
    finally:
        process.kill()
        process.wait(LIMIT_S)
        process.stdout.close()


def killed_in_traffic(tmp_path, *words, patch=""):
    """What the system got and the client got back when the recorder was killed between them."""
    system = System()
    back = bytearray()
    profile = site(tmp_path, system.port)
    with (
        recorder(tmp_path / "out", profile, *words, patch=patch) as (one, at),
        socket.create_connection(at, LIMIT_S) as sock,
    ):
        sock.settimeout(LIMIT_S)
        sender = threading.Thread(target=flood, args=(sock,), daemon=True)
        sender.start()
        with contextlib.suppress(ConnectionError):
            while piece := sock.recv(4096):
                back += piece
                if len(back) > ENOUGH * 40:
                    os.kill(one.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        one.wait(LIMIT_S)
        sender.join(LIMIT_S)
    assert system.ended.wait(LIMIT_S)
    system.stop()
    return bytes(system.came[0]), bytes(back)


def flood(sock):
    with contextlib.suppress(OSError):
        for number in range(100_000):
            sock.sendall(b"\x0bMSH|^~\\&|piece %06d of the traffic|\x1c\r" % number)


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--durable",)])
def test_what_passed_before_a_kill_is_in_the_recording(tmp_path, words):
    there, back = killed_in_traffic(tmp_path, *words)

    heard, _ = talks(tmp_path / "out" / "recording.pcap")
    recorded = [one.stream.data for one in heard]
    assert len(back) > ENOUGH * 40
    assert recorded[0].startswith(there)
    assert recorded[1].startswith(back)


@pytest.mark.slow
def test_a_recorder_that_writes_too_late_would_lose_it(tmp_path):
    _, back = killed_in_traffic(tmp_path, patch=HOLDS_BACK)

    assert len(back) > ENOUGH * 40
    assert (tmp_path / "out" / "recording.pcap").stat().st_size == 0


@pytest.mark.parametrize("durable", [False, True])
def test_a_durable_recording_waits_for_the_disk_before_each_piece_goes_on(
    tmp_path, monkeypatch, durable
):
    waits = []
    monkeypatch.setattr(journal.os, "fsync", waits.append)
    system = System()
    recording = Recording(site(tmp_path, system.port), tmp_path / "out", durable)
    recording.start()
    try:
        with dial(recording) as sock:
            for number in range(5):
                assert exchange(sock, b"%d" % number) == b"%d" % number
                pieces = recording.journal.pieces
                assert (len(waits) >= pieces) is durable
        assert system.ended.wait(LIMIT_S)
    finally:
        recording.stop()
        system.stop()

    assert bool(waits) is durable


# ---- a full disk


@pytest.fixture
def full(monkeypatch):
    """The disk takes three files, and the fourth no more."""
    taken = []
    write = Path.write_bytes

    def written(path, data):
        if len(taken) >= 3:
            raise OSError(28, "No space left on device")
        taken.append(path)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", written)
    return taken


def recorded(tmp_path):
    import random

    who = ward.somebody(random.Random(9))
    packets = [
        each
        for number in range(4)
        for each in wires.talk(framed(ward.report(who, control=f"M{number}")),
                               source=("10.1.1.1", 40000 + number), target=("10.1.1.2", 6661))
    ]  # fmt: skip
    path = tmp_path / "site.pcap"
    path.write_bytes(wires.pcap([wires.ethernet(each) for each in packets]))
    return path, who


def test_a_full_disk_leaves_no_half_case(tmp_path, capsys, request):
    path, who = recorded(tmp_path)
    taken = request.getfixturevalue("full")

    code = main(["case", "take", str(path), "--about", who.barcode, "--out",
                 str(tmp_path / "case"), "--lang", "en"])  # fmt: skip

    assert code == 2
    assert "No space left on device" in capsys.readouterr().err
    assert len(taken) == 3
    assert sorted(one.name for one in tmp_path.iterdir()) == ["site.pcap"]


def test_a_case_that_is_not_put_in_place_at_once_would_be_half(tmp_path, full):
    """Without its folder beside it: three files would stand there as a case."""
    with contextlib.suppress(OSError):
        for number in range(5):
            (tmp_path / "case").mkdir(exist_ok=True)
            (tmp_path / "case" / str(number)).write_bytes(b"x")
    assert len(list((tmp_path / "case").iterdir())) == 3

    files = {str(number): b"x" for number in range(5)}
    with pytest.raises(bundle.InputError):
        bundle.put(tmp_path / "other", files)
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_a_case_that_cannot_be_written_anew_stays_as_it_was(own, request, capsys):  # noqa: F811 - a fixture
    before = {one.name: one.read_bytes() for one in own.iterdir() if one.is_file()}
    request.getfixturevalue("full")

    code = main(["replay", str(own), "--profile", "memory", "--defect", "lis-drops-unit", "--keep",
                 "--times", "1", "--needed", "1", "--lang", "en"])  # fmt: skip

    assert code == 2
    assert "No space left" in capsys.readouterr().err
    assert {one.name: one.read_bytes() for one in own.iterdir() if one.is_file()} == before
    assert [one.name for one in own.parent.iterdir()] == [own.name]


# ---- too much, and what cannot be read


def pcap(path, streams, piece=bytes(32 * 1024)):
    """Connections by server port: so many pieces each, with real sequence numbers."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for port, count in streams:
            at = 1
            for _ in range(count):
                head = struct.pack(">HHIIBBHHH", 40000, port, at, 1, 0x50, 0x10, 65535, 0, 0)
                size = 20 + len(head) + len(piece)
                ip = struct.pack(
                    ">BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, b"\n\0\0\1", b"\n\0\0\2"
                )
                file.write(struct.pack("<IIII", 1, 0, size, size) + ip + head + piece)
                at += len(piece)
    return path


def peak(path, port):
    """Bytes of memory at most while a capture is read, and what was read."""
    tracemalloc.start()
    try:
        heard, _ = talks(path, port)
        return tracemalloc.get_traced_memory()[1], sum(len(one.stream.data) for one in heard)
    finally:
        tracemalloc.stop()


def test_more_than_fits_is_said_with_a_way_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(conversations, "BYTES_MAX", 1 << 20)
    path = pcap(tmp_path / "big.pcap", [(104, 40), (6661, 2)])

    code = main(["case", "take", str(path), "--about", "x", "--out", str(tmp_path / "case"),
                 "--lang", "en"])  # fmt: skip
    said = capsys.readouterr().err

    assert code == 2
    assert "more in this capture than fits into memory" in said
    assert "--port" in said
    assert sum(len(one.stream.data) for one in talks(path, 6661)[0]) == 2 * 32 * 1024

    monkeypatch.setattr(conversations, "BYTES_MAX", 512 << 20)
    assert sum(len(one.stream.data) for one in talks(path)[0]) == 42 * 32 * 1024


@pytest.mark.slow
def test_a_huge_capture_is_read_in_the_memory_of_what_is_asked_for(tmp_path):
    """64 MiB of images beside one message: choosing the port of the message reads no image."""
    path = pcap(tmp_path / "huge.pcap", [(104, 2048), (6661, 1)])

    little, data = peak(path, 6661)
    assert data == 32 * 1024
    assert little < 2 << 20

    all_of_it, data = peak(path, 0)
    assert data == 2049 * 32 * 1024
    assert all_of_it > 64 << 20


def test_an_encrypted_connection_is_named_and_what_is_usable_kept(tmp_path, capsys):
    import random

    who = ward.somebody(random.Random(9))
    hello = b"\x16\x03\x01\x00\x05hello" + b"\x17\x03\x03\x00\x03abc"
    sealed = wires.talk(hello, source=("10.1.1.1", 40001), target=("10.9.9.9", 443))
    clear = wires.talk(
        framed(ward.report(who)), source=("10.1.1.1", 40002), target=("10.1.1.2", 6661)
    )
    path = tmp_path / "site.pcap"
    whole = ["case", "take", str(path), "--about", who.barcode, "--out", str(tmp_path / "case"),
             "--lang", "en"]  # fmt: skip

    path.write_bytes(wires.pcap([wires.ethernet(each) for each in sealed]))
    assert main(whole) == 2
    assert "encrypted connections (TLS): nothing in them can be read: 1" in capsys.readouterr().err
    assert not (tmp_path / "case").exists()

    path.write_bytes(wires.pcap([wires.ethernet(each) for each in [*clear, *sealed]]))
    assert main(whole) == 0
    assert "encrypted connections (TLS): nothing in them can be read, 1" in capsys.readouterr().out
    assert "(TLS)" in (tmp_path / "case" / "manifest.toml").read_text("utf-8")
