"""What the functional run must keep: the part of ``targets`` for all scenarios on two cores."""

from __future__ import annotations

from typing import Final

from target import Group, Shown, Target

_ALL: Final = ("scenarios", 850)

FUNCTIONAL: Final = Group(
    title="Functional run",
    targets=(
        Target(name="wall_s", text="every scenario that ships, over TCP on two cores, s", digits=0,
               limit=180, size=_ALL),
        Target(name="own_percent", digits=1, limit=20, size=_ALL,
               text="the harness's own work, % of what the cores had"),
        Target(name="not_passed", text="scenarios that did not pass", digits=0, limit=0, size=_ALL),
    ),
    shown=(
        Shown("scenarios", "scenarios", 0),
        Shown("jobs", "workers, each with systems of its own", 0),
        Shown("own_percent_least", "the harness's own work, the round with the least, %", 1),
        Shown("own_percent_most", "the harness's own work, the round with the most, %", 1),
        Shown("systems_percent", "the systems under test, % of what the cores had", 1),
        Shown("waiting_percent", "nobody works: waiting for a named limit, %", 1),
        Shown("own_cpu_s", "processors' time of the harness, s", 0),
        Shown("systems_cpu_s", "processors' time of the systems under test, s", 0),
        Shown("scenario_s", "time of all scenarios one after the other, s", 0),
        Shown("own_of_scenario_percent", "the harness's own work, % of that", 1),
    ),
    how="""\
`medharness run --jobs 12` with every scenario that ships, extended and slow ones too, on two cores.
The processors' time is what the operating system counts for the command and everything below it;
what the systems under test took of it is read from `/proc` while they run, also of those that are
over before the end; what they took after the last look is counted as ours. Ours is all the rest:
starting, collecting, the devices that we play, relays, judges, the journal and the report.
What is shown is the round whose own work is the median; the time is that of the slowest round.
""",
)  # fmt: skip
