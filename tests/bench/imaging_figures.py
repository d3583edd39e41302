"""Stores, worklists and associations: ours beside DCMTK and plain pynetdicom.

Every end is a process of its own, over loopback, with Nagle's algorithm off on both ends; what
they are stands in ``imaging_ends``.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from imaging_ends import HOST, dataset
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from harness import people
from harness.link.address import Address
from harness.link.dicom import PENDING, VERIFICATION, WORKLIST, Request, payload_of
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.process import SimulatedProcess, python

ENDS: Final = Path(__file__).with_name("imaging_ends.py")
SLICES: Final = 500
SENDERS: Final = 4
ITEMS: Final = 100
QUERIES: Final = 15
ASSOCIATIONS: Final = 200
START_S: Final = 20.0
OWN: Final = str(Path(sys.executable).parent)
QUIET: Final = {
    **os.environ,
    "TCP_NODELAY": "1",
    "PATH": os.pathsep.join(one for one in os.get_exec_path() if one != OWN),
}
"""DCMTK leaves Nagle's algorithm on unless this is set (its FAQ 48); and programs of the same names
that come with pynetdicom must not be taken for its own."""


def write_files(folder: Path) -> list[Path]:
    """The slices as files, for storescu."""
    found = []
    for number in range(SLICES):
        path = folder / f"{number:04d}.dcm"
        dcmwrite(path, dataset(number), enforce_file_format=True)
        found.append(path)
    return found


# ---- stores


LOST: Final[list[int]] = []
"""Answers that plain pynetdicom lost, by run."""


def run_sender(kind: str, port: int, count: int, workers: int, folder: Path) -> float:
    """Objects a second of a sender that is a process of its own."""
    argv = [sys.executable, str(ENDS), "send", kind, str(port), str(count), str(workers),
            str(folder)]  # fmt: skip
    said = subprocess.run(argv, capture_output=True, text=True, check=False)
    if said.returncode:
        raise SystemExit(said.stderr or said.stdout)
    words = said.stdout.split()
    if "lost" in words:
        LOST.append(int(words[words.index("lost") + 1]))
    return count / float(words[-1])


def run_storescu(port: int, files: Sequence[Path], workers: int) -> tuple[float, float]:
    """Objects a second of storescu, a process an association; and without what it takes to begin."""
    begin_s, whole_s = (_storescu_s(port, few, workers) for few in (files[:workers], files))
    return len(files) / whole_s, (len(files) - workers) / (whole_s - begin_s)


def _storescu_s(port: int, files: Sequence[Path], workers: int) -> float:
    begun = time.perf_counter()
    running = [
        subprocess.Popen(["storescu", HOST, str(port), *map(str, files[number::workers])],
                         env=QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for number in range(workers)
    ]  # fmt: skip
    codes = [one.wait() for one in running]
    if any(codes):
        raise SystemExit(f"storescu ended with {codes}")
    return time.perf_counter() - begun


@contextmanager
def receiving(kind: str, folder: Path, expected: int | None = SLICES) -> Iterator[int]:
    """A receiver of ours or of pynetdicom; so many objects must have come, each another one."""
    argv = [sys.executable, str(ENDS), "serve", kind, str(folder)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        if one.stdout is None or one.stdin is None:
            raise SystemExit("no pipes")
        yield int(one.stdout.readline())
        one.stdin.close()
        said = one.stdout.read().split()
        if expected is not None and said != [str(expected)] * 2:
            raise SystemExit(f"{kind}: of {expected} came {said}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


@contextmanager
def program(argv: Callable[[int], Sequence[str]], folder: Path) -> Iterator[int]:
    """A program of DCMTK that listens."""
    port = _free_port()
    with subprocess.Popen(argv(port), env=QUIET, cwd=folder, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as one:  # fmt: skip
        until = time.monotonic() + START_S
        while time.monotonic() < until and one.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.02)
        try:
            yield port
        finally:
            one.kill()


# ---- worklist and associations


def worklist_files(folder: Path) -> Path:
    """A database of ``ITEMS`` steps for wlmscpfs."""
    base = folder / "wl" / "MHRIS"
    base.mkdir(parents=True)
    (base / "lockfile").touch()
    for number in range(ITEMS):
        made = dataset(number)
        del made.PixelData
        made.RequestedProcedureID = f"P{number}"
        made.RequestedProcedureDescription = "TEST"
        step = Dataset()
        step.ScheduledStationAETitle, step.Modality = "BENCH", "CT"
        step.ScheduledProcedureStepStartDate = "20260105"
        step.ScheduledProcedureStepStartTime = "080000"
        step.ScheduledProcedureStepID = f"S{number}"
        step.ScheduledProcedureStepDescription = "TEST"
        made.ScheduledProcedureStepSequence = [step]
        made.StudyInstanceUID = UID(f"2.25.8{number:05d}")
        dcmwrite(base / f"{number}.wl", made, enforce_file_format=True)
    return base.parent


@contextmanager
def our_ris(folder: Path) -> Iterator[int]:
    """The built-in RIS as a process, with ``ITEMS`` steps entered at its screen."""
    config = {"role": "RIS", "store": str(folder / "ris.sqlite"), "defects": [],
              "listen": {"modality-ris": {"host": HOST, "port": 0}}}  # fmt: skip
    process = SimulatedProcess("RIS", python("simulators.hospital.pacs_shell"), config)
    process.start()
    try:
        for number in range(ITEMS):
            person = people.generate(7, number)
            process.command("schedule", step_of(person, number), START_S)
        address = process.addresses["modality-ris"]
        if not isinstance(address, Address):
            raise SystemExit(f"the RIS listens on {address}")
        yield address.port
    finally:
        process.stop()


def step_of(person: Any, number: int) -> dict[str, Any]:
    """One step as the screen of the RIS takes it."""
    return {
        "sps_id": f"S{number}", "patient_id": person.patient_id, "name": person.name,
        "latin": f"TEST^{number}", "birth": person.birth, "sex": person.sex,
        "accession": f"A{number}", "procedure_id": f"P{number}", "description": "TEST",
        "study": f"2.25.8{number:05d}", "modality": "CT", "station": "BENCH", "date": "20260105",
        "time": "080000",
    }  # fmt: skip


def query_s(port: int, rounds: int) -> float:
    """Median seconds of a worklist query with ``ITEMS`` answers, by our client."""
    asked = DataSet.of({"PatientName": "", "PatientID": "", "AccessionNumber": "",
                        "StudyInstanceUID": "", "RequestedProcedureID": ""})  # fmt: skip
    step = {"ScheduledStationAETitle": "BENCH", "Modality": "CT", "ScheduledProcedureStepID": "",
            "ScheduledProcedureStepStartDate": "", "ScheduledProcedureStepStartTime": ""}  # fmt: skip
    asked.set("ScheduledProcedureStepSequence", [DataSet.of(step)])
    request = Request(kind="C-FIND", sop_class=WORKLIST, syntax=EXPLICIT,
                      payload=payload_of(asked, EXPLICIT))  # fmt: skip
    peer = Peer(address=Address(host=HOST, port=port), called="MHRIS", calling="BENCH")
    taken = []
    with Association(peer, [Offer(abstract=WORKLIST, syntaxes=[EXPLICIT])]) as link:
        for _ in range(rounds):
            begun = time.perf_counter()
            answers = list(link.ask_all(request))
            taken.append(time.perf_counter() - begun)
            came = sum(one.status in PENDING for one in answers)
            if came != ITEMS or answers[-1].status != 0:
                raise SystemExit(f"{came} answers, then {answers[-1].shown}")
    return statistics.median(taken)


def associations_per_s(port: int, called: str) -> float:
    """Associations that are opened, used for one echo, and released, one after the other."""
    peer = Peer(address=Address(host=HOST, port=port), called=called, calling="BENCH")
    begun = time.perf_counter()
    for _ in range(ASSOCIATIONS):
        with Association(peer, [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])]) as link:
            if not link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).ok:
                raise SystemExit("no echo")
    return ASSOCIATIONS / (time.perf_counter() - begun)


# ---- all of it


def discarding(folder: Path) -> Any:
    """A storescp that keeps nothing, a process an association."""
    argv = ["storescp", "--ignore", "--fork", "-aet", "ANY"]
    return program(lambda port: [*argv, str(port)], folder)


def _stores(folder: Path, files: Sequence[Path]) -> dict[str, float]:
    """Rates of one round to the discarding storescp, and to receivers that hash."""
    found: dict[str, float] = {}
    with discarding(folder) as port:
        for workers in (1, SENDERS):
            for kind in ("plain", "ours", "hashed"):
                rate = run_sender(kind, port, SLICES, workers, folder)
                found[f"{kind}_{workers}_per_s"] = rate
            found[f"storescu_{workers}_per_s"], begun = run_storescu(port, files, workers)
            found[f"begun_{workers}_per_s"] = begun
    for kind in ("plain", "ours"):
        with receiving(kind, folder) as port:
            found[f"{kind}_received_per_s"] = SLICES / _storescu_s(port, files, SENDERS)
    return found


def _round_trips(folder: Path) -> dict[str, float]:
    with our_ris(folder) as port:
        ours = query_s(port, QUERIES)
    base = worklist_files(folder)
    with program(lambda port: ["wlmscpfs", "-dfp", str(base), str(port)], folder) as port:
        found = {"worklist_ms": ours * 1000, "wlmscpfs_ms": query_s(port, QUERIES) * 1000}
        found["wlmscpfs_associations_per_s"] = associations_per_s(port, "MHRIS")
    with receiving("ours", folder, 0) as port:
        found["associations_per_s"] = associations_per_s(port, "BENCH")
    return found


def measure(rounds: int) -> dict[str, Any]:
    """Medians of the rounds; a ratio is taken within its round."""
    every: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="medharness-bench-") as name:
        folder = Path(name)
        files = write_files(folder)
        for number in range(rounds):
            place = folder / str(number)
            place.mkdir()
            one = _stores(place, files) | _round_trips(place)
            one |= {
                "one_of_plain": one["ours_1_per_s"] / one["plain_1_per_s"],
                "one_of_storescu": one["ours_1_per_s"] / one["storescu_1_per_s"],
                "plain_of_storescu": one["plain_1_per_s"] / one["storescu_1_per_s"],
                "four_of_storescu": one[f"ours_{SENDERS}_per_s"] / one[f"storescu_{SENDERS}_per_s"],
                "four_hashed_of_storescu": one[f"hashed_{SENDERS}_per_s"]
                / one[f"storescu_{SENDERS}_per_s"],
                "one_of_begun": one["ours_1_per_s"] / one["begun_1_per_s"],
                "four_of_begun": one[f"ours_{SENDERS}_per_s"] / one[f"begun_{SENDERS}_per_s"],
                "four_of_plain": one[f"ours_{SENDERS}_per_s"] / one[f"plain_{SENDERS}_per_s"],
                "received_of_plain": one["ours_received_per_s"] / one["plain_received_per_s"],
                "worklist_of_wlmscpfs": one["worklist_ms"] / one["wlmscpfs_ms"],
            }
            every.append(one)
            for capture in place.glob("*.capture"):
                capture.unlink()
    return {key: round(statistics.median(one[key] for one in every), 3) for key in every[0]} | {
        "slices": SLICES, "answers": ITEMS, "plain_lost_answers": sum(LOST),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1), indent=2))
