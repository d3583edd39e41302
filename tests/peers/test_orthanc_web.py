"""Orthanc as a client of the web side of our PACS: it stores, searches and retrieves there."""

import json
import urllib.request

import pytest
from dicom_rig import device, exam, objects, orthanc

from simulators.modality.modality import Receiver
from simulators.modality.systems import BESIDE, ImagingSystems

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Our PACS, and the REST interface of an Orthanc that knows it as a DICOMweb server."""
    folder = tmp_path_factory.mktemp("web")
    systems = ImagingSystems(folder / "ours")
    (folder / "ours").mkdir()
    try:
        at = systems.address("PACS", BESIDE["PACS"])
        with orthanc(folder, {}) as (server, web):

            def rest(path, body=None, method=None):
                data = json.dumps(body).encode() if body is not None else None
                request = urllib.request.Request(
                    f"http://127.0.0.1:{web}{path}", data=data, method=method
                )
                with urllib.request.urlopen(request, timeout=20) as answer:
                    raw = answer.read()
                return json.loads(raw) if raw else None

            url = f"http://{at}/dicom-web/"
            rest("/dicom-web/servers/ours", {"Url": url}, "PUT")
            yield systems, server, rest
    finally:
        systems.close()


def stored_there(server, name, number, kind):
    """A study in Orthanc, and what it holds."""
    modality = device(name, server.port, "ORTHANC")
    about = exam(name, number, kind=kind)
    sent = objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    return about, sent


@pytest.mark.parametrize("name", ["ct-helical", "mr-3t", "us-cine", "ecg-cart"])
def test_what_it_stores_is_what_we_give_back(both, name):
    systems, server, rest = both
    about, sent = stored_there(server, name, 21, "rare")
    (study,) = rest("/tools/find", {"Level": "Study", "Query": {"StudyInstanceUID": about.study}})

    rest("/dicom-web/servers/ours/stow", {"Resources": [study], "Synchronous": True})

    back = _got(systems, name, about.study)
    assert set(back) == {one.text("SOPInstanceUID") for one in sent}
    for one in sent:
        came = back[one.text("SOPInstanceUID")]
        assert came.text("PatientName") == one.text("PatientName")
        if "PixelData" in one:
            assert came.raw("PixelData") == one.elements[0x7FE00010][1]


def _got(systems, name, study):
    receiver = Receiver()
    modality = device(name, systems.address("PACS").port, "MHPACS")
    assert modality.get(study, receiver)[-1].ok
    return {sop: one.data() for sop, one in receiver.stored.items()}


def test_it_finds_and_retrieves_what_our_device_stored(both):
    systems, _, rest = both
    modality = device("ct-helical", systems.address("PACS").port, "MHPACS")
    about = exam("ct-helical", 22, kind="trail-byte")
    sent = objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}

    found = rest("/dicom-web/servers/ours/qido",
                 {"Uri": "/studies", "Arguments": {"PatientID": about.person.patient_id}})  # fmt: skip
    rest("/dicom-web/servers/ours/retrieve", {"Resources": [{"Study": about.study}],
                                              "Synchronous": True})  # fmt: skip

    assert len(found) == 1
    assert about.accession in json.dumps(found)  # it keeps the texts alone, and no names
    there = rest("/tools/find", {"Level": "Instance", "Expand": True,
                                 "Query": {"StudyInstanceUID": about.study}})  # fmt: skip
    assert {one["MainDicomTags"]["SOPInstanceUID"] for one in there} == {
        one.text("SOPInstanceUID") for one in sent
    }
    (study,) = rest("/tools/find", {"Level": "Study", "Expand": True,
                                    "Query": {"StudyInstanceUID": about.study}})  # fmt: skip
    assert study["PatientMainDicomTags"]["PatientName"] == sent[0].text("PatientName")
