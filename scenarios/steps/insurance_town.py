"""What the sentences about settlement share: the centre that we play, and the HIS at rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from harness import limits
from harness.errors import Blocked, HarnessError, ScenarioError
from harness.evidence.verdict import Verdict
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.model import Person
from harness.probes.sql import SqlProbe
from harness.scenario.world import World
from simulators.centre.imports import read_export, statements
from simulators.centre.imports_kinds import KINDS
from simulators.centre.provinces import load_province
from simulators.centre.simulate import PROVINCE, make
from simulators.centre.world import KINDS as INSURED
from simulators.centre.world import PERSONS_BRIEF, index_of, person, seed_persons
from simulators.store import Store

LINK: Final = "his-centre"
ROLE: Final = "centre"
CALLBACK: Final = "his-callback"
"""The link on which the centre calls about payments, where the profile has it."""

LEDGER: Final = "centre-ledger"
"""The probe whose database is the centre's."""

REST_S: Final = 120.0
"""How long the HIS gets to come to an end with what it began: every back-off, and day end files."""

INTERFACE: Final = "HIS-YB"

_Value = TypeVar("_Value")


def known(words: Mapping[str, _Value], word: str) -> _Value:
    """What a word of a sentence stands for.

    Raises:
        ScenarioError: nothing.
    """
    if word not in words:
        raise ScenarioError(
            tr("“{word}” is not known here; known: {known}", word=word, known="、".join(words))
        )
    return words[word]


def centre(world: World) -> None:
    """Bring the centre in, with books of this scenario alone, and give the HIS new ones.

    Our own centre answers with people of its generated world only; where a real HIS calls, whoever
    is no test person is not answered at all.
    """
    if world.state.get("centre"):
        return
    world.state["centre"] = True
    path = _path(world)
    for probe in world.bench.probes.values():
        if probe.role == ROLE:
            probe.close()
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    # ``[quirks.centre]`` of a profile may name the version of the interface that is rehearsed,
    # the province, and the exports of a hospital whose codes our centre has to know.
    quirks = world.permit.profile.quirks.get(ROLE, {})
    province = load_province(_province(world), str(quirks.get("specification", "")))
    actor, store = make(
        province, str(path), world.clock, seed=world.seed, durable=False, persons=PERSONS_BRIEF
    )
    take_in(world, store)
    world.state["centre books"] = (actor, store)
    called = [link for link in (CALLBACK,) if link in world.bench.specs]
    actor.calls_back = bool(called)
    world.bench.join(ROLE, world.behind_doorman(actor), called, store=store)
    world.bench.serve(LINK, ROLE)
    world.at_end.append(lambda: at_end(world))
    world.captures.append(partial(renamed, world))
    if "HIS" in world.bench.systems.hospital.roles:
        world.order("HIS", "yb-reset")


def insured(world: World, kind: str, nth: int) -> Person:
    """The nth person of a kind in the world of this scenario's centre."""
    at = index_of(kind, nth)
    if at >= PERSONS_BRIEF:
        _, store = world.state["centre books"]
        # Who shares an account shares that of the next one.
        store.commit(seed_persons(world.seed, range(at, at + 1 + INSURED[kind].family)))
    return person(world.seed, kind, nth)


def _province(world: World) -> str:
    """Name of a province that ships, or the file of one beside the profile."""
    profile = world.permit.profile
    named = str(profile.quirks.get(ROLE, {}).get("province", PROVINCE))
    return str(profile.file(named)) if named.endswith(".toml") else named


def take_in(world: World, store: Store) -> None:
    """The exports that ``[quirks.centre]`` names, into the books of this scenario.

    Raises:
        InputErrors: one of them cannot be used.
    """
    profile = world.permit.profile
    named = {kind: str(profile.quirks.get(ROLE, {}).get(kind, "")) for kind in KINDS}
    found = {kind: read_export(KINDS[kind], profile.file(path))
             for kind, path in named.items() if path}  # fmt: skip
    if found:
        store.commit(list(statements(store, found, tuple(world.subjects))))


