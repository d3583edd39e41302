"""As little as still shows the fault: delta debugging over messages and all that is in them.

The search is ddmin (Zeller and Hildebrandt, IEEE TSE 28(2), 2002, figure 2) by what is left alone:
halves are taken out, then quarters, each size in one sweep over what is left, until no single part
can go. No part is tried by itself, and no sweep begins again: where many parts of many stay, as in
a body over HTTP, that takes a quarter of the replays. It runs over the whole messages
first, since each that goes takes its segments with it, then over segments, fields, frames of
sessions, members of bodies over HTTP, arguments of commands, and gaps.

A message without a unit makes every system lose the unit: what is left must be a fault of the
system and not of the case. With a reference, where the fault is known not to be, it must stay
away there. Without one, what the fault speaks of is never taken out of what is sent, and where
something is missing that should have come, no message is. A member or an argument whose absence
puts another wrong value in the place of the recorded one goes neither: that is another fault.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Final, TypeVar

from harness.cases import minimise_dicom, minimise_maker
from harness.cases.faults import COUNT, Fault
from harness.cases.kept import Line
from harness.cases.members import (
    arguments,
    frames,
    only,
    places,
    with_arguments,
    with_frames,
)
from harness.cases.records import HEADS, changed, name_of, of_records, replaced, sign_of, split
from harness.cases.replay import Once, once
from harness.cases.score import Score
from harness.cases.stage import Stage
from harness.errors import HarnessError, PermitError

T = TypeVar("T")

BUDGET_S: Final = 30.0
"""Real time for one search; what is left then is still a case, and the report says so."""

TRIALS_MAX: Final = 2000

BREAKS: Final = (HarnessError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a system of ours that runs in this process breaks down with, or its process with it."""


class _Enough(Exception):  # noqa: N818 - ends a search, not an error
    """The budget is used up."""


