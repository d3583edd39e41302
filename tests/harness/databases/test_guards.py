"""The guards of a site hold for every database: policy, profile, run and doctor."""

from __future__ import annotations

import datetime as dt

import pytest
from played_drivers import Driver
from test_oracle_client import client, linux
from test_places import CLUSTER, OLD, TWO

from harness import doctor
from harness.doctor_check import Means, Status
from harness.errors import InputError, InputErrors, PermitError
from harness.permit import Permit
from harness.profile import load_profile
from harness.scenario.wiring import probes

NOW = dt.datetime(2026, 1, 5, 20, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))

PROFILE = """
format = 1
name = "x"
environment = "test"
[systems.HIS]
mode = "real"
version = "1"
[policy]
forbidden_addresses = ["192.0.2.0/24", "his-b.example"]
[probes.bills]
owner = "Li, 8001"
reach = "stored"
role = "HIS"
url_env = "PROBE_URL"
query = "SELECT bill FROM bills WHERE bill = :bill"
"""

NAMES = {"prod.example": ["192.0.2.77"], "test.example": ["10.0.0.2"], "a": ["10.0.0.3"],
         "b": ["10.0.0.4"]}  # fmt: skip


def resolve(host):
    return NAMES.get(host, [])


def site(folder, extra="", text=PROFILE):
    (folder / "site.toml").write_text(text + extra, encoding="utf-8")
    return load_profile(folder / "site.toml", resolve=resolve)


def permit_of(profile, environ=None):
    return Permit(profile, NOW, resolve=resolve, environ=environ or {})


ALLOWED = [
    "oracle+oracledb://u:p@10.0.0.1/?service_name=x",
    f"oracle+oracledb://u:p@{OLD}",
    f"oracle+oracledb://u:p@{TWO}",
    "mssql+pymssql://u:p@test.example/db",
    "mysql+pymysql://u:p@10.0.0.1/db",
    "sqlite:/data/x",
]

