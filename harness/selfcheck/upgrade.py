"""``medharness selfcheck upgrade``: does a comparison find what an upgrade broke, and nothing else?

The built-in hospital runs in release 1 before and in release 2 after. Release 2 differs in what it
means to differ in: that is approved, one signature at a time. Then each regression is switched on,
and the report of the comparison must name its interface and path first, in at most ``GROUPS_MAX``
groups: as its own ``compare.json`` has them, and as its page shows them. And release 1 is compared
with itself, under other seeds: that must give nothing at all.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.clock import RealClock
from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report import run as report
from harness.scenario.binding import BoundScenario
from harness.scenario.session import RunSession, SessionOptions
from harness.selfcheck import runs
from harness.selfcheck.progress import shown, told, tracked
from harness.selfcheck.revision import commit
from harness.upgrade import compare as comparing
from harness.upgrade import report as reporting
from harness.upgrade.approvals import Approval, untouchable
from harness.upgrade.compare import Comparison
from harness.upgrade.differences import Difference
from harness.upgrade.observe import RunFolder
from simulators.hospital.defects import BY_ID, IMAGING
from simulators.hospital.releases import CHANGES
from simulators.hospital.releases_regressions import REGRESSIONS, Regression

GROUPS_MAX: Final = 3
"""Groups that the report of one regression may have."""

PAIRS: Final = 20
"""Runs of release 1 with other seeds, each compared with the first."""

FOLDERS: Final = ("lab", "feeds", "insurance", "imaging")

QUICK_EVERY: Final = 8
"""A quick check takes every eighth regression and pair, which ones the seed decides."""

PART: Final = "upgrade"
"""Under which it is told how far this is."""

FOLD: Final = re.compile(r'<details class="group"')
"""A group on the page of a report."""

PROFILES: Final = {"imaging": "builtin"}
"""DIMSE needs processes and real time; everything else runs over memory."""

_DEFECTS: Final = BY_ID | {one.id: one for one in IMAGING}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the comparison said of one regression.

    Attributes:
        defect: its switch.
        source: row of the fault catalogue.
        interface: where it should be first.
        paths: its path there.
        first: where the report puts it first; empty if it shows nothing.
        groups: of the report, as ``compare.json`` has them.
        folds: of the report, as its page shows them.
        signatures: in those groups.
        scenarios: that were compared.
    """

    defect: str
    source: str
    interface: str
    paths: tuple[str, ...]
    first: tuple[str, str, str, str]
    groups: int
    folds: int
    signatures: int
    scenarios: int

    @property
    def right(self) -> bool:
        """Whether it was found at its place, and in few groups."""
        there = self.first[1] == self.interface
        place = self.first[3] in self.paths if self.paths else not self.first[3]
        return there and place and 0 < self.groups <= GROUPS_MAX and self.folds == self.groups

    def data(self) -> dict[str, Any]:
        """For ``upgrade.json``."""
        return asdict(self) | {"right": self.right}


@dataclass(slots=True)
class Stage:
    """Plays slices of scenarios into run folders, each once.

    Args:
        place: where the folders go.
        seed: of every run but those of other seeds.
    """

    place: Path
    seed: int
    scenarios: Sequence[BoundScenario] = field(default_factory=runs.shipped)
    _count: int = 0

    def slice_of(self, folder: str, requirement: str = "") -> list[BoundScenario]:
        """Scenarios of a folder, or only those that carry a requirement."""
        return [
            one for one in self.scenarios
            if f"/{folder}/" in f"/{one.scenario.file}"
            and requirement in {"", one.scenario.requirement}
        ]  # fmt: skip

    def play(
        self, chosen: Sequence[BoundScenario], profile: str, *, seed: int = 0, release: int = 1,
        defects: Sequence[str] = (),
    ) -> RunFolder:  # fmt: skip
        """One run.

        Raises:
            InputError: there is nothing to play.
        """
        if not chosen:
            raise InputError(tr("no scenario was chosen"))
        self._count += 1
        folder = self.place / str(self._count)
        session = RunSession(
            SessionOptions(
                profile=profile, seed=seed or self.seed, folder=folder, defects=tuple(defects),
                release=release,
            )
        )  # fmt: skip
        session.plan([one.scenario for one in chosen])
        try:
            for bound in chosen:
                told(PART, what=bound.scenario.id)
                session.run(bound)
        finally:
            session.stop()
        return RunFolder(path=folder, run=report.build(folder))


