"""A centre of ours for a replay, and who asks it or another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from harness.cases.asking import FIRST, Asking, Simulated, replaying, signer_of
from harness.cases.guard import CaseGuard
from harness.cases.score import Score
from harness.cases.slots import Slots
from harness.errors import InputError
from harness.i18n import tr
from harness.profile import Mode
from harness.scenario.bench import Bench
from harness.scenario.hospital import Hospital

CENTRE: Final = "centre"
"""The role that is no part of the hospital and yet may be ours."""


def is_ours(mode: Mode, system: str, whole: Hospital) -> bool:
    """Whether the system under test is a centre of ours."""
    return mode is Mode.SIMULATED and system == CENTRE and system not in whole.roles


def raised(bench: Bench, province: str, folder: Path) -> Simulated:
    """A fresh centre, listening at every link of its own."""
    made = replaying().centre(province, folder, bench.clock)
    bench.join(CENTRE, made.actor, [], store=made.store)
    member = bench.driver.members[CENTRE]
    links = [one.name for one in bench.specs.values() if one.to == CENTRE]
    found = {name: member.listen(name, *_where(bench, name)) for name in links}
    bench.addresses = {**bench.addresses, **found}
    return made


def _where(bench: Bench, name: str) -> tuple[Any, ...]:
    where = bench.listening.get(name)
    return () if where is None else (where,)


def asking(
    bench: Bench,
    score: Score,
    slots: Slots,
    guard: CaseGuard,
    centre: Simulated | None,
    named: tuple[str, str],
) -> Asking | None:
    """Who sends the requests of a case; None where it has none.

    Args:
        bench: of the replay.
        score: of the case.
        slots: of the replay.
        guard: refuses bodies that name others.
        centre: of ours; it gets to know the persons of the case.
        named: province and path, as the user gave them.

    Raises:
        InputError: there are requests, and nobody was named who writes them.
    """
    requests = [one.line for one in score.turns if one.move == "send"]
    if not any(one.protocol == "http" for one in requests):
        return None
    province, path = named
    ours = FIRST if centre is not None and not path else ""
    signer = signer_of(province or ours, path, slots.salt)
    if signer is None:
        raise InputError(
            tr("this case sends requests over HTTP, and nobody signs them"),
            remedy=tr("name whose interface it is with --province, or a bridge with --path"),
        )
    answers = [one.line for one in score.turns if "question" in one.line.corr]
    if centre is not None:
        centre.stock([slots.filled(one.payload) for one in answers])
    started = bench.clock.wall(), bench.clock.now()
    return Asking(signer, slots, started, guard.body, answers)
