"""Of every result sent: lost, duplicate, altered and misattributed are four different verdicts.

Each is shown by a defect of its own, through the sentence that says what the LIS must have.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow

FEATURES = ROOT / "scenarios" / "lab"


def classes(folder: Path, feature: str, tag: str, defect: str) -> tuple[int, set[str]]:
    """Exit code and the fault classes of what is wrong with the stored results."""
    out = folder / "out"
    words = ["run", str(FEATURES / feature), "--tags", f"@id-{tag}", "--profile", "memory"]
    code = main([*words, "--out", str(out), *(["--defect", defect] if defect else [])])
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    (one,) = told["scenarios"]
    findings = one["findings"]
    return code, {it["fault_class"] for it in findings if " sql results" in it["place"]}


CASES = [
    ("lost", "lis-barcode-as-number", "upload.feature", "lab-barcode-zeros"),
    ("duplicate", "lis-stores-repeats-of-results", "recall.feature", "lab-recall-known"),
    ("altered", "lis-drops-comparator", "upload.feature", "lab-upload-comparator"),
    ("misattributed", "lis-first-patient-for-all", "upload.feature", "lab-many-patients"),
]


@pytest.mark.parametrize(("verdict", "defect", "feature", "tag"), CASES)
def test_each_verdict_is_shown_by_a_defect_of_its_own(
    tmp_path: Path, verdict: str, defect: str, feature: str, tag: str
) -> None:
    assert classes(tmp_path, feature, tag, defect) == (1, {verdict})
    (tmp_path / "clean").mkdir()
    assert classes(tmp_path / "clean", feature, tag, "") == (0, set())
