"""Where a database URL leads: every address of it, or a refusal."""

from __future__ import annotations

import pytest

from harness.databases import oracle_names
from harness.databases.target import Kind, kind_of, target_of
from harness.errors import PermitError

# Two ways to one service, as a cluster's client has it in tnsnames.ora (Net Services Reference
# 11.2, "Local Naming Parameters"), typed with blanks and small letters as hospitals write them.
CLUSTER = """(description = (load_balance = yes)
  (address_list =
    (address = (protocol = tcp)(host = 10.0.0.1)(port = 1521))
    (ADDRESS = (PROTOCOL = TCP)(HOST = his-b.example)(PORT = 1526)))
  (connect_data = (server = dedicated)(service_name = zlhis)(failover_mode = (type = select)
    (method = basic)(retries = 3)(delay = 5))))"""

OLD = "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=10.0.0.9)(PORT=1521))(CONNECT_DATA=(SID=orcl)))"

SECURE = (
    "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS)(HOST=10.0.0.9)(PORT=2484))"
    '(CONNECT_DATA=(SERVICE_NAME=his))(SECURITY=(SSL_SERVER_CERT_DN="CN=his,O=hospital")))'
)

TWO = (
    "(DESCRIPTION_LIST=(FAILOVER=on)"
    "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=x)))"
    "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=b)(PORT=1522))(CONNECT_DATA=(SERVICE_NAME=x))))"
)


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("oracle+oracledb://u:p@10.0.0.1:1521/?service_name=zlhis", [("10.0.0.1", 1521)]),
        ("oracle://u:p@his.example/?service_name=zlhis.hospital.cn", [("his.example", 1521)]),
        ("oracle+oracledb://u:p@10.0.0.1:1526/orcl", [("10.0.0.1", 1526)]),
        ("oracle://u:p@[fd00::1]:1526/orcl", [("fd00::1", 1526)]),
        (f"oracle+oracledb://u:p@{OLD}", [("10.0.0.9", 1521)]),
        (f"oracle+oracledb://u:p@{SECURE}", [("10.0.0.9", 2484)]),
        (f"oracle+oracledb://u:p@{CLUSTER}", [("10.0.0.1", 1521), ("his-b.example", 1526)]),
        (f"oracle+oracledb://u:p@{TWO}", [("a", 1521), ("b", 1522)]),
        (f"oracle+oracledb://u:p@/?dsn={OLD}", [("10.0.0.9", 1521)]),
        ("oracle+oracledb://u:p@/?dsn=10.0.0.1/zlhis", [("10.0.0.1", 1521)]),
        ("oracle://u:p@/?dsn=//10.0.0.1:1526/zlhis:dedicated/zl1", [("10.0.0.1", 1526)]),
        ("oracle://u:p@/?dsn=tcps://10.0.0.1:2484/zlhis", [("10.0.0.1", 2484)]),
        ("oracle://u:p@/?dsn=a,b:1522;c/x", [("a", 1522), ("b", 1522), ("c", 1521)]),
        ("oracle://u:p@/?dsn=[fd00::1]:1526,[fd00::2]/x", [("fd00::1", 1526), ("fd00::2", 1521)]),
        ("mssql+pymssql://u:p@10.0.0.1/db?charset=utf8", [("10.0.0.1", 1433)]),
        ("mssql://u:p@lis.example:14330/db", [("lis.example", 14330)]),
        ("mysql+pymysql://u:p@10.0.0.1/db?charset=gbk", [("10.0.0.1", 3306)]),
        ("mariadb+pymysql://u:p@[fd00::1]:3307/db", [("fd00::1", 3307)]),
        ("postgresql+psycopg://u:p@a:1,b:2/db", [("a", 1), ("b", 2)]),
        ("sqlite:/data/x", []),
        ("C:\\data\\lis.sqlite", []),
    ],
)
def test_every_place_is_known(url, places):
    assert list(target_of(url, {}).places) == places


@pytest.mark.parametrize(
    "dsn",
    [
        "ZLHIS",  # a name of tnsnames.ora
        "10.0.0.1:1521",  # without a service it may be such a name, too
        "10.0.0.1/x?https_proxy=192.0.2.5",
        "10.0.0.1:1521:orcl",
        "10.0.0.1:99999/x",
        "10.0.0.1:0/x",
        "[fd00::1/x",
        "[fd00::1]1521/x",
        "10.0.0.1/x)(HOST=192.0.2.5",
        "(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1))",
        "(DESCRIPTION=(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=BEQ)(PROGRAM=oracle))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=IPC)(KEY=x))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=NMP)(HOST=a)(PORT=1))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=)(PORT=1))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a b)(PORT=1))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(HOST=b)(PORT=1))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1)(HTTPS_PROXY=b))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1))(CONNECT_DATA=(SID=x)(FAILOVER_MODE=(BACKUP=elsewhere))))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1)(ADDRESS=(PROTOCOL=TCP)(HOST=b)(PORT=1)))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(HOST=b)(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1))(CONNECT_DATA=(SID=x)))(X=y)",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1))(CONNECT_DATA=(SID=x))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a)#\n(PORT=1))(CONNECT_DATA=(SID=x)))",
        "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=a\\)(PORT=1))(CONNECT_DATA=(SID=x)))",
        "(" * 4000,
        "(DESCRIPTION=" * 9 + ")" * 9,
        "(DESCRIPTION=(ADDRESS_LIST=" + "(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1))" * 300 + "))",
        "()",
        "",
    ],
)
def test_a_connect_string_that_may_lead_anywhere_is_refused(dsn):
    with pytest.raises(PermitError):
        oracle_names.read(dsn)


