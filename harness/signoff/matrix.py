"""Which version of which system has been verified with which others: from run folders alone.

A run says who took part in which version, and what was judged of each interface. A pair of versions
counts for an interface where at least one scenario passed and none failed; what was never judged
together stays empty, which is the answer that a hospital asks for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness import output_files
from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report import intact
from harness.report.model import Run, parse
from harness.report.words import verdict_name

JUDGED: Final = (Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.BLOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One interface between two versions.

    Attributes:
        interface: id.
        sender: role, product and version of one side.
        receiver: of the other side.
        verdict: of all scenarios of the newest run; a failure is never outweighed.
        scenarios: by verdict.
        run: label and beginning of that run.
    """

    interface: str
    sender: str
    receiver: str
    verdict: str
    scenarios: Mapping[str, int]
    run: str


def cells(runs: Iterable[Run]) -> list[Cell]:
    """The newest word on every pair of versions that met over an interface."""
    newest: dict[tuple[str, str, str], tuple[str, Cell]] = {}
    for run in runs:
        versions = {one.role: f"{one.role} {one.product} {one.version}".strip()
                    for one in run.systems}  # fmt: skip
        sides = {one.id: (one.frm, one.to) for one in run.interfaces}
        for interface, counts in _judged(run).items():
            sender, receiver = (versions.get(role, role) for role in sides.get(interface, ("", "")))
            cell = Cell(
                interface=interface, sender=sender, receiver=receiver, verdict=_verdict(counts),
                scenarios={str(verdict): count for verdict, count in counts.items()},
                run=f"{run.label} {run.started}".strip(),
            )  # fmt: skip
            key = (interface, sender, receiver)
            if key not in newest or newest[key][0] < run.started:
                newest[key] = (run.started, cell)
    return [cell for _, cell in (newest[key] for key in sorted(newest))]


def _whole(folder: Path) -> Run:
    run = parse(Run, folder / "run.json")
    edited = intact.damage(folder)
    if edited:
        message = tr("the run folder cannot be trusted: {damage}", damage=edited)
        raise InputError(message, where=str(folder))
    return run


def _judged(run: Run) -> dict[str, Counter[Verdict]]:
    found: dict[str, Counter[Verdict]] = {}
    for one in run.scenarios:
        if one.verdict in JUDGED:
            found.setdefault(one.interface, Counter())[one.verdict] += 1
    return found


def _verdict(counts: Mapping[Verdict, int]) -> str:
    if counts.get(Verdict.FAIL) or counts.get(Verdict.ERROR):
        return Verdict.FAIL.value
    if counts.get(Verdict.INCONCLUSIVE) or counts.get(Verdict.BLOCKED):
        return Verdict.INCONCLUSIVE.value
    return Verdict.PASS.value


def matrix(folders: Sequence[Path], out: Path, *, as_json: bool) -> int:
    """Print the matrix and write ``matrix.csv``; 0 all verified, 1 one failed, 3 one is open.

    Raises:
        InputError: a folder holds no finished run, or none was named (exit code 2).
    """
    if not folders:
        raise InputError(tr("name at least one run folder"))
    found = cells(_whole(folder) for folder in folders)
    head = (tr("interface"), tr("from"), tr("to"), tr("verdict"), tr("scenarios"), tr("run"))
    rows = [
        (one.interface, one.sender, one.receiver, verdict_name(one.verdict),
         str(sum(one.scenarios.values())), one.run)
        for one in found
    ]  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    output_files.write_table(out / "matrix.csv", [head, *rows])
    for row in rows:
        print("  ".join(row))
    print(tr("written: {path}", path=out / "matrix.csv"))
    verdicts = {one.verdict for one in found}
    code = 1 if Verdict.FAIL.value in verdicts else 0 if verdicts == {Verdict.PASS.value} else 3
    if as_json:
        cells_told = [asdict(one) for one in found]
        print(json.dumps({"cells": cells_told, "exit_code": code}, ensure_ascii=False))
    return code
