"""How a province writes its reconciliation files: layouts of 3202 results, signs, counts.

The figures come from the province profiles of the centre (``fixtures/centre/provinces``), read as
data: what is a guess or has one source is marked there. A result file has no header. Three things
in it are no ledger rows and need care:

- a row without any amount that is not balanced says that the centre does *not* have it; it is set
  aside, counted and named, otherwise it would count as a damaged row of the centre;
- where the centre holds several rows for one, ids and amounts are empty (note 7 of 3202); such a
  row stays, unreadable, because what the centre holds is not known from this file;
- the layout of seven columns (Chongqing 2021) has no amounts at all and cannot be a ledger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from harness import input_files, resources
from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import quick, sniff
from harness.ledger.channel_bills import LINE_BY_LINE
from harness.ledger.columns import AMOUNTS, RESULT, SHORT, UPLOAD
from harness.ledger.money import fen, is_nothing
from harness.ledger.sources import Feed

AMOUNT_AT: Final = tuple(RESULT.index(name) for name in AMOUNTS if name in RESULT)
_STATE_AT: Final = RESULT.index("stmt_rslt")
_MEMO_AT: Final = RESULT.index("memo")
_IDS_AT: Final = (RESULT.index("setl_id"), RESULT.index("mdtrt_id"))
_INSUTYPE: Final = re.compile(r"(\d{3})\s*$")
_NAME: Final = re.compile(r"[a-z0-9_-]{1,40}")
_BALANCED: Final = "0"
SAMPLE_LINES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Province:
    """What reconciliation needs to know of a province; defaults are the national interface's.

    Attributes:
        name: of the profile; empty for none.
        title: as people call it.
        balanced: result code of a row that agrees.
        file_sign: whether refunds in its files are ``negative`` or ``positive`` with a flag.
        pair_count: how much a settlement and its reversal add to the count of 3201.
        memo_insutype: the memo ends in the insurance type (Foshan).
        mulaid_inside_acct: relatives' accounts are part of ``acct_pay``.
        doubtful: keys that are a guess or have one source, as the profile says.
    """

    name: str = ""
    title: str = ""
    balanced: str = _BALANCED
    file_sign: str = ""
    pair_count: int = 2
    memo_insutype: bool = False
    mulaid_inside_acct: bool = True
    doubtful: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``totals.json`` has it."""
        return {
            "name": self.name,
            "title": self.title,
            "file_sign": self.file_sign,
            "pair_count": self.pair_count,
            "doubtful": list(self.doubtful),
        }


_USED: Final = ("result_columns", "stmt_rslt", "file_sign", "pair_count", "memo_insutype")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policy:
    """What is read of ``[policy]``; the rest is the centre's."""

    stmt_rslt: dict[str, Any] = field(default_factory=dict)
    file_sign: str = ""
    pair_count: int = 2
    memo_insutype: bool = False
    mulaid_inside_acct: bool = True


def province(name: str) -> Province:
    """The profile of a province, by name or as a TOML file of one's own.

    Raises:
        InputError: no such profile, or a file that is none.
    """
    if not name:
        return Province()
    path = Path(name)
    if path.suffix != ".toml":
        folder = resources.fixture("centre", "provinces")
        path = folder / f"{name}.toml"
        if not _NAME.fullmatch(name) or not path.is_file():
            known = ", ".join(sorted(one.stem for one in folder.glob("*.toml")))
            raise InputError(
                tr("no province profile {name}; there are {known}", name=name[:40], known=known)
            )
    data = input_files.toml_of(path)
    policy, doubts = data.get("policy", {}), data.get("confidence", {})
    if not isinstance(policy, dict) or not isinstance(doubts, dict):
        raise InputError(tr("expected the tables [policy] and [confidence]"), where=str(path))
    told = input_files.shaped(_Policy, policy, f"{path} [policy]")
    return Province(
        name=str(data.get("name", path.stem)),
        title=str(data.get("title", "")),
        balanced=str(told.stmt_rslt.get("balanced", _BALANCED)),
        file_sign=told.file_sign,
        pair_count=told.pair_count,
        memo_insutype=told.memo_insutype,
        mulaid_inside_acct=told.mulaid_inside_acct,
        doubtful=tuple(
            f"{key}: {doubts[f'policy.{key}']}" for key in _USED if f"policy.{key}" in doubts
        ),
    )


@dataclass(slots=True, kw_only=True)
class Notes:
    """What was done to the files before they were read."""

    set_aside: list[dict[str, Any]] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)


def prepare(feeds: list[Feed], rules: Province, work: Path, notes: Notes) -> list[Feed]:
    """The centre's files as the reader wants them; only result files are touched.

    Args:
        feeds: the files.
        rules: the province.
        work: folder for what is written again.
        notes: takes what was set aside.

    Raises:
        InputError: a result file without amounts.
    """
    return [one if one.parquet else _file(one, rules, work, notes) for one in feeds]


