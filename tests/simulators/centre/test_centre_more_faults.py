"""Faults that change what is said, not what is booked; over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.simulators.centre.hospital import Site, visit

pytestmark = pytest.mark.slow

SIGN_IN = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def answer(site: Site, action: str, **parameters: str) -> httpx.Response:
    ident = f"{action}-{parameters}"
    site.order("fault", id=ident, action=action, infno="9001", parameters=parameters)
    body = json.dumps(site.envelope("9001", SIGN_IN)).encode()
    found = site.post("9001", body)
    assert any(note.startswith(f"fault {ident} {action} 9001 ") for note in site.notes)
    return found


@pytest.mark.parametrize("how", ["expired", "signature", "token", ""])
def test_the_gateway_refuses_in_mid_flow(site: Site, how: str) -> None:
    found = answer(site, "F14", how=how)
    assert found.status_code == 401
    assert "infcode" not in found.json()
    assert site.count("gateway_sessions") == 0


def test_too_many_requests_and_maintenance(site: Site) -> None:
    assert answer(site, "F22").status_code == 429
    assert answer(site, "F21").json()["infcode"] == -1
    assert site.count("gateway_sessions") == 0


def test_a_node_is_missing_or_a_list(site: Site) -> None:
    assert answer(site, "F7").json()["output"] == {}
    (row,) = answer(site, "F7", how="list").json()["output"]["signinoutb"]
    assert row["sign_no"]
    with pytest.raises(ValueError):
        json.loads(answer(site, "F7", how="encoding").content.decode("utf-8"))
    assert site.count("gateway_sessions") == 3


def test_the_answer_to_another_message(site: Site) -> None:
    first = site.ask("9001", SIGN_IN)
    assert answer(site, "F11").json() == first
    assert site.count("gateway_sessions") == 2


def test_another_clock(site: Site) -> None:
    before = site.ask("9001", SIGN_IN)["output"]["signinoutb"]["sign_time"]
    after = answer(site, "F13", seconds="864000").json()["output"]["signinoutb"]["sign_time"]
    assert after[:10] > before[:10]


def test_no_answer_at_all(site: Site) -> None:
    site.order("fault", id="f", action="F1", infno="9001")
    site.client.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        site.ask("9001", SIGN_IN)
    assert site.count("gateway_sessions") == 0


def test_the_connection_is_reset(site: Site) -> None:
    site.order("fault", id="f", action="F0")
    with pytest.raises(httpx.TransportError):
        site.ask("9001", SIGN_IN)
    assert site.ask("9001", SIGN_IN)["infcode"] == 0
    assert "fault f F0 connect" in site.notes


@pytest.mark.parametrize("how", ["refused", "remains", "timeout"])
def test_taking_back_goes_wrong(site: Site, how: str) -> None:
    data = visit(site)
    sent = site.envelope("2207", {"data": data})
    assert site.post("2207", json.dumps(sent).encode()).json()["infcode"] == 0
    undo = {"data": {"psn_no": data["psn_no"], "omsgid": sent["msgid"], "oinfno": "2207"}}
    held = site.store.rows("SELECT * FROM settlements")
    site.order("fault", id="f", action="F15", infno="2601", parameters={"how": how})
    if how == "timeout":
        with pytest.raises(httpx.TransportError):
            site.ask("2601", undo)
    else:
        assert (site.ask("2601", undo)["infcode"] == 0) is (how == "remains")
    changed = site.store.rows("SELECT * FROM settlements") != held
    assert changed is (how == "timeout")


def test_a_fault_that_finds_nothing_to_change_did_not_fire(site: Site) -> None:
    answer(site, "F19")
    assert any(note.endswith("found nothing to change") for note in site.notes)
    assert site.order("status")["fired"] == []


def test_commands_that_cannot_be_obeyed(site: Site) -> None:
    for name, args in {
        "fault": {"id": "x", "action": "F99"},
        "clock": {"set": "tomorrow"},
        "maintenance": {"begin": "25:00", "end": "1"},
        "heal": {},
        "dance": {},
    }.items():
        with pytest.raises(Exception, match=name):
            site.order(name, **args)
    assert site.order("status") == {"answered": 0, "fired": []}
