"""Where a case is played: one system under test, and everything around it played from the case."""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from harness import limits
from harness.captures.layout import Layout
from harness.cases import our_centre
from harness.cases.asking import Simulated
from harness.cases.at_site import AtSite
from harness.cases.dicom_ends import ends_of
from harness.cases.dicom_match import PROTOCOL as IMAGES
from harness.cases.dicom_player import DicomPlayer
from harness.cases.dicom_room import ImagingRoles
from harness.cases.framing import WIRE
from harness.cases.guard import CaseGuard
from harness.cases.identity import load as load_places
from harness.cases.kept import Line
from harness.cases.our_port import set_up
from harness.cases.player import PROTOCOLS, Heard, Player, Unmatched
from harness.cases.score import Score, Turn
from harness.cases.slots import Slots
from harness.clock import RealClock, VirtualClock
from harness.errors import Blocked, HarnessError, InputError, PermitError
from harness.i18n import tr
from harness.link.pump import Pump
from harness.link.threads import Threads
from harness.model import Outcome
from harness.permit import Permit
from harness.probes.sql import SqlProbe
from harness.profile import Mode, Profile, Transport
from harness.scenario.bench import Bench, Driver
from harness.scenario.hospital import OnlyRoles, Settings, built_in
from harness.scenario.serial_lines import serial_lines
from harness.scenario.systems import InProcesses, InPump, Systems
from harness.scenario.wiring import AddressGate, addresses, link_specs, listeners, probes

WAIT_S: Final = 10.0
"""How long the recorded kind of message is waited for; a system's own time-outs are shorter."""

REAL_WAIT_S: Final = 5.0
"""The same where time is real."""

QUIET_S: Final = 2.0
"""At the end: what the system still says belongs to the case."""

GAP_MAX_S: Final = 600.0
"""No recorded gap is waited for longer."""

SESSION_S: Final = 600.0
"""One session on a serial line, each of its pieces answered late."""

