"""``medharness selfcheck``: how good the harness is, in numbers, from runs and never from tags."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.scenario.binding import BoundScenario
from harness.selfcheck import (
    counting,
    crew,
    defect_matrix,
    fault_classes,
    flake,
    idle,
    imaging_shares,
    mutants,
    mutants_run,
    mutate_trace,
    runs,
    sample,
    seeds,
    seeds_apart,
    seen,
)
from harness.selfcheck.crew import Crew, pool_of
from harness.selfcheck.progress import Progress
from harness.selfcheck.revision import commit, slice_of
from harness.selfcheck.runs import Played
from harness.selfcheck.slices import (
    QUICK_APART,
    QUICK_HALVES,
    QUICK_PARTS,
    QUICK_SLICES,
    part_of,
    quick_scenarios,
)

CAUGHT_MIN = 0.9
"""Share of felt mutants, and of mutated traces, that must be caught."""

T = TypeVar("T")

COURSE = frozenset({"drop", "cut", "no"})
"""Changes of a trace that every oracle must notice."""

PARTS = 16
"""Parts in which defects are handed out: enough that no process waits for another in the end."""

IMAGING_PARTS = 4
"""Parts in which the defects of PACS and RIS are handed out: each plays what they need clean."""


@dataclass(slots=True)
class SelfCheck:
    """One self-check while it runs.

    Args:
        quick: a slice, for every commit.
        seed: of the runs that need one.
        say: prints what each part found.
        jobs: processes that play; 0 takes one a processor. They change nothing but the time.
        folder: keeps the traces of flakes.
        progress: is told how far each part is.
        keep: is called after each part: a whole check takes hours, and may be stopped.
    """

    quick: bool
    seed: int
    say: Callable[[str], None]
    jobs: int = 0
    folder: Path = Path("runs") / "selfcheck"
    progress: Progress = field(default_factory=Progress)
    keep: Callable[[], object] | None = None
    result: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    _scenarios: list[BoundScenario] = field(default_factory=list)
    _apart: list[BoundScenario] = field(default_factory=list)
    page: str = ""
    _passed: list[Played] = field(default_factory=list)
    _catches: list[defect_matrix.Catch] = field(default_factory=list)
    _pacs: imaging_shares.Share = imaging_shares.NOTHING
    _crew: Crew | None = None

    def run(self) -> None:
        """Every part, each timed; defects are played in other processes meanwhile.

        A quick check takes some of the scenarios and a slice of the defects, which meet every
        scenario that is meant for them.
        """
        everything = runs.shipped()
        slices = QUICK_SLICES if self.quick else 1
        part = slice_of(commit(), slices)
        self._scenarios = quick_scenarios(commit()) if self.quick else everything
        jobs = crew.workers(self.jobs)
        with pool_of(jobs) as pool:
            self._crew = Crew(pool)
            apart = self._imaging_slices()
            parts = [(part + slices * each, slices * PARTS) for each in range(PARTS)]
            self._expect_beside(everything, apart, parts, jobs)
            seen_apart = imaging_shares.begin(pool, seed=self.seed, slices=apart)
            begun = defect_matrix.begin(
                pool,
                [one.scenario.id for one in everything],
                seed=self.seed,
                intended_only=self.quick,
                parts=parts,
            )
            self._part("clean", tr("clean hospital"), self._clean)
            self._part("seeds", tr("seeds"), self._seeds)
            self._part(seeds_apart.PART, tr("seeds over TCP"), self._seeds_apart)
            self._part(idle.PART, tr("idle systems"), self._idle)
            self._part("traces", tr("mutated traces"), self._traces)
            self._part("defects", tr("defects"), lambda: self._defects(begun))
            self._part("imaging", tr("PACS and RIS"), lambda: self._imaging(seen_apart))
            self._part("link_mutants", tr("mutating relay"), lambda: self._mutants("link"))
            self._part("store_mutants", tr("edited stores"), lambda: self._mutants("store"))
        self._crew = None
        if slices == 1:  # of a slice, a table of all rows would say little
            self._part("fault_classes", tr("fault classes"), self._fault_classes)
        self._part("flakes", tr("repeats"), self._flakes)

    def _expect_beside(
        self,
        everything: Sequence[BoundScenario],
        apart: Sequence[tuple[int, int]],
        parts: Sequence[tuple[int, int]],
        jobs: int,
    ) -> None:
        """What other processes play meanwhile."""
        if not self.quick:  # each process finds it out for itself
            self._expect("asked", tr("which defects are met where"), jobs * len(everything))
        self._expect("defects", tr("defects"), defect_matrix.count(parts))
        self._expect("imaging", tr("PACS and RIS"), imaging_shares.plays(everything, apart))

    def _expect(self, key: str, name: str, more: int = 0) -> None:
        self.progress.expect(key, name, more)

    def _part(self, key: str, name: str, part: Callable[[], str]) -> None:
        started = time.monotonic()
        self._expect(key, name)
        said = part()
        self.progress.finish(key)
        seconds = time.monotonic() - started
        self.seconds[key] = round(seconds, 1)
        self.say(f"{name}: {said} ({seconds:.1f} s)")
        if self.keep is not None:
            self.keep()

    def _fail(self, text: str) -> None:
        self.failures.append(text)

    def _clean(self) -> str:
        self._expect("clean", "", len(self._scenarios))
        played = runs.play(self._scenarios, seed=self.seed, part="clean")
        # What needs real time, such as DIMSE, does not apply over memory; it is said, not counted.
        applies = [one for one in played if one.conclusion.verdict is not Verdict.NOT_APPLICABLE]
        if len(applies) < len(played):
            self.say(tr("{count} scenarios do not apply over memory",
                        count=len(played) - len(applies)))  # fmt: skip
        self._apart = [one.bound for one in played if one not in applies]
        played, self._scenarios = applies, [one.bound for one in applies]
        self._passed = [one for one in played if one.conclusion.verdict is Verdict.PASS]
        for one in played:
            if one not in self._passed:
                self._fail(f"{one.bound.scenario.id}: {one.conclusion.verdict} without a defect")
        return tr("{good} of {all} scenarios pass", good=len(self._passed), all=len(played))

    def _seeds(self) -> str:
        chosen, half = self._slice_of_seeds(), self._half(self._scenarios)
        self._expect("seeds", "", len(chosen) * len(half))
        results = seeds.over_seeds(half, chosen, self._crew)
        self.result["seeds"] = [one.data() for one in results]
        return self._told_of_seeds(results, chosen)

    def _seeds_apart(self) -> str:
        chosen, some = self._slice_of_seeds(), self._some_apart()
        self._expect(seeds_apart.PART, "", len(chosen) * len(some))
        results = seeds_apart.over_seeds(some, chosen)
        self.result["seeds"] += [one.data() for one in results]
        return self._told_of_seeds(results, chosen)

    def _told_of_seeds(self, results: Sequence[seeds.SeedResult], chosen: Sequence[int]) -> str:
        alarms = [f"{one.scenario}: {text}" for one in results for text in one.false_alarms]
        for alarm in alarms:
            self._fail(alarm)
        alike = seeds.alike(results)
        for name in alike:
            self._fail(f"{name}: seeds give the same payloads")
        return tr(
            "{seeds} seeds, {alarms} false alarms, {alike} scenarios alike",
            seeds=len(chosen),
            alarms=len(alarms),
            alike=len(alike),
        )

    def _idle(self) -> str:
        half, apart = self._half(self._scenarios), self._some_apart()
        self._expect(idle.PART, "", len(idle.MANNERS) * len(half) + len(apart))
        found = idle.measure(half, self._crew, seed=self.seed)
        found += idle.measure_apart(apart, seed=self.seed)
        self.result["idle"] = [one.data() for one in found]
        if not found:
            self._fail(tr("no scenario met an idle system"))
        for one in found:
            if not one.noticed:
                self._fail(tr("with a {manner} hospital nobody noticed anything",
                              manner=idle.said(one.manner)))  # fmt: skip
            for name in one.unexpected:
                self._fail(tr("{name} passes with a {manner} hospital", name=name,
                              manner=idle.said(one.manner)))  # fmt: skip
        if not self.quick:
            for text in idle.stale(found):
                self._fail(text)
        return tr(
            "{passed} of {plays} plays pass, {unexpected} of them judge nothing",
            passed=sum(len(one.passed) for one in found),
            plays=sum(one.plays for one in found),
            unexpected=sum(len(one.unexpected) for one in found),
        )

    def _half(self, everything: Sequence[T]) -> Sequence[T]:
        if not self.quick:
            return everything
        return everything[part_of(commit(), "half", QUICK_HALVES) :: QUICK_HALVES]

    def _some_apart(self) -> Sequence[BoundScenario]:
        if not self.quick:
            return self._apart
        return self._apart[part_of(commit(), "apart", QUICK_APART) :: QUICK_APART]

    def _slice_of_seeds(self) -> list[int]:
        return seeds.of_commit(commit()) if self.quick else list(seeds.WHOLE)

    def _defects(self, begun: Sequence[Future[list[defect_matrix.Catch]]]) -> str:
        self._catches = defect_matrix.collected(begun)
        self.progress.finish("asked")
        for one in self._catches:
            if not one.caught:
                self._fail(f"{one.defect}: not caught at its place by a scenario meant for it")
        caught = sum(one.caught for one in self._catches)
        self.result["defects"] = [one.data() for one in self._catches]
        return tr("{caught} of {all} caught", caught=caught, all=len(self._catches))

    def _imaging_slices(self) -> list[tuple[int, int]]:
        if self.quick:
            return [(part_of(commit(), "imaging"), QUICK_PARTS)]
        return [(part, IMAGING_PARTS) for part in range(IMAGING_PARTS)]

    def _imaging(self, begun: Sequence[Future[imaging_shares.Share]]) -> str:
        """DIMSE needs processes and real time, so it is played apart; its matrix stands beside."""
        self._pacs = share = imaging_shares.collected(begun)
        for text in share.failures:
            self._fail(text)
        if not share.catches:
            self._fail(tr("no defect of PACS and RIS was played"))
        caught = sum(one.caught for one in share.catches)
        self.result["defects"] += [one.data() for one in share.catches]
        return tr("{caught} of {all} caught", caught=caught, all=len(share.catches))

    def _traces(self) -> str:
        half = self._half(self._passed)
        self._expect("traces", "", len(half))
        found = mutate_trace.measure(half, self._crew, seed=self.seed)
        self.result["oracles"] = found.data()
        for name in found.vacuous:
            self._fail(f"{name}: a judgement rests on nothing")
        for name in found.survivors:
            if COURSE & {*name.split()[1:2]}:
                self._fail(f"what is lost, cut off or unanswered is not noticed: {name}")
        if sample.below(found.killed, found.mutants, CAUGHT_MIN, sliced=False):
            self._fail(f"only {found.killed} of {found.mutants} mutated traces were killed")
        return tr("{caught} of {all} caught", caught=found.killed, all=found.mutants)

    def _mutants(self, where: str) -> str:
        if where == "link":
            chosen = mutants.link_mutants(self._passed)
        else:
            chosen = mutants.store_mutants(seen.COLUMNS)
        if self.quick:
            chosen = chosen[part_of(commit(), where) :: QUICK_PARTS]
        outcomes = self._met(chosen, where, sliced=self.quick and where == "link")
        felt = [one for one in outcomes if one.felt_in or one.caught_by]
        survivors = [one.mutant.name for one in felt if not one.caught_by]
        self.result[f"{where}_mutants"] = {
            "tried": len(outcomes),
            "felt": len(felt),
            "caught": len(felt) - len(survivors),
            "survivors": survivors,
            "not_felt": [one.mutant.name for one in outcomes if one not in felt],
        }
        if sample.below(len(felt) - len(survivors), len(felt), CAUGHT_MIN, sliced=self.quick):
            self._fail(f"{where}: mutants survive: {', '.join(survivors)}")
        return tr(
            "{caught} of {all} caught, survivors: {survivors}",
            caught=len(felt) - len(survivors),
            all=len(felt),
            survivors=", ".join(survivors) or "-",
        )

    def _met(
        self, chosen: Sequence[mutants.Mutant], where: str, *, sliced: bool
    ) -> list[mutants.Outcome]:
        """What became of mutants, each of which meets every scenario that its message passes.

        Sliced, it meets a slice of them first, and all of them only where it was felt there and not
        caught: the scenario that notices may be in another slice.
        """
        crew, seed = self._crew, self.seed
        self._expect(f"{where}_mutants", "", len(chosen))
        if not sliced:
            return mutants_run.share(chosen, self._passed, where, crew, seed=seed)
        some = self._passed[slice_of(commit(), QUICK_SLICES) :: QUICK_SLICES]
        outcomes = mutants_run.share(chosen, some, where, crew, seed=seed)
        left = [one.mutant for one in outcomes if one.felt_in and not one.caught_by]
        if not left:
            return outcomes
        self._expect(f"{where}_mutants", "", len(left))
        settled = [one for one in outcomes if one.mutant not in left]
        return settled + mutants_run.share(left, self._passed, where, crew, seed=seed)

    def _flakes(self) -> str:
        every = [*self._scenarios, *self._apart]
        idents = [one.scenario.id for one in every if flake.SLOW not in one.scenario.tags]
        manners = flake.WHOLE
        if self.quick:
            first = part_of(commit(), "repeats") % max(1, len(idents))
            idents = idents[first::QUICK_PARTS]
            manners = flake.QUICK
        self._expect("flakes", "", len(idents) * sum(one.repeats for one in manners))
        found = flake.measure(idents, manners, seed=self.seed, folder=self.folder)
        self.result["flakes"] = found.data()
        if not found.runs:
            self._fail(tr("no scenario was repeated"))
        if found.rate > flake.RATE_MAX:
            names = sorted({one["scenario"] for one in found.flaky})
            self._fail(tr("scenarios that do not always pass: {names}", names=", ".join(names)))
        return tr(
            "{flaky} of {runs} runs in random order come to something else",
            flaky=len(found.flaky),
            runs=found.runs,
        )

    def _fault_classes(self) -> str:
        self.progress.tell("fault_classes")
        rows = fault_classes.table(self._passed, self._catches)
        self.page = fault_classes.render(rows)
        every = [*rows, *self._pacs.rows]
        self.result["fault_rows"] = [row.data() for row in every]
        groups, redundant = counting.counting(self._passed, self._catches)
        seen, unneeded = self._pacs.counting()
        self.result["redundant"] = redundant + unneeded
        scenarios = counting.by_pillar(self._passed, groups)
        scenarios["imaging"]["counting"] += len(seen)
        self.result["counts"] = {
            "scenarios": scenarios,
            "fault_classes": fault_classes.counts(every),
        }
        provoked = sum(row.provoked for row in rows)
        return tr("{provoked} of {all} rows provoked", provoked=provoked, all=len(rows))
