"""Ids of a system are captured from its database: SQLite and PostgreSQL through a site profile."""

import sqlite3
from contextlib import closing

import pytest

from harness.clock import VirtualClock
from harness.errors import Blocked
from harness.evidence.trace import Trace
from harness.permit import Permit
from harness.profile import load_profile
from harness.scenario.wiring import probes
from harness.site.board import Board
from harness.site.cards import read_forms
from harness.site.desk import Desk
from harness.site.route import Routes

TABLE = "CREATE TABLE visits (visit_no VARCHAR(20), name VARCHAR(40), card VARCHAR(18))"
OLD = "INSERT INTO visits VALUES ('V1', '测试甲', 'C1')"
NEW = "INSERT INTO visits VALUES ('V2', '测试甲', 'C1')"
OTHER = "INSERT INTO visits VALUES ('V3', '测试乙', 'C2')"

PROFILE = """
format = 1
name = "现场"
environment = "test"
[systems.HIS]
mode = "real"
worked_by = "person"
version = "1"
[probes.visits]
owner = "Li, 8001"
reach = "stored"
role = "HIS"
url_env = "PROBE_URL"
rate_per_s = 100.0
query = "SELECT visit_no, name FROM visits WHERE card = :card"
[operator]
wait_s = 1.0
mints = ["HIS.visit"]
cards = "cards.toml"
"""

CARDS = """
format = 1
[[card]]
role = "HIS"
command = "visit"
workstation = "挂号"
text = "挂号"
fields = { name = "姓名", visit = "就诊号" }
probe = "visits"
ask = { card = "{card}" }
match = { name = "{name}" }
ids = { visit = "visit_no" }
"""


class Site:
    """A desk over the probe of a profile; ``later`` is what the HIS stores, one a wait."""

    def __init__(self, folder, url):
        (folder / "site.toml").write_text(PROFILE, encoding="utf-8")
        (folder / "cards.toml").write_text(CARDS, encoding="utf-8")
        profile = load_profile(str(folder / "site.toml"))
        self.clock = VirtualClock()
        permit = Permit(profile, self.clock.wall)
        self.probes = probes(profile, folder, permit, {"PROBE_URL": url})
        self.watched, self.later, self.captured = {}, [], []
        trace = Trace(self.clock)
        trace.add("step", index=0)
        self.desk = Desk(
            roles=frozenset({"HIS"}),
            forms=read_forms(profile.file(profile.operator.cards)),
            operators=profile.operator,
            board=Board(),
            trace=trace,
            eyes=self,
            say=lambda _: None,
            routes=Routes(profile),
            captured=lambda *told: self.captured.append(told),
        )

    def wait(self, satisfied, deadline):
        self.clock.advance_to(deadline)
        if self.later:
            self.later.pop(0)()
        return satisfied()

    def close(self):
        for probe in self.probes.values():
            probe.close()


def captured_from(folder, url, store):
    """One card over a database: an old row, another person's, then the one that proves it."""
    store(TABLE)
    store(OLD)
    site = Site(folder, url)
    try:
        site.desk.hand("HIS", "visit", {"name": "测试甲", "card": "C1", "visit": "ours"})
        site.later = [lambda: None, lambda: store(OTHER), lambda: store(NEW)]
        site.desk.finish()
        done = site.captured
        site.desk.hand("HIS", "visit", {"name": "测试乙", "card": "C9", "visit": "second"})
        with pytest.raises(Blocked, match="挂号"):
            site.desk.finish()
    finally:
        site.close()
    return done


def test_from_a_file_of_sqlite(tmp_path):
    path = tmp_path / "his.sqlite"

    def store(statement):
        with closing(sqlite3.connect(path)) as db:
            db.execute(statement)
            db.commit()

    assert captured_from(tmp_path, f"sqlite:{path}", store) == [("visit", "ours", "V2")]


@pytest.mark.peer
@pytest.mark.slow
def test_from_postgresql_with_an_account_that_only_reads(tmp_path):
    psycopg = pytest.importorskip("psycopg")
    from tests.simulators.postgres_cluster import cluster

    with cluster() as url, psycopg.connect(url, autocommit=True) as db:
        db.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        db.execute("CREATE ROLE reader LOGIN")
        db.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader")
        account = url.replace("tester@", "reader@")
        assert captured_from(tmp_path, account, db.execute) == [("visit", "ours", "V2")]
