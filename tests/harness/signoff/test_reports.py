"""The other papers and the hospital's own form, from the same material."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import docx
import pytest

from harness import cli
from harness.clock import VirtualClock
from harness.errors import InputError
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.report import evidence_zip
from harness.report.model import (
    FindingEntry,
    Interface,
    Profile,
    Requirement,
    Run,
    ScenarioRun,
    System,
)
from harness.signoff import reports, template
from harness.signoff.material import Facts, Material
from harness.signoff.rules import Conclusion, rulings

WATCHED: dict[str, Any] = {
    "format": 1, "verdict": "pass", "seconds": 1000.0, "failed": [], "open": [],
    "lines": [{"interface": "LIS-ORU", "link": "lis-his", "messages": 40, "outage_s": 10.0,
               "median_ms": 2.0, "p95_ms": 5.0, "p99_ms": 9.0, "refused": 1, "lost": 0,
               "duplicated": 0, "late": 0, "reordered": 0, "open": 2}],
}  # fmt: skip
CHECK = {"name": "certificate", "place": "endpoints.lis-his", "status": "warn",
         "detail": "ends in 12 days", "remedy": "renew"}  # fmt: skip


def scenario(ident: str, verdict: Verdict, **more: Any) -> ScenarioRun:
    facts: dict[str, Any] = {
        "id": ident, "name": "名", "feature": "", "file": "", "line": 1, "tags": (),
        "requirement": "REQ-1", "interface": "LIS-ORU", "owner": "接口组", "seed": 1,
        "verdict": verdict, "seconds": 1.0, "reasons": (), "findings": (), "faults": (),
        "trace": "traces/s1.jsonl",
    }  # fmt: skip
    return ScenarioRun(**(facts | more))


FINDING = FindingEntry(interface="LIS-ORU", place="LIS-ORU hl7 OBX-6", expected="mmol/L",
                       actual="", message="")  # fmt: skip


def run(*scenarios: ScenarioRun) -> Run:
    return Run(
        format=1, harness_version="0.1.0", started="2026-11-21T08:00:00", seconds=1.0, seed=1,
        label="after", profile=Profile(name="示例医院"), verdict=Verdict.PASS, counts={},
        systems=(System(role="LIS", mode="simulated", product="P", version="5.3"),),
        scenarios=scenarios or (scenario("s1", Verdict.PASS),),
        requirements=(Requirement(id="REQ-1"),),
        interfaces=(Interface(id="LIS-ORU", frm="LIS", to="HIS", protocol="hl7"),
                    Interface(id="HIS-YB", frm="HIS", to="centre", protocol="http")),
    )  # fmt: skip


def texts(made: Any) -> str:
    """Everything that a paper says."""
    parts = [made.title, made.banner]
    for section in made.sections:
        parts += [section.title, *section.notes]
        parts += [cell for table in section.tables for row in (table.head, *table.rows)
                  for cell in row]  # fmt: skip
    return "\n".join(parts)


def test_a_joint_report_has_each_interface_with_its_defects_and_two_signatures() -> None:
    made = reports.joint(Material(run=run(
        scenario("s1", Verdict.FAIL, findings=(FINDING,)),
        scenario("s2", Verdict.BLOCKED, reasons=("HIS 未接入",)),
    )))  # fmt: skip

    assert made.mark is Conclusion.NO_GO
    said = texts(made)
    assert "LIS-ORU hl7 OBX-6" in said
    assert "HIS 未接入" in said
    assert "HIS-YB" not in said  # was not tested
    section = made.sections[1]
    assert [row[0] for row in section.tables[-1].rows] == ["LIS", "HIS"]


def test_a_plan_names_scope_criteria_and_what_nobody_stated() -> None:
    said = texts(reports.plan(Material(run=run(), facts=Facts(plan={
        "entry": "测试库就绪", "exit": "", "timetable": "", "rollback_trigger": "收费停 10 分钟"}))))  # fmt: skip

    assert "测试库就绪" in said
    assert "收费停 10 分钟" in said
    assert "HIS-YB" in said  # out of scope, by name
    assert reports.BLANK in said


def test_a_roll_back_without_a_rehearsal_is_no_go_ahead() -> None:
    plain = reports.rollback(Material(run=run()))
    failed = reports.rollback(Material(run=run(scenario("s1", Verdict.FAIL))))
    stated = Facts(rollback=[{"condition": "收费中断", "limit": "10 min", "measured": "7 min",
                              "left": "3 单", "by": "王", "on": "2026-11-20"}])  # fmt: skip

    assert plain.mark is Conclusion.CONDITIONAL
    assert failed.mark is Conclusion.NO_GO
    assert "7 min" in texts(reports.rollback(Material(run=run(), facts=stated)))


def test_an_inspection_says_availability_and_certificates_and_what_it_lacks() -> None:
    bare = reports.inspection(Material(run=run()))
    whole = reports.inspection(Material(run=run(), watched=WATCHED, doctor={"checks": [CHECK]}))

    assert bare.mark is Conclusion.CONDITIONAL
    said = texts(whole)
    for part in ("99.00 %", "10.0", "2 / 5 / 9", "ends in 12 days", "renew"):
        assert part in said
    good = {"checks": [CHECK | {"status": "ok"}]}
    assert reports.inspection(
        Material(run=run(), watched=WATCHED, doctor=good)
    ).mark is Conclusion.GO  # fmt: skip
    bad = WATCHED | {"verdict": "fail"}
    assert reports.inspection(Material(run=run(), watched=bad)).mark is Conclusion.NO_GO


def form(path: Path, *lines: str) -> Path:
    page = docx.Document()
    for line in lines:
        page.add_paragraph(line)
    cell = page.add_table(rows=1, cols=1).rows[0].cells[0]
    runs = cell.paragraphs[0]
    for part in ("系统 {", "{版本后", ".LIS}", "} 版"):  # as Word cuts what was typed
        runs.add_run(part)
    page.sections[0].header.paragraphs[0].text = "{{hospital}}"
    page.save(str(path))
    return path


def test_the_form_of_the_hospital_is_filled_and_what_is_missing_is_listed(tmp_path: Path) -> None:
    path = form(tmp_path / "form.docx", "医院：{{医院}}，结论：{{ conclusion }}", "{{院长意见}}",
                "{{表：问题}}", "{{table:nothing}}", "没有占位符")  # fmt: skip
    singles = {"hospital": "示例医院", "conclusion": "通过", "version.LIS": "5.3"}

    missing = template.fill(
        path, tmp_path / "out.docx", singles, {"issues": [("a", "b"), ("1", "2")]}
    )

    page = docx.Document(str(tmp_path / "out.docx"))
    said = [one.text for one in page.paragraphs]
    assert "医院：示例医院，结论：通过" in said
    assert "{{院长意见}}" in said
    assert "没有占位符" in said
    assert missing == ["院长意见", "table:nothing"]
    assert page.sections[0].header.paragraphs[0].text == "示例医院"
    cells = [[cell.text for cell in row.cells] for table in page.tables for row in table.rows]
    assert ["系统 5.3 版"] in cells
    assert ["1", "2"] in cells


@pytest.mark.parametrize("content", [b"no zip", b""])
def test_what_is_no_form_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.docx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="DOCX"):
        template.fill(path, tmp_path / "o.docx", {}, {})


def test_a_form_without_placeholders_is_refused(tmp_path: Path) -> None:
    docx.Document().save(str(tmp_path / "x.docx"))
    with pytest.raises(InputError, match="hospital"):
        template.fill(tmp_path / "x.docx", tmp_path / "o.docx", {}, {})


def test_the_command_writes_every_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "run"
    trace = Trace(VirtualClock(), place / "traces" / "s1.jsonl", keep=False)
    trace.add("open", format=1, systems=[], transport="memory", seed=1)
    trace.add("message", interface="LIS-ORU", link="l", frm="LIS", type="ORU^R01", raw="")
    trace.seal("pass")
    (place / "run.json").write_text(run().text(), "utf-8")
    evidence_zip.pack(place)
    (tmp_path / "watch.json").write_text(json.dumps(WATCHED), "utf-8")
    (tmp_path / "doctor.txt").write_text("✔ ok\n" + json.dumps({"checks": [CHECK]}), "utf-8")
    out = tmp_path / "out"

    code = cli.main(["sign", str(place), "--watched", str(tmp_path / "watch.json"), "--doctor",
                     str(tmp_path / "doctor.txt"), "--template",
                     str(form(tmp_path / "f.docx", "{{run}} {{x}}")), "--out", str(out), "--json",
                     "--lang", "en"])  # fmt: skip

    assert code == 3
    for name in ("signoff", "plan", "joint", "rollback", "inspection"):
        assert "size: A4" in (out / f"{name}.html").read_text("utf-8")
        assert docx.Document(str(out / f"{name}.docx")).paragraphs
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["template_missing"] == ["x"]
    names = [one["name"] for one in json.loads((out / "manifest.json").read_text("utf-8"))["files"]]
    assert any(one.endswith("watch.json") for one in names)
    assert "doctor.txt" in names
    assert "ORU^R01" in (out / "interfaces.csv").read_text("utf-8-sig")


def test_a_verdict_edited_in_the_run_folder_is_no_go(tmp_path: Path) -> None:
    from harness.signoff.material import read

    (tmp_path / "traces").mkdir()
    (tmp_path / "run.json").write_text(run(scenario("s1", Verdict.PASS, trace="")).text(), "utf-8")
    evidence_zip.pack(tmp_path)
    assert read(tmp_path, None, None, [], None, None).damaged == []
    text = (tmp_path / "run.json").read_text("utf-8")
    (tmp_path / "run.json").write_text(text.replace("after", "AFTER"), "utf-8")

    assert read(tmp_path, None, None, [], None, None).damaged


@pytest.mark.parametrize(
    ("verdict", "says"),
    [("pass", Conclusion.GO), ("fail", Conclusion.NO_GO), ("inconclusive", Conclusion.CONDITIONAL)],
)
def test_a_watched_window_has_a_rule_of_its_own(verdict: str, says: Conclusion) -> None:
    found = rulings(Material(run=run(), watched=WATCHED | {"verdict": verdict, "failed": ["x"]}))

    assert found[-1].says is says
    assert len(found) == len(rulings(Material(run=run()))) + 1


def test_a_recorded_day_holds_the_conclusion_back() -> None:
    compared = {"format": 2, "verdict": "pass", "groups": [], "signatures": [], "approval_problems": [],
                "coverage": [], "basis": "recorded day", "latencies": []}  # fmt: skip
    rule = next(one for one in rulings(Material(run=run(), comparison=compared))
                if "录制" in one.because or "recorded" in one.because)  # fmt: skip

    assert rule.says is Conclusion.CONDITIONAL
