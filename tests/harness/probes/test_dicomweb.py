"""What a client of DICOMweb makes of answers, good and bad, typed from PS3.18."""

import json

import pytest

from harness.errors import PeerError
from harness.link.http_call import UnansweredError
from harness.model import Outcome
from harness.probes.dicomweb import (
    NO_ANSWER,
    Web,
    WebFindProbe,
    WebRetrieveProbe,
    objects_of,
    parts_of,
    stored_of,
)
from harness.wire.http1_events import HttpResponse

STUDY = {"0020000D": {"vr": "UI", "Value": ["1.2"]},
         "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Ideographic": "张"}]}}  # fmt: skip


def answer(status, kind, payload):
    return HttpResponse(status=status, headers=(("Content-Type", kind),), payload=payload)


def web(*answers, base="/dicom-web"):
    asked, waiting = [], list(answers)

    def send(request, share):
        asked.append(request)
        given = waiting.pop(0)
        if given is None:
            raise UnansweredError("cut")
        return given

    return Web(send, base), asked


def test_a_search_asks_for_its_columns_and_reads_their_texts():
    given = answer(200, "application/dicom+json", json.dumps([STUDY]).encode())
    client, asked = web(given, base="/arc/rs")
    probe = WebFindProbe(
        "p", "PACS", client, "studies", ("StudyInstanceUID", "PatientName", "StudyID")
    )

    found = probe.ask({"PatientName": "*张*"})

    assert found.outcome is Outcome.OK
    assert found.rows == [{"StudyInstanceUID": "1.2", "PatientName": "A^B=张", "StudyID": None}]
    assert asked[0].target == (
        "/arc/rs/studies?PatientName=*%E5%BC%A0*&includefield=StudyInstanceUID"
        "&includefield=PatientName&includefield=StudyID"
    )


@pytest.mark.parametrize("status", [204, 200])
def test_no_match_is_no_row(status):
    client, _ = web(answer(status, "application/dicom+json", b"[]"))

    assert WebFindProbe("p", "PACS", client, "studies", ("StudyID",)).ask({}).rows == []


@pytest.mark.parametrize(
    "given",
    [None, answer(500, "text/plain", b"x"), answer(200, "text/html", b"[]"),
     answer(200, "application/dicom+json", b"{"), answer(200, "application/dicom+json", b"{}"),
     answer(200, "application/dicom+json", b"\xff")],
)  # fmt: skip
def test_what_is_no_list_is_no_look(given):
    client, _ = web(given)

    found = WebFindProbe("p", "PACS", client, "studies", ("StudyID",)).ask({})

    assert (found.outcome, found.rows) == (Outcome.UNKNOWN, ())


def test_a_study_that_is_not_there_has_no_instances():
    client, _ = web(answer(404, "text/plain", b""))

    assert WebRetrieveProbe("p", "PACS", client).ask({"StudyInstanceUID": "1"}).rows == []


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("application/dicom", b"x"), ("multipart/related; boundary=b", b"--b\r\n\r\nx"),
     ("multipart/related; boundary=b", b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--")],
)  # fmt: skip
def test_parts_are_read_strictly(kind, payload):
    with pytest.raises(PeerError):
        parts_of(answer(200, kind, payload), "application/dicom")


def test_a_list_of_other_things_is_refused():
    with pytest.raises(PeerError):
        objects_of(answer(200, "application/dicom+json", b"[1]"))


# Typed from PS3.18 annex I: one instance is kept, one is refused, one could not be read.
RESPONSE = {
    "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.1"]}}]},
    "00081198": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]},
                                        "00081197": {"vr": "US", "Value": [43264]}}]},
    "0008119A": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [49152]}}]},
}  # fmt: skip


def test_a_store_names_what_is_kept_and_what_is_not():
    told = stored_of(answer(202, "application/dicom+json", json.dumps(RESPONSE).encode()))

    assert (told.status, told.kept) == (202, ("1.1",))
    assert told.failed == (("1.2", 0xA900), ("", 0xC000))


@pytest.mark.parametrize("payload", [b"", b"<html>", b"[]", b'{"00081199": 5}'])
def test_an_answer_that_says_nothing_keeps_nothing(payload):
    told = stored_of(answer(200, "application/dicom+json", payload))

    assert (told.status, told.kept, told.failed) == (200, (), ())


@pytest.mark.parametrize("reason", ["A900", "²", "-1", "", "9" * 5_000])
def test_a_reason_that_is_no_number_is_a_refusal_all_the_same(reason):
    item = {"00081155": {"vr": "UI", "Value": ["1.2"]}, "00081197": {"vr": "LO", "Value": [reason]}}
    payload = json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()

    assert stored_of(answer(202, "application/dicom+json", payload)).failed == (("1.2", 0),)


def test_no_answer_to_a_store_is_no_success():
    client, _ = web(None)

    assert client.store(b"x", "multipart/related; boundary=b").status == NO_ANSWER
