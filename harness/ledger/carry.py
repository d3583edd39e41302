"""From day to day: open rows are carried, closed keys are remembered, runs are chained by hash.

Only pairs on an exact key that no other row of the day has are closed, and rows of an earlier day
that find their partner. Pairs on a repeated key and what weaker stages propose stay provisional: a
later row with the key and the amounts of one takes its partner's place, and that is open again.
What stays open is listed every day, and what was only to wait is a difference once its days of
grace are over. A run over inputs that the chain knows gives the same answer again, because it sees
only what was known before it. Other inputs for a day that is closed are refused, be it by its days
or because both sides bring pairs again that are closed. A changed file stops the chain.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import duckdb

from harness import input_files
from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money
from harness.ledger.control import Incomplete
from harness.ledger.sides import Side

CHAIN: Final = "chain.json"
WAITS: Final = "carried"
"""The class of a row that may still find its partner on a later day."""

LISTED_MAX: Final = 2_000
"""Rows of earlier days that ``totals.json`` names; the memory has all."""

KEYS_NAMED: Final = 5
"""Settlements that a refusal names."""

_TABLES: Final = ("open", "closed", "loose")
"""What a run leaves: open rows, closed keys, and rows whose pair is provisional."""

_NAMES: Final = "side, k, rf, fee, fund, acct, cash"
_SHAPE: Final = (
    "side VARCHAR, k VARCHAR, rf BIGINT, fee BIGINT, fund BIGINT, acct BIGINT, cash BIGINT"
)
_AMOUNTS: Final = ("rf", "fee", "fund", "acct", "cash")

_AGAIN: Final = "reopened"
"""Class in ``state_open`` of a row that lost its provisional partner in this run."""


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


def chain(folder: Path) -> list[dict[str, Any]]:
    """The chain, checked link by link.

    Raises:
        Incomplete: a link or one of its files was changed or is missing.
    """
    path = folder / CHAIN
    if not path.is_file():
        return []
    links = input_files.shaped(list[dict[str, Any]], input_files.json_of(path), str(path))
    before = ""
    for number, link in enumerate(links, 1):
        try:
            files = {n: _digest(_file(folder, number, n)) for n in link["files"]}
            kept = link["files"] == files and link["hash"] == _seal(before, link)
        except (OSError, KeyError, TypeError) as error:
            why = tr("the state is not whole: {error}", error=error)
            raise Incomplete(why, where=str(path)) from error
        if not kept:
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
    links = chain(folder)
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
    con.execute(f"CREATE OR REPLACE TABLE state_open ({_SHAPE}, cls VARCHAR, since VARCHAR)")
    con.execute(f"CREATE OR REPLACE TABLE state_closed ({_SHAPE})")
    con.execute(
        f"CREATE OR REPLACE TABLE state_loose ({_SHAPE}, mk VARCHAR, mrf BIGINT, mfee BIGINT,"
        " mfund BIGINT, macct BIGINT, mcash BIGINT, since VARCHAR)"
    )
    for number, link in enumerate(links, 1):
        paths = {name: _file(folder, number, name) for name in link["files"]}
        since = link["days"][-1] if link["days"] else ""
        opened = "read_parquet('" + str(paths["open"]).replace("'", "''") + "')"
        known = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {opened}").fetchall()}
        cls = "cls" if "cls" in known else f"'{WAITS}'"  # earlier states do not say
        con.execute(f"INSERT INTO state_open SELECT {_NAMES}, {cls}, ? FROM {opened}", [since])
        closed = str(paths["closed"])
        con.execute(f"INSERT INTO state_closed SELECT {_NAMES} FROM read_parquet(?)", [closed])
        if "loose" in paths:
            loose = str(paths["loose"])
            con.execute("INSERT INTO state_loose SELECT *, ? FROM read_parquet(?)", [since, loose])
    for table in ("state_open", "state_loose"):
        con.execute(
            f"DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM state_closed c"
            f" WHERE c.k = {table}.k AND c.rf = {table}.rf)"
        )
    _refuse_closed(con, folder)


def _file(folder: Path, number: int, name: str) -> Path:
    return folder / f"{number:05d}.{name}.parquet"


def _refuse_closed(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Pairs that are closed do not come again; a row on one side alone is judged as a double."""
    refund = "CASE WHEN flag = 1 OR fee < 0 THEN 1 ELSE 0 END"
    again = (
        "SELECT DISTINCT z.k FROM state_closed z"
        f" JOIN (SELECT k, {refund} AS rf FROM canon_his) h ON h.k = z.k AND h.rf = z.rf"
        f" JOIN (SELECT k, {refund} AS rf FROM canon_centre) c ON c.k = z.k AND c.rf = z.rf"
    )
    rows = con.execute(
        f"SELECT k, COUNT(*) OVER () FROM ({again}) x ORDER BY k LIMIT {KEYS_NAMED}"
    ).fetchall()
    if rows:
        raise InputError(
            tr(
                "{count} settlements are closed already and are in both lists again: {keys}",
                count=rows[0][1],
                keys=", ".join(key for key, _ in rows),
            ),
            where=str(folder / CHAIN),
            remedy=tr("export only what came after the days that are closed"),
        )


