"""A PostgreSQL account that can write is refused before its first look."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "simulators"))

from postgres_cluster import cluster

from harness import doctor
from harness.doctor_check import Status
from harness.probes.sql import SqlProbe
from harness.profile import load_profile

psycopg = pytest.importorskip("psycopg")

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SETUP = """
CREATE TABLE results (barcode text, value text);
INSERT INTO results VALUES ('MH1', '4.10');
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE ROLE reader LOGIN;
GRANT SELECT ON results TO reader;
CREATE ROLE writer LOGIN;
GRANT SELECT, UPDATE ON results TO writer;
CREATE ROLE one_column LOGIN;
GRANT SELECT ON results TO one_column;
GRANT UPDATE (value) ON results TO one_column;
CREATE ROLE through_group LOGIN;
GRANT pg_write_all_data TO through_group;
GRANT SELECT ON results TO through_group;
CREATE ROLE maker LOGIN;
GRANT SELECT ON results TO maker;
GRANT CREATE ON SCHEMA public TO maker;
"""

QUERY = "SELECT barcode, value FROM results WHERE barcode = :barcode"

PROFILE = """
format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "real"
version = "1"
[probes.results]
owner = "Li, 8001"
reach = "stored"
role = "LIS"
url_env = "PROBE_URL"
query = "SELECT barcode FROM results WHERE barcode = :barcode"
"""


@pytest.fixture(scope="module")
def server():
    with cluster() as url:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(SETUP)
        yield url


def as_user(url, user):
    return url.replace("tester@", f"{user}@")


def look(url, user, *, verify=True):
    probe = SqlProbe(name="p", role="LIS", url=as_user(url, user), query=QUERY, verify=verify)
    try:
        return probe.ask({"barcode": "MH1"})
    finally:
        probe.close()


def test_an_account_that_only_reads_looks(server):
    answer = look(server, "reader")
    assert (answer.outcome, list(answer.rows)) == ("ok", [{"barcode": "MH1", "value": "4.10"}])


@pytest.mark.parametrize(("user", "right"), [
    ("writer", "public.results"), ("one_column", "public.results"),
    ("through_group", "pg_write_all_data"), ("maker", "public (CREATE)"), ("tester", "SUPERUSER"),
])  # fmt: skip
def test_an_account_that_can_write_is_refused(server, user, right):
    answer = look(server, user)
    assert answer.outcome == "failed"
    assert right in answer.error
    assert not answer.rows
    assert look(server, user, verify=False).outcome == "ok"


@pytest.mark.parametrize(("user", "status"), [("reader", Status.OK), ("writer", Status.FAIL)])
def test_the_doctor_says_so(server, user, status, tmp_path, monkeypatch):
    (tmp_path / "site.toml").write_text(PROFILE, encoding="utf-8")
    monkeypatch.setenv("PROBE_URL", as_user(server, user))
    checks = doctor.examine(load_profile(str(tmp_path / "site.toml")))
    assert [one.status for one in checks if one.name == "account"] == [status]
