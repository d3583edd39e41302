"""A HIS whose centre has a fixed host name: hosts leads it to us, and it trusts a CA of our own."""

import functools
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from datetime import datetime

import cashier
import pytest
from cashier import Cashier, window
from hands import free_port, run_feature
from test_insurance_window import FEATURE, SITE

from harness.clock import CHINA
from harness.errors import ProfileError
from harness.profile import load_profile

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("openssl") and os.environ.get("MEDHARNESS_REQUIRE_PEERS") != "1",
        reason="certificates are made with openssl",
    ),
]

NAME = "yb.example.cn"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A CA and the certificate of the name, as docs/how-to/at-a-real-site.md makes them."""
    folder = tmp_path_factory.mktemp("ca")
    key = ("-newkey", "rsa:2048", "-nodes", "-sha256")
    openssl(folder, "req", "-x509", *key, "-days", "2", "-keyout", "mh-ca.key", "-out", "mh-ca.pem",
            "-subj", "/CN=medharness test CA", "-addext", "keyUsage=critical,keyCertSign",
            "-addext", f"nameConstraints=critical,permitted;DNS:{NAME}")  # fmt: skip
    openssl(
        folder, "req", *key, "-keyout", "centre.key", "-out", "centre.csr", "-subj", f"/CN={NAME}"
    )
    (folder / "centre.ext").write_text(f"subjectAltName=DNS:{NAME}\n", encoding="ascii")
    openssl(folder, "x509", "-req", "-in", "centre.csr", "-CA", "mh-ca.pem", "-CAkey", "mh-ca.key",
            "-CAcreateserial", "-sha256", "-days", "2", "-extfile", "centre.ext", "-out",
            "centre.pem")  # fmt: skip
    return folder


class Hosts(http.client.HTTPSConnection):
    """What the line in ``hosts`` does: the name leads to this machine, and stays the name."""

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


class Fixed(urllib.request.HTTPSHandler):
    def __init__(self, context):
        super().__init__()
        self.context = context

    def https_open(self, request):
        return self.do_open(functools.partial(Hosts, context=self.context), request)


class FixedCashier(Cashier):
    """The HIS of ``cashier.py`` with the URL of the centre built in."""

    def __init__(self, port, name=NAME):
        super().__init__(port)
        self.url = f"https://{name}:{port}{cashier.PATH}"


SECURE = """port = {port}
transport = "tls"
tls = {{ certificate = "centre.pem", key_env = "MEDHARNESS_CENTRE_KEY" }}"""


@pytest.fixture
def town(tmp_path, made, monkeypatch):
    """Plays the window with a HIS; gives the conclusion and the trace."""
    shutil.copy(made / "centre.pem", tmp_path)
    monkeypatch.setenv("MEDHARNESS_CENTRE_KEY", str(made / "centre.key"))

    def play(his, *, trusts, wait_s=90.0):
        context = ssl.create_default_context(cafile=trusts)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Fixed(context))
        monkeypatch.setattr(cashier, "OPENER", opener)
        port = int(his.url.rpartition(":")[2].partition("/")[0])
        text = SITE.replace("port = {port}", SECURE).replace("90.0", "{wait_s}")
        text = text.format(port=port, ledger=tmp_path / "ledger.sqlite", wait_s=wait_s)
        conclusion, records, _ = run_feature(tmp_path, text, window(his, []), feature=FEATURE)
        return conclusion, records

    return play


def test_it_settles_at_our_centre_over_tls(town, made):
    his = FixedCashier(free_port())
    conclusion, records = town(his, trusts=made / "mh-ca.pem")
    assert conclusion.verdict == "pass", conclusion.reasons
    assert len(his.settled) == 1
    assert any(one["kind"] == "message" and one.get("type") == "2207" for one in records)


@pytest.mark.parametrize(("name", "trusted"), [(NAME, False), ("other.example.cn", True)])
def test_it_does_not_where_the_ca_is_not_trusted_or_the_name_is_another(
    town, made, monkeypatch, name, trusted
):
    """Nobody speaks with our centre then: the canary does not come, and nothing is judged."""
    refused = []
    his = FixedCashier(free_port(), name)
    sign_in = his.sign_in

    def tried():
        try:
            sign_in()
        except urllib.error.URLError as error:
            refused.append(str(error.reason))

    monkeypatch.setattr(his, "sign_in", tried)
    trusts = made / "mh-ca.pem" if trusted else ssl.get_default_verify_paths().cafile
    conclusion, records = town(his, trusts=trusts, wait_s=3.0)
    assert conclusion.verdict == "blocked"
    assert refused
    assert all("CERTIFICATE_VERIFY_FAILED" in one for one in refused)
    assert not any(one["kind"] == "message" and one.get("type") == "2207" for one in records)


def test_the_ca_can_speak_for_no_other_name(made, tmp_path):
    """Its key lies at a site for a night: with it nobody else is to be impersonated."""
    key = ("-newkey", "rsa:2048", "-nodes", "-sha256")
    openssl(tmp_path, "req", *key, "-keyout", "x.key", "-out", "x.csr", "-subj", "/CN=x")
    (tmp_path / "x.ext").write_text("subjectAltName=DNS:bank.example.cn\n", encoding="ascii")
    openssl(tmp_path, "x509", "-req", "-in", "x.csr", "-CA", str(made / "mh-ca.pem"), "-CAkey",
            str(made / "mh-ca.key"), "-CAcreateserial", "-days", "2", "-extfile", "x.ext", "-out",
            "x.pem")  # fmt: skip
    words = ["openssl", "verify", "-CAfile", str(made / "mh-ca.pem")]
    good = subprocess.run([*words, "centre.pem"], cwd=made, capture_output=True, check=False)
    bad = subprocess.run([*words, "x.pem"], cwd=tmp_path, capture_output=True, check=False)
    assert (good.returncode, bad.returncode) == (0, 2)
    assert b"permitted subtree violation" in bad.stderr


PLAYED = """
format = 1
name = "x"
environment = "test"
[systems.analyzer]
mode = "real"
[systems.LIS]
mode = "simulated"
[endpoints.analyzer-lis]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
host = "127.0.0.1"
port = {port}
transport = "tls"
tls = {{ certificate = "centre.pem", key_env = "MEDHARNESS_CENTRE_KEY" }}
"""


def test_a_listener_that_would_stay_plain_is_refused(made, tmp_path, monkeypatch):
    """Our LIS is a process of its own, without certificates: plain is not what was asked for."""
    from harness.scenario.session import RunSession, SessionOptions

    shutil.copy(made / "centre.pem", tmp_path)
    monkeypatch.setenv("MEDHARNESS_CENTRE_KEY", str(made / "centre.key"))
    path = tmp_path / "site.toml"
    path.write_text(PLAYED.format(port=free_port()), encoding="utf-8")
    load_profile(str(path))
    session = RunSession(SessionOptions(profile=str(path), seed=1, folder=tmp_path / "run"))
    try:
        with pytest.raises(ProfileError, match=r"endpoints\.analyzer-lis"):
            session._start()
    finally:
        session.stop()


def test_a_key_that_is_not_there_is_told(made, tmp_path, monkeypatch):
    from harness.permit import Permit
    from harness.scenario import wiring

    shutil.copy(made / "centre.pem", tmp_path)
    path = tmp_path / "site.toml"
    path.write_text(PLAYED.format(port=free_port()), encoding="utf-8")
    profile = load_profile(str(path))
    permit = Permit(profile, datetime.now(CHINA))
    with pytest.raises(ProfileError, match="MEDHARNESS_CENTRE_KEY"):
        wiring.listeners(profile, permit, {})
    with pytest.raises(ProfileError, match="analyzer-lis"):
        wiring.listeners(profile, permit, {"MEDHARNESS_CENTRE_KEY": str(made / "mh-ca.key")})
    given = {"MEDHARNESS_CENTRE_KEY": str(made / "centre.key")}
    assert wiring.listeners(profile, permit, given)["analyzer-lis"].tls is not None