@pytest.mark.parametrize(
    "url",
    [
        "oracle+oracledb://u:hunter2@ZLHIS",  # a name of tnsnames.ora
        "oracle+oracledb://u:hunter2@",
        "oracle+oracledb://u:hunter2@a/sid?service_name=x",
        "oracle+oracledb://u:hunter2@a/?service_name=x&config_dir=/srv/x",
        "oracle+oracledb://u:hunter2@a/?service_name=x&service_name=y",
        "oracle+oracledb://u:hunter2@a/?service_name=x)(HOST=b",
        "oracle+oracledb://u:hunter2@a:1521/?dsn=b/x",
        "oracle+oracledb://u:hunter2@/x?dsn=b/x",
        "oracle+oracledb://u:hunter2@a:port/x",
        "oracle+cx_oracle://u:hunter2@a/x",
        "mssql+pyodbc://u:hunter2@his_source",
        "mssql+pyodbc:///?odbc_connect=SERVER%3D192.0.2.5",
        "mssql+pymssql://u:hunter2@lis\\INSTANCE/db",
        "mssql+pymssql://u:hunter2@lis/db?conn_properties=x",
        "mssql+pymssql:///db",
        "mysql+pymysql://u:hunter2@/db?unix_socket=/srv/x",
        "mysql+pymysql://u:hunter2@a/db?read_default_file=/srv/x",
        "dm+dmPython://u:hunter2@192.0.2.5/db",
        "jdbc:oracle:thin://u:hunter2@192.0.2.5",
    ],
)
def test_a_url_that_may_lead_anywhere_is_refused(url):
    with pytest.raises(PermitError) as caught:
        target_of(url, {})
    assert "hunter2" not in str(caught.value)
    assert caught.value.remedy or "URL" in caught.value.message


@pytest.mark.parametrize("name", ["TDSHOST", "TDSQUERY", "FREETDSCONF"])
def test_what_the_environment_diverts_is_refused(name):
    url = "mssql+pymssql://u:p@10.0.0.1/db"
    with pytest.raises(PermitError, match=name):
        target_of(url, {name: "192.0.2.5"})
    assert target_of(url, {name: ""}).places


def test_the_driver_is_given_a_whole_descriptor_and_no_name_to_look_up():
    url = "oracle+oracledb://reader:p%40ss@10.0.0.1/?service_name=zlhis"
    target = target_of(url, {}, timeout_s=12.4)

    assert (target.user, target.password) == ("reader", "p@ss")
    assert target.dsn == (
        "(DESCRIPTION=(CONNECT_TIMEOUT=12)(TRANSPORT_CONNECT_TIMEOUT=12)(ADDRESS_LIST="
        "(ADDRESS=(PROTOCOL=TCP)(HOST=10.0.0.1)(PORT=1521)))(CONNECT_DATA=(SERVICE_NAME=zlhis)))"
    )
    assert "(CONNECT_DATA=(SID=orcl))" in target_of("oracle://u:p@10.0.0.1/orcl", {}).dsn
    assert target_of("oracle://u:p@/?dsn=a:1/x:shared/i", {}).dsn.endswith(
        "(CONNECT_DATA=(SERVICE_NAME=x)(SERVER=SHARED)(INSTANCE_NAME=i)))"
    )
    assert target_of(f"oracle://u:p@{OLD}", {}).dsn == OLD


def test_what_is_composed_reads_back_to_the_same_places():
    made, places = oracle_names.read("tcps://a,b:1522;[fd00::1]/x:dedicated")
    assert oracle_names.read(made) == (made, places)
    assert "PROTOCOL=TCPS" in made


@pytest.mark.parametrize(
    ("url", "kind"),
    [("sqlite:x", Kind.SQLITE), ("/data/x", Kind.SQLITE), ("c:/x", Kind.SQLITE),
     ("postgres://a/b", Kind.POSTGRESQL), ("Oracle://a/b", Kind.ORACLE),
     ("mssql://a/b", Kind.SQL_SERVER), ("mariadb://a/b", Kind.MYSQL)],
)  # fmt: skip
def test_kinds(url, kind):
    assert kind_of(url) is kind


def test_a_target_shows_no_secret():
    target = target_of("mysql+pymysql://u:hunter2@a/db", {})
    assert "hunter2" not in repr(target)
    shown = target.hidden("cannot open mysql+pymysql://u:hunter2@a/db\nwith hunter2")
    assert shown == "cannot open … with …"
    told = target.hidden("DPY-6005: cannot connect\n[Errno 111] refused\nmore")
    assert told == "DPY-6005: cannot connect [Errno 111] refused"
    assert target.hidden("ORA-1017: denied\nHelp: https://x") == "ORA-1017: denied"
    assert "hunter2" not in target.hidden("Access denied (using password: hunter2)")


EASY = ["10.0.0.1/zlhis", "//10.0.0.1:1526/zlhis:dedicated/zl1", "tcps://10.0.0.1:2484/zlhis"]


@pytest.mark.parametrize("text", [OLD, CLUSTER, SECURE, *EASY])
def test_the_real_driver_reads_the_same_places_out_of_it(text):
    """python-oracledb's own reading of what it would be given, and of what stood in the URL."""
    oracledb = pytest.importorskip("oracledb")
    made, places = oracle_names.read(text)
    for one in (text, made):
        read = oracledb.ConnectParams()
        read.parse_connect_string(one)
        hosts = read.host if isinstance(read.host, list) else [read.host]
        ports = read.port if isinstance(read.port, list) else [read.port]
        assert list(zip(hosts, ports, strict=True)) == places
