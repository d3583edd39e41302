"""HTTP messages of the settlement interface: number, msgid, outcome, and their account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.evidence import correlate_http
from harness.evidence.account import account
from harness.evidence.correlate import Summary
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Trace
from harness.link.tap import Connection
from harness.model import Outcome
from harness.report.ladder import lay_out
from harness.wire.http1_events import HttpRequest, HttpResponse

MSGID = "H43010019001202601050800000001"
CONN = Connection(
    id="c1", link="his-centre", interface="HIS-YB", local="centre", peer="HIS", client=False
)


def asked(infno: str = "2207", msgid: str = MSGID, target: str = "/fsi/callService") -> HttpRequest:
    body = {"infno": infno, "msgid": msgid, "input": {"data": {"psn_no": "P1", "mdtrt_id": "V1"}}}
    return HttpRequest(target=target, payload=json.dumps(body).encode())


def answered(infcode: object = 0, status: int = 200, **nodes: Any) -> HttpResponse:
    body = {"infcode": infcode, "inf_refmsgid": "R1", "output": nodes}
    return HttpResponse(status=status, payload=json.dumps(body).encode())


def test_a_request_tells_number_msgid_person_and_visit() -> None:
    summary = correlate_http.request(asked())

    assert summary == Summary(type="2207", id=MSGID, corr={"patient": "P1", "visit": "V1"})


def test_what_is_wrapped_in_strings_and_in_a_national_encoding_is_read() -> None:
    inner = json.dumps(
        {"infno": "2207", "msgid": MSGID, "opter_name": "收费员"}, ensure_ascii=False
    )
    body = json.dumps(json.dumps(inner, ensure_ascii=False), ensure_ascii=False)
    summary = correlate_http.request(HttpRequest(payload=body.encode("gb18030")))

    assert (summary.type, summary.id) == ("2207", MSGID)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/ebus/gdyb_inf/poc/hsa/hgs/2203A", "2203A"),
        ("/api/YiBao/Settle_2207?x=1", "2207"),
        ("/auth/oauth/token", "/auth/oauth/token"),
    ],
)
def test_a_request_without_a_number_is_named_by_its_path(target: str, kind: str) -> None:
    assert correlate_http.request(HttpRequest(target=target, payload=b"{}")).type == kind


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (answered(0), "0"),
        (answered("00"), "0"),
        (answered(-1), "-1"),
        (answered("1"), "1"),
        (answered(None), "no infcode"),
        (answered(0, status=502), "HTTP 502"),
        (HttpResponse(payload=b"<html>"), "no infcode"),
        (
            HttpResponse(payload=b"PK", headers=(("Content-Type", "application/octet-stream"),)),
            "file",
        ),
        (HttpResponse(payload=json.dumps('{"infcode": "0"}').encode()), "0"),
    ],
)
def test_how_an_answer_ended(response: HttpResponse, code: str) -> None:
    assert correlate_http.response(response, None).corr["code"] == code


def test_an_answer_belongs_to_what_was_asked_on_its_connection() -> None:
    asking = correlate_http.request(asked())
    summary = correlate_http.response(answered(0, setlinfo={"setl_id": "S9"}), asking)

    assert (summary.type, summary.id) == ("2207", "R1")
    assert summary.corr == {
        "patient": "P1", "visit": "V1", "setl_id": "S9", "acknowledges": MSGID, "code": "0",
    }  # fmt: skip


class Line:
    """A centre's side of one connection, written down."""

    def __init__(self) -> None:
        self.trace = Trace(VirtualClock())
        self.recorder = Recorder(self.trace)

    def asked(self, request: HttpRequest, conn: Connection = CONN) -> None:
        head = b"POST /fsi HTTP/1.1\r\n\r\n"
        self.recorder.data(conn, head + request.payload, sent=False)
        self.recorder.event(conn, "http", request, sent=False)

    def answered(self, response: HttpResponse, left: bytes, conn: Connection = CONN) -> None:
        self.recorder.event(conn, "http", response, sent=True)
        if left:
            self.recorder.data(conn, left, sent=True)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"


def test_an_answer_that_arrived_decides() -> None:
    line = Line()
    line.asked(asked())
    line.answered(answered(0), HEAD + answered(0).payload)
    (state,) = account(line.trace.records)

    assert (state.type, state.id, state.outcome) == ("2207", MSGID, Outcome.OK)
    assert state.states == ("sent", "on the wire", "accepted", "applied")
    assert (state.answers[0].code, state.answers[0].trusted) == ("0", True)


@pytest.mark.parametrize(
    ("response", "left", "outcome"),
    [
        (answered(-1), HEAD + answered(-1).payload, Outcome.FAILED),
        (answered(0), HEAD + answered(0).payload[:9], Outcome.UNKNOWN),
        (answered(0), HEAD, Outcome.UNKNOWN),
        (answered(None), HEAD + answered(None).payload, Outcome.UNKNOWN),
        (answered(0, status=502), HEAD + answered(0, status=502).payload, Outcome.UNKNOWN),
    ],
)
def test_only_a_whole_answer_with_a_code_is_trusted(
    response: HttpResponse, left: bytes, outcome: Outcome
) -> None:
    line = Line()
    line.asked(asked())
    line.answered(response, left)
    (state,) = account(line.trace.records)

    assert state.outcome is outcome


def test_without_an_answer_nobody_can_tell_and_a_repeat_is_the_same_message() -> None:
    line = Line()
    again = Connection(
        id="c2", link=CONN.link, interface="HIS-YB", local="centre", peer="HIS", client=False
    )
    line.asked(asked())
    line.asked(asked(), again)
    (state,) = account(line.trace.records)

    assert (state.outcome, state.deliveries, len(state.records)) == (Outcome.UNKNOWN, 2, 2)


def test_two_transactions_under_way_at_once_keep_their_own_answers() -> None:
    line = Line()
    other = Connection(
        id="c2", link=CONN.link, interface="HIS-YB", local="centre", peer="HIS", client=False
    )
    line.asked(asked())
    line.asked(asked("2208", "M2"), other)
    line.answered(answered(-1), HEAD + answered(-1).payload, other)
    line.answered(answered(0), HEAD + answered(0).payload)
    states = {state.type: state.outcome for state in account(line.trace.records)}

    assert states == {"2207": Outcome.OK, "2208": Outcome.FAILED}


def test_the_ladder_names_transactions() -> None:
    line = Line()
    line.asked(asked())
    line.answered(answered(0, setlinfo={"setl_id": "S9"}), b"")
    labels = [(row.label, row.light) for row in lay_out(line.trace.records).rows]

    assert labels == [("2207 P1", False), ("2207 0 S9", True)]