_HOLE: Final = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_HOLES: Final = {
    "patient_id": "patient",
    "psn_no": "patient",
    "bill_no": "bill",
    "mdtrt_id": "visit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a case is played.

    Attributes:
        timed: recorded gaps are kept, times this; 0 goes on as soon as the system has answered.
        wait_s: how long a message is waited for; 0 for what fits the profile.
        defects: of the built-in hospital.
        release: of the built-in hospital.
        province: whose interface requests over HTTP are written and signed for; empty for none.
        path: where such requests are posted as they are, for a bridge that signs them itself.
        given: what stands at this site for a recorded value.
    """

    timed: float = 0.0
    wait_s: float = 0.0
    defects: Sequence[str] = ()
    release: int = 1
    province: str = ""
    path: str = ""
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Played:
    """What came of one replay.

    Attributes:
        heard: messages of the system.
        missing: recorded messages of the system that did not come again.
        unmatched: what it said and the recording does not have.
        refused: connections and messages that did not come about.
        sent: messages of ours.
        minted: recorded and minted value by slot.
        slots: of this replay.
        rows: what the probes saw.
    """

    heard: list[Heard]
    missing: list[Line]
    unmatched: list[Unmatched]
    refused: list[str]
    sent: int
    slots: Slots
    rows: dict[str, list[Mapping[str, str | None]] | None] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """Room for replays over one profile.

    Args:
        profile: of the site.
        system: role under test.
        manner: how.
        known: hashes of the persons of the case, and their salt.
        layout: of an instrument with a framing of its own; None where the case has none.
        site: proves the ways of a real system, and lists what is left there; None elsewhere.
    """

    profile: Profile
    system: str
    manner: Manner
    known: tuple[frozenset[str], str]
    layout: Layout | None = None
    site: AtSite | None = None
    _bench: Bench | None = None
    _centre: Simulated | None = None
    _scratch: tempfile.TemporaryDirectory[str] | None = None
    _laid: list[Line] = field(default_factory=list)

    @property
    def in_memory(self) -> bool:
        """Whether time is virtual."""
        return self.profile.transport is Transport.MEMORY

    @property
    def wait_s(self) -> float:
        """How long a message is waited for."""
        return self.manner.wait_s or (WAIT_S if self.in_memory else REAL_WAIT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def play(
        self,
        score: Score,
        looks: Sequence[str] = (),
        salt: str = "",
        expected: frozenset[str] = frozenset(),
    ) -> Played:
        """Play a case once.

        Args:
            score: what is played.
            looks: probes that are asked at the end.
            salt: what is minted depends on it; empty for chance.
            expected: types of messages that a fault names.

        Raises:
            PermitError: a message names somebody who is not of the case.
            Blocked: a command is for a system that we do not run, or the way of a real one is not
                proven.
        """
        permit = Permit(self.profile, RealClock().wall)
        permit.require_write(f"{self.system} case")
        bench = self._ready()
        slots = Slots.of(
            score.lines, _roles(score), salt or secrets.token_hex(8), self.manner.given
        )
        if self.site is None:
            return self._played(bench, score, looks, slots, expected, lambda _: None)
        with self.site.session(bench, score, slots) as told:
            return self._played(bench, score, looks, slots, expected, told)

    def _played(
        self, bench: Bench, score: Score, looks: Sequence[str], slots: Slots,
        expected: frozenset[str], told: Callable[[Line], None],
    ) -> Played:  # fmt: skip
        """Play it; what was sent is told when it is over, whatever ended it."""
        said = [one.line for one in score.turns if one.move == "hear"]
        protocols = {name: spec.protocol for name, spec in bench.specs.items()}
        player = Player(
            self.system, protocols, said, score.replies, slots, bench.clock.wall(), expected
        )
        permit = Permit(self.profile, RealClock().wall)
        guard = CaseGuard(permit, self.known[0], self.known[1], slots.recorded,
                          replace(load_places(), layout=self.layout))  # fmt: skip
        player.layout = self.layout
        set_up(bench.systems, self.system, score, self.layout)
        player.asking = our_centre.asking(
            bench, score, slots, guard, self._centre, (self.manner.province, self.manner.path)
        )
        for one in score.turns:
            if one.line.protocol == WIRE:
                guard.session(one.line.payload)
        clients = {one.line.link for one in score.turns
                   if one.move == "send" and one.line.protocol != IMAGES}  # fmt: skip
        images = ends_of(bench, player, score, guard, self.wait_s, self.manner.timed)
        bench.join("case", player, sorted(clients), guard)
        for spec in bench.specs.values():
            if spec.frm == self.system and spec.protocol in PROTOCOLS:
                bench.serve(spec.name, "case")
        try:
            missing = self._turns(bench, player, score, images)
            rows = {name: self._rows(bench, name, score, slots) for name in looks}
        finally:
            bench.driver.remove("case")
            images.close()
            for line in _sent(player, score, self._laid):
                told(line)
            self._laid.clear()
            stored = isinstance(bench.systems, ImagingRoles) or self._centre is not None
            if self.in_memory or stored:  # what it has kept would be another start
                self.stop()
        return Played(
            heard=player.heard, missing=missing, unmatched=player.unmatched, refused=player.refused,
            sent=player.sent, slots=slots, rows=rows,
        )  # fmt: skip

    def _turns(self, bench: Bench, player: Player, score: Score, images: DicomPlayer) -> list[Line]:
        before: Turn | None = None
        missing = []
        sent = {str(one.line.number) for one in score.turns if one.move == "send"}
        for turn in score.turns:
            line = turn.line
            if turn.move == "hear":
                if line.corr.get("question", "") not in {"", *sent}:
                    continue  # nobody asks for it any more
                wanted = line.number
                if line.protocol == IMAGES:
                    missing += [] if images.wait(line) else [line]
                    continue
                came = bench.driver.wait(player.heard_of(wanted), bench.clock.now() + self.wait_s)
                if not came:
                    missing.append(line)
                continue
            if before is not None and self.manner.timed and line.at_s and before.line.at_s:
                gap = min((line.at_s - before.line.at_s) * self.manner.timed, GAP_MAX_S)
                bench.driver.idle(bench.clock.now() + max(gap, 0.0))
            before = turn
            if turn.move == "command":
                args = json.loads(player.slots.filled(line.payload))
                try:
                    bench.systems.order(line.to, line.kind, args)
                except (Blocked, PermitError):
                    raise
                except HarnessError as error:  # its screen refuses; the rest is still played
                    player.refused.append(f"{line.kind}: {error.message}")
            elif line.protocol == IMAGES:
                self._laid.append(line)
                images.send(line)
            else:
                self._laid.append(line)
                player.post(line)
                told = {"line": line.number}
                bench.driver.command("case", "send", told, limits.CONTROL_TIMEOUT_S)
                bench.driver.wait(lambda: not player.under_way, bench.clock.now() + SESSION_S)
            if player.asking is not None:
                player.asking.raise_trouble()
        others = any(one.line.protocol != IMAGES for one in score.turns if one.move != "command")
        quiet = QUIET_S if others else 0.0  # who speaks DICOM was waited for already
        while bench.driver.wait(player.says_more(), bench.clock.now() + quiet):
            pass
        if player.asking is not None:
            player.asking.raise_trouble()
        images.settle()
        return [one for one in missing if all(it.matched != one.number for it in player.heard)]

    def _rows(
        self, bench: Bench, name: str, score: Score, slots: Slots
    ) -> list[Mapping[str, str | None]] | None:
        """What a probe sees of the matter; None where it could not look."""
        probe = bench.probes.get(name)
        if probe is None:
            raise InputError(tr("the profile has no probe {name}", name=name))
        holes = sorted(set(_HOLE.findall(probe.query))) if isinstance(probe, SqlProbe) else []
        found: list[Mapping[str, str | None]] = []
        for args in _arguments(holes, score, slots):
            answer = probe.ask(args)
            if answer.outcome is not Outcome.OK:
                return None
            found += answer.rows
        return found

    def _ready(self) -> Bench:
        if self._bench is None:
            self._bench = self._built()
        return self._bench

    def _built(self) -> Bench:
        self._scratch = tempfile.TemporaryDirectory(prefix="medharness-")
        folder = Path(self._scratch.name)
        profile = self.profile
        specs = {
            name: replace(spec, relayed=False)
            for name, spec in link_specs(profile).items()
            if self.system in {spec.frm, spec.to}
        }
        whole = built_in()
        ours = profile.mode(self.system) is Mode.SIMULATED
        hospital = OnlyRoles.of(whole, lambda role: ours and role == self.system)
        permit = Permit(profile, RealClock().wall)
        lines = serial_lines(profile, permit)
        settings = Settings(
            folder,
            (*whole.switches(self.manner.release), *self.manner.defects),
            durable=False,
            listeners={**listeners(profile, permit), **lines.far},
        )
        driver: Driver
        systems: Systems
        imaging = ImagingRoles.of(whole, self.system, settings) if ours else None
        if imaging is not None:
            driver, systems = Threads(), imaging
        elif self.in_memory:
            pump = Pump(VirtualClock())
            driver, systems = pump, InPump(hospital, settings, pump, specs)
        else:
            driver, systems = Threads(), InProcesses(hospital, settings)
        own = {name: one for name, one in profile.probes.items() if one.role == self.system}
        looked = profile.model_copy(update={"probes": own})  # a system is started for each try
        looks = probes(looked, folder, permit, os.environ)
        known = {**addresses(profile, os.environ), **lines.near}
        bench = Bench(driver, systems, specs, looks, known, lines=lines)
        if not self.in_memory:
            bench.gate = AddressGate(permit)
            bench.listening = settings.listeners
        try:
            bench.start()
        except BaseException:
            bench.stop()
            raise
        ours_too = our_centre.is_ours(profile.mode(self.system), self.system, whole)
        self._centre = our_centre.raised(bench, self.manner.province, folder) if ours_too else None
        return bench

    def stop(self) -> None:
        """End the system, if we run it."""
        bench, self._bench = self._bench, None
        if bench is not None:
            bench.stop()
        if self._centre is not None:
            self._centre.store.close()
            self._centre = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None


def _sent(player: Player, score: Score, laid: Sequence[Line]) -> list[Line]:
    """What may have reached the system: lines of ours, and answers to what it asked."""
    answers = [line for heard in player.heard for line in score.replies.get(heard.matched, ())]
    return [*(laid if player.sent else ()), *answers]


def _roles(score: Score) -> set[str]:
    """The roles that we play."""
    ends = {end for one in score.lines for end in (one.frm, one.to)}
    return ends - {score.system}


def _arguments(holes: Sequence[str], score: Score, slots: Slots) -> list[dict[str, str]]:
    """What a probe is asked with: every value that the case has for its holes."""
    known: dict[str, list[str]] = {}
    for line in score.lines:
        for key, value in line.corr.items():
            text = slots.text(value)
            if text not in known.setdefault(key, []):
                known[key].append(text)
    names = {hole: _HOLES.get(hole, hole) for hole in holes}
    if any(name not in known for name in names.values()):
        return []
    if len(holes) == 1:
        return [{holes[0]: value} for value in known[names[holes[0]]]]
    return [{hole: known[name][0] for hole, name in names.items()}]


def specs_of(profile: Profile) -> dict[str, Any]:
    """The endpoints of a profile."""
    return dict(link_specs(profile))
