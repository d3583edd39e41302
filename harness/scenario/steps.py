"""The steps that sentences are bound to, and how a step module offers them.

::

    from harness.scenario.steps import Library, Table

    steps = Library("lab")


    @steps.when(
        "分析仪{string}上传{string}的结果:",
        id="analyzer.upload",
        purpose="让一台分析仪上传一支样本管的结果",
        effect="结果经ASTM发给LIS，LIS应答后此步结束",
        example='''
        当 分析仪"XN-1"上传"T001"的结果:
          | 项目 | 结果 |
          | HGB  | 132  |
        ''',
        gloss="the analyzer uploads the results of a tube",
    )
    def upload(world: World, analyzer: str, tube: str, table: Table) -> None: ...

A step takes the world, then one value a hole, then ``table`` and ``doc`` where it has them (with
``= None`` they may be left out in the scenario). Whatever is wrong is refused at registration, with
``module:line``: a sentence that nobody can use must not wait for the scenario that needs it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar

from harness.errors import HarnessError, InputError, InputErrors
from harness.i18n import tr
from harness.scenario.sentence import StepKind, canonical, features_of, likeness
from harness.scenario.step import Step, StepDoc, StepError, make_step
from harness.scenario.table import Table

__all__ = [
    "Library",
    "Match",
    "Registry",
    "Step",
    "StepError",
    "StepKind",
    "Table",
    "load_libraries",
]

ENTRY_POINT_GROUP = "medharness.steps"
"""Each entry point is a module or package of step modules; a site adds its own this way."""

SAME_KIND_BONUS = 0.05
"""Between two sentences equally like a mistyped one, that of the same keyword is offered first."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Library:
    """The steps of one area.

    Args:
        name: heading in the catalogue, such as ``lab``.
        ahead: reads and keeps what its steps read from files anyway; called once before many
            workers play, so that not each of them reads it.
    """

    def __init__(self, name: str, ahead: Callable[[], object] | None = None) -> None:
        self.name = name
        self.ahead = ahead
        self.steps: list[Step] = []

    def given(
        self,
        sentence: str,
        *,
        id: str,  # noqa: A002 - the word that the catalogue uses
        purpose: str,
        effect: str,
        example: str,
        gloss: str,
    ) -> Callable[[_Function], _Function]:
        """Register a 假如 step: it prepares.

        Args:
            sentence: the wording with its holes.
            id: stable English id, ``area.action``.
            purpose: what it is for, in Chinese.
            effect: what can be seen once it is done, in Chinese.
            example: a sentence as it stands in a scenario, with its table or text block.
            gloss: the sentence in English.

        Raises:
            StepError: anything about it is wrong.
        """
        doc = StepDoc(id=id, purpose=purpose, effect=effect, example=example, gloss=gloss)
        return self._register(StepKind.GIVEN, sentence, doc)

    def when(
        self,
        sentence: str,
        *,
        id: str,  # noqa: A002 - the word that the catalogue uses
        purpose: str,
        effect: str,
        example: str,
        gloss: str,
    ) -> Callable[[_Function], _Function]:
        """Register a 当 step: it commands a role; arguments as for ``given``."""
        doc = StepDoc(id=id, purpose=purpose, effect=effect, example=example, gloss=gloss)
        return self._register(StepKind.WHEN, sentence, doc)

    def then(
        self,
        sentence: str,
        *,
        id: str,  # noqa: A002 - the word that the catalogue uses
        purpose: str,
        effect: str,
        example: str,
        gloss: str,
        at_once: bool = False,
    ) -> Callable[[_Function], _Function]:
        """Register a 那么 step: it judges; other arguments as for ``given``.

        Args:
            at_once: it looks once and never waits. Every other 那么 has a ``{duration}`` hole: a
                wait without a limit is refused.
        """
        doc = StepDoc(id=id, purpose=purpose, effect=effect, example=example, gloss=gloss)
        return self._register(StepKind.THEN, sentence, doc, at_once=at_once)

    def _register(
        self, kind: StepKind, sentence: str, doc: StepDoc, *, at_once: bool = False
    ) -> Callable[[_Function], _Function]:
        def register(function: _Function) -> _Function:
            step = make_step(self.name, kind, sentence, doc, function, at_once=at_once)
            for known in self.steps:
                _refuse_double(step, known)
            self.steps.append(step)
            return function

        return register


