"""The centre behind a real socket, asked by a real client library."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.simulators.centre.hospital import CHINA, Site, csb, find_person, visit

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def test_outpatient_flow(site: Site) -> None:
    data = visit(site)
    before = site.envelope("2207", {"data": data})
    answer = site.post("2207", json.dumps(before).encode())
    info = json.loads(answer.content, parse_float=Decimal)["output"]["setlinfo"]

    assert info["medins_setl_id"] == before["msgid"]
    assert info["fund_pay_sumamt"] + info["psn_part_amt"] + info["hosp_part_amt"] == Decimal(
        "1000.00"
    )
    assert site.count("settlements") == 1

    undone = site.ask(
        "2208",
        {
            "data": {
                "setl_id": info["setl_id"],
                "mdtrt_id": data["mdtrt_id"],
                "psn_no": data["psn_no"],
            }
        },
    )
    assert undone["infcode"] == 0, undone
    assert site.count("settlements") == 2


def test_an_answer_follows_its_commit_even_if_it_is_lost(site: Site) -> None:
    data = visit(site)
    site.order("fault", id="lost", action="F3", infno=["2207"])
    sent = site.envelope("2207", {"data": data})

    with pytest.raises(httpx.TransportError):
        site.post("2207", json.dumps(sent).encode())

    assert site.count("settlements") == 1
    assert f"fault lost F3 2207 {sent['msgid']}" in site.notes
    undo = {"psn_no": data["psn_no"], "omsgid": sent["msgid"], "oinfno": "2207"}
    assert site.ask("2601", {"data": undo})["infcode"] == 0


def test_dropped_before_the_commit_nothing_is_booked(site: Site) -> None:
    data = visit(site)
    site.order("fault", id="early", action="F2", infno="2207")
    with pytest.raises(httpx.TransportError):
        site.ask("2207", {"data": data})

    assert site.count("settlements") == 0
    assert site.ask("2207", {"data": data})["infcode"] == 0


@pytest.mark.parametrize("action", ["F4", "F6", "F8"])
def test_committed_and_yet_no_good_answer(site: Site, action: str) -> None:
    data = visit(site)
    site.order("fault", id="f", action=action, infno="2207")
    try:
        answer = site.post("2207", json.dumps(site.envelope("2207", {"data": data})).encode())
    except httpx.TransportError:
        assert action == "F4"
    else:
        assert action == ("F6" if answer.status_code == 502 else "F8")
        assert b'"infcode":0' not in answer.content

    assert site.count("settlements") == 1


def test_said_to_be_done_and_not_booked(site: Site) -> None:
    data = visit(site)
    site.order("fault", id="f", action="F9", infno="2207")

    assert site.ask("2207", {"data": data})["infcode"] == 0
    assert site.count("settlements") == 0


def test_processed_twice(site: Site) -> None:
    data = visit(site)
    site.order("fault", id="f", action="F10", infno="2207")

    assert site.ask("2207", {"data": data})["infcode"] == -1
    assert site.count("settlements") == 1


def test_a_late_answer_and_a_trickle_arrive(site: Site) -> None:
    site.order("fault", id="late", action="F5", infno="9001", parameters={"seconds": "0.2"})
    sign_in = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}
    began = time.monotonic()
    assert site.ask("9001", sign_in)["infcode"] == 0
    assert time.monotonic() - began >= 0.2

    pieces = {"seconds": "0.01", "bytes": "64"}
    site.order("fault", id="drip", action="F12", infno="9001", parameters=pieces)
    assert site.ask("9001", sign_in)["infcode"] == 0


def _expected(info: dict[str, Decimal], funds: list[dict[str, Decimal]]) -> set[str]:
    """Identities of an answer that do not hold; typed from their list."""
    parts = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
    paid = ("hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay", "oth_pay")
    total = info["fund_pay_sumamt"]
    personal = info["acct_pay"] + info["psn_cash_pay"]
    fund_rows = [row["fund_payamt"] for row in funds if row["fund_pay_type"] != "310200"]
    holds = {
        "I1": info["medfee_sumamt"] == total + info["psn_part_amt"] + info["hosp_part_amt"],
        "I2": info["psn_part_amt"] == personal,
        "I3": info["acct_mulaid_pay"] <= info["acct_pay"],
        "I4": total == sum(info[name] for name in paid) + info.get("hifdm_pay", 0),
        "I5": sum(fund_rows) == total,
        "I6": info["medfee_sumamt"] == sum(info[name] for name in parts),
    }
    return {name for name, held in holds.items() if not held}


@pytest.mark.parametrize("name", ["I1", "I2", "I3", "I4", "I5", "I6"])
def test_exactly_one_identity_breaks(site: Site, name: str) -> None:
    data = visit(site)
    site.order("fault", id="f", action="F19", infno="2207", parameters={"identity": name})
    body = json.dumps(site.envelope("2207", {"data": data})).encode()
    output = json.loads(site.post("2207", body).content, parse_float=Decimal)["output"]

    assert _expected(output["setlinfo"], output["setldetail"]) == {name}


def test_an_unmodelled_answer_says_so(site: Site) -> None:
    modelled = set(site.centre.handlers) | {"9001", "9002"}
    infno = next(
        one.infno
        for one in site.centre.gateway.spec.transactions.values()
        if one.infno not in modelled
        and not any(f.required for n in one.inputs for f in n.fields.values())
    )
    body = json.dumps(site.envelope(infno, {"data": {"x": "1"}})).encode()
    answer = site.post(infno, body)

    assert answer.json()["infcode"] == 0
    assert answer.headers["X-Medharness-Unmodelled"] == infno
    assert any(note.startswith(f"unmodelled {infno} ") for note in site.notes)


def test_signing_in_where_it_is_required(tmp_path: Path) -> None:
    site = Site(tmp_path, sign_in="required")
    refused = site.ask("2207", {"data": {}})
    assert refused["infcode"] == -1
    sign_in = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}
    sign_no = site.ask("9001", sign_in)["output"]["signinoutb"]["sign_no"]
    find_person(site, sign_no=sign_no)
    out = {"signOut": {"sign_no": sign_no, "opter_no": "0001"}}
    assert site.ask("9002", out)["infcode"] == 0
    assert site.ask("9002", out)["infcode"] == -1
    site.order("clock", advance_s=86_400 * 2)
    site.close()


def test_maintenance_and_clock(site: Site) -> None:
    assert site.order("clock", set="2026-03-01 02:30:00").startswith("2026-03-01 02:30:0")
    assert site.order("maintenance", begin="23:00", end="03:00") is True
    assert site.order("clock", advance_s=1800).startswith("2026-03-01 03:00:0")
    assert site.order("maintenance") is False


# -- what must not get in --------------------------------------------------------------------------


def test_gateway_refusals(site: Site) -> None:
    body = json.dumps(site.envelope("9001", {})).encode()
    now = datetime.now(CHINA)
    tampered = csb("9001", now) | {"_api_name": "9002"}
    attempts = {
        "headers": {},
        "expired": csb("9001", now - timedelta(minutes=31)),
        "user": csb("9001", now) | {"_api_access_key": "nobody"},
        "signature": csb("9001", now, secret="wrong"),
        "tampered": tampered,
    }
    for name, headers in attempts.items():
        answer = site.client.post(site.url(), content=body, headers=headers)
        assert answer.status_code == 401, name
        assert answer.json()["code"] == 401, name
        assert "infcode" not in answer.json(), name
    assert site.count("gateway_sessions") == 0


def test_a_nonce_serves_once(tmp_path: Path) -> None:
    site = Site(tmp_path, "foshan")
    headers = site.headers("9001")
    node = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}
    body = json.dumps(site.envelope("9001", node)).encode()
    first = site.client.post(site.url("9001"), content=body, headers=headers)
    again = site.client.post(site.url("9001"), content=body, headers=headers)

    assert first.json()["infcode"] == 0
    assert again.status_code == 401
    assert site.count("gateway_sessions") == 1
    site.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"infno":',
        b'{"infno":"2207","infno":"2208"}',
        b'{"infno":"2207","input":{"data":{"medfee_sumamt":NaN}}}',
        b"[" * 100_000,
        b'{"a":' * 60 + b"1" + b"}" * 60,
        b"\xff\xfe\x00",
        b'{"infno":"2207","input":3}',
        b"[{}," * 300_000,
    ],
)
def test_bad_bodies_are_refused_in_the_centres_own_shape(site: Site, body: bytes) -> None:
    answer = site.post("2207", body)

    assert answer.status_code == 200
    assert answer.json()["infcode"] == -1
    assert answer.json()["err_msg"]
    assert site.count("settlements") == 0


def test_field_errors_name_section_field_and_kind(site: Site) -> None:
    data = {"psn_no": "", "mdtrt_cert_type": "77", "medfee_sumamt": "12,0"}
    text = site.ask("2207", {"data": data})["err_msg"]

    assert "[data]psn_no(人员编号)：必填项校验错误" in text
    assert "[data]mdtrt_cert_type(就诊凭证类型)：值[77]不在字典范围内" in text
    assert "medfee_sumamt" in text


def test_gbk_and_numbers_as_text_are_taken(site: Site) -> None:
    node = {"signIn": {"opter_no": 1, "mac": "00-00", "ip": "127.0.0.1"}}
    body = json.dumps(site.envelope("9001", node), ensure_ascii=False).encode("gbk")

    assert site.post("9001", body).json()["infcode"] == 0


def test_a_body_beyond_the_limit_is_not_read(site: Site) -> None:
    with socket.create_connection((site.address.host, site.address.port), 5) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_one_path_for_each_transaction(tmp_path: Path) -> None:
    site = Site(tmp_path, "guangdong")
    node = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}
    assert site.ask("9001", node)["infcode"] == 0
    wrong = site.client.post(site.url("9002"), content=b"{}", headers=site.headers("9002"))
    assert wrong.json()["infcode"] == -1
    site.close()
