"""The recorder passes every byte on, writes it down before, and its file is read like any capture."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from datetime import datetime

import pytest

from harness.captures.journal import PcapJournal, read_ends
from harness.captures.network import talks
from harness.cases.record import Recording, _end
from harness.cases.recorded import read
from harness.cli import main
from harness.errors import InputError
from harness.link import serial_port
from harness.link.passing import Passage
from harness.link.serial_pty import Cables
from harness.profile import load_profile
from harness.site import vault
from tests.harness.cases import ward

LIMIT_S = 60.0


class System:
    """A listening system: keeps what came, and sends it back as it came."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.came = []
        self.resets = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(LIMIT_S)
                data = bytearray()
                self.came.append(data)
                try:
                    while piece := sock.recv(65536):
                        data += piece
                        sock.sendall(piece)
                except ConnectionError:
                    self.resets += 1
                sock.close()
                self.ended.set()

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(LIMIT_S)


@pytest.fixture
def system():
    one = System()
    yield one
    one.stop()


def site(tmp_path, port, *, relay=0, privacy='plain = "张三，信息科"'):
    path = tmp_path / "site.toml"
    path.write_text(
        f"""format = 1
name = "site"
environment = "test"
transport = "tcp"

[systems.LIS]
mode = "real"
product = "LIS"
vendor = "x"
version = "8.2"

[systems.HIS]
mode = "real"
product = "HIS"
vendor = "y"
version = "6"

[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
host = "127.0.0.1"
port = {port}
via = "relay"
relay_port = {relay or free_port()}

[privacy]
{privacy}
""",
        encoding="utf-8",
    )
    return load_profile(str(path))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@pytest.fixture
def recording(tmp_path, system):
    one = Recording(site(tmp_path, system.port), tmp_path / "out")
    one.start()
    yield one
    one.stop()


def dial(recording):
    host, _, port = recording.ready["lis-his"].rpartition(":")
    sock = socket.create_connection((host, int(port)), LIMIT_S)
    sock.settimeout(LIMIT_S)
    return sock


def exchange(sock, data):
    threading.Thread(target=sock.sendall, args=(data,), daemon=True).start()
    back = bytearray()
    while len(back) < len(data):
        back += sock.recv(65536)
    return bytes(back)


def test_every_byte_passes_unchanged_also_where_no_framing_holds(recording, system):
    noise = bytes(range(256)) * 700 + b"\x0bMSH|half a message"

    with dial(recording) as sock:
        assert exchange(sock, noise) == noise
    assert system.ended.wait(LIMIT_S)
    recording.stop()

    heard, skipped = talks(recording.journal.path)
    assert bytes(system.came[0]) == noise
    assert [one.stream.data for one in heard] == [noise, noise]
    assert not skipped


def test_what_was_recorded_is_read_with_its_roles(recording, system):
    import random

    one = ward.somebody(random.Random(4))
    message = b"\x0b" + ward.report(one) + b"\x1c\r"
    with dial(recording) as sock:
        assert exchange(sock, message) == message
    assert system.ended.wait(LIMIT_S)
    recording.stop()

    found = read([recording.journal.path]).messages
    ends = read_ends(recording.journal.path)
    assert [ends[each.frm] for each in found] == ["LIS", "HIS"]
    assert found[0].payload == ward.report(one)


def test_it_is_written_before_it_goes_on(recording, system):
    """Read while the connection is still open: a crash now would lose nothing of what passed."""
    with dial(recording) as sock:
        assert exchange(sock, b"0123456789") == b"0123456789"

        heard, _ = talks(recording.journal.path)
        assert heard[0].stream.data == b"0123456789"


def test_a_reset_is_passed_on_as_a_reset(recording, system):
    sock = dial(recording)
    assert exchange(sock, b"x") == b"x"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()

    assert system.ended.wait(LIMIT_S)


def test_a_system_that_is_not_there_refuses_through_the_relay(tmp_path):
    recording = Recording(site(tmp_path, free_port()), tmp_path / "out")
    recording.start()
    try:
        with contextlib.suppress(ConnectionError), dial(recording) as sock:
            assert sock.recv(1) == b""
    finally:
        recording.stop()

    assert recording.refused
    assert _end(recording, as_json=True) == 0


