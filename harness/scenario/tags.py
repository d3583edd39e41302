"""Choosing scenarios by an expression over their tags: ``@冒烟 and not (@慢 or @REQ-LAB-001)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from harness.errors import InputError
from harness.i18n import tr

Expression = Callable[[Sequence[str]], bool]

_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")

DEPTH_MAX = 50
"""Nesting that an expression may have; a person writes two or three."""


def parse(text: str) -> Expression:
    """Read an expression; an empty one takes everything.

    Raises:
        InputError: says at which word the expression cannot be read on.
    """
    tokens = _TOKEN.findall(text)
    if not tokens:
        return lambda _: True
    expression, rest = _either(tokens, text, 0)
    if rest:
        raise _wrong(text, rest[0])
    return expression


def _wrong(text: str, word: str) -> InputError:
    return InputError(
        tr("the tag expression “{text}” cannot be read at “{word}”", text=text, word=word),
        remedy=tr("write it like: @冒烟 and not @慢"),
    )


def _either(tokens: list[str], text: str, depth: int) -> tuple[Expression, list[str]]:
    left, tokens = _both(tokens, text, depth)
    while tokens and tokens[0] == "or":
        right, tokens = _both(tokens[1:], text, depth)
        left = _or(left, right)
    return left, tokens


def _both(tokens: list[str], text: str, depth: int) -> tuple[Expression, list[str]]:
    left, tokens = _one(tokens, text, depth)
    while tokens and tokens[0] == "and":
        right, tokens = _one(tokens[1:], text, depth)
        left = _and(left, right)
    return left, tokens


def _one(tokens: list[str], text: str, depth: int) -> tuple[Expression, list[str]]:
    if not tokens or depth > DEPTH_MAX:
        raise _wrong(text, text[-10:])
    word, rest = tokens[0], tokens[1:]
    if word == "not":
        inner, rest = _one(rest, text, depth + 1)
        return (lambda tags: not inner(tags)), rest
    if word == "(":
        inner, rest = _either(rest, text, depth + 1)
        if not rest or rest[0] != ")":
            raise _wrong(text, rest[0] if rest else text[-10:])
        return inner, rest[1:]
    if word in {")", "and", "or"}:
        raise _wrong(text, word)
    tag = word if word.startswith("@") else f"@{word}"
    return (lambda tags: tag in tags), rest


def _or(left: Expression, right: Expression) -> Expression:
    return lambda tags: left(tags) or right(tags)


def _and(left: Expression, right: Expression) -> Expression:
    return lambda tags: left(tags) and right(tags)
