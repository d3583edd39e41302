"""The local bridge: JSON in JSON strings, its own errors, and what it does without an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.link.host import Host
from harness.link.threads import Address
from harness.wire.http1_events import HttpRequest
from simulators.bridge import call
from simulators.bridge.bridge import Bridge
from simulators.bridge.call import CallError, read_call
from simulators.bridge.caller import Caller
from simulators.shell import plain
from tests.simulators.centre.hospital import Site, patient, visit

SIGN_IN = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}


class Desk:
    """A HIS on httpx, a bridge, and a centre."""

    def __init__(self, folder: Path, province: str = "hunan", **how: Any) -> None:
        self.site = Site(folder, province)
        caller = Caller(self.site.province)
        self.bridge = Bridge(caller, self.site.clock, **{"answer_s": 5.0} | how)
        host = Host(self.bridge, self.site.clock, plain, watcher=self.site)
        self.member = self.site.runtime.add("bridge", host)
        self.member.routes["centre"] = self.site.address
        at = self.member.listen("bridge", Address(host="127.0.0.1", port=0))
        self.url = f"http://{at}{call.PREFIX}"

    def post(self, infno: str, body: bytes) -> httpx.Response:
        return self.site.client.post(f"{self.url}Any_{infno}", content=body)

    def ask(self, infno: str, nodes: Any, **members: str) -> dict[str, Any]:
        body = json.dumps({"input": json.dumps(nodes, ensure_ascii=False), **members})
        return told(self.post(infno, body.encode()))

    def close(self) -> None:
        self.site.close()


def told(response: httpx.Response, encoding: str = "utf-8") -> dict[str, Any]:
    """A string inside a string, and nothing else."""
    assert response.status_code == 200
    text = json.loads(response.content.decode(encoding))
    assert isinstance(text, str)
    return dict(json.loads(text))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def person() -> dict[str, Any]:
    who = patient()
    data = {"mdtrt_cert_type": "02", "mdtrt_cert_no": who["certno"], "psn_cert_type": "01"}
    return {"data": data | {"certno": who["certno"], "psn_name": who["psn_name"]}}


def test_envelope_and_signature_are_the_bridges_business(desk: Desk) -> None:
    answer = desk.ask("1101", person())

    assert answer["infcode"] == 0
    assert answer["output"]["baseinfo"]["psn_name"] == patient()["psn_name"]
    assert desk.bridge.answered == 1


@pytest.mark.slow
@pytest.mark.parametrize("province", ["jilin", "hubei", "guangdong"])
def test_other_provinces_by_their_data(tmp_path: Path, province: str) -> None:
    desk = Desk(tmp_path, province)
    try:
        answer = desk.ask("1101", person())
        assert answer["infcode"] == 0
        if province == "jilin":  # its tokens are void: a new one is fetched, and nobody notices
            before = desk.bridge.caller.token
            desk.site.centre.gateway.doorkeeper.forget_tokens()
            assert desk.ask("1101", person())["infcode"] == 0
            assert desk.bridge.caller.token != before
    finally:
        desk.close()


def test_a_call_in_gbk_is_answered_in_gbk(desk: Desk) -> None:
    body = json.dumps({"input": json.dumps(person(), ensure_ascii=False)}, ensure_ascii=False)
    response = desk.post("1101", body.encode("gbk"))

    assert response.headers["Content-Type"].endswith("GBK")
    assert told(response, "gbk")["output"]["baseinfo"]["psn_name"] == patient()["psn_name"]


def test_a_refusal_of_the_centre_is_handed_back_as_it_is(desk: Desk) -> None:
    answer = desk.ask("1101", {"data": {}})

    assert answer["infcode"] == -1
    assert "errorCode" not in answer


def test_the_sign_in_number_stands_in_later_envelopes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    sign_no = desk.ask("9001", SIGN_IN)["output"]["signinoutb"]["sign_no"]

    assert desk.bridge.caller.sign_no == sign_no
    assert desk.ask("9002", {"signOut": {"sign_no": sign_no, "opter_no": "0001"}})["infcode"] == 0
    desk.close()


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("Any_1101", b"{"),
        ("Any_1101", b"[]"),
        ("Any_1101", b'{"input": "{"}'),
        ("Any_1101", json.dumps({"input": json.dumps(json.dumps({"data": {}}))}).encode()),
        ("Any_1101", b"\xff\xfe{"),
        ("Any", b'{"input": {}}'),
        ("Any_1101", b"[" * 100_000),
    ],
)
def test_what_cannot_be_read_never_reaches_the_centre(desk: Desk, target: str, body: bytes) -> None:
    answer = told(desk.site.client.post(f"{desk.url}{target}", content=body))

    assert (answer["errorCode"], answer["success"]) == ("B001", False)
    assert "infcode" not in answer
    assert desk.site.centre.answered == 0


def test_a_call_names_its_number_in_path_or_body() -> None:
    by_path = read_call(HttpRequest(target="/api/YiBao/Settle_2207?x", payload=b'{"data": {}}'))
    by_body = read_call(
        HttpRequest(target="/api/YiBao/", payload=b'{"infno": "2203A", "input": {"data": {}}}')
    )
    whole = read_call(HttpRequest(target="/2207", payload=json.dumps('{"input":"{}"}').encode()))

    assert (by_path.infno, by_path.nodes) == ("2207", {"data": {}})
    assert (by_body.infno, by_body.nodes) == ("2203A", {"data": {}})
    assert (whole.infno, whole.nodes) == ("2207", {})
    with pytest.raises(CallError):
        read_call(HttpRequest(target="/settle", payload=b"{}"))


def settlement(desk: Desk) -> dict[str, Any]:
    return visit(desk.site) | {"psn_type": "11", "psn_name": patient()["psn_name"]}


@pytest.mark.slow
def test_a_settlement_may_stand_of_which_the_bridge_says_that_time_ran_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path, answer_s=0.3)
    data = settlement(desk)
    desk.site.order("fault", id="f", action="F5", infno=["2207"], parameters={"seconds": "2"})
    answer = desk.ask("2207", {"data": data}, msgid="H43010019001202601050800009999")

    assert answer["errorCode"] == "B003"
    assert desk.site.count("settlements") == 1
    rows = desk.site.store.rows("SELECT medins_setl_id FROM settlements")
    assert rows[0]["medins_setl_id"] == "H43010019001202601050800009999"
    desk.close()


@pytest.mark.slow
@pytest.mark.parametrize(("retry", "same"), [("same", True), ("new", False)])
def test_once_more_under_the_old_or_a_new_msgid(tmp_path: Path, retry: str, *, same: bool) -> None:
    desk = Desk(tmp_path, answer_s=0.3, retry=retry)
    data = settlement(desk)
    desk.site.order("fault", id="f", action="F1", infno=["2207"])
    own = "H43010019001202601050800009999"
    answer = desk.ask("2207", {"data": data}, msgid=own)

    assert answer["infcode"] == 0
    assert (answer["output"]["setlinfo"]["medins_setl_id"] == own) is same
    assert any("once more" in note for note in desk.site.notes)
    desk.close()


@pytest.mark.parametrize(
    ("fault", "code"), [("F3", "B003"), ("F4", "B003"), ("F6", "B004"), ("F14", "B004")]
)
def test_the_bridges_own_errors(desk: Desk, fault: str, code: str) -> None:
    desk.site.order("fault", id="f", action=fault, infno=["9001"])

    assert desk.ask("9001", SIGN_IN)["errorCode"] == code


def test_nobody_there(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.member.routes["centre"] = Address(host="127.0.0.1", port=9)

    assert desk.ask("9001", SIGN_IN)["errorCode"] == "B002"
    desk.close()
