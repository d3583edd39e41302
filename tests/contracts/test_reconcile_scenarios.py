"""Scenarios of 单边账 that judge all four: class, cause, advice, and that the repair balances."""

from __future__ import annotations

from pathlib import Path

from gherkin.parser import Parser

FEATURES = sorted(
    (Path(__file__).resolve().parents[2] / "scenarios" / "reconcile").glob("*.feature")
)


def scenarios():
    for path in FEATURES:
        document = Parser().parse(path.read_text(encoding="utf-8"))
        for child in document["feature"]["children"]:
            if "scenario" in child:
                yield child["scenario"]


def tables(step):
    rows = step.get("dataTable", {}).get("rows", [])
    head, *body = ([cell["value"] for cell in row["cells"]] for row in rows) if rows else ([],)
    return [dict(zip(head, one, strict=True)) for one in body]


def whole(scenario):
    """A difference with cause and advice in each row, then its repair, then books that balance."""
    told = repaired = balanced = False
    for step in scenario["steps"]:
        text = step["text"]
        if "对账应只有下列差异" in text and not repaired:
            rows = tables(step)
            told = bool(rows) and all(row.get("原因") and row.get("建议") for row in rows)
        repaired = repaired or (told and "的差异按“" in text and text.endswith("”处理"))
        judged = "对账应" in text or "归为" in text or "结论应" in text
        balanced = balanced or (repaired and judged and "差异" not in text)
    return balanced


def test_at_least_25_scenarios_judge_class_cause_advice_and_repair():
    found = [one["name"] for one in scenarios() if whole(one)]
    assert len(found) >= 25, found
