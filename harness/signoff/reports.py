"""The other papers of an upgrade, from the same data: plan, joint test, roll-back, inspection.

Each is a list of sections; HTML for A4 and DOCX show the same. What only people know (who enters
when, what the trigger of a roll-back is, how long the rehearsal took) stands in the facts file;
what is not stated is shown as an empty place to fill in, never made up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report.model import Interface, ScenarioRun
from harness.report.words import verdict_name
from harness.signoff.material import Material
from harness.signoff.paper import Paper
from harness.signoff.rules import ORDER, Conclusion, rulings
from harness.signoff.sections import Section, Table, conclusion_name
from harness.upgrade.severity import shipped

BLANK: Final = "________"
"""A place that a person fills in."""

_BAD: Final = frozenset({Verdict.FAIL, Verdict.ERROR})
_OPEN: Final = frozenset({Verdict.INCONCLUSIVE, Verdict.BLOCKED})


@dataclass(frozen=True, slots=True)
class Report:
    """One paper: the name of its files, and what makes it."""

    name: str
    make: Callable[[Material], Paper]


def _verdicts(scenarios: Sequence[ScenarioRun]) -> str:
    counts = Counter(one.verdict for one in scenarios)
    return ", ".join(f"{verdict_name(str(v))} {n}" for v, n in counts.items()) or tr("not tested")


def _head(material: Material) -> Section:
    site, run = material.facts.site, material.run
    old = {one.role: one.version for one in material.before.systems} if material.before else {}
    systems = [(one.role, one.product, old.get(one.role, ""), one.version) for one in run.systems]
    return Section(tr("Basic information"), (), [
        Table((tr("item"), tr("value")), [
            (tr("hospital"), site.get("hospital") or run.profile.name),
            (tr("environment"), site.get("environment") or run.profile.environment),
            (tr("window"), site.get("window") or BLANK),
            (tr("run"), f"{run.label} {run.started}".strip()),
            (tr("harness version"), run.harness_version),
            (tr("profile hash"), run.profile.hash),
        ]),
        Table((tr("system"), tr("product"), tr("version before"), tr("version after")), systems),
    ])  # fmt: skip


def _signatures(parties: Sequence[str]) -> Section:
    return Section(tr("Signatures"), (), [
        Table((tr("party"), tr("name"), tr("signature"), tr("date")),
              [(one, "", "", "") for one in parties]),
    ])  # fmt: skip


def _paper(title: str, banner: str, mark: Conclusion, parts: Sequence[Section]) -> Paper:
    return Paper(title=title, banner=banner, mark=mark, sections=parts, signed=True)


# -- 升级测试方案


def plan(material: Material) -> Paper:
    """What is tested, when it may begin, when it has passed, who does what, when to go back."""
    stated = material.facts.plan
    chosen = [
        (str(n), one.id, one.name, one.requirement, one.interface, one.owner)
        for n, one in enumerate(material.run.scenarios, 1)
    ]
    counts = Counter(one.interface for one in material.run.scenarios)
    interfaces = [(one.id, one.name, one.frm, one.to, one.protocol, str(counts[one.id]))
                  for one in material.run.interfaces if counts[one.id]]  # fmt: skip
    untouched = [one.id for one in material.run.interfaces if not counts[one.id]]
    criteria = [(str(n), one.rule) for n, one in enumerate(rulings(material), 1)]
    parts = [
        _head(material),
        Section(tr("Scope"), [tr("out of scope: {names}", names=", ".join(untouched) or "-")], [
            Table((tr("interface"), tr("name"), tr("from"), tr("to"), tr("protocol"),
                   tr("scenarios")), interfaces)]),
        Section(tr("Entry and exit criteria"), [
            tr("entry: {text}", text=stated.get("entry") or BLANK),
            tr("exit: {text}", text=stated.get("exit") or tr("every rule below says go")),
        ], [Table((tr("no."), tr("rule")), criteria)]),
        Section(tr("Roles and time table"), [
            tr("time table: {text}", text=stated.get("timetable") or BLANK)], [
            Table((tr("name"), tr("task")), [(one["name"], one["task"])
                                             for one in material.facts.operators])]),
        Section(tr("Roll-back"), [
            tr("trigger: {text}", text=stated.get("rollback_trigger") or BLANK)]),
        Section(tr("Cases"), (), [
            Table((tr("no."), "id", tr("name"), tr("requirement"), tr("interface"), tr("owner")),
                  chosen)]),
        _signatures((tr("hospital, information department"), tr("vendor of the system"))),
    ]  # fmt: skip
    banner = tr("{count} scenarios on {interfaces} interfaces", count=len(chosen),
                interfaces=len(interfaces))  # fmt: skip
    return _paper(tr("Upgrade test plan"), banner, Conclusion.CONDITIONAL, parts)


# -- 接口联调报告


def joint(material: Material) -> Paper:
    """Interface by interface: cases, defects, limits, and both parties' places to sign."""
    tested = [one for one in material.run.interfaces
              if any(each.interface == one.id for each in material.run.scenarios)]  # fmt: skip
    parts = [_head(material), *(_interface(material, one) for one in tested)]
    parts.append(_signatures((tr("hospital, information department"), tr("tested by"))))
    worst = max((_mark(material, one) for one in tested), key=ORDER.index,
                default=Conclusion.NO_GO)  # fmt: skip
    banner = tr("{count} interfaces", count=len(tested))
    return _paper(tr("Joint test of interfaces"), banner, worst, parts)


