"""Our devices, PACS and RIS against npm ``dcmjs-dimse``: a foreign modality and a move target."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dicom_rig import device, exam, objects, part10, serving
from imaging_desk import ImagingDesk
from programs_of import needs, node_package, node_program

from harness.link.dicom_data import EXPLICIT, IMPLICIT

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def _installed() -> None:
    needs("dcmjs-dimse", node_package("dcmjs-dimse"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ImagingDesk]:
    """The built-in PACS and RIS."""
    made = ImagingDesk(tmp_path)
    yield made
    assert made.stop() == ([], [])


def told(text: str) -> list[dict[str, Any]]:
    """The JSON lines; the rest is the log of the package."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def asked(what: str, port: int, called: str, argument: str = "") -> list[dict[str, Any]]:
    """What the client got."""
    words = node_program("dimse_scu.cjs", what, str(port), called, argument)
    done = subprocess.run(words, capture_output=True, check=False, timeout=PATIENCE_S)
    return told(done.stdout.decode("utf-8"))


def test_a_device_stores_into_the_node_archive(tmp_path):
    with serving(lambda port: node_program("dimse_scp.cjs", str(port)), tmp_path) as peer:
        modality = device("ct-helical", peer.port, "NODE")
        assert modality.echo("PACS").ok
        sent = objects(modality, exam("ct-helical", 21))
        assert {one.shown for one in modality.store(sent).values()} == {"0000"}
        seen = {one["sop"]: one for one in told(peer.said())}
    assert set(seen) == {one.text("SOPInstanceUID") for one in sent}
    for one in sent:
        pixels = one.elements[0x7FE00010][1]
        got = seen[one.text("SOPInstanceUID")]
        assert got["pixels"] == hashlib.sha256(pixels).hexdigest()
        assert got["patient"] == one.text("PatientID")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_foreign_modality_stores_and_finds_its_study(desk, tmp_path, syntax):
    port = desk.addresses["PACS"].port
    about = exam("mr-3t", 22)
    modality = device("mr-3t", port, "MHPACS")
    data = objects(modality, about)[0]
    path = tmp_path / "one.dcm"
    path.write_bytes(part10(data, syntax))
    assert asked("echo", port, "MHPACS") == [{"status": 0, "pending": False}]
    assert asked("store", port, "MHPACS", str(path)) == [{"status": 0, "pending": False}]
    answers = asked("find", port, "MHPACS", about.study)
    assert [one["status"] for one in answers] == [0xFF00, 0]
    assert answers[0]["data"]["PatientID"] == about.person.patient_id
    assert answers[0]["data"]["PatientName"][0]["Ideographic"] == about.person.name
    assert [one["status"] for one in asked("find", port, "MHPACS", "2.25.404")] == [0]


def test_a_foreign_modality_reads_its_worklist(desk):
    about = desk.exam("ct-helical")
    answers = asked("worklist", desk.addresses["RIS"].port, "MHRIS", "CT")
    assert [one["status"] for one in answers] == [0xFF00, 0]
    assert answers[0]["data"]["AccessionNumber"] == about.accession
    assert answers[0]["data"]["StudyInstanceUID"] == about.study
    assert [one["status"] for one in asked("worklist", desk.addresses["RIS"].port, "MHRIS", "MR")] \
        == [0]  # fmt: skip


def test_it_is_a_destination_that_the_pacs_moves_to(desk, tmp_path):
    about = desk.exam("ct-helical")
    modality = desk.device("ct-helical")
    sent = desk.objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    with serving(lambda port: node_program("dimse_scp.cjs", str(port)), tmp_path) as peer:
        place = {"ae": "NODE", "host": "127.0.0.1", "port": peer.port}
        desk.systems["PACS"].command("destination", place)
        answers = asked("move", desk.addresses["PACS"].port, "MHPACS", f"NODE={about.study}")
        seen = told(peer.said())
    assert (answers[-1]["status"], answers[-1]["counts"]) == (0, [len(sent), 0])
    assert {one["sop"] for one in seen} == {one.text("SOPInstanceUID") for one in sent}
    assert {one["patient"] for one in seen} == {about.person.patient_id}
