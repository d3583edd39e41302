"""Tests of ``harness/scenario/wiring.py``."""

from __future__ import annotations

import hashlib
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import InputError, PermitError, ProfileError
from harness.link.address import Address
from harness.link.spec import LinkSpec
from harness.link.tap import Connection
from harness.link.threads import Threads
from harness.permit import Permit
from harness.profile import load_profile
from harness.scenario import wiring
from harness.scenario.bench import Bench
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.world import OriginGuard

NOW = datetime(2026, 1, 5, tzinfo=UTC)

SITE = """
format = 1
name = "site"
environment = "test"
transport = "tcp"

[systems.LIS]
mode = "real"
product = "LIS"
version = "1"

[endpoints.analyzer-lis]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
host = "192.0.2.10"
port = 5001

[probes.lis-results]
owner = "Li, 8001"
reach = "stored"
role = "LIS"
url_env = "LIS_URL"
query = "SELECT tmh FROM jyjg WHERE tmh = :barcode"
columns = { barcode = "tmh" }

[policy]
forbidden_addresses = ["192.0.2.99"]
"""


def site(tmp_path, more=""):
    path = tmp_path / "site.toml"
    path.write_text(SITE + more, encoding="utf-8")
    return load_profile(path)


def test_links_and_addresses_of_a_real_system(tmp_path):
    profile = site(tmp_path)

    assert wiring.link_specs(profile)["analyzer-lis"].to == "LIS"
    assert str(wiring.addresses(profile, {})["analyzer-lis"]) == "192.0.2.10:5001"


def test_a_forbidden_database_is_never_opened(tmp_path):
    """A restored test system often still names the production database."""
    profile = site(tmp_path)
    permit = Permit(profile, NOW)

    with pytest.raises(PermitError, match=r"192\.0\.2\.99"):
        wiring.probes(profile, tmp_path, permit, {"LIS_URL": "postgresql://u@192.0.2.99/lis"})

    found = wiring.probes(profile, tmp_path, permit, {"LIS_URL": "sqlite:lis.sqlite"})
    assert found["lis-results"].role == "LIS"


def test_signed_test_patients_come_from_the_list_that_was_signed(tmp_path):
    assert wiring.subjects(site(tmp_path)) == ()
    listed = "patient_id,name,sex,birth,id_card\nP1,测试甲,M,19900101,\n".encode()
    (tmp_path / "people.csv").write_bytes(listed)
    signed = (
        '\n[test_subjects]\nlist = "people.csv"\nsigner = "院办"\ndate = 2026-01-01\n'
        f'sha256 = "{hashlib.sha256(listed).hexdigest()}"\n'
    )

    (person,) = wiring.subjects(site(tmp_path, signed))

    assert person.patient_id == "P1"
    (tmp_path / "people.csv").write_bytes(listed + b"P2,x,M,19900101,\n")
    with pytest.raises(InputError):
        wiring.subjects(site(tmp_path, signed))


def test_a_tls_link_gets_its_certificates(tmp_path):
    secured = SITE.replace(
        "port = 5001",
        'port = 5001\ntransport = "tls"\ntls = { ca = "ca.pem", server_name = "lis.test" }',
    )
    path = tmp_path / "site.toml"
    path.write_text(secured, encoding="utf-8")
    corpus = Path(__file__).parents[2] / "corpus" / "tls"
    (tmp_path / "ca.pem").write_bytes(next(corpus.glob("*ca*.pem")).read_bytes())

    address = wiring.addresses(load_profile(path), {})["analyzer-lis"]

    assert address.tls is not None
    assert address.server_name == "lis.test"
    (tmp_path / "ca.pem").write_bytes(b"no certificate")
    with pytest.raises(ProfileError, match="analyzer-lis"):
        wiring.addresses(load_profile(path), {})


RELAYED = """
format = 1
name = "site"
environment = "test"
transport = "tcp"

[systems.LIS]
mode = "real"
product = "LIS"
version = "1"

[systems.HIS]
mode = "simulated"
product = "HIS"
version = "1"

[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
port = 6001
via = "relay"
relay_port = 6002
"""


def test_a_real_system_finds_us_where_the_profile_says(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(RELAYED, encoding="utf-8")
    profile = load_profile(path)
    permit = Permit(profile, NOW)

    assert str(wiring.listeners(profile, permit)["lis-his"]) == "127.0.0.1:6001"
    assert str(wiring.relays(profile, permit)["lis-his"]) == "127.0.0.1:6002"


class Asked:
    """A permit that notes what it is asked, and refuses it."""

    def __init__(self):
        self.listens = []

    def require_listen(self, host, *, expose=False):
        self.listens.append((host, expose))
        raise PermitError("no")


@pytest.mark.parametrize("wire", [wiring.listeners, wiring.relays])
def test_nothing_of_ours_listens_unless_the_permit_agrees(tmp_path, wire):
    path = tmp_path / "site.toml"
    path.write_text(RELAYED, encoding="utf-8")
    permit = Asked()

    with pytest.raises(PermitError):
        wire(load_profile(path), permit)

    assert permit.listens == [("127.0.0.1", False)]


CONNECTION = Connection(
    id="a#1", link="a", interface="LIS-ASTM", local="analyzer", peer="LIS", client=True
)


@pytest.mark.parametrize("gate", [wiring.AddressGate, lambda permit: OriginGuard(None, permit)])
def test_a_forbidden_address_is_refused_when_it_is_opened(tmp_path, gate):
    """Names can lead elsewhere than when the profile was read: relays and devices ask again."""
    permit = Permit(site(tmp_path), NOW)

    gate(permit).opens(CONNECTION, "192.0.2.10", 5001)
    with pytest.raises(PermitError, match=r"192\.0\.2\.99"):
        gate(permit).opens(CONNECTION, "192.0.2.99", 5001)


def test_the_relay_asks_before_it_opens(tmp_path):
    """Over real sockets: a relayed link whose route is forbidden is never connected."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        asked = []

        class Refusing:
            def payload(self, connection, protocol, payload): ...

            def opens(self, connection, host, port):
                asked.append((host, port))
                raise PermitError("forbidden")

        threads = Threads()
        spec = LinkSpec(name="a", interface="X", frm="LIS", to="HIS", protocol="mllp", relayed=True)
        told = []
        systems = SimpleNamespace(
            start=lambda: None,
            stop=lambda: None,
            route=lambda role, link, address: told.append(address),
            hospital=SimpleNamespace(roles=("LIS",)),
        )
        target = Address(host="127.0.0.1", port=port)
        bench = Bench(threads, systems, {"a": spec}, {}, {"a": target}, gate=Refusing())
        bench.start()
        ours = (told[0].host, told[0].port)
        try:
            with socket.create_connection(ours, 5), pytest.raises(PermitError):
                threads.wait(lambda: False, threads.clock.now() + 5)
        finally:
            bench.stop()
        assert asked == [("127.0.0.1", port)]
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.slow
def test_a_session_gives_its_relays_the_gate(tmp_path):
    session = RunSession(SessionOptions(profile="builtin", seed=1, folder=tmp_path / "run"))
    try:
        bench = session._bench_or_obstacle("HIS-ORD")

        assert isinstance(bench.gate, wiring.AddressGate)
    finally:
        session.stop()
