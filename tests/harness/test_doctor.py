"""The doctor: everything is announced before it opens, nothing forbidden opens, no secret shows."""

import datetime as dt
import hashlib
import sqlite3
from pathlib import Path

import pytest

from harness import i18n
from harness.doctor import Check, Means, Status, examine
from harness.link.reach import Certificate, Reached, TlsFiles
from harness.profile import load_profile

NOW = dt.datetime(2026, 1, 5, 12, 0, tzinfo=dt.UTC)

HEAD = """\
format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "real"
version = "1"
[systems.HIS]
mode = "simulated"
[policy]
forbidden_addresses = ["198.51.100.0/24"]
"""

LINK = """\
[endpoints.analyzer-lis]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
"""


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


class Site:
    """A site made of answers; it writes down everything that happens, in order."""

    def __init__(self, environ=None, **answers):
        self.happened: list[str] = []
        self.environ = environ or {}
        self.answers = answers

    def open(self, host: str, port: int) -> Reached:
        self.happened.append(f"open {host}:{port}")
        return self.answers.get("reached", Reached(ok=True, seconds=0.0123))

    def certificate(self, host: str, port: int, files: TlsFiles) -> Certificate:
        self.happened.append(f"tls {host}:{port}")
        self.files = files
        return self.answers["certificate"]

    def listen(self, host: str, port: int) -> Reached:
        self.happened.append(f"bind {host}:{port}")
        return self.answers.get("listen", Reached(ok=True))

    def resolve(self, host: str):
        return self.answers.get("names", {}).get(host, ())

    def examine(self, folder: Path, text: str, *, load_names=()) -> list[Check]:
        path = folder / "site.toml"
        path.write_text(text, encoding="utf-8")
        profile = load_profile(path, resolve=lambda host: load_names)
        return examine(
            profile,
            announce=lambda text: self.happened.append(f"said {text}"),
            open_connection=self.open,
            means=Means(
                certificate=self.certificate,
                can_listen=self.listen,
                ports=lambda: self.answers.get("ports", ()),
                resolve=self.resolve,
                environ=self.environ,
                now=lambda: NOW,
            ),
        )


def find(checks: list[Check], name: str) -> list[Check]:
    return [check for check in checks if check.name == name]


def only(checks: list[Check], name: str) -> Check:
    found = find(checks, name)

    assert len(found) == 1, checks
    return found[0]


def test_the_built_in_profile_needs_nothing_opened():
    said: list[str] = []
    checks = examine(load_profile("builtin"), announce=said.append)

    assert said == []
    assert {check.status for check in checks} == {Status.SKIPPED}


def test_the_memory_profile_needs_nothing_opened():
    assert {check.status for check in examine(load_profile("memory"))} == {Status.SKIPPED}


def test_every_connection_is_announced_before_any_opens(tmp_path):
    site = Site(environ={"DB": "postgresql://u:hunter2@192.0.2.1:1/db"}, ports=["COM3"])
    second = LINK.replace("analyzer-lis", "b") + 'host = "192.0.2.11"\nport = 2\n'
    third = LINK.replace("analyzer-lis", "c")
    third += 'transport = "serial"\nurl = "socket://192.0.2.12:4001"\n'
    site.examine(
        tmp_path,
        HEAD + LINK + 'host = "192.0.2.10"\nport = 5001\n' + second + third,
    )

    assert site.happened == [
        "said will open: endpoints.analyzer-lis → 192.0.2.10:5001 (TCP, closed without a byte)",
        "said will open: endpoints.b → 192.0.2.11:2 (TCP, closed without a byte)",
        "said will open: endpoints.c → 192.0.2.12:4001 (TCP, closed without a byte)",
        "open 192.0.2.10:5001",
        "open 192.0.2.11:2",
        "open 192.0.2.12:4001",
    ]


def test_a_system_that_answers_and_one_that_does_not(tmp_path):
    text = HEAD + LINK + 'host = "192.0.2.10"\nport = 5001\n'

    check = only(Site().examine(tmp_path, text), "reach")
    assert check == Check(
        name="reach",
        place="endpoints.analyzer-lis",
        status=Status.OK,
        detail="192.0.2.10:5001 answers in 12 ms",
    )
    site = Site(reached=Reached(ok=False, reason="Connection refused"))
    check = only(site.examine(tmp_path, text), "reach")
    assert check.status is Status.FAIL
    assert check.detail == "192.0.2.10:5001: Connection refused"
    assert check.remedy


