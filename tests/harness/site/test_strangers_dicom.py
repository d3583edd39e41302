"""Strangers in DICOM: a data set about them is not sent, nor is one answered; devices wait for the
proof of the route before they open anything."""

import threading

import pytest

from harness import people
from harness.errors import Blocked, PermitError
from harness.identity import IdentityGuard
from harness.identity_dicom import dicom_claims
from harness.link.dicom import STUDY_FIND, Answer, Request, payload_of
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.tap import Connection
from harness.scenario.origin import OriginGuard
from scenarios.steps.imaging_site import INBOUND, Front

WHO = people.generate(1, 0)
STRANGER = people.generate(2, 0)
LINK = Connection(
    id="c#1", link="modality-pacs", interface="PACS-DIMSE", local="modality", peer="PACS",
    client=True,
)  # fmt: skip


class Anywhere:
    """A permit that allows every address."""

    def require_open(self, host, port):
        return ()


def data_set(person=WHO, **more):
    values = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientID": person.patient_id,
        "PatientName": f"Wang^San={person.name[0]}^{person.name[1:]}",
        "PatientBirthDate": person.birth[:8],
    }
    return DataSet.of(values | more)


def guard(*, site=True, proves=None, alarms=None):
    made = OriginGuard(IdentityGuard([WHO]), Anywhere(), (alarms or []).append)
    if site:
        made.proves = proves or (lambda: None)
    return made


@pytest.mark.parametrize(("data", "ours"), [
    (data_set(), True),
    (data_set(STRANGER), False),
    (data_set(PatientID=STRANGER.patient_id), False),
    (data_set(PatientName=f"Li^Si={STRANGER.name[0]}^{STRANGER.name[1:]}"), False),
    (data_set(PatientName="Li^Si"), True),  # a transcription tells nobody apart
    (data_set(PatientBirthDate="19010101"), False),
    (data_set(OtherPatientIDs=STRANGER.patient_id), False),
    (DataSet.of({"SpecificCharacterSet": "ISO_IR 192", "PatientID": "", "PatientName": "王*"}), True),
    (DataSet.of({"StudyDate": "20260101-20260131", "PatientBirthDate": "1990-2000"}), True),
])  # fmt: skip
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_data_set_about_a_stranger_is_not_sent(data, ours, syntax):
    alarms = []
    made = OriginGuard(IdentityGuard([WHO]), Anywhere(), alarms.append, proves=lambda: None)
    payload = payload_of(data, syntax)
    if ours:
        made.payload(LINK, f"dicom {syntax}", payload)
    else:
        with pytest.raises(PermitError):
            made.payload(LINK, f"dicom {syntax}", payload)
    assert bool(alarms) is not ours
    assert STRANGER.patient_id not in "".join(alarms)


def test_where_every_system_is_ours_nothing_of_it_is_looked_at():
    guard(site=False).payload(LINK, f"dicom {EXPLICIT}", payload_of(data_set(STRANGER), EXPLICIT))


def test_the_items_of_other_numbers_are_looked_at():
    item = DataSet.of({"PatientID": STRANGER.patient_id})
    claims = list(dicom_claims(data_set(OtherPatientIDsSequence=[item])))
    with pytest.raises(PermitError):
        IdentityGuard([WHO]).check_claims(claims)


class Archive:
    def __init__(self):
        self.got = []

    def serve(self, request, session):
        self.got.append(request)
        yield Answer(status=0)


@pytest.mark.slow
@pytest.mark.parametrize(("person", "came"), [(WHO, 1), (STRANGER, 0)])
def test_the_association_asks_before_the_first_byte_of_a_data_set(person, came):
    archive = Archive()
    listener = Listener(archive, "PACS", [(STUDY_FIND, [EXPLICIT])])
    peer = Peer(address=listener.start("127.0.0.1", 0), called="PACS", calling="CT1")
    offers = [Offer(abstract=STUDY_FIND, syntaxes=[EXPLICIT])]
    request = Request(kind="C-FIND", sop_class=STUDY_FIND, syntax=EXPLICIT,
                      payload=payload_of(data_set(person), EXPLICIT))  # fmt: skip
    try:
        with Association(peer, offers, connection=LINK, guard=guard()) as link:
            if came:
                assert link.ask(request).ok
            else:
                with pytest.raises(PermitError):
                    link.ask(request)
    finally:
        listener.stop()
    assert len(archive.got) == came


class Session:
    called, aborted = "CT1", False

    def abort(self):
        self.aborted = True


@pytest.mark.parametrize("person", [WHO, STRANGER])
def test_a_device_of_ours_does_not_answer_about_a_stranger(person):
    alarms, archive, session = [], Archive(), Session()
    made = OriginGuard(IdentityGuard([WHO]), Anywhere(), alarms.append, proves=lambda: None)
    front = Front({"CT1": archive}, strange=lambda request: made.strange(INBOUND, request))
    request = Request(kind="C-STORE", sop_class="1.2", syntax=EXPLICIT,
                      payload=payload_of(data_set(person), EXPLICIT))  # fmt: skip
    answers = list(front.serve(request, session))
    ours = person is WHO
    assert (bool(answers), session.aborted, bool(alarms)) == (ours, not ours, not ours)
    assert bool(archive.got) is ours


def test_a_device_waits_for_the_route_before_it_opens_anything():
    asked = []

    def lost():
        asked.append(True)
        raise Blocked("the canary did not arrive")

    with pytest.raises(Blocked):
        guard(proves=lost).opens(LINK, "127.0.0.1", 104)
    guard(site=False).opens(LINK, "127.0.0.1", 104)  # the control: nobody else waits
    assert asked == [True]


def test_an_actor_in_a_thread_of_its_own_does_not_wait_for_itself():
    """It moves because ``World.tell`` told it to, which has waited already."""
    asked, made = [], guard(proves=lambda: asked.append(True))
    thread = threading.Thread(target=made.opens, args=(LINK, "127.0.0.1", 104))
    thread.start()
    thread.join(30)
    assert asked == []
    made.opens(LINK, "127.0.0.1", 104)
    assert asked == [True]
