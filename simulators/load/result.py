"""The run folder of a load run: the same plan, sealed traces, report and exit code as any run.

Each kind of users is one scenario. What is judged stands in its trace as answers of probes, so the
verdict can be computed again from the folder alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from harness import __version__
from harness.clock import RealClock
from harness.evidence import trace as journal
from harness.evidence.conclude import conclude
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.judge import judge
from harness.evidence.match import Value
from harness.evidence.trace import Trace
from harness.model import Place
from harness.report import run as run_report
from harness.report.model import FORMAT, Interface, Plan, Run, ScenarioPlan, System
from harness.scenario.denominators import load_denominators
from simulators.load.books import Book
from simulators.load.picture import draw
from simulators.load.plan import Group, LoadPlan
from simulators.load.tally import QUANTILES, Tally
from simulators.load.ward import MODULES

PROBE: Final = "load"

LIMIT_S: Final = 1.0
"""Of a look at what was counted: nothing changes any more."""

NAMES: Final = {
    "analyzer": "分析仪",
    "modality": "影像设备",
    "feed": "HL7连接",
    "settlement": "医保窗口",
}

INTERFACES: Final = {
    "analyzer": "LIS-ASTM",
    "modality": "PACS-DIMSE",
    "feed": "HIS-ORD",
    "settlement": "HIS-YB",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One 那么: what it says, which rows it looks at, and what they should be."""

    text: str
    key: Mapping[str, str]
    checks: Mapping[str, Value]


