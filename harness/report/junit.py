"""``junit.xml``: one testcase a scenario, for every CI that reads JUnit."""

from __future__ import annotations

from typing import Final

from lxml import etree

from harness.evidence.verdict import Verdict
from harness.report.html import reproduce
from harness.report.model import FindingEntry, Run, ScenarioRun
from harness.report.text import visible

ELEMENTS: Final = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "error",
    Verdict.BLOCKED: "error",
    Verdict.NOT_APPLICABLE: "skipped",
}
"""Element by verdict; a pass has none."""

FINDINGS_MAX: Final = 100
"""Mismatches in the text of one testcase; ``run.json`` has all."""

MESSAGE_CHARS_MAX: Final = 300
"""Characters of the ``message`` attribute, which tools show in one line."""


def junit(run: Run) -> bytes:
    """The document, UTF-8."""
    name = run.label or run.profile.name or "medharness"
    root = etree.Element("testsuites")
    suite = etree.SubElement(root, "testsuite", _attributes(run, name))
    properties = etree.SubElement(suite, "properties")
    for key, value in (
        ("seed", run.seed),
        ("verdict", run.verdict),
        ("profile", run.profile.name),
        ("harness_version", run.harness_version),
    ):
        _property(properties, key, str(value))
    for scenario in run.scenarios:
        _testcase(suite, run, scenario)
    document: bytes = etree.tostring(
        root, encoding="UTF-8", xml_declaration=True, pretty_print=True
    )
    return document


def _attributes(run: Run, name: str) -> dict[str, str]:
    kinds = [ELEMENTS.get(one.verdict, "") for one in run.scenarios]
    return {
        "name": visible(name),
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{run.seconds:.3f}",
        "timestamp": visible(run.started),
    }


def _testcase(suite: etree._Element, run: Run, scenario: ScenarioRun) -> None:
    file = scenario.file.replace("\\", "/")
    case = etree.SubElement(
        suite,
        "testcase",
        {
            "classname": visible(file.removesuffix(".feature").replace("/", ".") or "scenario"),
            "name": visible(scenario.name),
            "time": f"{scenario.seconds:.3f}",
            "file": visible(file),
            "line": str(scenario.line),
        },
    )
    properties = etree.SubElement(case, "properties")
    for key in ("id", "requirement", "interface", "owner", "seed", "trace", "verdict"):
        value = getattr(scenario, key)
        if value not in {None, ""}:
            _property(properties, key, str(value))
    kind = ELEMENTS.get(scenario.verdict)
    if kind is None:
        return
    lines = [*scenario.reasons, *(_line(one) for one in scenario.findings[:FINDINGS_MAX])]
    if len(scenario.findings) > FINDINGS_MAX:
        lines.append(f"… {len(scenario.findings) - FINDINGS_MAX} more: see run.json")
    head = visible(lines[0] if lines else str(scenario.verdict))
    attributes = {"message": head[:MESSAGE_CHARS_MAX], "type": str(scenario.verdict)}
    ended = etree.SubElement(case, kind, attributes)
    ended.text = visible("\n".join([*lines, reproduce(run, scenario)]))


def _property(properties: etree._Element, name: str, value: str) -> None:
    etree.SubElement(properties, "property", {"name": name, "value": visible(value)})


def _line(finding: FindingEntry) -> str:
    parts = [
        f"{finding.place}: {finding.message}:",
        f"expected {finding.expected!r}, actual {finding.actual!r}",
        f"({finding.clause})" if finding.clause else "",
        f"[{finding.fault_class}]" if finding.fault_class else "",
    ]
    return " ".join(part for part in parts if part)
