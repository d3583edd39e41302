"""Whether the account of a probe can write: read from the database's own catalogue, never tried.

PostgreSQL: a superuser, a right to insert, update, delete or truncate a table or a column of one,
to create in a schema or database, or membership in a role that writes everything
(``pg_write_all_data``). Asked over the same read-only session as the probe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

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

Ask = Callable[[str], Sequence[Sequence[Any]]]
"""Runs one query and gives its rows."""


def rights_to_write(ask: Ask) -> list[str]:
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