def _of(material: Material, interface: Interface) -> list[ScenarioRun]:
    return [one for one in material.run.scenarios if one.interface == interface.id]


def _mark(material: Material, interface: Interface) -> Conclusion:
    verdicts = {one.verdict for one in _of(material, interface)}
    if verdicts & _BAD:
        return Conclusion.NO_GO
    return Conclusion.CONDITIONAL if verdicts & _OPEN else Conclusion.GO


def _interface(material: Material, interface: Interface) -> Section:
    scenarios, text = _of(material, interface), material.mask.text
    defects = [
        (str(shipped().of(each.interface or interface.id)), one.id, text(each.place),
         text(each.message or f"{each.expected} → {each.actual}"))
        for one in scenarios for each in one.findings
    ]  # fmt: skip
    limits = [(one.id, verdict_name(str(one.verdict)), "; ".join(map(text, one.reasons)))
              for one in scenarios if one.verdict in _OPEN]  # fmt: skip
    cases = [(one.id, one.name, verdict_name(str(one.verdict)), one.trace) for one in scenarios]
    sides = [(side, "", "", "") for side in (interface.frm, interface.to)]
    line = f"{interface.frm} → {interface.to}, {interface.protocol}"
    notes = [f"{line}: {_verdicts(scenarios)}", conclusion_name(_mark(material, interface))]
    return Section(f"{interface.id} {interface.name}".strip(), notes, [
        Table((tr("scenario"), tr("name"), tr("verdict"), tr("evidence")), cases),
        Table((tr("grade"), tr("scenario"), tr("where"), tr("description")), defects),
        Table((tr("limit"), tr("verdict"), tr("reason")), limits),
        Table((tr("party"), tr("name"), tr("signature"), tr("date")), sides),
    ])  # fmt: skip


# -- 回退判据与演练记录


