"""A recorded ordinary working day as ``before``: its dialect, its counts, its contract.

Where nobody could run scenarios before an upgrade, the traffic of a day may stand for it. It tells
which fields a system fills, with which codes, in which character set and version, how often it says
what, and, with a snapshot beside it, its contract. It tells nothing about single values, because
nobody knows what went in. So the conclusion says that it rests on a recorded day.

``after`` is a run folder (its traces are read as traffic) or another recorded day; counts are
compared between days only, since scenarios say nothing of how often. A day that is a folder may
hold ``contract.json``.
"""

from __future__ import annotations

import math
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
from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report.model import Run
from harness.upgrade import approvals as approving
from harness.upgrade.approvals import Approval
from harness.upgrade.compare import Comparison
from harness.upgrade.differences import Difference, grouped
from harness.upgrade.observe import RunFolder
from harness.wire.hl7 import header

LENGTH: Final = frozenset({"segments"})
"""Items of a dialect that depend on what happened to be sent."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What recorded traffic says.

    Attributes:
        items: of the dialect.
        counts: messages by sender and type.
        contract: the snapshot beside it; None where there is none.
        recorded: a day, not a run of scenarios.
        folder: as a run, for reports.
    """

    items: Mapping[str, str]
    counts: Counts
    contract: Snapshot | None
    recorded: bool
    folder: RunFolder


def read(path: Path) -> Traffic:
    """A recorded day, or the traces of a run.

    Raises:
        InputError: there is no HL7 message, or the run folder cannot be trusted.
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
    snapshot = path / CONTRACT
    return Traffic(
        items=dialect.items(source), counts=counts, recorded=not is_run, folder=folder,
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
    found = [*_dialects(before, after, coverage), *_counts(before, after, coverage),
             *_contracts(before, after, coverage)]  # fmt: skip
    groups = grouped(iter(found))
    first = {key: group.first for key, group in groups.items()}
    shared = _heads(before.items) & _heads(after.items)
    return Comparison(
        groups=groups, coverage=coverage, applied=approving.apply(approvals, first, today),
        compared=len(shared), learned=0, chains=(),
        observations=(sum(before.counts.values()), sum(after.counts.values())),
    )  # fmt: skip


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
        if cls:
            path = rest.removeprefix(head).strip()
            yield _difference(cls, head, f"{path} @{kind}".strip(), old, new)


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
