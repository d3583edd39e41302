"""Loses no answer: stores by many threads at a time, ours and plain pynetdicom beside it.

``python tests/soak/stores.py [--stores N] [--threads N] [--plain N] [--json FILE] [--record]`` sends
N small objects over as many associations as threads, at a DCMTK storescp that discards them where it is
installed, else at the built-in listener. A store is lost where no answer came in ``LIMIT_S``; the
association is then opened anew, as a device would. It ends with 1 where ours lost one, or where
fewer were answered than sent. Plain pynetdicom loses some (its association takes the answer from
the thread that waits); how many is told and judged by nobody.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import imaging_ends as ends
import run
from imaging_figures import discarding, receiving
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage

from harness.link.address import Address
from harness.link.dicom import Request
from harness.link.dicom_data import EXPLICIT, DataSet, encode
from harness.link.dicom_scu import Association, Offer, Peer

STORES: Final = 100_000
THREADS: Final = 8
LIMIT_S: Final = 5.0
TOLD_S: Final = 30.0

Work = Callable[[int, range, "Tally"], None]


class Tally:
    """What happened so far."""

    def __init__(self) -> None:
        self.answered = self.lost = self.refused = 0
        self._lock = threading.Lock()

    def add(self, status: int | None) -> None:
        """One store: its status, or None where no answer came."""
        with self._lock:
            self.answered += status == 0
            self.lost += status is None
            self.refused += status not in {0, None}


def small(number: int) -> dict[str, Any]:
    """An object of 200 bytes: a soak is about answers."""
    kept = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")
    return {key: value for key, value in ends.values(number).items() if key in kept}


def ours(port: int) -> Work:
    """Our associations."""
    peer = Peer(address=Address(host=ends.HOST, port=port), called="ANY", calling="SOAK",
                dimse_s=LIMIT_S)  # fmt: skip

    def work(worker: int, numbers: range, tally: Tally) -> None:
        link: Association | None = None
        for number in numbers:
            if link is None or not link.is_open:
                link = Association(peer, [Offer(abstract=CTImageStorage, syntaxes=[EXPLICIT])])
                if not link.open():
                    raise SystemExit(f"no association: {link.error}")
            body = encode(DataSet.of(small(number)), explicit=True)
            answer = link.ask(
                Request(kind="C-STORE", sop_class=CTImageStorage, syntax=EXPLICIT, payload=body,
                        sop_instance=f"2.25.7{number:06d}", message_id=link.next_id())
            )  # fmt: skip
            tally.add(answer.status if answer.status >= 0 else None)
        if link is not None:
            link.close()

    return work


def plain(port: int) -> Work:
    """pynetdicom as its documentation has it, with Nagle's algorithm off."""

    def work(worker: int, numbers: range, tally: Tally) -> None:
        ae = AE("SOAK")
        ae.dimse_timeout = LIMIT_S
        ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        handlers = [(evt.EVT_CONN_OPEN, ends.no_delay)]
        assoc = ae.associate(ends.HOST, port, evt_handlers=handlers)
        for number in numbers:
            if not assoc.is_established:
                assoc = ae.associate(ends.HOST, port, evt_handlers=handlers)
            made = Dataset()
            for keyword, value in small(number).items():
                setattr(made, keyword, value)
            made.file_meta = ends.meta(made)
            try:
                status = assoc.send_c_store(made)
            except RuntimeError:  # it was aborted meanwhile
                status = None
            tally.add(int(status.Status) if status else None)
        assoc.release()

    return work


def play(name: str, work: Work, stores: int, threads: int) -> dict[str, Any]:
    """Share the stores among threads; tells how far it is."""
    tally, begun = Tally(), time.monotonic()
    each = [threading.Thread(target=work, args=(one, range(one, stores, threads), tally))
            for one in range(threads)]  # fmt: skip
    for thread in each:
        thread.start()
    told = begun
    while any(thread.is_alive() for thread in each):
        time.sleep(0.2)
        if time.monotonic() - told > TOLD_S:
            told = time.monotonic()
            print(f"{name}: {tally.answered} answered, {tally.lost} lost", flush=True)
    seconds = time.monotonic() - begun
    return {
        "sent": stores, "threads": threads, "answered": tally.answered, "lost": tally.lost,
        "refused": tally.refused, "seconds": round(seconds, 1),
        "per_s": round(stores / seconds, 1),
    }  # fmt: skip


def measure(
    stores: int = STORES, threads: int = THREADS, beside: int = STORES // 5
) -> dict[str, Any]:
    """Play both.

    Args:
        stores: of ours.
        threads: of both, an association each.
        beside: stores of plain pynetdicom; 0 for none.
    """
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medharness-soak-")))
        known = shutil.which("storescp") is not None
        peer = discarding(folder) if known else receiving("ours", folder, None)
        port = stack.enter_context(peer)
        found["peer"] = "storescp" if known else "built-in"
        found["ours"] = play("ours", ours(port), stores, threads)
        if beside:
            found["plain"] = play("plain", plain(port), beside, threads)
    return found


def figures(found: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the page of figures has it, by plain names."""
    ours = {name: value for name, value in found["ours"].items() if name != "sent"}
    beside = found.get("plain", {})
    return {
        "peer": found["peer"],
        "stores": found["ours"]["sent"],
        **ours,
        **{f"plain_{'stores' if name == 'sent' else name}": one for name, one in beside.items()},
    }


def main() -> int:
    """Play both, print, and judge ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=STORES)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--plain", type=int, default=STORES // 5, help="stores of pynetdicom; 0")
    parser.add_argument("--json", type=Path, help="write the result there, with its origin")
    parser.add_argument("--record", action="store_true",
                        help="put the result into docs/figures.json and its page")  # fmt: skip
    given = parser.parse_args()
    words = f"--stores {given.stores} --threads {given.threads} --plain {given.plain}"
    origin = run.origin(f"python tests/soak/stores.py {words}", rounds=1, seconds=0)
    found = measure(given.stores, given.threads, given.plain)
    print(json.dumps(found, indent=2))
    origin["seconds"] = found["ours"]["seconds"]
    if given.json:
        text = json.dumps(origin | {"figures": figures(found)}, ensure_ascii=False, indent=2) + "\n"
        given.json.write_text(text, encoding="utf-8")
    if given.record:
        run.merge("soak", origin | {"figures": figures(found)})
    return 0 if found["ours"]["answered"] == given.stores > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
