"""How a centre writes the same values: numbers as text, ``null``, one row as a list.

None of it changes what is meant. Provinces do so always (their data say it), and a fault does it
once; whoever reads answers has to take all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

Value = Callable[[Any], Any]

WORDS: Final = ("null", "")
"""What stands for nothing in files and in careless answers."""


def numbers_as_text(value: Any) -> Any:
    """``12.50`` becomes ``"12.50"``."""
    return _mapped(value, _as_text)


def empties_as_null(value: Any) -> Any:
    """Empty text becomes ``null``."""
    return _mapped(value, lambda one: None if one == "" else one)


def nothing_as_word(value: Any) -> Any:
    """Empty text and ``null`` become the word ``null``, as files of the interface have it."""
    return _mapped(value, lambda one: "null" if one is None or one == "" else one)


def absent_as_empty(value: Any) -> Any:
    """``null`` becomes empty text."""
    return _mapped(value, lambda one: "" if one is None else one)


def rows_as_lists(output: Any) -> Any:
    """Each node of one row becomes a list of one row."""
    if not isinstance(output, Mapping):
        return output
    return {name: [node] if isinstance(node, Mapping) else node for name, node in output.items()}


def lists_as_rows(output: Any) -> Any:
    """Each list of one row becomes that row."""
    if not isinstance(output, Mapping):
        return output
    return {name: _only(node) for name, node in output.items()}


WAYS: Final[Mapping[str, Value]] = {
    "numbers-text": numbers_as_text,
    "null": empties_as_null,
    "word-null": nothing_as_word,
    "lists": rows_as_lists,
    "rows": lists_as_rows,
}
"""Ways to misrepresent an output without a change in its meaning, by name."""


def _only(node: Any) -> Any:
    one = isinstance(node, list) and len(node) == 1 and isinstance(node[0], Mapping)
    return node[0] if one else node


def _as_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _mapped(value: Any, change: Value) -> Any:
    if isinstance(value, Mapping):
        return {name: _mapped(one, change) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(one, change) for one in value]
    return change(value)
