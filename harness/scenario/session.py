"""One run in one worker: the profile, the systems, the plan on disk."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from harness import __version__
from harness.clock import RealClock, VirtualClock
from harness.errors import HarnessError, InputError, PermitError
from harness.evidence.conclude import Conclusion
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.link.pump import Pump
from harness.link.threads import Threads
from harness.permit import Permit
from harness.profile import Environment, Mode, Profile, System, Transport, load_profile
from harness.scenario import disturbing, tags
from harness.scenario.ahead import Ahead
from harness.scenario.bench import Bench, Driver
from harness.scenario.binding import BoundScenario
from harness.scenario.denominators import load_denominators
from harness.scenario.feature import Scenario
from harness.scenario.hospital import OnlyRoles, Settings, built_in
from harness.scenario.leading import Leading, leading
from harness.scenario.persons import ask_persons, keep_carried, open_page, persons_of
from harness.scenario.reachable import Obstacle, Reachability
from harness.scenario.runner import (
    Prepare,
    Setting,
    head,
    opened,
    run_scenario,
    scenario_facts,
    scenario_seed,
)
from harness.scenario.serial_lines import serial_lines
from harness.scenario.systems import InProcesses, InPump, Systems
from harness.scenario.wiring import (
    AddressGate,
    addresses,
    link_specs,
    listeners,
    probes,
    relays,
    subjects,
)
from harness.scenario.world import World
from harness.site import at_rest

RELEASED = frozenset({"LIS", "HIS", "PACS", "RIS"})
"""Roles of the built-in hospital, which has releases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What a run was asked to do."""

    profile: str
    seed: int
    folder: Path
    label: str = ""
    lang: str = "zh-CN"
    tags: str = ""
    command: Sequence[str] = ()
    defects: Sequence[str] = ()
    release: int = 1
    resume: bool = False
    order: Sequence[str] = ()
    """Ids of the scenarios that run, in this order; empty for all that were chosen, by file."""

    @classmethod
    def of(cls, option: Any) -> Self:
        """From pytest's options."""
        return cls(
            profile=option.medharness_profile,
            seed=option.medharness_seed,
            folder=run_folder(option.medharness_out),
            label=option.medharness_label,
            lang=option.medharness_lang,
            tags=option.medharness_tags,
            command=shlex.split(option.medharness_command),
            defects=tuple(option.medharness_defect),
            release=option.medharness_release,
            resume=option.medharness_resume,
            order=tuple(option.medharness_order.split()),
        )

    def at(self, folder: Path) -> Self:
        """The same, with the run folder that the controller chose."""
        return replace(self, folder=folder)


def run_folder(out: str) -> Path:
    """The folder that was asked for, or a new one below ``runs``, named by the time."""
    if out:
        return Path(out).resolve()
    base = Path("runs") / RealClock().wall().strftime("%Y%m%d-%H%M%S")
    names = [base, *(base.with_name(f"{base.name}-{number}") for number in range(2, 100))]
    return next((name for name in names if not name.exists()), base).resolve()


