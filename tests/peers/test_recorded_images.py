"""What DCMTK's programs say to each other, recorded, without its people, played to DCMTK again."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from dicom_rig import device, exam, free_port, listens, objects, part10, program

from harness.captures.journal import PcapJournal
from harness.cases.dicom_about import values
from harness.cases.kept import load
from harness.link.address import Address
from harness.link.dicom_data import EXPLICIT
from harness.link.passing import Passage

pytestmark = [pytest.mark.slow, pytest.mark.peer]

LIMIT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]

SITE = """format = 1
name = "site"
environment = "test"
transport = "tcp"
[privacy]
plain = "测试组：只有生成的患者"
[systems.PACS]
mode = "real"
[endpoints.modality-pacs]
interface = "PACS-DIMSE"
from = "modality"
to = "PACS"
protocol = "dicom"
host = "127.0.0.1"
port = {port}
ae_title = "DCMTK"
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
def archive(folder: Path) -> Any:
    """DCMTK's storage SCP; yields its port."""
    folder.mkdir()
    port = free_port()
    words = [program("storescp"), "-od", str(folder), str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if listens(port):
                break
            threading.Event().wait(0.1)
        yield port
    finally:
        server.kill()
        server.wait(LIMIT_S)


def sent(port: int, files: list[str], journal: PcapJournal) -> None:
    """DCMTK stores files through the recorder."""
    target = Address(host="127.0.0.1", port=port)
    passage = Passage("pacs", target, journal, lambda _host, _port: None)
    try:
        where = passage.listen(Address(host="127.0.0.1", port=0))
        done = subprocess.run(
            [program("storescu"), "127.0.0.1", str(where.port), *files],
            capture_output=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    finally:
        passage.stop()
        journal.close()
    assert done.returncode == 0, done.stderr


def test_images_of_dcmtk_are_played_to_dcmtk_as_those_of_another_person(tmp_path: Path) -> None:
    about = exam("case")
    files = []
    for number, each in enumerate(objects(device("ct-helical", 0, "DCMTK"), about)[:2], 1):
        files.append(str(tmp_path / f"{number}.dcm"))
        Path(files[-1]).write_bytes(part10(each, EXPLICIT))
    recording = tmp_path / "images.pcap"
    journal = PcapJournal(recording)
    journal.open()
    profile, case = tmp_path / "site.toml", tmp_path / "case"

    with archive(tmp_path / "kept") as port:
        sent(port, files, journal)
        profile.write_text(SITE.format(port=port), "utf-8")
        server = f"127.0.0.1:{port}=PACS"
        _, taken = command("case", "take", str(recording), "--about", about.accession, "--out",
                           str(case), "--end", server, "--end", "127.0.0.1=modality", "--fault",
                           "PACS C-STORE-RSP status = 0000")  # fmt: skip
        before = {one.name for one in (tmp_path / "kept").iterdir()}
        once = ("--times", "1", "--needed", "1")
        good, _ = command("replay", str(case), "--profile", str(profile), *once)
        bad, shown = command("replay", str(case), "--profile", str(profile), "--fault",
                             "PACS C-STORE-RSP status = A700", *once)  # fmt: skip
        fresh = [one for one in (tmp_path / "kept").iterdir() if one.name not in before]

    assert taken["manifest"]["messages"] == {"dicom": 4}
    whole = b"".join(one.read_bytes() for one in case.rglob("*.dicom"))
    assert about.person.patient_id.encode() not in whole
    assert about.person.name.encode("gb18030") not in whole
    assert (good, bad, shown["shown"]) == (0, 1, 1)
    assert len(fresh) == 4, "two images, twice, under instances of their own"
    line = next(one for one in load(case).lines if one.kind == "C-STORE-RQ")
    (name,) = values(line.payload, "PatientName")
    said = subprocess.run([program("dcmdump"), "+P", "0010,0010", str(fresh[0])],
                          capture_output=True, timeout=LIMIT_S, check=True).stdout  # fmt: skip
    assert name.partition("=")[0].encode() in said
