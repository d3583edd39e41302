"""One matter out of a recording: what is about it, and what hangs on that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.cases.recorded import Recorded

LINKS: Final = ("barcode", "placer", "visit", "setl_id", "bill")
"""What two messages of one matter have in common. The patient is none: one has many matters."""

NEAR_S: Final = 60.0
"""What else went between the same two ends within so many seconds is counted as not matched."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One matter.

    Attributes:
        messages: of it, by time.
        near: others between the same ends, around the same time; they are not taken.
    """

    messages: list[Recorded]
    near: list[Recorded]


def take(messages: Sequence[Recorded], about: str) -> Taken:
    """The messages of one matter.

    Args:
        messages: of the recording, by time.
        about: a barcode, patient, visit, settlement or control number, or a name: whatever a
            message of the matter holds.
    """
    needles = {about.encode("utf-8"), about.encode("gb18030")}
    chosen = {
        number
        for number, one in enumerate(messages)
        if about in (one.ident, *one.corr.values()) or any(n in one.payload for n in needles)
    }
    by_link: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(messages):
        for link in _links(one):
            by_link.setdefault(link, []).append(number)
    open_ = list(chosen)
    while open_:
        one = messages[open_.pop()]
        for link in _links(one):
            new = {
                number
                for number in by_link[link]
                if number not in chosen and (link[0] in LINKS or _close(one, messages[number]))
            }
            chosen |= new
            open_ += new
    return Taken(
        messages=[messages[number] for number in sorted(chosen)],
        near=list(_near(messages, chosen)),
    )


def _links(one: Recorded) -> Iterator[tuple[str, str]]:
    """What ties a message to others. A control id counts between two ends alone, for a while."""
    for key in LINKS:
        if one.corr.get(key):
            yield key, one.corr[key]
    ends = "|".join(sorted((_host(one.frm), _host(one.to))))
    for ident in (one.ident, one.corr.get("acknowledges", "")):
        if ident:
            yield ends, ident


def _close(one: Recorded, other: Recorded) -> bool:
    """Whether two messages are near in time: control ids come again, some every day."""
    return abs(one.at_s - other.at_s) <= NEAR_S


def _host(end: str) -> str:
    return end.rpartition(":")[0] or end


def _near(messages: Sequence[Recorded], chosen: set[int]) -> Iterator[Recorded]:
    if not chosen:
        return
    first, last = messages[min(chosen)].at_s - NEAR_S, messages[max(chosen)].at_s + NEAR_S
    ends = {frozenset((messages[one].frm, messages[one].to)) for one in chosen}
    for number, one in enumerate(messages):
        inside = first <= one.at_s <= last
        if number not in chosen and inside and frozenset((one.frm, one.to)) in ends:
            yield one