def refuse_used(folder: Path) -> None:
    """Results of two runs must never mix.

    Raises:
        InputError: the run folder holds something, or is no folder.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(
            tr("the run folder is not empty: {folder}", folder=folder),
            remedy=tr("choose another with --out"),
        )


@dataclass(slots=True)
class RunSession:
    """Brings the systems up on first use and keeps them for the worker's run."""

    options: SessionOptions
    prepare: Prepare | None = None
    say: Callable[[str], None] = print
    _profile: Profile | None = None
    _bench: Bench | None = None
    _trouble: Obstacle | None = None
    _scratch: tempfile.TemporaryDirectory[str] | None = None
    _wanted: tags.Expression | None = None
    _reachability: Reachability | None = None
    _ahead: Ahead = field(init=False)

    def __post_init__(self) -> None:
        self._ahead = Ahead(self._leads, self._opened)

    @property
    def profile(self) -> Profile:
        """The site profile."""
        if self._profile is None:
            self._profile = load_profile(self.options.profile)
        return self._profile

    def check(self) -> None:
        """Everything about the options that can be refused before anything is collected.

        Raises:
            InputError: the profile, the tags, the defects or the run folder cannot be used.
        """
        if not self.options.resume:
            refuse_used(self.options.folder)
        tags.parse(self.options.tags)
        built_in().check_defects(self.options.defects)
        built_in().switches(self.options.release)
        permit = self._permit()
        if self.options.defects:
            permit.require_fault()
        at_rest.words_of(self.profile, tell=False)  # refused now, not after the night

    @property
    def only_simulated(self) -> bool:
        """Whether we run every system ourselves, so that each worker can have its own."""
        return not self.profile.theirs

    def _permit(self) -> Permit:
        return Permit(self.profile, RealClock().wall)

    def wants(self, scenario_tags: Sequence[str]) -> bool:
        """Whether the tag expression takes a scenario."""
        if self._wanted is None:
            self._wanted = tags.parse(self.options.tags)
        return self._wanted(scenario_tags)

    # -- the plan ------------------------------------------------------------------------------

    def plan(self, scenarios: Sequence[Scenario]) -> None:
        """Write ``plan.json`` once; every worker would write the same."""
        path = self.options.folder / "plan.json"
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self._plan(scenarios), ensure_ascii=False, indent=1)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)

    def _plan(self, scenarios: Sequence[Scenario]) -> dict[str, Any]:
        known = load_denominators()
        return {
            "format": 1,
            "harness_version": __version__,
            "started": RealClock().wall().isoformat(timespec="seconds"),
            "seed": self.options.seed,
            "label": self.options.label,
            "lang": self.options.lang,
            "command": list(self.options.command),
            "profile": self._profile_facts()
            | {
                "environment": str(self.profile.environment),
                "transport": str(self.profile.transport),
            },
            "systems": self._systems(),
            "defects": list(self.options.defects),
            "scenarios": [scenario_facts(scenario) for scenario in scenarios],
            "requirements": [
                {"id": one.id, "name": one.name, "pillar": one.pillar, "interface": one.interface}
                for one in known.requirements.values()
            ],
            "interfaces": [
                {
                    "id": one.id,
                    "name": one.name,
                    "from": one.sender,
                    "to": one.receiver,
                    "protocol": one.protocol,
                }
                for one in known.interfaces.values()
            ],
        }

    def _profile_facts(self) -> dict[str, str]:
        facts = {"name": self.profile.name, "hash": self.profile.hash}
        warning = at_rest.warning(self.profile)
        return facts | ({"plain": str(self.profile.privacy.plain)} if warning else {})

    def _systems(self) -> list[dict[str, str]]:
        return [
            {
                "role": role,
                "mode": str(system.mode),
                "product": system.product,
                "version": self._version(role, system),
            }
            for role, system in self.profile.systems.items()
        ]

    def _version(self, role: str, system: System) -> str:
        """What the profile says; of a system that we play, with its release from the second on."""
        ours = system.mode is Mode.SIMULATED and role in RELEASED
        if self.options.release == 1 or not ours:
            return system.version
        return f"{system.version}, release {self.options.release}".removeprefix(", ")

    # -- running -------------------------------------------------------------------------------

    def run(self, bound: BoundScenario) -> Conclusion:
        """Run one scenario on the bench of this worker."""
        try:
            bench = self._place_of(bound)
            ident, ahead = bound.scenario.id, self._ahead
            if isinstance(bench, Bench):
                ahead.begin(bound, bench)
            trace = ahead.trace_of(ident)
            if trace is not None and not isinstance(bench, Bench):
                ahead.drop(ident)
            permit = self._permit()
            done = run_scenario(bound, self._setting(), bench, permit, self._prepared, trace)
            if isinstance(bench, Bench):
                ahead.between(bench)
            return done
        finally:
            if self.profile.transport is Transport.MEMORY:
                self.stop()

    def follow(self, queue: Sequence[BoundScenario]) -> None:
        """What is to run, in order: scenarios whose first cards may be handed out together."""
        self._ahead.queue = list(queue)

    def _setting(self) -> Setting:
        return Setting(
            seed=self.options.seed,
            folder=self.options.folder,
            profile=self._profile_facts(),
            transport=str(self.profile.transport),
            systems=self._systems(),
            subjects=subjects(self.profile),
        )

    def _place_of(self, bound: BoundScenario) -> Bench | Obstacle:
        scenario = bound.scenario
        return self._disturbing(scenario) or self._bench_or_obstacle(scenario.interface)

    def _prepared(self, world: World) -> None:
        self._ahead.adopt(world)
        if self.prepare is not None:
            self.prepare(world)

    def _leads(self, bound: BoundScenario) -> Leading:
        """The first cards of a scenario; none where it would not run."""
        bench = self._place_of(bound)
        if not isinstance(bench, Bench) or bench.persons is None:
            return Leading()
        setting = self._setting()
        return leading(
            bound,
            scenario_seed(setting.seed, bound.scenario.id),
            bench.persons,
            self._permit(),
            clock=bench.clock,
            head=head(bound.scenario, setting),
            specs=bench.specs,
            subjects=setting.subjects,
        )

    def _opened(self, bound: BoundScenario) -> Trace:
        bench = self._bench
        clock = RealClock() if bench is None else bench.clock
        return opened(bound.scenario, self._setting(), clock)

    def _disturbing(self, scenario: Scenario) -> Obstacle | None:
        """In production nothing runs that alerts staff, prints, charges or counts."""
        production = self.profile.environment is Environment.PRODUCTION
        if not production or not (disturbing.TAG in scenario.tags or disturbing.disturbs(scenario)):
            return None
        reason = tr("{tag}: off in production", tag=disturbing.TAG)
        return Obstacle(verdict=Verdict.BLOCKED, reason=reason)

    def _bench_or_obstacle(self, interface: str) -> Bench | Obstacle:
        """The running systems; the first failure to start stands for all scenarios."""
        if self._reachability is None:
            self._reachability = Reachability(self.profile, self._permit())
        try:
            obstacle = self._reachability.obstacle(interface) or self._trouble
            if obstacle is not None:
                return obstacle
            if self._bench is None:
                self._bench = self._start()
            self._bench.revive()
        except PermitError as error:
            return Obstacle(verdict=Verdict.BLOCKED, reason=str(error))
        except (HarnessError, OSError) as error:
            self._trouble = Obstacle(verdict=Verdict.BLOCKED, reason=str(error))
            return self._trouble
        return self._bench

    def _start(self) -> Bench:
        self._scratch = tempfile.TemporaryDirectory(prefix="medharness-")
        folder = Path(self._scratch.name)
        profile = self.profile
        specs = link_specs(profile)
        hospital = OnlyRoles.of(built_in(), lambda role: profile.mode(role) is Mode.SIMULATED)
        in_memory = profile.transport is Transport.MEMORY
        permit = self._permit()
        lines = serial_lines(profile, permit)
        settings = Settings(
            folder,
            (*hospital.switches(self.options.release), *self.options.defects),
            durable=not in_memory,
            listeners={**listeners(profile, permit), **lines.far},
            hybrid=[name for name, spec in specs.items() if spec.protocol == "hllp"],
        )
        systems: Systems
        driver: Driver
        if in_memory:
            pump = Pump(VirtualClock())
            driver, systems = pump, InPump(hospital, settings, pump, specs)
        else:
            driver, systems = Threads(), InProcesses(hospital, settings)
        looks = probes(profile, folder, permit, os.environ)
        known = {**addresses(profile, os.environ), **lines.near}
        bench = Bench(driver, systems, specs, looks, known, lines=lines)
        bench.carried = {
            name: (one.interface, *one.also) for name, one in profile.endpoints.items()
        }
        keep_carried(bench, self.options.folder)
        bench.persons = persons_of(profile, self.options.folder, self.say)
        if not in_memory:
            bench.relays = relays(profile, permit)
            bench.listening = settings.listeners
            bench.gate = AddressGate(permit)
        try:
            bench.start()
            asks = bench.persons is not None and ask_persons(bench.persons, bench)
            if bench.persons is not None and (bench.persons.roles or profile.canaries or asks):
                open_page(bench.persons, bench)
                self.say(tr("cards: http://{address}/", address=bench.persons.address))
        except BaseException:
            bench.stop()
            raise
        return bench

    def stop(self) -> list[str]:
        """End the systems; returns threads that would not end."""
        self._ahead.close()
        bench, self._bench = self._bench, None
        left = [] if bench is None else bench.stop()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
        return left
