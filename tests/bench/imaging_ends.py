"""Senders and receivers of the imaging figures, each to be run as a process of its own.

``python imaging_ends.py send KIND PORT COUNT ASSOCIATIONS FOLDER`` is a sender, which prints the
seconds; ``... serve KIND FOLDER`` a receiver, which prints its port and ends with its standard
input. ``KIND`` is ``plain``, pynetdicom as its documentation has it, with Nagle's algorithm off; or
``ours``, with its journal on (``harness.evidence.capture``). That keeps short bytes as they are, of
long ones the size, and names each object by the SHA-256 that it has had since it was made, or that
its receiver computes. ``hashed`` is our sender that computes it once more of what it writes.
"""

from __future__ import annotations

import argparse
import hashlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification

from harness.clock import RealClock
from harness.evidence.capture import Capture
from harness.evidence.digest import Digests
from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Answer, Request
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, encode
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.tap import Connection

HOST: Final = "127.0.0.1"
SIDE: Final = 512
PDU_MAX: Final = 131072
"""What our listener takes by default, and pynetdicom's here."""


# ---- objects


def values(number: int) -> dict[str, Any]:
    """One CT slice of 512 by 512, 16 bits, as values by keyword; pixels are those of all."""
    return {
        "SOPClassUID": CTImageStorage, "SOPInstanceUID": f"2.25.7{number:06d}",
        "StudyInstanceUID": "2.25.71", "SeriesInstanceUID": "2.25.72",
        "PatientName": "TEST^BENCH", "PatientID": "B1", "PatientBirthDate": "", "PatientSex": "",
        "StudyDate": "20260105", "StudyTime": "080000", "AccessionNumber": "A1", "StudyID": "1",
        "Modality": "CT", "SeriesNumber": "1", "InstanceNumber": str(number),
        "ReferringPhysicianName": "", "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "Rows": SIDE, "Columns": SIDE,
        "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0,
        "PixelData": hashlib.shake_128(b"bench").digest(1024) * (SIDE * SIDE // 512),
    }  # fmt: skip


def dataset(number: int) -> Dataset:
    """The same for pynetdicom."""
    made = Dataset()
    for keyword, value in values(number).items():
        setattr(made, keyword, value)
    made.file_meta = meta(made)
    return made


def meta(made: Dataset) -> FileMetaDataset:
    """What stands before the object in a file (PS3.10 §7.1)."""
    head = FileMetaDataset()
    head.TransferSyntaxUID = ExplicitVRLittleEndian
    head.MediaStorageSOPClassUID = made.SOPClassUID
    head.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return head


# ---- senders


def _shared(count: int, workers: int, work: Callable[[int, range], None]) -> float:
    """Seconds that threads take for ``count`` objects; each begins when all are ready."""
    gate = threading.Barrier(workers + 1)
    troubles: list[BaseException] = []

    def one(worker: int) -> None:
        gate.wait()
        try:
            work(worker, range(worker, count, workers))
        except BaseException as error:  # noqa: BLE001 - told below
            troubles.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    gate.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    if troubles:
        raise SystemExit(str(troubles[0]))
    return time.perf_counter() - begun


def send_ours(port: int, count: int, workers: int, folder: Path, *, hashing: bool = False) -> float:
    """Our sender with its journal on; every answer must be a success."""
    captures = [Capture(folder / f"{number}.capture", RealClock()) for number in range(workers)]
    bodies = [encode(DataSet.of({**values(number)}), explicit=True) for number in range(count)]
    digests = [hashlib.sha256(body).hexdigest() for body in bodies]
    peer = Peer(address=Address(host=HOST, port=port), called="ANY", calling="BENCH")

    def work(worker: int, numbers: range) -> None:
        capture = captures[worker]
        name = Connection(id=f"{worker}", link="bench", interface="PACS-DIMSE", local="CT",
                          peer="PACS", client=True)  # fmt: skip
        with Association(peer, [Offer(abstract=CTImageStorage, syntaxes=[EXPLICIT])], name,
                         Digests(capture, hashing=hashing)) as link:  # fmt: skip
            for number in numbers:
                capture.note("CT", f"object, sha256 {digests[number]}")
                answer = link.ask(
                    Request(kind="C-STORE", sop_class=CTImageStorage, syntax=EXPLICIT,
                            sop_instance=f"2.25.7{number:06d}", message_id=link.next_id(),
                            payload=bodies[number])
                )  # fmt: skip
                capture.settle()
                if not answer.ok:
                    raise SystemExit(f"answered {answer.shown}")

    seconds = _shared(count, workers, work)
    for capture in captures:
        capture.close()
    return seconds


def send_hashed(port: int, count: int, workers: int, folder: Path) -> float:
    """The same, and the journal hashes every byte that leaves."""
    return send_ours(port, count, workers, folder, hashing=True)


def no_delay(event: Any) -> None:
    """For ``EVT_CONN_OPEN``."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def send_plain(port: int, count: int, workers: int, folder: Path) -> float:
    """pynetdicom with data sets that are in memory already.

    It loses an answer now and then and waits for it: that time is taken off, of the thread that
    lost most, and the store counts as done.
    """
    made = [dataset(number) for number in range(count)]
    lost: list[int] = []

    def work(worker: int, numbers: range) -> None:
        ae = AE("BENCH")
        ae.dimse_timeout = LOST_S
        ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        handlers = [(evt.EVT_CONN_OPEN, no_delay)]
        assoc = ae.associate(HOST, port, evt_handlers=handlers)
        for number in numbers:
            status = assoc.send_c_store(made[number])
            if not status:
                lost.append(worker)
                assoc.abort()
                assoc = ae.associate(HOST, port, evt_handlers=handlers)
            elif status.Status != 0:
                raise SystemExit(f"answered {status.Status:04X}")
        assoc.release()

    seconds = _shared(count, workers, work)
    seconds -= max((lost.count(one) for one in set(lost)), default=0) * LOST_S
    print("lost", len(lost))
    return seconds


LOST_S: Final = 2.0
"""An answer that did not come within this is lost."""

SENDERS_OF: Final = {"ours": send_ours, "plain": send_plain, "hashed": send_hashed}


# ---- receivers


class Hashing:
    """Takes every object and hashes it."""

    def __init__(self, settle: Callable[[str], None]) -> None:
        self.hashes: set[str] = set()
        self.count = 0
        self.settle = settle
        self.lock = threading.Lock()

    def keep(self, data: bytes) -> None:
        """One object; what the journal knows of it stands in its file before the answer leaves."""
        found = hashlib.sha256(data).hexdigest()
        self.settle(found)
        with self.lock:
            self.hashes.add(found)
            self.count += 1

    def serve(self, request: Request, session: Any) -> Iterator[Answer]:
        """For our listener."""
        if request.kind == "C-STORE":
            self.keep(request.payload)
        yield Answer(status=0)

    def handle(self, event: Any) -> int:
        """For pynetdicom's."""
        self.keep(event.request.DataSet.getvalue())
        return 0


def serve_ours(folder: Path) -> Hashing:
    """Our listener with its journal on, until the standard input ends."""
    capture = Capture(folder / "receiver.capture", RealClock())

    def settle(digest: str) -> None:
        capture.note("PACS", f"object, sha256 {digest}")
        capture.settle()

    sink = Hashing(settle)
    name = Connection(id="r", link="bench", interface="PACS-DIMSE", local="PACS", peer="CT",
                      client=False)  # fmt: skip
    contexts = [(CTImageStorage, (EXPLICIT,)), (VERIFICATION, (EXPLICIT, IMPLICIT))]
    listener = Listener(
        sink, "BENCH", contexts, connection=name, watcher=Digests(capture, hashing=False)
    )
    print(listener.start(HOST, 0).port, flush=True)
    sys.stdin.read()
    left = listener.stop()
    if left:
        raise SystemExit(f"did not end: {left}")
    capture.close()
    return sink


def serve_plain(folder: Path) -> Hashing:
    """pynetdicom's server."""
    sink = Hashing(lambda _: None)
    ae = AE("BENCH")
    ae.maximum_pdu_size = PDU_MAX
    ae.add_supported_context(CTImageStorage)
    ae.add_supported_context(Verification)
    handlers = [(evt.EVT_C_STORE, sink.handle), (evt.EVT_CONN_OPEN, no_delay)]
    server = ae.start_server((HOST, 0), block=False, evt_handlers=handlers)
    print(server.socket.getsockname()[1], flush=True)
    sys.stdin.read()
    server.shutdown()
    return sink


RECEIVERS_OF: Final = {"ours": serve_ours, "plain": serve_plain}


def main() -> None:
    """One end."""
    parser = argparse.ArgumentParser(description=__doc__)
    ends = parser.add_subparsers(dest="end", required=True)
    sender = ends.add_parser("send")
    sender.add_argument("kind", choices=list(SENDERS_OF))
    for name in ("port", "count", "workers"):
        sender.add_argument(name, type=int)
    sender.add_argument("folder", type=Path)
    receiver = ends.add_parser("serve")
    receiver.add_argument("kind", choices=list(RECEIVERS_OF))
    receiver.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.end == "serve":
        sink = RECEIVERS_OF[given.kind](given.folder)
        print(sink.count, len(sink.hashes), flush=True)
    else:
        print(SENDERS_OF[given.kind](given.port, given.count, given.workers, given.folder))


if __name__ == "__main__":
    main()
