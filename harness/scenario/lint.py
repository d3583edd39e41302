"""Checks scenarios without running them: ``medharness lint``.

On top of what reading and binding refuse, the rules for authors: a scenario is short, shows one
behaviour, names a known requirement and a known interface, and writes amounts as exact decimals.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import InputError, InputErrors, ScenarioError
from harness.i18n import tr
from harness.scenario import disturbing
from harness.scenario.binding import BoundScenario, bind_known
from harness.scenario.denominators import PILLARS, Denominators, load_denominators
from harness.scenario.feature import Feature, Scenario, place_of
from harness.scenario.gherkin import gather
from harness.scenario.sentence import Sentence, StepKind
from harness.scenario.steps import Registry, load_libraries

SENTENCES_MAX = 12
"""Longer ones show more than one behaviour, and nobody signs what nobody reads; 背景 counts."""

WATCHING_TAG = "@观察"
"""A scenario that only looks at a running system, and so needs no 当."""

_AMOUNT_COLUMN = re.compile(r"金额|费用|单价|总额|合计|自付|自费|现金|支付|余额|起付")
_NEGATIVE = re.compile(r"不应|不得|不会|不再|未收到|没有收到")
_AMOUNT = re.compile(r"-?[0-9]+(?:\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LintResult:
    """What ``lint`` found.

    Attributes:
        problems: what must be put right before anything runs, in the order of files and lines.
        warnings: what deserves a look.
        features: files read.
        scenarios: scenarios read, each row of an outline counted.
        sentences: sentences read, 背景 counted in every scenario.
        by_pillar: scenarios of each pillar, an outline counted once.
        uncovered_requirements: those that no scenario carries.
        uncovered_interfaces: those that no scenario carries.
        unused_steps: ids of steps that no scenario uses.
    """

    problems: tuple[InputError, ...]
    warnings: tuple[InputError, ...] = ()
    features: int = 0
    scenarios: int = 0
    sentences: int = 0
    by_pillar: dict[str, int] = field(default_factory=dict)
    uncovered_requirements: tuple[str, ...] = ()
    uncovered_interfaces: tuple[str, ...] = ()
    unused_steps: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything could run."""
        return not self.problems


def lint(
    paths: Sequence[Path],
    *,
    registry: Registry | None = None,
    denominators: Denominators | None = None,
) -> LintResult:
    """Check feature files and folders of them; raises nothing about scenarios.

    Args:
        paths: files and folders.
        registry: the steps; those that are installed where left out.
        denominators: requirements and interfaces; those that ship where left out.
    """
    features, found = gather(paths)
    problems: list[InputError] = list(found)
    known_steps = registry if registry is not None else _steps(problems)
    known_ids = denominators if denominators is not None else _denominators(problems)
    bound: list[BoundScenario] = []
    if known_steps is not None:
        bound, unbound = bind_known(features, known_steps)
        problems += unbound
    scenarios = [scenario for feature in features for scenario in feature.scenarios]
    problems += _about_blocks(scenarios)
    problems += _about_amounts(scenarios)
    problems += _about_names(features)
    if known_ids is not None:
        problems += _about_ids(scenarios, known_ids)
    return LintResult(
        problems=tuple(sorted(problems, key=place_of)),
        warnings=tuple(
            sorted(
                [
                    *_about_windows(bound),
                    *_about_examples(known_steps),
                    *disturbing.untagged(scenarios),
                ],
                key=place_of,
            )
        ),
        features=len(features),
        scenarios=len(scenarios),
        sentences=sum(len(scenario.sentences) for scenario in scenarios),
        by_pillar=_by_pillar(scenarios, known_ids),
        uncovered_requirements=_missing(
            known_ids.requirements if known_ids else (), (one.requirement for one in scenarios)
        ),
        uncovered_interfaces=_missing(
            known_ids.interfaces if known_ids else (), (one.interface for one in scenarios)
        ),
        unused_steps=_missing(
            [step.id for step in known_steps.steps] if known_steps else (),
            (step.step.id for one in bound for step in one.steps),
        ),
    )


def _steps(problems: list[InputError]) -> Registry | None:
    try:
        return load_libraries()
    except InputErrors as error:
        problems += error.problems
        return None


def _denominators(problems: list[InputError]) -> Denominators | None:
    try:
        return load_denominators()
    except InputErrors as error:
        problems += error.problems
    except InputError as error:
        problems.append(error)
    return None


def _missing(known: Iterable[str], used: Iterable[str]) -> tuple[str, ...]:
    seen = set(used)
    return tuple(one for one in known if one not in seen)


def _by_pillar(scenarios: Iterable[Scenario], known: Denominators | None) -> dict[str, int]:
    requirements = known.requirements if known else {}
    counted = {
        (one.shown, one.outline): requirements[one.requirement].pillar
        for one in scenarios
        if one.requirement in requirements
    }
    counts = Counter(counted.values())
    return {pillar: counts[pillar] for pillar in PILLARS}


