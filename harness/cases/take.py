"""One matter out of a recording: what is about it, and what hangs on that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.cases.dicom_about import KEYS, is_match
from harness.cases.recorded import Recorded, Recording
from harness.cases.recorded_maker import PROTOCOLS as MAKERS
from harness.cases.recorded_maker import SESSION
from harness.cases.window import Window

LINKS: Final = ("barcode", "placer", "visit", "setl_id", "bill", *KEYS)
"""What two messages of one matter have in common. The patient is none: one has many matters."""

NEAR_S: Final = 60.0
"""What else went between the same two ends within so many seconds is counted as not matched."""


SETTING_UP: Final = "configure"
"""What commands begin with by which a system is told about an instrument."""

ALWAYS: Final = Window()

_NEVER: Final = -math.inf

_OF_IMAGES: Final = frozenset({"barcode", "placer", *KEYS})
"""Keys whose values stand in associations: an order has the accession number as one of its own."""


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


def take(recording: Recording | Sequence[Recorded], about: str, within: Window = ALWAYS) -> Taken:
    """The messages of one matter, or all of a time window.

    Args:
        recording: whose messages; or messages by time.
        about: a barcode, patient, visit, settlement or control number, or a name: whatever a
            message of the matter holds; empty for everything in the window.
        within: only what lies in it is taken; what hangs on that and lies outside is near it.
    """
    if not isinstance(recording, Recording):
        messages, recording = recording, Recording()
        recording.add(messages)
    return _Matter(recording, about, within).whole()


class _Matter:
    """One matter while it is gathered: what is found shows what else to look for."""

    def __init__(self, recording: Recording, about: str, within: Window) -> None:
        self.recording, self.about, self.within = recording, about, within
        self.needles = {about.encode("utf-8"), about.encode("gb18030")}
        self.messages: list[Recorded] = []
        self.by_link: dict[tuple[str, str], list[int]] = {}
        self.chosen: set[int] = set()
        self.outside: set[int] = set()
        self.open: list[int] = []
        self.asked: set[str] = set()

    def whole(self) -> Taken:
        """The matter."""
        self._learn(self.recording.known)
        unread = self.recording.unread
        if self.about:
            self._learn(unread.holding({*self.needles, _latin(self.about)}))
        else:
            begin, end = self.within.begin, self.within.end
            self._learn(unread.between(_NEVER if begin is None else begin,
                                       -_NEVER if end is None else end))  # fmt: skip
        while self.open:
            self._follow()
            values = self._values() - self.asked
            self.asked |= values
            late = unread.holding((_latin(one) for one in sorted(values)), whole=True)
            self._learn(late)
            self.open = list(self.chosen) if late else []  # what is known now may hang on any
        self.chosen |= self._greetings()
        near = self.outside | self._near()
        chosen = {id(self.messages[number]) for number in self.chosen}
        others = {id(self.messages[number]) for number in near}
        known = self.recording.known
        return Taken(
            messages=[one for one in known if id(one) in chosen],
            near=[one for one in known if id(one) in others],
        )

    def _learn(self, messages: Sequence[Recorded]) -> None:
        """More messages; those that say what the matter is about belong to it."""
        for number, one in enumerate(messages, len(self.messages)):
            self.messages.append(one)
            match = is_match(one.kind)
            for link in _links(one):
                if link[0] in LINKS or not match:  # a query is no matter of its answers
                    self.by_link.setdefault(link, []).append(number)
            if number not in self.chosen and self._says(one):
                self.chosen.add(number)
                self.open.append(number)

    def _says(self, one: Recorded) -> bool:
        if not self.within.has(one):
            return False
        return self.about in (one.ident, *one.corr.values()) or any(
            needle in one.payload for needle in self.needles
        )

    def _follow(self) -> None:
        """What hangs on what was found, as far as it was read."""
        while self.open:
            one = self.messages[self.open.pop()]
            for link in _links(one):
                new = {
                    number
                    for number in self.by_link.get(link, ())
                    if number not in self.chosen
                    and (link[0] in LINKS or _close(one, self.messages[number]))
                }
                self.outside |= {n for n in new if not self.within.has(self.messages[n])}
                new -= self.outside
                self.chosen |= new
                self.open += new

    def _greetings(self) -> set[int]:
        """Of conversations of devices and instruments what names nobody, and how they were set up.

        Without it the rest is not understood. It counts near what was found, and where the
        conversation begins.
        """
        numbers = {at for at in self.chosen if self.messages[at].protocol in MAKERS}
        if not numbers:
            return set()
        held: dict[str, list[int]] = {}
        for at, one in enumerate(self.messages):
            if one.corr.get(SESSION):
                held.setdefault(f"{one.source} {one.corr[SESSION]}", []).append(at)
        found: set[int] = set()
        for talk in held.values():
            ours = [at for at in talk if at in numbers]
            first = self.messages[talk[0]]
            found |= {
                at
                for at in talk
                if ours and not _of_somebody(self.messages[at])
                and any(_close(self.messages[at], one)
                        for one in (first, *(self.messages[it] for it in ours)))
            }  # fmt: skip
        last = max(self.messages[at].at_s for at in numbers)
        ends = {end for at in numbers for end in (self.messages[at].frm, self.messages[at].to)}
        return found | {
            at
            for at, one in enumerate(self.messages)
            if one.kind.startswith(SETTING_UP) and one.to in ends and one.at_s <= last
        }

    def _values(self) -> set[str]:
        """What an association could have in common with the matter."""
        return {
            value
            for number in self.chosen
            for key, value in _links(self.messages[number])
            if key in _OF_IMAGES
        }

    def _near(self) -> set[int]:
        """Numbers of the others between the same ends, around the same time."""
        if not self.chosen:
            return set()
        times = [self.messages[one].at_s for one in self.chosen]
        first, last = min(times) - NEAR_S, max(times) + NEAR_S
        ends = frozenset(
            frozenset((self.messages[one].frm, self.messages[one].to)) for one in self.chosen
        )
        self.messages += self.recording.unread.between(first, last, ends)
        return {
            number
            for number, one in enumerate(self.messages)
            if number not in self.chosen
            and first <= one.at_s <= last
            and frozenset((one.frm, one.to)) in ends
        }


def _latin(text: str) -> bytes:
    """A value as it stands in an association, whose values are read as Latin-1; or nothing."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return b""


def _links(one: Recorded) -> Iterator[tuple[str, str]]:
    """What ties a message to others. A control id counts between two ends alone, for a while."""
    for key in LINKS:
        if one.corr.get(key):
            yield key, one.corr[key]
    if one.protocol == "dicom" and one.corr.get("accession"):
        # The order has it as one of its numbers, whichever the site chose.
        yield "barcode", one.corr["accession"]
        yield "placer", one.corr["accession"]
    if one.protocol in MAKERS:
        return  # small numbers that begin anew with each conversation
    ends = "|".join(sorted((_host(one.frm), _host(one.to))))
    for ident in (one.ident, one.corr.get("acknowledges", "")):
        if ident:
            yield ends, ident


def _of_somebody(one: Recorded) -> bool:
    """Whether a message is about a specimen or a patient."""
    return any(one.corr.get(key) for key in (*LINKS, "patient"))


def _close(one: Recorded, other: Recorded) -> bool:
    """Whether two messages are near in time: control ids come again, some every day."""
    return abs(one.at_s - other.at_s) <= NEAR_S


def _host(end: str) -> str:
    return end.rpartition(":")[0] or end
