"""What a peer asks on an association of ours: reports that come at any time, stores, and the rest."""

import threading

import pytest

from harness.errors import PeerError
from harness.link.dicom import COMMITMENT, COMMITMENT_INSTANCE, VERIFICATION, Answer, Request
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, encode
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer

CONTEXTS = [(VERIFICATION, [IMPLICIT]), (COMMITMENT, [EXPLICIT])]
OFFERS = [Offer(abstract=one, syntaxes=list(syntaxes)) for one, syntaxes in CONTEXTS]
LIMIT_S = 60.0
"""Of every wait; only a machine that stands still gets there."""


def event_report(payload=None):
    data = encode(DataSet.of({"TransactionUID": "1.2.3"}), explicit=True)
    return Request(kind="N-EVENT-REPORT", sop_class=COMMITMENT, sop_instance=COMMITMENT_INSTANCE,
                   number=1, syntax=EXPLICIT, payload=data if payload is None else payload)  # fmt: skip


def action():
    data = encode(DataSet.of({"TransactionUID": "1.2.3"}), explicit=True)
    return Request(kind="N-ACTION", sop_class=COMMITMENT, sop_instance=COMMITMENT_INSTANCE,
                   syntax=EXPLICIT, payload=data)  # fmt: skip


class Archive:
    """Reports before its answer, after it, or at the next request; notes what it was answered."""

    def __init__(self):
        self.when, self.report, self.answered, self.stood = "after", event_report(), [], []
        self.told = threading.Event()
        self.wait_s = 0.0

    def serve(self, request, session):
        if self.when == "before":
            self.answered.append(session.ask(self.report))
        yield Answer(status=0)
        if self.when == "after":
            self.stood.append(session.stands(self.wait_s))
            if self.stood[-1]:
                self.answered.append(session.tell(self.report, LIMIT_S))
            self.told.set()


@pytest.fixture
def archive():
    service = Archive()
    listener = Listener(service, "PACS", CONTEXTS)
    address = listener.start("127.0.0.1", 0)
    yield service, Peer(address=address, called="PACS", calling="CT1", dimse_s=10.0)
    assert listener.stop() == []
    assert listener.troubles == []


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [0, 0x0110])
def test_a_report_on_our_association_is_taken_before_and_after_the_answer(archive, when, status):
    service, peer = archive
    service.when = when
    came = []

    def take(request):
        came.append((request.kind, request.data().text("TransactionUID"), request.number))
        return status

    with Association(peer, OFFERS, report=take) as link:
        assert link.ask(action()).ok
        if when == "after":
            assert service.told.wait(LIMIT_S)
    assert came == [("N-EVENT-REPORT", "1.2.3", 1)]
    assert [one.status for one in service.answered] == [status]


@pytest.mark.slow
def test_an_association_that_asked_for_something_else_takes_reports_too(archive):
    """As a device has it that comes for the report that was kept for it."""
    service, peer = archive
    came = []
    with Association(peer, OFFERS, report=lambda one: came.append(one) or 0) as link:
        assert link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).ok
        assert service.told.wait(LIMIT_S)
    assert len(came) == 1
    assert service.answered[0].ok


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_report_that_nobody_takes_is_answered_so(archive, when):
    service, peer = archive
    service.when = when
    with Association(peer, OFFERS) as link:
        assert link.ask(action()).ok
        if when == "after":
            assert service.told.wait(LIMIT_S)
    assert [one.status for one in service.answered] == [0x0122]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_report_that_cannot_be_read_is_answered_and_the_association_stands(archive, when):
    """PS3.7 §10.1.1.1: every report has its answer; ours says that it was not taken."""
    service, peer = archive
    service.when, service.report = when, event_report(b"\x08\x00\x01")

    def take(request):
        request.data()
        raise AssertionError("it was read")

    with pytest.raises(PeerError):
        service.report.data()
    with Association(peer, OFFERS, report=take) as link:
        assert link.ask(action()).ok
        if when == "after":
            assert service.told.wait(LIMIT_S)
        assert [one.status for one in service.answered] == [0x0110]
        assert link.is_open


@pytest.mark.slow
def test_who_releases_at_once_is_not_told_on_that_association(archive):
    service, peer = archive
    service.wait_s = LIMIT_S
    came = []
    with Association(peer, OFFERS, report=lambda one: came.append(one) or 0) as link:
        assert link.ask(action()).ok
    assert service.told.wait(LIMIT_S)
    assert service.stood == [False]
    assert came == []


@pytest.mark.slow
def test_who_aborts_is_seen_to_be_gone(archive):
    service, peer = archive
    service.wait_s = LIMIT_S
    with Association(peer, OFFERS) as link:
        assert link.ask(action()).ok
        link.cut()
    assert service.told.wait(LIMIT_S)
    assert service.stood == [False]