def _file(feed: Feed, rules: Province, work: Path, notes: Notes) -> Feed:
    dialect = _result(feed)
    if dialect is None:
        return feed
    target = work / f"{feed.path.stem}.result.txt"
    aside: list[dict[str, Any]] = []
    end = "\n"
    with target.open("w", encoding="utf-8", newline="") as stream:
        for number, line in enumerate(_lines(feed.path, dialect), 1):
            text = line.rstrip("\r\n")
            end = line[len(text) :]
            cells = text.split(dialect.delimiter)
            cells = cells[: len(dialect.names)] if len(cells) == dialect.width else cells
            if len(cells) == len(dialect.names):
                if _absent(cells, rules):
                    aside.append(_named(feed, number, cells))
                    cells = []
                elif rules.memo_insutype:
                    cells = _with_insutype(cells)
            stream.write(dialect.delimiter.join(cells) + end)
        if aside and end:
            stream.write(LINE_BY_LINE)
    notes.set_aside += aside
    return replace(feed, path=target) if aside or rules.memo_insutype else feed


def _result(feed: Feed) -> sniff.Dialect | None:
    """How to read the file if it is a 3202 result; None for everything else."""
    try:
        dialect = sniff.look(feed.path, label=feed.label, renames={})
    except InputError:
        return None  # the reader says what is wrong with it
    if dialect.header:
        return None
    if dialect.names == UPLOAD:
        _refuse_seven(feed, dialect)
        return None
    return dialect if dialect.names[: len(RESULT)] == RESULT else None


def _refuse_seven(feed: Feed, dialect: sniff.Dialect) -> None:
    """Seven columns are the upload, unless no line has an amount where the upload has the total."""
    at = UPLOAD.index(AMOUNTS[0])
    for number, line in enumerate(_lines(feed.path, dialect), 1):
        cells = line.rstrip("\r\n").split(dialect.delimiter)
        if number > SAMPLE_LINES or (len(cells) > at and fen(cells[at]) is not None):
            return
    raise InputError(
        tr("a result file of seven columns has no amounts"),
        where=f"{feed.label}:1",
        remedy=tr("give the centre's list of settlements (5203 or its own export)"),
    )


def _lines(path: Path, dialect: sniff.Dialect) -> Iterator[str]:
    with path.open(encoding=dialect.encoding, errors="replace", newline="") as stream:
        yield from stream


def _absent(cells: Sequence[str], rules: Province) -> bool:
    """The row says that the centre does not have what the hospital sent."""
    if any(not is_nothing(cells[place]) for place in AMOUNT_AT):
        return False
    state = cells[_STATE_AT].strip()
    named = any(not is_nothing(cells[place]) for place in _IDS_AT)
    return named and not is_nothing(state) and state != rules.balanced


def _named(feed: Feed, number: int, cells: Sequence[str]) -> dict[str, Any]:
    return {
        "place": f"{feed.label}:{number}",
        "setl_id": cells[_IDS_AT[0]],
        "stmt_rslt": cells[_STATE_AT],
        "memo": cells[_MEMO_AT],
    }


def _with_insutype(cells: Sequence[str]) -> list[str]:
    """The row in the layout that has the insurance type as a column of its own."""
    found = _INSUTYPE.search(cells[_MEMO_AT])
    exp = cells[len(RESULT)] if len(cells) > len(RESULT) else "null"
    return [*cells[: len(RESULT)], exp, found[1] if found else "null"]


def refund_signs(con: duckdb.DuckDBPyConnection, table: str, rules: Province) -> int:
    """Make refunds of ``h`` or ``c`` negative where the province writes them positive.

    The stages find this out by themselves where rows tell; a lone flagged row does not. Returns how
    many rows were turned; what the text says stays in the control totals.
    """
    if rules.file_sign != "positive":
        return 0
    row = con.execute(f"SELECT COUNT(*) FROM {table} WHERE rf = 1 AND fee > 0").fetchone()
    count = int(row[0]) if row else 0
    if count:
        con.execute(f"DROP VIEW IF EXISTS {quick.VIEW}")
        con.execute("INSERT INTO flipped VALUES (?)", ["his" if table == "h" else "centre"])
        for view in (table, f"some_{table}"):
            _turn(con, view)
    return count


def _turn(con: duckdb.DuckDBPyConnection, view: str) -> None:
    """Put a view with negative refunds in the place of one where they may be positive."""
    con.execute(f"DROP VIEW IF EXISTS {view}_written")
    con.execute(f"ALTER VIEW {view} RENAME TO {view}_written")
    turned = ", ".join(
        f"CASE WHEN rf = 1 AND fee > 0 THEN -{one} ELSE {one} END AS {one}"
        for one in SHORT.values()
    )
    con.execute(f"CREATE VIEW {view} AS SELECT * REPLACE ({turned}) FROM {view}_written")
