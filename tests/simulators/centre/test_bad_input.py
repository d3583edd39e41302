"""What must not get in, over a real socket: refused in the centre's own shape, nothing booked.

Each attempt is followed by the same three questions: did it say no as a centre does, is every table
as it was, and does the next honest request still get its answer.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import socket
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.limits import MIB
from harness.wire.http1 import HttpLimits
from tests.simulators.centre.hospital import CHINA, HOSPITAL, Site, csb, tif, visit

pytestmark = pytest.mark.slow

SIGN_IN = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def books(site: Site) -> str:
    """Every row of every table."""
    tables = site.store.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    found = hashlib.sha256()
    for table in tables:
        for row in site.store.rows(f"SELECT * FROM {table['name']} ORDER BY 1, 2"):
            found.update(repr(sorted(row.items())).encode())
    return found.hexdigest()


@contextlib.contextmanager
def unchanged(site: Site) -> Iterator[None]:
    """The books stay as they are, and the centre goes on."""
    before = books(site)
    yield
    assert books(site) == before
    assert site.ask("9001", SIGN_IN)["infcode"] == 0
    assert books(site) != before  # the positive control: what is booked shows


def head(site: Site, infno: str, length: object, *more: str, **headers: str) -> bytes:
    """Request line and headers, with the length that is claimed."""
    signed = site.headers(infno) | headers
    lines = [f"POST {site.province.gateway.path} HTTP/1.1", "Host: centre"]
    lines += [f"{name}: {value}" for name, value in signed.items()]
    lines += [f"Content-Length: {length}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def exchanged(site: Site, data: bytes, *, half_close: bool = False) -> bytes:
    """Everything that the centre says until it closes or waits for more."""
    with socket.create_connection((site.address.host, site.address.port), 20) as raw:
        raw.sendall(data)
        if half_close:
            raw.shutdown(socket.SHUT_WR)
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while data := raw.recv(65_536):
                heard += data
    return heard


def gateway_said(heard: bytes, status: int) -> dict[str, Any]:
    """The one answer of the gateway in its own shape."""
    first, _, body = heard.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status), heard[:200]
    said = dict(json.loads(body))
    assert said["code"] == status
    assert said["message"]
    assert "infcode" not in said
    return said


def settlement(site: Site) -> bytes:
    """A body of 2207 that would be settled."""
    data = visit(site)
    return json.dumps(site.envelope("2207", {"data": data}), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda body: body[:-1], "JSON"),
        (lambda body: body[: len(body) // 2], "JSON"),
        (lambda body: body.replace(b'"input"', b'"infno": "2207", "input"', 1), "stands twice"),
        (lambda body: body.replace(b'"insutype"', b'"psn_no": "1", "insutype"', 1), "stands twice"),
        (lambda body: body.replace(b'"medfee_sumamt": 1000', b'"medfee_sumamt": NaN'), "NaN"),
        (lambda body: body.replace(b'"medfee_sumamt": 1000', b'"medfee_sumamt": -Infinity'), "Inf"),
        (lambda body: body.replace(b'mt": 1000,', b'mt": ' + b"9" * 5000 + b","), "digits"),
        (lambda body: body.replace(b'mt": 1000,', b'mt": 1e999999999,'), "digits"),
        (lambda body: body.replace(b'mt": 1000,', b'mt": "1e999999999",'), "medfee_sumamt"),
        (lambda body: body.replace(b'mt": 1000,', b'mt": 1e-999999999,'), "digits"),
        (lambda body: body.replace(b'mt": 1000,', b'mt": 1e40,'), "medfee_sumamt"),
        (lambda body: body.replace(b'"data": {', b'"x": ' + b"[" * 40 + b"]" * 40 + b', "data": {'), "deep"),
        (lambda body: body.replace(b'"data": {', b'"x": ' + b"[" * 60_000 + b', "data": {'), "JSON"),
        (lambda body: body + b"{}", "JSON"),
    ],
)  # fmt: skip
def test_a_spoiled_settlement_is_refused_and_the_whole_one_taken(
    site: Site, spoil: Any, said: str
) -> None:
    body = settlement(site)
    spoiled = spoil(body)
    assert spoiled != body
    before = books(site)
    answer = site.post("2207", spoiled)

    assert answer.status_code == 200
    assert answer.json()["infcode"] == -1
    assert said in answer.json()["err_msg"]
    assert books(site) == before
    assert site.post("2207", body).json()["infcode"] == 0
    assert site.count("settlements") == 1


def test_fifty_megabytes_cost_no_more_than_themselves(site: Site) -> None:
    size = 50 * MIB
    with unchanged(site):
        tracemalloc.start()
        with socket.create_connection((site.address.host, site.address.port), 60) as raw:
            raw.sendall(head(site, "2207", size + 2))
            raw.sendall(b"[")
            piece = b"1," * (MIB // 2)
            for _ in range(50):
                raw.sendall(piece)
            raw.sendall(b"1")
            heard = raw.recv(65_536)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["infcode"] == -1
    assert peak < 3.5 * size


def test_a_body_that_is_declared_too_long_is_turned_away_unread(site: Site) -> None:
    with unchanged(site):
        gateway_said(exchanged(site, head(site, "2207", 64 * MIB + 1) + b"{"), 413)


def test_a_length_that_is_too_short_settles_nothing(site: Site) -> None:
    body = settlement(site)
    site.centre.limits = HttpLimits(headers_timeout_s=0.2)
    with unchanged(site):
        heard = exchanged(site, head(site, "2207", len(body) - 20) + body)
        first, second = heard.split(b"HTTP/1.1 ")[1:]
        assert json.loads(first.partition(b"\r\n\r\n")[2])["infcode"] == -1
        gateway_said(b"HTTP/1.1 " + second, 408)  # the rest becomes no request
    assert site.count("settlements") == 0


def test_a_length_that_is_too_long_settles_nothing(site: Site) -> None:
    body = settlement(site)
    with unchanged(site):
        assert exchanged(site, head(site, "2207", len(body) + 20) + body, half_close=True) == b""
    assert site.count("settlements") == 0


@pytest.mark.parametrize("length", ["-1", "+5", "0x10", "1_0", "", "5, 6", "1e3"])
def test_a_length_that_is_no_length(site: Site, length: str) -> None:
    with unchanged(site):
        gateway_said(exchanged(site, head(site, "9001", length) + b"{}"), 400)


def test_two_lengths_that_differ(site: Site) -> None:
    body = settlement(site)
    with unchanged(site):
        twice = head(site, "2207", len(body), "Content-Length: 2")
        gateway_said(exchanged(site, twice + body), 400)
    assert site.count("settlements") == 0


def test_a_length_beside_chunks(site: Site) -> None:
    """Who reads the length and who the chunks see two requests: a smuggler's way."""
    body = settlement(site)
    with unchanged(site):
        both = head(site, "2207", len(body), "Transfer-Encoding: chunked") + body
        heard = exchanged(site, both, half_close=True)
        assert b'"infcode":0' not in heard
    assert site.count("settlements") == 0


