"""What a SELECT must not hold besides, because this one kind of database reads it otherwise.

The rules that hold for every kind stand in ``harness/probes/sql.py``. None of them makes a writable
account safe: they keep a mistake from going out, and a look from leaving its database.
"""

from __future__ import annotations

import re
from typing import Final

from harness.databases.holes import QUOTED
from harness.databases.target import Kind
from harness.errors import PermitError
from harness.i18n import tr

_RULES: Final[dict[Kind, re.Pattern[str]]] = {
    # A database link leads to another server; q'[...]' is read otherwise by whoever strips quotes;
    # packages reach outside; NEXTVAL changes a sequence.
    Kind.ORACLE: re.compile(
        r"@|\bn?q$"
        r"|\b(dbms_(?!lob\s*\.\s*(substr|getlength|instr)\s*\()\w+|utl_\w+|httpuritype|owa_\w+)\b"
        r"|\.\s*nextval\b",
        re.IGNORECASE,
    ),
    # Statements need no semicolon between them; four names lead to a linked server; hints lock.
    Kind.SQL_SERVER: re.compile(
        r"\b(kill|shutdown|backup|restore|dbcc|reconfigure|waitfor|deny|declare|use|bulk|writetext"
        r"|updatetext|disable|enable|begin|commit|rollback|save|set|print|raiserror|throw|goto"
        r"|checkpoint|revert|receive|send)\b"
        r"|(?:[\w\]]?\s*\.\s*[\w\[\]]*\s*){3}|\bnext\s+value\s+for\b"
        r"|\b(updlock|xlock|tablockx?|holdlock|paglock|rowlock|nolock|readpast|serializable"
        r"|repeatableread|readuncommitted)\b",
        re.IGNORECASE,
    ),
    # # begins a comment that could hide the end of a text; some functions wait, lock or read files.
    Kind.MYSQL: re.compile(
        r"#|\b(load_file|sleep|benchmark|get_lock|release_lock|release_all_locks|sys_exec|sys_eval"
        r"|master_pos_wait|source_pos_wait)\s*\(|\block\s+in\s+share\b",
        re.IGNORECASE,
    ),
}

_BRACKETS: Final = re.compile(r"\[[^\]]*['\"`][^\]]*\]")
"""A name of SQL Server with a quote in it: whoever strips quotes would lose its place."""


def check(kind: Kind, sql: str) -> None:
    """Refuse what this kind of database would take for more than a look.

    Raises:
        PermitError: it holds such a thing.
    """
    rule = _RULES.get(kind)
    if rule is None:
        return
    parts, end = [], 0
    for quoted in QUOTED.finditer(sql):
        parts.append(sql[end : quoted.start()])
        end = quoted.end()
    parts.append(sql[end:])
    bracketed = kind is Kind.SQL_SERVER and _BRACKETS.search(sql)
    # Each piece alone for what ends before a quote, and all together for what spans one.
    looked = [*parts, " ".join(parts), "x".join(parts)]
    found = next(filter(None, map(rule.search, looked)), None)
    if found or bracketed:
        raise PermitError(
            tr("a probe may not ask {kind} for this: {text}", kind=kind,
               text=(found[0].strip() if found else "[…]")[:40]),
            where=sql[:80],
            remedy=tr("let the DBA make a view of it, or put a column's name in double quotes"),
        )  # fmt: skip
