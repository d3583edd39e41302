"""One window: stand in line, let probes run, count at the end."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from harness.inline.lines import Places, why_not
from harness.link.passing import Passage
from harness.link.spec import LinkSpec
from harness.permit import Permit
from harness.probes.probe import Probe
from harness.profile import Environment, LinkTransport, Mode, Profile
from harness.profile_check import BUILT_IN_URL
from harness.scenario.wiring import link_specs, probes
from harness.watch import counts, prober
from harness.watch.canary import call
from harness.watch.counts import Hour
from harness.watch.follow import Follow
from harness.watch.line import Beside, Lines
from harness.watch.prober import Effects, Prober

LATE_S: Final = 10.0
"""Limit of an answer where neither the command line nor the profile says one."""

_PATIENT: Final = ":patient_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for.

    Attributes:
        active: send marked probes.
        every_s: pause between two probes of a line.
        late_s: limit of an answer; 0 takes ``answer_s`` of the listening role, or ``LATE_S``.
        follows: links that messages go in and come out by, and the types that are passed on.
        templates: file of a probe's message, by link.
        weeks: how many weeks back the hours are compared with; 0 counts nothing.
        folder: where stores of systems that we run are; only tests run any.
        run: number of this watch.
    """

    active: bool = False
    every_s: float = prober.EVERY_S
    late_s: float = 0.0
    follows: Sequence[tuple[str, str, tuple[str, ...]]] = ()
    templates: Mapping[str, Path] = field(default_factory=dict)
    weeks: int = counts.WEEKS
    folder: Path = Path()
    run: int = 1


