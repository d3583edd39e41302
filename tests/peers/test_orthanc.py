"""Our devices against Orthanc as a real PACS: store, query, retrieve, commitment, worklist.

Orthanc's REST interface is the second witness: what it holds is asked there, not over DICOM alone.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from dicom_rig import device, exam, objects, orthanc, part10, worklist_item

from harness.link.dicom import COMMITMENT
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_scp import Listener
from simulators.modality.images import uid
from simulators.modality.modality import Modality, Receiver
from simulators.modality.model import known_models, load_model

pytestmark = [pytest.mark.peer, pytest.mark.slow]

REPORT_S: Final = 15.0


@dataclass(slots=True)
class Site:
    """Orthanc, and a listener of one of our devices that it knows."""

    port: int
    web: int
    folder: Path
    receiver: Receiver

    def rest(self, path: str, body: object = None) -> Any:
        """One request to its REST interface."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.web}{path}", data=data)
        with urllib.request.urlopen(request, timeout=REPORT_S) as answer:
            return json.load(answer)

    def device(self, name: str) -> Modality:
        """One of ours."""
        return device(name, self.port, "ORTHANC")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One Orthanc for all meetings; each has a study of its own."""
    folder = tmp_path_factory.mktemp("orthanc")
    receiver = Receiver()
    model = load_model("ct-helical")
    contexts = [(COMMITMENT, (EXPLICIT, IMPLICIT)), (model.sop_class, model.syntaxes)]
    listener = Listener(receiver, model.ae_title, contexts, roles=[COMMITMENT])
    address = listener.start("127.0.0.1", 0)
    known = {"ours": [model.ae_title, "127.0.0.1", address.port]}
    try:
        with orthanc(folder, known) as (server, web):
            yield Site(server.port, web, folder, receiver)
    finally:
        assert listener.stop() == []
        assert listener.troubles == []


@pytest.mark.parametrize("name", known_models())
def test_every_device_stores_and_the_archive_gives_back_every_pixel(site, name):
    modality = site.device(name)
    about = exam(name, 11)
    sent = objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    found = site.rest("/tools/find", {"Level": "Study", "Expand": True,
                                      "Query": {"StudyInstanceUID": about.study}})  # fmt: skip
    assert len(found) == 1
    assert found[0]["PatientMainDicomTags"]["PatientID"] == about.person.patient_id
    assert found[0]["MainDicomTags"]["AccessionNumber"] == about.accession
    back = Receiver()
    assert modality.get(about.study, back)[-1].ok
    assert set(back.stored) == {one.text("SOPInstanceUID") for one in sent}
    for one in sent:
        came = back.stored[one.text("SOPInstanceUID")].data()
        for keyword in ("PixelData", "EncapsulatedDocument"):
            if keyword in one:
                assert came.raw(keyword) == one.elements[_tag(keyword)][1]
        assert came.text("PatientName") == one.text("PatientName")


def _tag(keyword: str) -> int:
    return {"PixelData": 0x7FE00010, "EncapsulatedDocument": 0x00420011}[keyword]


def test_names_with_rare_characters_come_back_code_point_by_code_point(site):
    modality = site.device("mr-3t")
    about = exam("mr-3t", 12, kind="trail-byte")
    sent = objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    found = modality.find(
        "STUDY", {"StudyInstanceUID": about.study, "PatientName": ""}, "ISO_IR 192"
    )
    names = [one.data().text("PatientName") for one in found[:-1]]
    assert names == [sent[0].text("PatientName")]


def test_it_keeps_what_it_commits_itself_to(site):
    modality = site.device("ct-helical")
    about = exam("ct-helical", 13)
    sent = objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    listed = [(one.text("SOPClassUID"), one.text("SOPInstanceUID")) for one in sent]
    missing = (sent[0].text("SOPClassUID"), uid("never", "stored"))
    transaction = uid("transaction", 13)
    assert modality.commit(transaction, [*listed, missing]).ok
    report = site.receiver.wait_report(transaction, REPORT_S)
    assert report is not None
    kept = {one.text("ReferencedSOPInstanceUID") for one in report.items("ReferencedSOPSequence")}
    lost = {one.text("ReferencedSOPInstanceUID") for one in report.items("FailedSOPSequence")}
    assert (kept, lost) == ({sop for _, sop in listed}, {missing[1]})


def test_it_moves_to_our_device_and_refuses_an_unknown_one(site):
    modality = site.device("ct-helical")
    about = exam("ct-helical", 14)
    sent = objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    site.receiver.stored.clear()
    moved = modality.move(about.study, "MHCT1")
    assert moved[-1].ok, moved[-1].shown
    assert set(site.receiver.stored) == {one.text("SOPInstanceUID") for one in sent}
    # PS3.4 table C.4-2 asks for A801; this version answers that it cannot process.
    assert not modality.move(about.study, "NOBODY")[-1].ok


def test_an_interrupted_series_comes_again_whole_and_once(site):
    modality = site.device("ct-helical")
    about = exam("ct-helical", 15)
    sent = objects(modality, about)
    modality.store_cut(sent, 0.5)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    found = site.rest("/tools/find", {"Level": "Instance", "Expand": False,
                                      "Query": {"StudyInstanceUID": about.study}})  # fmt: skip
    assert len(found) == len(sent)


def test_our_device_reads_its_worklist_there(site):
    for number in range(1, 7):
        path = site.folder / "worklists" / f"{number}.wl"
        path.write_bytes(part10(worklist_item(number), EXPLICIT))
    modality = site.device("ct-helical")
    keys = {"ScheduledProcedureStepStartDate": "20260105", "Modality": "CT"}
    answers = modality.worklist({}, keys, "ISO_IR 192")
    assert answers[-1].ok, answers[-1].shown
    found = {one.data().text("AccessionNumber"): one.data().text("PatientName")
             for one in answers[:-1]}  # fmt: skip
    items = [worklist_item(number) for number in (2, 4, 6)]
    wanted = {one.text("AccessionNumber"): one.text("PatientName") for one in items}
    assert found == wanted