@dataclass(slots=True)
class Result:
    """What is written.

    Args:
        folder: of the run; empty.
        plan: that was carried out.
        tallies, books: what came of it.
        lang: of the report.
        command: for the report.
        defects: that were switched on.
    """

    folder: Path
    plan: LoadPlan
    tallies: Mapping[str, Tally]
    books: Sequence[Book]
    lang: str = "zh-CN"
    command: Sequence[str] = ()
    defects: Sequence[str] = ()
    _clock: RealClock = field(default_factory=RealClock)

    def write(self, started: str) -> Run:
        """All files; returns the run with its verdict."""
        denominators = load_denominators()
        plan = Plan(
            format=FORMAT,
            harness_version=__version__,
            started=started,
            seed=self.plan.seed,
            lang=self.lang,
            command=tuple(self.command),
            systems=tuple(
                System(role=role, mode="built-in", version=__version__) for role in MODULES
            ),
            defects=tuple(self.defects),
            scenarios=tuple(self._scenario(group) for group in self.plan.groups),
            interfaces=tuple(
                Interface(
                    id=one.id, name=one.name, frm=one.sender, to=one.receiver, protocol=one.protocol
                )
                for one in denominators.interfaces.values()
                if one.id in INTERFACES.values()
            ),
        )
        data = TypeAdapter(Plan).dump_python(plan, mode="json", by_alias=True)
        text = json.dumps(data, ensure_ascii=False, indent=2)
        (self.folder / "plan.json").write_text(text, encoding="utf-8")
        for group in self.plan.groups:
            self._trace(group)
        self._figures()
        picture = draw(self.plan, self.tallies)
        (self.folder / "load.svg").write_text(picture, encoding="utf-8")
        return run_report.write(self.folder, lang=self.lang)

    def _scenario(self, group: Group) -> ScenarioPlan:
        name = f"{NAMES[group.kind]}{group.users}个，每秒{group.per_s:g}次"
        return ScenarioPlan(
            id=f"load-{group.kind}", name=name, feature="负载", interface=INTERFACES[group.kind]
        )

    def _trace(self, group: Group) -> None:
        scenario = self._scenario(group)
        trace = Trace(self._clock, self.folder / "traces" / f"{scenario.id}.jsonl")
        sentences = list(self._sentences(group))
        said = f"{scenario.name}，持续{self.plan.seconds:g}秒"
        trace.add(
            "open",
            format=journal.FORMAT,
            scenario=asdict(scenario),
            seed=self.plan.seed,
            harness_version=__version__,
            sentences=[
                {"keyword": "当", "kind": "when", "text": said, "line": 1},
                *(
                    {"keyword": "那么", "kind": "then", "text": one.text, "line": line}
                    for line, one in enumerate(sentences, 2)
                ),
            ],
        )
        trace.add("step", index=0, keyword="当", text=said, line=1)
        rows = [self._counts(group), *(one.row for one in self.books if one.kind == group.kind)]
        for number, one in enumerate(sentences, 1):
            trace.add("step", index=number, keyword="那么", text=one.text, line=number + 1)
            _judge(trace, group, number, one, rows)
        trace.seal(conclude(trace.records).verdict.value)

    def _counts(self, group: Group) -> dict[str, str]:
        tally = self.tallies[group.kind]
        reasons = "; ".join(f"{count} x {why}" for why, count in tally.failed.most_common(5))
        quantiles = {f"p{share * 100:g}_s": f"{tally.quantile(share):.3f}" for share in QUANTILES}
        planned = self.plan.arrivals()[group.kind].total
        begun = tally.done + tally.failures
        return {
            "book": "counts", "planned": str(planned), "begun": str(begun),
            "done": str(tally.done), "failures": reasons, **quantiles,
        }  # fmt: skip

    def _sentences(self, group: Group) -> Iterator[Sentence]:
        planned = str(self.plan.arrivals()[group.kind].total)
        counts = {"row.book": "counts"}
        yield Sentence(
            f"{planned}次操作全部完成并得到确认",
            counts,
            {"row.begun": Value(expected=planned), "row.failures": Value(op="empty"),
             "row.done": Value(expected=planned)},
        )  # fmt: skip
        for share, limit in ((95, group.p95_s), (99, group.p99_s)):
            yield Sentence(
                f"自应开始的时刻起，{share}%在{limit:g}秒内完成",
                counts,
                {f"row.p{share}_s": Value(op="at_most", expected=f"{limit:g}")},
            )
        if all(book.kind != group.kind for book in self.books):
            # No store was looked into: nothing may pass, and this finds no such row.
            looked = {"row.confirmed": Value(op="present")}
            yield Sentence("已确认的记录在某个系统中核对过", {"row.kind": group.kind}, looked)
        for book in self.books:
            if book.kind == group.kind:
                empty = ("missing", "double", "other", "unasked")
                yield Sentence(
                    f"已确认的{book.confirmed}条在{book.name}中不少、不重、不错、不多",
                    {"row.book": book.name},
                    {f"row.{name}": Value(op="empty") for name in empty}
                    | {"row.confirmed": Value(op="pattern", expected="[1-9][0-9]*")},
                )

    def _figures(self) -> None:
        """Every second of every kind, for whoever wants to draw or compare them."""
        lines = ["kind,second,done,p50_s,p99_s"]
        for kind, tally in self.tallies.items():
            for second, count, middle, high in tally.seconds():
                lines.append(f"{kind},{second},{count},{middle:.4f},{high:.4f}")
        (self.folder / "load.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _judge(
    trace: Trace, group: Group, number: int, sentence: Sentence, rows: Sequence[Mapping[str, str]]
) -> None:
    interface = INTERFACES[group.kind]
    checks = tuple(
        Check(
            path=path, value=value, place=Place(interface=interface, protocol="load", path=path[4:])
        )
        for path, value in sentence.checks.items()
    )
    expectation = Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": PROBE}),
        wanted=(Wanted(key=sentence.key, checks=checks),),
        place=Place(interface=interface, protocol="load"),
        limit_s=LIMIT_S,
        ask=Ask(probe=PROBE),
    )
    ident = f"E{number}"
    trace.add("expectation", id=ident, sentence=number, limit_s=LIMIT_S, spec=expectation.data())
    answer = trace.add(
        "probe", probe=PROBE, role="load", args={}, outcome="ok", rows=[dict(row) for row in rows],
        error="", ask=ident, last=True,
    )  # fmt: skip
    trace.add("note", window=ident, rests=[answer["n"]])
    judgement = judge(expectation, ident, trace.records)
    trace.add(
        "judgement",
        expectation=ident,
        verdict=judgement.verdict.value,
        cited=list(judgement.cited),
        findings=[finding.data() for finding in judgement.findings],
        reasons=list(judgement.reasons),
    )