def ddmin(parts: Sequence[T], shows: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of ``parts`` that still shows, and of which nothing more can go.

    Args:
        parts: that show together.
        shows: whether some of them, in order, still do.

    >>> ddmin(range(8), lambda some: 3 in some and 6 in some)
    [3, 6]
    """
    left = list(parts)
    if not left or shows([]):
        return []
    size = len(left)
    while size > 1:
        size = max(min(-(-size // 2), len(left) - 1), 1)
        at = 0
        while at < len(left):
            rest = left[:at] + left[at + size :]
            if rest and shows(rest):
                left = rest
            else:
                at += size
    at = stayed = 0
    while len(left) > 1 and stayed < len(left):  # what stayed may go after something behind it went
        at %= len(left)
        rest = left[:at] + left[at + 1 :]
        if shows(rest):
            left, stayed = rest, 0
        else:
            at, stayed = at + 1, stayed + 1
    return left


@dataclass(slots=True)
class Search:
    """One search.

    Args:
        stage: where it plays.
        faults: what must still show.
        reference: where it must not; None where there is no such system.
        refused: how much of the whole case does not come about; no less may come about of a part.
        budget_s: real time for it.
    """

    stage: Stage
    faults: Sequence[Fault]
    reference: Stage | None = None
    refused: int = 0
    budget_s: float = BUDGET_S
    clock: Callable[[], float] = time.monotonic
    trials: int = 0
    ended: bool = True
    levels: dict[str, tuple[int, int]] = field(default_factory=dict)
    last: Once | None = None
    _until: float = 0.0
    _known: dict[str, bool] = field(default_factory=dict)
    _wrong: tuple[tuple[str, ...], ...] = ()

    def run(self, score: Score) -> Score:
        """The least that still shows the fault."""
        self._until = self.clock() + self.budget_s
        levels = (self._messages, self._segments, self._fields, self._elements, self._results,
                  self._frames, self._members, self._arguments, self._gaps)  # fmt: skip
        for step in levels:
            try:
                score = step(score)
            except _Enough as stop:
                self.ended = False
                best = stop.args[0]
                return self._tidy(best if best is not None else score)
        return self._tidy(score)

    def _shows(self, score: Score) -> bool:
        key = hashlib.sha256(
            b"\0".join(
                b"%d %d " % (one.number, one.at_s * 1000) + one.payload for one in score.lines
            )
        ).hexdigest()
        if key not in self._known:
            if self.trials >= TRIALS_MAX or self.clock() > self._until:
                raise _Enough(None)
            self.trials += 1
            try:
                result = once(self.stage, score, self.faults)
                good = result.outcome == "shows" and len(result.played.refused) <= self.refused
                self._known[key] = good and self._like(result) and self._clean(score)
            except PermitError:  # cut inside a character: nobody can tell whom it names
                self._known[key] = False
            except BREAKS:  # a system that breaks down over a part of it has another fault
                self._known[key] = False
                self._again()
            if self._known[key]:
                self.last = result
        return self._known[key]

    def _again(self) -> None:
        """Fresh systems for what is tried next."""
        for stage in (self.stage, self.reference):
            if stage is not None:
                stage.stop()

    def _like(self, result: Once) -> bool:
        """Whether the same wrong values are there, where that is asked for."""
        return not self._wrong or _wrong(result) == self._wrong

    def _sign(self, score: Score) -> bool:
        """From now on the same wrong values must stay; False where they are not the same twice."""
        if self._absent or self.reference is not None:
            return not self._absent
        if not self._wrong:
            runs = [_wrong(once(self.stage, score, self.faults)) for _ in range(2)]
            self.trials += len(runs)
            self._wrong = runs[0] if runs[0] == runs[1] else ()
        return bool(self._wrong)

    def _clean(self, score: Score) -> bool:
        """Whether a system without the fault does well with this."""
        if self.reference is None:
            return True
        return once(self.reference, score, self.faults).outcome == "gone"

    def _anchored(self, text: bytes) -> bool:
        """Whether a field holds what a fault speaks of."""
        if self.reference is not None:
            return False
        return any(one in text for one in _words(self.faults))

    @property
    def _absent(self) -> bool:
        """Whether something is missing that should have come: then all that was sent matters."""
        return self.reference is None and any(
            one.place == COUNT and one.wanted != "0" for one in self.faults
        )

    def _least(
        self, name: str, parts: Sequence[T], made: Callable[[Sequence[T]], Score], whole: Score
    ) -> Score:
        """The least of one level; where the budget ends, the best so far."""
        best = [whole, list(parts)]

        def shows(some: Sequence[T]) -> bool:
            score = made(some)
            found = self._shows(score)
            if found and len(some) < len(best[1]):  # type: ignore[arg-type]  # a pair of two kinds
                best[:] = [score, list(some)]
            return found

        try:
            left = ddmin(parts, shows)
        except _Enough:
            self.levels[name] = (len(parts), len(best[1]))  # type: ignore[arg-type]  # as above
            raise _Enough(best[0]) from None
        self.levels[name] = (len(parts), len(left))
        return made(left)

    def _messages(self, score: Score) -> Score:
        numbers = [one.line.number for one in score.turns if one.move != "hear"]
        if self._absent:
            self.levels["messages"] = (len(numbers), len(numbers))
            return score
        return self._least("messages", numbers, lambda some: score.only(frozenset(some)), score)

    def _segments(self, score: Score) -> Score:
        if self._absent:
            return score
        parts = [
            (turn.line.number, at)
            for turn in score.turns
            if of_records(turn)
            for at, text in enumerate(split(turn.line.payload))
            if not self._fixed(text)
        ]

        def made(some: Sequence[tuple[int, int]]) -> Score:
            kept = set(some)
            return changed(
                score,
                lambda line: (
                    b"\r".join(
                        text
                        for at, text in enumerate(split(line.payload))
                        if self._fixed(text) or (line.number, at) in kept
                    )
                    + b"\r"
                ),
            )

        return self._least("segments", parts, made, score)

    def _fixed(self, text: bytes) -> bool:
        return name_of(text) in HEADS or self._anchored(text)

    def _fields(self, score: Score) -> Score:
        if self._absent:
            return score
        parts = [
            (turn.line.number, at, number)
            for turn in score.turns
            if of_records(turn)
            for at, text in enumerate(split(turn.line.payload))
            if name_of(text) not in HEADS
            for number, value in enumerate(text.split(sign_of(turn.line)))
            if value and number and not self._anchored(value)
        ]

        def made(some: Sequence[tuple[int, int, int]]) -> Score:
            kept = set(some)

            def payload(line: Line) -> bytes:
                sign = sign_of(line)
                segments = []
                for at, text in enumerate(split(line.payload)):
                    fields = text.split(sign)
                    if name_of(text) not in HEADS:
                        fields = [
                            one
                            if not number
                            or (line.number, at, number) in kept
                            or self._anchored(one)
                            else b""
                            for number, one in enumerate(fields)
                        ]
                        while len(fields) > 1 and not fields[-1]:
                            fields.pop()
                    segments.append(sign.join(fields))
                return b"\r".join(segments) + b"\r"

            return changed(score, payload)

        return self._least("fields", parts, made, score)

    def _frames(self, score: Score) -> Score:
        """Of sessions that keep their framing; a sum that was wrong stays wrong."""
        parts = frames(score)
        if not parts or not self._sign(score):
            return score
        return self._least("frames", parts, lambda some: with_frames(score, some), score)

    def _members(self, score: Score) -> Score:
        """Of bodies that are sent, and of the answers that the system gets."""
        parts = places(score)
        if not parts or not self._sign(score):
            return score
        return self._least("members", parts, lambda some: only(score, some), score)

    def _arguments(self, score: Score) -> Score:
        """Of commands."""
        parts = arguments(score)
        if not parts or not self._sign(score):
            return score
        return self._least("arguments", parts, lambda some: with_arguments(score, some), score)

    def _elements(self, score: Score) -> Score:
        """Elements of DICOM: of a data set, then those inside of its sequences."""
        for name, deep, together in minimise_dicom.LEVELS:
            parts = minimise_dicom.elements(score, self._anchored, deep=deep, together=together)
            if parts and not self._absent:
                score = self._least(name, parts, minimise_dicom.dropping(score, parts), score)
        return score

    def _results(self, score: Score) -> Score:
        """Results of an instrument's own layout, and elements of device messages."""
        for name, parts_of, made in minimise_maker.levels(self.stage.layout, self._anchored):
            parts = parts_of(score)
            if parts and not self._absent:
                score = self._least(name, parts, partial(made, score, parts), score)
        return score

    def _gaps(self, score: Score) -> Score:
        """Times between messages; only where they are kept at all."""
        sent = [one for one in score.turns if one.move != "hear"]
        gaps = [
            later.line.number
            for before, later in pairwise(sent)
            if later.line.at_s > before.line.at_s
        ]
        if not self.stage.manner.timed or not gaps:
            return score

        def made(some: Sequence[int]) -> Score:
            kept, moved, lines = set(some), 0.0, {}
            before = sent[0].line.at_s
            for turn in sent[1:]:
                if turn.line.number not in kept:
                    moved += max(turn.line.at_s - before, 0.0)
                before = turn.line.at_s
                lines[turn.line.number] = turn.line.at_s - moved
            return replaced(
                score,
                lambda line: dataclasses.replace(line, at_s=lines.get(line.number, line.at_s)),
            )

        return self._least("gaps", gaps, made, score)

    def _tidy(self, score: Score) -> Score:
        """What the system does not say any more, and nobody waits for, goes as well."""
        if self.last is None:
            return score
        heard = {one.matched for one in self.last.played.heard}
        silent = {one.line.number for one in score.turns if one.move == "hear"} - heard
        least = score.without(frozenset(silent))
        try:
            return least if least.turns and self._shows(least) else score
        except _Enough:
            return score


def _wrong(result: Once) -> tuple[tuple[str, ...], ...]:
    """What stood at the place of each fault, in the words of the recording."""
    slots = result.played.slots
    return tuple(
        tuple(slots.recorded(value.encode()).decode("utf-8", "replace") for value in one.values)
        for one in result.seen
    )


def _words(faults: Sequence[Fault]) -> set[bytes]:
    """What faults speak of: the value that should stand there, and what chooses the segment."""
    texts = {text for one in faults for text in (one.wanted, one.where[1])}
    texts |= {found[1] for one in faults if (found := re.search(r"=([^\]]*)\]", one.place))}
    return {one.encode(codec) for one in texts if one for codec in ("utf-8", "gb18030")}


def summary(before: Score, after: Score, search: Search) -> Mapping[str, object]:
    """What a search did, for people and the manifest."""
    return {
        "trials": search.trials,
        "to_the_end": search.ended,
        "lines_before": len(before.lines),
        "lines_after": len(after.lines),
        "bytes_before": sum(len(one.payload) for one in before.lines),
        "bytes_after": sum(len(one.payload) for one in after.lines),
        **{name: f"{old} -> {new}" for name, (old, new) in search.levels.items()},
    }