def still_open(con: duckdb.DuckDBPyConnection, *, grace_days: int) -> dict[str, Any]:
    """Rows of earlier days that today's ledgers do not mention either; what ``totals.json`` says.

    ``overdue`` are those of which nobody was told as a difference yet: they were only to wait, for
    longer than ``grace_days`` by now, or have lost their partner to a row of today.
    """
    rows = con.execute(
        f"SELECT side, k, rf = 1, fee, MIN(since), MAX(cls) = '{_AGAIN}' OR MAX(cls) = ?"
        " AND MIN(since) <> '' AND CAST(MIN(since) AS DATE) <= (SELECT"
        " MAX(CAST(moment AS DATE)) FROM (SELECT moment FROM canon_his UNION ALL SELECT moment"
        " FROM canon_centre) z) - CAST(? AS INTEGER)"
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
        same = " AND ".join(f"o.{n} = t.{n}" for n in _AMOUNTS)
        con.execute(
            "UPDATE verdict SET class = 'cross_day', stage = 'carry', delta_fen = 0 FROM"
            f" (SELECT DISTINCT t.rid FROM {table} t JOIN state_open o ON o.k = t.k AND"
            f" o.side = '{other}' AND {same}) x"
            f" WHERE verdict.side = '{side}' AND verdict.line = x.rid AND class IN ({only})"
        )
        _take_loose(con, side, other, table)
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


def _take_loose(con: duckdb.DuckDBPyConnection, side: str, other: str, table: str) -> None:
    """Rows of today whose key and amounts are those of a row that was paired provisionally.

    The key of both sides weighs more than what was proposed without it: the pair is closed, and the
    row that had been proposed is open again. Rows that had no partner at all are taken first; those
    whose partner has the same key keep it.
    """
    own = ", ".join(("k", *_AMOUNTS))
    con.execute(
        "CREATE OR REPLACE TABLE state_took AS SELECT t.rid, o.* EXCLUDE (n) FROM"
        f" (SELECT x.rid, {', '.join(f'x.{n}' for n in ('k', *_AMOUNTS))},"
        f" ROW_NUMBER() OVER (PARTITION BY {', '.join(f'x.{n}' for n in ('k', *_AMOUNTS))}"
        f" ORDER BY x.rid) AS n FROM {table} x JOIN verdict v ON v.side = '{side}'"
        f" AND v.line = x.rid AND v.class IN ('{side}_only', 'refund_unmatched')) t JOIN"
        f" (SELECT *, ROW_NUMBER() OVER (PARTITION BY {own} ORDER BY mk IS NOT NULL, since, mk)"
        f" AS n FROM state_loose WHERE side = '{other}' AND (mk IS NULL OR mk <> k)) o"
        f" ON o.n = t.n AND {' AND '.join(f'o.{n} = t.{n}' for n in ('k', *_AMOUNTS))}"
    )
    con.execute(
        "UPDATE verdict SET class = 'cross_day', stage = 'carry', delta_fen = 0 FROM state_took x"
        f" WHERE verdict.side = '{side}' AND verdict.line = x.rid"
    )
    con.execute(
        f"INSERT INTO state_open SELECT '{side}', mk, mrf, mfee, mfund, macct, mcash, '{_AGAIN}',"
        " since FROM state_took WHERE mk IS NOT NULL"
    )


def remember(con: duckdb.DuckDBPyConnection, folder: Path, sides: list[Side]) -> dict[str, Any]:
    """Write down what this run left open and closed; a repeated run adds nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    links = chain(folder)
    own = _inputs(sides)
    for number, link in enumerate(links, 1):
        if link["inputs"] == own:
            return {"run": number, "hash": link["hash"], "repeated": True}
    number = len(links) + 1
    for name, select in zip(_TABLES, _left(con), strict=True):
        quoted = str(_file(folder, number, name)).replace("'", "''")
        con.execute(f"COPY ({select} ORDER BY ALL) TO '{quoted}' (FORMAT parquet)")
    link = {
        "inputs": own,
        "days": _days(con),
        "files": {n: _digest(_file(folder, number, n)) for n in _TABLES},
    }
    link["hash"] = _seal(links[-1]["hash"] if links else "", link)
    text = json.dumps([*links, link], indent=1)
    (folder / CHAIN).write_text(text + "\n", encoding="utf-8", newline="\n")
    return {"run": number, "hash": link["hash"], "repeated": False}


def _left(con: duckdb.DuckDBPyConnection) -> tuple[str, str, str]:
    """SELECTs of what this run leaves: open rows, closed keys, provisional pairs."""
    con.execute(
        "CREATE OR REPLACE TABLE repeated AS SELECT k, rf FROM h WHERE k IS NOT NULL GROUP BY k, rf"
        " HAVING COUNT(*) > 1 UNION SELECT k, rf FROM c WHERE k IS NOT NULL GROUP BY k, rf"
        " HAVING COUNT(*) > 1"
    )
    paired = "v.class IN ('matched', 'cross_day', 'time_skew', 'refund_pair')"
    final = "(SELECT 1 FROM repeated r WHERE r.k = t.k AND r.rf = t.rf)"
    opened = "v.class IN ('carried', 'his_only', 'centre_only', 'refund_unmatched')"
    closed = f"{paired} AND (v.stage = 'carry' OR v.stage = 'exact' AND NOT EXISTS {final})"
    loose = (
        f"v.weak = 1 OR v.class LIKE 'duplicate%' AND v.stage <> 'closed'"
        f" OR {paired} AND v.stage = 'exact' AND EXISTS {final}"
    )
    mate = (
        "o.k AS mk, o.rf AS mrf, o.fee AS mfee, o.fund AS mfund, o.acct AS macct, o.cash AS mcash"
    )
    again = (
        " UNION ALL SELECT side, k, rf, fee, fund, acct, cash, side || '_only' FROM state_open"
        f" WHERE cls = '{_AGAIN}'"
    )

    def select(condition: str, more: str, join: str = "") -> str:
        return " UNION ALL ".join(
            f"SELECT '{side}' AS side, t.k, t.rf, t.fee, t.fund, t.acct, t.cash{more}"
            f" FROM {table} t JOIN verdict v ON v.side = '{side}' AND v.line = t.rid"
            f" {join.format(other)} WHERE t.k IS NOT NULL AND ({condition})"
            for side, table, other in (("his", "h", "c"), ("centre", "c", "h"))
        )

    return (
        f"SELECT * FROM ({select(opened, ', v.class AS cls')}{again}) y",
        f"SELECT * FROM ({select(closed, '')}) y",
        f"SELECT * FROM ({select(loose, ', ' + mate, 'LEFT JOIN {} o ON o.rid = v.mate')}) y",
    )
