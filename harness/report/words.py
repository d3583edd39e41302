"""What the report says in the reader's language: verdicts, field names, reasons."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from harness.i18n import tr

NOT_TESTED: Final = "not-tested"
"""Stands beside the verdicts for a requirement or interface without a scenario in the run."""

SYMBOLS: Final = {
    "pass": "✔",
    "fail": "✘",
    "error": "‼",
    "inconclusive": "?",
    "blocked": "■",
    "not-applicable": "–",
    NOT_TESTED: "○",
    "done": "·",
    "not-reached": "○",
}
"""A verdict is never told by colour alone: half of all printers are black and white."""

_VERDICTS: Final = {
    "pass": "passed",
    "fail": "failed",
    "error": "harness error",
    "inconclusive": "inconclusive",
    "blocked": "blocked",
    "not-applicable": "not applicable",
    NOT_TESTED: "not tested",
    "done": "carried out",
    "not-reached": "not reached",
}

_REACHES: Final = {"stored": "stored", "sent": "sent on", "displayed": "displayed"}

_FIELDS: Final = {
    "MSH-3": "sending application",
    "MSH-5": "receiving application",
    "MSH-7": "message time",
    "MSH-9": "message type",
    "MSH-10": "message control id",
    "MSH-12": "version",
    "MSH-18": "character set",
    "MSA-1": "acknowledgement code",
    "MSA-2": "acknowledged message",
    "MSA-3": "text message",
    "PID-3": "patient number",
    "PID-5": "patient name",
    "PID-7": "date of birth",
    "PID-8": "sex",
    "PV1-2": "patient class",
    "PV1-3": "ward and bed",
    "MRG-1": "prior patient number",
    "ORC-1": "order control",
    "ORC-2": "placer order number",
    "OBR-2": "placer order number",
    "OBR-3": "filler order number",
    "OBR-4": "test item",
    "OBR-25": "result status",
    "OBX-2": "value type",
    "OBX-3": "test item",
    "OBX-5": "value",
    "OBX-6": "unit",
    "OBX-7": "reference range",
    "OBX-8": "abnormal flag",
    "OBX-11": "result status",
    "OBX-14": "time of observation",
    "SPM-2": "specimen number",
    "H.5": "sender",
    "H.14": "message time",
    "P.3": "patient number",
    "P.6": "patient name",
    "P.8": "date of birth",
    "P.9": "sex",
    "O.3": "specimen number",
    "O.5": "test item",
    "O.6": "priority",
    "Q.3": "specimen number",
    "R.3": "test item",
    "R.4": "value",
    "R.5": "unit",
    "R.6": "reference range",
    "R.7": "abnormal flag",
    "R.9": "result status",
    "R.13": "time of observation",
    "L.3": "termination code",
}
"""HL7 2.5.1 chapters 2, 3, 4 and 7; LIS02-A2 §6 to §13."""

ROLES: Final = ("analyzer", "modality", "feed", "relay", "centre")

LINK_EVENTS: Final = ("opened", "closed", "refused")

_REASONS: Final = (
    "not run: the run ended before this scenario began",
    "cut off",
    "not sealed: the run was cut off",
    "the hash in the seal does not hold: the file was edited",
    "not a trace: the first record is missing",
    "line {number} is not JSON",
    "line {number} is not record {record}",
    "sealed as {sealed}, judged again as {verdict}",
    "the trace cannot be judged: {why}",
    "not judged: line {lines}",
    "the scenario judges nothing",
    "the sentence claims {claim}, and the probe {probe} reaches {reach} only",
    "the planned fault {fault} never fired",
    "the fault {fault} was not healed",
    "the expectation itself is not in the trace",
    "a record that the judgement rests on is missing",
    "the probe {probe} never answered",
    "the probe {probe} could not look: {why}",
    "the last look, at the limit, is missing",
    "the answer was not watched for its whole settling time",
    "nothing was there to judge",
    "the window was not watched to its end",
    "the limit was not reached",
    "the positive control was not seen, so silence proves nothing",
)
"""Reasons as ``conclude``, ``judge``, ``trace`` and ``run`` write them into ``run.json``."""

MESSAGES: Final = (
    "missing",
    "repeated",
    "unwanted",
    "absent",
    "differs",
    "differs from the other",
    "not a number",
    "none of the choices",
    "above the limit",
    "empty",
    "should be empty",
    "should be absent",
    "does not match the pattern",
    "(absent)",
    "(nothing)",
    "(once)",
    "(present)",
    "(empty)",
    "(any)",
)
"""Words of findings as ``judge`` and ``match`` write them into ``run.json``."""


def verdict_name(verdict: str) -> str:
    """A verdict or mark in the reader's language."""
    return tr(_VERDICTS.get(verdict, verdict))


def field_name(name: str) -> str:
    """What a field such as ``OBX-5`` holds; empty where this table does not say."""
    known = _FIELDS.get(name)
    return tr(known) if known else ""


def role_name(role: str) -> str:
    """A role in the reader's language; LIS, HIS and names of a site stay as they are."""
    return tr(role) if role in ROLES else role


def link_event(event: str) -> str:
    """What happened to a connection, in the reader's language."""
    return tr(event) if event in LINK_EVENTS else event


def finding_word(text: str) -> str:
    """A word of a finding in the reader's language; values stay as they are."""
    return tr(text) if text in MESSAGES else text


def reach_name(name: str) -> str:
    """How far a probe saw, in the reader's language; empty where nothing says so."""
    return tr(_REACHES[name]) if name in _REACHES else ""


def reason(text: str) -> str:
    """A reason in the reader's language; ``run.json`` keeps it in English for other programs."""
    for pattern, template in _patterns():
        match = pattern.fullmatch(text)
        if match:
            return tr(template, **match.groupdict())
    return tr(text)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    made = []
    for template in _REASONS:
        text = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(template))
        made.append((re.compile(text, re.DOTALL), template))
    return tuple(made)


def msgids() -> frozenset[str]:
    """Every text of these tables, for the check of the catalogue."""
    return frozenset(
        {
            *_VERDICTS.values(),
            *_REACHES.values(),
            *_FIELDS.values(),
            *_REASONS,
            *MESSAGES,
            *ROLES,
            *LINK_EVENTS,
        }
    )
