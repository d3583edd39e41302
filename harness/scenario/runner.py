"""Runs one bound scenario: sentences in order, then the verdict from the trace, then the seal."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import __version__
from harness.clock import Clock, RealClock
from harness.errors import Blocked, HarnessError, InputError, PeerError, PermitError
from harness.evidence import trace as journal
from harness.evidence.conclude import Conclusion, conclude
from harness.evidence.expect import Expectation
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.model import Person
from harness.permit import Permit
from harness.scenario.bench import Bench
from harness.scenario.binding import BoundScenario, BoundStep
from harness.scenario.feature import Scenario
from harness.scenario.files import shown
from harness.scenario.named import filled
from harness.scenario.reachable import Obstacle
from harness.scenario.sentence import StepKind
from harness.scenario.world import World

Prepare = Callable[[World], None]
"""What is done to a world before its first sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all scenarios of a run share.

    Attributes:
        seed: of the run.
        folder: the run folder.
        profile: name and hash, for the trace.
        transport: ``tcp`` or ``memory``.
        systems: role, mode and versions, for the trace.
        subjects: signed test patients, allowed beside the generated people.
    """

    seed: int
    folder: Path
    profile: Mapping[str, str]
    transport: str
    systems: Sequence[Mapping[str, str]]
    subjects: Sequence[Person] = ()


def scenario_seed(run_seed: int, scenario_id: str) -> int:
    """The seed of one scenario: it does not depend on which others run, or where."""
    digest = hashlib.blake2b(f"{run_seed}|{scenario_id}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big")


def run_scenario(
    bound: BoundScenario,
    setting: Setting,
    bench: Bench | Obstacle,
    permit: Permit,
    prepare: Prepare | None = None,
    begun: Trace | None = None,
) -> Conclusion:
    """Run one scenario to its sealed trace.

    Args:
        bound: the scenario, every sentence bound to its step.
        setting: of the run.
        bench: the systems; an obstacle where they are not there: its verdict stands.
        permit: what the profile allows.
        prepare: called with the world before its first sentence; the self-check tampers here.
        begun: its journal, where its first cards were handed out before its turn.
    """
    scenario = bound.scenario
    seed = scenario_seed(setting.seed, scenario.id)
    clock = bench.clock if isinstance(bench, Bench) else RealClock()
    trace = opened(scenario, setting, clock) if begun is None else begun
    if isinstance(bench, Bench):
        world = World(scenario.id, seed, bench, trace, permit, setting.subjects)
        if prepare is not None:
            prepare(world)
        _play(bound, world)
    else:
        trace.add("note", verdict=bench.verdict.value, text=bench.reason)
    conclusion = conclude(trace.records)
    trace.seal(conclusion.verdict.value)
    return conclusion


def opened(scenario: Scenario, setting: Setting, clock: Clock) -> Trace:
    """The journal of a scenario, with its first record."""
    trace = Trace(clock, setting.folder / "traces" / f"{scenario.id}.jsonl")
    trace.add("open", **head(scenario, setting))
    return trace


def scenario_facts(scenario: Scenario) -> dict[str, Any]:
    """A scenario as plans and traces name it; its line is one that ``FILE:LINE`` finds it by."""
    return {
        "id": scenario.id,
        "name": scenario.name,
        "feature": scenario.feature,
        "file": shown(scenario.file),
        "line": scenario.row_line or scenario.line,
        "tags": list(scenario.tags),
        "requirement": scenario.requirement,
        "interface": scenario.interface,
        "owner": scenario.owner,
    }


def head(scenario: Scenario, setting: Setting) -> dict[str, Any]:
    """The record that opens the journal of a scenario."""
    return {
        "format": journal.FORMAT,
        "scenario": scenario_facts(scenario),
        "seed": scenario_seed(setting.seed, scenario.id),
        "harness_version": __version__,
        "profile": dict(setting.profile),
        "transport": setting.transport,
        "systems": [dict(system) for system in setting.systems],
        "sentences": [
            {
                "keyword": sentence.keyword,
                "kind": sentence.kind.value,
                "text": sentence.text,
                "line": sentence.line,
                "table": [list(row) for row in sentence.table] if sentence.table else None,
                "doc": sentence.doc,
            }
            for sentence in scenario.sentences
        ],
    }


def _play(bound: BoundScenario, world: World) -> None:
    """Every sentence; after a failed 那么 only the 那么 beside it are still judged."""
    failed = False
    try:
        for index, step in enumerate(bound.steps):
            if failed and step.sentence.kind is not StepKind.THEN:
                break
            world.sentence = index
            world.trace.add(
                "step",
                index=index,
                keyword=step.sentence.keyword,
                text=step.sentence.text,
                line=step.sentence.line,
            )
            failed = _take(step, world) or failed
    except (PermitError, Blocked) as error:
        _stated(world, Verdict.BLOCKED, str(error))
    except (InputError, HarnessError, PeerError) as error:
        where = f"{shown(bound.scenario.file)}:{step.sentence.line}"
        _stated(world, Verdict.ERROR, f"{where}: {error}")
    except Exception as error:  # noqa: BLE001 - whatever it was, the run goes on and says so
        _stated(world, Verdict.ERROR, _told(error))
    _end(world)


def _take(step: BoundStep, world: World) -> bool:
    """Carry one sentence out; True if it was judged and did not pass."""
    if step.sentence.kind is StepKind.THEN:
        world.after_persons()  # what it names may have got other numbers
    arguments = filled(world, step.arguments)
    keywords = dict(zip(step.keywords, filled(world, list(step.keywords.values())), strict=True))
    result = step.step.function(world, *arguments, **keywords)
    if step.sentence.kind is not StepKind.THEN:
        # A step that a person carries out at a real system is over when it is seen to be.
        if isinstance(result, Expectation):
            world.seen(result)
        return False
    expectations = [result] if isinstance(result, Expectation) else list(result or ())
    if not expectations:
        raise HarnessError(f"the step {step.step.id} gives nothing to judge")
    verdicts = [world.expect(expectation).verdict for expectation in expectations]
    return any(verdict is not Verdict.PASS for verdict in verdicts)


def _stated(world: World, verdict: Verdict, text: str) -> None:
    world.trace.add("note", verdict=verdict.value, text=text)


def _end(world: World) -> None:
    """Nothing may be left of the scenario: no message under way, no thread, no connection."""
    for action in (world.quiesce, *world.at_end):
        try:
            action()
        except HarnessError as error:
            _stated(world, Verdict.ERROR, f"the systems could not be brought to rest: {error}")
        except Exception as error:  # noqa: BLE001 - the devices below must go in any case
            _stated(world, Verdict.ERROR, _told(error))
    try:
        left = world.bench.end()
    except HarnessError as error:
        left = [str(error)]
    if left:
        _stated(world, Verdict.ERROR, f"left over: {', '.join(left)}")


FRAMES_MAX = 6
"""Frames of our own failure that a trace keeps; the innermost say most."""

_OURS = ("harness", "simulators", "scenarios")


def _told(error: Exception) -> str:
    """An exception with its innermost frames, and no path of this machine."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    places = [f"  {_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join([f"{type(error).__name__}: {error}", *places])


def _short(file: str) -> str:
    parts = Path(file).parts
    ours = [index for index, part in enumerate(parts) if part in _OURS]
    return "/".join(parts[ours[-1] :] if ours else parts[-1:])
