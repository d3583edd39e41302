"""What is explored: stories of settlement, the faults of their messages, and power cuts.

A story is what people do. It is played once without a point, which tells its messages; each of them
is then met with each fault that can hit it, and the HIS loses its power at each commit around it.
A story with faults of its own leads to messages that only trouble brings: 2601, 5203, 3202.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulators.exploration.town import PowerCut


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong.

    Attributes:
        name: as the report writes it.
        action: of the centre.
        parameters: of the action.
        only: transactions that it can hit; empty for all.
    """

    name: str
    action: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()


def _fault(action: str, *only: str, **parameters: str) -> Fault:
    named = " ".join(f"{key}={value}" for key, value in parameters.items())
    return Fault(
        name=f"{action} {named}".strip(),
        action=action,
        parameters=parameters,
        only=frozenset(only),
    )


_MONEY: Final = ("2207", "2208", "2304", "2305")
_AMOUNTS: Final = ("2206", "2207", "2303", "2304")

FAULTS: Final = (
    _fault("F0"),
    _fault("F1"),
    _fault("F2"),
    _fault("F3"),
    _fault("F4", end="reset"),
    _fault("F4", end="close"),
    _fault("F5", seconds="40"),
    _fault("F5", seconds="5"),
    _fault("F6", status="502"),
    _fault("F6", status="504"),
    _fault("F7", how="missing"),
    _fault("F7", how="list"),
    _fault("F7", how="encoding"),
    _fault("F8"),
    _fault("F9"),
    _fault("F10"),
    _fault("F11"),
    _fault("F12", bytes="64", seconds="10"),
    _fault("F12", bytes="256", seconds="0.01"),
    _fault("F13", *_MONEY, seconds="86400"),
    _fault("F13", *_MONEY, seconds="-86400"),
    _fault("F13", *_MONEY, seconds="1800"),
    _fault("F14", how="expired"),
    _fault("F14", how="signature"),
    _fault("F14", how="token"),
    _fault("F15", "2601", how="refused"),
    _fault("F15", "2601", how="timeout"),
    _fault("F15", "2601", how="remains"),
    _fault("F16", "2208", "2305"),
    *(
        _fault("F17", "9102", how=how)
        for how in ("empty", "truncated", "bom", "gbk", "swapped", "expired")
    ),
    _fault("F18", "3201"),
    *(
        _fault("F19", *_AMOUNTS, identity=name)
        for name in ("I1", "I2", "I3", "I4", "I5", "I6", "I13")
    ),
    *(_fault("F20", "6202", how=how) for how in ("never", "late", "twice", "disorder")),
    _fault("F21"),
    _fault("F22"),
    _fault("F23"),
)
"""By the list of fault points (F0 to F23)."""

CUTS: Final[Mapping[str, tuple[int, bool]]] = {
    "before the answer is logged": (1, False),
    "after the answer is logged": (1, True),
    "after what follows is booked": (2, True),
}
"""Power cuts: which commit from the message on, and whether before or after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What people do with one bill, and the end of the day.

    Attributes:
        name: as the report writes it.
        steps: ``settle``, ``again`` (where the first attempt failed), ``both`` (window and bedside
            at once), ``refund``, ``partial``, ``pay``, ``give back``, ``give part back``
            (these three by mobile phone), ``day``.
        inpatient: a stay.
        person: kind of insurance in the centre's world.
        troubles: faults of the story itself: action, transaction, which call of it.
    """

    name: str
    steps: Sequence[str]
    inpatient: bool = False
    person: str = "employee"
    troubles: Sequence[tuple[str, str, int]] = ()

    @property
    def mobile(self) -> bool:
        """The centre tells the HIS of payments (6302)."""
        return "pay" in self.steps


STORIES: Final = (
    Story(name="outpatient, refunded", steps=("settle", "refund", "day")),
    Story(name="outpatient, refunded in part", steps=("settle", "partial", "day"), person="civil"),
    Story(name="outpatient, tried again", steps=("settle", "again", "day"), person="resident"),
    Story(name="outpatient, two channels at once", steps=("both", "day")),
    Story(name="stay, refunded", steps=("settle", "refund", "day"), inpatient=True),
    Story(name="stay, refunded in part", steps=("settle", "partial", "day"), inpatient=True),
    Story(
        name="outpatient, answer lost",
        steps=("settle", "refund", "day"),
        troubles=(("F3", "2207", 1),),
    ),
    Story(
        name="stay, answer lost",
        steps=("settle", "refund", "day"),
        inpatient=True,
        troubles=(("F3", "2304", 1),),
    ),
    Story(
        name="outpatient, refund lost",
        steps=("settle", "refund", "day"),
        troubles=(("F3", "2208", 1),),
    ),
    Story(
        name="stay, refund lost",
        steps=("settle", "refund", "day"),
        inpatient=True,
        troubles=(("F3", "2305", 1),),
    ),
    Story(name="outpatient, one-sided", steps=("settle", "day"), troubles=(("F8", "2207", 1),)),
    Story(
        name="stay, one-sided",
        steps=("settle", "day"),
        inpatient=True,
        troubles=(("F8", "2304", 1),),
    ),
    Story(name="mobile, refunded", steps=("pay", "give back", "day"), person="civil"),
    Story(name="mobile, refunded in part", steps=("pay", "give part back", "day"), person="civil"),
    Story(name="mobile, answer lost", steps=("pay", "day"), troubles=(("F3", "6202", 1),)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One (message, fault, power cut) of a story.

    Attributes:
        story: played.
        message: from 1, over all that the HIS sends in the story.
        infno, nth: its transaction, and which call of that.
        fault: that hits it; None for none.
        cut: a key of ``CUTS``; empty for none.
    """

    story: Story
    message: int = 0
    infno: str = ""
    nth: int = 0
    fault: Fault | None = None
    cut: str = ""

    @property
    def name(self) -> str:
        """In one line."""
        fault = self.fault.name if self.fault else "-"
        return f"{self.story.name} | {self.infno}#{self.nth} | {fault} | {self.cut or '-'}"

    def power_cut(self) -> PowerCut | None:
        """As the town wants it."""
        if not self.cut:
            return None
        commit, after = CUTS[self.cut]
        return PowerCut(message=self.message, commit=commit, after=after)


def points(story: Story, sent: Sequence[str]) -> Iterator[Point]:
    """Every point of a story.

    Args:
        story: of which.
        sent: transactions of its messages, in order, as it goes without a point.
    """
    counts: dict[str, int] = {}
    begun = not story.troubles
    for message, infno in enumerate(sent, start=1):
        nth = counts[infno] = counts.get(infno, 0) + 1
        if not begun:  # what comes before the trouble is explored in the story without it
            begun = any((infno, nth) == trouble[1:] for trouble in story.troubles)
            continue
        for fault in (None, *FAULTS):
            if fault is not None and not _fits(fault, infno):
                continue
            for cut in ("", *CUTS):
                if fault is not None or cut:
                    yield Point(
                        story=story, message=message, infno=infno, nth=nth, fault=fault, cut=cut
                    )


def _fits(fault: Fault, infno: str) -> bool:
    """Whether a fault can hit a transaction."""
    return not fault.only or infno in fault.only
