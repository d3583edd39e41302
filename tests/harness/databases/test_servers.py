"""What Oracle, SQL Server and MySQL are told and asked, at played drivers: no server is here."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from harness.databases.servers import OracleSession
from harness.databases.target import target_of
from harness.errors import InputError
from harness.model import Outcome
from harness.probes.sql import SqlProbe

QUERY = "SELECT barcode, value FROM results WHERE barcode = :barcode AND day = :date"

URLS = {
    "oracledb": "oracle+oracledb://reader:hunter2@10.0.0.1/?service_name=zlhis",
    "pymssql": "mssql+pymssql://reader:hunter2@10.0.0.1/lis",
    "pymysql": "mysql+pymysql://reader:hunter2@10.0.0.1/lis",
}

ROW = {"FROM results": [("MH1", "4.10")], "names": ["BARCODE", "VALUE"]}

DRIVERS = sorted(URLS)


def looking(driver, query=QUERY, **words):
    return SqlProbe(name="p", role="LIS", url=URLS[driver], query=query, verify=True, **words)


def look(driver, query=QUERY, args=None, **words):
    probe = looking(driver, query, **words)
    try:
        return probe.ask({"barcode": "MH1", "date": "x", "unused": "y"} if args is None else args)
    finally:
        probe.close()


def before_the_question(driver):
    return [one for one in driver.told if isinstance(one, str)]


# -- one look from end to end


def test_oracle_reads_one_moment_with_its_texts_bound_as_char(played):
    driver = played("oracledb", {**ROW, "kinds": ["CHAR", "VARCHAR"],
                                 "FROM results": [("MH1   ", "4.10 ")]})  # fmt: skip
    answer = look("oracledb", timeout_s=3.0)

    assert answer.outcome is Outcome.OK, answer.error
    assert answer.rows == [{"barcode": "MH1", "value": "4.10 "}]  # CHAR is padded, VARCHAR2 is not
    (words,) = driver.connected
    assert (words["user"], words["password"]) == ("reader", "hunter2")
    assert words["dsn"].startswith("(DESCRIPTION=(CONNECT_TIMEOUT=3)")
    asked = ("SELECT barcode, value FROM results WHERE barcode = :b1 AND day = :b2",
             {"b1": "MH1", "b2": "x"})  # fmt: skip
    at = driver.told.index(asked)
    assert driver.told[at - 2 : at + 2] == [
        "<rollback>", "SET TRANSACTION READ ONLY", asked, "<rollback>",
    ]  # fmt: skip
    assert driver.told[0] == "call_timeout=3000"
    assert driver.told[-1] == "<close>"
    assert driver.sized == [{"b1": driver.DB_TYPE_CHAR, "b2": driver.DB_TYPE_CHAR}]


def test_sql_server_reads_one_moment_without_a_lock(played):
    driver = played("pymssql", {**ROW, "names": ["barcode", "value"]})
    answer = look("pymssql", timeout_s=3.0)

    assert answer.rows == [{"barcode": "MH1", "value": "4.10"}], answer.error
    (words,) = driver.connected
    assert (words["server"], words["port"], words["timeout"]) == ("10.0.0.1", "1433", 3)
    assert "read_only" not in words  # an availability group would lead to another server
    asked = ("SELECT barcode, value FROM results WHERE barcode = %(barcode)s AND day = %(date)s",
             {"barcode": "MH1", "date": "x"})  # fmt: skip
    at = driver.told.index(asked)
    assert driver.told[at - 2 : at + 2] == [
        "SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "BEGIN TRANSACTION", asked,
        "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION",
    ]  # fmt: skip
    assert driver.told[0] == "SET LOCK_TIMEOUT 3000"


def test_mysql_reads_one_moment(played):
    driver = played("pymysql", {**ROW, "names": ["barcode", "value"]})
    answer = look("pymysql", timeout_s=3.0)

    assert answer.rows == [{"barcode": "MH1", "value": "4.10"}], answer.error
    (words,) = driver.connected
    assert (words["host"], words["port"], words["local_infile"]) == ("10.0.0.1", 3306, False)
    assert driver.told[:2] == [
        "SET SESSION MAX_EXECUTION_TIME = 3000",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    ]
    at = next(i for i, one in enumerate(driver.told) if isinstance(one, tuple))
    assert driver.told[at - 1] == "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
    assert driver.told[at + 1] == "ROLLBACK"


def test_mariadb_calls_its_cap_of_time_otherwise(played):
    words = {"MAX_EXECUTION_TIME": (1193, "Unknown system variable")}
    driver = played("pymysql", ROW, refuses=words)
    assert look("pymysql", timeout_s=2.5).outcome is Outcome.OK
    assert driver.told[1] == "SET SESSION max_statement_time = 2.5"


def test_a_cap_of_time_that_is_refused_for_another_reason_is_a_failed_look(played):
    played("pymysql", ROW, refuses={"MAX_EXECUTION_TIME": (1227, "Access denied")})
    answer = look("pymysql")
    assert answer.outcome is Outcome.FAILED
    assert "Access denied" in answer.error


@pytest.mark.parametrize("name", DRIVERS)
def test_two_looks_in_one_snapshot_are_one_transaction(played, name):
    driver = played(name, ROW)
    probe = looking(name)
    with probe.snapshot():
        probe.ask({"barcode": "1", "date": ""})
        probe.ask({"barcode": "2", "date": ""})
    begins = [one for one in before_the_question(driver)
              if "READ ONLY" in one or one == "BEGIN TRANSACTION"]  # fmt: skip
    assert len(begins) == 1
    assert len([one for one in driver.told if isinstance(one, tuple)]) == 2
    probe.close()


@pytest.mark.parametrize("name", DRIVERS)
def test_rows_are_capped_and_one_more_is_an_error(played, name):
    played(name, {"FROM results": [("1", "a"), ("2", "b")], "names": ["a", "b"]})
    assert look(name, rows_max=2).outcome is Outcome.OK
    answer = look(name, rows_max=1)
    assert (answer.outcome, answer.error) == (Outcome.FAILED, "more than 1 rows")


@pytest.mark.parametrize("name", DRIVERS)
def test_a_hole_without_a_value_is_a_failed_look(played, name):
    played(name, ROW)
    answer = look(name, args={"barcode": "1"})
    assert answer.outcome is Outcome.FAILED
    assert ":date" in answer.error


@pytest.mark.parametrize("name", DRIVERS)
def test_a_server_that_is_not_there_is_a_failed_look_and_no_password_is_shown(played, name):
    played(name, ROW, refuses={"connect": (f"cannot open {URLS[name]}\nhunter2",)})
    answer = look(name)
    assert answer.outcome is Outcome.FAILED
    assert "hunter2" not in answer.error


@pytest.mark.parametrize("name", DRIVERS)
def test_a_driver_that_is_missing_is_told_with_what_installs_it(monkeypatch, name):
    import sys

    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError) as caught:
        look(name)
    assert name in caught.value.message
    assert caught.value.remedy.startswith("pip install ")


# -- Oracle alone


def test_oracle_without_holes_and_with_per_cent_signs(played):
    driver = played("oracledb", ROW)
    look("oracledb", "SELECT barcode FROM results WHERE barcode LIKE 'MH%'", {})
    assert "SELECT barcode FROM results WHERE barcode LIKE 'MH%'" in driver.told
    assert driver.sized == []


@pytest.mark.parametrize("name", ["pymssql", "pymysql"])
def test_per_cent_signs_without_holes_stay_single(played, name):
    driver = played(name, ROW)
    look(name, "SELECT barcode FROM results WHERE barcode LIKE 'MH%'", {})
    assert "SELECT barcode FROM results WHERE barcode LIKE 'MH%'" in driver.told
    look(name, "SELECT barcode FROM results WHERE barcode LIKE 'MH%' AND day = :date", {"date": ""})
    assert driver.told[-3 if name == "pymysql" else -4][0].endswith("'MH%%' AND day = %(date)s")


def test_names_of_oracle_are_folded_and_get_our_names_however_they_are_written(played):
    played("oracledb", {"FROM results": [("T1", "5.0", "x")], "names": ["TMH", "JG", "Mixed"]})
    answer = look("oracledb", columns={"barcode": "TMH", "value": "jg"})
    assert answer.rows == [{"barcode": "T1", "value": "5.0", "Mixed": "x"}]


def test_oracle_numbers_stay_exact_and_long_texts_come_as_text(played):
    import types

    driver = played("oracledb", ROW)
    session = OracleSession(target_of(URLS["oracledb"], {}), 5.0)
    handler = session._db.outputtypehandler
    cursor = session._db.cursor()

    def told(kind):
        return types.SimpleNamespace(type_code=getattr(driver, f"DB_TYPE_{kind}"))

    assert handler(cursor, told("NUMBER")) == ("var", "decimal", 100)
    assert handler(cursor, told("CLOB")) == ("var", driver.DB_TYPE_LONG, 100)
    assert handler(cursor, told("VARCHAR")) is None
    assert str(Decimal("0.10")) == "0.10"


class Slow:
    """A statement that goes on until it is broken off."""

    def __init__(self):
        self.broken = threading.Event()


def test_a_client_before_18_is_broken_off_from_beside(played):
    """DPI-1050: call_timeout needs Oracle Client 18.1; an 11.2 client knows OCIBreak alone."""
    refuses = {"call_timeout": ("DPI-1050: Oracle Client library is at version 11.2",)}
    driver = played("oracledb", ROW, refuses=refuses)
    slow = Slow()
    session = OracleSession(target_of(URLS["oracledb"], {}), 0.01)
    session._db.cancel = slow.broken.set
    execute = driver.tell

    def goes_on(statement, values):
        execute(statement, values)
        if "FROM results" in statement:
            assert slow.broken.wait(60)
            raise driver.Error("ORA-01013: user requested cancel of current operation")

    driver.tell = goes_on
    with pytest.raises(driver.Error, match="ORA-01013"):
        session.run(QUERY, {"barcode": "1", "date": ""}, 10)


def test_a_client_from_18_needs_no_watch_beside(played):
    driver = played("oracledb", ROW)
    assert look("oracledb", timeout_s=60.0).outcome is Outcome.OK
    assert "<cancel>" not in driver.told
    assert "call_timeout=60000" in driver.told


def test_the_remedy_of_a_thin_driver_at_an_old_database(played):
    text = "DPY-3010: connections to this database server version are not supported"
    played("oracledb", ROW, refuses={"connect": (text,)})
    answer = look("oracledb")
    assert "DPY-3010" in answer.error
    assert 'oracle_client = "FOLDER"' in answer.error
