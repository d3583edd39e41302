"""The sections of the report, as titles, notes and tables: HTML and DOCX show the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.ledger.class_words import word
from harness.report.words import verdict_name
from harness.signoff.material import Material
from harness.signoff.rules import Conclusion, Ruling, untested_requirements
from harness.upgrade.report import class_name

Row = Sequence[str]

ROWS_MAX = 200
"""Of one table on paper; more are counted, and stand in the files that the last page names."""


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows."""

    head: Row
    rows: Sequence[Row]

    @property
    def shown(self) -> Sequence[Row]:
        """What the paper shows."""
        return self.rows[:ROWS_MAX]

    @property
    def left(self) -> int:
        """Rows that it does not."""
        return max(0, len(self.rows) - ROWS_MAX)


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the report."""

    title: str
    notes: Sequence[str] = ()
    tables: Sequence[Table] = field(default_factory=list)


def conclusion_name(conclusion: Conclusion) -> str:
    """In the language in use."""
    return {
        Conclusion.GO: tr("go"),
        Conclusion.CONDITIONAL: tr("conditional"),
        Conclusion.NO_GO: tr("no-go"),
    }[conclusion]


def sections(
    material: Material, rulings: Sequence[Ruling], conclusion: Conclusion
) -> list[Section]:
    """All, in their order."""
    return [
        _basics(material), _scope(material), _conclusion(material, rulings, conclusion),
        _differences(material), _books(material), _faults(material), _speed(material),
        _manual(material), _open(material), _signatures(material),
    ]  # fmt: skip


def _basics(material: Material) -> Section:
    site, run = material.facts.site, material.run
    rows: list[Row] = [
        (tr("hospital"), site.get("hospital") or run.profile.name),
        (tr("environment"), site.get("environment") or run.profile.environment),
        (tr("window"), site.get("window", "")), (tr("place"), site.get("place", "")),
        (tr("run"), f"{run.label} {run.started}".strip()), (tr("seed"), str(run.seed)),
        (tr("harness version"), run.harness_version), (tr("profile hash"), run.profile.hash),
        (tr("command"), " ".join(run.command)),
        *((tr("operator"), f"{one['name']} {one['task']}") for one in material.facts.operators),
    ]  # fmt: skip
    old = {one.role: one for one in material.before.systems} if material.before else {}
    versions = [
        (one.role, one.product, old[one.role].version if one.role in old else "", one.version)
        for one in run.systems
    ]
    return Section(tr("Basic information"), (), [
        Table((tr("item"), tr("value")), rows),
        Table((tr("system"), tr("product"), tr("version before"), tr("version after")), versions),
    ])  # fmt: skip


def _scope(material: Material) -> Section:
    by_requirement: dict[str, Counter[Verdict]] = {}
    for one in material.run.scenarios:
        by_requirement.setdefault(one.requirement, Counter())[one.verdict] += 1
    names = {one.id: one.name for one in material.run.requirements}
    rows = [
        (ident, names.get(ident, ""), str(counts.total()),
         ", ".join(f"{verdict_name(str(v))} {n}" for v, n in counts.items()))
        for ident, counts in sorted(by_requirement.items())
    ]  # fmt: skip
    stated = {one["requirement"]: one for one in material.facts.untested}
    untested = [
        (ident, names.get(ident, ""), stated.get(ident, {}).get("reason", tr("no reason stated")),
         stated.get(ident, {}).get("owner", ""))
        for ident in untested_requirements(material)
    ]  # fmt: skip
    return Section(tr("Basis and scope"), (), [
        Table((tr("requirement"), tr("name"), tr("scenarios"), tr("verdict")), rows),
        Table((tr("not tested"), tr("name"), tr("reason"), tr("owner")), untested),
    ])  # fmt: skip


def _conclusion(material: Material, rulings: Sequence[Ruling], conclusion: Conclusion) -> Section:
    rows = [(str(n), one.rule, conclusion_name(one.says), one.because)
            for n, one in enumerate(rulings, 1)]  # fmt: skip
    reservation = material.facts.reservation
    notes = [
        tr("Conclusion: {conclusion}", conclusion=conclusion_name(conclusion)),
        tr("The worst of what the rules say is the conclusion; nobody can state another one."),
    ]
    if reservation.get("text"):
        notes.append(tr("Reservation of {by}: {text}", by=reservation["by"] or "-",
                        text=reservation["text"]))  # fmt: skip
    return Section(tr("Conclusion"), notes, [
        Table((tr("no."), tr("rule"), tr("says"), tr("because")), rows)
    ])  # fmt: skip


def _differences(material: Material) -> Section:
    data = material.comparison
    if data is None:
        return Section(tr("Differences"), [tr("no comparison was made")])
    groups = [
        (str(one["number"]), str(one["severity"]), class_name(one["class"]), one["interface"],
         f"{one['name']} {one['path']}".strip(), str(one["scenarios"]), str(len(one["signatures"])))
        for one in data["groups"]
    ]  # fmt: skip
    rows = [
        (str(one["group"] or "-"), str(one["severity"]), class_name(one["class"]),
         one["interface"], f"{one['name']} {one['path']}".strip(),
         str(one["count"]), one["approved"] or tr("not approved"), one["signature"])
        for one in data["signatures"]
    ]  # fmt: skip
    notes = [
        tr("{count} scenarios were compared; {places} places hold values that are new in each run.",
           count=data["compared"]["scenarios"], places=data["compared"]["volatile_places"]),
        *data["approval_problems"], *data["coverage"],
    ]  # fmt: skip
    return Section(tr("Differences"), notes, [
        Table((tr("group"), tr("grade"), tr("class"), tr("interface"), tr("first difference"),
               tr("scenarios"), tr("signatures")), groups),
        Table((tr("group"), tr("grade"), tr("class"), tr("interface"), tr("where"), tr("times"),
               tr("approval"), tr("signature")), rows), *_contract(material),
    ])  # fmt: skip


def _contract(material: Material) -> Iterator[Table]:
    if material.contract is not None:
        rows = [(one["cls"], one["part"], one["item"], f"{one['old'] or '∅'} → {one['new'] or '∅'}")
                for one in material.contract["changes"]]  # fmt: skip
        yield Table((tr("class"), tr("part"), tr("item"), tr("before → after")), rows)


def _books(material: Material) -> Section:
    if not material.reconciliations:
        return Section(tr("Reconciliation"), [tr("no reconciliation was made")])
    notes, tables = [], []
    for name, totals in material.reconciliations.items():
        steps = {one["step"]: one for one in totals.get("waterfall", ())}
        both = [steps[step]["amount"] for step in ("his_total", "centre_total") if step in steps]
        said = {"both": " / ".join(both) or "-", "residual": totals.get("residual") or "-"}
        notes.append(
            tr("{name}: totals {both} yuan, unexplained {residual} yuan", name=name, **said)
        )
        rows = [
            (one["side"], word(one["class"]).name, tr("yes") if one["difference"] else tr("no"),
             str(one["rows"]), f"{Decimal(one['medfee_sumamt']):.2f}")
            for one in totals.get("buckets", ())
        ]  # fmt: skip
        tables.append(Table((tr("side"), tr("class"), tr("difference"), tr("rows"),
                             tr("amount (yuan)")), rows))  # fmt: skip
    return Section(tr("Reconciliation"), notes, tables)


def _faults(material: Material) -> Section:
    rows = [
        (one.id, each.id, each.link, str(each.planned), str(each.fired), str(each.healed),
         verdict_name(str(one.verdict)))
        for one in material.run.scenarios for each in one.faults
    ]  # fmt: skip
    notes = [tr("roll-back: {text}", text=material.facts.site.get("rollback") or "-")]
    return Section(tr("Faults and recovery"), notes, [
        Table((tr("scenario"), tr("fault"), tr("link"), tr("planned"), tr("fired"), tr("healed"),
               tr("verdict")), rows)
    ])  # fmt: skip


def _speed(material: Material) -> Section:
    data = (material.comparison or {}).get("latencies", [])
    rows = [
        (one["interface"], f"{one['answers']} {one['name']}", f"{one['median_ms'][0]:g}",
         f"{one['median_ms'][1]:g}", _both(one, "p95_ms"), _both(one, "p99_ms"),
         " / ".join(str(n) for n in one["samples"]),
         f"{one['delta']:+.2f}", tr("shifted") if one["shift"] else
         tr("not shifted") if one["enough"] else tr("too few"))
        for one in data
    ]  # fmt: skip
    note = tr("Mann and Whitney's U, p ≤ 0.001, with Cliff's delta of at least 0.33")
    if not rows:
        note = tr("too few answers to say it")
    return Section(tr("Speed and stability"), [note], [
        Table((tr("interface"), tr("answer"), tr("median before (ms)"), tr("median after (ms)"),
               tr("95 % (ms)"), tr("99 % (ms)"), tr("samples"), tr("delta"), tr("result")), rows),
        Table((tr("unstable scenario"), tr("verdicts of equal runs")),
              [(one["scenario"], " / ".join(map(verdict_name, one["verdicts"])))
               for one in (material.comparison or {}).get("unstable", ())]),
    ])  # fmt: skip


def _both(row: Mapping[str, Any], key: str) -> str:
    """Before and after."""
    return " → ".join(f"{one:g}" for one in row.get(key, ())) or "-"


def _manual(material: Material) -> Section:
    rows = [(one["what"], one["result"], one["by"], one["on"]) for one in material.facts.manual]
    notes = [] if rows else [tr("nothing is stated")]
    return Section(tr("Checks by eye"), notes, [
        Table((tr("what"), tr("result"), tr("by"), tr("on")), rows)
    ])  # fmt: skip


def _open(material: Material) -> Section:
    rows = [
        (one.id, one.name, verdict_name(str(one.verdict)), "; ".join(one.reasons))
        for one in material.run.scenarios
        if one.verdict in {Verdict.INCONCLUSIVE, Verdict.BLOCKED, Verdict.ERROR}
    ]
    return Section(tr("What stays open"), [*material.damaged, *material.mismatched], [
        Table((tr("scenario"), tr("name"), tr("verdict"), tr("reason")), rows)
    ])  # fmt: skip


def _signatures(material: Material) -> Section:
    places = [(who, "", "", "") for who in (
        tr("hospital, information department"), tr("hospital, using department"),
        tr("vendor of the system"), tr("tested by"))]  # fmt: skip
    files = [(one.name, str(one.bytes), one.sha256) for one in material.evidence]
    note = tr("The manifest beside this report holds every hash; its own hash stands on this page.")
    return Section(tr("Signatures"), [note], [
        Table((tr("party"), tr("name"), tr("signature"), tr("date")), places),
        Table((tr("file"), tr("bytes"), "SHA-256"), files),
    ])  # fmt: skip