@dataclass(slots=True)
class Window:
    """The watch while it runs.

    Args:
        profile: of the site.
        options: what is asked for.
        environ: holds database URLs and passwords of keys.
    """

    profile: Profile
    options: Options
    environ: Mapping[str, str]
    clock: RealClock = field(default_factory=RealClock)
    lines: Lines = field(init=False)
    probers: dict[str, Prober] = field(default_factory=dict)
    unwatched: dict[str, str] = field(default_factory=dict)
    unprobed: dict[str, str] = field(default_factory=dict)
    ready: dict[str, str] = field(default_factory=dict)
    hours: list[Hour] = field(default_factory=list)
    began: datetime = field(init=False)
    ended: datetime | None = None
    _passages: list[Passage] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _counting: dict[str, Probe] = field(default_factory=dict)
    _probes: dict[str, Probe] = field(default_factory=dict)

    def start(self) -> None:
        """Listen, and let the probes begin.

        Raises:
            InputError: nothing can be watched, or an option names what is not there.
            PermitError: a listener is open to others unasked, or probes are not allowed.
        """
        permit = Permit(self.profile, self.clock.wall)
        specs = link_specs(self.profile)
        relayed = {name: spec for name, spec in specs.items() if self._stands_in(name)}
        probed = self._probed(specs) if self.options.active else {}
        self._check(relayed | probed, specs)
        self.began = self.clock.wall()
        limits = {name: self._late_s(spec) for name, spec in specs.items()}
        self.lines = Lines(
            relayed | probed, self.clock, limits,
            tuple(Follow(one, other, limits[other], kinds)
                  for one, other, kinds in self.options.follows),
            probed=frozenset(probed),
        )  # fmt: skip
        self._look(permit)
        if not (relayed or probed or self._counting):
            raise InputError(
                tr("there is nothing to watch: no link has a relay, and no probe counts"),
                where=str(self.profile.path),
                remedy=tr('write via = "relay" and relay_port on a link to a real system'),
            )
        places = Places.of(self.profile, permit, self.environ)
        for spec in relayed.values():
            self._stand(spec, places, permit)
        for name, spec in probed.items():
            self._probe(spec, Prober(
                spec=spec, address=places.systems[name], lines=self.lines, permit=permit,
                gate=places.gate, clock=self.clock, every_s=self.options.every_s,
                run=self.options.run,
                template=self._template(name), charset=self._charset(spec),
                effects=self._effects(spec),
            ))  # fmt: skip

    def _stand(self, spec: LinkSpec, places: Places, permit: Permit) -> None:
        beside = Beside(spec, self.lines)
        passage = Passage(
            spec.name, places.systems[spec.name], beside, permit.require_open, beside.turned_away
        )
        self._passages.append(passage)
        try:
            self.ready[spec.name] = str(passage.listen(places.ours[spec.name]))
        except OSError as error:
            for one in self._passages:
                one.stop()
            why = error.strerror or str(error)
            raise InputError(
                tr("{name} cannot be opened: {why}", name=spec.name, why=why),
                remedy=tr("is the port taken by another program?"),
            ) from error

    def _probe(self, spec: LinkSpec, one: Prober) -> None:
        one.permit.require_write(f"{spec.to} watch")  # say it before the window, not in it
        self.probers[spec.name] = one
        thread = threading.Thread(target=one.loop, name=f"probes {spec.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _stands_in(self, name: str) -> bool:
        """Whether we stand in this line; why not is kept."""
        why = why_not(self.profile, name)
        if why:
            self.unwatched[name] = why
        return not why

    def _probed(self, specs: Mapping[str, LinkSpec]) -> dict[str, LinkSpec]:
        """Lines to real systems over protocols that have a message that means nothing."""
        found = {}
        for name, spec in specs.items():
            endpoint = self.profile.endpoints[name]
            if self.profile.mode(spec.to) is Mode.SIMULATED or not endpoint.port:
                continue
            if spec.protocol == "http" and name not in self.options.templates:
                self.unprobed[name] = tr("no call is known that means nothing: name one by --probe")
            elif spec.protocol not in prober.PROBED:
                self.unprobed[name] = tr("no probe is known for {protocol}", protocol=spec.protocol)
            elif endpoint.transport is not LinkTransport.SERIAL:
                found[name] = spec
        return found

    def _check(self, watched: Mapping[str, LinkSpec], specs: Mapping[str, LinkSpec]) -> None:
        named = [*(link for one, other, _ in self.options.follows for link in (one, other)),
                 *self.options.templates]  # fmt: skip
        unknown = sorted({name for name in named if name not in watched})
        if unknown:
            raise InputError(
                tr("not watched: {names}", names=", ".join(unknown)),
                where=str(self.profile.path),
                remedy=tr("watched: {names}", names=", ".join(sorted(watched)) or "-"),
            )
        production = self.profile.environment is Environment.PRODUCTION
        if self.options.active and production and self.options.every_s < prober.EVERY_MIN_S:
            raise InputError(
                tr("probes of a production system keep {pause:g} s apart", pause=prober.EVERY_MIN_S)
            )

    def _late_s(self, spec: LinkSpec) -> float:
        stated = self.profile.limits.get(spec.to, {}).get("answer_s")
        return self.options.late_s or (float(stated) if stated else LATE_S)

    def _charset(self, spec: LinkSpec) -> tuple[str, str]:
        coding = self.profile.encodings.get(spec.to)
        return ("gb18030", "") if coding is None else (str(coding.receives), "")

    def _template(self, name: str) -> str:
        path = self.options.templates.get(name)
        if path is None:
            return ""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            message = tr("the file cannot be read: {reason}", reason=error)
            raise InputError(message, where=str(path)) from error
        over_http = self.profile.endpoints[name].protocol == "http"
        if "{id}" not in text and not (over_http and "{time}" in text):
            raise InputError(tr("a template of probes needs {hole}", hole="{id}"), where=str(path))
        if over_http:
            try:
                call(text, "")
            except InputError as error:
                raise InputError(error.message, where=str(path), remedy=error.remedy) from error
        return text

    def _look(self, permit: Permit) -> None:
        """Open the probes that count, and those that see effects."""
        wanted = {
            name for name, one in self.profile.probes.items()
            if counts.counting(one.query) or self.options.active
        }  # fmt: skip
        if not wanted:
            return
        found = probes(self.profile, self.options.folder, permit, self.environ)
        for name in wanted:
            url = self.profile.probe_url(name, self.environ)
            if not url or url.startswith(BUILT_IN_URL):
                continue
            self._probes[name] = found[name]
            if counts.counting(self.profile.probes[name].query) and self.options.weeks:
                self._counting[name] = found[name]

    def _effects(self, spec: LinkSpec) -> Effects | None:
        """A probe of the listener that asks for a patient number and nothing else."""
        for name, probe in self._probes.items():
            config = self.profile.probes[name]
            holes = [part for part in config.query.replace(",", " ").split() if ":" in part]
            if config.role == spec.to and holes == [_PATIENT]:
                return Effects(probe)
        return None

    @property
    def failed(self) -> list[str]:
        """Where our own relay takes nobody any more: what senders felt, no account knows."""
        return [one.deaf for one in self._passages if one.deaf]

    def stop(self) -> None:
        """End the probes, judge the lines, ask the counts; nothing is open afterwards."""
        for one in self.probers.values():
            one.stop()
        for thread in self._threads:
            thread.join()
        for one in self.probers.values():
            one.look()
        self.ended = self.clock.wall()
        self.lines.finish()
        for passage in self._passages:
            passage.stop()
        self.hours = counts.count(self._counting, self.began, self.ended, self.options.weeks)
        for probe in self._probes.values():
            probe.close()
