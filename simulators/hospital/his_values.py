"""Defects of the built-in HIS in how it reads the value of a result (OBX-5)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_escape import STANDARD, unescape

Defects = set[str] | frozenset[str]


def misread(message: Hl7Message, path: str, value: str, defects: Defects) -> str:
    """The value as a defect makes the system store it; as it was read without one.

    Args:
        message: that it stands in.
        path: of its OBX, with the hyphen: ``OBX[1]-``.
        value: OBX-5 as it was read.
        defects: that are switched on.
    """
    if "his-unescapes-twice" in defects:
        value = unescape(value, STANDARD, "utf-8")
    if "his-cuts-at-line-end" in defects:
        value = (value.splitlines() or [""])[0]
    if "his-cuts-at-component" in defects:
        value = message.get(f"{path}5.1.1") or ""
    if "his-eats-backslash" in defects:
        value = value.replace("\\", "")
    if "his-strips-padding" in defects and message.get(f"{path}2") == "ED":
        value = value.rstrip("=")
    if "his-normalises-numbers" in defects and message.get(f"{path}2") == "NM":
        value = _plain(value)
    if "his-question-marks" in defects:
        value = value.encode("ascii", "replace").decode("ascii")
    return value


def _plain(number: str) -> str:
    """The number alone; text that is none stays."""
    try:
        return str(Decimal(number.lstrip("<>+")))
    except InvalidOperation:
        return number
