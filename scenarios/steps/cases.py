"""Sentences about kept cases: a reported fault is played again and must not show."""

from __future__ import annotations

from pathlib import Path

from harness import resources
from harness.cases.at_site import AtSite
from harness.cases.kept import Case, load
from harness.cases.replay import Once, faults_of, once, stage_of, system_of
from harness.cases.score import compose
from harness.cases.stage import Manner, specs_of
from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.model import Outcome
from harness.probes.probe import Answer
from harness.profile import Mode
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import place

steps = Library("cases")

GONE = "gone"


class _Replayed:
    """What a replay showed, as a probe shows it: each fault with what stood at its place."""

    def __init__(self, name: str, role: str, result: Once) -> None:
        self.name = f"case-{name}"
        self.role = role
        self._result = result

    def ask(self, args: object) -> Answer:
        """The same each time: a replay is over."""
        rows = [
            {
                "fault": one.fault.text,
                "outcome": self._result.outcome,
                "values": "\n".join(one.values),
            }
            for one in self._result.seen
        ]
        return Answer(outcome=Outcome.OK, rows=rows)

    def close(self) -> None:
        """Nothing is open."""


def _at_site(world: World, case: Case, role: str) -> AtSite | None:
    """What it sends to a real system is proven and listed as everything else of the scenario is."""
    profile = world.permit.profile
    if world.desk is None or profile.mode(role) is not Mode.REAL:
        return None
    about = str(world.trace.records[0]["scenario"]["interface"])
    world.desk.prove(about, writes=[role])
    site = AtSite(profile, role, case.folder, world.desk.say, world.trace)
    site.routes = world.desk.routes
    return site


@steps.when(
    "回放案例{string}",
    id="cases.replay",
    purpose="把一个已留存的故障案例对被测系统重放一遍",
    effect="单独启动（或连接）案例所指的系统，按录制顺序发送，并以录制的应答回应它",
    example="当 回放案例“lab-unit-lost”",
    gloss="A kept case is played against its system",
)
def replayed(world: World, name: str) -> None:
    """Play it once; what is minted hangs on the seed of the scenario."""
    case = _case(world, name)
    profile = world.permit.profile
    faults = faults_of(case)
    role = system_of(faults, profile, str(case.manifest.get("system", "")))
    settings = getattr(world.bench.systems, "settings", None)
    manner = Manner(defects=tuple(settings.defects) if settings is not None else ())
    score = compose(case.lines, role, specs_of(profile))
    with stage_of(case, profile, role, manner, _at_site(world, case, role)) as stage:
        result = once(stage, score, faults, salt=f"{world.seed}")
    world.trace.add(
        "note",
        text=f"case {name} ({case.hash[:12]}): {result.outcome}, {result.played.sent} sent,"
        f" {len(result.played.heard)} heard, minted {sorted(result.played.slots.values)}",
    )
    if result.outcome == "unclear":
        raise Blocked(tr("the replay of {name} cannot be judged", name=name))
    world.bench.look(_Replayed(name, role, result))
    world.at_end.append(lambda: world.bench.look_away(f"case-{name}"))
    world.state.setdefault("cases", {})[name] = (case, role)


@steps.then(
    "案例{string}的故障应已消失",
    id="cases.gone",
    at_once=True,
    purpose="核对案例里报告过的故障没有再出现",
    effect="逐条核对案例清单中的 faults：该处应有的值就是应有的值",
    example="那么 案例“lab-unit-lost”的故障应已消失",
    gloss="The fault of the case does not show",
)
def gone(world: World, name: str) -> Expectation:
    """Each fault, at its place."""
    known: dict[str, tuple[Case, str]] = world.state.get("cases", {})
    if name not in known:
        raise ScenarioError(tr("the case {name} was not played in this scenario", name=name))
    case, _ = known[name]
    interface = str(world.trace.records[0]["scenario"]["interface"])
    probe = f"case-{name}"
    wanted = [
        Wanted(
            key={"row.fault": fault.text},
            checks=[
                Check(
                    path="row.outcome",
                    value=Value(expected=GONE),
                    place=place(interface, "sql", f"case.{fault.place}"),
                )
            ],
        )
        for fault in faults_of(case)
    ]
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": probe}),
        wanted=wanted,
        place=place(interface, "sql", "case"),
        limit_s=1.0,
        exact=True,
        ask=Ask(probe=probe),
    )


def _case(world: World, name: str) -> Case:
    """The case in a folder from here, or beside its scenario, or one that ships."""
    file = Path(str(world.trace.records[0]["scenario"]["file"]))
    for folder in (Path(name), file.parent, file.parent / name):
        if folder.name == Path(name).name and (folder / "manifest.toml").is_file():
            return load(folder)
    return load(resources.fixture("cases", name))
