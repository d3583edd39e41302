"""Storage commitment of the built-in PACS: what is promised, and on which way the promise goes.

A report may come over the association of the request, over a later one of the same device, or over
one that the PACS opens (PS3.4 §J.3.3). Which of them it takes is a policy of the PACS and no
defect: each is sound as long as every report arrives. ``new`` is the default.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.errors import InputError
from harness.link.address import Address
from harness.link.dicom import COMMITMENT, COMMITMENT_INSTANCE, Answer, Request, payload_of
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_scp import Session
from harness.link.dicom_scu import Association, Offer, Peer
from simulators.hospital.pacs_store import Archive
from simulators.store import upsert

AE_TITLE: Final = "MHPACS"

NEW, SAME, NEXT = "new", "same", "next"
WAYS: Final = (NEW, SAME, NEXT)
"""An association of the PACS; that of the request, while it stands; the next of the device."""

REPORTS_MAX: Final = 64
"""Reports under way at a time, and reports that wait for one device."""

CALLERS_MAX: Final = 64
"""Devices for which reports wait."""

KEPT_S: Final = 1.0
"""How long a requestor has to release before it counts as one that waits for its report."""

ANSWER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be told: the data set, and 1 or 2 as event type (PS3.4 table J.3-2)."""

    data: DataSet
    kind: int

    def request(self, syntax: str) -> Request:
        """N-EVENT-REPORT in a transfer syntax."""
        return Request(
            kind="N-EVENT-REPORT", sop_class=COMMITMENT, sop_instance=COMMITMENT_INSTANCE,
            number=self.kind, syntax=syntax, payload=payload_of(self.data, syntax),
        )  # fmt: skip


@dataclass(slots=True)
class Commitments:
    """The requests for safekeeping, and their reports.

    Args:
        archive: files and index.
        defects: ids of those that are switched on; shared with the control pipe.
    """

    archive: Archive
    defects: set[str]
    way: str = NEW
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: list[threading.Thread] = field(default_factory=list)
    _waiting: dict[str, list[tuple[Session, Report]]] = field(default_factory=dict)

    def go(self, way: str) -> None:
        """Send reports on this way from now on.

        Raises:
            InputError: there is no such way.
        """
        if way not in WAYS:
            raise InputError(f"reports go on no way {way!r}", remedy=", ".join(WAYS))
        self.way = way
        self._waiting.clear()

    def asked(self, request: Request, session: Session) -> Iterator[Answer]:
        """Answer an N-ACTION, and see to its report."""
        data = request.data()
        transaction = data.text("TransactionUID")
        if not transaction:
            yield Answer(status=0x0121, comment="no transaction UID")
            return
        if not self._first(transaction, session.calling):
            yield Answer(status=0x0110, comment="duplicate transaction UID")
            return
        report = self._report(data, transaction)
        way = SAME if "pacs-reports-on-same" in self.defects else self.way
        if "pacs-never-reports" in self.defects:
            way = ""
        if way == NEW:
            self._over_own(session.calling, report)
        elif way == NEXT:
            self._hold(session, report)
        yield Answer(status=0)
        told = way != SAME or self._over(session, report)
        if not told and "pacs-reports-on-same" not in self.defects:
            self._over_own(session.calling, report)

    def _first(self, transaction: str, caller: str) -> bool:
        """Note a transaction; False where it was used before (PS3.4 §J.3.2)."""
        with self._lock:
            sql = "SELECT uid FROM commitments WHERE uid = ?"
            known = self.archive.store.rows(sql, [transaction])
            if known and "pacs-takes-transaction-twice" not in self.defects:
                return False
            row = {"uid": transaction, "caller": caller, "state": "asked"}
            self.archive.store.commit([upsert("commitments", ["uid"], row)])
        return True

    def _report(self, asked: DataSet, transaction: str) -> Report:
        good, bad = [], []
        for item in asked.items("ReferencedSOPSequence"):
            sop = item.text("ReferencedSOPInstanceUID")
            sop_class = item.text("ReferencedSOPClassUID")
            entry = {"ReferencedSOPClassUID": sop_class, "ReferencedSOPInstanceUID": sop}
            rows = self.archive.find("sop", [sop])
            reason = 0
            if not rows or self.archive.body(rows[0]) is None:
                reason = 0x0112
            elif rows[0]["sop_class"] != sop_class:
                reason = 0x0119
            if reason and "pacs-commits-everything" not in self.defects:
                bad.append(DataSet.of({**entry, "FailureReason": reason}))
            else:
                good.append(DataSet.of(entry))
        if "pacs-report-other-transaction" in self.defects:
            transaction = f"{transaction[:60]}.9"
        report = DataSet.of({"TransactionUID": transaction})
        if good:
            report.set("ReferencedSOPSequence", good)
        if bad:
            report.set("FailedSOPSequence", bad)
        return Report(report, 2 if bad else 1)

    # ---- the three ways

    def _over(self, session: Session, report: Report) -> bool:
        """Over the association of the request, once its requestor waits; whether it was taken."""
        if not session.stands(KEPT_S):
            return False
        if "pacs-open-report-omits-failed" in self.defects:
            report.data.drop("FailedSOPSequence")
        return self._told(session, report)

    def _told(self, session: Session, report: Report) -> bool:
        agreed = session.syntaxes(COMMITMENT)
        return bool(agreed) and session.tell(report.request(agreed[0]), ANSWER_S).ok

    def _hold(self, session: Session, report: Report) -> None:
        """Until the device associates again."""
        if "pacs-forgets-held-reports" in self.defects:
            return
        with self._lock:
            if session.calling not in self._waiting and len(self._waiting) >= CALLERS_MAX:
                return
            held = self._waiting.setdefault(session.calling, [])
            if len(held) < REPORTS_MAX:
                held.append((session, report))

    def deliver(self, session: Session) -> None:
        """Tell a device what waited for it, over another association than that of the request."""
        if not self._waiting or not session.syntaxes(COMMITMENT):
            return
        with self._lock:
            held = self._waiting.get(session.calling, [])
            due = [one for one in held if one[0] is not session]
        for one in due:
            if self._told(session, one[1]):
                with self._lock:
                    held.remove(one)

    def _over_own(self, caller: str, report: Report) -> None:
        """Over an association of our own, in a thread of its own."""
        self._under_way = [one for one in self._under_way if one.is_alive()]
        target = self.archive.destination(caller)
        if target is None or len(self._under_way) >= REPORTS_MAX:
            return
        peer = Peer(address=Address(host=target[0], port=target[1]), called=caller,
                    calling=AE_TITLE, acse_s=ANSWER_S, dimse_s=ANSWER_S)  # fmt: skip
        plain = "pacs-reports-explicit-only" in self.defects
        syntaxes = (EXPLICIT,) if plain else (EXPLICIT, IMPLICIT)
        thread = threading.Thread(
            target=_send, args=(peer, report, syntaxes), name="report", daemon=True
        )
        self._under_way.append(thread)
        thread.start()

    def pending(self) -> list[str]:
        """Reports that are under way."""
        return [one.name for one in self._under_way if one.is_alive()]

    def stop(self) -> None:
        """Wait for them."""
        for one in self._under_way:
            one.join(ANSWER_S)


def _send(peer: Peer, report: Report, syntaxes: Sequence[str]) -> None:
    offers = [Offer(abstract=COMMITMENT, syntaxes=[one], scp=True) for one in syntaxes]
    with Association(peer, offers) as link:
        if link.is_open:
            agreed = link.syntaxes(COMMITMENT)
            link.ask(report.request(agreed[0] if agreed else EXPLICIT))