def _blocks(scenarios: Iterable[Scenario]) -> list[Scenario]:
    """One scenario a block: what is said of an outline is said once."""
    return list({(one.shown, one.line): one for one in reversed(list(scenarios))}.values())[::-1]


def _about_blocks(scenarios: Sequence[Scenario]) -> Iterator[InputError]:
    for scenario in _blocks(scenarios):
        count = len(scenario.sentences)
        if count > SENTENCES_MAX:
            yield ScenarioError(
                tr(
                    "{count} sentences; at most {most}, 背景 counted",
                    count=count,
                    most=SENTENCES_MAX,
                ),
                where=_title(scenario),
                remedy=tr("show one behaviour a scenario; move details into a table"),
            )
        kinds = {sentence.kind for sentence in scenario.sentences}
        if StepKind.WHEN not in kinds and WATCHING_TAG not in scenario.tags and kinds:
            yield ScenarioError(
                tr("the scenario has no 当: nothing is done that could be judged"),
                where=_title(scenario),
                remedy=tr("write what is done with 当, or tag it {tag}", tag=WATCHING_TAG),
            )


def _about_amounts(scenarios: Sequence[Scenario]) -> Iterator[InputError]:
    seen: set[tuple[str, int, str]] = set()
    for scenario in scenarios:
        for sentence in scenario.sentences:
            for line, column, cell in _wrong_amounts(sentence):
                if (scenario.shown, line, cell) not in seen:
                    seen.add((scenario.shown, line, cell))
                    yield ScenarioError(
                        tr(
                            "“{cell}” in the column {column} is no amount", cell=cell, column=column
                        ),
                        where=f"{scenario.shown}:{line}",
                        remedy=tr("write digits with a point, such as 1234.50"),
                    )


def _title(scenario: Scenario) -> str:
    return f"{scenario.shown}:{scenario.line}"


def _wrong_amounts(sentence: Sentence) -> Iterator[tuple[int, str, str]]:
    if not sentence.table:
        return
    header, *rows = sentence.table
    amounts = [index for index, name in enumerate(header) if _AMOUNT_COLUMN.search(name)]
    for row, line in zip(rows, sentence.table_lines[1:], strict=True):
        for index in amounts:
            if row[index] and not _AMOUNT.fullmatch(row[index]):
                yield line, header[index], row[index]


def _about_names(features: Sequence[Feature]) -> Iterator[InputError]:
    """Names that stand twice in the tree: a report could not tell the two apart."""
    seen_features: dict[str, Feature] = {}
    seen: dict[str, Scenario] = {}
    for feature in features:
        first = seen_features.setdefault(feature.name, feature)
        if first is not feature:
            yield _double(
                feature.name, f"{feature.shown}:{feature.line}", f"{first.shown}:{first.line}"
            )
        for scenario in feature.scenarios:
            other = seen.setdefault(scenario.name, scenario)
            if other.shown != scenario.shown:
                yield _double(scenario.name, scenario.where, other.where)


def _double(name: str, where: str, other: str) -> ScenarioError:
    return ScenarioError(
        tr("the name “{name}” stands twice, also at {other}", name=name, other=other),
        where=where,
        remedy=tr("give it a name of its own"),
    )


def _about_ids(scenarios: Sequence[Scenario], known: Denominators) -> Iterator[InputError]:
    for scenario in _blocks(scenarios):
        if scenario.requirement and scenario.requirement not in known.requirements:
            yield ScenarioError(
                tr("unknown requirement: @{id}", id=scenario.requirement),
                where=_title(scenario),
                remedy=tr("known ones stand in fixtures/requirements.toml"),
            )
        if scenario.interface and scenario.interface not in known.interfaces:
            yield ScenarioError(
                tr("unknown interface: @接口-{id}", id=scenario.interface),
                where=_title(scenario),
                remedy=tr("known ones: {ids}", ids=" ".join(known.interfaces)),
            )


def _about_windows(bound: Sequence[BoundScenario]) -> Iterator[InputError]:
    """A negative 那么 that looks once shows nothing about the moment after."""
    seen: set[str] = set()
    for one in bound:
        for step in one.steps:
            where = f"{one.scenario.shown}:{step.sentence.line}"
            if step.step.at_once and _NEGATIVE.search(step.sentence.text) and where not in seen:
                seen.add(where)
                yield ScenarioError(
                    tr(
                        "“{text}” looks once; what comes later it never sees",
                        text=step.sentence.raw,
                    ),
                    where=where,
                    remedy=tr(
                        "for something that must not come, use a sentence with a time, 30秒内"
                    ),
                )


def _about_examples(registry: Registry | None) -> Iterator[InputError]:
    """Examples that an author cannot copy as they are."""
    for step in registry.steps if registry is not None else ():
        if step.lacks:
            yield ScenarioError(
                tr("the example of {id} does not show its {what}", id=step.id, what=step.lacks),
                where=step.where,
                remedy=tr("an example is there to be copied: write it whole, over several lines"),
            )
