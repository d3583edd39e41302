"""Programs of others talk to each other through the recorder, and notice nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dicom_rig import device as modality
from dicom_rig import exam, objects, orthanc, part10
from programs_of import (
    needs,
    node_package,
    node_program,
    python_package,
    python_program,
    running,
)
from samples import PATIENT, text

from harness.captures.journal import PcapJournal
from harness.captures.network import talks
from harness.link.address import Address
from harness.link.dicom_data import EXPLICIT
from harness.link.passing import Passage

pytestmark = [pytest.mark.slow, pytest.mark.peer]

LIMIT_S = 60.0

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def awaited(port: int) -> None:
    """Until a program listens."""
    for _ in range(600):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), LIMIT_S).close()
            return
        threading.Event().wait(0.1)
    pytest.fail("nobody listens")


def test_dcmtk_through_the_recorder(tmp_path: Path) -> None:
    for program in ("storescp", "echoscu"):
        needs("dcmtk", program if shutil.which(program) else "")
    port = free_port()
    journal = PcapJournal(tmp_path / "dicom.pcap")
    journal.open()
    passage = Passage(
        "pacs", Address(host="127.0.0.1", port=port), journal, lambda _host, _port: None
    )
    server = subprocess.Popen(["storescp", "--ignore", str(port)], stdout=subprocess.DEVNULL)
    try:
        awaited(port)
        where = passage.listen(Address(host="127.0.0.1", port=0))
        done = subprocess.run(
            ["echoscu", "-v", "127.0.0.1", str(where.port), "--repeat", "3"],
            capture_output=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    finally:
        server.kill()
        server.wait(LIMIT_S)
        passage.stop()
        journal.close()

    assert done.returncode == 0, done.stderr
    heard, skipped = talks(tmp_path / "dicom.pcap")
    assert [one.protocol for one in heard] == ["dicom", "dicom"]
    assert not skipped
    texts = [
        " ".join(message.records)
        for one in heard
        if one.reading
        for message in one.reading.messages
    ]
    assert sum("C-ECHO-RQ" in text for text in texts) == 3
    assert sum("C-ECHO-RSP" in text and "status=0000H" in text for text in texts) == 3


# ---- HL7: from a recording to a replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A sender and a receiver of others.

    Attributes:
        names: of both, as the peers are called.
        versions: what is installed.
        client: command line of the sender.
        server: command line of the receiver.
    """

    names: tuple[str, str]
    versions: tuple[str, str]
    client: list[str]
    server: list[str]


MEETINGS = (
    Meeting(
        names=("hl7", "node-hl7-server"),
        versions=(python_package("hl7"), node_package("node-hl7-server")),
        client=python_program("hl7_client.py"),
        server=node_program("server.cjs", "utf-8"),
    ),
    Meeting(
        names=("node-hl7-client", "hl7apy"),
        versions=(node_package("node-hl7-client"), python_package("hl7apy")),
        client=node_program("client.cjs"),
        server=python_program("hl7apy_server.py", "utf-8"),
    ),
)

SITE = """format = 1
name = "site"
environment = "test"
transport = "tcp"
[privacy]
plain = "测试组：只有生成的患者"
[systems.LIS]
mode = "real"
[systems.HIS]
mode = "real"
[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
host = "127.0.0.1"
port = {port}
via = "relay"
relay_port = {relay}
"""


