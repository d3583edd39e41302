"""What a sign-off report rests on: runs, a comparison, reconciliations, and stated facts.

Each is read as it lies there and named with its SHA-256. What people must say (operators,
window, checks by eye, a reservation) stands in a TOML file; they cannot state a conclusion in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.errors import InputError
from harness.evidence import trace
from harness.evidence.trace import Record
from harness.i18n import tr
from harness.report import intact
from harness.report.leftover import Leftover
from harness.report.mask import Mask
from harness.report.model import Run, ScenarioRun, parse
from harness.signoff import results
from harness.site import cleanup
from harness.site.cards import read_forms
from harness.upgrade import trust

FACT_TABLES: Final = {
    "site": ("hospital", "window", "place", "environment", "rollback"),
    "reservation": ("text", "by"),
    "plan": ("entry", "exit", "timetable", "rollback_trigger"),
}
"""Tables with single values, and their keys."""

FACT_LISTS: Final = {
    "operator": ("name", "task"),
    "manual": ("what", "result", "by", "on"),
    "untested": ("requirement", "reason", "owner"),
    "rollback": ("condition", "limit", "measured", "left", "by", "on"),
}
"""Lists of tables, and their keys."""

MANUAL_OK: Final = "ok"
"""The only result of a check by eye that counts as passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What people state.

    Attributes:
        site: hospital, window, place, environment, rollback.
        reservation: text and who has it.
        operators: name and task.
        manual: what was looked at, the result, by whom, on which day.
        untested: requirements that were left out, why, and who decides.
        plan: entry and exit criteria, time table, trigger of a roll-back.
        rollback: how the rehearsal of a roll-back went, condition by condition.
    """

    site: Mapping[str, str] = field(default_factory=dict)
    reservation: Mapping[str, str] = field(default_factory=dict)
    operators: Sequence[Mapping[str, str]] = ()
    manual: Sequence[Mapping[str, str]] = ()
    untested: Sequence[Mapping[str, str]] = ()
    plan: Mapping[str, str] = field(default_factory=dict)
    rollback: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One file that the report rests on."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything.

    Attributes:
        run: the run after the upgrade.
        before: the run before it; None where there is none.
        comparison: ``compare.json``; None where nothing was compared.
        reconciliations: ``totals.json`` by folder.
        contract: ``contract-compare.json``; None where contracts were not compared.
        facts: what people state.
        evidence: every file, with its hash.
        damaged: traces that cannot be trusted, and why.
        mismatched: comparisons that are about other runs than these.
        watched: ``watch.json``; None where no window was watched.
        doctor: what the doctor said; None where it was not asked.
        mask: hides who real persons are.
        types: of the messages that passed, by interface: transaction codes and message types.
        left: what the traces of the run say was left in systems that are not ours, as far as
            ``cleanup.csv`` says who took it back; None where every system was ours.
        left_problem: why that table cannot be used; empty where it can.
    """

    run: Run
    before: Run | None = None
    comparison: Mapping[str, Any] | None = None
    reconciliations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    contract: Mapping[str, Any] | None = None
    facts: Facts = field(default_factory=Facts)
    evidence: Sequence[Evidence] = ()
    damaged: Sequence[str] = ()
    mismatched: Sequence[str] = ()
    watched: Mapping[str, Any] | None = None
    doctor: Mapping[str, Any] | None = None
    mask: Mask = field(default_factory=Mask)
    types: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left: Sequence[Leftover] | None = None
    left_problem: str = ""


def read(
    run: Path, before: Path | None, comparison: Path | None, reconciled: Sequence[Path],
    contract: Path | None, facts: Path | None, watched: Path | None = None,
    doctor: Path | None = None,
) -> Material:  # fmt: skip
    """Read everything.

    Raises:
        InputError: something is missing, or is not what it should be.
    """
    evidence: list[Evidence] = []
    damaged: list[str] = []
    after = _run(run, "after", evidence, damaged)
    old = None if before is None else _run(before, "before", evidence, damaged)
    compared = _json(comparison, "compare.json", results.Comparison, evidence, 2)
    left, left_problem = _left(run, after, evidence)
    return Material(
        run=after, before=old, comparison=compared,
        reconciliations=_books(reconciled, evidence),
        contract=_json(contract, "contract-compare.json", results.Contract, evidence),
        facts=Facts() if facts is None else _facts(facts, evidence),
        evidence=evidence, damaged=damaged,
        mismatched=list(_mismatched(compared, (after, run), (old, before))),
        watched=_json(watched, "watch.json", results.Watched, evidence),
        doctor=None if doctor is None else _doctor(doctor, evidence),
        mask=Mask.of(_records(run, after)) if after.masked else Mask(),
        types=_types(_records(run, after)), left=left, left_problem=left_problem,
    )  # fmt: skip


def _left(
    folder: Path, run: Run, evidence: list[Evidence]
) -> tuple[Sequence[Leftover] | None, str]:
    """What was left, from the traces: a row that somebody takes out of the table stays open."""
    if not run.masked:
        return None, ""
    if (folder / cleanup.NAME).is_file():
        evidence.append(_hashed(folder / cleanup.NAME, f"after/{cleanup.NAME}"))
    rows = cleanup.rows_of(folder, read_forms())
    if rows is None:  # unpacked without its traces: the table is all there is
        return None, run.cleanup.problem or ("" if run.cleanup.settled else cleanup.NAME)
    try:
        return cleanup.filled(rows, folder), ""
    except InputError as error:
        return rows, error.message


