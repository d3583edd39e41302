"""Seal, manifest and ``run.json`` must agree; what nobody in the folder can tell is told by a hash."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clock import VirtualClock
from harness.errors import InputError
from harness.evidence import trace
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.report import evidence_zip
from harness.report.model import Profile, Run, ScenarioRun
from harness.signoff.material import read
from harness.upgrade import report, trust
from harness.upgrade.approvals import Applied
from harness.upgrade.compare import Comparison
from harness.upgrade.observe import RunFolder

NAME = "traces/s1.jsonl"


def scenario(verdict: Verdict = Verdict.PASS) -> ScenarioRun:
    return ScenarioRun(
        id="s1", name="", feature="", file="", line=1, tags=(), requirement="R", interface="I",
        owner="", seed=1, verdict=verdict, seconds=0.0, reasons=(), findings=(), faults=(),
        trace=NAME,
    )  # fmt: skip


def written(folder: Path, verdict: str = "pass", text: str = "a") -> None:
    """A trace of one note, sealed; ``run.json`` and the evidence about it."""
    (folder / "traces").mkdir(parents=True, exist_ok=True)
    (folder / NAME).unlink(missing_ok=True)
    journal = Trace(VirtualClock(), folder / NAME)
    journal.add("open", format=1, scenario={"id": "s1"}, transport="memory")
    journal.add("note", role="LIS", text=text)
    journal.seal(verdict)
    packed(folder, Verdict(verdict))


def run(verdict: Verdict) -> Run:
    return Run(
        format=1, harness_version="0.1.0", started="2026-01-01T08:00:00", seconds=1.0, seed=1,
        label="", profile=Profile(name="p"), verdict=verdict, counts={}, systems=(),
        scenarios=(scenario(verdict),), requirements=(), interfaces=(),
    )  # fmt: skip


def packed(folder: Path, verdict: Verdict) -> None:
    (folder / "run.json").write_text(run(verdict).text(), "utf-8")
    evidence_zip.pack(folder)


def opened(folder: Path) -> None:
    one = RunFolder.open(folder)
    one.seen(one.run.scenarios[0])


def test_a_run_as_it_was_written_is_trusted(tmp_path: Path) -> None:
    written(tmp_path, "inconclusive")

    opened(tmp_path)


def test_a_verdict_that_was_edited_with_all_its_hashes_is_found_by_the_trace(
    tmp_path: Path,
) -> None:
    written(tmp_path, "fail")
    packed(tmp_path, Verdict.PASS)

    with pytest.raises(InputError, match="fail"):
        opened(tmp_path)


def test_a_run_that_passes_with_a_scenario_that_failed_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "fail")
    told = replace(run(Verdict.FAIL), verdict=Verdict.PASS)
    (tmp_path / "run.json").write_text(told.text(), "utf-8")
    evidence_zip.pack(tmp_path)

    with pytest.raises(InputError, match="fail"):
        opened(tmp_path)


def test_a_trace_that_was_sealed_anew_is_found_by_the_manifest(tmp_path: Path) -> None:
    written(tmp_path, text="a")
    evidence = (tmp_path / evidence_zip.NAME).read_bytes()
    written(tmp_path, text="b")
    (tmp_path / evidence_zip.NAME).write_bytes(evidence)

    assert trace.read(tmp_path / NAME).sealed
    with pytest.raises(InputError, match="SHA-256"):
        opened(tmp_path)


def test_the_hashes_of_withheld_traces_count_too(tmp_path: Path) -> None:
    written(tmp_path)
    evidence_zip.pack(tmp_path, withhold=True)

    assert NAME in trust.hashes(tmp_path)
    opened(tmp_path)


def compared(before: Path, after: Path, out: Path) -> None:
    found = Comparison(
        signatures={}, coverage=[], applied=Applied(approved={}, problems=[]), compared=1,
        observations=(1, 1), learned=0,
    )  # fmt: skip
    report.write(found, RunFolder.open(before), RunFolder.open(after), out)


def test_a_folder_that_was_written_anew_after_its_comparison_is_not_signed(tmp_path: Path) -> None:
    before, after, out = (tmp_path / name for name in ("before", "after", "out"))
    written(before)
    written(after, "inconclusive")
    compared(before, after, out)
    assert not read(after, before, out, [], None, None).mismatched

    written(after, "pass", text="b")
    opened(after)  # within itself it is whole
    assert len(read(after, before, out, [], None, None).mismatched) == 1


def test_the_hash_of_all_traces_changes_with_each_and_not_with_the_report(tmp_path: Path) -> None:
    written(tmp_path)
    one = run(Verdict.PASS)
    first = trust.of_traces(tmp_path, one)
    packed(tmp_path, Verdict.PASS)

    assert trust.of_traces(tmp_path, one) == first != ""
    written(tmp_path, text="b")
    assert trust.of_traces(tmp_path, one) != first
    assert trust.of_traces(tmp_path, replace(one, scenarios=())) == ""
    shown = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert shown["scenarios"][0]["trace"] == NAME
