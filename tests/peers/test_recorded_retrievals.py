"""DCMTK's viewers retrieve from Orthanc through the recorder, and then from the case."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dicom_rig import call, device, exam, free_port, objects, orthanc, part10, program
from programs_of import running

from harness.cases.dicom_about import values
from harness.cases.kept import Case, load
from harness.link.dicom_data import EXPLICIT

pytestmark = [pytest.mark.slow, pytest.mark.peer]

LIMIT_S = 600.0
ROOT = Path(__file__).resolve().parents[2]
ABOUT = exam("retrieved")
CLEAN = "viewer C-STORE-RSP status = 0000"
STRICT = "viewer C-STORE-RSP status = B000"

HEAD = """format = 1
name = "site"
environment = "test"
transport = "tcp"
[privacy]
plain = "测试组：只有生成的患者"
[systems.viewer]
mode = "real"
[systems.PACS]
mode = "{mode}"
"""
LINK = """[endpoints.{name}]
interface = "PACS-DIMSE"
from = "{frm}"
to = "{to}"
protocol = "dicom"
host = "127.0.0.1"
port = {port}
ae_title = "{title}"
"""
CANARY = """[canaries.echo]
interface = "PACS-DIMSE"
type = "C-ECHO-RQ"
from = "viewer"
"""
MIRROR = """via = "relay"
relay_port = {port}
"""


@dataclass(frozen=True)
class Ports:
    """Who listens where: the archive, the viewer, and the recorder before each of both."""

    pacs: int
    viewer: int
    to_pacs: int
    to_viewer: int


def profile_of(ports: Ports, *, recorded: bool) -> str:
    """The site while it is recorded, and afterwards with the case in the place of its archive."""
    text = HEAD.format(mode="real" if recorded else "simulated")
    for frm, to, port, mirror, title in (
        ("viewer", "PACS", ports.pacs if recorded else ports.to_pacs, ports.to_pacs, "ORTHANC"),
        ("PACS", "viewer", ports.viewer, ports.to_viewer, "VIEWER"),
    ):
        text += LINK.format(name=f"{frm}-{to}".lower(), frm=frm, to=to, port=port, title=title)
        text += MIRROR.format(port=mirror) if recorded else ""
    return text if recorded else text + CANARY


def retrieved(way: str, ports: Ports, study: str, out: Path) -> int:
    """What one of DCMTK's programs brings of a study; its exit code."""
    out.mkdir(exist_ok=True)
    keys = ("-S", "-k", "0008,0052=STUDY", "-k", f"0020,000D={study}")
    titles = ("-aet", "VIEWER", "-aec", "ORTHANC", "-od", out)
    more = ("-aem", "VIEWER", "+P", ports.viewer) if way == "movescu" else ()
    return call(way, *keys, *titles, *more, "127.0.0.1", ports.to_pacs, timeout_s=LIMIT_S)[0]


@contextlib.contextmanager
def recorder(profile: Path, out: Path) -> Iterator[None]:
    """``medharness record`` with both its mirrors."""
    words = [sys.executable, "-m", "harness", "record", "--profile", str(profile), "--out"]
    with running([*words, str(out)]) as one:
        for _ in range(2):
            assert one.lines.get(timeout=LIMIT_S).startswith("ready")
        yield
        one.process.terminate()
        one.process.wait(LIMIT_S)


@pytest.fixture(scope="module", params=["movescu", "getscu"])
def recorded(request: Any, tmp_path_factory: Any) -> tuple[str, Ports, Path]:
    """A study was retrieved from Orthanc; which way, who listens where, and the recording."""
    way, folder = request.param, tmp_path_factory.mktemp("retrieved")
    program(way), program("storescu")
    viewer, to_pacs, to_viewer = free_port(), free_port(), free_port()
    files = []
    for number, each in enumerate(objects(device("ct-helical", 0, "ORTHANC"), ABOUT)[:2], 1):
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(part10(each, EXPLICIT))
    with orthanc(folder, {"viewer": ["VIEWER", "127.0.0.1", to_viewer]}) as (server, _):
        ports = Ports(server.port, viewer, to_pacs, to_viewer)
        assert call("storescu", "-aec", "ORTHANC", "127.0.0.1", server.port, *files)[0] == 0
        profile = folder / "recording.toml"
        profile.write_text(profile_of(ports, recorded=True), "utf-8")
        with recorder(profile, folder / "out"):
            assert retrieved(way, ports, ABOUT.study, folder / "came") == 0
    assert len(list((folder / "came").iterdir())) == 2
    return way, ports, folder / "out" / "recording.pcap"


