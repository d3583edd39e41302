"""A recorded ordinary working day as ``before``: its dialect, its counts, its contract.

Where nobody could run scenarios before an upgrade, the traffic of a day may stand for it. It tells
which fields a system fills, with which codes, in which character set and version, how often it says
what, and, with a snapshot beside it, its contract. HL7 is read from any file; ASTM, DICOM and HTTP
from traces and captures, which say who sent what (``shapes``). It tells nothing about single
values, because nobody knows what went in. So the conclusion says that it rests on a recorded day.

``after`` is a run folder (its traces are read as traffic) or another recorded day; counts are
compared between days only, since scenarios say nothing of how often. A day that is a folder may
hold ``contract.json``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from harness import __version__
from harness.contract import compare as contracts
from harness.contract import dialect
from harness.contract.model import FILE as CONTRACT
from harness.contract.model import Snapshot
from harness.dialect import sources
from harness.dialect.stats import Learner
from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.rehearsal import shapes, traffic
from harness.rehearsal.traffic import Heard
from harness.report.model import Run
from harness.upgrade import approvals as approving
from harness.upgrade.approvals import Approval
from harness.upgrade.compare import Comparison
from harness.upgrade.differences import Difference, signatures
from harness.upgrade.observe import RunFolder
from harness.upgrade.roots import Chain, chain
from harness.wire.hl7 import header

LENGTH: Final = frozenset({"segments"})
"""Items of a dialect that depend on what happened to be sent."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What recorded traffic says.

    Attributes:
        items: of the dialect of HL7.
        codes: how often each value of it was seen, by item.
        shapes: of what went over other protocols, by interface, sender and type.
        heard: who spoke, and what could not be read.
        counts: messages by sender and type.
        contract: the snapshot beside it; None where there is none.
        recorded: a day, not a run of scenarios.
        folder: as a run, for reports.
    """

    items: Mapping[str, str]
    codes: Mapping[str, Counter[str]]
    shapes: shapes.Shapes
    heard: Heard
    counts: Counts
    contract: Snapshot | None
    recorded: bool
    folder: RunFolder


def read(path: Path) -> Traffic:
    """A recorded day, or the traces of a run.

    Raises:
        InputError: there is no message, or the run folder cannot be trusted.
    """
    if not path.exists():
        raise InputError(tr("there is no such file: {path}", path=path.name), where=str(path))
    is_run = (path / "run.json").is_file() or (path / "plan.json").is_file()
    folder = RunFolder.open(path) if is_run else RunFolder(path=path, run=_as_run(path))
    source = path / "traces" if is_run else path
    counts: dict[str, int] = {}
    for payload in sources.messages([source]):
        head = header(payload)
        if head.type:
            name = f"{head.sending_app} {head.type}"
            counts[name] = counts.get(name, 0) + 1
    has_hl7, heard = bool(counts), Heard()
    learned = shapes.learn(traffic.observations(source, heard), heard)
    for (_, sender, name), shape in learned.items():
        counts[f"{sender} {name}"] = shape.messages
    if not counts:
        raise InputError(tr("there is no message in it"), where=str(path))
    learner = dialect.learned(source) if has_hl7 else Learner()
    snapshot = path / CONTRACT
    return Traffic(
        items=dialect.items_of(learner), codes=dialect.codes_of(learner), shapes=learned,
        heard=heard, counts=counts,
        recorded=not is_run, folder=folder,
        contract=Snapshot.read(snapshot) if snapshot.is_file() else None,
    )  # fmt: skip


def _as_run(path: Path) -> Run:
    from harness.report.model import FORMAT, Profile  # noqa: PLC0415 - only a day needs them

    return Run(
        format=FORMAT, harness_version=__version__, started="", seconds=0.0, seed=0,
        label=tr("recorded day {name}", name=path.name), profile=Profile(), systems=(),
        verdict=Verdict.INCONCLUSIVE, counts={}, scenarios=(),
    )  # fmt: skip


def compare(
    before: Traffic, after: Traffic, approvals: Sequence[Approval], today: date
) -> Comparison:
    """What of a day is otherwise after; coverage says what only one side has."""
    coverage: list[str] = []
    found = [*_dialects(before, after, coverage), *_shapes(before, after, coverage),
             *_counts(before, after, coverage),
             *_contracts(before, after, coverage)]  # fmt: skip
    told = signatures(iter(found))
    first = {key: each.first for key, each in told.items()}
    shared = len(_heads(before.items) & _heads(after.items))
    shared += len(before.shapes.keys() & after.shapes.keys())
    return Comparison(
        signatures=told, coverage=coverage, applied=approving.apply(approvals, first, today),
        compared=shared, learned=0, chains=_chains(found),
        observations=(sum(before.counts.values()), sum(after.counts.values())),
    )  # fmt: skip


def _chains(found: Sequence[Difference]) -> list[Chain]:
    """A recorded day has no order: what a sender says otherwise in one type is one group."""
    by_head: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        by_head.setdefault((one.interface, one.name), []).append(one)
    return [chain(each) for each in by_head.values()]


def _heads(items: Mapping[str, str]) -> set[str]:
    """Senders and types."""
    return {item.partition(" ")[2] for item in items if item.startswith("segments ")}


def _dialects(before: Traffic, after: Traffic, coverage: list[str]) -> Iterator[Difference]:
    ours, theirs = _heads(before.items), _heads(after.items)
    coverage += [f"{head}: {tr('only before')}" for head in sorted(ours - theirs)]
    coverage += [f"{head}: {tr('only after')}" for head in sorted(theirs - ours)]
    both = ours & theirs
    for item in dict.fromkeys([*before.items, *after.items]):
        kind, _, rest = item.partition(" ")
        head = next((one for one in both if rest == one or rest.startswith(f"{one} ")), "")
        if not head or kind in LENGTH:
            continue
        old, new = before.items.get(item, ""), after.items.get(item, "")
        cls = _class(kind, old, new)
        if kind == "codes" and not _unseen(before, after, item):
            continue
        if cls:
            path = rest.removeprefix(head).strip()
            yield _difference(cls, head, f"{path} @{kind}".strip(), old, new)


def _shapes(before: Traffic, after: Traffic, coverage: list[str]) -> Iterator[Difference]:
    """What other protocols say otherwise; test data of a run are no side of it."""
    played = before.heard.played | after.heard.played
    ours, theirs = (
        {head: shape for head, shape in side.shapes.items() if head[1] not in played}
        for side in (before, after)
    )
    coverage += [f"{' '.join(head)}: {tr('only before')}" for head in sorted(ours.keys() - theirs)]
    coverage += [f"{' '.join(head)}: {tr('only after')}" for head in sorted(theirs.keys() - ours)]
    for side in (before, after):
        if side.heard.left_out:
            coverage.append(tr("{count} associations are too long to be read",
                               count=side.heard.left_out))  # fmt: skip
        if side.heard.unreadable:
            coverage.append(tr("{count} messages cannot be read", count=side.heard.unreadable))
    yield from shapes.compare(ours, theirs, days=before.recorded and after.recorded)


def protocols(one: Traffic) -> list[str]:
    """What a side was learned from, in words of reports."""
    spoken = {"HL7"} if one.items else set()
    names = {"astm": "ASTM", "dicom": "DICOM", "http": "HTTP"}
    spoken |= {names.get(each, each) for each in one.heard.protocols}
    return sorted(spoken)


def _unseen(before: Traffic, after: Traffic, item: str) -> bool:
    """Whether a code came up that would have been seen before, were it as frequent there."""
    none: Counter[str] = Counter()
    return bool(shapes.unseen(after.codes.get(item, none), before.codes.get(item, none)))


def _class(kind: str, old: str, new: str) -> str:
    """The class of a difference; empty where a smaller sample explains it."""
    if old == new:
        return ""
    if kind == "codes":
        # Fewer codes, or too many different values for a set, is what another day looks like.
        return "value" if old and new and not set(new.split()) <= set(old.split()) else ""
    if kind == "field":
        if not new:
            return "missing" if old.startswith("always") else ""
        if not old:
            return "added"
        return "missing" if old.startswith("always") and new.startswith("sometimes") else ""
    return "value" if old and new else ""


def _counts(before: Traffic, after: Traffic, coverage: list[str]) -> Iterator[Difference]:
    """Between two days: beyond three standard deviations of a difference of Poisson counts."""
    if not (before.recorded and after.recorded):
        coverage.append(tr("counts: scenarios say nothing of how often"))
        return
    for name in sorted(before.counts.keys() & after.counts.keys()):
        old, new = before.counts[name], after.counts[name]
        if abs(new - old) > 3 * math.sqrt(old + new):
            yield _difference("count", name, "", str(old), str(new))


def _contracts(before: Traffic, after: Traffic, coverage: list[str]) -> Iterator[Difference]:
    if before.contract is None or after.contract is None:
        coverage.append(tr("contract: not in both snapshots"))
        return
    found = contracts.compare(before.contract, after.contract)
    coverage += found.coverage
    classes = {"removed": "missing", "added": "added", "changed": "value", "rows": "count"}
    for one in found.changes:
        yield _difference(classes[one.cls], one.part, one.item, one.old, one.new)


def _difference(cls: str, name: str, path: str, old: str, new: str) -> Difference:
    return Difference(
        cls=cls, interface="recorded", name=name, path=path, place=path, old=old, new=new,
        scenario="", position=0,
    )  # fmt: skip
