"""Named holes of a query (``:barcode``), as the drivers have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.i18n import tr

QUOTED: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`""")
"""Text and quoted names: what stands in them is no command and no hole."""

HOLE: Final = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


class EmptyHoleError(Exception):
    """A hole of a query has no value."""


def _outside(query: str, change: Callable[[str], str], quoted: Callable[[str], str]) -> str:
    parts, end = [], 0
    for one in QUOTED.finditer(query):
        parts += [change(query[end : one.start()]), quoted(one[0])]
        end = one.end()
    return "".join([*parts, change(query[end:])])


def for_percent(query: str) -> str:
    """``%(name)s`` (PEP 249), outside of quoted text; per cent signs stay as they are."""
    return _outside(
        query,
        lambda text: HOLE.sub(r"%(\1)s", text.replace("%", "%%")),
        lambda text: text.replace("%", "%%"),
    )


def for_oracle(query: str) -> tuple[str, dict[str, str]]:
    """``:b1``, and which hole each is: ``:date`` and other words of Oracle name no variable.

    ORA-01745: a reserved word cannot be the name of a bind variable.
    """
    names: dict[str, str] = {}

    def put(found: re.Match[str]) -> str:
        return f":{names.setdefault(found[1], f'b{len(names) + 1}')}"

    text = _outside(query, lambda part: HOLE.sub(put, part), str)
    return text, {bind: hole for hole, bind in names.items()}


def named(query: str) -> set[str]:
    """Names of the holes."""
    found: set[str] = set()

    def note(part: str) -> str:
        found.update(HOLE.findall(part))
        return part

    _outside(query, note, str)
    return found


def filled(query: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the holes alone.

    Raises:
        EmptyHoleError: a hole has no value.
    """
    wanted = named(query)
    if left := sorted(wanted - args.keys()):
        raise EmptyHoleError(tr("the hole :{name} of this query has no value", name=left[0]))
    return {name: args[name] for name in wanted}