def replayed(case: Path, profile: Path, *words: str) -> subprocess.Popen[str]:
    """``medharness replay``, which waits for the viewer."""
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "replay", str(case), "--profile", str(profile), "--times",
         "1", "--needed", "1", "--wait", "300", "--json", "--lang", "en", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd=ROOT,
    )  # fmt: skip


def awaited(port: int, process: subprocess.Popen[str]) -> None:
    """Until somebody takes an association there."""
    for _ in range(600):
        if call("echoscu", "127.0.0.1", port)[0] == 0:
            return
        assert process.poll() is None, process.communicate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    pytest.fail("nobody listens")


def uids(case: Case) -> list[str]:
    """Of the recorded objects."""
    return [values(one.payload, "SOPInstanceUID")[0] for one in case.lines
            if one.kind == "C-STORE-RQ"]  # fmt: skip


def test_a_viewer_gets_from_the_case_what_it_got_from_the_archive(
    recorded: tuple[str, Ports, Path], tmp_path: Path
) -> None:
    way, ports, recording = recorded
    case, profile = tmp_path / "case", tmp_path / "site.toml"
    profile.write_text(profile_of(ports, recorded=False), "utf-8")
    subprocess.run(
        [sys.executable, "-m", "harness", "case", "take", str(recording), "--about", ABOUT.study,
         "--out", str(case), "--fault", CLEAN],
        capture_output=True, timeout=LIMIT_S, check=True, cwd=ROOT,
    )  # fmt: skip
    kept = load(case)
    study = next(values(one.payload, "StudyInstanceUID")[0] for one in kept.lines
                 if one.kind in {"C-MOVE-RQ", "C-GET-RQ"})  # fmt: skip
    asked = "1.2.276.0.7230010.3.1.2.2026"
    told = []
    # In the last one a study is asked for that nobody recorded, and then the right one.
    for number, (fault, first) in enumerate(((CLEAN, asked), (STRICT, asked), (CLEAN, "1.2.3"))):
        process = replayed(case, profile, "--fault", fault, "--slot", f"{study}={asked}")
        try:
            awaited(ports.to_pacs, process)  # it proves that the viewer calls us
            assert process.stdout is not None
            assert any("the replay begins" in line for line in iter(process.stdout.readline, ""))
            awaited(ports.to_pacs, process)
            retrieved(way, ports, first, tmp_path / f"came{number}")
            if first != asked:
                retrieved(way, ports, asked, tmp_path / "after")
            out, error = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
        assert out, error
        told.append((process.returncode, json.loads(out.splitlines()[-1])))

    (clean, one), (shown, other), (strange, unlike) = told
    assert (clean, one["outcomes"], one["refused"]) == (0, {"gone": 1}, []), one
    assert one["unmatched"] == []
    assert (shown, other["shown"]) == (1, 1), other
    assert (strange, unlike["outcomes"]) == (3, {"unclear": 1})
    assert [each["nearest"].split()[1][:6] for each in unlike["unmatched"]] == [
        "C-MOVE" if way == "movescu" else "C-GET-"]  # fmt: skip
    came = sorted((tmp_path / "came0").iterdir())
    assert len(came) == len(uids(kept)) == 2
    assert list((tmp_path / "came2").iterdir()) == []
    assert len(list((tmp_path / "after").iterdir())) == 2
    for each in came:
        raw = each.read_bytes()
        assert asked.encode() in raw
        assert ABOUT.study.encode() not in raw
        assert ABOUT.person.patient_id.encode() not in raw
        assert not any(uid.encode() in raw for uid in uids(kept)), "each replay has its own"
