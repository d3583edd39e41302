"""The conclusion: go, conditional or no-go, by stated rules and nothing else.

Each rule says what it looked at and what it found. One that says no-go decides; one that says
conditional holds the rest back. Nobody can type a conclusion: a reservation stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.signoff.material import MANUAL_OK, Material


class Conclusion(StrEnum):
    """What the rules come to."""

    GO = "go"
    CONDITIONAL = "conditional"
    NO_GO = "no-go"


ORDER = (Conclusion.GO, Conclusion.CONDITIONAL, Conclusion.NO_GO)
"""From the best to the worst."""

BALANCED: Final = "balanced"
"""The only verdict of a reconciliation that says that nothing differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One rule and what it found.

    Attributes:
        rule: what it demands.
        says: what follows.
        because: what was found.
    """

    rule: str
    says: Conclusion
    because: str


def conclude(rulings: Sequence[Ruling]) -> Conclusion:
    """The worst of what the rules say; without any rule nothing was shown."""
    return max((one.says for one in rulings), key=ORDER.index, default=Conclusion.NO_GO)


def rulings(material: Material) -> list[Ruling]:
    """Every rule, in the order of the report."""
    return [
        _trusted(material), _scenarios(material), _covered(material), _compared(material),
        _approved(material), _money(material), _faults(material), _contracts(material),
        _latency(material), _manual(material), *_window(material), *_left(material),
    ]  # fmt: skip


def _window(material: Material) -> Iterator[Ruling]:
    """Only where a window was watched: not every upgrade has one."""
    data = material.watched
    if data is None:
        return
    says = {Verdict.PASS.value: Conclusion.GO, Verdict.FAIL.value: Conclusion.NO_GO}
    told = [*data.get("failed", ()), *data.get("open", ())]
    outage = sum(one["outage_s"] for one in data.get("lines", ()))
    yield _ruling(
        tr("nothing was lost, repeated, late or out of order in the window"),
        says.get(str(data["verdict"]), Conclusion.CONDITIONAL),
        "; ".join([tr("{seconds:.0f} s out of service", seconds=outage), *told[:5]]),
    )


def _left(material: Material) -> Iterator[Ruling]:
    """Only where a system was not ours: what we wrote there must be taken back by somebody."""
    if not material.run.masked:
        return
    rows = material.left or ()
    open_ones = [f"{one.system} {one.id} {one.what}" for one in rows if one.open]
    told = tr("{open} of {rows} entries of cleanup.csv are open", open=len(open_ones),
              rows=len(rows))  # fmt: skip
    problem = [material.left_problem] if material.left_problem else []
    yield _ruling(
        tr("what the run left in real systems was taken back, by name"),
        Conclusion.CONDITIONAL if open_ones or problem else Conclusion.GO,
        "; ".join([told, *problem, *(material.mask.text(one) for one in open_ones[:5])]),
    )


def _ruling(rule: str, says: Conclusion, because: str) -> Ruling:
    return Ruling(rule=rule, says=says, because=because)


def _trusted(material: Material) -> Ruling:
    bad = [*material.damaged, *material.mismatched]
    return _ruling(
        tr("every trace is whole and belongs to these runs"),
        Conclusion.NO_GO if bad else Conclusion.GO,
        "; ".join(bad) or tr("{count} files checked", count=len(material.evidence)),
    )


def _scenarios(material: Material) -> Ruling:
    verdicts = [one.verdict for one in material.run.scenarios]
    bad = sum(one in {Verdict.FAIL, Verdict.ERROR} for one in verdicts)
    good = verdicts.count(Verdict.PASS)
    told = tr("{good} of {all} passed, {bad} failed", good=good, all=len(verdicts), bad=bad)
    says = Conclusion.GO if good and not bad else Conclusion.NO_GO
    return _ruling(tr("no scenario fails, and at least one passed"), says, told)


def _covered(material: Material) -> Ruling:
    open_ones = [one.id for one in material.run.scenarios
                 if one.verdict in {Verdict.INCONCLUSIVE, Verdict.BLOCKED}]  # fmt: skip
    untested = untested_requirements(material)
    says = Conclusion.CONDITIONAL if open_ones or untested else Conclusion.GO
    told = tr("{open} inconclusive or blocked, {untested} requirements not tested",
              open=len(open_ones), untested=len(untested))  # fmt: skip
    return _ruling(tr("everything was judged, and every requirement was tested"), says, told)


def untested_requirements(material: Material) -> list[str]:
    """Requirements of the run that no judged scenario carries."""
    judged = {one.requirement for one in material.run.scenarios
              if one.verdict in {Verdict.PASS, Verdict.FAIL}}  # fmt: skip
    return [one.id for one in material.run.requirements if one.id not in judged]


def _compared(material: Material) -> Ruling:
    rule = tr("nothing differs from before the upgrade that nobody approved")
    data = material.comparison
    if data is None:
        return _ruling(rule, Conclusion.CONDITIONAL, tr("no comparison was made"))
    signatures = data["signatures"]
    left = sum(not one["approved"] for one in signatures)
    told = tr("{left} of {all} differences are not approved", left=left, all=len(signatures))
    problems = list(data["approval_problems"])
    if left or problems:
        return _ruling(rule, Conclusion.NO_GO, "; ".join([told, *problems]))
    if data["verdict"] != Verdict.PASS.value:
        said = tr("the two runs do not cover the same")
        return _ruling(rule, Conclusion.CONDITIONAL, f"{told}; {said}")
    if data.get("basis", "runs") != "runs":
        said = tr("before is a recorded ordinary working day: dialect, counts and contract only")
        return _ruling(rule, Conclusion.CONDITIONAL, f"{told}; {said}")
    return _ruling(rule, Conclusion.GO, told)


def _approved(material: Material) -> Ruling:
    rule = tr("no difference had to be approved")
    signatures = (material.comparison or {}).get("signatures", [])
    tickets = sorted({one["approved"] for one in signatures if one["approved"]})
    if tickets:
        told = tr("approved: {tickets}", tickets=", ".join(tickets))
        return _ruling(rule, Conclusion.CONDITIONAL, told)
    return _ruling(rule, Conclusion.GO, tr("none"))


def _money(material: Material) -> Ruling:
    rule = tr("the books of both sides agree to the cent")
    found = list(_books(material))
    if not material.reconciliations:
        touched = any(one.interface.startswith(("HIS-YB", "YB-")) for one in material.run.scenarios)
        if not touched:
            return _ruling(rule, Conclusion.GO, tr("no scenario is about money"))
        return _ruling(rule, Conclusion.CONDITIONAL, tr("no reconciliation was made"))
    if found:
        return _ruling(rule, Conclusion.NO_GO, "; ".join(found))
    empty = [name for name, one in material.reconciliations.items() if not _rows(one)]
    if empty:
        told = tr("{names}: no row was compared", names=", ".join(empty))
        return _ruling(rule, Conclusion.CONDITIONAL, told)
    good = tr("{count} reconciliations without difference", count=len(material.reconciliations))
    return _ruling(rule, Conclusion.GO, good)


def _rows(totals: Mapping[str, Any]) -> int:
    return sum(int(one["rows"]) for one in totals.get("buckets", ()))


def _books(material: Material) -> Iterator[str]:
    for name, totals in material.reconciliations.items():
        rows = sum(int(one["rows"]) for one in totals.get("buckets", ()) if one["difference"])
        residual = Decimal(totals.get("residual") or 0)
        if rows or residual:
            yield tr("{name}: {rows} rows differ, {residual} yuan unexplained",
                     name=name, rows=rows, residual=residual)  # fmt: skip
        elif totals["problems"] or totals["verdict"] != BALANCED:
            # Registrations, trace codes, settlement lists, and rows that waited too long.
            because = totals["problems"] or [tr("what belongs to the settlements differs")]
            yield tr("{name}: {because}", name=name, because=", ".join(because[:5]))


def _faults(material: Material) -> Ruling:
    rule = tr("every planned fault fired and was healed")
    faults = [(one.id, each) for one in material.run.scenarios for each in one.faults]
    bad = [f"{ident}: {each.id}" for ident, each in faults
           if each.fired < each.planned or each.healed < each.fired]  # fmt: skip
    says = Conclusion.CONDITIONAL if bad else Conclusion.GO
    told = tr("{count} faults were planned", count=len(faults))
    return _ruling(rule, says, "; ".join([told, *bad[:5]]))


def _contracts(material: Material) -> Ruling:
    rule = tr("what systems promise without traffic is the same")
    if material.contract is None:
        return _ruling(rule, Conclusion.CONDITIONAL, tr("no comparison was made"))
    count = len(material.contract["changes"])
    missing = list(material.contract["coverage"])
    whole = material.contract["verdict"] == Verdict.PASS.value
    says = Conclusion.GO if whole and not count and not missing else Conclusion.CONDITIONAL
    return _ruling(rule, says, "; ".join([tr("{count} changes", count=count), *missing[:5]]))


def _latency(material: Material) -> Ruling:
    rule = tr("answers take no longer than before")
    rows = (material.comparison or {}).get("latencies", [])
    slower = [one for one in rows if one["shift"] and one["delta"] > 0]
    if not any(one["enough"] for one in rows):
        return _ruling(rule, Conclusion.CONDITIONAL, tr("too few answers to say it"))
    told = ", ".join(f"{one['interface']} {one['name']}" for one in slower) or tr("none is slower")
    return _ruling(rule, Conclusion.CONDITIONAL if slower else Conclusion.GO, told)


def _manual(material: Material) -> Ruling:
    rule = tr("what only a person can see was looked at, by name")
    rows = material.facts.manual
    if not rows:
        return _ruling(rule, Conclusion.CONDITIONAL, tr("nothing is stated"))
    refused = [one["what"] for one in rows if one["result"] not in {"", MANUAL_OK}]
    unnamed = [one["what"] for one in rows if not (one["by"] and one["on"] and one["result"])]
    if refused:
        return _ruling(rule, Conclusion.NO_GO, "; ".join(refused))
    says = Conclusion.CONDITIONAL if unnamed else Conclusion.GO
    told = tr("{count} checks", count=len(rows))
    return _ruling(rule, says, "; ".join([told, *unnamed]))