def command(*words: str) -> tuple[int, dict[str, Any]]:
    """A command of ours in a process of its own, and its last line."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words, "--json", "--lang", "en"],
        capture_output=True, timeout=LIMIT_S, check=False, encoding="utf-8", cwd=ROOT,
    )  # fmt: skip
    assert done.returncode in {0, 1, 3}, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def recorder(profile: Path, out: Path) -> Iterator[int]:
    """``medharness record``, until it is asked to end; yields the port that it mirrors."""
    with running(
        [sys.executable, "-m", "harness", "record", "--profile", str(profile), "--out", str(out)]
    ) as program:
        word, _, address = program.lines.get(timeout=LIMIT_S).split()
        assert word == "ready"
        yield int(address.rpartition(":")[2])
        program.process.terminate()
        program.process.wait(LIMIT_S)


@pytest.mark.parametrize("meeting", MEETINGS, ids=lambda one: "-".join(one.names))
def test_two_hl7_programs_are_recorded_and_the_case_is_played_again(
    meeting: Meeting, tmp_path: Path
) -> None:
    for name, version in zip(meeting.names, meeting.versions, strict=True):
        needs(name, version)
    profile, case = tmp_path / "site.toml", tmp_path / "case"
    with running(meeting.server) as server:
        port = server.port()
        profile.write_text(SITE.format(port=port, relay=free_port()), "utf-8")
        job = {"mode": "one-by-one", "encoding": "utf-8"}
        with recorder(profile, tmp_path / "out") as relay, running(meeting.client) as client:
            texts = [text("M1001", "utf-8")]
            client.tell(json.dumps({**job, "port": relay, "payloads": texts}))
            said = client.hear(1, LIMIT_S)
            assert [one["acknowledges"] for one in said] == ["M1001"]
        assert [one["id"] for one in server.hear(1, LIMIT_S)] == ["M1001"]

        recording = str(tmp_path / "out" / "recording.pcap")
        _, taken = command("case", "take", recording, "--about", "M1001", "--out", str(case),
                           "--fault", f"HIS ACK MSA-1 = {said[0]['code']}")  # fmt: skip
        once = ("--times", "1", "--needed", "1")
        code, again = command("replay", str(case), "--profile", str(profile), *once)
        bad, shown = command("replay", str(case), "--profile", str(profile),
                             "--fault", "HIS ACK MSA-1 = AE", *once)  # fmt: skip
        heard = server.hear(3, LIMIT_S)

    assert taken["manifest"]["messages"] == {"hl7": 2}
    assert PATIENT.encode() not in b"".join(one.read_bytes() for one in case.rglob("*.hl7"))
    assert (code, again["outcomes"], again["refused"]) == (0, {"gone": 1}, [])
    assert (bad, shown["shown"]) == (1, 1)
    ids = [one["id"] for one in heard]
    assert len(set(ids)) == len(ids), "each replay has control ids of its own"
    assert {one["results"] for one in heard} == {3}


# ---- Orthanc


def test_dcmtk_stores_in_orthanc_through_the_recorder(tmp_path: Path) -> None:
    for name in ("storescu", "echoscu"):
        needs("dcmtk", shutil.which(name) or "")
    needs("orthanc", shutil.which("Orthanc") or "")
    files = []
    about = exam("recorded")
    for number, each in enumerate(objects(modality("ct-helical", 0, "ORTHANC"), about)[:2], 1):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(part10(each, EXPLICIT))
        files.append(str(path))
    journal = PcapJournal(tmp_path / "pacs.pcap")
    journal.open()
    with orthanc(tmp_path, {}) as (server, web):
        target = Address(host="127.0.0.1", port=server.port)
        passage = Passage("pacs", target, journal, lambda _host, _port: None)
        try:
            where = passage.listen(Address(host="127.0.0.1", port=0))
            done = subprocess.run(
                ["storescu", "-aec", "ORTHANC", "127.0.0.1", str(where.port), *files],
                capture_output=True, timeout=LIMIT_S, check=False,
            )  # fmt: skip
            answer = urllib.request.urlopen(f"http://127.0.0.1:{web}/instances", timeout=LIMIT_S)
            with answer:
                kept = json.load(answer)
        finally:
            passage.stop()
            journal.close()

    assert done.returncode == 0, done.stderr
    assert len(kept) == 2
    heard, skipped = talks(tmp_path / "pacs.pcap")
    assert [one.protocol for one in heard] == ["dicom", "dicom"]
    assert not skipped
    texts = [
        " ".join(message.records)
        for one in heard
        if one.reading
        for message in one.reading.messages
    ]
    assert sum("C-STORE-RQ" in one for one in texts) == 2
    assert sum("C-STORE-RSP" in one and "status=0000H" in one for one in texts) == 2
