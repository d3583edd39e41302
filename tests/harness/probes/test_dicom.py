"""The looks into PACS and RIS: rows as text, and no row where nobody could look."""

import hashlib

import pytest

from harness.errors import HarnessError
from harness.link.dicom import Answer
from harness.link.dicom_data import DataSet, encode
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.model import Outcome
from harness.probes.dicom import (
    ACCOUNT,
    AS_ANSWERED,
    FindProbe,
    RetrieveProbe,
    UnreadableProbe,
    accounted,
    declared,
    fingerprint,
)

EXPLICIT = "1.2.840.10008.1.2.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT = "1.2.840.10008.5.1.4.1.2.1.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
LIST = "1.2.840.10008.5.1.4.31"
CT = "1.2.840.10008.5.1.4.1.1.2"


class Archive:
    """Plays one prepared answer."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.send = []
        self.aborts = False

    def serve(self, request, session):
        self.asked.append(request)
        for one in self.send:
            session.ask(one)
        yield from self.answers
        if self.aborts:
            session.abort()


@pytest.fixture
def archive():
    service = Archive()
    contexts = [(one, [EXPLICIT]) for one in (FIND, PATIENT, GET, LIST, CT)]
    listener = Listener(service, "PACS", contexts, roles=[CT])
    address = listener.start("127.0.0.1", 0)
    peer = Peer(address=address, called="PACS", calling="MHPROBE", dimse_s=2.0)
    yield service, lambda offers: Association(peer, offers)
    assert listener.stop() == []


def answer(**values):
    return Answer(status=0xFF00, payload=encode(DataSet.of(values), explicit=True))


@pytest.mark.slow
def test_rows_hold_the_texts_in_the_declared_set(archive):
    service, opens = archive
    service.answers = [answer(SpecificCharacterSet="GB18030", PatientName="A=㐂"), Answer(status=0)]
    probe = FindProbe("p", "PACS", opens, "STUDY", ["PatientName", "PatientID"])
    found = probe.ask({"PatientID": "MH1", "charset": "GB18030"})
    assert found.outcome is Outcome.OK
    assert found.rows == [{"PatientName": "A=㐂", "PatientID": None, "charset": "as declared"}]
    asked = service.asked[0].data()
    assert (asked.text("PatientID"), asked.text("QueryRetrieveLevel")) == ("MH1", "STUDY")


@pytest.mark.slow
def test_a_worklist_shows_the_step_and_how_many_there_are(archive):
    service, opens = archive
    step = DataSet.of({"Modality": "CT"})
    service.answers = [
        answer(ScheduledProcedureStepSequence=[step, step]),
        answer(PatientID="X"),
        Answer(status=0),
    ]
    probe = FindProbe("p", "RIS", opens, "WORKLIST", ["PatientID"], ["Modality"])
    rows = probe.ask({"Modality": "CT"}).rows
    assert [(row["steps"], row["Modality"]) for row in rows] == [("2", "CT"), ("0", None)]


@pytest.mark.slow
def test_a_refusal_is_no_empty_answer(archive):
    service, opens = archive
    probe = FindProbe("p", "PACS", opens, "STUDY", ["PatientID"])
    service.answers = [Answer(status=0xA700)]
    assert probe.ask({}).outcome is Outcome.FAILED
    service.answers = []
    assert probe.ask({}).outcome is not Outcome.OK


@pytest.mark.slow
def test_a_question_may_leave_its_character_set_out(archive):
    service, opens = archive
    service.answers = [
        answer(PatientName="A=㐂".encode("gb18030")),
        answer(PatientName="A"),
        answer(SpecificCharacterSet="ISO_IR 192", PatientName="A=㐂"),
        Answer(status=0),
    ]
    rows = FindProbe("p", "PACS", opens, "STUDY", ["PatientName"]).ask({"charset": ""}).rows
    assert "SpecificCharacterSet" not in service.asked[0].data()
    assert [row["charset"] for row in rows] == [
        "(0010,0010): 81 39 ef 31 is no character of the default repertoire",
        "as declared",
        "as declared",
    ]
    assert [row["PatientName"] for row in rows][1:] == ["A", "A=㐂"]


@pytest.mark.slow
@pytest.mark.parametrize(("level", "sop_class"), [("STUDY", FIND), ("PATIENT", PATIENT)])
def test_text_keys_go_out_in_the_bytes_that_are_asked_for(archive, level, sop_class):
    service, opens = archive
    service.answers = [Answer(status=0)]
    probe = FindProbe("p", "PACS", opens, level, ["PatientName", "PatientID", "PatientBirthDate"])
    probe.ask({"charset": "ISO_IR 192", "codec": "gb18030", "PatientName": "*张*",
               "PatientBirthDate": "19900101"})  # fmt: skip
    (asked,) = service.asked
    data = asked.data()
    assert asked.sop_class == sop_class
    assert data.text("QueryRetrieveLevel") == level
    assert data.raw("PatientName") == b"*\xd5\xc5*"
    assert data.text("PatientBirthDate") == "19900101"
    assert (data.character_sets, declared(data)) == (
        ["ISO_IR 192"], "(0010,0010): d5 c5 2a is no character of ISO_IR 192",
    )  # fmt: skip


def named(ident, **more):
    return answer(PatientID=ident, **more)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ([Answer(status=0)], {}),
        ([Answer(status=0xC000)], {}),
        ([named("MH1"), Answer(status=0)], {}),
        ([named("MH1"), Answer(status=0xB001)], {}),
        ([named("MH1"), named("X"), Answer(status=0)], {"others": "1 others"}),
        ([named("X"), named("Y"), Answer(status=0xA700)], {"others": "2 others"}),
        ([answer(PatientName="A"), Answer(status=0)], {"others": "1 others"}),
        ([named("X", SpecificCharacterSet="ISO_IR 192", PatientName="张三丰"), Answer(status=0)], {}),
        ([named("X", SpecificCharacterSet="ISO_IR 192", PatientName="张四"), Answer(status=0)],
         {"others": "1 others"}),
        ([named("MH1", PatientName=b"\xd5\xc5"), Answer(status=0)],
         {"charset": "(0010,0010): d5 c5 is no character of the default repertoire"}),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_read_shows_nobody_else(archive, answers, wrong):
    service, opens = archive
    service.answers = answers
    look = FindProbe("p", "PACS", opens, "STUDY", ["PatientName", "PatientID"])
    asked = {"owner": "MH1", "charset": "", "codec": "gb18030", "PatientName": "*张三*"}
    found = UnreadableProbe("p", look).ask(asked)
    right = {"owner": "MH1", "ending": "answered", "others": "nobody", "charset": "as declared"}
    assert found.rows == [right | wrong]
    assert found.outcome is Outcome.OK


@pytest.mark.slow
def test_an_association_that_breaks_over_a_key_is_no_answer(archive):
    service, opens = archive
    service.answers, service.aborts = [named("MH1")], True
    probe = UnreadableProbe("p", FindProbe("p", "PACS", opens, "STUDY", ["PatientID"]))
    assert probe.role == "PACS"
    (row,) = probe.ask({"owner": "MH1", "PatientName": "*甲*"}).rows
    assert row["ending"] not in {"answered", ""}
    assert row["others"] == "nobody"


def test_who_cannot_be_reached_with_such_a_key_is_unknown():
    def opens(offers):
        raise HarnessError("nobody there")

    probe = UnreadableProbe("p", FindProbe("p", "PACS", opens, "STUDY", ["PatientID"]))
    found = probe.ask({"owner": "MH1", "PatientName": "*甲*"})
    assert (found.outcome, found.error) == (Outcome.UNKNOWN, "nobody there")


def test_who_cannot_be_reached_is_unknown():
    def opens(offers):
        raise HarnessError("nobody there")

    probe = FindProbe("p", "PACS", opens, "STUDY", ["PatientID"])
    found = probe.ask({})
    assert (found.outcome, found.error) == (Outcome.UNKNOWN, "nobody there")


def ct(number):
    from harness.link.dicom import Request

    sop = f"1.2.{number}"
    data = DataSet.of({"SOPInstanceUID": sop})
    return Request(kind="C-STORE", sop_class=CT, sop_instance=sop, syntax=EXPLICIT,
                   message_id=number, payload=encode(data, explicit=True))  # fmt: skip


def endings(rows):
    return [{name: row[name] for name in ACCOUNT} for row in rows]


def ending(status="0000", **more):
    row = {"get-status": status, **dict.fromkeys([*ACCOUNT][1:], AS_ANSWERED)}
    return {**row, **{f"get-{name}": value for name, value in more.items()}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "counts", "seen"),
    [
        (0x0000, (None, 2, 0, 0), ending()),
        (0x0000, (None, None, None, None), ending()),  # they may be left out
        (0x0000, (0, 2, 0, 0), ending()),
        (0x0000, (None, 3, 0, 0), ending(completed="3, and we answered 2 so")),
        (0x0000, (None, 1, 0, 0), ending(completed="1, and we answered 2 so")),
        (0xB000, (None, 2, 1, 0), ending("B000", failed="1, and we answered 0 so")),
        (0x0000, (None, 2, 0, 1), ending(warning="1, and we answered 0 so")),
        (0x0000, (1, 2, 0, 0), ending(remaining="1, and we answered 0 so")),
        (0xC000, (None, 2, 0, 0), ending("C000")),  # everything came, and it says that it failed
        (0xA702, (None, 2, 0, 0), ending("A702")),
    ],
)
def test_the_end_of_a_retrieval_stands_beside_what_came(archive, status, counts, seen):
    service, opens = archive
    service.send = [ct(1), ct(2)]
    service.answers = [Answer(status=status, counts=counts)]
    probe = RetrieveProbe("p", "PACS", opens, [Offer(abstract=CT, syntaxes=[EXPLICIT])])
    found = probe.ask({"StudyInstanceUID": "1"})
    assert found.outcome is Outcome.OK
    assert endings(found.rows) == [seen, seen]


@pytest.mark.parametrize(
    ("answered", "counts", "seen"),
    [
        # PS3.7 annex C: 0000 is completed, Bxxx warns, all else failed
        ([0, 0xA700], (None, 1, 1, 0), ending("B000")),
        ([0, 0xA700], (None, 2, 0, 0), ending(
            "B000", completed="2, and we answered 1 so", failed="0, and we answered 1 so")),
        ([0, 0xB000], (None, 1, 0, 1), ending("B000")),
        ([0, 0xB000], (None, 2, 0, 0), ending(
            "B000", completed="2, and we answered 1 so", warning="0, and we answered 1 so")),
    ],
)  # fmt: skip
def test_refused_stores_are_counted_as_they_were_answered(answered, counts, seen):
    assert accounted(Answer(status=0xB000, counts=counts), answered) == seen


@pytest.mark.slow
def test_retrieved_instances_are_hashed(archive):
    from harness.link.dicom import Request

    service, opens = archive
    pixels = b"\x01\x02\x03\x04"
    data = DataSet.of({"SOPInstanceUID": "1.2.3", "PatientID": "MH1"})
    data.set("PixelData", pixels, "OW")
    service.send = [
        Request(
            kind="C-STORE",
            sop_class=CT,
            sop_instance="1.2.3",
            syntax=EXPLICIT,
            payload=encode(data, explicit=True),
        )
    ]
    service.answers = [Answer(status=0)]
    probe = RetrieveProbe(
        "p", "PACS", opens, [Offer(abstract=CT, syntaxes=[EXPLICIT])], ["PatientID"]
    )
    (row,) = probe.ask({"StudyInstanceUID": "1"}).rows
    assert row["pixels"] == hashlib.sha256(pixels).hexdigest()[:32]
    assert (row["SOPInstanceUID"], row["PatientID"]) == ("1.2.3", "MH1")


@pytest.mark.parametrize("change", [("PatientID", "MH2"), ("PixelData", b"\1\3"), ("Rows", 2)])
def test_every_change_shows_in_the_fingerprint(change):
    data = DataSet.of({"PatientID": "MH1", "Rows": 1})
    data.set("PixelData", b"\1\2", "OW")
    before = fingerprint(data)
    data.set(*change)
    assert fingerprint(data) != before


def test_bytes_that_are_not_of_the_declared_set_are_named():
    data = DataSet.of({"SpecificCharacterSet": "ISO_IR 192", "PatientName": "王".encode("gbk")})
    assert declared(data).startswith("(0010,0010)")
    data.set("PatientName", "王".encode())
    assert declared(data) == "as declared"
