"""The form of values by their representation (PS3.5 §6.2), and their character set (§6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from harness.dicomcheck.finding import Finding
from harness.i18n import tr
from harness.link.dicom_data import TEXTS, DataSet, walk
from harness.wire import dicom_text

_FORMS: Final = {
    "UI": re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*"),
    "DA": re.compile(r"\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
    "TM": re.compile(r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"),
    "DT": re.compile(r"\d{4}(?:\d\d){0,5}(?:\.\d{1,6})?(?:[+-]\d{4})?"),
    "CS": re.compile(r"[A-Z0-9 _]*"),
    "IS": re.compile(r"[+-]?\d{1,12}"),
    "DS": re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"),
    "AS": re.compile(r"\d{3}[DWMY]"),
}
_LONGEST: Final = {"UI": 64, "CS": 16, "IS": 12, "DS": 16, "SH": 16, "LO": 64, "AE": 16,
                   "ST": 1024, "LT": 10240}  # fmt: skip
"""Characters of one value (PS3.5 table 6.2-1)."""

GROUP_MAX: Final = 64
"""Characters of one group of a name (PS3.5 §6.2.1)."""

_WHOLE: Final = frozenset({"ST", "LT", "UT"})
"""A backslash in these is a character (PS3.5 §6.4)."""


def wrong_values(data: DataSet) -> Iterator[Finding]:
    """Values that their representation does not allow, and bytes that are no text."""
    sets = data.character_sets
    for path, _, vr, value in walk(data):
        if not isinstance(value, bytes | str) or vr not in {*_FORMS, *_LONGEST, *TEXTS}:
            continue
        read = (
            dicom_text.decode(value, sets if vr in TEXTS else [], vr)
            if isinstance(value, bytes)
            else dicom_text.Text(value=value)
        )
        for problem in read.problems:
            yield Finding(rule="character-set", path=path, message=problem.text,
                          clause="PS3.5 §6.1.2")  # fmt: skip
        text = read.value.rstrip(" \0") if vr in _WHOLE else read.value
        for one in [text] if vr in _WHOLE else text.split("\\"):
            yield from _one(path, vr, one.strip(" \0"))


def _one(path: str, vr: str, text: str) -> Iterator[Finding]:
    form = _FORMS.get(vr)
    if text and form is not None and not form.fullmatch(text):
        message = tr("{value} is no value of {vr}", value=text[:40], vr=vr)
        yield Finding(rule="value", path=path, message=message, clause="PS3.5 §6.2")
    longest = _LONGEST.get(vr)
    parts = text.split("=") if vr == "PN" else [text]
    most = GROUP_MAX if vr == "PN" else longest
    if most is not None and any(len(part) > most for part in parts):
        message = tr("{size} characters; {vr} has at most {most}", size=max(map(len, parts)),
                     vr=vr, most=most)  # fmt: skip
        yield Finding(rule="length", path=path, message=message, clause="PS3.5 §6.2")
