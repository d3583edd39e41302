"""Checks of a value that no pattern can say: times that exist, check characters, base64."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from harness.people import check_character

_TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.\d{1,4})?([+-]\d{4})?")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_RUID = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_ID_CARD = re.compile(r"[1-9]\d{5}(?:19|20)\d{9}[\dXx]")


def is_time(text: str) -> bool:
    """A point in time that exists (HL7 V3 data types, TS): YYYY to YYYYMMDDHHMMSS."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    year, month, day = (int(one or 1) for one in found.groups()[:3])
    hour, minute, second = (int(one or 0) for one in found.groups()[3:6])
    try:
        # Only whether it exists is asked, so the zone does not matter.
        datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return False
    return True


def is_uid(text: str) -> bool:
    """An OID, a UUID or a reserved word (HL7 V3 data types, UID)."""
    return any(one.fullmatch(text) for one in (_OID, _UUID, _RUID))


def is_id_card(text: str) -> bool:
    """A citizen's number with a date that exists and the right check character (GB 11643)."""
    if _ID_CARD.fullmatch(text) is None:
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return text[17].upper() == check_character(text[:17])


def is_bare(text: str) -> bool:
    """Nothing blank around it: an identifier with a blank is another identifier."""
    return text == text.strip()


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "time": is_time,
    "uid": is_uid,
    "id-card": is_id_card,
    "bare": is_bare,
}
"""By the name that ``check`` has in a rule file."""
