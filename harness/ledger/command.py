"""``medharness reconcile``: read two or three ledgers, judge every row, write what was found."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb

from harness import i18n
from harness.i18n import tr
from harness.ledger import (
    apart,
    carry,
    channel,
    channel_bills,
    columns,
    command_summary,
    conserve,
    cut,
    detail_equal,
    detail_evidence,
    engines,
    evidence,
    explain,
    identities,
    identities_totals,
    kept,
    layouts,
    period_command,
    repairs,
    results,
    uploads,
    verdict_lines,
    verdicts,
    wrong_days,
)
from harness.ledger.apart import Stages
from harness.ledger.column_names import names_of, renames_of
from harness.ledger.columns import GRACE_DAYS, HARMLESS, TOLERANCE_DAYS
from harness.ledger.control import Incomplete
from harness.ledger.pool import Pool
from harness.ledger.reading import begin, read_side
from harness.ledger.sides import Side
from harness.ledger.sources import deleted, feeds, has_few, not_read
from harness.ledger.writing import Writing

EXIT_BALANCED, EXIT_DIFFERS, EXIT_INCOMPLETE = 0, 1, 3
DETAILED: Final = ("his", "centre")
"""Sides whose fee lines may be given; what they explain needs both."""

Taken = Callable[[Sequence[str], Sequence[tuple[Any, ...]]], None]
"""Is handed the names of the columns and the rows, as ``verdicts.parquet`` would have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Args:
        sources: file, folder or database URL by side.
        queries: SELECT by side, for database URLs.
        out: folder of the results.
        engine: ``duckdb``, ``sqlite`` or ``spark``; empty: what is quickest for so many rows.
        columns: TOML file that maps own column names to the interface's.
        tolerance_days: how far apart the days of a proposed pair may lie.
        traces: run folders or logs of the calls to the centre.
        log_pattern: heads of logs that are text (``evidence_text.pattern_of``).
        state: folder that remembers closed keys and open rows from day to day.
        carry_from: state folder or results of an earlier run, read only.
        grace_days: days that an open row is carried; only with ``state``.
        further: what explains more than the lists: fee lines, the period and its stated totals.
        bare: files for programs alone: no reports for people, nothing said.
        take: is handed the columns and rows of ``verdicts.parquet``, which is then not written, and
            no list either: ``verdicts.csv`` holds the rows of uploads alone.
    """

    sources: Mapping[str, str]
    queries: Mapping[str, str] = field(default_factory=dict)
    out: str = ""
    engine: str = ""
    columns: str = ""
    province: str = ""
    tolerance_days: int = TOLERANCE_DAYS
    traces: tuple[str, ...] = ()
    log_pattern: str = ""
    state: str = ""
    carry_from: str = ""
    grace_days: int = GRACE_DAYS
    json: bool = False
    quiet: bool = False
    further: argparse.Namespace = field(default_factory=argparse.Namespace)
    bare: bool = False
    take: Taken | None = None


def reconcile(request: Request) -> int:
    """Run the whole command; returns 0, 1 or 3 as the contract says.

    Raises:
        InputError: a source cannot be used at all, or options do not go together (exit code 2).
    """
    uploads.wanted(request.further)
    apart.wanted(request)
    out = Path(request.out or "reconcile-out")
    work = results.folder(out)
    log = evidence.asked(request.traces, request.log_pattern)
    say = command_summary.progress(quiet=request.quiet)
    try:
        with kept.session(work, kept=request.take is not None) as con, Writing() as writing:
            try:
                result = judge(con, request, out, log, say, writing)
            except Incomplete as error:
                problems = [str(error)]
                result = {"format": conserve.FORMAT, "verdict": "INCOMPLETE", "problems": problems}
            result |= log.result()
            _write_json(out / "totals.json", result, bare=request.bare)
            if not request.bare:
                period_command.extend(request.further, out)
                say(tr("writing the reports"))
                _reports(out)
    except duckdb.Error:
        results.forget(out)  # what is left of a broken run must not look like a result
        raise
    finally:
        results.tidy(work)
    code = _code(result)
    if not request.bare:
        command_summary.show(result, out)
        if request.json:
            print(json.dumps(command_summary.short(result, out, code), ensure_ascii=False))
    return code


def _small(sources: Iterable[str]) -> bool:
    """Whether all sources are files with so little in them that they have few rows."""
    paths = [Path(source) for source in sources]
    return all(one.is_file() and has_few(one) for one in paths)


def _few(request: Request, sides: list[Side], log: list[evidence.Exchange]) -> bool:
    """Whether no table of this run is large enough to be worth a plan."""
    return (
        all(one.few for one in sides)
        and len(log) <= columns.FEW_ROWS
        and _small([*uploads.files(request.further), *map(str, _fee_lines(request))])
    )


def _fee_lines(request: Request) -> list[Path]:
    """Files of fee lines that are given, HIS before centre."""
    given = (getattr(request.further, f"{one}_detail", None) for one in DETAILED)
    return [Path(str(one)) for one in given if one]


def judge(
    con: duckdb.DuckDBPyConnection,
    request: Request,
    out: Path,
    log: list[evidence.Exchange],
    say: Any,
    writing: Writing,
) -> dict[str, Any]:
    """Read, run the stages, prove, explain and write; the contents of ``totals.json``."""
    work, pool = out / "work", Pool()
    try:
        rules, notes = layouts.province(request.province), layouts.Notes()
        plain = _small(request.sources.values())
        if plain:
            engines.plainly(con)
        sides = _read(con, request, work, pool, say, rules=rules, notes=notes)
        cuts = cut.wanted(
            request.further, sides[0], remembered=bool(request.state or request.carry_from)
        )
        if cuts:
            con.execute("CREATE TABLE cut_out (side VARCHAR, rid BIGINT)")
        if not _few(request, sides, log):
            engines.fully(con)
        elif not plain:
            engines.plainly(con)
        skipped = _stages(con, request, sides, work, say, rules=rules)
        say(tr("proving that nothing was lost"))
        pool.settle()
        proved, outside = _prove(con, sides, cuts)
        if proved.broken:
            return _incomplete(sides, request, proved.broken)
        say(tr("looking for causes"))
        whole = identities.check(con, sides, mulaid_inside_acct=rules.mulaid_inside_acct)
        if len(files := _fee_lines(request)) == len(DETAILED):
            detail_evidence.load(con, *files)
            if detail_equal.mark(con, *files):
                proved = conserve.prove(con, sides)
        explain.explain(con, log, sides)
        result = conserve.totals(con, sides, dict(request.sources), proved) | whole
        result["not_compared"], result["cut"] = skipped, outside
        result["province"] = rules.to_json() if rules.name else {}
        result["set_aside"], result["not_read"] = notes.set_aside, notes.not_read
        result["totals_3201"] = identities_totals.totals(
            con, sides[0], sides[1], cells=proved.cells, pair_count=rules.pair_count
        )
        if proved.broken or result["residual"] != "0.00":
            rest = [tr("the waterfall leaves a rest")]
            return _incomplete(sides, request, proved.broken or rest)
        _remember(con, request, sides, result)
        _give(con, request, sides, out, say, writing)
        renames = renames_of(names_of(request.columns), request.columns)
        if uploads.wanted(request.further):
            writing.settle()  # their rows are added to it
        told = uploads.judge(con, request.further, out, work, renames=renames, log=log)
        if uploads.differences(told):
            result["verdict"] = "differs"
        return result | {"uploads": told}
    finally:
        pool.close()


def _give(
    con: duckdb.DuckDBPyConnection,
    request: Request,
    sides: list[Side],
    out: Path,
    say: Any,
    writing: Writing,
) -> None:
    """Every row and every list to whom they are for."""
    if request.take is not None:
        request.take(*verdicts.rows(con, sides))
        if uploads.wanted(request.further):
            uploads.begin(out)
        return
    say(tr("writing the verdicts"))
    verdicts.write(con, sides, out)
    verdict_lines.begin(con, sides, out, writing)
    repairs.write(con, HARMLESS, out)
    identities.write(con, out)


def _prove(
    con: duckdb.DuckDBPyConnection, sides: list[Side], cuts: list[cut.Cut]
) -> tuple[conserve.Proof, dict[str, Any]]:
    """The proof, taken again where a cut changes classes; what lies outside the cut."""
    proved = conserve.prove(con, sides)
    if proved.broken or not cuts:
        return proved, {}
    outside = cut.mark(con, cuts)
    return conserve.prove(con, sides), outside


def _remember(
    con: duckdb.DuckDBPyConnection, request: Request, sides: list[Side], result: dict[str, Any]
) -> None:
    """What earlier days left open and today leaves open; what waited too long is a difference."""
    if request.state or request.carry_from:
        left = result["still_open"] = carry.still_open(con, grace_days=request.grace_days)
        if left["overdue"]:
            result["verdict"] = "differs"
    if request.state:
        result["state"] = carry.remember(con, Path(request.state), sides)


def _read(
    con: duckdb.DuckDBPyConnection,
    request: Request,
    work: Path,
    pool: Pool,
    say: Any,
    *,
    rules: layouts.Province,
    notes: layouts.Notes,
) -> list[Side]:
    names = names_of(request.columns)
    renames = renames_of(names, request.columns)
    begun = {}
    for name, src in request.sources.items():
        say(tr("reading {source}", source=src if "://" not in src else name))
        folder = work / name
        folder.mkdir()
        own = renames.get(name, {})
        found = feeds(src, query=request.queries.get(name, ""), work=folder, renames=own)
        notes.not_read += [f"{name}: {one}" for one in (*not_read(src), *deleted(found))]
        if name == "centre":
            found = layouts.prepare(found, rules, folder, notes)
        elif name == "channel":
            found = channel_bills.prepare(found, names.get("channel_bill"), folder)
        begun[name] = begin(con, name, found, renames=own, work=folder, pool=pool)
        pool.waits += begun[name][1]
    return [read_side(con, name, parts, work / name) for name, (parts, _) in begun.items()]


def _stages(
    con: duckdb.DuckDBPyConnection,
    request: Request,
    sides: list[Side],
    work: Path,
    say: Any,
    *,
    rules: layouts.Province,
) -> list[str]:
    his, centre = sides[0], sides[1]
    target = apart.wanted(request)
    days = request.tolerance_days
    if request.carry_from or request.state:
        carry.recall(con, Path(request.carry_from or request.state), sides)
    hospital = str(getattr(request.further, "by_hospital", "") or "")
    skipped = engines.prepare(con, his, centre, hospital=hospital)
    _turn(con, rules)
    wrong_days.refuse(con, his, centre)
    say(tr("pairing {his} rows with {centre} rows", his=his.rows, centre=centre.rows))
    if target is not None:
        apart.run(
            con,
            [his, centre],
            target,
            column=hospital,
            stages=Stages(
                engine=request.engine or "duckdb", tolerance_days=request.tolerance_days, work=work
            ),
            ready=partial(_turn, con, rules),
        )
        return skipped
    engine = request.engine or ("sqlite" if his.few and centre.few else "duckdb")
    engines.run(
        con,
        engine,
        tolerance_days=days,
        work=work,
        hospital=hospital,
        kept=kept.stages if request.take is not None else None,
    )
    if len(sides) > 2:
        channel.run(con)
    verdicts.build(con, sides)
    if len(sides) > 2:
        channel.mark_missing(con, his)
        channel.tie_centre(con)
        channel.visits(con)
    if request.state or request.carry_from:
        carry.mark(con, sides, grace_days=request.grace_days)
    return skipped


def _turn(con: duckdb.DuckDBPyConnection, rules: layouts.Province) -> None:
    """Refunds that the province writes positive become negative."""
    for table in ("h", "c"):
        layouts.refund_signs(con, table, rules)


def _incomplete(sides: list[Side], request: Request, broken: list[str]) -> dict[str, Any]:
    return {
        "format": conserve.FORMAT,
        "verdict": "INCOMPLETE",
        "problems": broken,
        "inputs": {s.name: {"source": request.sources[s.name], "rows": s.rows} for s in sides},
    }


def _code(result: Mapping[str, Any]) -> int:
    codes = {"balanced": EXIT_BALANCED, "differs": EXIT_DIFFERS}
    return codes.get(str(result["verdict"]), EXIT_INCOMPLETE)


def _reports(out: Path) -> None:
    """What finance reads; a room of its own, which may be left out of an installation."""
    try:
        module = importlib.import_module("harness.ledger.report_write")
    except ModuleNotFoundError:
        return
    module.write_reports(out, lang=i18n.current(), title=tr("Reconciliation"))


def _write_json(path: Path, value: Mapping[str, Any], *, bare: bool) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=None if bare else 1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