def test_slow_headers_and_a_slow_body_are_given_up(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.centre.limits = HttpLimits(headers_timeout_s=0.2, body_timeout_s=0.2)
    with unchanged(site):
        said = gateway_said(exchanged(site, b"POST / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n"), 408)
        assert "slow-headers" in said["message"]
        said = gateway_said(exchanged(site, head(site, "9001", 100) + b'{"a":'), 408)
        assert "slow-body" in said["message"]
    site.close()


def test_headers_without_end_are_turned_away(site: Site) -> None:
    with unchanged(site):
        flood = b"POST / HTTP/1.1\r\nHost: x\r\n" + b"X-A: %b\r\n" % (b"a" * 60) * 1200
        gateway_said(exchanged(site, flood), 431)


# -- files -----------------------------------------------------------------------------------------


def package(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def compared(site: Site, body: bytes) -> dict[str, Any]:
    """Upload a file and let it be reconciled."""
    node = {"in": base64.b64encode(body).decode(), "filename": "../../a.zip"}
    stored = site.ask("9101", {"fsUploadIn": node | {"fixmedins_code": HOSPITAL}})
    assert stored["infcode"] == 0, stored
    assert stored["output"]["filename"] == "a.zip"
    amounts = {"medfee_sumamt": 0, "fund_pay_sumamt": 0, "cash_payamt": 0}
    today = f"{datetime.now(CHINA):%Y-%m-%d}"
    data = {"stmt_begndate": today, "stmt_enddate": today, "clr_type": "11",
            "setl_optins": "430100", "fixmedins_setl_cnt": "0", "fixmedins_refd_setl_flag": "0",
            "file_qury_no": stored["output"]["file_qury_no"]}  # fmt: skip
    before = books(site)
    answer = site.ask("3202", {"data": data | amounts})
    if answer["infcode"]:
        assert books(site) == before
    return answer


ROW = b"1\t2\t3\t1.00\t0.50\t0.00\t0\n"


@pytest.mark.parametrize(
    "name",
    ["../../detail.txt", "/etc/detail.txt", "C:\\detail.txt", "..\\detail.txt", "a/../../d.txt"],
)
def test_a_package_whose_file_leads_out_of_its_folder(
    site: Site, tmp_path: Path, name: str
) -> None:
    around = set(tmp_path.parent.rglob("*"))
    answer = compared(site, package(name, ROW))

    assert answer["infcode"] == -1
    assert "文件名" in answer["err_msg"]
    assert set(tmp_path.parent.rglob("*")) - around <= set(tmp_path.iterdir())
    assert compared(site, package("detail.txt", ROW))["infcode"] == 0


def test_a_bomb_is_refused_before_it_bursts(site: Site) -> None:
    bomb = package("detail.txt", b"\0" * (512 * MIB))
    assert len(bomb) < MIB
    tracemalloc.start()
    answer = compared(site, bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert answer["infcode"] == -1
    assert "上限" in answer["err_msg"]
    assert peak < 192 * MIB


def test_a_bomb_that_states_a_small_size(site: Site) -> None:
    honest = package("detail.txt", b"\0" * (100 * MIB))
    size = (100 * MIB).to_bytes(4, "little")
    assert honest.count(size) == 2
    answer = compared(site, honest.replace(size, (100).to_bytes(4, "little")))
    assert answer["infcode"] == -1


def test_packages_in_a_package_and_many_files(site: Site) -> None:
    inner = package("detail.txt", ROW)
    assert compared(site, package("inner.zip", inner))["infcode"] == -1
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(1000):
            archive.writestr(f"{number}.txt", ROW)
    assert compared(site, out.getvalue())["infcode"] == -1


# -- signatures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "changed"),
    [
        ("缺失", {"_api_signature": ""}),
        ("缺失", {"_api_timestamp": "now"}),
        ("超时", {"_api_timestamp": "1"}),
        ("超时", {"_api_timestamp": "9999999999999"}),
        ("非法", {"_api_access_key": "MEDHARNESS-AK"}),
        ("不一致", {"_api_name": "2208"}),
        ("不一致", {"_api_version": "1.0.1"}),
    ],
)
def test_a_tampered_signature_settles_nothing(
    site: Site, cause: str, changed: dict[str, str]
) -> None:
    body = settlement(site)
    with unchanged(site):
        headers = csb("2207", datetime.now(CHINA)) | changed
        answer = site.client.post(site.url(), content=body, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == 401
        assert cause in answer.json()["message"]
    assert site.count("settlements") == 0


def test_a_signature_of_lower_case_or_of_another_half_hour(site: Site) -> None:
    body = settlement(site)
    now = datetime.now(CHINA)
    with unchanged(site):
        for headers in (
            csb("2207", now) | {"_api_signature": csb("2207", now)["_api_signature"].lower()},
            csb("2207", now - timedelta(minutes=31)),
            csb("2207", now + timedelta(minutes=31)),
            csb("2207", now, secret=""),
        ):
            answer = site.client.post(site.url(), content=body, headers=headers)
            assert answer.status_code == 401
    assert (
        site.client.post(site.url(), content=body, headers=csb("2207", now)).json()["infcode"] == 0
    )


def test_a_nonce_that_was_used_settles_nothing_twice(tmp_path: Path) -> None:
    site = Site(tmp_path, "guangdong")
    now = datetime.now(CHINA)
    body = json.dumps(site.envelope("9001", SIGN_IN)).encode()
    used = tif("once", now)
    assert site.client.post(site.url("9001"), content=body, headers=used).json()["infcode"] == 0
    with unchanged(site):
        for headers in (used, tif("once", now + timedelta(seconds=1)), tif("other", now) | {"x-tif-nonce": "once"},
                        tif("A", now) | {"x-tif-signature": tif("A", now)["x-tif-signature"].upper()}):  # fmt: skip
            answer = site.client.post(site.url("9001"), content=body, headers=headers)
            assert answer.status_code == 401, headers
            assert answer.json()["code"] == 401
    site.close()


def test_a_token_that_expired_between_two_requests(tmp_path: Path) -> None:
    site = Site(tmp_path, "jilin")
    form = {
        "username": "medharness",
        "password": "medharness",
        "grant_type": "password",
        "scope": "all",
    }
    url = f"http://{site.address}{site.province.gateway.token_path}"
    basic = ("medharness-ak", "medharness-sk")
    bearer = {
        "Authorization": f"Bearer {site.client.post(url, data=form, auth=basic).json()['access_token']}"
    }
    body = b'{"infno": "9001"}'
    assert site.client.post(site.url(), content=body, headers=bearer).status_code == 200
    before = books(site)
    site.order("clock", advance_s=site.province.gateway.token_life_s + 1)
    for headers in (bearer, {"Authorization": "Bearer"}, {"Authorization": "Bearer " + "0" * 64}):
        answer = site.client.post(site.url(), content=body, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == 401
    assert books(site) == before
    site.close()
