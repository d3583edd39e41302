"""The pages before the failures: conclusion, requirements by interface, what was not tested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from harness.evidence.verdict import Verdict, worst
from harness.i18n import tr
from harness.report.leftover import NAME
from harness.report.model import Interface, Requirement, Run, ScenarioRun
from harness.report.words import NOT_TESTED, reason

T = TypeVar("T")

RULES: Final = {
    Verdict.PASS: (
        "Passed",
        "Every scenario that applies was judged on evidence and passed.",
    ),
    Verdict.FAIL: (
        "Not passed",
        (
            "At least one scenario failed: the system did not do what was expected, "
            "and the evidence below shows it."
        ),
    ),
    Verdict.INCONCLUSIVE: (
        "No conclusion",
        (
            "Nothing failed, but at least one scenario could not be judged. "
            "What was not judged counts as not passed."
        ),
    ),
    Verdict.BLOCKED: (
        "No conclusion",
        (
            "Nothing failed, but a system that was needed could not be reached. "
            "What was not tried counts as not passed."
        ),
    ),
    Verdict.ERROR: (
        "No valid result",
        (
            "The test harness itself failed in at least one scenario. "
            "The run says nothing about the system until that is mended."
        ),
    ),
    Verdict.NOT_APPLICABLE: (
        "Nothing to judge",
        "No scenario of this run applies to this site.",
    ),
}
"""Heading and rule of the conclusion; computed, never typed by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLine:
    """One requirement that this run tested."""

    id: str
    name: str
    verdict: str
    scenarios: tuple[ScenarioRun, ...]

    def count(self, *verdicts: str) -> int:
        """Scenarios with one of these verdicts."""
        return sum(one.verdict in verdicts for one in self.scenarios)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceGroup:
    """One interface: its verdict, its tested requirements, and those that nothing tested."""

    id: str
    name: str
    ends: str
    verdict: str
    lines: tuple[RequirementLine, ...]
    untested: tuple[Requirement, ...]

    @property
    def tested(self) -> int:
        """Requirements of which a scenario was judged; begun or planned alone is not tested."""
        return sum(1 for line in self.lines if line.id and line.count("pass", "fail"))

    @property
    def known(self) -> int:
        """Requirements in the denominator."""
        return sum(1 for line in self.lines if line.id) + len(self.untested)

    def count(self, *verdicts: str) -> int:
        """Scenarios of the lines with one of these verdicts."""
        return sum(line.count(*verdicts) for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untested:
    """A scenario of the run that tells nothing about the system, and why."""

    scenario: ScenarioRun
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the first pages show."""

    heading: str
    rule: str
    cautions: tuple[str, ...]
    groups: tuple[InterfaceGroup, ...]
    untested: tuple[Untested, ...]
    tested_requirements: int
    known_requirements: int
    uncovered_requirements: int


def overview(run: Run) -> Overview:
    """Compute the first pages from the run."""
    groups = _groups(run)
    tested = sum(group.tested for group in groups)
    known = sum(group.known for group in groups)
    heading, rule = RULES[run.verdict]
    return Overview(
        heading=_under_condition(run, tr(heading)),
        rule=tr(rule),
        cautions=tuple(_cautions(run, tested, known)),
        groups=groups,
        untested=tuple(_untested(run.scenarios)),
        tested_requirements=tested,
        known_requirements=known,
        uncovered_requirements=sum(len(group.untested) for group in groups),
    )


def _under_condition(run: Run, heading: str) -> str:
    if not run.conditional:
        return heading
    return tr("{conclusion} · conditional", conclusion=heading)


def condition(run: Run) -> str:
    """Why the conclusion of a run is conditional; empty where it is not."""
    if run.cleanup.problem:
        return tr(
            "The conclusion is conditional: nobody can tell what is still to be taken back from "
            "systems that are not ours, because {file} cannot be read: {why}",
            file=NAME, why=run.cleanup.problem,
        )  # fmt: skip
    if not run.conditional:
        return ""
    return tr(
        "The conclusion is conditional: {open} of {rows} entries of {file} are open. Take each "
        "back in its system, write who did it, and render the report again.",
        open=run.cleanup.open, rows=run.cleanup.rows, file=NAME,
    )  # fmt: skip


def _cautions(run: Run, tested: int, known: int) -> list[str]:
    """What a reader of the conclusion must know before signing it."""
    cautions = []
    if run.conditional:
        cautions.append(condition(run))
    if known > tested:
        cautions.append(
            tr(
                "The conclusion covers {tested} of {known} known requirements; "
                "the others are listed under “Not tested, and why”.",
                tested=tested,
                known=known,
            )
        )
    if run.defects:
        cautions.append(
            tr(
                "Defects were switched on in the built-in hospital: {defects}. "
                "This run tests the harness, not a product.",
                defects=", ".join(run.defects),
            )
        )
    if run.systems and all(one.mode in {"simulated", "built-in"} for one in run.systems):
        cautions.append(tr("Every system of this run was simulated; no real product was tested."))
    return cautions


def _groups(run: Run) -> tuple[InterfaceGroup, ...]:
    """Requirements by interface, in the order of the denominators; unknown ones after them."""
    requirements = {one.id: one for one in run.requirements}
    for scenario in run.scenarios:
        if scenario.requirement and scenario.requirement not in requirements:
            requirements[scenario.requirement] = Requirement(
                id=scenario.requirement, interface=scenario.interface
            )
    interfaces = {one.id: one for one in run.interfaces}
    for ident in [*(one.interface for one in requirements.values()), *_of(run.scenarios)]:
        interfaces.setdefault(ident, Interface(id=ident))
    by_interface = _by(requirements.values(), lambda one: one.interface)
    of_interface = _by(run.scenarios, lambda one: one.interface)
    of_requirement = _by(run.scenarios, lambda one: one.requirement)
    return tuple(
        _group(one, by_interface[one.id], of_interface[one.id], of_requirement)
        for one in interfaces.values()
    )


def _by(things: Iterable[T], key: Callable[[T], str]) -> defaultdict[str, list[T]]:
    """Each under its key, in their order."""
    found: defaultdict[str, list[T]] = defaultdict(list)
    for one in things:
        found[key(one)].append(one)
    return found


def _of(scenarios: Sequence[ScenarioRun]) -> list[str]:
    return [one.interface for one in scenarios]


def _group(
    interface: Interface,
    requirements: Sequence[Requirement],
    own: Sequence[ScenarioRun],
    of_requirement: Mapping[str, Sequence[ScenarioRun]],
) -> InterfaceGroup:
    lines, untested = [], []
    for requirement in requirements:
        scenarios = tuple(of_requirement.get(requirement.id, ()))
        if scenarios:
            lines.append(_line(requirement.id, requirement.name, scenarios))
        else:
            untested.append(requirement)
    loose = tuple(one for one in own if not one.requirement)
    if loose:
        lines.append(_line("", tr("without a requirement"), loose))
    verdicts = [one.verdict for one in own] + [Verdict(one.verdict) for one in lines]
    ends = " → ".join(part for part in (interface.frm, interface.to) if part)
    return InterfaceGroup(
        id=interface.id or "–",
        name=interface.name,
        ends=" · ".join(part for part in (ends, interface.protocol) if part),
        verdict=str(worst(verdicts)) if verdicts else NOT_TESTED,
        lines=tuple(lines),
        untested=tuple(untested),
    )


def _line(ident: str, name: str, scenarios: tuple[ScenarioRun, ...]) -> RequirementLine:
    verdict = worst(one.verdict for one in scenarios)
    return RequirementLine(id=ident, name=name, verdict=str(verdict), scenarios=scenarios)


_SILENT: Final = (
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.BLOCKED,
    Verdict.NOT_APPLICABLE,
)


def _untested(scenarios: Sequence[ScenarioRun]) -> list[Untested]:
    """Scenarios that came to no judgement, the gravest first."""
    return [
        Untested(
            scenario=one,
            reasons=tuple(reason(text) for text in one.reasons) or (tr("no reason was recorded"),),
        )
        for verdict in _SILENT
        for one in scenarios
        if one.verdict is verdict
    ]