def test_a_name_that_leads_to_a_forbidden_address_is_not_opened(tmp_path):
    site = Site(names={"lis.example": ("198.51.100.7",), "his.example": ("198.51.100.8",)})
    serial = LINK.replace("analyzer-lis", "c")
    serial += 'transport = "serial"\nurl = "rfc2217://his.example:4001"\n'
    text = HEAD + LINK + 'host = "lis.example"\nport = 5001\n' + serial
    checks = find(site.examine(tmp_path, text), "reach")

    assert [check.status for check in checks] == [Status.FAIL, Status.FAIL]
    assert all("is forbidden by" in check.detail for check in checks)
    assert site.happened == []


def test_where_we_listen_the_port_must_be_free(tmp_path):
    text = HEAD + LINK.replace('"LIS-ASTM"', '"LIS-ORU"').replace("astm", "mllp").replace(
        'from = "analyzer"\nto = "LIS"', 'from = "LIS"\nto = "HIS"'
    )
    text += 'host = "0.0.0.0"\nport = 6000\nexpose = true\n'
    check = only(Site().examine(tmp_path, text), "listen")

    assert check.status is Status.OK
    assert "other machines can reach it" in check.detail
    taken = Site(listen=Reached(ok=False, reason="Address already in use"))
    check = only(taken.examine(tmp_path, text), "listen")
    assert (check.status, check.detail) == (Status.FAIL, "0.0.0.0:6000: Address already in use")


def test_a_relay_listens_and_the_system_behind_it_is_reached(tmp_path):
    text = HEAD + LINK + 'host = "192.0.2.10"\nport = 5001\nvia = "relay"\nrelay_port = 7000\n'
    site = Site()
    site.examine(tmp_path, text)

    assert site.happened[1:] == ["bind 127.0.0.1:7000", "open 192.0.2.10:5001"]


@pytest.mark.parametrize(
    ("url", "ports", "status", "detail"),
    [
        ("COM3", ["COM1", "com3"], Status.OK, "COM3 is there (not opened)"),
        ("COM3", ["COM1"], Status.FAIL, "no COM3; this machine has: COM1"),
        ("COM3", [], Status.FAIL, "no COM3; this machine has: -"),
    ],
)
def test_a_serial_port_is_looked_for_and_not_opened(tmp_path, url, ports, status, detail):
    site = Site(ports=ports)
    text = HEAD + LINK + f'transport = "serial"\nurl = "{url}"\n'
    check = only(site.examine(tmp_path, text), "serial")

    assert (check.status, check.detail) == (status, detail)
    assert site.happened == []


def test_a_serial_loop_is_in_memory(tmp_path):
    text = HEAD + LINK + 'transport = "serial"\nurl = "loop://"\n'

    assert only(Site().examine(tmp_path, text), "reach").status is Status.SKIPPED


# -- certificates ----------------------------------------------------------------------------------

TLS = LINK + 'host = "192.0.2.10"\nport = 6443\ntransport = "tls"\n'


@pytest.mark.parametrize(
    ("days", "status"), [(400, Status.OK), (30, Status.OK), (29, Status.WARN), (0, Status.WARN)]
)
def test_a_certificate_is_judged_by_the_days_that_are_left(tmp_path, days, status):
    seen = Certificate(ok=True, not_after=NOW + dt.timedelta(days=days, hours=1))
    check = only(Site(certificate=seen).examine(tmp_path, HEAD + TLS + "tls = {}\n"), "certificate")

    assert check.status is status
    assert f"{days} days" in check.detail


@pytest.mark.parametrize(
    ("seen", "detail"),
    [
        (Certificate(ok=False, reason="certificate has expired"), "certificate has expired"),
        (Certificate(ok=True), "the certificate tells no date"),
    ],
)
def test_a_certificate_that_is_not_trusted_fails(tmp_path, seen, detail):
    check = only(Site(certificate=seen).examine(tmp_path, HEAD + TLS + "tls = {}\n"), "certificate")

    assert (check.status, check.detail) == (Status.FAIL, detail)


