"""Binds every sentence of every scenario to exactly one step, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.feature import Feature, Scenario, raise_all
from harness.scenario.gherkin import gather
from harness.scenario.sentence import KEYWORD_OF, Sentence
from harness.scenario.step import Step, Takes
from harness.scenario.steps import Match, Registry
from harness.scenario.table import Table

SUGGESTIONS = 3
"""Known sentences that a message about an unknown one offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundStep:
    """A sentence and its step.

    Attributes:
        sentence: as read.
        step: what it means.
        arguments: values of the holes, in order.
        keywords: ``table`` and ``doc`` for the function, where the step has them.
    """

    sentence: Sentence
    step: Step
    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundScenario:
    """A scenario that can run.

    Attributes:
        scenario: as read.
        steps: one a sentence.
    """

    scenario: Scenario
    steps: tuple[BoundStep, ...]

    @property
    def last_line(self) -> int:
        """Last line in the file that belongs to the scenario."""
        return self.scenario.last_line


def load(paths: Sequence[Path], registry: Registry) -> list[BoundScenario]:
    """Read and bind: problems of reading and of binding come together.

    Raises:
        InputErrors: every problem of every file.
    """
    features, problems = gather(paths)
    bound, unbound = bind_known(features, registry)
    raise_all(problems + unbound)
    return bound


def bind(features: Iterable[Feature], registry: Registry) -> list[BoundScenario]:
    """Bind every sentence.

    Raises:
        InputErrors: every sentence that is unknown, ambiguous, of the wrong kind, or has a table
            or text block too many or too few.
    """
    bound, problems = bind_known(features, registry)
    raise_all(problems)
    return bound


def bind_known(
    features: Iterable[Feature], registry: Registry
) -> tuple[list[BoundScenario], list[ScenarioError]]:
    """Bind what can be bound; a scenario with a problem is left out."""
    binder = _Binder(registry)
    bound: list[BoundScenario] = []
    for feature in features:
        for scenario in feature.scenarios:
            steps = [binder.bind(sentence, scenario) for sentence in scenario.sentences]
            whole = tuple(step for step in steps if step is not None)
            if len(whole) == len(steps):
                bound.append(BoundScenario(scenario=scenario, steps=whole))
    return bound, binder.problems


class _Binder:
    """Remembers what it said: 背景 and outlines would repeat it for every scenario and row."""

    def __init__(self, registry: Registry) -> None:
        self.problems: list[ScenarioError] = []
        self._registry = registry
        self._said: set[tuple[str, str]] = set()

    def bind(self, sentence: Sentence, scenario: Scenario) -> BoundStep | None:
        matches = self._registry.known.get(sentence.text)
        if matches is None:
            matches = self._registry.match(sentence.text)
            if not any(match.fault for match in matches):  # faults are told in a language
                self._registry.known[sentence.text] = matches
        file = scenario.shown or str(scenario.file)
        try:
            match = self._only(matches, sentence)
            keywords = _attached(match.step, sentence, file)
        except ScenarioError as error:
            where = error.where or f"{file}:{sentence.line}"
            said = (where, error.remedy or error.message)  # the message names values of a row
            if said not in self._said:
                self._said.add(said)
                self.problems.append(ScenarioError(error.message, where=where, remedy=error.remedy))
            return None
        return BoundStep(
            sentence=sentence, step=match.step, arguments=match.arguments, keywords=keywords
        )

    def _only(self, matches: list[Match], sentence: Sentence) -> Match:
        if not matches:
            raise self._undefined(sentence)
        if len(matches) > 1:
            raise _ambiguous(sentence, matches)
        (match,) = matches
        if match.step.kind is not sentence.kind:
            raise _wrong_kind(sentence, match.step)
        if match.fault:
            raise ScenarioError(match.fault)
        return match

    def _undefined(self, sentence: Sentence) -> ScenarioError:
        near = self._registry.nearest(sentence.text, sentence.kind, SUGGESTIONS)
        lines = [tr("the nearest known sentences are:")]
        for number, step in enumerate(near, 1):
            keyword = KEYWORD_OF[step.kind]
            example = step.example.split("\n")[0]
            lines.append(f"    {number}. {keyword} {step.sentence}")
            lines.append(f"       {tr('example: {example}', example=example)}")
        if not near:
            lines = [tr("no step is known at all: is the step package installed?")]
        return ScenarioError(
            tr("no step knows this sentence: {text}", text=f"{sentence.keyword} {sentence.raw}"),
            remedy="\n".join(lines),
        )


def _ambiguous(sentence: Sentence, matches: list[Match]) -> ScenarioError:
    lines = [f"    {match.step.sentence} ({match.step.where})" for match in matches]
    return ScenarioError(
        tr("several steps know this sentence: {text}", text=sentence.raw),
        remedy="\n".join([tr("one of these must be reworded:"), *lines]),
    )


def _wrong_kind(sentence: Sentence, step: Step) -> ScenarioError:
    return ScenarioError(
        tr(
            "“{text}” belongs behind {right}, and here it stands behind {wrong}",
            text=sentence.raw,
            right=KEYWORD_OF[step.kind],
            wrong=KEYWORD_OF[sentence.kind],
        ),
        remedy=tr("假如 prepares, 当 does, 那么 judges; 而且 goes on with the one before"),
    )


def _attached(step: Step, sentence: Sentence, file: str) -> dict[str, Any]:
    """Table and text block for the step's function."""
    has_table, has_text = sentence.table is not None, sentence.doc is not None
    if step.table is Takes.REQUIRED and not has_table:
        raise _misused(step, tr("a table is missing below this sentence"))
    if step.table is Takes.NO and has_table:
        raise _misused(step, tr("this sentence has no use for a table"))
    if step.text is Takes.REQUIRED and not has_text:
        raise _misused(step, tr("a text block is missing below this sentence"))
    if step.text is Takes.NO and has_text:
        raise _misused(step, tr("this sentence has no use for a text block"))
    keywords: dict[str, Any] = {}
    if step.table is not Takes.NO:
        keywords["table"] = None if sentence.table is None else Table.of(sentence, file)
    if step.text is not Takes.NO:
        keywords["doc"] = sentence.doc
    return keywords


def _misused(step: Step, message: str) -> ScenarioError:
    return ScenarioError(
        message, remedy=tr("it is used like this:\n{example}", example=step.example)
    )
