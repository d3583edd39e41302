"""An account that can write is refused before its first look, whatever the database."""

from __future__ import annotations

import re

import pytest
from test_servers import DRIVERS, ROW, URLS, look

from harness.databases import accounts
from harness.model import Outcome
from harness.probes.sql import SqlProbe

ORACLE = [
    ("session_privs", [("CREATE SESSION",), ("UPDATE ANY TABLE",)], "UPDATE ANY TABLE"),
    ("session_privs", [("CREATE SESSION",), ("CREATE TABLE",)], "CREATE TABLE"),
    ("session_privs", [("CREATE SESSION",), ("SOMETHING NEW",)], "SOMETHING NEW"),
    ("session_privs", [], "cannot be read"),
    ("user_tab_privs", [("ZLHIS.RESULTS", "UPDATE")], "ZLHIS.RESULTS (UPDATE)"),
    ("all_tab_privs", [("ZLHIS.NOTES", "INSERT")], "ZLHIS.NOTES (INSERT, PUBLIC)"),
    ("user_objects", [("RESULTS",)], "RESULTS (its own table)"),
    ("ISDBA", [("SYSDBA",)], "SYSDBA"),
]

SQL_SERVER = [
    ("IS_SRVROLEMEMBER", [("sysadmin",)], "sysadmin"),
    ("IS_SRVROLEMEMBER", [("db_datawriter",)], "db_datawriter"),
    ("fn_my_permissions", [("CONNECT",), ("DELETE",)], "DELETE"),
    ("fn_my_permissions", [], "cannot be read"),
    ("sys.objects", [("dbo.results",)], "dbo.results"),
    ("sys.database_permissions", [("dbo.notes",)], "dbo.notes"),
]

USAGE = ("GRANT USAGE ON *.* TO `r`@`%`",)
MYSQL = [
    ("SHOW GRANTS", [USAGE, ("GRANT SELECT, UPDATE ON `lis`.* TO `r`@`%`",)], "`lis`.* (UPDATE)"),
    ("SHOW GRANTS", [("GRANT ALL PRIVILEGES ON *.* TO `r`@`%`",)], "ALL PRIVILEGES"),
    ("SHOW GRANTS", [("GRANT SELECT (`a`, `b`), UPDATE (`b`) ON `lis`.`t` TO `r`@`%`",)], "`t`"),
    ("SHOW GRANTS", [USAGE, ("GRANT PROXY ON ''@'' TO 'r'@'%'",)], "PROXY"),
    ("SHOW GRANTS", [("GRANT SELECT, SYSTEM_VARIABLES_ADMIN ON *.* TO `r`@`%`",)], "SYSTEM_"),
    ("SHOW GRANTS", [("REVOKE something",)], "REVOKE something"),
    ("SHOW GRANTS", [], "cannot be read"),
]

CASES = [
    *(("oracledb", *one) for one in ORACLE),
    *(("pymssql", *one) for one in SQL_SERVER),
    *(("pymysql", *one) for one in MYSQL),
]


@pytest.mark.parametrize(("name", "question", "rows", "right"), CASES)
def test_an_account_that_can_write_is_refused(played, name, question, rows, right):
    driver = played(name, {**ROW, question: rows})
    answer = look(name)

    assert answer.outcome is Outcome.FAILED
    assert "the account of this probe can write" in answer.error
    assert right in answer.error
    assert not [one for one in driver.told if "FROM results" in str(one)]  # it was never asked


@pytest.mark.parametrize("name", DRIVERS)
def test_an_account_that_only_reads_looks_and_is_asked_about_once(played, name):
    driver = played(name, ROW)
    probe = SqlProbe(name="p", role="LIS", url=URLS[name], query="SELECT barcode FROM results",
                     verify=True)  # fmt: skip
    assert probe.ask({}).outcome is Outcome.OK
    asked = len(driver.told)
    assert probe.ask({}).outcome is Outcome.OK
    assert len(driver.told) < 2 * asked
    assert probe.account_writes() == []
    probe.close()


def test_column_rights_and_whole_reading_of_mysql():
    def ask(query):
        return [
            ("GRANT SELECT (`a`, `update`), SHOW VIEW ON `lis`.`t` TO `r`@`%`",),
            ("GRANT USAGE ON *.* TO `r`@`%` WITH GRANT OPTION",),
        ]

    assert accounts.mysql(ask) == []


ROLES = [("GRANT SELECT ON `lis`.* TO `r`@`%`",), ("GRANT `w`@`%`, `x` TO `r`@`%`",),
         ("SET DEFAULT ROLE `x` FOR `r`@`%`",)]  # fmt: skip


def test_a_role_that_could_be_switched_on_is_asked_for():
    def ask(query):
        known = {"SHOW GRANTS": ROLES, "SELECT CURRENT_ROLE()": [("x",)],
                 "SHOW GRANTS FOR `w`@`%`": [("GRANT DELETE ON `lis`.* TO `w`@`%`",)]}  # fmt: skip
        return known[query]  # of the role that is on, SHOW GRANTS has told already

    assert accounts.mysql(ask) == ["`lis`.* (DELETE)"]


def test_a_role_whose_rights_nobody_tells_counts_as_writing():
    """MariaDB 10.11: 1044, Access denied to database 'mysql', also for a role of one's own."""

    def ask(query):
        if query == "SELECT CURRENT_ROLE()":
            return [(None,)]
        if query == "SHOW GRANTS":
            return ROLES[:2]
        raise PermissionError(query)

    assert accounts.mysql(ask) == ["`w`@`%` (its privileges cannot be read)",
                                   "`x` (its privileges cannot be read)"]  # fmt: skip


def test_the_scratch_database_that_comes_with_mariadb_is_not_the_hospitals():
    scratch = [("GRANT SELECT, INSERT, DROP ON `test`.* TO PUBLIC",),
               ("GRANT SELECT, INSERT, DROP ON `test\\_%`.* TO PUBLIC",)]  # fmt: skip
    assert accounts.mysql(lambda _: scratch) == []
    other = [("GRANT SELECT, INSERT, DROP ON `tests`.* TO PUBLIC",)]
    assert accounts.mysql(lambda _: other) == ["`tests`.* (INSERT, DROP)"]


ONE_BY_ONE = [accounts.ORACLE_SYSTEM, accounts.ORACLE_DBA, accounts.ORACLE_OBJECTS,
              accounts.ORACLE_PUBLIC, accounts.ORACLE_OWN]  # fmt: skip


@pytest.mark.parametrize("query", ONE_BY_ONE)
def test_what_oracle_is_asked_exists_in_11_2(query):
    """Views and words of Database Reference 11g Release 2; FETCH FIRST came with 12.1."""
    assert query.startswith("SELECT ")
    assert not re.search(
        r"fetch first|oracle_maintained|;|listagg|\bdba_|\bv\$", query, re.IGNORECASE
    )
    known = {"session_privs", "role_sys_privs", "user_sys_privs", "user_tab_privs", "dual",
             "role_tab_privs", "user_col_privs", "all_tab_privs", "user_objects"}  # fmt: skip
    assert set(re.findall(r"FROM (\w+)", query)) <= known
