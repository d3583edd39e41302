"""What a run says on the terminal."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import i18n
from harness.evidence.verdict import Verdict
from harness.report.model import FindingEntry, Run, ScenarioRun
from harness.report.model import Profile as RunProfile
from harness.scenario.plugin import OUTCOME
from harness.scenario.progress import FINDINGS_SHOWN_MAX, MARKS, Progress, verdict_table


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")


@pytest.fixture
def out():
    return io.StringIO()


def report(verdict="pass", *, when="call", failed=False, lines=(), name="名称"):
    facts = {"id": "x", "name": name, "verdict": verdict, "lines": list(lines)}
    properties = [(OUTCOME, facts)] if verdict else []
    return SimpleNamespace(
        user_properties=properties, when=when, failed=failed, nodeid="a::b", longrepr="it broke"
    )


def test_a_line_a_scenario(out):
    progress = Progress(out)
    progress.pytest_collection_finish(SimpleNamespace(items=[1] * 12))
    for verdict in Verdict:
        progress.pytest_runtest_logreport(report(verdict.value))
    lines = out.getvalue().splitlines()
    assert lines[0] == "12 scenarios"
    assert [line[:7] for line in lines[1:3]] == ["[ 1/12]", "[ 2/12]"]
    for verdict, line in zip(Verdict, lines[1:], strict=True):
        assert MARKS[verdict] in line
        assert line.endswith("名称")
    assert progress.problems == []


def test_every_verdict_has_a_mark_of_its_own():
    assert set(MARKS) == set(Verdict)
    assert len(set(MARKS.values())) == len(Verdict)


def test_set_up_and_tear_down_are_not_scenarios(out):
    progress = Progress(out)
    for when in ("setup", "teardown"):
        progress.pytest_runtest_logreport(report(when=when))
    assert out.getvalue() == ""


def test_reasons_only_where_they_are_asked_for(out):
    quiet, loud = io.StringIO(), io.StringIO()
    told = report("inconclusive", lines=["the planned fault F1 never fired"])
    Progress(quiet).pytest_runtest_logreport(told)
    Progress(loud, verbose=True).pytest_runtest_logreport(told)
    assert "never fired" not in quiet.getvalue()
    assert "    the planned fault F1 never fired\n" in loud.getvalue()
    i18n.use("zh-CN")
    chinese = io.StringIO()
    Progress(chinese, verbose=True).pytest_runtest_logreport(told)
    assert "never fired" not in chinese.getvalue()


def test_what_fails_without_a_verdict_is_a_problem_of_ours(out):
    progress = Progress(out)
    progress.pytest_runtest_logreport(report(None, failed=True))
    progress.pytest_collectreport(SimpleNamespace(failed=True, longrepr="cannot be read"))
    progress.pytest_collectreport(SimpleNamespace(failed=False, longrepr="fine"))
    progress.pytest_internalerror("INTERNAL")
    assert progress.problems == ["a::b: it broke", "cannot be read", "INTERNAL"]


def test_workers_say_the_total_once(out):
    progress = Progress(out)
    for _ in range(2):
        progress.pytest_xdist_node_collection_finished(None, ["a", "b", "c"])
    assert out.getvalue() == "3 scenarios\n"


@pytest.mark.parametrize(
    ("kind", "interrupted"), [(KeyboardInterrupt, True), (pytest.exit.Exception, False)]
)
def test_ctrl_c_is_told_from_other_ends(out, kind, interrupted):
    progress = Progress(out)
    progress.pytest_keyboard_interrupt(SimpleNamespace(type=kind))
    assert progress.interrupted is interrupted
    progress.pytest_keyboard_interrupt(SimpleNamespace(type=KeyboardInterrupt))
    progress.pytest_keyboard_interrupt(SimpleNamespace(type=kind))
    assert progress.interrupted


# -- the table at the end --------------------------------------------------------------------------


def scenario(name, verdict, interface, *, findings=0, reasons=()):
    return ScenarioRun(
        id=name, name=name, feature="f", file="sub/a.feature", line=7, tags=(),
        requirement="REQ-X-1", interface=interface, owner="o", seed=1, verdict=Verdict(verdict),
        seconds=1.0, reasons=tuple(reasons), faults=(), trace="",
        findings=tuple(
            FindingEntry(interface=interface, place=f"{interface} sql t.c{number}", expected="1",
                         actual="(nothing)", message="missing")
            for number in range(findings)
        ),
    )  # fmt: skip


def run(*scenarios, verdict="fail"):
    return Run(
        format=1, harness_version="1", started="", seconds=1.0, seed=1, label="",
        profile=RunProfile(), systems=(), verdict=Verdict(verdict), counts={},
        scenarios=scenarios,
    )  # fmt: skip


def test_the_table_counts_by_interface_and_tells_what_did_not_pass():
    text = verdict_table(
        run(
            scenario("one", "pass", "LIS-ASTM"),
            scenario("two", "pass", "LIS-ASTM"),
            scenario("three", "fail", "HIS-ORD", findings=1),
            scenario("four", "blocked", "HIS-ORD", reasons=["no power"]),
            scenario("five", "not-applicable", "HIS-ORD", reasons=["not here"]),
        ),
        Path("out"),
    )
    lines = text.splitlines()
    assert "  LIS-ASTM  ✔ passed 2" in lines
    assert "  HIS-ORD   ✘ failed 1  ■ blocked 1  - not applicable 1" in lines
    assert "✘ three  (sub/a.feature:7)" in lines
    assert "    HIS-ORD sql t.c0: expected 1, got (nothing) (missing)" in lines
    assert "    no power" in lines
    assert "not here" not in text
    assert "Verdict: ✘ failed" in lines
    assert lines[-1] == f"Report: {Path('out') / 'report.html'}"


def test_the_table_is_bounded():
    text = verdict_table(
        run(scenario("one", "fail", "X", findings=50, reasons=[str(n) for n in range(50)])),
        Path("out"),
    )
    assert text.count("sql t.c") == FINDINGS_SHOWN_MAX
    assert len(text.splitlines()) < 25


def test_an_empty_run_has_a_table_too():
    assert "Verdict: ? inconclusive" in verdict_table(run(verdict="inconclusive"), Path("out"))


def test_columns_line_up_where_names_are_chinese():
    lines = verdict_table(
        run(scenario("a", "pass", "接口"), scenario("b", "pass", "LIS-ASTM")), Path("out")
    ).splitlines()
    assert "  接口      ✔ passed 1" in lines