def test_certificates_are_files_beside_the_profile_and_keys_in_the_environment(tmp_path):
    tls = 'tls = { ca = "ca.pem", certificate = "we.pem", key_env = "KEY", '
    tls += 'key_password_env = "PW", server_name = "lis.example" }\n'
    for name in ("ca.pem", "we.pem", "we.key"):
        (tmp_path / name).write_text("", encoding="utf-8")
    environ = {"KEY": str(tmp_path / "we.key"), "PW": "hunter2"}
    site = Site(environ, certificate=Certificate(ok=True, not_after=NOW))
    checks = site.examine(tmp_path, HEAD + TLS + tls)

    assert site.files == TlsFiles(
        ca=tmp_path / "ca.pem",
        certificate=tmp_path / "we.pem",
        key=tmp_path / "we.key",
        password="hunter2",
        server_name="lis.example",
    )
    assert [check.status for check in find(checks, "secret")] == [Status.OK, Status.OK]
    assert "hunter2" not in f"{checks}{site.happened}"


def test_a_certificate_file_that_is_missing_fails_without_a_handshake(tmp_path):
    site = Site()
    check = only(site.examine(tmp_path, HEAD + TLS + 'tls = { ca = "no.pem" }\n'), "certificate")

    assert check.detail == "no such file: no.pem"
    assert not any(line.startswith("tls") for line in site.happened)


# -- secrets, versions, policy ---------------------------------------------------------------------

PROBE = '[probes.p]\nowner = "Li, 8001"\nreach = "stored"\nrole = "LIS"\nurl_env = "DB"\nquery = "SELECT a FROM t WHERE b = :barcode"\n'


def test_a_secret_that_is_missing_fails(tmp_path):
    checks = Site().examine(tmp_path, HEAD + PROBE)

    secret = only(checks, "secret")
    assert (secret.status, secret.detail) == (Status.FAIL, "DB is not set")
    assert only(checks, "probe").status is Status.SKIPPED


def test_a_real_system_without_version_or_forbidden_addresses_is_a_warning(tmp_path):
    text = HEAD.replace('version = "1"\n', "").replace('"198.51.100.0/24"', "")
    checks = Site().examine(tmp_path, text)

    assert only(checks, "version").status is Status.WARN
    assert only(checks, "policy").status is Status.WARN


PERMIT = """\
format = 1
profile_sha256 = "{hash}"
granted_by = "甲"
granted_to = "乙"
reason = "丙"
[[windows]]
from = 2026-01-05T11:00:00Z
to = 2026-01-05T{end}:00:00Z
allow = ["write"]
"""


@pytest.mark.parametrize(
    ("end", "hash_", "status", "detail"),
    [
        ("13", "", Status.OK, "production: write until 2026-01-05T13:00:00"),
        ("12", "", Status.OK, "production: faults and writes are refused now"),
        ("13", "0" * 64, Status.FAIL, "the permit file cannot be used"),
    ],
)
def test_production_tells_what_is_permitted_now(tmp_path, end, hash_, status, detail):
    text = HEAD.replace('"test"', '"production"') + 'permit = "permit.toml"\n'
    permit = PERMIT.replace("{hash}", hash_ or hashlib.sha256(text.encode()).hexdigest())
    (tmp_path / "permit.toml").write_text(permit.replace("{end}", end), encoding="utf-8")
    check = only(Site().examine(tmp_path, text), "permit")

    assert check.status is status
    assert check.detail.startswith(detail)


# -- probes ----------------------------------------------------------------------------------------


def database(folder: Path) -> str:
    path = folder / "lis.sqlite"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE t (a TEXT, b TEXT)")
    base.execute("INSERT INTO t VALUES ('1', '2')")
    base.commit()
    base.close()
    return HEAD + PROBE.replace('url_env = "DB"', 'url = "sqlite:lis.sqlite"')


def test_a_probe_is_asked_for_what_does_not_exist(tmp_path):
    site = Site()
    checks = site.examine(tmp_path, database(tmp_path))

    assert only(checks, "probe").status is Status.OK
    place = tmp_path / "lis.sqlite"
    assert site.happened == [f"said will open: probes.p → {place} (read-only SELECT)"]
    clock = only(checks, "clock")
    assert (clock.status, clock.place) == (Status.SKIPPED, "systems.LIS")


def test_a_probe_changes_nothing(tmp_path):
    text = database(tmp_path)
    before = (tmp_path / "lis.sqlite").read_bytes()
    Site().examine(tmp_path, text + 'control = "SELECT a FROM t"\n')

    assert (tmp_path / "lis.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ("SELECT a FROM t", Status.OK, "shows 1 rows"),
        ("SELECT a FROM t WHERE 0", Status.WARN, "shows 0 rows"),
        ("SELECT zzz FROM t", Status.FAIL, "no such column: zzz"),
    ],
)
def test_the_control_must_see_something(tmp_path, query, status, detail):
    checks = Site().examine(tmp_path, database(tmp_path) + f'control = "{query}"\n')
    check = find(checks, "probe")[1]

    assert (check.place, check.status, check.detail) == ("probes.p.control", status, detail)