def test_a_full_disk_stops_the_recording_and_not_the_traffic(
    recording, system, capsys, monkeypatch
):
    def full(_file, _data):
        raise OSError(28, "No space left on device")

    with dial(recording) as sock:
        assert exchange(sock, b"before") == b"before"
        with monkeypatch.context() as patched:
            patched.setattr("harness.captures.journal.os.write", full)
            assert exchange(sock, b"during") == b"during"
        assert exchange(sock, b"after!") == b"after!"
    assert system.ended.wait(LIMIT_S)
    recording.stop()

    assert recording.journal.lost == 12
    assert _end(recording, as_json=False) == 3
    assert "12 bytes" in capsys.readouterr().out or recording.journal.trouble
    assert talks(recording.journal.path)[0][0].stream.data == b"beforeafter!"


def test_a_folder_that_is_in_use_and_a_profile_without_mirrors_are_refused(tmp_path, system):
    profile = site(tmp_path, system.port)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "recording.pcap").write_bytes(b"")
    with pytest.raises(InputError):
        Recording(profile, tmp_path / "out").start()
    with pytest.raises(InputError):
        Recording(load_profile("memory"), tmp_path / "other").start()


# -- at rest ---------------------------------------------------------------------------------------

WORDS = "correct horse battery"


def kept_closed(tmp_path, system):
    """A profile whose privacy asks for encryption."""
    return site(tmp_path, system.port, privacy='key_env = "MEDHARNESS_KEY"')


@pytest.fixture
def asked(monkeypatch):
    """What Ctrl-C sets."""
    event = threading.Event()
    monkeypatch.setattr("harness.cases.record.until_asked", lambda: contextlib.nullcontext(event))
    return event


def test_a_recording_is_encrypted_at_its_end_where_the_profile_asks_for_it(
    tmp_path, system, asked, monkeypatch, capsys
):
    import random

    one = ward.somebody(random.Random(4))
    message = b"\x0b" + ward.report(one) + b"\x1c\r"
    profile = kept_closed(tmp_path, system)
    port = profile.endpoints["lis-his"].relay_port
    monkeypatch.setenv("MEDHARNESS_KEY", WORDS)
    out, codes = tmp_path / "out", []
    words = ["record", "--profile", str(profile.path), "--out", str(out), "--json"]
    thread = threading.Thread(target=lambda: codes.append(main(words)), daemon=True)
    thread.start()
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        try:
            sock = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        except ConnectionRefusedError:
            time.sleep(0.02)
            continue
        break
    with sock:
        sock.settimeout(LIMIT_S)
        assert exchange(sock, message) == message
    assert system.ended.wait(LIMIT_S)
    asked.set()
    thread.join(LIMIT_S)

    assert codes == [0]
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["sealed"] is True
    assert told["recording"] == str(out / "recording.pcap.sealed")
    assert {path.name for path in out.iterdir()} == {
        "recording.pcap.sealed", "recording.ends.sealed", "recording.json",
    }  # fmt: skip
    for path in out.iterdir():
        data = path.read_bytes()
        assert one.name.encode("gb18030") not in data
        assert one.card.encode() not in data

    assert main(["unseal", str(out), "--profile", str(profile.path)]) == 0
    assert ward.report(one) in [each.payload for each in read([out / "recording.pcap"]).messages]


def test_without_the_passphrase_no_recording_begins(tmp_path, system, monkeypatch):
    profile = kept_closed(tmp_path, system)
    monkeypatch.delenv("MEDHARNESS_KEY", raising=False)
    out = tmp_path / "out"
    assert main(["record", "--profile", str(profile.path), "--out", str(out)]) == 2
    assert not out.exists()


def test_a_recording_that_has_no_room_to_be_encrypted_is_told_and_stays(
    recording, monkeypatch, capsys
):
    def full(_folder, _words):
        raise OSError(28, "No space left on device")

    recording.stop()
    monkeypatch.setattr("harness.site.at_rest.vault.seal", full)
    assert _end(recording, as_json=True, words=WORDS) == 3
    said = capsys.readouterr().out
    told = json.loads(said.splitlines()[-1])
    assert told["sealed"] is False
    assert told["recording"] == str(recording.journal.path)
    assert f"medharness seal {recording.folder}" in said


def test_no_recording_is_begun_over_an_encrypted_one(tmp_path, system, recording):
    recording.stop()
    vault.seal(recording.folder, WORDS)
    before = {path.name: path.read_bytes() for path in recording.folder.iterdir()}
    with pytest.raises(InputError):
        Recording(recording.profile, recording.folder).start()
    assert {path.name: path.read_bytes() for path in recording.folder.iterdir()} == before


