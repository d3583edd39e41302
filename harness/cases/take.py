"""One matter out of a recording: what is about it, and what hangs on that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.cases.dicom_about import KEYS, is_match
from harness.cases.recorded import Recorded
from harness.cases.window import Window

LINKS: Final = ("barcode", "placer", "visit", "setl_id", "bill", *KEYS)
"""What two messages of one matter have in common. The patient is none: one has many matters."""

NEAR_S: Final = 60.0
"""What else went between the same two ends within so many seconds is counted as not matched."""


ALWAYS: Final = Window()


@dataclass(frozen=True, slots=True)
class Taken:
    """One matter.

    Attributes:
        messages: of it, by time.
        near: others between the same ends, around the same time, and what hangs on the matter and
            lies outside its window; they are not taken.
    """

    messages: list[Recorded]
    near: list[Recorded]


def take(messages: Sequence[Recorded], about: str, within: Window = ALWAYS) -> Taken:
    """The messages of one matter, or all of a time window.

    Args:
        messages: of the recording, by time.
        about: a barcode, patient, visit, settlement or control number, or a name: whatever a
            message of the matter holds; empty for everything in the window.
        within: only what lies in it is taken; what hangs on that and lies outside is near it.
    """
    needles = {about.encode("utf-8"), about.encode("gb18030")}
    chosen = {
        number
        for number, one in enumerate(messages)
        if within.has(one)
        and (about in (one.ident, *one.corr.values()) or any(n in one.payload for n in needles))
    }
    outside: set[int] = set()
    by_link: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(messages):
        for link in _links(one):
            if link[0] in LINKS or not is_match(one.kind):  # a query is no matter of its answers
                by_link.setdefault(link, []).append(number)
    open_ = list(chosen)
    while open_:
        one = messages[open_.pop()]
        for link in _links(one):
            new = {
                number
                for number in by_link.get(link, ())
                if number not in chosen and (link[0] in LINKS or _close(one, messages[number]))
            }
            outside |= {number for number in new if not within.has(messages[number])}
            new -= outside
            chosen |= new
            open_ += new
    return Taken(
        messages=[messages[number] for number in sorted(chosen)],
        near=[messages[number] for number in sorted(outside | _near(messages, chosen))],
    )


def _links(one: Recorded) -> Iterator[tuple[str, str]]:
    """What ties a message to others. A control id counts between two ends alone, for a while."""
    for key in LINKS:
        if one.corr.get(key):
            yield key, one.corr[key]
    if one.protocol == "dicom" and one.corr.get("accession"):
        # The order has it as one of its numbers, whichever the site chose.
        yield "barcode", one.corr["accession"]
        yield "placer", one.corr["accession"]
    ends = "|".join(sorted((_host(one.frm), _host(one.to))))
    for ident in (one.ident, one.corr.get("acknowledges", "")):
        if ident:
            yield ends, ident


def _close(one: Recorded, other: Recorded) -> bool:
    """Whether two messages are near in time: control ids come again, some every day."""
    return abs(one.at_s - other.at_s) <= NEAR_S


def _host(end: str) -> str:
    return end.rpartition(":")[0] or end


def _near(messages: Sequence[Recorded], chosen: set[int]) -> set[int]:
    """Numbers of the others between the same ends, around the same time."""
    if not chosen:
        return set()
    first, last = messages[min(chosen)].at_s - NEAR_S, messages[max(chosen)].at_s + NEAR_S
    ends = {frozenset((messages[one].frm, messages[one].to)) for one in chosen}
    return {
        number
        for number, one in enumerate(messages)
        if number not in chosen
        and first <= one.at_s <= last
        and frozenset((one.frm, one.to)) in ends
    }
