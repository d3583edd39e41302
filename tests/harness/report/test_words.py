"""Words of the report in both languages."""

import ast
import re
from pathlib import Path

import polib
import pytest

import harness.report
from harness import i18n
from harness.evidence.verdict import Verdict
from harness.report import words
from harness.report.model import SYNTHETIC_MODES
from harness.report.overview import RULES

ROOM = Path(harness.report.__file__).parent


def used() -> set[str]:
    """Every text that the room asks the catalogue for, read from its sources."""
    found = set(words.msgids()) | {text for pair in RULES.values() for text in pair}
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if getattr(called, "id", "") == "tr" and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    for path in (ROOM / "templates").glob("*.j2"):
        found |= set(re.findall(r'\b_\("([^"]*)"', path.read_text(encoding="utf-8")))
    return found | set(SYNTHETIC_MODES) | {"real", "observed"}


def test_every_text_of_the_report_has_its_chinese():
    entries = polib.pofile(str(i18n.CATALOGUE), encoding="utf-8")
    chinese = {entry.msgid: entry.msgstr for entry in entries}

    assert sorted(text for text in used() if not chinese.get(text)) == []


def test_a_translation_keeps_the_holes():
    entries = polib.pofile(str(i18n.CATALOGUE), encoding="utf-8")
    chinese = {entry.msgid: entry.msgstr for entry in entries}
    holes = re.compile(r"\{\w+\}")

    for text in used() & set(chinese):
        assert sorted(holes.findall(text)) == sorted(holes.findall(chinese[text])), text


@pytest.mark.parametrize("verdict", [*Verdict, words.NOT_TESTED, "done", "not-reached"])
def test_every_verdict_has_a_symbol_and_a_name(verdict):
    assert words.SYMBOLS[verdict]
    assert words.verdict_name(verdict)


def test_a_reason_with_values_is_found_by_its_shape(monkeypatch):
    monkeypatch.setattr(
        i18n, "_chinese", lambda: {"the planned fault {fault} never fired": "故障 {fault} 未触发"}
    )
    i18n.use("zh-CN")

    assert words.reason("the planned fault swap-two never fired") == "故障 swap-two 未触发"


def test_braces_of_a_peer_in_a_reason_are_only_text():
    assert words.reason("the trace cannot be judged: KeyError: {0.__class__}") == (
        "the trace cannot be judged: KeyError: {0.__class__}"
    )
    assert words.reason("{oops}") == "{oops}"


def test_values_of_findings_are_never_translated(monkeypatch):
    monkeypatch.setattr(i18n, "_chinese", lambda: {"5.62": "wrong", "differs": "不一致"})
    i18n.use("zh-CN")

    assert words.finding_word("5.62") == "5.62"
    assert words.finding_word("differs") == "不一致"


def test_unknown_fields_roles_and_events_stay():
    assert words.field_name("ZZZ-1") == ""
    assert words.field_name("OBX-5") == "value"
    assert words.role_name("LIS") == "LIS"
    assert words.link_event("SessionEnded") == "SessionEnded"
