"""A role that we play accepts a link of the system under test, and brings its own store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import VirtualClock
from harness.link.pump import Pump
from harness.link.spec import LinkSpec
from harness.scenario.bench import Bench
from harness.scenario.hospital import OnlyRoles, Settings, built_in
from harness.scenario.systems import InPump
from simulators.feed.feed import Feed
from simulators.store import SqliteStore

ADMIT = {"patient_id": "T1", "name": "测试甲", "sex": "F", "birth": "19800101", "id_card": ""}


def bench_of(folder: Path, frm: str, roles: tuple[str, ...]) -> Bench:
    spec = LinkSpec(name="his-lis", interface="X", frm=frm, to="LIS", protocol="mllp")
    pump = Pump(VirtualClock())
    part = OnlyRoles.of(built_in(), lambda role: role in roles)
    systems = InPump(part, Settings(folder, durable=False), pump, {"his-lis": spec})
    made = Bench(pump, systems, {"his-lis": spec}, {})
    made.start()
    return made


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = bench_of(tmp_path, "HIS", ("HIS",))
    yield made
    assert made.stop() == []


def pending(bench: Bench) -> int:
    return int(bench.systems.order("HIS", "pending", {}))


def test_the_system_that_connects_is_told_where(bench: Bench, tmp_path: Path) -> None:
    bench.systems.order("HIS", "admit", ADMIT)
    bench.driver.wait(lambda: False, bench.clock.now() + 5.0)
    assert pending(bench) == 1, "nobody listens yet"

    store = SqliteStore(tmp_path / "mine.sqlite", ["CREATE TABLE a (b TEXT)"], durable=False)
    bench.join("LIS", Feed("LIS", bench.clock), (), store=store)
    bench.serve("his-lis", "LIS")
    assert bench.driver.wait(lambda: pending(bench) == 0, bench.clock.now() + 10.0)

    assert bench.end() == []
    assert "LIS" not in bench.driver.members
    with pytest.raises(sqlite3.ProgrammingError):
        store.rows("SELECT 1")
    assert bench.end() == [], "a store is closed once"


def test_a_system_that_we_do_not_run_is_not_told(tmp_path: Path) -> None:
    made = bench_of(tmp_path, "elsewhere", ("HIS",))
    made.join("LIS", Feed("LIS", made.clock), ())
    made.serve("his-lis", "LIS")

    assert "memory:LIS/his-lis" in made.driver.listeners  # type: ignore[attr-defined] # a pump
    assert made.end() == []
    made.stop()
