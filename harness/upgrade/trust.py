"""Whether a trace is the one that its run wrote, and whether ``run.json`` says what it says.

Three things must agree: the seal inside a trace, which holds its hash and its verdict; the manifest
of ``evidence.zip``, which holds the hash of every file; and ``run.json``. Whoever edits one or two
of them is found. Whoever writes all three anew holds everything that is in the folder, and nothing
in it can tell: that takes a hash that was written down elsewhere in time. ``compare.json`` keeps
one of all traces of either side, and ``sign`` holds it against the run that is signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from harness.evidence.conclude import conclude
from harness.evidence.trace import SealedTrace
from harness.evidence.verdict import Verdict, worst
from harness.i18n import tr
from harness.report import intact
from harness.report.model import Run, ScenarioRun


def hashes(folder: Path) -> Mapping[str, str]:
    """SHA-256 by name, as the manifest of the evidence says; empty where there is none."""
    manifest = intact.manifest(folder) or {}
    return {
        str(one.get("path")): str(one.get("sha256"))
        for key in ("files", "withheld")
        for one in manifest.get(key, ())
    }


def contradiction(run: Run) -> str:
    """Where ``run.json`` contradicts itself; empty where it does not."""
    derived = worst([one.verdict for one in run.scenarios]) if run.scenarios else run.verdict
    if derived == run.verdict:
        return ""
    return tr("run.json says {told}, and its scenarios say {derived}",
              told=run.verdict.value, derived=derived.value)  # fmt: skip


def damage(
    folder: Path, scenario: ScenarioRun, sealed: SealedTrace, known: Mapping[str, str]
) -> str:
    """Why a scenario's trace cannot be trusted; empty where it can.

    Args:
        folder: of the run.
        scenario: as ``run.json`` has it.
        sealed: its trace.
        known: hashes of the manifest; empty where there is none.
    """
    if not sealed.sealed:
        return sealed.damage
    if known and known.get(scenario.trace) != digest(folder / scenario.trace):
        return tr("{name} was edited after the run: its SHA-256 differs", name=scenario.trace)
    if scenario.verdict != sealed.verdict:
        # Where a trace was judged again otherwise than it was sealed, the worse one stands.
        derived = worst([conclude(sealed.records).verdict, Verdict(sealed.verdict)])
        if derived != scenario.verdict:
            return tr("run.json says {told}, and the trace says {sealed}",
                      told=scenario.verdict.value, sealed=derived.value)  # fmt: skip
    return ""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_traces(folder: Path, run: Run) -> str:
    """One SHA-256 over those of all traces, in the order of their names; empty without traces."""
    names = sorted({one.trace for one in run.scenarios if one.trace})
    lines = [f"{digest(folder / name)}  {name}\n" for name in names if (folder / name).is_file()]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest() if lines else ""