def compared(
    before: RunFolder, after: RunFolder, approved: Mapping[str, Difference] | None = None
) -> Comparison:
    """A comparison with the intended changes approved."""
    approvals = [
        Approval(signature=key, expires=date.max, reason="intended", ticket="release 2",
                 approver="selfcheck", where=one.path)
        for key, one in (approved or {}).items()
    ]  # fmt: skip
    return comparing.run(before, after, [], approvals, today=date.min, say=lambda _: None)


@dataclass(slots=True)
class Check:
    """The check while it runs.

    Args:
        quick: a part of the regressions and pairs, on the scenarios of each requirement.
        seed: of the runs.
        only: regressions to take; all where empty.
        say: prints progress.
    """

    quick: bool
    seed: int
    only: Sequence[str]
    say: Say
    found: list[Found] = field(default_factory=list)
    changes: dict[str, str] = field(default_factory=dict)
    pairs: list[dict[str, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _approved: dict[str, dict[str, Difference]] = field(default_factory=dict)
    _before: dict[str, RunFolder] = field(default_factory=dict)

    def run(self, expect: Callable[[int], None] = lambda _: None) -> None:
        """Regressions, intended changes, then equal runs; each comparison is told.

        ``expect`` is told how many comparisons there are.
        """
        with tempfile.TemporaryDirectory(prefix="medharness-upgrade-") as name:
            stage = Stage(Path(name), self.seed)
            chosen = self._chosen()
            expect(len(chosen) + (0 if self.only else len(self._folders()) + len(self._pairs())))
            for number, one in enumerate(tracked(PART, chosen, lambda one: one.defect), 1):
                found = self._regression(stage, one)
                self.found.append(found)
                mark = "✔" if found.right else "✘"
                self.say(f"[{number}/{len(chosen)}] {mark} {line_of(found)}")
                if not found.right:
                    self.failures.append(line_of(found))
            if not self.only:
                self._intended(stage)
                self._equal_runs(stage)

    def _chosen(self) -> list[Regression]:
        if self.only:
            return [one for one in REGRESSIONS if one.defect in self.only]
        every = QUICK_EVERY if self.quick else 1
        return list(REGRESSIONS[self.seed % every :: every])

    def _folders(self) -> Sequence[str]:
        """Whose scenarios are played in both releases."""
        return () if self.quick else FOLDERS

    def _pairs(self) -> Sequence[int]:
        """Which equal runs are compared."""
        return range(1, 3) if self.quick else range(1, PAIRS + 1)

    def _regression(self, stage: Stage, one: Regression) -> Found:
        defect = _DEFECTS[one.defect]
        profile = PROFILES.get(one.folder, "memory")
        requirement = defect.requirement
        chosen = stage.slice_of(one.folder, requirement) or stage.slice_of("", requirement)
        key = f"{one.folder} {requirement}"
        if key not in self._before:
            self._before[key] = stage.play(chosen, profile)
            after = stage.play(chosen, profile, release=2)
            clean = compared(self._before[key], after)
            self._approved[key] = {sign: each.first for sign, each in clean.signatures.items()}
            self._note_changes(clean)
        after = stage.play(chosen, profile, release=2, defects=[one.defect])
        result = compared(self._before[key], after, self._approved[key])
        out = stage.place / one.defect
        reporting.write(result, self._before[key], after, out)
        return found_of(one, defect.source, out)

    def _note_changes(self, clean: Comparison) -> None:
        """Every difference of a clean release 2 must be one that was meant, and approvable."""
        for each in clean.signatures.values():
            first = each.first
            passed_on = "ENG" in first.interface.split("-")  # over the interface engine
            meant = next(
                (
                    one
                    for one in CHANGES
                    if one.path == first.path and (passed_on or one.interface == first.interface)
                ),
                None,
            )
            if meant is None or untouchable(first):
                text = f"release 2: {first.cls} {first.interface} {first.scope} {first.path}"
                if text not in self.failures:
                    self.failures.append(text)
            else:
                self.changes[meant.id] = f"{first.interface} {first.scope} {first.path}"

    def _intended(self, stage: Stage) -> None:
        """Each intended change must be seen, and nothing else, over whole folders."""
        if self.quick:
            return
        for folder in tracked(PART, self._folders(), str):
            chosen, profile = stage.slice_of(folder), PROFILES.get(folder, "memory")
            before, after = stage.play(chosen, profile), stage.play(chosen, profile, release=2)
            self._note_changes(compared(before, after))
            self.say(tr("release 2, {folder}: {scenarios} scenarios", folder=folder,
                        scenarios=len(chosen)))  # fmt: skip
        for one in CHANGES:
            if one.id not in self.changes:
                self.failures.append(f"{one.id}: not seen")

    def _equal_runs(self, stage: Stage) -> None:
        """Release 1 against itself, under other seeds."""
        chosen = [one for folder in FOLDERS[:3] for one in stage.slice_of(folder)]
        if self.quick:
            chosen = chosen[self.seed % QUICK_EVERY :: QUICK_EVERY]
        before = stage.play(chosen, "memory")
        for number in tracked(
            PART, self._pairs(), lambda number: tr("pair {number}", number=number)
        ):
            result = compared(before, stage.play(chosen, "memory", seed=self.seed + number))
            pair = {
                "seed": self.seed + number,
                "scenarios": result.compared,
                "observations": min(result.observations),
                "groups": len(result.signatures),
            }
            self.pairs.append(pair)
            self.say(tr("seed {seed}: {scenarios} scenarios, {observations} observations,"
                        " {groups} differences", **pair))  # fmt: skip
            for each in result.signatures.values():
                one = each.first
                self.failures.append(f"seed {pair['seed']}: {one.cls} {one.interface} {one.scope}"
                                     f" {one.path} ({', '.join(each.scenarios)})")  # fmt: skip
            if result.verdict is Verdict.INCONCLUSIVE:
                self.failures.append(f"seed {pair['seed']}: {'; '.join(result.coverage)}")


def found_of(one: Regression, source: str, out: Path) -> Found:
    """What the report of a regression shows, read from its files as anybody reads them."""
    data = json.loads((out / "compare.json").read_text(encoding="utf-8"))
    page = (out / "compare.html").read_text(encoding="utf-8")
    groups = data["groups"]
    head = groups[0] if groups else {}
    cls, interface, name, path = (
        str(head.get(key, "")) for key in ("class", "interface", "name", "path")
    )
    return Found(
        defect=one.defect, source=source, interface=one.interface, paths=one.paths,
        first=(cls, interface, name, path), groups=len(groups), folds=len(FOLD.findall(page)),
        signatures=sum(len(group["signatures"]) for group in groups),
        scenarios=int(data["compared"]["scenarios"]),
    )  # fmt: skip


def line_of(found: Found) -> str:
    """One line of the table."""
    wanted = f"{found.interface} {'|'.join(found.paths)}".strip()
    seen = " ".join(part for part in found.first if part) or "-"
    counts = f"{found.groups}/{found.signatures}/{found.scenarios}"
    return f"{found.defect} ({found.source}): {wanted} | {seen} | {counts}"


def upgrade(*, quick: bool, seed: int, defects: Sequence[str], out: str, as_json: bool) -> int:
    """Play, compare, print the table, write ``upgrade.json``; 0 if every target holds."""
    started = time.monotonic()
    unknown = sorted({*defects} - {one.defect for one in REGRESSIONS})
    if unknown:
        raise InputError(tr("no such regression: {names}", names=", ".join(unknown)))
    with shown() as progress:
        check = Check(quick, seed, defects, progress.say)
        check.run(lambda count: progress.expect(PART, tr("comparisons"), count))
    folder = Path(out) if out else Path("runs") / "selfcheck"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "upgrade.json"
    document = {
        "format": 1,
        "harness_version": __version__,
        "commit": commit(),
        "finished": RealClock().wall().isoformat(timespec="seconds"),
        "whole": not quick and not defects,
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        "failures": check.failures,
        "regressions": [one.data() for one in check.found],
        "intended": check.changes,
        "pairs": check.pairs,
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    for text in check.failures:
        print(f"✘ {text}")
    print(
        tr(
            "Upgrade: {right} of {all} regressions at their place, {changes} intended changes seen,"
            " {pairs} pairs of equal runs, in {seconds:g} s",
            right=sum(one.right for one in check.found), all=len(check.found),
            changes=len(check.changes), pairs=len(check.pairs), seconds=document["seconds"],
        )
    )  # fmt: skip
    print(tr("Result: {path}", path=path))
    code = 1 if check.failures else 0
    if as_json:
        print(json.dumps({"failures": check.failures, "out": str(path), "exit_code": code}))
    return code
