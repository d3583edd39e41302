"""DCMTK and Orthanc on free ports of loopback, and our devices, PACS and RIS beside them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pydicom
from programs_of import needs

from harness import people
from harness.link.address import Address
from harness.link.dicom_data import DataSet, encode
from harness.link.dicom_scu import Association, Peer
from simulators.modality.images import Exam, instance, uid
from simulators.modality.modality import Modality
from simulators.modality.model import load_model

START_S: Final = 20.0
TRIES: Final = 5
"""A free port may be taken by another test before the peer has it."""

MOMENT: Final = datetime(2026, 1, 5, 0, 30)  # noqa: DTZ001 - DICOM writes local times
DEVICE_S: Final = 15.0


def program(name: str) -> str:
    """The path of a program of a Debian package; the test is skipped where it is missing."""
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin") or ""
    needs(name, found)
    return found


def version_of(name: str, *args: str) -> str:
    """The first ``1.2.3`` that a program says of itself."""
    said = subprocess.run([program(name), *args], capture_output=True, check=False, timeout=START_S)
    words = (said.stdout + said.stderr).decode("utf-8", "replace").replace("v", " ").split()
    return next((one for one in words if one[:1].isdigit() and "." in one), "")


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts there."""
    with socket.socket() as one:
        one.settimeout(0.5)
        return one.connect_ex(("127.0.0.1", port)) == 0


@dataclass(slots=True)
class Server:
    """A running peer."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Everything it logged."""
        return self.log.read_text("utf-8", "replace")


@contextmanager
def serving(argv: Any, folder: Path) -> Iterator[Server]:
    """Start a server; ``argv`` makes the command line for a port. It is gone at the end."""
    for _ in range(TRIES):
        port = free_port()
        log = folder / f"peer-{port}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(argv(port), stdout=out, stderr=out, cwd=folder)
        if _up(process, port):
            break
        end(process)
    else:
        raise AssertionError(f"the peer did not start: {log.read_text('utf-8', 'replace')}")
    try:
        yield Server(port, process, log)
    finally:
        end(process)


