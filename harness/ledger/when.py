"""Settlement times from text: the many ways in which exports write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from harness.ledger.money import tidy

CHINA: Final = timezone(timedelta(hours=8))

PLAIN_SQL: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}"
"""What the engine reads by itself."""

_LOOSE: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]?(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:[.,]\d{1,9})?秒?)?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?"
)
_PACKED: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?(?:\.?\d{3})?)?()")


def moment(text: str) -> datetime | None:
    """Civil time in China without a zone, or ``None`` where the text is no date.

    A date alone is midnight of that day. A time alone is nothing: it has no day.
    """
    found = _LOOSE.fullmatch(tidy(text)) or _PACKED.fullmatch(tidy(text))
    if found is None:
        return None
    parts = [int(part or 0) for part in found.groups()[:6]]
    try:
        value = datetime(*parts[:6])  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    return _local(value, found[7]) if found[7] else value


def _local(value: datetime, zone: str) -> datetime:
    if zone == "Z":
        aware = value.replace(tzinfo=UTC)
    else:
        digits = zone.replace(":", "")
        minutes = int(digits[1:3]) * 60 + int(digits[3:5])
        offset = timedelta(minutes=minutes if digits[0] == "+" else -minutes)
        aware = value.replace(tzinfo=timezone(offset))
    return aware.astimezone(CHINA).replace(tzinfo=None)
