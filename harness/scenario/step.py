"""One step: the function behind a sentence, and everything that is refused about one."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.errors import InputError
from harness.i18n import tr
from harness.scenario.holes import HOLE_TYPES, Expression
from harness.scenario.sentence import STEP_KEYWORDS, StepKind, canonical, split_keyword

_ID = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+")
_BARE_WAIT = re.compile(
    r"(请?等待?|暂停|停顿|休眠|延时|延迟)\{(duration|int|decimal)\}(秒|分钟|毫秒)?"
)
_PLAIN_TYPES = frozenset({"str", "int", "float", "bool", "Decimal", "bytes"})
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class StepError(InputError):
    """A step definition is wrong; ``where`` is ``module:line``."""


class Takes(StrEnum):
    """Whether a step has a table, or a text block."""

    NO = "no"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDoc:
    """What the catalogue says of a step; arguments of ``Library.given``."""

    id: str
    purpose: str
    effect: str
    example: str
    gloss: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        library: name of its library.
        kind: 假如, 当 or 那么.
        sentence: wording as registered.
        expression: the wording, ready to be compared.
        doc: what the catalogue says.
        function: gets the world, the values of the holes, ``table`` and ``doc``.
        parameters: names of the parameters for the holes.
        table: whether it has a table.
        text: whether it has a text block.
        at_once: a 那么 that never waits.
        where: ``module:line``.
    """

    library: str
    kind: StepKind
    sentence: str
    expression: Expression
    doc: StepDoc
    function: Callable[..., Any]
    parameters: tuple[str, ...]
    table: Takes
    text: Takes
    at_once: bool
    where: str

    @property
    def id(self) -> str:
        """Stable English id."""
        return self.doc.id

    @property
    def example(self) -> str:
        """A sentence as it stands in a scenario, without common indentation."""
        return inspect.cleandoc(self.doc.example)

    @property
    def example_text(self) -> str:
        """The first line of the example, canonical, without its keyword."""
        return _example_text(self.doc.example)[1]

    @property
    def shows_table(self) -> bool:
        """Whether the example has a table."""
        return any(line.lstrip().startswith("|") for line in self.example.split("\n"))

    @property
    def shows_text(self) -> bool:
        """Whether the example has a text block."""
        return any(line.lstrip().startswith('"""') for line in self.example.split("\n"))

    @property
    def lacks(self) -> str:
        """What an author who copies the example must add: ``table``, ``doc`` or nothing."""
        if self.table is Takes.REQUIRED and not self.shows_table:
            return "table"
        return "doc" if self.text is Takes.REQUIRED and not self.shows_text else ""


def make_step(
    library: str,
    kind: StepKind,
    sentence: str,
    doc: StepDoc,
    function: Callable[..., Any],
    *,
    at_once: bool,
) -> Step:
    """A step, once nothing is wrong with it.

    Raises:
        StepError: says what is wrong and where.
    """
    code = inspect.unwrap(function).__code__
    where = f"{function.__module__}:{code.co_firstlineno}"
    _check_doc(doc, where)
    try:
        expression = Expression(sentence)
    except ValueError as error:
        message = tr("the sentence “{text}” cannot be read: {reason}", text=sentence, reason=error)
        raise StepError(message, where=where) from error
    _check_waiting(kind, expression, where, at_once=at_once)
    _check_plain(function, where)
    parameters, takes = _parameters(function, expression.holes, where)
    step = Step(
        library=library,
        kind=kind,
        sentence=sentence,
        expression=expression,
        doc=doc,
        function=function,
        parameters=parameters,
        table=takes["table"],
        text=takes["doc"],
        at_once=at_once,
        where=where,
    )
    _check_example(step)
    return step


def _check_doc(doc: StepDoc, where: str) -> None:
    if not _ID.fullmatch(doc.id):
        raise StepError(
            tr("“{id}” is no step id", id=doc.id),
            where=where,
            remedy=tr("write it in English as area.action, such as analyzer.upload"),
        )
    for name in ("purpose", "effect", "example", "gloss"):
        if not getattr(doc, name).strip():
            raise StepError(
                tr("the step {id} has no {name}", id=doc.id, name=name),
                where=where,
                remedy=tr("the catalogue that scenario authors read is made from it"),
            )


