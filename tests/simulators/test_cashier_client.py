"""What the cashier writes on the wire, and how it reads what comes back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from harness.wire.http1_events import HttpResponse
from simulators.centre.provinces import load_province
from simulators.hospital.cashier_client import Client
from simulators.hospital.cashier_model import OUTPATIENT, Ask, Bill

AT = datetime(2026, 3, 2, 9, 8, 7, 123000, tzinfo=timezone(timedelta(hours=8)))
MSGID = "H43010019001202603020908070001"


def bill() -> Bill:
    return Bill(
        bill_no="B1", patient_id="P1", name="甲", id_card="x", kind=OUTPATIENT, channel="window",
        med_type="11", psn_no="P1", mdtrt_id="V1", insuplc="430100",
    )  # fmt: skip


def client(*defects: str, province: str = "hunan") -> Client:
    return Client(load_province(province), set(defects))


def ask(infno: str = "2207") -> Ask:
    return Ask(infno=infno, nodes={"data": {"psn_no": "P1"}}, bill=bill())


def answer(body: Any, status: int = 200, kind: str = "application/json") -> HttpResponse:
    payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return HttpResponse(status=status, headers=(("Content-Type", kind),), payload=payload)


def settled(**changed: Any) -> dict[str, Any]:
    info = {
        "setl_id": "S1", "mdtrt_id": "V1", "medins_setl_id": MSGID, "medfee_sumamt": 186.50,
        "fund_pay_sumamt": 93.80, "psn_part_amt": 92.70, "hosp_part_amt": 0, "acct_pay": 50.00,
        "psn_cash_pay": 42.70,
    }  # fmt: skip
    return {"infcode": 0, "output": {"setlinfo": info | changed}}


def test_ids_are_institution_time_and_a_count() -> None:
    one = client()

    assert one.msgid(AT) == MSGID
    assert one.msgid(AT) == "H43010019001202603020908070002"
    assert client("his-yb-msgid-without-sequence").msgid(AT).endswith("0000")


def test_a_request_is_signed_as_the_gateway_wants_it() -> None:
    request = client().request(ask(), MSGID, AT)
    headers = dict(request.headers)
    text = "&".join(f"{key}={headers[key]}" for key in sorted(headers)
                    if key.startswith("_api") and key != "_api_signature")  # fmt: skip
    made = hmac.new(b"medharness-sk", text.encode(), hashlib.sha1).digest()

    assert headers["_api_name"] == "2207"
    assert headers["_api_timestamp"] == str(int(AT.timestamp() * 1000))
    assert headers["_api_signature"] == base64.b64encode(made).decode()
    body = json.loads(request.payload)
    assert (body["infno"], body["msgid"], body["insuplc_admdvs"]) == ("2207", MSGID, "430100")
    assert body["inf_time"] == "2026-03-02 09:08:07"
    assert body["input"] == {"data": {"psn_no": "P1"}}


@pytest.mark.parametrize("province", ["guangdong", "foshan", "chongqing", "hubei"])
def test_other_provinces_have_other_ways(province: str) -> None:
    rules = load_province(province)
    request = client(province=province).request(ask(), MSGID, AT)

    assert "{infno}" not in request.target
    assert "2207" in request.target or "{infno}" not in rules.gateway.path
    assert MSGID.encode() in request.payload


@pytest.mark.parametrize(
    ("response", "state"),
    [
        (answer(settled()), "SUCCESS"),
        (answer(settled() | {"infcode": "0"}), "SUCCESS"),
        (answer({"infcode": 0, "output": {"setlinfo": [settled()["output"]["setlinfo"]]}}),
         "SUCCESS"),
        (answer({"infcode": -1, "err_msg": "no"}), "FAIL"),
        (answer({"infcode": "1", "err_msg": "no"}), "FAIL"),
        (answer({"code": 401, "message": "x"}), "UNKNOWN"),
        (answer({"code": 401, "message": "x"}, 401), "UNKNOWN"),
        (answer(b"<html>502</html>", 502, "text/html"), "UNKNOWN"),
        (answer(b"<html>fine</html>"), "UNKNOWN"),
        (answer(b""), "UNKNOWN"),
        (answer(json.dumps(settled()).encode("utf-16-le")), "UNKNOWN"),
        (answer({"infcode": 0, "output": {}}), "UNKNOWN"),
        (answer(settled(medins_setl_id="H4301001900120260302090807000 2")), "UNKNOWN"),
        (answer(settled(mdtrt_id="V2")), "UNKNOWN"),
        (answer(settled(setl_id="")), "UNKNOWN"),
        (answer(settled(psn_cash_pay=42.71)), "UNKNOWN"),
        (answer(settled(hosp_part_amt=0.01)), "UNKNOWN"),
    ],
)  # fmt: skip
def test_what_is_no_whole_answer_of_the_centre_is_unknown(
    response: HttpResponse, state: str
) -> None:
    assert client().outcome(ask(), MSGID, response).state == state


def test_a_reversal_needs_an_id_too() -> None:
    assert client().outcome(ask("2208"), MSGID, answer({"infcode": 0, "output": {}})).state == (
        "UNKNOWN"
    )
    assert client().outcome(ask("2205"), MSGID, answer({"infcode": 0, "output": {}})).ok


def test_a_file_is_no_envelope() -> None:
    out = client().outcome(ask("9102"), MSGID, answer(b"PK", kind="application/octet-stream"))

    assert out.ok
    assert out.file == b"PK"


@pytest.mark.parametrize(
    ("defect", "response", "state"),
    [
        ("his-yb-status-is-failure", answer(b"", 502), "FAIL"),
        ("his-yb-no-infcode-is-success", answer({"code": 401}, 401), "SUCCESS"),
        ("his-yb-takes-any-answer", answer({"infcode": 0, "output": {}}), "SUCCESS"),
        ("his-yb-trusts-amounts", answer(settled(psn_cash_pay=42.71)), "SUCCESS"),
    ],
)
def test_defects_read_it_otherwise(defect: str, response: HttpResponse, state: str) -> None:
    assert client(defect).outcome(ask(), MSGID, response).state == state
