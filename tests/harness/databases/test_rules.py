"""What one kind of database would take for more than a look, and what it would not."""

from __future__ import annotations

import pytest

from harness.databases import rules
from harness.databases.target import Kind
from harness.errors import PermitError
from harness.probes.sql import SqlProbe, check_select

REFUSED = [
    (Kind.ORACLE, "SELECT a FROM zlhis.t@prod"),
    (Kind.ORACLE, 'SELECT a FROM "T"@"PROD"'),
    (Kind.ORACLE, "SELECT q'[it's]' FROM dual WHERE a = '"),
    (Kind.ORACLE, "SELECT nq'{a}' FROM dual"),
    (Kind.ORACLE, "SELECT dbms_pipe.send_message('x') FROM dual"),
    (Kind.ORACLE, "SELECT utl_http.request('http://x') FROM dual"),
    (Kind.ORACLE, "SELECT httpuritype('http://x').getclob() FROM dual"),
    (Kind.ORACLE, "SELECT dbms_lob.writeappend(a) FROM t"),
    (Kind.ORACLE, "SELECT ids.NEXTVAL FROM dual"),
    (Kind.SQL_SERVER, "SELECT 1 SHUTDOWN"),
    (Kind.SQL_SERVER, "SELECT 1 kill 53"),
    (Kind.SQL_SERVER, "SELECT 'a' WAITFOR DELAY '0:0:5'"),
    (Kind.SQL_SERVER, "SELECT a FROM prod.his.dbo.t"),
    (Kind.SQL_SERVER, "SELECT a FROM prod...t"),
    (Kind.SQL_SERVER, 'SELECT a FROM "prod"."his"."dbo"."t"'),
    (Kind.SQL_SERVER, "SELECT a FROM [prod].[his].[dbo].[t]"),
    (Kind.SQL_SERVER, "SELECT a FROM t WITH (UPDLOCK)"),
    (Kind.SQL_SERVER, "SELECT a FROM t WITH (NOLOCK)"),
    (Kind.SQL_SERVER, "SELECT NEXT VALUE FOR ids"),
    (Kind.SQL_SERVER, "SELECT [a'b] FROM t WHERE x = [c'd]"),
    (Kind.SQL_SERVER, "SELECT 1 COMMIT SELECT 2"),
    (Kind.MYSQL, "SELECT 1 # '\n, 2 FROM t # '"),
    (Kind.MYSQL, "SELECT load_file('/etc/passwd')"),
    (Kind.MYSQL, "SELECT sleep (5)"),
    (Kind.MYSQL, "SELECT get_lock('x', 1)"),
    (Kind.MYSQL, "SELECT a FROM t LOCK IN SHARE MODE"),
]

ALLOWED = [
    (Kind.ORACLE, "SELECT dbms_lob.substr(note, 4000, 1) AS note FROM t WHERE a = 'u@v'"),
    (Kind.ORACLE, "SELECT a FROM zlhis.t WHERE ROWNUM <= 5 AND b = :b AND c = 'q'"),
    (Kind.ORACLE, "SELECT faq FROM t WHERE x = 'q''s'"),
    (Kind.SQL_SERVER, "SELECT t.a, u.b FROM dbo.t t JOIN dbo.u u ON t.x = u.x AND u.y = 1.5"),
    (Kind.SQL_SERVER, "SELECT a FROM his.dbo.t WHERE b = @x"),
    (Kind.SQL_SERVER, "SELECT [a b], \"use\" FROM [dbo].[t] WHERE c = 'kill'"),
    (Kind.MYSQL, "SELECT a FROM lis.t WHERE b = '#'"),
    (Kind.POSTGRESQL, "SELECT a FROM t WHERE b @> :b"),
    (Kind.SQLITE, "SELECT a FROM t"),
]


@pytest.mark.parametrize(("kind", "sql"), REFUSED)
def test_what_would_be_more_than_a_look_is_refused(kind, sql):
    with pytest.raises(PermitError):
        rules.check(kind, sql)


@pytest.mark.parametrize(("kind", "sql"), ALLOWED)
def test_plain_looks_are_allowed(kind, sql):
    check_select(sql)
    rules.check(kind, sql)


def test_a_probe_asks_by_the_rules_of_its_database():
    url = "oracle+oracledb://u:p@10.0.0.1/?service_name=x"
    with pytest.raises(PermitError, match="@"):
        SqlProbe(name="p", role="HIS", url=url, query="SELECT a FROM t@prod")
    SqlProbe(name="p", role="HIS", url="/x", query="SELECT a FROM t WHERE b = '@'").close()