def _up(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if listens(port):
            return True
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it and take its status."""
    process.kill()
    process.wait(START_S)


@contextmanager
def storing(folder: Path, *switches: str) -> Iterator[Server]:
    """DCMTK's storescp with these switches; what it takes stands in ``folder/in``."""
    path = program("storescp")
    (folder / "in").mkdir(exist_ok=True)
    with serving(
        lambda port: [path, "-v", "--fork", "-od", str(folder / "in"), *switches, str(port)], folder
    ) as server:
        yield server


def stored(folder: Path) -> dict[str, pydicom.Dataset]:
    """What a receiver wrote, by SOP instance UID."""
    files = [pydicom.dcmread(path, force=True) for path in folder.iterdir() if path.is_file()]
    return {str(one.SOPInstanceUID): one for one in files}


def dciodvfy(path: Path) -> list[str]:
    """Errors that Debian's validator finds in one object."""
    _, said = call("dciodvfy", path)
    return [line for line in said.splitlines() if line.startswith("Error")]


def call(name: str, *args: object, timeout_s: float = 30.0) -> tuple[int, str]:
    """Run a client of a peer; its exit code and all that it said."""
    done = subprocess.run(
        [program(name), *map(str, args)], capture_output=True, check=False, timeout=timeout_s
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def device(name: str, port: int, called: str, limit_s: float = DEVICE_S) -> Modality:
    """One of our devices, and its one peer; ``limit_s`` for each of its answers."""
    model = load_model(name)
    peer = Peer(address=Address(host="127.0.0.1", port=port), called=called,
                calling=model.ae_title, acse_s=limit_s, dimse_s=limit_s)  # fmt: skip
    return Modality(model, lambda _role, offers: Association(peer, offers))


def exam(name: str, number: int = 1, kind: str = "ordinary") -> Exam:
    """An examination of a generated person."""
    person = people.generate(9, number, kind=kind)
    return Exam(person=person, study=uid("peer", name, number), accession=f"MH{number:08d}",
                procedure_id=f"P{number:08d}", step_id=f"S{number:08d}", description="胸部",
                moment=MOMENT)  # fmt: skip


def objects(modality: Modality, about: Exam) -> list[DataSet]:
    """All objects of its series."""
    numbers = range(1, modality.model.images + 1)
    return [instance(modality.model, about, number) for number in numbers]


def part10(data: DataSet, syntax: str) -> bytes:
    """A file with a preamble and a meta header (PS3.10 §7.1), as peers read it from a disk."""
    meta = DataSet.of(
        {
            "FileMetaInformationVersion": b"\x00\x01",
            "MediaStorageSOPClassUID": data.text("SOPClassUID"),
            "MediaStorageSOPInstanceUID": data.text("SOPInstanceUID"),
            "TransferSyntaxUID": syntax,
            "ImplementationClassUID": uid("implementation"),
        }
    )
    body = encode(meta, explicit=True)
    length = DataSet()
    length.set(0x00020000, len(body), "UL")
    explicit = syntax != "1.2.840.10008.1.2"
    return (
        b"\0" * 128 + b"DICM" + encode(length, explicit=True) + body
        + encode(data, explicit=explicit)
    )  # fmt: skip


def worklist_item(number: int) -> DataSet:
    """A scheduled step; even ones are of today, odd ones of tomorrow."""
    about = exam("ct-helical", number)
    step = DataSet.of(
        {
            "ScheduledStationAETitle": "MHCT1",
            "ScheduledProcedureStepStartDate": "20260105" if number % 2 == 0 else "20260106",
            "ScheduledProcedureStepStartTime": "080000",
            "Modality": "CT",
            "ScheduledPerformingPhysicianName": "",
            "ScheduledProcedureStepDescription": "胸部",
            "ScheduledProcedureStepID": about.step_id,
        }
    )
    return DataSet.of(
        {
            "SpecificCharacterSet": "ISO_IR 192",
            "SOPClassUID": "1.2.276.0.7230010.3.1.0.1",
            "SOPInstanceUID": f"{about.study}.1"[:64],
            "AccessionNumber": about.accession,
            "PatientName": f"TEST^{about.person.patient_id}={about.person.name}",
            "PatientID": about.person.patient_id,
            "PatientBirthDate": about.person.birth,
            "PatientSex": about.person.sex,
            "StudyInstanceUID": about.study,
            "RequestedProcedureDescription": "胸部",
            "RequestedProcedureID": about.procedure_id,
            "ScheduledProcedureStepSequence": [step],
        }
    )


ORTHANC_PLUGINS: Final = "/usr/share/orthanc/plugins"


@contextmanager
def orthanc(
    folder: Path, modalities: dict[str, Sequence[Any]], **more: Any
) -> Iterator[tuple[Server, int]]:
    """Orthanc with its worklist plugin: the DICOM server, and the port of its REST interface.

    ``more`` stands over its configuration.
    """
    path = program("Orthanc")
    worklists = folder / "worklists"
    worklists.mkdir()
    web = free_port()

    def command(port: int) -> list[str]:
        plugins = [
            f"{ORTHANC_PLUGINS}/{one}"
            for one in ("libModalityWorklists.so", "libOrthancDicomWeb.so")
            if Path(ORTHANC_PLUGINS, one).exists()
        ]
        config = {
            "Name": "peer",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": plugins,
            "HttpPort": web,
            "HttpServerEnabled": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": "ORTHANC",
            "DicomPort": port,
            "DicomCheckCalledAet": False,
            "DicomModalities": modalities,
            "DefaultEncoding": "Utf8",
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowFindWorklist": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "DicomAlwaysAllowStore": True,
            "TcpNoDelay": True,
            "HttpDescribeErrors": True,
            "Worklists": {"Enable": True, "Database": str(worklists), "FilterIssuerAet": False},
        } | more
        where = folder / f"orthanc-{port}.json"
        where.write_text(json.dumps(config), "utf-8")
        return [path, str(where)]

    with serving(command, folder) as server:
        yield server, web
