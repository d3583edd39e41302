"""Whether the account of a probe can write: read from the database's own catalogue, never tried.

What is not known to read alone counts as writing. EXECUTE is not counted: every account may call
what is public, and what a function does the catalogue does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.i18n import tr

Ask = Callable[[str], Sequence[Sequence[Any]]]
"""Runs one query and gives its rows."""

# -- PostgreSQL: a superuser, a right to insert, update, delete or truncate a table or a column of
# one, to create in a schema or database, or membership in a role that writes everything.

SUPERUSER: Final = (
    "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
)

WRITES_ALL: Final = (
    "SELECT r.rolname FROM pg_roles r WHERE r.rolname IN ('pg_write_all_data',"
    " 'pg_write_server_files', 'pg_execute_server_program')"
    " AND pg_has_role(current_user, r.oid, 'MEMBER')"
)

TABLES: Final = (
    "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n"
    " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    " AND n.nspname NOT LIKE 'pg_toast%' AND n.nspname NOT LIKE 'pg_temp%'"
    " AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
    " OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))"
    " ORDER BY 1 LIMIT 5"
)

SCHEMAS: Final = (
    "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'"
    " AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'CREATE')"
    " UNION ALL SELECT datname FROM pg_database WHERE datname = current_database()"
    " AND has_database_privilege(oid, 'CREATE') LIMIT 5"
)


def postgresql(ask: Ask) -> list[str]:
    """What the account may change; empty where it can only read.

    Args:
        ask: over the connection of the account.
    """
    found: list[str] = []
    for is_super, makes_roles, makes_databases in ask(SUPERUSER):
        rights: Mapping[str, bool] = {
            "SUPERUSER": is_super, "CREATEROLE": makes_roles, "CREATEDB": makes_databases,
        }  # fmt: skip
        found += [name for name, held in rights.items() if held]
    found += [str(row[0]) for row in ask(WRITES_ALL)]
    found += [f"{row[0]} (INSERT, UPDATE, DELETE)" for row in ask(TABLES)]
    found += [f"{row[0]} (CREATE)" for row in ask(SCHEMAS)]
    return found


# -- Oracle (Database Reference 11g Release 2, "Static Data Dictionary Views"; Security Guide 11g
# Release 2, "Auditing and privileges"). ROWNUM, because 11.2 has no FETCH FIRST.

ORACLE_READS: Final = frozenset({
    "CREATE SESSION", "ALTER SESSION", "SET CONTAINER", "SELECT ANY TABLE", "READ ANY TABLE",
    "SELECT ANY DICTIONARY", "SELECT ANY TRANSACTION", "UNLIMITED TABLESPACE",
})  # fmt: skip
"""System privileges that change no data; a quota alone writes nothing."""

ORACLE_SYSTEM: Final = (
    "SELECT privilege FROM session_privs"
    " UNION SELECT privilege FROM role_sys_privs"
    " UNION SELECT privilege FROM user_sys_privs"
)
"""Of the session, of roles that it could switch on, and granted directly."""

ORACLE_DBA: Final = "SELECT 'SYSDBA' FROM dual WHERE sys_context('USERENV', 'ISDBA') = 'TRUE'"

_CHANGES: Final = (
    "NOT IN ('SELECT', 'READ', 'EXECUTE', 'DEBUG', 'QUERY REWRITE', 'FLASHBACK', 'MERGE VIEW',"
    " 'ON COMMIT REFRESH', 'INHERIT PRIVILEGES')"
)
"""Every other privilege on an object changes it, or makes something that does."""

ORACLE_OBJECTS: Final = (
    "SELECT place, privilege FROM ("
    "SELECT owner || '.' || table_name AS place, privilege FROM user_tab_privs"
    f" WHERE grantee = user AND privilege {_CHANGES}"
    " UNION SELECT owner || '.' || table_name, privilege FROM role_tab_privs"
    f" WHERE privilege {_CHANGES}"
    " UNION SELECT owner || '.' || table_name || '.' || column_name, privilege FROM user_col_privs"
    f" WHERE grantee = user AND privilege {_CHANGES}"
    ") WHERE ROWNUM <= 5"
)
"""Tables, and columns of them; roles also where they are not switched on."""

_OF_ORACLE: Final = ", ".join(f"'{name}'" for name in (
    "SYS", "SYSTEM", "XDB", "WMSYS", "MDSYS", "MDDATA", "CTXSYS", "OLAPSYS", "ORDSYS",
    "ORDDATA", "ORDPLUGINS", "EXFSYS", "DBSNMP", "SYSMAN", "OUTLN", "ANONYMOUS",
    "SI_INFORMTN_SCHEMA", "FLOWS_FILES", "APEX_PUBLIC_USER", "OWBSYS", "OWBSYS_AUDIT",
    "LBACSYS", "DVSYS", "DVF", "AUDSYS", "GSMADMIN_INTERNAL", "OJVMSYS", "APPQOSSYS",
    "DBSFWUSER", "REMOTE_SCHEDULER_AGENT",
))  # fmt: skip
"""Schemas that come with the database: 11.2 has no column ORACLE_MAINTAINED yet."""

ORACLE_PUBLIC: Final = (
    "SELECT table_schema || '.' || table_name, privilege FROM all_tab_privs"
    f" WHERE grantee = 'PUBLIC' AND privilege {_CHANGES}"
    f" AND table_schema NOT IN ({_OF_ORACLE}) AND table_schema NOT LIKE 'APEX\\_%' ESCAPE '\\'"
    " AND ROWNUM <= 5"
)
"""What everybody may write in the schemas of the hospital."""

ORACLE_OWN: Final = (
    "SELECT object_name FROM user_objects WHERE object_type = 'TABLE' AND ROWNUM <= 5"
)
"""Who owns a table needs no privilege to change it."""


def oracle(ask: Ask) -> list[str]:
    """What the account may change; empty where it can only read."""
    found = [str(row[0]) for row in ask(ORACLE_DBA)]
    held = {str(row[0]) for row in ask(ORACLE_SYSTEM)}
    found += sorted(held - ORACLE_READS)
    found += [f"{row[0]} ({row[1]})" for row in ask(ORACLE_OBJECTS)]
    found += [f"{row[0]} ({row[1]}, PUBLIC)" for row in ask(ORACLE_PUBLIC)]
    found += [f"{row[0]} ({tr('its own table')})" for row in ask(ORACLE_OWN)]
    if not held:  # an account that may open a session has at least that privilege
        found.append(tr("its privileges cannot be read"))
    return found


# -- SQL Server 2012 and later (Transact-SQL reference, "Security functions and catalog views")

SQL_SERVER_ROLES: Final = (
    "SELECT name FROM (VALUES ('sysadmin'), ('serveradmin'), ('securityadmin'), ('dbcreator'),"
    " ('bulkadmin'), ('diskadmin'), ('processadmin'), ('setupadmin')) AS r(name)"
    " WHERE IS_SRVROLEMEMBER(name) = 1"
    " UNION ALL SELECT name FROM (VALUES ('db_owner'), ('db_datawriter'), ('db_ddladmin'),"
    " ('db_securityadmin'), ('db_accessadmin'), ('db_backupoperator')) AS d(name)"
    " WHERE IS_ROLEMEMBER(name) = 1"
)

_DATABASE_WIDE: Final = frozenset({
    "CONNECT", "SELECT", "EXECUTE", "REFERENCES", "SHOWPLAN", "VIEW DATABASE STATE",
    "VIEW DEFINITION", "VIEW ANY COLUMN ENCRYPTION KEY DEFINITION",
    "VIEW ANY COLUMN MASTER KEY DEFINITION", "VIEW DATABASE PERFORMANCE STATE",
    "VIEW DATABASE SECURITY STATE", "VIEW SECURITY DEFINITION", "VIEW PERFORMANCE DEFINITION",
    "UNMASK",
})  # fmt: skip
"""Permissions of a database that change no data."""

SQL_SERVER_DATABASE: Final = "SELECT permission_name FROM sys.fn_my_permissions(NULL, 'DATABASE')"

_ANY_RIGHT: Final = " OR ".join(
    f"HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', '{right}') = 1"
    for right in ("INSERT", "UPDATE", "DELETE", "ALTER")
)

SQL_SERVER_TABLES: Final = (
    "SELECT TOP 5 s.name + '.' + o.name FROM sys.objects o JOIN sys.schemas s"
    f" ON s.schema_id = o.schema_id WHERE o.type IN ('U', 'V') AND ({_ANY_RIGHT})"
)

SQL_SERVER_COLUMNS: Final = (
    "SELECT TOP 5 OBJECT_SCHEMA_NAME(p.major_id) + '.' + OBJECT_NAME(p.major_id)"
    " FROM sys.database_permissions p WHERE p.class = 1 AND p.minor_id > 0"
    " AND p.permission_name = 'UPDATE' AND p.state IN ('G', 'W')"
    " AND (p.grantee_principal_id = DATABASE_PRINCIPAL_ID()"
    " OR IS_MEMBER(USER_NAME(p.grantee_principal_id)) = 1)"
)


def sql_server(ask: Ask) -> list[str]:
    """What the account may change; empty where it can only read."""
    found = [str(row[0]) for row in ask(SQL_SERVER_ROLES)]
    held = {str(row[0]) for row in ask(SQL_SERVER_DATABASE)}
    found += sorted(held - _DATABASE_WIDE)[:5]
    for question in (SQL_SERVER_TABLES, SQL_SERVER_COLUMNS):
        found += [f"{row[0]} (INSERT, UPDATE, DELETE)" for row in ask(question)]
    if not held:  # who is connected has CONNECT
        found.append(tr("its privileges cannot be read"))
    return found


# -- MySQL 8.0 and MariaDB 10 (SHOW GRANTS; "Privileges provided by MySQL")

MYSQL_GRANTS: Final = "SHOW GRANTS"
MYSQL_ROLE: Final = "SELECT CURRENT_ROLE()"

_MYSQL_READS: Final = frozenset({
    "USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT", "EXECUTE",
    "BINLOG MONITOR", "SLAVE MONITOR", "REPLICA MONITOR", "SHOW_ROUTINE",
})  # fmt: skip

_GRANT: Final = re.compile(r"GRANT (?P<rights>.+?) ON (?P<place>.+?) TO .+", re.IGNORECASE)
_ROLE: Final = re.compile(r"GRANT (?P<roles>[^()]+?) TO .+", re.IGNORECASE)
_COLUMNS: Final = re.compile(r"\([^)]*\)")


SCRATCH: Final = frozenset({"`test`.*", "`test\\_%`.*"})
"""Databases that come with the server, where everybody may write; no hospital works there."""


def mysql(ask: Ask) -> list[str]:
    """What the account may change; empty where it can only read.

    SHOW GRANTS tells of roles that are switched on, too. Another one is asked for, and one whose
    rights the account may not see counts as writing.
    """
    lines = [str(row[0]) for row in ask(MYSQL_GRANTS)]
    found = list(_granted(lines))
    if roles := list(_roles(lines)):
        on = {_bare(one) for row in ask(MYSQL_ROLE) for one in str(row[0]).split(",")}
        for role in [one for one in roles if _bare(one) not in on]:
            try:
                found += _granted([str(row[0]) for row in ask(f"{MYSQL_GRANTS} FOR {role}")])
            except Exception:  # noqa: BLE001 - each driver has its own error for what it may not see
                found.append(f"{role} ({tr('its privileges cannot be read')})")
    if not lines:
        found.append(tr("its privileges cannot be read"))
    return list(dict.fromkeys(found))


def _bare(role: str) -> str:
    """A role without its quotes and the host that MySQL writes behind it."""
    return role.strip().replace("`", "").removesuffix("@%")


def _granted(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        grant = _GRANT.match(line)
        if grant is None:
            if not _ROLE.match(line) and not line.upper().startswith("SET DEFAULT ROLE"):
                yield line[:80]  # not understood, so it may be anything
            continue
        rights = (one.strip().upper() for one in _COLUMNS.sub("", grant["rights"]).split(","))
        wide = [one for one in rights if one not in _MYSQL_READS]
        if wide and grant["place"] not in SCRATCH:
            yield f"{grant['place']} ({', '.join(wide[:5])})"


def _roles(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        found = None if _GRANT.match(line) else _ROLE.match(line)
        if found:
            yield from (one.strip() for one in found["roles"].split(","))
