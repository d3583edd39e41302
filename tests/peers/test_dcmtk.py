"""Our devices, PACS and RIS against the programs of DCMTK, over real sockets.

Debian's ``dcmtk`` and ``dicom3tools``. What a program stored is read here by pydicom, and what we
sent is compared with it element by element; no codec of ours judges itself.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pydicom
import pytest
from dicom_rig import (
    call,
    dciodvfy,
    device,
    exam,
    objects,
    part10,
    program,
    serving,
    stored,
    storing,
    worklist_item,
)
from imaging_desk import ImagingDesk

from harness.link.address import Address
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, Encapsulated
from harness.link.dicom_scp import Listener
from harness.probes.dicom import declared
from simulators.modality.modality import Modality, Receiver
from simulators.modality.model import known_models

pytestmark = [pytest.mark.peer, pytest.mark.slow]

UNDECLARED: Final = frozenset({"ct-domestic-gbk"})
"""Devices whose text is not what they declare: their habit, and what a checker must say of them."""


DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


def same_bytes(sent: DataSet, came: pydicom.Dataset) -> list[str]:
    """Elements of what was sent that another program holds otherwise."""
    wrong = []
    for tag, (vr, value) in sent.elements.items():
        if not isinstance(value, bytes) or vr not in {"OB", "OW"}:
            continue
        # pydicom gives fragments without the delimiter behind them
        bare = value.removesuffix(DELIMITER) if isinstance(value, Encapsulated) else value
        if came[tag].value != bare:
            wrong.append(f"{tag:08X}")
    keywords = ("PatientID", "StudyInstanceUID", "AccessionNumber", "PatientBirthDate")
    return wrong + [one for one in keywords if str(came.get(one, "")) != sent.text(one)]


@pytest.mark.parametrize("name", known_models())
def test_storescp_takes_what_every_device_sends(name, tmp_path):
    with storing(tmp_path, "+xa", "-aet", "DCMTK") as peer:
        modality = device(name, peer.port, "DCMTK")
        sent = objects(modality, exam(name))
        assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    came = stored(tmp_path / "in")
    assert set(came) == {one.text("SOPInstanceUID") for one in sent}
    wrong = {one.text("SOPInstanceUID"): same_bytes(one, came[one.text("SOPInstanceUID")])
             for one in sent}  # fmt: skip
    assert {key: value for key, value in wrong.items() if value} == {}
    errors = [line for path in sorted((tmp_path / "in").iterdir()) for line in dciodvfy(path)]
    if name in UNDECLARED:
        assert errors
        assert all("repertoire" in one or "invalid data values" in one for one in errors)
    else:
        assert errors == []


@pytest.fixture
def worklists(tmp_path: Path) -> Path:
    """Ten items of a worklist as wlmscpfs and Orthanc read them: one file each."""
    folder = tmp_path / "wl" / "MHRIS"
    folder.mkdir(parents=True)
    (folder / "lockfile").write_bytes(b"")
    for number in range(1, 11):
        (folder / f"{number}.wl").write_bytes(part10(worklist_item(number), EXPLICIT))
    return folder.parent


def ask_wlmscpfs(worklists, tmp_path, *switches):
    """The pending answers to one query of a device for its day."""
    path = program("wlmscpfs")
    with serving(
        lambda port: [path, *switches, "-dfp", str(worklists), str(port)], tmp_path
    ) as peer:
        modality = device("ct-helical", peer.port, "MHRIS")
        answers = modality.worklist(
            {}, {"ScheduledProcedureStepStartDate": "20260105", "Modality": "CT"}, "ISO_IR 192"
        )
    assert answers[-1].ok, answers[-1].shown
    return [one.data() for one in answers[:-1]]


def test_a_device_reads_the_worklist_of_wlmscpfs(worklists, tmp_path):
    found = ask_wlmscpfs(worklists, tmp_path, "--keep-char-set")
    wanted = {
        f"MH{number:08d}": worklist_item(number).text("PatientName") for number in range(2, 11, 2)
    }
    assert {one.text("AccessionNumber"): one.text("PatientName") for one in found} == wanted
    assert {declared(one) for one in found} == {"as declared"}


def test_wlmscpfs_by_default_declares_no_character_set_and_that_is_found(worklists, tmp_path):
    found = ask_wlmscpfs(worklists, tmp_path)
    assert len(found) == 5
    assert all(declared(one).startswith("(0010,0010)") for one in found)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ImagingDesk]:
    """The built-in PACS and RIS."""
    made = ImagingDesk(tmp_path)
    yield made
    assert made.stop() == ([], [])


@pytest.fixture
def filled(desk: ImagingDesk) -> tuple[ImagingDesk, Modality, Any, list[DataSet]]:
    """With one series of CT in the PACS."""
    about = desk.exam("ct-helical")
    modality = desk.device("ct-helical")
    sent = desk.objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    return desk, modality, about, sent


def to(desk: ImagingDesk, role: str) -> tuple[str, ...]:
    """Called title, host and port for a client of DCMTK."""
    address = desk.addresses[role]
    return ("-aec", f"MH{role}", address.host, str(address.port))


@pytest.mark.parametrize("role", ["PACS", "RIS"])
def test_echoscu_is_answered(desk, role):
    assert call("echoscu", *to(desk, role)) == (0, "")


def test_findscu_reads_names_of_the_pacs(filled):
    desk, _, about, _ = filled
    code, said = call("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName",
                      "-k", f"StudyInstanceUID={about.study}", *to(desk, "PACS"))  # fmt: skip
    assert code == 0, said
    assert said.count("(Pending)") == 1
    assert about.person.name in said
    code, said = call("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName",
                      "-k", "StudyInstanceUID=2.25.404", *to(desk, "PACS"))  # fmt: skip
    assert (code, said.count("(Pending)")) == (0, 0)


def test_findscu_reads_the_worklist_of_the_ris(filled):
    desk, _, about, _ = filled
    step = "ScheduledProcedureStepSequence[0]"
    keys = ("-k", "PatientName", "-k", "AccessionNumber")
    code, said = call("findscu", "-W", *keys, "-k", f"{step}.Modality=CT", *to(desk, "RIS"))
    assert code == 0, said
    assert about.accession in said
    assert about.person.name in said
    code, said = call("findscu", "-W", *keys, "-k", f"{step}.Modality=MR", *to(desk, "RIS"))
    assert (code, said.count("(Pending)")) == (0, 0)


def test_findscu_cancels_a_long_worklist(desk):
    """As DCMTK asks for it; a list that is on its way already may come whole."""
    about = desk.exam("ct-helical")
    desk.systems["RIS"].command("schedule", {
        "sps_id": "S" * 15, "patient_id": "LONG", "name": "甲", "latin": "TEST^LONG", "birth": "",
        "sex": "M", "accession": "MH12345678901234", "procedure_id": "P" * 15, "description": "x",
        "study": about.study, "modality": "CT", "station": "MHCT1", "date": "20260105",
        "time": "083000", "count": "2000"})  # fmt: skip
    keys = ("-k", "PatientID=LONG", "-k", "AccessionNumber")
    for _ in range(8):
        code, said = call("findscu", "-v", "-W", "--cancel", 3, *keys, *to(desk, "RIS"))
        assert code == 0, said
        if said.count("(Pending)") < 2000:
            break
    assert 3 <= said.count("(Pending)") < 2000
    assert "Cancel" in said
    code, said = call("findscu", "-W", *keys, *to(desk, "RIS"))
    assert (code, said.count("(Pending)")) == (0, 2000)


def test_getscu_brings_every_object(filled, tmp_path):
    desk, _, about, sent = filled
    folder = tmp_path / "got"
    folder.mkdir()
    code, said = call("getscu", "-S", "-od", folder, "-k", "QueryRetrieveLevel=STUDY",
                      "-k", f"StudyInstanceUID={about.study}", *to(desk, "PACS"))  # fmt: skip
    assert code == 0, said
    came = stored(folder)
    assert [same_bytes(one, came[one.text("SOPInstanceUID")]) for one in sent] == [[]] * len(sent)


def test_movescu_moves_to_a_storescp_that_takes_one_association_at_a_time(filled, tmp_path):
    """A destination that serves one after the other shows whether we open one too many."""
    desk, _, about, sent = filled
    folder = tmp_path / "moved"
    folder.mkdir()
    path = program("storescp")
    with serving(
        lambda port: [path, "-od", str(folder), "-aet", "TARGET", str(port)], tmp_path
    ) as peer:
        place = {"ae": "TARGET", "host": "127.0.0.1", "port": peer.port}
        desk.systems["PACS"].command("destination", place)
        code, said = call("movescu", "-v", "-S", "-aem", "TARGET", "-k", "QueryRetrieveLevel=STUDY",
                          "-k", f"StudyInstanceUID={about.study}", *to(desk, "PACS"))  # fmt: skip
    assert code == 0, said
    assert set(stored(folder)) == {one.text("SOPInstanceUID") for one in sent}


def test_storescu_brings_objects_that_the_pacs_gives_back(desk, tmp_path):
    about = exam("mr-3t", 5)
    modality = device("mr-3t", desk.addresses["PACS"].port, "MHPACS")
    sent = objects(modality, about)
    files = []
    for number, one in enumerate(sent):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(part10(one, IMPLICIT if number % 2 else EXPLICIT))
        files.append(path)
    code, said = call("storescu", "-v", "-R", *to(desk, "PACS"), *files)
    assert code == 0, said
    folder = tmp_path / "back"
    folder.mkdir()
    code, said = call("getscu", "-S", "-od", folder, "-k", "QueryRetrieveLevel=STUDY",
                      "-k", f"StudyInstanceUID={about.study}", *to(desk, "PACS"))  # fmt: skip
    assert code == 0, said
    came = stored(folder)
    assert [same_bytes(one, came[one.text("SOPInstanceUID")]) for one in sent] == [[]] * len(sent)


def test_a_storescu_that_aborts_leaves_no_half_object(desk, tmp_path):
    modality = device("ct-helical", desk.addresses["PACS"].port, "MHPACS")
    about = exam("ct-helical", 6)
    path = tmp_path / "one.dcm"
    path.write_bytes(part10(objects(modality, about)[0], EXPLICIT))
    call("storescu", "--abort", *to(desk, "PACS"), path)
    code, said = call("echoscu", *to(desk, "PACS"))
    assert code == 0, said
    found = modality.find("IMAGE", {"StudyInstanceUID": about.study, "SOPInstanceUID": ""})
    assert len(found) in {1, 2}  # the object as a whole, or nothing of it
    assert found[-1].ok


@pytest.fixture
def dcmqrscp(tmp_path: Path) -> Iterator[tuple[int, Receiver, Listener]]:
    """An archive of DCMTK that knows one destination: our receiver."""
    path = program("dcmqrscp")
    receiver = Receiver()
    listener = Listener(receiver, "MHCT1", [("1.2.840.10008.5.1.4.1.1.2", (EXPLICIT, IMPLICIT))])
    address: Address = listener.start("127.0.0.1", 0)
    (tmp_path / "db").mkdir()
    config = tmp_path / "dcmqrscp.cfg"
    config.write_text(
        "MaxPDUSize = 16384\nMaxAssociations = 16\nHostTable BEGIN\n"
        f"ours = (MHCT1, 127.0.0.1, {address.port})\nHostTable END\nVendorTable BEGIN\n"
        f"VendorTable END\nAETable BEGIN\nARCHIVE {tmp_path / 'db'} RW (100, 64mb) ANY\n"
        "AETable END\n",
        "ascii",
    )
    try:
        with serving(lambda port: [path, "-v", "-c", str(config), str(port)], tmp_path) as peer:
            yield peer.port, receiver, listener
    finally:
        assert listener.stop() == []


def test_an_archive_of_dcmtk_stores_finds_and_moves(dcmqrscp):
    port, receiver, _ = dcmqrscp
    modality = device("ct-helical", port, "ARCHIVE")
    about = exam("ct-helical", 7)
    sent = objects(modality, about)
    assert {one.shown for one in modality.store(sent).values()} == {"0000"}
    found = modality.find("STUDY", {"StudyInstanceUID": about.study, "PatientID": ""})
    assert [one.data().text("PatientID") for one in found[:-1]] == [about.person.patient_id]
    moved = modality.move(about.study, "MHCT1")
    assert moved[-1].ok, moved[-1].shown
    assert moved[-1].counts[1:] == (len(sent), 0, 0)
    assert set(receiver.stored) == {one.text("SOPInstanceUID") for one in sent}
    assert modality.move(about.study, "NOBODY")[-1].status == 0xA801
    fetched = Receiver()
    assert modality.get(about.study, fetched)[-1].ok
    assert set(fetched.stored) == set(receiver.stored)


def test_the_programs_are_there_by_version():
    said = subprocess.run([program("storescp"), "--version"], capture_output=True, check=False)
    assert b"dcmtk" in said.stdout
