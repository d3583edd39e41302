"""The conclusion follows from the rules; the paper says the same in HTML and DOCX."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pytest
from python_calamine import CalamineWorkbook

from harness import cli
from harness.clock import VirtualClock
from harness.errors import InputError
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.report import evidence_zip
from harness.report.model import (
    FaultEntry,
    FindingEntry,
    Interface,
    Profile,
    Requirement,
    Run,
    ScenarioRun,
    System,
)
from harness.signoff.material import Facts, Material, read
from harness.signoff.matrix import cells
from harness.signoff.rules import Conclusion, conclude, rulings

DIFFERS = {"group": 1, "severity": 3, "class": "value", "interface": "LIS-ORU", "name": "ORU^R01", "path": "OBX-6", "count": 3,
         "signature": "abc", "approved": ""}  # fmt: skip
LATENCY = {"interface": "LIS-ORU", "answers": "HIS", "name": "ORU^R01", "median_ms": [2.0, 2.1],
           "samples": [40, 40], "p": 0.4, "delta": 0.1, "enough": True, "shift": False}  # fmt: skip
LOOKED = {"what": "image on the ward", "result": "ok", "by": "Wang", "on": "2026-11-20"}
TOTALS = {
    "format": 1, "verdict": "balanced", "residual": "0.00", "problems": [],
    "waterfall": [{"step": "his_total", "amount": "10.00"},
                  {"step": "centre_total", "amount": "10.00"}],
    "buckets": [{"side": "his", "class": "matched", "difference": False, "rows": 2,
                 "medfee_sumamt": "10.00"}],
}  # fmt: skip
CONTRACT: dict[str, Any] = {"format": 1, "verdict": "pass", "changes": [], "coverage": []}
NOT_WHOLE = {"format": 1, "verdict": "INCOMPLETE", "problems": ["both ledgers are empty"]}


def scenario(
    verdict: Verdict = Verdict.PASS, interface: str = "LIS-ORU", **more: Any
) -> ScenarioRun:
    facts: dict[str, Any] = {
        "id": "s1", "name": "名", "feature": "", "file": "", "line": 1, "tags": (),
        "requirement": "REQ-1", "interface": interface, "owner": "接口组", "seed": 1,
        "verdict": verdict, "seconds": 1.0, "reasons": (), "findings": (), "faults": (),
        "trace": "",
    }  # fmt: skip
    return ScenarioRun(**(facts | more))


def run(*scenarios: ScenarioRun, version: str = "2", started: str = "2026-11-21T08:00:00") -> Run:
    return Run(
        format=1, harness_version="0.1.0", started=started, seconds=1.0, seed=1, label="after",
        profile=Profile(name="示例医院"), verdict=Verdict.PASS, counts={},
        systems=(System(role="LIS", mode="simulated", product="P", version=version),
                 System(role="HIS", mode="simulated", product="Q", version="7")),
        scenarios=scenarios or (scenario(),), requirements=(Requirement(id="REQ-1", name="单位"),),
        interfaces=(Interface(id="LIS-ORU", frm="LIS", to="HIS", protocol="hl7"),),
    )  # fmt: skip


def comparison(**more: Any) -> dict[str, Any]:
    return {"format": 2, "verdict": "pass", "groups": [], "signatures": [], "approval_problems": [], "coverage": [],
            "compared": {"scenarios": 1, "volatile_places": 0}, "latencies": [LATENCY]} | more  # fmt: skip


def whole(**more: Any) -> Material:
    """Material of which every rule says go."""
    return replace(
        Material(
            run=run(), comparison=comparison(), contract=CONTRACT,
            facts=Facts(manual=[LOOKED]),
        ),
        **more,
    )  # fmt: skip


def test_go_needs_everything() -> None:
    assert conclude(rulings(whole())) is Conclusion.GO
    assert conclude([]) is Conclusion.NO_GO, "nothing was shown"


@pytest.mark.parametrize(
    "more",
    [
        {"run": run(scenario(Verdict.FAIL))},
        {"run": run(scenario(Verdict.ERROR))},
        {"run": run(scenario(Verdict.NOT_APPLICABLE))},
        {"comparison": comparison(verdict="fail", signatures=[DIFFERS])},
        {"comparison": comparison(verdict="fail", approval_problems=["expired"])},
        {"reconciliations": {"r": TOTALS | {"residual": "0.01"}}},
        {"reconciliations": {"r": TOTALS | {"buckets": [TOTALS["buckets"][0] | {"difference": True}]}}},
        {"reconciliations": {"r": TOTALS | {"verdict": "differs"}}},  # trace codes, say
        {"reconciliations": {"r": NOT_WHOLE}},
        {"damaged": ["after/traces/s1.jsonl: cut off"]},
        {"mismatched": ["another run"]},
        {"facts": Facts(manual=[LOOKED | {"result": "black"}])},
    ],
)  # fmt: skip
def test_no_go(more: dict[str, Any]) -> None:
    assert conclude(rulings(whole(**more))) is Conclusion.NO_GO


@pytest.mark.parametrize(
    "more",
    [
        {"run": run(scenario(), scenario(Verdict.INCONCLUSIVE, id="s2"))},
        {"run": run(scenario(), scenario(Verdict.BLOCKED, id="s2"))},
        {"run": replace(run(), requirements=(Requirement(id="REQ-9"),))},
        {"run": run(scenario(interface="HIS-YB"))},
        {"run": run(scenario(faults=(FaultEntry(id="drop", planned=1, fired=1, healed=0),)))},
        {"comparison": None},
        {"comparison": comparison(verdict="inconclusive", coverage=["s9: only before"])},
        {"comparison": comparison(signatures=[DIFFERS | {"approved": "T-1"}])},
        {"comparison": comparison(latencies=[LATENCY | {"shift": True, "delta": 0.6}])},
        {"comparison": comparison(latencies=[])},
        {"contract": None},
        {"contract": CONTRACT | {"verdict": "fail", "changes": [{"cls": "removed"}]}},
        {
            "contract": CONTRACT
            | {"verdict": "inconclusive", "coverage": ["dicom pacs: not reached"]}
        },
        {"contract": CONTRACT | {"verdict": "inconclusive"}},  # nothing was looked at
        {"reconciliations": {"r": TOTALS | {"buckets": []}}},
        {"facts": Facts()},
        {"facts": Facts(manual=[LOOKED | {"by": ""}])},
    ],
)
def test_conditional(more: dict[str, Any]) -> None:
    assert conclude(rulings(whole(**more))) is Conclusion.CONDITIONAL


FACTS = """
[site]
hospital = "示例市第一医院"
window = "2026-11-20 22:00-24:00"
rollback = "LIS 十分钟内不能收结果即回退；演练用时 7 分钟"
[[operator]]
name = "王工"
task = "升级"
[[manual]]
what = "医生站看到图像"
result = "ok"
by = "李医生"
on = "2026-11-20"
[[untested]]
requirement = "REQ-2"
reason = "没有设备"
owner = "检验科"
[reservation]
text = "夜间再观察一周"
by = "信息科"
"""


def folder(place: Path, made: Run) -> Path:
    """A run folder with a sealed trace."""
    trace = Trace(VirtualClock(), place / "traces" / "s1.jsonl", keep=False)
    trace.add("open", format=1, systems=[], transport="memory", seed=1)
    trace.seal("pass")
    scenarios = tuple(replace(one, trace="traces/s1.jsonl") for one in made.scenarios)
    (place / "run.json").write_text(replace(made, scenarios=scenarios).text(), "utf-8")
    evidence_zip.pack(place)
    return place


def signed(tmp_path: Path, *words: str) -> tuple[int, Path]:
    made = run(scenario(Verdict.FAIL, findings=(
        FindingEntry(interface="LIS-ORU", place="LIS-ORU hl7 OBX-6", expected="mmol/L",
                     actual="=1+1", message=""),)))  # fmt: skip
    after = folder(tmp_path / "after", made)
    (tmp_path / "facts.toml").write_text(FACTS, "utf-8")
    out = tmp_path / "out"
    code = cli.main(["sign", str(after), "--facts", str(tmp_path / "facts.toml"), "--out", str(out),
                     "--lang", "zh-CN", *words])  # fmt: skip
    return code, out


def test_the_report_says_the_same_on_both_papers(tmp_path: Path) -> None:
    code, out = signed(tmp_path)

    page = (out / "signoff.html").read_text("utf-8")
    paper = docx.Document(str(out / "signoff.docx"))
    cell_texts = [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    text = "\n".join([*(one.text for one in paper.paragraphs), *cell_texts])
    assert code == 1
    for word in ("示例市第一医院", "2026-11-20 22:00-24:00", "王工", "李医生", "夜间再观察一周",
                 "演练用时 7 分钟"):  # fmt: skip
        assert word in page
        assert word in text
    assert "<script" not in page
    assert "http" not in re.sub(r"http://www\.w3\.org\S*", "", page)
    assert "size: A4" in page
    assert abs(paper.sections[0].page_width.mm - 210) < 0.1
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["conclusion"] == "no-go"
    assert [one["name"] for one in manifest["files"]] == [
        "after/run.json", "after/traces/s1.jsonl", "facts.toml",
    ]  # fmt: skip
    for one in manifest["files"]:
        assert one["sha256"] in page
        assert one["sha256"] in text


def test_tables_beside_it_open_in_a_spreadsheet_and_start_no_formula(tmp_path: Path) -> None:
    _, out = signed(tmp_path)

    with (out / "issues.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1][1:4] == ["3", "s1", "LIS-ORU hl7 OBX-6"]
    book = CalamineWorkbook.from_path(str(out / "tables.xlsx"))
    assert book.sheet_names == ["interfaces", "cases", "issues"]
    assert len(book.get_sheet_by_name("cases").to_python()) == 2


def test_a_trace_that_was_edited_is_no_go(tmp_path: Path) -> None:
    place = folder(tmp_path, run())
    path = place / "traces" / "s1.jsonl"
    path.write_bytes(path.read_bytes().replace(b"memory", b"tcp   "))

    material = read(place, None, None, [], None, None)
    assert len(material.damaged) == 1
    assert conclude(rulings(material)) is Conclusion.NO_GO


def test_a_comparison_of_other_runs_does_not_count(tmp_path: Path) -> None:
    place = folder(tmp_path, run())
    data = comparison(after={"started": "2026-01-01T00:00:00"}, before={"started": "x"})
    (tmp_path / "compare.json").write_text(json.dumps(data), "utf-8")

    assert read(place, None, tmp_path / "compare.json", [], None, None).mismatched


def test_two_reconciliations_in_folders_of_the_same_name_both_count(tmp_path: Path) -> None:
    place = folder(tmp_path, run())
    both = [tmp_path / day / "reconcile-out" for day in ("monday", "tuesday")]
    for one, verdict in zip(both, ("differs", "balanced"), strict=True):
        one.mkdir(parents=True)
        (one / "totals.json").write_text(json.dumps(TOTALS | {"verdict": verdict}), "utf-8")

    material = read(place, None, None, both, None, None)
    assert len(material.reconciliations) == 2
    assert conclude(rulings(material)) is Conclusion.NO_GO


@pytest.mark.parametrize("text", ["[conclusion]\nsays = 'go'", "[site]\nx = 1", "x", "[[manual]]\nz=1"])  # fmt: skip
def test_nobody_can_state_a_conclusion_or_an_unknown_fact(tmp_path: Path, text: str) -> None:
    place = folder(tmp_path, run())
    (tmp_path / "facts.toml").write_text(text, "utf-8")

    with pytest.raises(InputError):
        read(place, None, None, [], None, tmp_path / "facts.toml")


def test_the_matrix_has_the_newest_word_on_each_pair_of_versions() -> None:
    old = run(scenario(Verdict.FAIL), started="2026-11-01T08:00:00")
    found = cells([run(), old, run(scenario(Verdict.INCONCLUSIVE), version="3")])

    assert [(one.sender, one.receiver, one.verdict) for one in found] == [
        ("LIS P 2", "HIS Q 7", "pass"), ("LIS P 3", "HIS Q 7", "inconclusive"),
    ]  # fmt: skip


def test_the_matrix_command(tmp_path: Path) -> None:
    good = folder(tmp_path / "a", run())

    assert cli.main(["matrix", str(good), "--out", str(tmp_path / "m")]) == 0
    assert "LIS P 2" in (tmp_path / "m" / "matrix.csv").read_text("utf-8-sig")
    assert cli.main(["matrix", str(tmp_path), "--out", str(tmp_path / "m")]) == 2
