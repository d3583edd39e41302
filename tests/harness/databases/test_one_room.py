"""Ledgers and snapshots open Oracle as probes do: the same client, the same words."""

from __future__ import annotations

import pytest
from test_oracle_client import client, linux

from harness.contract import drivers
from harness.databases import oracle_client
from harness.errors import InputError
from harness.ledger import sources_sql
from harness.probes.sql import CLIENT

URL = "oracle+oracledb://u:hunter2@10.0.0.1/?service_name=x"


def test_a_ledger_loads_the_client_that_the_environment_names(tmp_path, played, monkeypatch):
    driver = played("oracledb")
    monkeypatch.setenv(CLIENT, client(tmp_path))
    sources_sql._client(URL)
    sources_sql._client("sqlite:///x")
    sources_sql._client(URL)
    assert driver.clients == [str(tmp_path)]


def test_a_ledger_says_what_is_wrong_with_the_client(tmp_path, played, monkeypatch):
    played("oracledb")
    (tmp_path / "libclntsh.so").write_bytes(linux(32))
    monkeypatch.setenv(CLIENT, str(tmp_path))
    with pytest.raises(InputError, match="32 bits"):
        sources_sql.extract(URL, "SELECT 1 FROM dual", tmp_path / "x.csv")
    monkeypatch.delenv(CLIENT)
    assert oracle_client._loaded == []


def test_a_snapshot_reads_one_moment_and_lets_go(tmp_path, played, monkeypatch):
    driver = played("oracledb", {"FROM t": [(1,)]})
    monkeypatch.setenv(CLIENT, client(tmp_path))
    with drivers.connected(URL) as ask:
        assert ask("SELECT a FROM t WHERE b = :1", ["x"]) == [(1,)]
    assert driver.clients == [str(tmp_path)]
    at = driver.told.index(("SELECT a FROM t WHERE b = :1", ("x",)))
    assert driver.told[at - 1 : at + 2] == [
        "SET TRANSACTION READ ONLY", driver.told[at], "<rollback>",
    ]  # fmt: skip
    assert driver.told[-1] == "<close>"


def test_a_snapshot_shows_no_password_and_what_to_do(played):
    played("oracledb", refuses={"connect": (f"DPY-3010: not supported, {URL}, hunter2",)})
    with pytest.raises(InputError) as caught, drivers.connected(URL):
        pass
    assert "hunter2" not in str(caught.value)
    assert "oracle_client" in caught.value.remedy


def test_catalogues_of_sql_server_are_read_outside_of_its_snapshot(played):
    """They lie in other databases, which may not allow that level (error 3952)."""
    driver = played("pymssql", {"FROM t": [(1,)]})
    with drivers.connected("mssql://u:p@10.0.0.1/lis") as ask:
        assert ask("SELECT a FROM t", []) == [(1,)]
    assert "SET TRANSACTION ISOLATION LEVEL SNAPSHOT" not in driver.told
