"""What kinds of probe share: a question with its holes filled, and what an answer may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.errors import InputError
from harness.i18n import tr
from harness.model import Outcome
from harness.probes.probe import Answer
from harness.probes.sql import HOLE

VALUE_CHARS_MAX = 200
"""Longer than any id, name or code that a sentence asks for."""

Row = dict[str, str | None]


def filled(text: str, args: Mapping[str, str], escape: Callable[[str], str]) -> str:
    """A question with its holes (``:barcode``) filled.

    Raises:
        InputError: a hole has no value, or a value that no id has.
    """

    def value(name: str) -> str:
        if name not in args:
            raise InputError(tr("the question has no value for {name}", name=name))
        given = args[name]
        if len(given) > VALUE_CHARS_MAX or not given.isprintable():
            raise InputError(tr("{value} cannot be asked for", value=repr(given[:40])))
        return escape(given)

    return HOLE.sub(lambda hole: value(hole[1]), text)


def answered(rows: Sequence[Row], rows_max: int) -> Answer:
    """An answer with these rows; too many are an error, not a cut."""
    if len(rows) > rows_max:
        return refused(tr("more than {most} rows", most=rows_max))
    return Answer(outcome=Outcome.OK, rows=rows)


def refused(why: str) -> Answer:
    """An answer that could not be read, or that the other side refused."""
    return Answer(outcome=Outcome.FAILED, error=why)


def silent(why: str) -> Answer:
    """Nobody answered: what is there is unknown."""
    return Answer(outcome=Outcome.UNKNOWN, error=why)