def _check_waiting(kind: StepKind, expression: Expression, where: str, *, at_once: bool) -> None:
    if _BARE_WAIT.fullmatch(expression.text):
        raise StepError(
            tr("a sentence that only waits is refused: {text}", text=expression.text),
            where=where,
            remedy=tr("say in a 那么 what must be seen, and within what time"),
        )
    if kind is not StepKind.THEN:
        return
    waits = "duration" in expression.holes
    if not waits and not at_once:
        raise StepError(
            tr("a 那么 waits without a limit: {text}", text=expression.text),
            where=where,
            remedy=tr(
                "give it a hole {hole}, or at_once=True if it looks once and never waits",
                hole="{duration}",
            ),
        )
    if waits and at_once:
        raise StepError(
            tr("at_once=True and a hole {hole} contradict each other", hole="{duration}"),
            where=where,
            remedy=tr("take one of them out"),
        )


def _check_plain(function: Callable[..., Any], where: str) -> None:
    """A coroutine that nobody awaits does nothing, and a generator that nobody reads neither."""
    asynchronous = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    if asynchronous or inspect.isgeneratorfunction(function):
        raise StepError(
            tr(
                "the step {name} is async or a generator: it would do nothing",
                name=function.__name__,
            ),
            where=where,
            remedy=tr("make it a plain function"),
        )


def _parameters(
    function: Callable[..., Any], holes: tuple[str, ...], where: str
) -> tuple[tuple[str, ...], Mapping[str, Takes]]:
    """Names of the parameters for the holes, and whether there is a table and a text block."""
    parameters = list(inspect.signature(function).parameters.values())
    takes = {"table": Takes.NO, "doc": Takes.NO}
    while parameters and parameters[-1].name in takes:
        last = parameters.pop()
        required = last.default is inspect.Parameter.empty
        takes[last.name] = Takes.REQUIRED if required else Takes.OPTIONAL
    plain = all(
        parameter.kind in _POSITIONAL and parameter.default is inspect.Parameter.empty
        for parameter in parameters
    )
    if not plain or len(parameters) != 1 + len(holes):
        raise StepError(
            tr(
                "the step {name} must take the world and {count} values ({holes}); it takes: {has}",
                name=function.__name__,
                count=len(holes),
                holes=" ".join(holes) or "-",
                has=", ".join(str(parameter) for parameter in parameters) or "-",
            ),
            where=where,
            remedy=tr("one plain parameter a hole, in order, then table and doc where it has them"),
        )
    for parameter, hole in zip(parameters[1:], holes, strict=True):
        _check_type(parameter, hole, where)
    return tuple(parameter.name for parameter in parameters[1:]), takes


def _check_type(parameter: inspect.Parameter, hole: str, where: str) -> None:
    """Refuse ``amount: float`` for ``{decimal}`` and the like; other annotations are left alone."""
    annotation = parameter.annotation
    stated = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    stated = stated.rpartition(".")[2]
    expected = HOLE_TYPES[hole].python
    if stated in _PLAIN_TYPES and stated != expected:
        raise StepError(
            tr(
                "the parameter {name} is {stated}, but {{{hole}}} gives {expected}",
                name=parameter.name,
                stated=stated,
                hole=hole,
                expected=expected,
            ),
            where=where,
        )


def _example_text(example: str) -> tuple[str, str]:
    first = inspect.cleandoc(example).split("\n")[0]
    keyword, text = split_keyword(first)
    return keyword, canonical(text)


def _check_example(step: Step) -> None:
    """The example in the catalogue must work when it is copied."""
    keyword, text = _example_text(step.doc.example)
    if keyword and STEP_KEYWORDS[keyword] not in {None, step.kind}:
        reason = tr("its keyword is not the one of the step")
    elif not _matches(step.expression, text):
        reason = tr("it is not the sentence “{text}”", text=step.expression.text)
    elif step.table is Takes.NO and step.shows_table:
        reason = tr("it shows a table, and the step has none")
    elif step.text is Takes.NO and step.shows_text:
        reason = tr("it shows a text block, and the step has none")
    else:
        return
    raise StepError(
        tr("the example of {id} does not work: {reason}", id=step.id, reason=reason),
        where=step.where,
        remedy=tr("write it as it stands in a scenario"),
    )


def _matches(expression: Expression, text: str) -> bool:
    try:
        return expression.match(text) is not None
    except ValueError:
        return False