FORBIDDEN = [
    "oracle+oracledb://u:p@192.0.2.5/?service_name=x",
    "oracle+oracledb://u:p@prod.example:1526/orcl",
    f"oracle+oracledb://u:p@{CLUSTER}",  # its second way leads to his-b.example
    f"oracle+oracledb://u:p@{OLD.replace('10.0.0.9', '192.0.2.9')}",
    f"oracle+oracledb://u:p@{TWO.replace('HOST=b', 'HOST=prod.example')}",
    "oracle+oracledb://u:p@/?dsn=10.0.0.1,192.0.2.5/x",
    "oracle+oracledb://u:p@/?dsn=10.0.0.1;prod.example:1526/x",
    "mssql+pymssql://u:p@192.0.2.5:14330/db",
    "mysql+pymysql://u:p@prod.example/db",
    "postgresql+psycopg://u:p@10.0.0.1,192.0.2.5/db",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_an_allowed_database_may_be_opened(tmp_path, url):
    permit_of(site(tmp_path)).require_database(url)


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_forbidden_address_is_refused_wherever_it_stands_in_a_url(tmp_path, url):
    with pytest.raises(PermitError, match="is forbidden by"):
        permit_of(site(tmp_path)).require_database(url)


def test_a_name_that_nobody_can_resolve_is_refused(tmp_path):
    url = "oracle+oracledb://u:p@gone.example/?service_name=x"
    with pytest.raises(PermitError, match="cannot be resolved"):
        permit_of(site(tmp_path)).require_database(url)


def test_a_run_is_refused_before_a_driver_is_asked(tmp_path, played):
    driver = played("oracledb")
    profile = site(tmp_path)
    with pytest.raises(PermitError, match=r"192\.0\.2"):
        probes(profile, tmp_path, permit_of(profile), {"PROBE_URL": FORBIDDEN[0]})
    assert driver.connected == []


def test_a_run_looks_with_the_client_that_its_profile_names(tmp_path, played):
    driver = played("oracledb", {"FROM bills": [("B1",)], "names": ["BILL"]})
    client(tmp_path / "client")
    profile = site(tmp_path, 'oracle_client = "client"\n')
    found = probes(profile, tmp_path, permit_of(profile), {"PROBE_URL": ALLOWED[0]})
    answer = found["bills"].ask({"bill": "B1"})

    assert answer.rows == [{"bill": "B1"}], answer.error
    assert driver.clients == [str((tmp_path / "client").resolve())]
    assert any("session_privs" in str(one) for one in driver.told)  # the account is asked about
    assert found["bills"]._pace.per_s == 10.0  # a system that is not ours is not asked faster
    found["bills"].close()


def test_a_run_with_a_client_that_cannot_be_loaded_ends_before_it_begins(tmp_path, played):
    driver = played("oracledb")
    (tmp_path / "libclntsh.so").write_bytes(linux(32))
    profile = site(tmp_path, 'oracle_client = "."\n')
    with pytest.raises(InputError, match="32 bits"):
        probes(profile, tmp_path, permit_of(profile), {"PROBE_URL": ALLOWED[0]})
    assert driver.connected == []


TWO_CLIENTS = """oracle_client = "one"
[probes.b]
owner = "Li, 8001"
reach = "stored"
role = "HIS"
url_env = "B"
query = "SELECT 1"
oracle_client = "two"
"""

OF_FILES = """[probes.b]
reach = "stored"
role = "HIS"
kind = "files"
owner = "x"
url = "folder:x"
query = "x.csv"
oracle_client = "c"
"""


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ('[probes.b]\nowner = "Li, 8001"\nreach = "stored"\nrole = "HIS"\nurl = "sqlite:x"\nquery = "SELECT 1"\noracle_client = "c"\n',
         "only an Oracle database"),
        (TWO_CLIENTS, "another Oracle client"),
        (OF_FILES, "has no oracle_client"),
        ('[probes.b]\nowner = "Li, 8001"\nreach = "stored"\nrole = "HIS"\nurl = "dm+dmPython://h/db"\nquery = "SELECT 1"\n',
         "no probe can look into this URL"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_meant(tmp_path, extra, says):
    with pytest.raises(InputErrors) as caught:
        site(tmp_path, extra)
    assert says in str(caught.value)


@pytest.mark.parametrize("url", ["oracle+oracledb://10.0.0.1/?service_name=x",
                                 "mssql+pymssql://10.0.0.1/db", "mysql+pymysql://10.0.0.1/db"])  # fmt: skip
def test_a_url_without_a_password_may_stand_in_the_profile(tmp_path, url):
    profile = site(tmp_path, text=PROFILE.replace('url_env = "PROBE_URL"', f'url = "{url}"'))
    assert profile.probe_url("bills", {}) == url


# -- the doctor


def examined(profile, url):
    said = []
    means = Means(resolve=resolve, environ={"PROBE_URL": url}, now=lambda: NOW)
    return said, doctor.examine(profile, announce=said.append, means=means)


def of(checks, name):
    return [(one.status, one.detail) for one in checks if one.name == name]


SEEN = {"FROM bills": [("B1",)], "names": ["BILL"]}

SITES = [
    ("oracledb", ALLOWED[0], "10.0.0.1:1521", "SYSTIMESTAMP", "user_tab_privs"),
    ("pymssql", "mssql+pymssql://u:hunter2@10.0.0.1/db", "10.0.0.1:1433", "SYSDATETIMEOFFSET",
     "sys.objects"),
    ("pymysql", "mysql+pymysql://u:hunter2@10.0.0.1/db", "10.0.0.1:3306", "UTC_TIMESTAMP",
     "SHOW GRANTS"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "url", "where", "clock", "rights"), SITES)
def test_the_doctor_names_the_place_the_account_and_the_clock(
    tmp_path, played, name, url, where, clock, rights
):
    played(name, {**SEEN, clock: [("2026-01-05T20:00:01+08:00",)]})
    said, checks = examined(site(tmp_path), url)

    assert said == [f"will open: probes.bills → {where} (read-only SELECT)"]
    assert of(checks, "account") == [(Status.OK, "the account can only read")]
    assert [status for status, _ in of(checks, "probe")] == [Status.OK]
    assert of(checks, "clock") == [(Status.OK, "+1.0 s from this machine")]
    assert "hunter2" not in f"{said}{checks}"


@pytest.mark.parametrize(("name", "url", "where", "clock", "rights"), SITES)
def test_the_doctor_tells_an_account_that_can_write(
    tmp_path, played, name, url, where, clock, rights
):
    wide = [("GRANT UPDATE ON *.* TO `u`@`%`", "UPDATE")]
    played(name, {**SEEN, clock: [("2026-01-05T20:00:00+08:00",)], rights: wide})
    ((status, detail),) = of(examined(site(tmp_path), url)[1], "account")
    assert status is Status.FAIL
    assert "can write" in detail


def test_the_doctor_opens_nothing_where_the_client_is_missing(tmp_path, played):
    driver = played("oracledb", SEEN)
    (tmp_path / "empty").mkdir()
    said, checks = examined(site(tmp_path, 'oracle_client = "empty"\n'), ALLOWED[0])
    (check,) = [one for one in checks if one.name == "probe"]

    assert said == []
    assert check.status is Status.FAIL
    assert "no Oracle client" in check.detail
    assert "Instant Client" in check.remedy
    assert driver.connected == []


def test_the_doctor_opens_nothing_that_is_forbidden(tmp_path, played):
    driver = played("oracledb", SEEN)
    said, checks = examined(site(tmp_path), FORBIDDEN[2])
    assert said == []
    assert of(checks, "probe")[0][0] is Status.FAIL
    assert driver.connected == []


def test_the_doctor_tells_a_query_that_leaves_its_database(tmp_path, played):
    played("oracledb", {**SEEN, "SYSTIMESTAMP": [("2026-01-05T20:00:00+08:00",)]})
    text = PROFILE.replace("FROM bills", "FROM bills@prod")
    _, checks = examined(site(tmp_path, text=text), ALLOWED[0])
    assert any("@" in detail and status is Status.FAIL for status, detail in of(checks, "probe"))


def test_the_played_driver_is_one(played):
    assert isinstance(played("oracledb"), Driver)
