"""Programs of others talk to each other through the recorder, and notice nothing."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from programs_of import needs

from harness.captures.journal import PcapJournal
from harness.captures.network import talks
from harness.link.address import Address
from harness.link.passing import Passage

pytestmark = [pytest.mark.slow, pytest.mark.peer]

LIMIT_S = 60.0


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
