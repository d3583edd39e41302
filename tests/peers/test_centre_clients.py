"""The centre and the bridge beside clients that no one here wrote: curl, node, openssl.

curl signs with openssl and shares no line with us; node brings its own HTTP, TLS and HMAC. The
certificates are made by openssl while the test runs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from programs_of import needs, node_program

from harness.link.address import Address
from harness.link.host import Host
from harness.link.tls import server_context
from simulators.bridge.bridge import Bridge
from simulators.bridge.caller import Caller
from simulators.shell import plain
from tests.simulators.centre.hospital import CHINA, Site, members, patient

pytestmark = [pytest.mark.slow, pytest.mark.peer]

SIGN_IN = {"signIn": {"opter_no": "0001", "mac": "00-00", "ip": "127.0.0.1"}}


def version(program: str, *asking: str) -> str:
    if shutil.which(program) is None:
        return ""
    done = subprocess.run(
        [program, *asking], capture_output=True, encoding="utf-8", timeout=20, check=True
    )
    return done.stdout.split("\n", 1)[0]


def run(*command: str, data: bytes = b"") -> bytes:
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.stdout


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def secure(site: Site, tmp_path: Path) -> str:
    """The centre over TLS, with a certificate that openssl makes and signs."""
    needs("openssl", version("openssl", "version"))
    ca, key, request, cert = (
        str(tmp_path / name) for name in ("ca.pem", "k.pem", "r.csr", "c.pem")
    )
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{ca}.key",
        "-out", ca, "-subj", "/CN=joint test authority", "-days", "2")  # fmt: skip
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
        "-subj", "/CN=centre")  # fmt: skip
    names = tmp_path / "names.cnf"
    names.write_text("subjectAltName=IP:127.0.0.1\n", encoding="ascii")
    run("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", f"{ca}.key",
        "-CAcreateserial", "-out", cert, "-days", "2", "-extfile", str(names))  # fmt: skip
    context = server_context(Path(cert), Path(key))
    site.address = site.member.listen("centre", Address(host="127.0.0.1", port=0, tls=context))
    return ca


def openssl_headers(infno: str, secret: str = "medharness-sk") -> list[str]:
    """Signed by the openssl command line."""
    values = {
        "_api_access_key": "medharness-ak",
        "_api_name": infno,
        "_api_timestamp": str(int(time.time() * 1000)),
        "_api_version": "1.0.0",
    }
    text = "&".join(f"{name}={values[name]}" for name in sorted(values)).encode()
    digest = run("openssl", "dgst", "-sha1", "-hmac", secret, "-binary", data=text)
    values["_api_signature"] = run("openssl", "base64", "-A", data=digest).decode().strip()
    return [part for name, value in values.items() for part in ("-H", f"{name}: {value}")]


def curl(url: str, body: Path, headers: list[str], *more: str) -> Any:
    needs("curl", version("curl", "--version"))
    answer = run("curl", "-sS", "--noproxy", "*", "--max-time", "20", *headers, *more,
                 "--data-binary", f"@{body}", url)  # fmt: skip
    return json.loads(answer)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_curl_over_tls_signed_by_openssl(
    site: Site, secure: str, tmp_path: Path, encoding: str
) -> None:
    body = tmp_path / "body.json"
    whole = members("9001", SIGN_IN, 1, datetime.now(CHINA))
    body.write_bytes(json.dumps(whole, ensure_ascii=False).encode(encoding))
    url = site.url().replace("http:", "https:")

    answer = curl(url, body, openssl_headers("9001"), "--cacert", secure)
    assert answer["infcode"] == 0
    assert site.count("gateway_sessions") == 1

    refused = curl(url, body, openssl_headers("9001", "wrong"), "--cacert", secure)
    assert (refused["code"], site.count("gateway_sessions")) == (401, 1)

    untrusting = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--data-binary", f"@{body}", url],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert untrusting.returncode == 60  # curl's word for a certificate that nobody vouches for


def test_curl_waits_for_leave_before_a_large_body(site: Site, tmp_path: Path) -> None:
    """Above a megabyte curl sends ``Expect: 100-continue`` first (RFC 9110 §10.1.1)."""
    needs("openssl", version("openssl", "version"))
    body = tmp_path / "body.json"
    whole = members("9001", SIGN_IN, 1, datetime.now(CHINA), dev_safe_info="x" * 1_100_000)
    body.write_text(json.dumps(whole), encoding="ascii")
    more = ("-H", "Expect: 100-continue", "--expect100-timeout", "15")
    began = time.monotonic()
    answer = curl(site.url(), body, openssl_headers("9001"), *more)

    assert answer["infcode"] == -1
    assert "dev_safe_info" in answer["err_msg"]
    assert time.monotonic() - began < 10


def told(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.decode("utf-8").splitlines()]


NUMBERS = ["1101", "2201", "2203", "2204", "2206", "2207", "2208"]


def test_node_settles_and_takes_back_over_tls(site: Site, secure: str) -> None:
    needs("node", version("node", "--version"))
    url = site.url().replace("http:", "https:")
    lines = told(run(*node_program("centre_client.cjs", url, secure, "centre", who())))

    assert [one["infno"] for one in lines if "infno" in one] == NUMBERS
    (settled,) = [one for one in lines if "setl_id" in one]
    assert settled["medins_setl_id"].startswith("H43010019001")
    assert site.count("settlements") == 2


def test_node_settles_through_the_bridge(site: Site) -> None:
    needs("node", version("node", "--version"))
    actor = Bridge(Caller(site.province), site.clock)
    member = site.runtime.add("bridge", Host(actor, site.clock, plain))
    member.routes["centre"] = site.address
    at = member.listen("bridge", Address(host="127.0.0.1", port=0))
    url = f"http://{at}/api/YiBao/"
    lines = told(run(*node_program("centre_client.cjs", url, "-", "bridge", who())))

    assert [one["infno"] for one in lines if "infno" in one] == NUMBERS
    assert (site.count("settlements"), actor.answered) == (2, len(NUMBERS))


def who() -> str:
    return json.dumps(patient())
