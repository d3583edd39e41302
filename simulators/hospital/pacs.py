"""The built-in PACS: store, query, retrieve, commitment, echo, over DICOM.

It answers a query in the character set of the question, or in UTF-8 where that cannot hold the
answer. An instance that comes again with the same content is acknowledged and kept once; with
another content it is refused (0111), and so is an instance that would put a study under a second
patient (A900): what a site's PACS does there is its own policy.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.link.address import Address
from harness.link.dicom import (
    COMMITMENT,
    PATIENT_FIND,
    PENDING,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    VERIFICATION,
    Answer,
    Request,
)
from harness.link.dicom_data import DEFLATED, EXPLICIT, IMPLICIT, DataSet, read, written
from harness.link.dicom_scp import Session
from harness.link.dicom_scu import Association, Offer, Peer
from simulators.hospital import pacs_commit, pacs_odd, pacs_pixels, pacs_query, pacs_spoil
from simulators.hospital.pacs_commit import Commitments
from simulators.hospital.pacs_store import Archive, keys_of
from simulators.store import Row, upsert

AE_TITLE: Final = pacs_commit.AE_TITLE
LINK: Final = "modality-pacs"

STORAGE: Final = (
    "1.2.840.10008.5.1.4.1.1.1",  # CR
    "1.2.840.10008.5.1.4.1.1.1.1",  # DX for presentation
    "1.2.840.10008.5.1.4.1.1.1.2",  # MG for presentation
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.6.1",  # US
    "1.2.840.10008.5.1.4.1.1.3.1",  # US multi-frame
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
    "1.2.840.10008.5.1.4.1.1.7.2",  # multi-frame grayscale byte SC
    "1.2.840.10008.5.1.4.1.1.7.4",  # multi-frame true colour SC
    "1.2.840.10008.5.1.4.1.1.9.1.1",  # 12-lead ECG
    "1.2.840.10008.5.1.4.1.1.77.1.1",  # VL endoscopic
    "1.2.840.10008.5.1.4.1.1.77.1.1.1",  # video endoscopic
    "1.2.840.10008.5.1.4.1.1.104.1",  # encapsulated PDF
)
_FAMILY: Final = (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203, 102)
"""JPEG (baseline, extended, lossless of any predictor, of the first), JPEG-LS (lossless, near),
JPEG 2000 (lossless, any), HTJ2K (lossless, lossless RPCL, any), MPEG-4 (PS3.5 §A.4)."""
SYNTAXES: Final = (EXPLICIT, IMPLICIT, "1.2.840.10008.1.2.5",
                   *(f"1.2.840.10008.1.2.4.{one}" for one in _FAMILY), DEFLATED)  # fmt: skip

CONTEXTS: Final = (
    *((one, SYNTAXES) for one in STORAGE),
    *((one, (EXPLICIT, IMPLICIT)) for one in
      (VERIFICATION, PATIENT_FIND, STUDY_FIND, STUDY_MOVE, STUDY_GET, COMMITMENT)),
)  # fmt: skip

_COLUMNS: Final = {
    "SOPInstanceUID": "sop",
    "SeriesInstanceUID": "series",
    "StudyInstanceUID": "study",
    "PatientID": "patient_id",
}
"""Keys of a retrieval, the narrowest first, and where the index has them."""

COMMENT_MAX: Final = 64
"""An error comment is a long string at most (PS3.7 annex C.4)."""


@dataclass(slots=True)
class Pacs:
    """The service behind the listener of the PACS.

    Args:
        archive: files and index.
        defects: ids of those that are switched on; shared with the control pipe.
    """

    archive: Archive
    defects: set[str]
    role: str = "PACS"
    commitments: Commitments = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sent: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commitments = Commitments(self.archive, self.defects)

    def serve(self, request: Request, session: Session) -> Iterator[Answer]:
        """Answers to one request."""
        match request.kind:
            case "C-ECHO":
                if "pacs-slow-echo" in self.defects:
                    time.sleep(0.042)
                yield Answer(status=0x0211 if "pacs-breaks-echo" in self.defects else 0)
            case "C-STORE":
                yield from self._take(request, session)
            case "C-FIND":
                yield from pacs_query.find(self.archive, request, session, self.defects)
            case "C-MOVE":
                yield from self._move(request)
            case "C-GET":
                yield from self._get(request, session)
            case "N-ACTION":
                yield from self.commitments.asked(request, session)
            case _:
                yield Answer(status=0x0211, comment="not an operation of this PACS")
        self.commitments.deliver(session)

    # ---- storing

    def take(self, request: Request, session: Session) -> Answer | None:
        """What is decided about one object, however it came; None where a defect is silent."""
        return next(iter(self._take(request, session)), None)

    def _take(self, request: Request, session: Session) -> Iterator[Answer]:
        """The answer to one store; none where a defect swallows it."""
        data = request.data()
        refused = pacs_odd.refusal(request, data, self.defects)
        if "pacs-aborts-long-uid" in self.defects and len(data.text("StudyInstanceUID")) > 64:
            session.abort()
            return
        known = refused is not None
        answer = Answer(status=refused or 0) if known else self._store(request, data, session)
        lost = "pacs-loses-long-errors" in self.defects and len(answer.comment) > COMMENT_MAX
        if answer.status >= 0 and not lost:
            yield answer

    def _store(self, request: Request, data: DataSet, session: Session) -> Answer:
        if data.text("SOPInstanceUID") != request.sop_instance:
            return Answer(status=0xA900, comment="SOP instance differs from the data set")
        if not data.text("StudyInstanceUID") or not data.text("SeriesInstanceUID"):
            where = f"{session.calling} {request.sop_instance}"
            return Answer(status=0xA900, comment=f"no study or series UID in {where}")
        with self._lock:
            return self._keep(request, data, session)

    def _keep(self, request: Request, data: DataSet, session: Session) -> Answer:
        known = self.archive.find("sop", [request.sop_instance])
        if "pacs-keeps-two-studies" in self.defects:
            known = [one for one in known if one["study"] == data.text("StudyInstanceUID")]
        if known and "pacs-resend-doubles" not in self.defects:
            return self._again(request, data, known[0], session)
        if not known and self._other_patient(data):
            return Answer(status=0xA900, comment="the study is of another patient")
        self._write(request, data, session)
        return Answer(status=0)

    def _again(self, request: Request, data: DataSet, known: Row, session: Session) -> Answer:
        same = known["sha256"] == hashlib.sha256(self._body(request, data)).hexdigest()
        if "pacs-duplicate-loses-file" in self.defects:
            self.archive.lose(known)
            return Answer(status=0)
        same = same or pacs_odd.seems_same(data, known, self.archive, self.defects)
        if same:
            failed = "pacs-duplicate-fails" in self.defects
            self.archive.again[known["study"]] = self.archive.again.get(known["study"], 0) + 1
            return Answer(status=0x0110 if failed else 0)
        if "pacs-duplicate-replaces" in self.defects:
            self.archive.forget(request.sop_instance)
            self._write(request, data, session)
            return Answer(status=0)
        if "pacs-duplicate-ignored" in self.defects:
            return Answer(status=0)
        return Answer(status=0x0111, comment="duplicate SOP instance with other content")

    def _other_patient(self, data: DataSet) -> bool:
        if "pacs-study-of-two-patients" in self.defects:
            return False
        others = self.archive.find("study", [data.text("StudyInstanceUID")])
        return any(row["patient_id"] != data.text("PatientID") for row in others)

    def _body(self, request: Request, data: DataSet) -> bytes:
        changed = pacs_spoil.stored(data, self.defects)
        return written(data, request.syntax) if changed else request.payload

    def _write(self, request: Request, data: DataSet, session: Session) -> None:
        body = self._body(request, data)
        row = {
            "sop": request.sop_instance,
            "sop_class": request.sop_class,
            "study": self._study(data),
            "series": data.text("SeriesInstanceUID"),
            "patient_id": data.text("PatientID"),
            "syntax": request.syntax,
            "sender": session.calling,
        }
        self.archive.keep(body, row, pacs_spoil.indexed(data, keys_of(data), self.defects))
        if "pacs-row-without-file" in self.defects and data.number("InstanceNumber") % 2 == 0:
            self.archive.lose(self.archive.find("sop", [request.sop_instance])[-1])

    def _study(self, data: DataSet) -> str:
        if "pacs-keeps-blanks" in self.defects:
            return data.raw("StudyInstanceUID").decode("ascii", "replace").rstrip("\0")
        return data.text("StudyInstanceUID")

    # ---- retrieving

    def _wanted(self, request: Request) -> list[Row]:
        asked = request.data()
        for keyword, column in _COLUMNS.items():
            value = asked.text(keyword)
            if value:
                first = 1 if "pacs-takes-first-of-list" in self.defects else None
                return self.archive.find(column, value.split("\\")[:first])
        return []

    def _move(self, request: Request) -> Iterator[Answer]:
        target = self.archive.destination(request.destination)
        if target is None:
            lenient = "pacs-unknown-destination-succeeds" in self.defects
            yield Answer(status=0 if lenient else 0xA801, comment="move destination unknown")
            return
        rows = self._wanted(request)
        if "pacs-move-forgets-last" in self.defects:
            rows = rows[:-1]
        offers = _offers(rows)
        peer = Peer(address=Address(host=target[0], port=target[1]), called=request.destination,
                    calling=AE_TITLE, acse_s=3.0)  # fmt: skip
        if not offers:
            yield self._final(0xA702 if rows else 0, 0, len(rows))
            return
        with Association(peer, offers) as link:
            if link.is_open:
                yield from self._sub_operations(rows, link, request.message_id)
            else:
                yield self._final(0xA702, 0, len(rows))

    def _get(self, request: Request, session: Session) -> Iterator[Answer]:
        rows = self._wanted(request)
        if "pacs-move-forgets-last" in self.defects:
            rows = rows[:-1]
        if "pacs-ignores-max-pdu" in self.defects:
            session.exceed(65536)
        for answer in self._sub_operations(rows, session, request.message_id):
            yield answer if answer.status in PENDING else self._ended(answer)

    def _ended(self, final: Answer) -> Answer:
        """The final answer to a C-GET, which only this way may spoil."""
        _, done, failed, warned = final.counts
        if failed and "pacs-get-hides-failures" in self.defects:
            return Answer(status=0, counts=(None, (done or 0) + failed, 0, warned))
        if done and "pacs-get-ends-failed" in self.defects:
            return Answer(status=0xC000, counts=final.counts)
        return final

    def _sub_operations(
        self, rows: list[Row], link: Association | Session, message_id: int
    ) -> Iterator[Answer]:
        done = failed = 0
        for number, row in enumerate(rows, 1):
            body = self.archive.body(row)
            if body is None:
                failed += 1
            else:
                agreed = link.syntaxes(row["sop_class"])
                answer = link.ask(self._sub(row, body, message_id + number, agreed))
                done += answer.ok
                failed += not answer.ok
            left = len(rows) - number
            if left:
                yield Answer(status=0xFF00, counts=(left, done, failed, 0))
        yield self._final(0xB000 if failed else 0, done, failed)

    def _final(self, status: int, done: int, failed: int) -> Answer:
        if failed and "pacs-move-hides-failures" in self.defects:
            status, done, failed = 0, done + failed, 0
        return Answer(status=status, counts=(None, done, failed, 0))

    def _sub(self, row: Row, body: bytes, ident: int, agreed: Sequence[str]) -> Request:
        """The store of one object; in the other plain syntax where only that was agreed."""
        syntax = row["syntax"]
        data = read(body, syntax)
        other = {IMPLICIT: EXPLICIT, EXPLICIT: IMPLICIT}.get(syntax, "")
        worse = "pacs-sends-implicit" in self.defects and other == IMPLICIT
        if other in agreed and (syntax not in agreed or worse):
            syntax = other
        self._sent[row["sop"]] = self._sent.get(row["sop"], 0) + 1
        if "pacs-second-copy-differs" in self.defects and self._sent[row["sop"]] > 1:
            body = body[:-3] + bytes([body[-3] ^ 1]) + body[-2:]
            data = read(body, row["syntax"])
        if pacs_spoil.sent(data, self.defects) or syntax != row["syntax"]:
            body = written(data, syntax)
        body = pacs_pixels.sent(body, syntax, self.defects)
        return Request(kind="C-STORE", sop_class=row["sop_class"], sop_instance=row["sop"],
                       message_id=ident & 0xFFFF, payload=body, syntax=syntax)  # fmt: skip

    # ---- the control pipe

    def command(self, name: str, args: Mapping[str, Any]) -> Any:
        """What is told over the control pipe, beside the tested interfaces."""
        if name == "destination":
            row = {"ae": args["ae"], "host": args["host"], "port": int(args["port"])}
            kept = self.archive.destination(args["ae"]) is not None
            if not kept or "pacs-keeps-old-destination" not in self.defects:
                self.archive.store.commit([upsert("destinations", ["ae"], row)])
            return {}
        if name == "reports":
            self.commitments.go(str(args["way"]))
        if name == "pending":
            return self.commitments.pending()
        return {}

    def stop(self) -> None:
        """Wait for reports that are under way."""
        self.commitments.stop()


def _offers(rows: list[Row]) -> list[Offer]:
    """One context for each class and syntax that is to be sent, and one that all must take."""
    pairs = dict.fromkeys(
        (row["sop_class"], syntax)
        for row in rows
        for syntax in (row["syntax"], *([IMPLICIT] if row["syntax"] == EXPLICIT else []))
    )
    return [Offer(abstract=sop_class, syntaxes=[syntax]) for sop_class, syntax in pairs]
