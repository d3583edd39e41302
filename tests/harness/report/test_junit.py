"""``junit.xml`` as CI systems read it."""

from dataclasses import replace

import pytest
import sample
from lxml import etree

from harness.report import junit as module
from harness.report.junit import junit
from harness.report.run import build


@pytest.fixture
def run(folder):
    return build(folder)


def cases(document):
    root = etree.fromstring(document)
    return {
        case.find("properties/property[@name='id']").get("value"): case
        for case in root.iter("testcase")
    }


def ending(case):
    return [
        (child.tag, child.get("type"))
        for child in case
        if child.tag in {"failure", "error", "skipped"}
    ]


def test_each_verdict_has_its_element(run):
    found = {ident: ending(case) for ident, case in cases(junit(run)).items()}

    assert found == {
        "result-arrives": [],
        "ack-lost-once": [],
        "value-changed": [("failure", "fail")],
        "sent-twice": [("failure", "fail")],
        "swap": [("error", "inconclusive")],
        "merge": [("error", "blocked")],
        "qc": [("skipped", "not-applicable")],
        "tool": [("error", "error")],
        "killed": [("error", "inconclusive")],
        "never-begun": [("error", "blocked")],
    }


def test_the_suite_counts_what_it_holds(run):
    suite = etree.fromstring(junit(run)).find("testsuite")

    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "10",
        "failures": "2",
        "errors": "5",
        "skipped": "1",
    }
    assert suite.get("name") == "升级前回归"


def test_requirement_seed_and_trace_are_properties(run):
    case = cases(junit(run))["value-changed"]
    found = {one.get("name"): one.get("value") for one in case.iter("property")}

    assert found["requirement"] == "REQ-LAB-002"
    assert found["seed"] == "7000050"
    assert found["trace"] == "traces/value-changed.jsonl"
    assert case.get("classname") == "scenarios.lab.results"
    assert (case.get("file"), case.get("line")) == ("scenarios/lab/results.feature", "50")


def test_what_never_began_has_no_seed_and_no_trace(run):
    case = cases(junit(run))["never-begun"]

    assert {one.get("name") for one in case.iter("property")} == {
        "id",
        "requirement",
        "interface",
        "owner",
        "verdict",
    }


def test_a_failure_tells_all_mismatches_and_how_to_reproduce(run):
    failure = cases(junit(run))["value-changed"].find("failure")

    assert failure.get("message").startswith("LIS-ORU sql result.value: differs")
    for place in ("OBX[1]-5", "OBX[1]-6", "OBX[1]-8"):
        assert place in failure.text
    assert "(HL7 2.5.1 §7.4.2.6) [lab-21]" in failure.text
    assert failure.text.endswith(
        "medharness run scenarios/lab/results.feature:50 --seed 20260302 --profile demo"
    )


def test_more_mismatches_than_shown_are_counted(run, monkeypatch):
    monkeypatch.setattr(module, "FINDINGS_MAX", 1)

    assert "… 3 more: see run.json" in cases(junit(run))["value-changed"].find("failure").text


def test_a_verdict_without_words_names_itself(run):
    silent = replace(run.scenarios[5], reasons=(), id="s", file="")
    case = cases(junit(replace(run, scenarios=(silent,))))["s"]

    assert case.find("error").get("message") == "blocked"
    assert case.get("classname") == "scenario"


def test_hostile_text_stays_text(run):
    hostile = replace(run.scenarios[2], name=sample.HOSTILE, reasons=(sample.HOSTILE,))
    case = cases(junit(replace(run, label=sample.HOSTILE, scenarios=(hostile,))))["value-changed"]

    assert case.get("name").startswith("</script><script>alert(1)")
    assert "⟦202E⟧␇" in case.get("name")


def test_a_run_without_label_is_named_after_its_profile(run):
    assert etree.fromstring(junit(replace(run, label=""))).find("testsuite").get("name") == "demo"
