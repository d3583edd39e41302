"""Counts an hour, read-only, against the same hours of the same weekday before.

A probe of the profile whose query has the holes ``:begin`` and ``:end`` (``YYYYMMDDHHMMSS``) or
``:begin_iso`` and ``:end_iso`` (``YYYY-MM-DD HH:MM:SS``) counts: its first row has one column, a
number. It is asked for each hour of the watch, cut at both ends, and for the same span 1, 2, ...
weeks earlier, in the system's own store.

The rule: a count is *low* below the least of the weeks minus three times its square root, and
*high* above the most plus three times its square root. Counts of independent arrivals vary by the
square root of their number (Poisson), and three of them are left by one hour in some 700; what the
weeks themselves vary by is allowed on top. Fewer than two weeks with rows are no measure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from harness.digits import whole_number
from harness.i18n import tr
from harness.model import Outcome
from harness.probes.probe import Probe

WEEKS: Final = 4
WEEKS_MIN: Final = 2

_HOLES: Final = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_FORMS: Final = {"begin": "%Y%m%d%H%M%S", "end": "%Y%m%d%H%M%S",
                 "begin_iso": "%Y-%m-%d %H:%M:%S", "end_iso": "%Y-%m-%d %H:%M:%S"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One span of one count.

    Attributes:
        name: of the probe.
        begin: civil time.
        end: civil time.
        count: rows in it; None where the probe failed.
        weeks: rows in the same span of earlier weeks, the latest first.
        says: ``usual``, ``low``, ``high``, ``no measure`` or ``failed``.
        reason: why it says no more.
    """

    name: str
    begin: datetime
    end: datetime
    count: int | None
    weeks: Sequence[int]
    says: str
    reason: str = ""

    def data(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self) | {
            "begin": self.begin.isoformat(timespec="seconds"),
            "end": self.end.isoformat(timespec="seconds"),
        }


def counting(query: str) -> bool:
    """Whether a query counts a span: its holes are a begin and an end, and nothing else."""
    holes = set(_HOLES.findall(query))
    return holes in ({"begin", "end"}, {"begin_iso", "end_iso"})


def hours(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Civil hours of a span, the first and the last one cut."""
    while begin < end:
        following = begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        yield begin, min(following, end)
        begin = following


def count(
    probes: Mapping[str, Probe], begin: datetime, end: datetime, weeks: int = WEEKS
) -> list[Hour]:
    """Ask every counting probe for every hour, and for the weeks before."""
    return [
        _hour(name, probe, *span, weeks) for name, probe in probes.items()
        for span in hours(begin, end)
    ]  # fmt: skip


def _hour(name: str, probe: Probe, begin: datetime, end: datetime, weeks: int) -> Hour:
    now, why = _asked(probe, begin, end)
    before: list[int] = []
    for week in range(1, weeks + 1):
        back = timedelta(weeks=week)
        rows, reason = _asked(probe, begin - back, end - back)
        why = why or reason
        if rows is not None:
            before.append(rows)
    if now is None or why:
        return Hour(name=name, begin=begin, end=end, count=now, weeks=before, says="failed",
                    reason=why)  # fmt: skip
    says = judge(now, before)
    reason = tr("fewer than two of the weeks have rows") if says == "no measure" else ""
    return Hour(name=name, begin=begin, end=end, count=now, weeks=before, says=says, reason=reason)


def judge(now: int, weeks: Sequence[int]) -> str:
    """``usual``, ``low``, ``high`` or ``no measure``, by the rule above."""
    if sum(one > 0 for one in weeks) < WEEKS_MIN:
        return "no measure"
    least, most = min(weeks), max(weeks)
    if now < least - 3 * math.sqrt(least):
        return "low"
    return "high" if now > most + 3 * math.sqrt(most) else "usual"


def _asked(probe: Probe, begin: datetime, end: datetime) -> tuple[int | None, str]:
    args = {name: (begin if name.startswith("begin") else end).strftime(form)
            for name, form in _FORMS.items()}  # fmt: skip
    answer = probe.ask(args)
    if answer.outcome is not Outcome.OK:
        return None, answer.error or str(answer.outcome)
    if len(answer.rows) != 1 or len(answer.rows[0]) != 1:
        return None, tr("a count gives one row with one column")
    text = next(iter(answer.rows[0].values())) or "0"
    count = whole_number(text)
    return count, "" if count is not None else tr("a count gives a number")