@pytest.mark.parametrize(
    ("time", "status", "detail"),
    [
        ("2026-01-05 20:00:01", Status.OK, "+1.0 s from this machine"),
        ("2026-01-05 12:00:00+00:00", Status.OK, "+0.0 s from this machine"),
        ("2026-01-05 19:59:57.5", Status.WARN, "-2.5 s from this machine"),
        ("2026-01-05 20:05:01", Status.FAIL, "+301.0 s from this machine"),
        ("yesterday", Status.FAIL, "no time in the answer: yesterday"),
        ("", Status.FAIL, "no time in the answer: "),
    ],
)
def test_the_clock_of_a_database_is_compared(tmp_path, time, status, detail):
    """A time without zone is civil time in China, eight hours before UTC."""
    checks = Site().examine(tmp_path, database(tmp_path) + f"clock = \"SELECT '{time}'\"\n")
    check = only(checks, "clock")

    assert (check.status, check.detail) == (status, detail)


def test_a_clock_that_cannot_be_asked_fails(tmp_path):
    checks = Site().examine(tmp_path, database(tmp_path) + 'clock = "SELECT zzz FROM t"\n')

    assert find(checks, "probe")[1].status is Status.FAIL


def test_one_clock_of_a_role_is_enough(tmp_path):
    text = database(tmp_path) + "clock = \"SELECT '2026-01-05 20:00:00'\"\n"
    second = text[text.index("[probes.p]") :].replace("probes.p", "probes.q")

    assert len(find(Site().examine(tmp_path, text + second), "clock")) == 1


def test_a_database_that_is_not_there_fails_in_words(tmp_path):
    text = database(tmp_path)
    (tmp_path / "lis.sqlite").unlink()
    check = only(Site().examine(tmp_path, text), "probe")

    assert check.status is Status.FAIL
    assert check.remedy
    assert not (tmp_path / "lis.sqlite").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@198.51.100.5/db",
        "postgresql://[hunter2/db",
        "postgresql:///hunter2",
    ],
)
def test_a_forbidden_or_unclear_database_is_not_opened_and_no_password_shown(tmp_path, url):
    site = Site({"DB": url})
    checks = site.examine(tmp_path, HEAD + PROBE)

    assert only(checks, "probe").status is Status.FAIL
    assert site.happened == []
    assert "hunter2" not in str(checks)


def test_postgresql_is_asked_for_its_clock_and_its_url_is_never_shown(tmp_path, monkeypatch):
    from harness.model import Outcome
    from harness.probes.probe import Answer
    from harness.probes.sql import SqlProbe

    asked: list[str] = []

    def ask(self, args):
        asked.append(self._query)
        if "clock" in self._query:
            rows = [{"clock_timestamp": "2026-01-05 12:00:00.000000+00:00"}]
            return Answer(outcome=Outcome.OK, rows=rows)
        return Answer(outcome=Outcome.FAILED, error=f"cannot connect to {self._url}\nmore")

    monkeypatch.setattr(SqlProbe, "ask", ask)
    site = Site({"DB": "postgresql://u:hunter2@192.0.2.5:6000/db"})
    checks = site.examine(tmp_path, HEAD + PROBE)

    assert asked == ["SELECT a FROM t WHERE b = :barcode", "SELECT clock_timestamp()"]
    assert only(checks, "clock").status is Status.OK
    assert only(checks, "probe").detail == "cannot connect to …"
    assert "said will open: probes.p → 192.0.2.5:6000 (read-only SELECT)" in site.happened
    assert "hunter2" not in f"{checks}{site.happened}"


def test_a_missing_extra_is_told_as_a_failed_check(tmp_path, monkeypatch):
    from harness.errors import InputError
    from harness.probes.sql import SqlProbe

    def ask(self, args):
        raise InputError("looking into PostgreSQL needs an extra", remedy="install it")

    monkeypatch.setattr(SqlProbe, "ask", ask)
    site = Site({"DB": "postgresql://192.0.2.5/db"})
    check = find(site.examine(tmp_path, HEAD + PROBE), "probe")[0]

    assert check.status is Status.FAIL
    assert check.detail == "looking into PostgreSQL needs an extra"