def rollback(material: Material) -> Paper:
    """When to go back, by the rules and by what people agreed; how the rehearsal went."""
    found = rulings(material)
    triggers = [(one.rule, conclusion_name(one.says), one.because) for one in found]
    stated = material.facts.rollback
    keys = ("condition", "limit", "measured", "left", "by", "on")
    rows = [tuple(one[key] or BLANK for key in keys) for one in stated]
    notes = [
        tr("trigger: {text}", text=material.facts.plan.get("rollback_trigger") or BLANK),
        tr("roll-back: {text}", text=material.facts.site.get("rollback") or BLANK),
    ]
    if not rows:
        notes.append(tr("no rehearsal of the roll-back is stated"))
    hit = any(one.says is Conclusion.NO_GO for one in found)
    parts = [
        _head(material),
        Section(tr("Conditions"), notes, [
            Table((tr("rule that says no-go"), tr("says now"), tr("because")), triggers)]),
        Section(tr("Rehearsal"), (), [
            Table((tr("condition"), tr("limit"), tr("measured"), tr("data left between versions"),
                   tr("by"), tr("on")), rows)]),
        _watched(material, tr("Window")),
        _signatures((tr("hospital, information department"), tr("vendor of the system"))),
    ]  # fmt: skip
    mark = Conclusion.NO_GO if hit else Conclusion.GO if rows else Conclusion.CONDITIONAL
    banner = tr("a condition of the roll-back is met") if hit else \
        tr("no condition of the roll-back is met")  # fmt: skip
    return _paper(tr("Roll-back: conditions and rehearsal"), banner, mark, parts)


# -- 接口巡检报告


def inspection(material: Material) -> Paper:
    """Availability, latency, errors, certificates, clocks, and what waits, line by line."""
    checks = (material.doctor or {}).get("checks", [])
    rows = [(one["name"], one["place"], one["status"], one["detail"], one["remedy"])
            for one in checks]  # fmt: skip
    bad = {one["status"] for one in checks}
    notes = [] if checks else [tr("the doctor was not asked")]
    if material.watched is None:
        notes.append(tr("no window was watched: availability and latency are unknown"))
    failed = "fail" in bad or (material.watched or {}).get("verdict") == "fail"
    unsure = "warn" in bad or bool(notes) or (material.watched or {}).get("verdict") != "pass"
    mark = Conclusion.NO_GO if failed else Conclusion.CONDITIONAL if unsure else Conclusion.GO
    parts = [
        _head(material), _watched(material, tr("Availability and latency")), _waiting(material),
        Section(tr("Reach, certificates, clocks, probes"), notes, [
            Table((tr("what"), tr("where"), tr("result"), tr("detail"), tr("remedy")), rows)]),
        Section(tr("Scenarios"), [_verdicts(material.run.scenarios)]),
        _signatures((tr("inspected by"), tr("hospital, information department"))),
    ]  # fmt: skip
    return _paper(tr("Inspection of interfaces"), conclusion_name(mark), mark, parts)


def _lines(material: Material) -> Sequence[Mapping[str, Any]]:
    lines: Sequence[Mapping[str, Any]] = (material.watched or {}).get("lines", ())
    return lines


def _watched(material: Material, title: str) -> Section:
    seconds = float((material.watched or {}).get("seconds", 0)) or 1.0
    rows = [
        (one["interface"], one["link"], str(one["messages"]),
         f"{100 * (1 - min(1.0, one['outage_s'] / seconds)):.2f} %", f"{one['outage_s']:.1f}",
         f"{one['median_ms']:g} / {one['p95_ms']:g} / {one['p99_ms']:g}", str(one["refused"]),
         f"{one['lost']} / {one['duplicated']} / {one['late']} / {one['reordered']}")
        for one in _lines(material)
    ]  # fmt: skip
    return Section(title, [] if rows else [tr("no window was watched")], [
        Table((tr("interface"), tr("link"), tr("messages"), tr("availability"), tr("outage (s)"),
               tr("median / 95 % / 99 % (ms)"), tr("refused"),
               tr("lost / came twice / late / out of order")), rows)])  # fmt: skip


def _waiting(material: Material) -> Section:
    rows = [(one["link"], str(one["open"]), str(one["lost"])) for one in _lines(material)]
    note = tr("What waits inside a system is not visible from outside; counted are messages on the"
              " line that had no answer when the watch ended.")  # fmt: skip
    return Section(tr("What waits"), [note], [
        Table((tr("link"), tr("still open"), tr("never answered")), rows)])  # fmt: skip


REPORTS: Final = (
    Report("plan", plan), Report("joint", joint), Report("rollback", rollback),
    Report("inspection", inspection),
)  # fmt: skip
"""Written beside the sign-off report, each as HTML and DOCX."""