def _refuse_double(step: Step, known: Step) -> None:
    if step.id == known.id:
        message = tr(
            "the step id {id} stands twice, also at {other}", id=step.id, other=known.where
        )
        raise StepError(message, where=step.where)
    if step.expression.text == known.expression.text:
        message = tr(
            "the sentence “{text}” stands twice, also at {other}",
            text=step.sentence,
            other=known.where,
        )
        raise StepError(message, where=step.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A step that a sentence may mean.

    Attributes:
        step: the step.
        arguments: values of its holes.
        fault: why a value cannot be used; empty if all can.
    """

    step: Step
    arguments: tuple[Any, ...] = ()
    fault: str = ""


@dataclass(slots=True)
class _Index:
    """Steps by what their sentences begin with, so that few regular expressions are tried."""

    by_prefix: dict[str, list[Step]] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)

    def add(self, step: Step) -> None:
        prefix = step.expression.prefix
        self.by_prefix.setdefault(prefix, []).append(step)
        if len(prefix) not in self.lengths:
            self.lengths.append(len(prefix))

    def candidates(self, text: str) -> Iterator[Step]:
        for length in self.lengths:
            if length > len(text):
                continue
            for step in self.by_prefix.get(text[:length], ()):
                if step.expression.may_match(text):
                    yield step


class Registry:
    """Every step that scenarios may use.

    Args:
        libraries: in the order of the catalogue.

    Raises:
        InputErrors: an id or a sentence stands twice, or one sentence matches the example of
            another: scenarios would be ambiguous.
    """

    def __init__(self, libraries: Iterable[Library] = ()) -> None:
        self.steps: tuple[Step, ...] = ()
        self.attempts = 0
        """Regular expressions tried so far: what binding costs."""
        self.known: dict[str, list[Match]] = {}
        """Sentences that were bound before: each is, several times a run."""
        self._index = _Index()
        self._by_id: dict[str, Step] = {}
        self._by_text: dict[str, Step] = {}
        self._pairs: list[tuple[Step, Counter[str]]] = []
        self._ahead: dict[str, Callable[[], object]] = {}
        problems: list[InputError] = []
        for library in libraries:
            for step in library.steps:
                if library.ahead is not None:
                    self._ahead[step.id] = library.ahead
                try:
                    self._add(step)
                except StepError as error:
                    problems.append(error)
        problems += self._overlaps()
        if problems:
            raise InputErrors(problems)
        self.attempts = 0

    def read_ahead(self, ids: Iterable[str]) -> None:
        """Read once what these steps will read, each library for itself."""
        for ahead in dict.fromkeys(self._ahead[ident] for ident in ids if ident in self._ahead):
            ahead()

    def _add(self, step: Step) -> None:
        for known in (self._by_id.get(step.id), self._by_text.get(step.expression.text)):
            if known is not None:
                _refuse_double(step, known)
        self.steps = (*self.steps, step)
        self._by_id[step.id] = step
        self._by_text[step.expression.text] = step
        self._index.add(step)
        self._pairs.append((step, features_of(step.expression.text)))

    def _overlaps(self) -> list[InputError]:
        problems: list[InputError] = []
        for step in self.steps:
            for match in self.match(step.example_text):
                if match.step is not step:
                    message = tr(
                        "the example of {id} is also a sentence of {other} at {where}",
                        id=step.id,
                        other=match.step.id,
                        where=match.step.where,
                    )
                    remedy = tr("reword one of the two so that no sentence can mean both")
                    problems.append(StepError(message, where=step.where, remedy=remedy))
        return problems

    def __getitem__(self, ident: str) -> Step:
        return self._by_id[ident]

    def match(self, text: str) -> list[Match]:
        """Every step that the canonical sentence ``text`` may mean: one, if all is well."""
        matches: list[Match] = []
        for step in self._index.candidates(text):
            self.attempts += 1
            try:
                arguments = step.expression.match(text)
            except ValueError as error:
                matches.append(Match(step=step, fault=str(error)))
                continue
            if arguments is not None:
                matches.append(Match(step=step, arguments=arguments))
        return matches

    def nearest(self, text: str, kind: StepKind, count: int = 3) -> list[Step]:
        """The known sentences that look most like ``text``, best first."""
        wanted = features_of(canonical(text))
        scored = [
            (
                -likeness(wanted, pairs) - (SAME_KIND_BONUS if step.kind is kind else 0.0),
                step.id,
                step,
            )
            for step, pairs in self._pairs
        ]
        return [step for _, _, step in sorted(scored, key=lambda one: one[:2])[:count]]


@lru_cache(maxsize=1)
def load_libraries() -> Registry:
    """Import every step module that is installed, once a process, and put their steps together.

    Raises:
        InputErrors: every step that is wrong, and every module that cannot be imported.
    """
    points = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    return gather_libraries(points)


def gather_libraries(points: Sequence[EntryPoint]) -> Registry:
    """The registry of the libraries that ``points`` lead to."""
    libraries: dict[int, Library] = {}
    problems: list[InputError] = []
    for point in points:
        for offered in _offered(point, problems):
            libraries[id(offered)] = offered
    if problems:
        raise InputErrors(problems)
    return Registry(libraries.values())


def _offered(point: EntryPoint, problems: list[InputError]) -> Iterator[Library]:
    module = _imported(point.module, problems)
    if module is None:
        return
    if point.attr:
        target = getattr(module, point.attr, None)
        if isinstance(target, Library):
            yield target
            return
        message = tr("the entry point {name} leads to no step library", name=point.name)
        problems.append(StepError(message, where=point.value))
        return
    yield from _libraries_in(module)
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}."):
        inner = _imported(found.name, problems)
        if inner is not None:
            yield from _libraries_in(inner)


def _libraries_in(module: ModuleType) -> Iterator[Library]:
    yield from (value for value in vars(module).values() if isinstance(value, Library))


def _imported(name: str, problems: list[InputError]) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except StepError as error:
        problems.append(error)
    except HarnessError as error:
        problems.append(StepError(error.message, where=error.where or name, remedy=error.remedy))
    except Exception as error:  # noqa: BLE001 - a site's own module may raise anything
        reason = f"{type(error).__name__}: {error}"
        message = tr(
            "the step module {name} cannot be imported: {reason}", name=name, reason=reason
        )
        problems.append(StepError(message, where=name))
    return None
