"""What PostgreSQL has beside tables, views, triggers, grants and routines.

Foreign servers are its links to other databases, ``pg_cron`` its jobs where it is installed, and an
index or a constraint that was never made valid is what Oracle calls an invalid object. It has no
synonyms: a search path of a role does their work, so that is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.contract.model import sha256
from harness.contract.rows import Ask


def items(ask: Ask) -> Iterator[tuple[str, str]]:
    """Servers, jobs, what is not valid, sequences, extensions, settings of roles."""
    for name, wrapper, options in ask(
        "SELECT s.srvname, w.fdwname, array_to_string(s.srvoptions, ' ') FROM pg_foreign_server s"
        " JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw ORDER BY 1",
        (),
    ):
        yield f"dblink {name}", f"{wrapper}, {options or '-'}"
    for name, table in ask(
        "SELECT c.relname, t.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_class t ON t.oid = i.indrelid WHERE NOT i.indisvalid ORDER BY 1",
        (),
    ):
        yield f"invalid {name}", f"index of {table}"
    for name, table in ask(
        "SELECT c.conname, t.relname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
        " WHERE NOT c.convalidated ORDER BY 1",
        (),
    ):
        yield f"invalid {name}", f"constraint of {table}"
    for schema, name, kind, step in ask(
        "SELECT sequence_schema, sequence_name, data_type, increment"
        " FROM information_schema.sequences ORDER BY 1, 2",
        (),
    ):
        yield f"sequence {name if schema == 'public' else f'{schema}.{name}'}", f"{kind}, {step}"
    for name, version in ask("SELECT extname, extversion FROM pg_extension ORDER BY 1", ()):
        yield f"extension {name}", str(version)
    for role, setting in ask(
        "SELECT COALESCE(r.rolname, '*'), s FROM pg_db_role_setting d LEFT JOIN pg_roles r"
        " ON r.oid = d.setrole, unnest(d.setconfig) AS s ORDER BY 1, 2",
        (),
    ):
        yield f"setting {role} {str(setting).partition('=')[0]}", str(setting).partition("=")[2]
    if ask("SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
           " WHERE n.nspname = 'cron' AND c.relname = 'job'", ()):  # fmt: skip
        for name, schedule, active, command in ask(
            "SELECT COALESCE(jobname, jobid::text), schedule, active, command FROM cron.job"
            " ORDER BY 1",
            (),
        ):
            digest = sha256(" ".join(str(command).split()).encode())[:16]
            yield f"job {name}", f"{schedule}, {active}, {digest}"
