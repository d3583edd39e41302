"""The port of a system of ours, set up for the instrument of a case, as a person does at a site."""

from __future__ import annotations

from typing import Final

from harness.captures.layout import Layout
from harness.cases.framing_maker import WIRE
from harness.cases.score import Score
from harness.errors import Blocked
from harness.scenario.systems import Systems

COMMAND: Final = "configure_port"


def set_up(systems: Systems, system: str, score: Score, layout: Layout | None) -> None:
    """Tell a system that we run which instrument stands at its port.

    A recording of ours has the command itself; a capture has none, and a real system was set up
    by those whose it is.

    Args:
        systems: that we run.
        system: under test.
        score: of the case.
        layout: of the instrument; None where the case has none.
    """
    told = any(one.move == "command" and one.line.kind == COMMAND for one in score.turns)
    if layout is None or told or all(one.line.protocol != WIRE for one in score.turns):
        return
    args = {
        "driver": layout.name,
        "setup": dict(layout.section.get("lis_setup", {})),
        "encoding": layout.encoding,
    }
    try:
        systems.order(system, COMMAND, args)
    except Blocked:  # a real one
        return
