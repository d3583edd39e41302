"""A worklist of a thousand steps, asked for without a network."""

from dataclasses import dataclass

import pytest

from harness.link.dicom import WORKLIST, Request, payload_of
from harness.link.dicom_data import EXPLICIT, DataSet
from simulators.hospital.ris import TABLES, Ris
from simulators.store import open_store

pytestmark = pytest.mark.slow

COUNT = 1000


@dataclass
class Peer:
    """Cancels once so many answers came."""

    after: int = COUNT + 1
    came: int = 0

    def cancelled(self, request):
        return self.came >= self.after


@pytest.fixture
def ris(tmp_path):
    store = open_store(str(tmp_path / "ris.sqlite"), TABLES, durable=False)
    made = Ris(store, set())
    args = {"sps_id": "S" * 15, "patient_id": "P1", "name": "甲", "latin": "TEST^P1", "birth": "",
            "sex": "M", "accession": "MH12345678901234", "procedure_id": "P" * 15,
            "description": "x", "study": "2.25.1", "modality": "CT", "station": "MHCT1",
            "date": "20260105", "time": "083000"}  # fmt: skip
    made.command("schedule", {**args, "count": str(COUNT)})
    yield made
    store.close()


def asked(ris, peer):
    question = DataSet.of({"PatientID": "P1", "AccessionNumber": ""})
    request = Request(kind="C-FIND", sop_class=WORKLIST, syntax=EXPLICIT,
                      payload=payload_of(question, EXPLICIT))  # fmt: skip
    numbers, status = [], -1
    for answer in ris.serve(request, peer):
        status = answer.status
        if status == 0xFF00:
            peer.came += 1
            numbers.append(answer.payload)
    return numbers, status


def accessions(payloads):
    read = (Request(kind="C-FIND", sop_class=WORKLIST, syntax=EXPLICIT, payload=one).data()
            for one in payloads)  # fmt: skip
    return [one.text("AccessionNumber") for one in read]


def test_every_step_comes_once(ris):
    payloads, status = asked(ris, Peer())
    assert status == 0
    assert accessions(payloads) == [f"MH1234567890{number:04d}" for number in range(1, COUNT + 1)]


def test_a_cancel_ends_it_there(ris):
    payloads, status = asked(ris, Peer(after=3))
    assert (len(payloads), status) == (3, 0xFE00)
    ris.defects.add("ris-ignores-cancel")
    payloads, status = asked(ris, Peer(after=3))
    assert (len(payloads), status) == (COUNT, 0)


def test_the_defects_cut_and_repeat(ris):
    ris.defects.add("ris-stops-after-page")
    assert len(asked(ris, Peer())[0]) == 500
    ris.defects.clear()
    ris.defects.add("ris-pages-overlap")
    numbers = accessions(asked(ris, Peer())[0])
    assert len(numbers) == COUNT
    assert numbers.count("MH12345678900500") == 2
    assert "MH12345678901000" not in numbers
