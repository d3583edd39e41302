"""What the causes and confidences of ``verdicts.csv`` are called in the reports."""

from __future__ import annotations

from typing import Final

from harness import i18n
from harness.ledger import explain_table
from harness.ledger.uploads_causes import UPLOAD_CAUSES

_UNKNOWN: Final = (
    "原因不明（缺少接口日志等证据）",
    "unknown (no evidence, such as the interface log)",
)

CAUSES: Final[dict[str, tuple[str, str]]] = {
    "unknown": _UNKNOWN,
    **{one.code: one.name for one in explain_table.CAUSES},
    **UPLOAD_CAUSES,
}
"""Causes of ``verdicts.csv`` in words, Chinese and English."""

CONFIDENCES: Final = {"high": ("高", "high"), "medium": ("中", "medium"), "low": ("低", "low")}


def cause_name(cause: str) -> str:
    """A cause in the language in use; one that has no words is shown as it is."""
    zh, en = CAUSES.get(cause or "unknown", (cause, cause))
    return zh if i18n.current() == "zh-CN" else en


def confidence_name(confidence: str) -> str:
    """A confidence in the language in use."""
    zh, en = CONFIDENCES.get(confidence, (confidence, confidence))
    return zh if i18n.current() == "zh-CN" else en