def test_a_recording_says_when_it_began_and_ended(recording):
    recording.stop()
    told = json.loads((recording.folder / "recording.json").read_text(encoding="utf-8"))
    assert told["format"] == 1
    assert told["started"] <= told["ended"]
    assert all(datetime.fromisoformat(told[name]).tzinfo for name in ("started", "ended"))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_a_serial_line_is_stood_between(tmp_path):
    cables = Cables()
    journal = PcapJournal(tmp_path / "line.pcap")
    journal.open()
    left, right = cables.add(), cables.add()
    ends = [serial_port.connect(left.near), serial_port.connect(right.far)]
    passage = Passage("line", right.near, journal, lambda host, port: None)
    try:
        passage.attend(left.far)
        ends[0].send(b"\x05")
        assert heard(ends[1], 1) == b"\x05"
        ends[1].send(b"\x06")
        assert heard(ends[0], 1) == b"\x06"
        ends[0].send(b"\x021H|\\^&\xb5\xfe\r")
        assert heard(ends[1], 9) == b"\x021H|\\^&\xb5\xfe\r"[:9]
    finally:
        left_over = passage.stop()
        for one in ends:
            one.close()
        cables.stop()
        journal.close()

    assert not left_over
    talk, _ = talks(tmp_path / "line.pcap")
    assert [one.stream.data[:1] for one in talk] == [b"\x05", b"\x06"]


SERIAL = """format = 1
name = "site"
environment = "test"
[systems.analyzer]
mode = "real"
[systems.LIS]
mode = "real"
[endpoints.line]
interface = "LIS-FRAMED"
from = "analyzer"
to = "LIS"
protocol = "framed"
transport = "serial"
url = "{device}"
listen_url = "{system}"
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_what_passed_on_a_serial_line_of_a_site_becomes_a_case(tmp_path):
    """Two real ends, and the recorder between; then the instrument's own frames by its model."""
    frame = b"\x02D 000101 0007B8559300690         E01  5.60  \x03"
    value = 0
    for byte in frame[1:]:
        value ^= byte
    frame += bytes([value])
    cables = Cables()
    left, right = cables.add(), cables.add()
    path = tmp_path / "site.toml"
    path.write_text(SERIAL.format(device=left.far.url, system=right.near.url), encoding="utf-8")
    recording = Recording(load_profile(str(path)), tmp_path / "recording")
    ends = [serial_port.connect(left.near), serial_port.connect(right.far)]
    try:
        recording.start()
        ends[0].send(frame)
        assert heard(ends[1], len(frame)) == frame
        ends[1].send(b"\x06")
        assert heard(ends[0], 1) == b"\x06"
    finally:
        left_over = recording.stop()
        for one in ends:
            one.close()
        cables.stop()

    assert not left_over
    out = tmp_path / "case"
    words = ["--model", "beckman-au", "--about", "B8559300690", "--out", str(out)]
    assert main(["case", "take", str(recording.journal.path), *words]) == 0
    (one,) = [json.loads(line) for line in (out / "timeline.jsonl").read_text("utf-8").splitlines()]
    assert (one["frm"], one["to"], one["protocol"]) == ("analyzer", "LIS", "framed")
    kept = (out / one["file"]).read_bytes()
    assert len(kept) == len(frame)
    assert kept[:14] == frame[:14]
    assert b"B8559300690" not in kept


def heard(port, size):
    data = b""
    deadline = time.monotonic() + LIMIT_S
    while len(data) < size and time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError, BlockingIOError):
            data += port.recv(size)
    return data


def test_a_journal_that_was_cut_off_is_read_up_to_the_cut(tmp_path):
    journal = PcapJournal(tmp_path / "a.pcap", durable=True)
    journal.open()
    one, other = ("127.0.0.1", 40000), ("lis.example", 6661)
    journal.opened(one, other)
    for number in range(5):
        journal.passed(one, other, b"piece %d;" % number)
    journal.close()
    data = (tmp_path / "a.pcap").read_bytes()
    (tmp_path / "a.pcap").write_bytes(data[:-10])

    heard, _ = talks(tmp_path / "a.pcap")

    assert heard[0].stream.data.startswith(b"piece 0;piece 1;piece 2;piece 3;")