def _path(world: World) -> Path:
    probe = world.bench.probes.get(LEDGER)
    if not isinstance(probe, SqlProbe) or "://" in probe.url:
        raise Blocked(
            tr("the profile has no probe {name} into a file of ours", name=LEDGER),
            remedy=tr("take it from the profile that ships"),
        )
    return Path(probe.url.removeprefix("sqlite:"))


def by_persons(world: World) -> bool:
    """Whether cashiers of the site do what the sentences say."""
    return world.desk is not None and world.desk.serves("HIS")


def renamed(world: World, name: str, ours: str, theirs: str) -> None:
    """The HIS gave the visit of a bill a number of its own: sentences mean that from now on."""
    bills: dict[str, str] = world.state.get("bills", {})
    if name == "bill_no":
        bills.update({label: theirs for label, number in bills.items() if number == ours})


def kept_lines(world: World, label: str, items: str) -> str:
    """Numbers of the lines of a bill that a refund leaves.

    Raises:
        ScenarioError: an item is not on the bill.
    """
    listed: list[str] = world.state["items"][label]
    kept = []
    for item in items.split("、"):
        if item not in listed:
            raise ScenarioError(tr("{item} is not on the bill", item=item))
        kept.append(str(listed.index(item) + 1))
    return ",".join(kept)


def cue(world: World, days: int) -> str:
    """Today, or so many days later, as the interface writes a day."""
    return f"{world.clock.wall() + timedelta(days=days):%Y-%m-%d}"


def rest(world: World, timeout_s: float = REST_S) -> None:
    """Wait until the cashier has come to an end with everything; what fired is told."""
    if by_persons(world):
        world.after_persons()
        tell_faults(world)
        return
    systems = world.bench.systems

    def still() -> bool:
        try:
            return not systems.order("HIS", "pending", {})
        except HarnessError:
            return False  # it has lost its power, and is coming back

    systems.settle()
    if not world.poll(still, timeout_s):
        raise Blocked(tr("the HIS did not come to rest within {limit:g} s", limit=timeout_s))
    tell_faults(world)


# -- faults of the centre --------------------------------------------------------------------------


def plan(world: World, fault: Fault, infno: str, nth: int, parameters: Mapping[str, str]) -> None:
    """Let the centre do wrong at the nth call of a transaction."""
    world.permit.require_fault()
    centre(world)
    world.state.setdefault("centre faults", {})[fault.id] = fault
    world.injector.process(fault, "planned", f"{fault.action} {infno} {nth}")
    args = {
        "id": fault.id,
        "action": fault.action,
        "infno": [infno],
        "occurrences": [nth],
        "parameters": dict(parameters),
    }
    world.bench.driver.command(ROLE, "fault", args, limits.CONTROL_TIMEOUT_S)


def tell_faults(world: World) -> None:
    """Put into the trace what fired since the last look; a fault of one call heals itself."""
    status = world.bench.driver.command(ROLE, "status", {}, limits.CONTROL_TIMEOUT_S)
    told = world.state.get("centre fired", 0)
    for fired in status["fired"][told:]:
        fault = world.state["centre faults"][fired["id"]]
        world.injector.process(fault, "fired", f"{fired['infno']} {fired['msgid']}")
        world.injector.process(fault, "healed", fired["infno"])
    world.state["centre fired"] = len(status["fired"])


def at_end(world: World) -> None:
    """What fired last; and no verdict may rest on an answer that is not modelled."""
    tell_faults(world)
    loose = [
        str(record["text"])
        for record in world.trace.records
        if record["kind"] == "note" and str(record.get("text", "")).startswith("unmodelled ")
    ]
    if loose:
        world.trace.add("note", verdict=Verdict.INCONCLUSIVE.value, text=", ".join(loose))
