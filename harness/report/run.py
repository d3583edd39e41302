"""The run folder: what came of a run, derived from its plan and its traces alone.

So a run that was killed can be reported too: what it had written is judged, what it had not begun
is named. ``build`` derives, ``load`` reads ``run.json`` back, ``write`` makes every file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.evidence import reach, trace
from harness.evidence.conclude import Conclusion, conclude
from harness.evidence.expect import Finding
from harness.evidence.hashed import Hashed
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict, worst
from harness.i18n import tr
from harness.model import Person
from harness.report import attempts, evidence_zip, html, junit, leftover
from harness.report.model import (
    FORMAT,
    FaultEntry,
    FindingEntry,
    Plan,
    Run,
    ScenarioPlan,
    ScenarioRun,
    Sentence,
    parse,
)

NOT_RUN = "not run: the run ended before this scenario began"
CUT_OFF = "cut off"
"""Reason of a trace that ends before its seal; other damage is told as ``trace.read`` says it."""

_NOT_SEALED = "not sealed: the run was cut off"

_TRACE_NAME = re.compile(r"[^/\\:\x00.][^/\\:\x00]*")
"""A scenario id that can name a file in ``traces/`` and nowhere else."""


def build(folder: Path, hashed: Hashed | None = None) -> Run:
    """Derive the run from ``plan.json`` and ``traces/*.jsonl``, and count its ``cleanup.csv``.

    Args:
        folder: the run folder.
        hashed: learns the hashes of what was read.

    Raises:
        InputError: the plan is missing or wrong; a trace never raises, it becomes a verdict.
    """
    plan = parse(Plan, folder / "plan.json")
    planned = [*plan.scenarios, *_unplanned(folder, plan)]
    hashed = Hashed() if hashed is None else hashed
    parts = [_scenario(folder, one, hashed) for one in planned]
    scenarios = tuple(scenario for scenario, _ in parts)
    verdicts = [one.verdict for one in scenarios]
    cleanup = leftover.counted(folder)
    return Run(
        format=FORMAT,
        harness_version=plan.harness_version,
        started=plan.started,
        seconds=_run_seconds(plan, scenarios, [end for _, end in parts if end]),
        seed=plan.seed,
        label=plan.label,
        lang=plan.lang,
        command=plan.command,
        profile=plan.profile,
        systems=plan.systems,
        defects=plan.defects,
        verdict=worst(verdicts),
        counts={str(verdict): verdicts.count(verdict) for verdict in Verdict},
        scenarios=scenarios,
        requirements=plan.requirements,
        interfaces=plan.interfaces,
        conditional=not cleanup.settled,
        cleanup=cleanup,
    )


def load(folder: Path) -> Run:
    """Read ``run.json``; ``InputError`` where it is missing or wrong."""
    return parse(Run, folder / "run.json")


def write(
    folder: Path,
    *,
    lang: str = "",
    masked: bool | None = None,
    internal: bool = False,
    people: Iterable[Person] = (),
) -> Run:
    """Write ``run.json``, ``junit.xml``, ``report.html`` and ``evidence.zip`` of a run folder.

    A folder without a plan, such as one unpacked from ``evidence.zip`` of another place, is
    rendered from its ``run.json``, which then stays as it is.

    Args:
        folder: the run folder.
        lang: ``zh-CN`` or ``en``; empty takes the language of the run.
        masked: hide names and identity numbers in the HTML; None does so where a real system
            took part.
        internal: for the house alone: nothing is hidden, and the evidence holds the traces.
        people: signed test patients, whom a masked page does not name either.
    """
    hashed = Hashed()
    if (folder / "plan.json").is_file() or not (folder / "run.json").is_file():
        run = build(folder, hashed)
        # Lone surrogates of a hostile peer become JSON escapes: the file stays valid UTF-8.
        text = run.text().encode("utf-8", "backslashreplace")
        (folder / "run.json").write_bytes(text)
    run = load(folder)
    (folder / "junit.xml").write_bytes(junit.junit(run))
    hidden = False if internal else masked
    page = html.render(run, folder, lang=lang, masked=hidden, people=people)
    (folder / "report.html").write_text(page, encoding="utf-8", newline="\n")
    # What leaves the house by default must not carry real persons.
    evidence_zip.pack(folder, withhold=run.masked and not internal, hashed=hashed)
    return run


def _unplanned(folder: Path, plan: Plan) -> list[ScenarioPlan]:
    """Traces of scenarios that the plan does not know: judged all the same, never dropped."""
    known = {one.id for one in plan.scenarios}
    paths = sorted((folder / "traces").glob("*.jsonl"))
    return [ScenarioPlan(id=path.stem) for path in paths if path.stem not in known]


def _scenario(folder: Path, plan: ScenarioPlan, hashed: Hashed) -> tuple[ScenarioRun, str]:
    """One scenario, and the civil time of its last record (empty if it never began)."""
    if not _TRACE_NAME.fullmatch(plan.id):
        raise InputError(
            tr("the scenario id {id} cannot name a trace", id=plan.id),
            where=str(folder / "plan.json"),
        )
    relative = f"traces/{plan.id}.jsonl"
    path = folder / "traces" / f"{plan.id}.jsonl"
    if not path.is_file():
        return _ended(plan, Verdict.BLOCKED, NOT_RUN), ""
    try:
        sealed = trace.read(path, hashed)
    except InputError as error:
        return _ended(plan, Verdict.INCONCLUSIVE, CUT_OFF, error.message, trace=relative), ""
    records = sealed.records
    try:
        scenario = _judged(plan, sealed, relative)
        return scenario, str(records[-1].get("w", ""))
    except Exception as error:  # noqa: BLE001  # one broken trace must not take the report of all
        if not sealed.sealed:  # what was edited, and not what we wrote, is beyond judgement
            return _ended(plan, Verdict.INCONCLUSIVE, sealed.damage, trace=relative), ""
        why = f"the trace cannot be judged: {type(error).__name__}: {error}"
        return _ended(plan, Verdict.ERROR, why, trace=relative), ""


def _ended(plan: ScenarioPlan, verdict: Verdict, *reasons: str, trace: str = "") -> ScenarioRun:
    """A scenario of which nothing can be judged."""
    return _run_of(plan, {}, verdict=verdict, reasons=reasons, trace=trace)


def _judged(plan: ScenarioPlan, sealed: trace.SealedTrace, relative: str) -> ScenarioRun:
    records = sealed.records
    conclusion = conclude(records)
    verdict, reasons = conclusion.verdict, list(conclusion.reasons)
    if not sealed.sealed:
        reasons = [CUT_OFF if sealed.damage == _NOT_SEALED else sealed.damage, *reasons]
        if verdict not in {Verdict.FAIL, Verdict.ERROR}:
            verdict = Verdict.INCONCLUSIVE
    elif sealed.verdict != verdict:
        reasons.append(f"sealed as {sealed.verdict}, judged again as {verdict}")
        verdict = worst([verdict, Verdict(sealed.verdict)])
    return _run_of(
        plan,
        sealed.head,
        verdict=verdict,
        reasons=(*reasons, *attempts.told(sealed.path.parent.parent, plan.id)),
        trace=relative,
        seconds=_seconds(records),
        findings=tuple(_finding(one) for one in conclusion.findings),
        faults=tuple(FaultEntry(**one.data()) for one in conclusion.faults),
        sentences=_sentences(records, conclusion),
    )


def _finding(finding: Finding) -> FindingEntry:
    texts = {name: str(value) for name, value in finding.data().items() if name != "sentence"}
    return FindingEntry(**texts, sentence=int(finding.sentence))


def _run_of(
    plan: ScenarioPlan,
    head: Mapping[str, Any],
    *,
    verdict: Verdict,
    reasons: Sequence[str],
    trace: str,
    seconds: float = 0.0,
    findings: tuple[FindingEntry, ...] = (),
    faults: tuple[FaultEntry, ...] = (),
    sentences: tuple[Sentence, ...] = (),
) -> ScenarioRun:
    """Identity from the plan; a scenario that the plan does not know has it in its trace."""
    own = head.get("scenario", {})
    return ScenarioRun(
        id=plan.id,
        name=plan.name or str(own.get("name") or plan.id),
        feature=plan.feature or str(own.get("feature") or ""),
        file=plan.file or str(own.get("file") or ""),
        line=plan.line or int(own.get("line") or 0),
        tags=plan.tags or tuple(str(tag) for tag in own.get("tags") or ()),
        requirement=plan.requirement or str(own.get("requirement") or ""),
        interface=plan.interface or str(own.get("interface") or ""),
        owner=plan.owner or str(own.get("owner") or ""),
        seed=None if head.get("seed") is None else int(head["seed"]),
        verdict=verdict,
        seconds=seconds,
        reasons=tuple(dict.fromkeys(reason for reason in reasons if reason)),
        findings=findings,
        faults=faults,
        trace=trace,
        sentences=sentences,
    )


def _sentences(records: Sequence[Record], conclusion: Conclusion) -> tuple[Sentence, ...]:
    """The sentences of the scenario, each with what became of it."""
    reached = {one["index"] for one in records if one["kind"] == "step"}
    probes = {one["n"]: one for one in records if one["kind"] == "probe"}
    marks: dict[int, list[Verdict]] = {}
    cited: dict[int, set[int]] = {}
    opened = [one for one in records if one["kind"] == "expectation"]
    for record, judgement in zip(opened, conclusion.judgements, strict=True):
        marks.setdefault(record["sentence"], []).append(judgement.verdict)
        cited.setdefault(record["sentence"], set()).update(judgement.cited)
    return tuple(
        Sentence(
            keyword=str(one["keyword"]),
            text=str(one["text"]),
            line=int(one["line"]),
            mark=_mark(index, reached, marks),
            reach=reach.least(probes[n] for n in cited.get(index, ()) if n in probes),
        )
        for index, one in enumerate(records[0].get("sentences", ()))
    )


def _mark(index: int, reached: set[int], marks: Mapping[int, Sequence[Verdict]]) -> str:
    if index in marks:
        return str(worst(marks[index]))
    return "done" if index in reached else "not-reached"


def _seconds(records: Sequence[Record]) -> float:
    """How long the scenario took by its own clock, without waiting for persons.

    None where no sentence of it began.
    """
    if not any(record["kind"] == "step" for record in records):
        return 0.0
    whole = float(records[-1]["t"] - records[0]["t"])
    # Waiting for a person says nothing about a system.
    waits = (one for one in records if one["kind"] in {"note", "probe"})
    persons = sum(float(one.get("person_s", 0.0)) for one in waits)
    return round(max(0.0, whole - persons), 3)


def _run_seconds(plan: Plan, scenarios: Sequence[ScenarioRun], ends: Sequence[str]) -> float:
    """How long the run took.

    Over memory the clock of a scenario is virtual and civil time means nothing there: the sum of
    the scenarios is told. Otherwise it is the time from the start to the last record.
    """
    total = round(sum(one.seconds for one in scenarios), 3)
    if plan.profile.transport == "memory" or not ends:
        return total
    try:
        started = datetime.fromisoformat(plan.started)
        last = max(datetime.fromisoformat(end) for end in ends)
        return round(max(0.0, (last - started).total_seconds()), 3)
    except (ValueError, TypeError):  # not a time, or one without a zone
        return total
