"""Named values of a scenario: ids that a system gave, put into later sentences as ``${name}``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.table import Table
from harness.scenario.world import World

STATE: Final = "named"
"""Where they stand in the state of a world."""

_HOLE: Final = re.compile(r"\$\{([^${}]{1,64})\}")


def keep(world: World, name: str, value: str) -> None:
    """Let a name stand for a value from now on.

    Raises:
        ScenarioError: it stands for another one already.
    """
    known: dict[str, str] = world.state.setdefault(STATE, {})
    if known.setdefault(name, value) != value:
        raise ScenarioError(tr("the name “{name}” stands for something else", name=name))
    world.trace.add("note", text=tr("{name} is {value}", name=name, value=value))


def filled(world: World, arguments: Sequence[Any]) -> list[Any]:
    """Arguments of a sentence with what its names stand for, in texts and in tables.

    Raises:
        ScenarioError: a name stands for nothing yet.
    """
    return [_filled(world, one) for one in arguments]


def _filled(world: World, argument: Any) -> Any:
    if isinstance(argument, str):
        return _HOLE.sub(lambda hole: _value(world, hole[1]), argument)
    if isinstance(argument, Table):
        rows = [{head: _filled(world, cell) for head, cell in row.items()} for row in argument.rows]
        return replace(argument, rows=rows)
    return argument


def _value(world: World, name: str) -> str:
    known: dict[str, str] = world.state.get(STATE, {})
    if name not in known:
        raise ScenarioError(
            tr("the name “{name}” stands for nothing yet", name=name),
            remedy=tr("name it in a sentence before"),
        )
    return known[name]
