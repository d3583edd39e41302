"""As little as still shows the fault: delta debugging over messages, segments, fields and gaps.

The search is ddmin (Zeller and Hildebrandt, IEEE TSE 28(2), 2002, figure 2): halves, then smaller
parts and what is left without them, until no single part can go. It runs over the whole messages
first, since each that goes takes its segments with it, then over segments, fields and gaps.

A message without a unit makes every system lose the unit: what is left must be a fault of the
system and not of the case. With a reference, where the fault is known not to be, it must stay
away there. Without one, what the fault speaks of is never taken out of what is sent, and where
something is missing that should have come, no message is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeVar

from harness.cases.faults import COUNT, Fault
from harness.cases.kept import Line
from harness.cases.replay import Once, once
from harness.cases.score import Score, Turn
from harness.cases.stage import Stage
from harness.errors import PermitError

T = TypeVar("T")

BUDGET_S: Final = 30.0
"""Real time for one search; what is left then is still a case, and the report says so."""

TRIALS_MAX: Final = 2000

HEADS: Final = frozenset({b"MSH", b"BHS", b"FHS", b"H", b"L"})
"""Without these a message is none of its protocol."""


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
    count = 2
    while len(left) >= 2:
        size = -(-len(left) // count)
        slices = [left[at : at + size] for at in range(0, len(left), size)]
        one = next((each for each in slices if len(slices) > 1 and shows(each)), None)
        if one is not None:
            left, count = one, 2
            continue
        rest = next((each for each in _without(slices) if shows(each)), None)
        if rest is not None:
            left, count = rest, max(count - 1, 2)
            continue
        if count >= len(left):
            break
        count = min(len(left), count * 2)
    return left


def _without(slices: Sequence[list[T]]) -> Iterator[list[T]]:
    """Everything but one slice, for each."""
    if len(slices) > 2:  # of two, each is what is left without the other
        for number in range(len(slices)):
            yield [one for at, each in enumerate(slices) if at != number for one in each]


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

    def run(self, score: Score) -> Score:
        """The least that still shows the fault."""
        self._until = self.clock() + self.budget_s
        for step in (self._messages, self._segments, self._fields, self._gaps):
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
                self._known[key] = good and self._clean(score)
            except PermitError:  # cut inside a character: nobody can tell whom it names
                self._known[key] = False
            if self._known[key]:
                self.last = result
        return self._known[key]

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
            if turn.move == "send"
            for at, text in enumerate(_split(turn.line.payload))
            if not self._fixed(text)
        ]

        def made(some: Sequence[tuple[int, int]]) -> Score:
            kept = set(some)
            return _changed(
                score,
                lambda line: (
                    b"\r".join(
                        text
                        for at, text in enumerate(_split(line.payload))
                        if self._fixed(text) or (line.number, at) in kept
                    )
                    + b"\r"
                ),
            )

        return self._least("segments", parts, made, score)

    def _fixed(self, text: bytes) -> bool:
        return _name(text) in HEADS or self._anchored(text)

    def _fields(self, score: Score) -> Score:
        if self._absent:
            return score
        parts = [
            (turn.line.number, at, number)
            for turn in score.turns
            if turn.move == "send"
            for at, text in enumerate(_split(turn.line.payload))
            if _name(text) not in HEADS
            for number, value in enumerate(text.split(_sign(turn.line)))
            if value and number and not self._anchored(value)
        ]

        def made(some: Sequence[tuple[int, int, int]]) -> Score:
            kept = set(some)

            def payload(line: Line) -> bytes:
                sign = _sign(line)
                segments = []
                for at, text in enumerate(_split(line.payload)):
                    fields = text.split(sign)
                    if _name(text) not in HEADS:
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

            return _changed(score, payload)

        return self._least("fields", parts, made, score)

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
            return _replaced(
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


def _changed(score: Score, payload: Callable[[Line], bytes]) -> Score:
    """The same with other payloads in what is sent."""

    def line(one: Line) -> Line:
        made = payload(one)
        return one if made == one.payload else dataclasses.replace(one, payload=made)

    return _replaced(score, line, moves=("send",))


def _replaced(
    score: Score, line: Callable[[Line], Line], moves: tuple[str, ...] = ("send", "command")
) -> Score:
    turns = [Turn(one.move, line(one.line)) if one.move in moves else one for one in score.turns]
    return Score(system=score.system, turns=turns, replies=score.replies, left_out=score.left_out)


def _words(faults: Sequence[Fault]) -> set[bytes]:
    """What faults speak of: the value that should stand there, and what chooses the segment."""
    texts = {text for one in faults for text in (one.wanted, one.where[1])}
    texts |= {found[1] for one in faults if (found := re.search(r"=([^\]]*)\]", one.place))}
    return {one.encode(codec) for one in texts if one for codec in ("utf-8", "gb18030")}


def _split(payload: bytes) -> list[bytes]:
    """Segments or records; what is malformed inside them stays as it is."""
    return [one for one in re.split(rb"\r\n?", payload) if one]


def _name(text: bytes) -> bytes:
    found = re.match(rb"[\x00-\x20\xef\xbb\xbf]*([A-Z][A-Z0-9]{2}|[A-Z])(?![A-Za-z0-9])", text)
    return found[1] if found else text[:3]


def _sign(line: Line) -> bytes:
    """The field separator that a message names."""
    at = line.payload.find(b"MSH") + 3 if line.protocol == "hl7" else 1
    return line.payload[at : at + 1] or b"|"


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
