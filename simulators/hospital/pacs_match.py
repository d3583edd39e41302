"""Matching of query keys (PS3.4 §C.2.2.2, §K.2.2): one text for PACS and RIS.

Empty is universal, ``*`` and ``?`` stand for anything where the value representation allows it,
dates and times take ranges, UIDs take lists. Names are matched without regard to case.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WILD: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})


def matches(vr: str, key: str, value: str) -> bool:
    """Whether a stored value fits a key of a request.

    Args:
        vr: value representation of the element.
        key: as the request has it; empty fits everything.
        value: as it is stored; several with backslashes between them.
    """
    key = key.strip()
    if not key.strip("*"):  # one asterisk is universal, whatever the value (PS3.4 §C.2.2.2.4)
        return True
    if vr == "UI":
        return bool(set(key.split("\\")) & set(value.split("\\")))
    if vr in {"DA", "TM", "DT"}:
        return _in_range(vr, key, value)
    if vr in _WILD and ("*" in key or "?" in key):
        pattern = _wildcard(key, vr == "PN")
        return any(pattern.fullmatch(one) for one in _forms(vr, value))
    if vr == "PN":
        return any(_bare(one) == _bare(key) for one in _forms(vr, value))
    return key in value.split("\\")


def _bare(name: str) -> str:
    """Without case, and without the empty parts at the end (PS3.5 §6.2)."""
    groups = [group.rstrip("^ ") for group in name.casefold().split("=")]
    return "=".join(groups).rstrip("=")


def _forms(vr: str, value: str) -> list[str]:
    """A name counts as a whole and by each of its groups."""
    parts = value.split("\\")
    if vr != "PN":
        return parts
    return [form for part in parts for form in (part, *part.split("=")) if form]


@lru_cache(maxsize=512)
def _wildcard(key: str, fold: bool) -> re.Pattern[str]:  # noqa: FBT001 - cached by position
    signs = {"*": ".*", "?": "."}
    pattern = "".join(signs.get(sign, re.escape(sign)) for sign in key)
    return re.compile(pattern, re.DOTALL | (re.IGNORECASE if fold else 0))


def _moment(time: str) -> tuple[str, str]:
    """A time in whole seconds, and the fraction; what is left out at the end is zero."""
    whole, _, fraction = time.partition(".")
    return whole.ljust(6, "0"), fraction.rstrip("0")


def _in_range(vr: str, key: str, value: str) -> bool:
    """A single value, or ``a-b``, ``a-``, ``-b``; both ends belong to it."""
    if not value:
        return False
    if "-" not in key:
        return _moment(value) == _moment(key) if vr == "TM" else value.startswith(key)
    first, _, last = key.partition("-")
    width = max(len(first), len(last), len(value))
    padded = value.ljust(width, "0")
    return (not first or padded >= first.ljust(width, "0")) and (
        not last or padded <= last.ljust(width, "9")
    )
