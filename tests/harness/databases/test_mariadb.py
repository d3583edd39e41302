"""A real MariaDB: reading accounts look, writing ones are refused, one moment, caps."""

from __future__ import annotations

import pytest
from mariadb_server import root, server

from harness.model import Outcome
from harness.probes.sql import SqlProbe

pytestmark = [pytest.mark.peer, pytest.mark.slow]

QUERY = "SELECT barcode, value, n FROM results WHERE barcode = :barcode AND value LIKE '%'"

SETUP = """
CREATE DATABASE lis
CREATE TABLE lis.results (barcode CHAR(20), value VARCHAR(20) CHARACTER SET utf8mb4, n DECIMAL(9,2)) ENGINE=InnoDB
INSERT INTO lis.results VALUES ('MH1', '阳性 4%', 4.10)
CREATE FUNCTION lis.grow() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO lis.results VALUES ('G', '', 0); RETURN 1; END
CREATE ROLE writing
GRANT DELETE ON lis.* TO writing
CREATE ROLE reading
GRANT SELECT ON lis.* TO reading
CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'p@ss'
GRANT SELECT ON lis.* TO reader@'127.0.0.1'
GRANT EXECUTE ON FUNCTION lis.grow TO reader@'127.0.0.1'
CREATE USER by_role@'127.0.0.1' IDENTIFIED BY 'p@ss'
GRANT reading TO by_role@'127.0.0.1'
SET DEFAULT ROLE reading FOR by_role@'127.0.0.1'
CREATE USER writer@'127.0.0.1' IDENTIFIED BY 'p@ss'
GRANT SELECT, UPDATE ON lis.* TO writer@'127.0.0.1'
CREATE USER one_column@'127.0.0.1' IDENTIFIED BY 'p@ss'
GRANT SELECT, UPDATE (value) ON lis.results TO one_column@'127.0.0.1'
CREATE USER switchable@'127.0.0.1' IDENTIFIED BY 'p@ss'
GRANT SELECT ON lis.* TO switchable@'127.0.0.1'
GRANT writing TO switchable@'127.0.0.1'
CREATE USER writing_role@'127.0.0.1' IDENTIFIED BY 'p@ss'
GRANT SELECT ON lis.* TO writing_role@'127.0.0.1'
GRANT writing TO writing_role@'127.0.0.1'
SET DEFAULT ROLE writing FOR writing_role@'127.0.0.1'
CREATE USER boss@'127.0.0.1' IDENTIFIED BY 'p@ss'
GRANT ALL PRIVILEGES ON *.* TO boss@'127.0.0.1'
"""


@pytest.fixture(scope="module")
def maria():
    with server() as (port, sock):
        with root(sock) as db, db.cursor() as cursor:
            for line in SETUP.strip().splitlines():
                cursor.execute(line)
        yield port, sock


def probe(maria, user, query=QUERY, **words):
    url = f"mysql+pymysql://{user}:p%40ss@127.0.0.1:{maria[0]}/lis"
    return SqlProbe(name="p", role="LIS", url=url, query=query, verify=True, **words)


def look(maria, user, query=QUERY, args=(), **words):
    one = probe(maria, user, query, **words)
    try:
        return one.ask(dict(args) or {"barcode": "MH1"})
    finally:
        one.close()


@pytest.mark.parametrize("user", ["reader", "by_role"])
def test_an_account_that_only_reads_looks(maria, user):
    answer = look(maria, user)
    assert answer.outcome is Outcome.OK, answer.error
    assert answer.rows == [{"barcode": "MH1", "value": "阳性 4%", "n": "4.10"}]


@pytest.mark.parametrize(("user", "right"), [
    ("writer", "`lis`.* (UPDATE)"), ("one_column", "`lis`.`results` (UPDATE)"),
    ("switchable", "`writing`"), ("writing_role", "`lis`.* (DELETE)"),
    ("boss", "ALL PRIVILEGES"),
])  # fmt: skip
def test_an_account_that_can_write_is_refused(maria, user, right):
    answer = look(maria, user)
    assert answer.outcome is Outcome.FAILED
    assert "can write" in answer.error
    assert right in answer.error


def test_several_looks_see_one_moment(maria):
    one = probe(maria, "reader")
    with root(maria[1]) as db, db.cursor() as cursor, one.snapshot():
        assert len(one.ask({"barcode": "M2"}).rows) == 0
        cursor.execute("INSERT INTO lis.results VALUES ('M2', 'x', 1)")
        assert len(one.ask({"barcode": "M2"}).rows) == 0
    assert len(one.ask({"barcode": "M2"}).rows) == 1  # it was there all the time
    one.close()


def test_a_function_that_writes_is_stopped_by_the_transaction(maria):
    answer = look(maria, "reader", "SELECT grow() AS g")
    assert "READ ONLY" in answer.error
    assert look(maria, "reader", args={"barcode": "G"}).rows == []


def test_a_look_is_bounded_in_time_by_the_server(maria):
    endless = "SELECT count(*) AS n FROM seq_1_to_1000000000 a WHERE a.seq * 2 = -1"
    answer = look(maria, "reader", endless, timeout_s=0.2)
    assert "max_statement_time" in answer.error


def test_a_wrong_password_is_a_failed_look(maria):
    answer = look(maria, "nobody")
    assert answer.outcome is Outcome.FAILED
    assert "1045" in answer.error
    assert "p@ss" not in answer.error