def _types(records: Iterator[Record]) -> dict[str, Sequence[str]]:
    found: dict[str, set[str]] = {}
    for one in records:
        if one["kind"] == "message" and one.get("interface") and one.get("type"):
            found.setdefault(str(one["interface"]), set()).add(str(one["type"]))
    return {interface: sorted(types) for interface, types in found.items()}


def _records(folder: Path, run: Run) -> Iterator[Record]:
    for one in run.scenarios:
        if one.trace and (folder / one.trace).is_file():
            with contextlib.suppress(InputError):  # told as damage
                yield from trace.read(folder / one.trace).records


def _doctor(path: Path, evidence: list[Evidence]) -> Mapping[str, Any]:
    """The last line of ``medharness doctor --json``, in a file of its own or at the end of one."""
    try:
        lines = path.read_text(encoding="utf-8").strip().splitlines()
        data: Any = json.loads(lines[-1] if lines else "")
    except (OSError, ValueError, RecursionError) as error:
        message = tr("the file cannot be read: {reason}", reason=error)
        raise InputError(message, where=str(path)) from error
    if not isinstance(data, dict) or not isinstance(data.get("checks"), list):
        raise InputError(tr("this is no {name}", name="doctor --json"), where=str(path))
    input_files.shaped(results.Asked, data, str(path))
    evidence.append(_hashed(path, path.name))
    return data


def _run(folder: Path, name: str, evidence: list[Evidence], damaged: list[str]) -> Run:
    run = parse(Run, folder / "run.json")
    edited = intact.damage(folder)
    if edited:
        damaged.append(f"{name}: {edited}")
    evidence.append(_hashed(folder / "run.json", f"{name}/run.json"))
    for one in run.scenarios:
        if one.trace:
            _trace(folder, name, one, evidence, damaged)
    return run


def _trace(
    folder: Path, name: str, one: ScenarioRun, evidence: list[Evidence], damaged: list[str]
) -> None:
    path = folder / one.trace
    if not path.is_file():
        damaged.append(f"{name}/{one.trace}: {tr('is missing')}")
        return
    evidence.append(_hashed(path, f"{name}/{one.trace}"))
    try:
        sealed = trace.read(path)
    except InputError as error:
        damaged.append(f"{name}/{one.trace}: {error.message}")
        return
    if not sealed.sealed:
        damaged.append(f"{name}/{one.trace}: {sealed.damage}")


def _hashed(path: Path, name: str) -> Evidence:
    data = path.read_bytes()
    return Evidence(name=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _books(folders: Sequence[Path], evidence: list[Evidence]) -> dict[str, Mapping[str, Any]]:
    """What each reconciliation found, by its folder; by its whole path where names are alike."""
    names = [one.name for one in folders]
    found = {}
    for one in folders:
        data = _json(one, "totals.json", results.Totals, evidence)
        found[one.name if names.count(one.name) == 1 else str(one)] = data or {}
    return found


def _json(
    folder: Path | None,
    name: str,
    shape: type[Any],
    evidence: list[Evidence],
    number: int = 1,
) -> Mapping[str, Any] | None:
    """A result of the format ``number``; None where none was given."""
    if folder is None:
        return None
    path = folder / name if folder.is_dir() else folder
    data = input_files.json_of(path)
    if not isinstance(data, dict) or data.get("format") != number or "verdict" not in data:
        raise InputError(tr("this is no {name}", name=name), where=str(path))
    input_files.shaped(shape, data, str(path))
    evidence.append(_hashed(path, f"{path.parent.name}/{path.name}"))
    return data


def _mismatched(
    compared: Mapping[str, Any] | None, after: tuple[Run, Path], old: tuple[Run | None, Path | None]
) -> Iterator[str]:
    """A comparison of other runs, or of other traces, must not stand for these."""
    if compared is None:
        return
    for side, (run, folder) in (("after", after), ("before", old)):
        if run is not None and compared[side]["started"] != run.started:
            yield tr("the comparison is about another run {side}: {began}", side=side,
                     began=compared[side]["started"])  # fmt: skip
        elif run is not None and folder is not None:
            told = compared[side].get("traces_sha256")
            found = trust.of_traces(folder, run)
            if told and found and told != found:
                yield tr("the traces of the run {side} are not those that were compared", side=side)


def _facts(path: Path, evidence: list[Evidence]) -> Facts:
    data = input_files.toml_of(path)
    unknown = sorted(set(data) - set(FACT_TABLES) - set(FACT_LISTS))
    if unknown:
        raise InputError(tr("unknown: {keys}", keys=", ".join(unknown)), where=str(path))
    evidence.append(_hashed(path, path.name))
    single = {name: _texts(data.get(name, {}), keys, path) for name, keys in FACT_TABLES.items()}
    lists = {
        name: [
            _texts(one, keys, path)
            for one in input_files.shaped(list[Any], data.get(name, []), f"{path} [[{name}]]")
        ]
        for name, keys in FACT_LISTS.items()
    }
    return Facts(
        site=single["site"], reservation=single["reservation"], operators=lists["operator"],
        manual=lists["manual"], untested=lists["untested"], plan=single["plan"],
        rollback=lists["rollback"],
    )  # fmt: skip


def _texts(table: Any, keys: Sequence[str], path: Path) -> dict[str, str]:
    unknown = sorted(set(table) - set(keys)) if isinstance(table, dict) else ["?"]
    if unknown:
        raise InputError(tr("unknown: {keys}", keys=", ".join(unknown)), where=str(path))
    return {key: str(table.get(key, "")) for key in keys}
