"""Named tables row by row: 对码 tables and configuration tables, by value.

Only tables that somebody names are read this way. Columns about a person are left out, and secrets
are kept by their hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.contract.model import sha256
from harness.errors import InputError
from harness.i18n import tr

ROWS_MAX: Final = 50_000
"""The largest 对码 table met, that of drugs, has some 20,000 rows."""

Ask = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs one SELECT."""

PERSON: Final = re.compile(
    r"id_?card|cert_?no|phone|mobile|tel_|addr|birth|patient_?(id|name|no)|psn_"
    r"|姓名|身份证|电话|手机|地址|患者|病人",
    re.IGNORECASE,
)
SECRET: Final = re.compile(r"pass|pwd|secret|token|口令|密码|密钥", re.IGNORECASE)

_NAME: Final = re.compile(r"[A-Za-z_][\w$#]*(?:\.[A-Za-z_][\w$#]*)?", re.ASCII)
_COLUMN: Final = re.compile(r"[^\W\d][\w$#]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A table and the columns that tell its rows apart."""

    table: str
    keys: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Named:
        """Read ``TABLE:KEY,KEY``.

        Raises:
            InputError: it is none, or a name holds what no plain name holds.
        """
        table, mark, rest = text.partition(":")
        keys = tuple(one.strip() for one in rest.split(",") if one.strip())
        plain = _NAME.fullmatch(table) and all(_COLUMN.fullmatch(one) for one in keys)
        if not (mark and keys and plain):
            raise InputError(tr("--table takes DATABASE=TABLE:KEY,KEY"), where=text)
        return cls(table=table, keys=keys)


def items(named: Named, ask: Ask, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A value for every column of every row, and how many rows there are.

    Args:
        named: the table and its keys.
        ask: runs one SELECT; the table is written as it was named.
        columns: of the table.

    Raises:
        InputError: a key is no column, tells no row apart, or the table is too large.
    """
    known = {one.lower(): one for one in columns}
    missing = [one for one in named.keys if one.lower() not in known]
    if missing:
        raise InputError(
            tr("{table} has no column {names}", table=named.table, names=", ".join(missing)),
            remedy=", ".join(columns),
        )
    count = int(ask(f"SELECT COUNT(*) FROM {named.table}", ())[0][0])
    if count > ROWS_MAX:
        raise InputError(
            tr("{table} has {count} rows; up to {most} are read row by row", table=named.table,
               count=count, most=ROWS_MAX)
        )  # fmt: skip
    kept = [one for one in columns if not PERSON.search(one)]
    keys = [known[one.lower()] for one in named.keys]
    left_out = [one for one in keys if one not in kept]
    if left_out:
        raise InputError(tr("a key about a person is not read: {names}", names=", ".join(left_out)))
    seen: set[str] = set()
    yield f"row {named.table}", tr("{count} rows by {keys}", count=count, keys=", ".join(keys))
    for row in ask(f"SELECT {', '.join(kept)} FROM {named.table}", ()):
        values = dict(zip(kept, row, strict=True))
        key = "+".join(str(values[one]) for one in keys)
        if key in seen:
            raise InputError(
                tr("{table}: {key} stands in two rows; name more columns", table=named.table,
                   key=key)
            )  # fmt: skip
        seen.add(key)
        for column, value in values.items():
            if column not in keys or len(kept) == len(keys):
                yield f"row {named.table}[{key}].{column}", _shown(column, value)


def _shown(column: str, value: object) -> str:
    if value is None:
        return "NULL"
    if SECRET.search(column):
        return f"SHA-256 {sha256(str(value).encode('utf-8'))[:16]}"
    return str(value)
