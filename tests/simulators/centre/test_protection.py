"""Signed and hidden payloads, tokens, uploads: what other families of gateways ask for."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.wire import envelope
from simulators.centre import crypto_sm, protection, uploads
from tests.simulators.centre.hospital import Site

pytestmark = pytest.mark.slow

SIGN_IN = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}


def sealed(site: Site, infno: str) -> dict[str, Any]:
    whole = site.envelope(infno, {})
    whole.pop("input")
    return protection.seal(site.province.protection, whole, SIGN_IN)


def token(site: Site, password: str = "medharness") -> httpx.Response:
    form = {
        "username": "medharness",
        "password": password,
        "grant_type": "password",
        "scope": "all",
    }
    url = f"http://{site.address}{site.province.gateway.token_path}"
    return site.client.post(url, data=form, auth=("medharness-ak", "medharness-sk"))


def test_a_token_and_a_hidden_payload(tmp_path: Path) -> None:
    site = Site(tmp_path, "jilin")
    body = sealed(site, "9001")
    assert token(site, "wrong").status_code == 401
    assert site.client.post(site.url(), json=body).status_code == 401
    bearer = {"Authorization": f"Bearer {token(site).json()['access_token']}"}
    answer = site.client.post(site.url(), json=body, headers=bearer).json()
    assert answer["infcode"] == 0
    plain = crypto_sm.sm4_decrypt(b"medharness-client", base64.b64decode(answer["output"]))
    assert json.loads(plain)["signinoutb"]["sign_no"]
    keys = site.province.protection
    signature = base64.b64decode(answer["cainfo"])
    assert crypto_sm.sm2_verify(keys.centre_public_key, plain, signature, b"medharness-client")

    for name, value in {"cainfo": body["cainfo"][::-1], "input": "AAAA", "cainfo ": ""}.items():
        wrong = body | {name.strip(): value}
        refused = site.client.post(site.url(), json=wrong, headers=bearer).json()
        assert refused["infcode"] == -1, name
    site.order("clock", advance_s=7201)
    assert site.client.post(site.url(), json=body, headers=bearer).status_code == 401
    assert site.count("gateway_sessions") == 1
    site.close()


def test_signed_members(tmp_path: Path) -> None:
    site = Site(tmp_path, "hubei")
    body = sealed(site, "9001")
    assert isinstance(body["input"], str)
    assert site.client.post(site.url(), json=body).json()["infcode"] == 0
    refused = site.client.post(site.url(), json=body | {"opter": "0002"}).json()
    assert refused["infcode"] == 1
    assert site.count("gateway_sessions") == 1
    site.close()


def test_an_upload_in_two_parts(tmp_path: Path) -> None:
    site = Site(tmp_path)
    node = {"fsUploadIn": {"filename": "a.zip", "fixmedins_code": "H43010019001"}}
    text = json.dumps(site.envelope("9101", node), ensure_ascii=False)
    files = {"jsonStr": (None, text), "file": ("a.zip", b"PK\r\n--x\r\n\x00")}
    answer = site.client.post(site.url(), files=files, headers=site.headers("9101"))
    assert answer.json()["infcode"] == 0, answer.text
    assert site.count("files") == 1
    site.close()


def test_a_body_of_fifty_megabytes_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    answer = site.post("9001", b"[" + b"1," * (25 * 1024 * 1024) + b"1]")
    assert answer.json()["infcode"] == -1
    assert site.ask("9001", SIGN_IN)["infcode"] == 0
    site.close()


def test_parts() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="in"\r\n\r\nx\r\ny\r\n--b--\r\n'
    assert uploads.parts(body, "b") == {"in": b"x\r\ny"}
    assert uploads.boundary_of('multipart/form-data; boundary="b"') == "b"
    assert uploads.boundary_of("text/plain") == ""
    for wrong in (body[:-6], b"", b"--b\r\n\r\nx\r\n--b--", b"--b" + b"\r\n--b" * 40 + b"--"):
        with pytest.raises(ValueError):
            uploads.parts(wrong, "b")


def test_the_text_that_is_signed() -> None:
    members = {"b": 2, "a": "x", "cainfo": "no", "input": "no", "c": "", "B": "y"}
    assert protection.member_text(members) == b"B=y&a=x&b=2"
    assert envelope.as_text(None) == ""
