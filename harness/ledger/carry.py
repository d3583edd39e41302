"""From day to day: open rows are carried, closed keys are remembered, runs are chained by hash.

Only pairs on an exact key are closed, and rows of an earlier day that find their partner; what
weaker stages propose stays provisional. What stays open is listed every day, and what was only to
wait is a difference once its days of grace are over. A run over inputs that the chain knows gives
the same answer again, because it sees only what was known before it. Another input for a day that
is closed is refused. A changed file stops the chain.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money
from harness.ledger.control import Incomplete
from harness.ledger.reading import Side

CHAIN: Final = "chain.json"
WAITS: Final = "carried"
"""The class of a row that may still find its partner on a later day."""

LISTED_MAX: Final = 2_000
"""Rows of earlier days that ``totals.json`` names; the memory has all."""

_TABLES: Final = ("open", "closed")
_NAMES: Final = "side, k, rf, fee, fund, acct, cash"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _inputs(sides: list[Side]) -> str:
    """One hash over the contents of all inputs."""
    total = hashlib.sha256()
    for side in sides:
        for part in side.parts:
            total.update(f"{side.name}:{_digest(part.feed.path)}".encode())
    return total.hexdigest()


def _chain(folder: Path) -> list[dict[str, Any]]:
    """The chain, checked link by link.

    Raises:
        Incomplete: a link or one of its files was changed or is missing.
    """
    path = folder / CHAIN
    if not path.is_file():
        return []
    links: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    before = ""
    for number, link in enumerate(links, 1):
        try:
            files = {n: _digest(folder / f"{number:05d}.{n}.parquet") for n in _TABLES}
        except OSError as error:
            raise Incomplete(tr("the state is not whole: {error}", error=error)) from error
        if link["files"] != files or link["hash"] != _seal(before, link):
            raise Incomplete(
                tr("the state was changed after run {number}", number=number), where=str(path)
            )
        before = link["hash"]
    return links


def _seal(before: str, link: dict[str, Any]) -> str:
    body = {name: link[name] for name in ("inputs", "days", "files")}
    return hashlib.sha256((before + json.dumps(body, sort_keys=True)).encode()).hexdigest()


def recall(con: duckdb.DuckDBPyConnection, folder: Path, sides: list[Side]) -> None:
    """Make ``state_open`` and ``state_closed`` from the runs before this one.

    Raises:
        InputError: this day is closed with other inputs.
    """
    links = _chain(folder)
    own = _inputs(sides)
    days = _days(con)
    for number, link in enumerate(links):
        if link["inputs"] == own:
            links = links[:number]
            break
    else:
        for link in links:
            if days and days == link["days"]:
                raise InputError(
                    tr("these days are closed: {days}", days=" – ".join(days)),
                    where=str(folder / CHAIN),
                    remedy=tr("corrections belong into a later day"),
                )
    shape = "side VARCHAR, k VARCHAR, rf BIGINT, fee BIGINT, fund BIGINT, acct BIGINT, cash BIGINT"
    con.execute(f"CREATE OR REPLACE TABLE state_open ({shape}, cls VARCHAR, since VARCHAR)")
    con.execute(f"CREATE OR REPLACE TABLE state_closed ({shape})")
    for number, link in enumerate(links, 1):
        paths = [str(folder / f"{number:05d}.{name}.parquet") for name in _TABLES]
        opened = "read_parquet('" + paths[0].replace("'", "''") + "')"
        known = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {opened}").fetchall()}
        cls = "cls" if "cls" in known else f"'{WAITS}'"  # earlier states do not say
        con.execute(
            f"INSERT INTO state_open SELECT {_NAMES}, {cls}, ? FROM {opened}",
            [link["days"][-1] if link["days"] else ""],
        )
        con.execute(f"INSERT INTO state_closed SELECT {_NAMES} FROM read_parquet(?)", [paths[1]])
    con.execute(
        "DELETE FROM state_open WHERE EXISTS (SELECT 1 FROM state_closed c"
        " WHERE c.k = state_open.k AND c.rf = state_open.rf)"
    )


def still_open(con: duckdb.DuckDBPyConnection, *, grace_days: int) -> dict[str, Any]:
    """Rows of earlier days that today's ledgers do not mention either; what ``totals.json`` says.

    ``overdue`` are those that were only to wait, for longer than ``grace_days`` by now: nobody was
    told of them as a difference yet.
    """
    rows = con.execute(
        "SELECT side, k, rf = 1, fee, MIN(since), MAX(cls) = ? AND MIN(since) <> '' AND"
        " CAST(MIN(since) AS DATE) <= (SELECT MAX(CAST(moment AS DATE)) FROM (SELECT moment FROM"
        " canon_his UNION ALL SELECT moment FROM canon_centre) z) - CAST(? AS INTEGER)"
        " FROM state_open WHERE k NOT IN (SELECT k FROM h WHERE k IS NOT NULL)"
        " AND k NOT IN (SELECT k FROM c WHERE k IS NOT NULL)"
        f" GROUP BY {_NAMES} ORDER BY 5, 1, 2, 3, 4",
        [WAITS, grace_days],
    ).fetchall()
    named = [
        {"side": side, "setl_id": key, "refund": refund, "amount": money.yuan(int(fee)),
         "since": since, "overdue": bool(overdue)}
        for side, key, refund, fee, since, overdue in rows
    ]  # fmt: skip
    return {
        "rows": len(named),
        "overdue": sum(one["overdue"] for one in named),
        "listed": sorted(named, key=lambda one: not one["overdue"])[:LISTED_MAX],
    }


def _days(con: duckdb.DuckDBPyConnection) -> list[str]:
    row = con.execute(
        "SELECT strftime(MIN(moment), '%Y-%m-%d'), strftime(MAX(moment), '%Y-%m-%d')"
        " FROM canon_centre"
    ).fetchone()
    return [str(row[0]), str(row[1])] if row and row[0] else []


def mark(con: duckdb.DuckDBPyConnection, sides: list[Side], *, grace_days: int) -> None:
    """Use the memory: what an earlier day left open or closed, and what today leaves open."""
    for side, other, table in (("his", "centre", "h"), ("centre", "his", "c")):
        only = f"'{side}_only', 'refund_unmatched'"
        same = " AND ".join(f"o.{n} = t.{n}" for n in ("rf", "fee", "fund", "acct", "cash"))
        con.execute(
            "UPDATE verdict SET class = 'cross_day', stage = 'carry', delta_fen = 0 FROM"
            f" (SELECT DISTINCT t.rid FROM {table} t JOIN state_open o ON o.k = t.k AND"
            f" o.side = '{other}' AND {same}) x"
            f" WHERE verdict.side = '{side}' AND verdict.line = x.rid AND class IN ({only})"
        )
        con.execute(
            f"UPDATE verdict SET class = 'duplicate_{side}', stage = 'closed' FROM"
            f" (SELECT DISTINCT t.rid FROM {table} t JOIN state_closed o ON o.k = t.k AND"
            f" o.rf = t.rf) x WHERE verdict.side = '{side}' AND verdict.line = x.rid"
            f" AND class IN ({only})"
        )
        con.execute(
            f"UPDATE verdict SET class = 'carried' FROM {table} WHERE verdict.side = '{side}'"
            f" AND verdict.line = {table}.rid AND class IN ({only}) AND {table}.dd IS NOT NULL"
            f" AND {table}.dd > (SELECT GREATEST((SELECT MAX(dd) FROM h), (SELECT MAX(dd) FROM c)))"
            f" - {grace_days}"
        )
    del sides


def remember(con: duckdb.DuckDBPyConnection, folder: Path, sides: list[Side]) -> dict[str, Any]:
    """Write down what this run left open and closed; a repeated run adds nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    links = _chain(folder)
    own = _inputs(sides)
    for number, link in enumerate(links, 1):
        if link["inputs"] == own:
            return {"run": number, "hash": link["hash"], "repeated": True}
    number = len(links) + 1
    wanted = {
        "open": "v.class IN ('carried', 'his_only', 'centre_only', 'refund_unmatched')",
        "closed": "v.class IN ('matched', 'cross_day', 'time_skew', 'refund_pair')"
        " AND v.stage IN ('exact', 'carry')",
    }
    for name, condition in wanted.items():
        path = folder / f"{number:05d}.{name}.parquet"
        more = ", v.class AS cls" if name == "open" else ""
        rows = " UNION ALL ".join(
            f"SELECT '{side}' AS side, t.k, t.rf, t.fee, t.fund, t.acct, t.cash{more}"
            f" FROM {table} t JOIN verdict v ON v.side = '{side}' AND v.line = t.rid"
            f" WHERE t.k IS NOT NULL AND {condition}"
            for side, table in (("his", "h"), ("centre", "c"))
        )
        quoted = str(path).replace("'", "''")
        con.execute(f"COPY ({rows} ORDER BY ALL) TO '{quoted}' (FORMAT parquet)")
    link = {
        "inputs": own,
        "days": _days(con),
        "files": {n: _digest(folder / f"{number:05d}.{n}.parquet") for n in _TABLES},
    }
    link["hash"] = _seal(links[-1]["hash"] if links else "", link)
    text = json.dumps([*links, link], indent=1)
    (folder / CHAIN).write_text(text + "\n", encoding="utf-8", newline="\n")
    return {"run": number, "hash": link["hash"], "repeated": False}
