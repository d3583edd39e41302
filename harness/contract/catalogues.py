"""Catalogues of Oracle and SQL Server, as one SELECT for each kind of object.

Written from the vendors' references: Oracle Database Reference 19c, "Static Data Dictionary Views"
(``ALL_*``), and Microsoft's "System catalog views" and "Information schema views" of SQL Server
2016 and later. **No real Oracle or SQL Server has answered them here**: the tests run them through
a stand-in that returns typed rows. A snapshot of such a database therefore carries the item
``unverified queries``, and the terminal says so. PostgreSQL and SQLite are read by ``sql.py`` and
tested against real ones.

Each SELECT gives a name and the columns of its value. What is a definition is kept by its hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from harness.contract.model import sha256
from harness.contract.rows import Ask


@dataclass(frozen=True, slots=True)
class Look:
    """One question to a catalogue.

    Attributes:
        kind: first word of its items.
        sql: one SELECT; the first column names the object.
        hashed: the last column is a definition.
    """

    kind: str
    sql: str
    hashed: bool = False


_OURS: Final = "(SELECT username FROM all_users WHERE oracle_maintained = 'N')"

ORACLE: Final = (
    Look("table", "SELECT owner || '.' || table_name, 'present' FROM all_tables"
         f" WHERE owner IN {_OURS}"),
    Look("column", "SELECT owner || '.' || table_name || '.' || column_name, data_type,"
         " data_length, data_precision, data_scale,"
         " CASE nullable WHEN 'Y' THEN 'null' ELSE 'not null' END FROM all_tab_columns"
         f" WHERE owner IN {_OURS}"),
    Look("rows", "SELECT owner || '.' || table_name, num_rows FROM all_tables"
         f" WHERE num_rows IS NOT NULL AND owner IN {_OURS}"),
    Look("view", "SELECT owner || '.' || view_name, text_vc FROM all_views"
         f" WHERE owner IN {_OURS}", hashed=True),
    Look("synonym", "SELECT owner || '.' || synonym_name, table_owner, table_name, db_link"
         f" FROM all_synonyms WHERE owner IN {_OURS} OR table_owner IN {_OURS}"),
    Look("invalid", "SELECT owner || '.' || object_name, object_type FROM all_objects"
         f" WHERE status = 'INVALID' AND owner IN {_OURS}"),
    Look("routine", "SELECT owner || '.' || object_name || NVL2(procedure_name, '.' ||"
         " procedure_name, '') || NVL2(overload, '#' || overload, ''), object_type"
         f" FROM all_procedures WHERE object_type <> 'TRIGGER' AND owner IN {_OURS}"),
    Look("argument", "SELECT owner || '.' || NVL2(package_name, package_name || '.', '') ||"
         " object_name || NVL2(overload, '#' || overload, '') || '(' || sequence || ')',"
         " argument_name, in_out, data_type, defaulted FROM all_arguments"
         f" WHERE data_level = 0 AND owner IN {_OURS}"),
    Look("trigger", "SELECT owner || '.' || trigger_name, trigger_type, triggering_event,"
         " table_owner, table_name, status FROM all_triggers"
         f" WHERE owner IN {_OURS}"),
    Look("job", "SELECT owner || '.' || job_name, enabled, job_type, repeat_interval, job_action"
         f" FROM all_scheduler_jobs WHERE owner IN {_OURS}", hashed=True),
    Look("dblink", "SELECT owner || '.' || db_link, username, host FROM all_db_links"),
    Look("grant", "SELECT table_schema || '.' || table_name || ' ' || grantee || ' ' || privilege,"
         f" grantable FROM all_tab_privs WHERE table_schema IN {_OURS}"),
    Look("sequence", "SELECT sequence_owner || '.' || sequence_name, increment_by, cache_size,"
         f" cycle_flag FROM all_sequences WHERE sequence_owner IN {_OURS}"),
    Look("source", "SELECT owner || '.' || name || ' ' || type || ' ' || line, text"
         f" FROM all_source WHERE type IN ('PACKAGE', 'TYPE') AND owner IN {_OURS}", hashed=True),
)  # fmt: skip

_OBJECT: Final = "SCHEMA_NAME(o.schema_id) + '.' + o.name"

SQL_SERVER: Final = (
    Look("table", "SELECT TABLE_SCHEMA + '.' + TABLE_NAME, 'present'"
         " FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE'"),
    Look("column", "SELECT TABLE_SCHEMA + '.' + TABLE_NAME + '.' + COLUMN_NAME, DATA_TYPE,"
         " CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,"
         " CASE IS_NULLABLE WHEN 'YES' THEN 'null' ELSE 'not null' END, COLLATION_NAME"
         " FROM INFORMATION_SCHEMA.COLUMNS"),
    Look("rows", f"SELECT {_OBJECT}, SUM(p.rows) FROM sys.objects o JOIN sys.partitions p"
         " ON p.object_id = o.object_id WHERE o.type = 'U' AND p.index_id IN (0, 1)"
         " GROUP BY o.schema_id, o.name"),
    Look("view", f"SELECT {_OBJECT}, m.definition FROM sys.objects o JOIN sys.sql_modules m"
         " ON m.object_id = o.object_id WHERE o.type = 'V'", hashed=True),
    Look("synonym", "SELECT SCHEMA_NAME(schema_id) + '.' + name, base_object_name"
         " FROM sys.synonyms"),
    # SQL Server marks nothing invalid: a reference that leads nowhere is what breaks at run time.
    Look("invalid", f"SELECT {_OBJECT} + ' -> ' + COALESCE(d.referenced_schema_name + '.', '') +"
         " d.referenced_entity_name, 'refers to nothing' FROM sys.sql_expression_dependencies d"
         " JOIN sys.objects o ON o.object_id = d.referencing_id WHERE d.referenced_id IS NULL"
         " AND d.is_ambiguous = 0 AND d.is_caller_dependent = 0"
         " AND d.referenced_database_name IS NULL AND d.referenced_server_name IS NULL"),
    Look("routine", f"SELECT {_OBJECT}, o.type_desc, m.definition FROM sys.objects o"
         " JOIN sys.sql_modules m ON m.object_id = o.object_id"
         " WHERE o.type IN ('P', 'FN', 'IF', 'TF')", hashed=True),
    Look("argument", f"SELECT {_OBJECT} + '(' + CAST(p.parameter_id AS varchar(9)) + ')', p.name,"
         " TYPE_NAME(p.user_type_id), p.max_length, p.is_output, p.has_default_value"
         " FROM sys.parameters p JOIN sys.objects o ON o.object_id = p.object_id"),
    Look("trigger", f"SELECT {_OBJECT}, OBJECT_NAME(t.parent_id), t.is_disabled,"
         " t.is_instead_of_trigger, m.definition FROM sys.triggers t JOIN sys.objects o"
         " ON o.object_id = t.object_id JOIN sys.sql_modules m ON m.object_id = t.object_id",
         hashed=True),
    Look("job", "SELECT j.name + ' ' + CAST(s.step_id AS varchar(9)), j.enabled, s.subsystem,"
         " s.database_name, s.command FROM msdb.dbo.sysjobs j JOIN msdb.dbo.sysjobsteps s"
         " ON s.job_id = j.job_id", hashed=True),
    Look("dblink", "SELECT name, product, provider, data_source FROM sys.servers"
         " WHERE is_linked = 1"),
    Look("grant", "SELECT COALESCE(OBJECT_SCHEMA_NAME(p.major_id) + '.' + OBJECT_NAME(p.major_id),"
         " p.class_desc) + ' ' + USER_NAME(p.grantee_principal_id) + ' ' + p.permission_name,"
         " p.state_desc FROM sys.database_permissions p"),
    Look("sequence", "SELECT SCHEMA_NAME(schema_id) + '.' + name, CAST(increment AS bigint),"
         " cache_size, is_cycling FROM sys.sequences"),
)  # fmt: skip

CATALOGUES: Final = {"oracle": ORACLE, "mssql": SQL_SERVER}

UNVERIFIED: Final = "unverified queries"
"""Item of every snapshot that these queries made."""


def items(kind: str, ask: Ask) -> Iterator[tuple[str, str]]:
    """Everything that the catalogue of a database tells.

    What the account may not see (``msdb``, often) is an item that says so, so that two snapshots
    of accounts with other rights differ openly.

    Args:
        kind: ``oracle`` or ``mssql``.
        ask: runs one SELECT; raises ``LookupError`` where the account may not.
    """
    yield UNVERIFIED, f"{kind}: written from the vendor's reference, never run against a real one"
    for look in CATALOGUES[kind]:
        try:
            rows = ask(look.sql, ())
        except LookupError as error:
            yield f"refused {look.kind}", str(error).partition("\n")[0]
            continue
        for row in rows:
            yield f"{look.kind} {row[0]}", _value(row[1:], hashed=look.hashed)


def _value(columns: tuple[Any, ...], *, hashed: bool) -> str:
    texts = ["-" if one is None else str(one).strip() for one in columns]
    if hashed:
        texts[-1] = sha256(" ".join(texts[-1].split()).encode())[:16]
    return ", ".join(texts)
