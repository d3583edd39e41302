"""A timeline as one system sees it: what is sent to it, what it said, and what it was answered."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.cases import retrievals
from harness.cases.framing import WIRE
from harness.cases.kept import COMMAND, Line
from harness.cases.player import BARE, PROTOCOLS
from harness.cases.recorded_maker import PROTOCOLS as MAKERS
from harness.errors import InputError
from harness.i18n import tr
from harness.link.spec import LinkSpec
from harness.wire.dicom_box import decode

PLAYED: Final = {**PROTOCOLS, "dicom": "dicom"}
"""Protocol of an endpoint, and of the lines that go over it."""

_ONE_LINE: Final = frozenset({"astm", "dicom", WIRE, *MAKERS})
"""Protocols whose line is one for both of its ends."""

Move = Literal["send", "hear", "command"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of a replay.

    Attributes:
        move: ``send`` to the system, ``hear`` from it, ``command`` at its screen.
        line: of the timeline.
    """

    move: Move
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Everything that a replay needs of a case.

    Attributes:
        system: role under test.
        turns: in the order of the recording.
        replies: our answers to what the system said, by number of its line.
        left_out: lines that this replay cannot play, and why.
    """

    system: str
    turns: Sequence[Turn]
    replies: Mapping[int, Sequence[Line]]
    left_out: Mapping[str, int]

    def only(self, numbers: frozenset[int]) -> Score:
        """The same with fewer lines; what the system said stays, to be waited for and answered."""
        return Score(
            system=self.system,
            turns=[one for one in self.turns if one.move == "hear" or one.line.number in numbers],
            replies=self.replies,
            left_out=self.left_out,
        )

    def without(self, numbers: frozenset[int]) -> Score:
        """The same without some lines, of whatever kind."""
        return Score(
            system=self.system,
            turns=[one for one in self.turns if one.line.number not in numbers],
            replies={key: value for key, value in self.replies.items() if key not in numbers},
            left_out=self.left_out,
        )

    @property
    def lines(self) -> list[Line]:
        """Everything that is left, in the order of the recording."""
        found = {one.line.number: one.line for one in self.turns}
        found |= {one.number: one for each in self.replies.values() for one in each}
        return [found[number] for number in sorted(found)]


NOT_WITH_IT: Final = "between other systems"
NO_LINK: Final = "no endpoint of the profile for it"


def compose(lines: Sequence[Line], system: str, specs: Mapping[str, LinkSpec]) -> Score:
    """Read a timeline as the system under test sees it.

    Raises:
        InputError: nothing in it is sent to the system, and nothing is told to it.
    """
    asked: dict[tuple[str, str], Line] = {}
    open_http: dict[tuple[str, str], list[Line]] = {}
    turns: list[Turn] = []
    replies: dict[int, list[Line]] = {}
    left_out: dict[str, int] = {}
    within = retrievals.sub_operations(lines, system)
    known: dict[int, Line] = {}
    for line in lines:
        if line.protocol == COMMAND:
            if line.to == system:
                turns.append(Turn("command", line))
            continue
        if system not in {line.frm, line.to}:
            left_out[NOT_WITH_IT] = left_out.get(NOT_WITH_IT, 0) + 1
            continue
        retrieval = known.get(within.get(line.number, 0))
        question = retrieval or _question(line, asked, open_http)
        link = question.link if question else _link(line, system, specs)
        kept = bool(link)
        if retrieval is not None and retrieval.kind == retrievals.MOVE:
            link = _destination(retrieval, line, specs)  # without one, its player says so
        placed = known[line.number] = _at(line, link)
        if not kept:
            left_out[NO_LINK] = left_out.get(NO_LINK, 0) + 1
            continue
        if line.protocol == "http" and question is not None and line.frm == system:
            placed = _answer(placed, question)
        if line.ident:
            asked[line.frm, line.ident] = placed
        if line.protocol == "http" and question is None:
            open_http.setdefault((line.frm, line.to), []).append(placed)
        if line.frm == system:
            turns.append(Turn("hear", placed))
        elif question is not None:
            replies.setdefault(question.number, []).append(placed)
        else:
            turns.append(Turn("send", placed))
    asks = any(one.line.kind in retrievals.ASKING for one in turns if one.line.number in replies)
    if not asks and not any(one.move != "hear" for one in turns):
        raise InputError(
            tr("nothing in this case is sent to {system}", system=system),
            remedy=tr("name the ends of the recording with --end ADDRESS=ROLE, or another --role"),
        )
    return Score(system=system, turns=turns, replies=replies, left_out=left_out)


def _question(
    line: Line,
    asked: Mapping[tuple[str, str], Line],
    open_http: Mapping[tuple[str, str], list[Line]],
) -> Line | None:
    """The line that this one answers: by its id, or over HTTP the oldest without an answer."""
    found = asked.get((line.to, line.answers)) if line.answers else None
    waiting = open_http.get((line.to, line.frm), []) if line.protocol == "http" else []
    if found is None and waiting:
        found = waiting[0]
    if found in waiting:
        waiting.remove(found)
    return found


def _answer(line: Line, question: Line) -> Line:
    """An answer over HTTP says itself neither what it is about nor what it answers."""
    corr = {**line.corr, "question": str(question.number)}
    return dataclasses.replace(line, kind=line.kind or question.kind, corr=corr)


def _link(line: Line, system: str, specs: Mapping[str, LinkSpec]) -> str:
    """The endpoint that a line goes over: as recorded, or the one between its ends."""
    fitting = [
        spec
        for spec in specs.values()
        if {spec.frm, spec.to} == {line.frm, line.to}
        and system in {spec.frm, spec.to}
        and PLAYED.get(spec.protocol) == BARE.get(line.protocol, line.protocol)
    ]
    named = [one for one in fitting if one.name == line.link]
    own = [one for one in fitting if one.frm == line.frm]
    # An analyzer's line is one for both; a PACS calls back those that it takes calls from.
    chosen = named or own or (fitting if line.protocol in _ONE_LINE else [])
    return chosen[0].name if chosen else ""


def _destination(move: Line, store: Line, specs: Mapping[str, LinkSpec]) -> str:
    """The endpoint to which a retrieval sends: the one with its title, else any to the system."""
    fitting = [one for one in specs.values() if one.protocol == retrievals.PROTOCOL
               and (one.frm, one.to) == (store.frm, store.to)]  # fmt: skip
    wanted = retrievals.destination(decode(move.payload, whole=False))
    named = [one for one in fitting if one.ae_title == wanted]
    return next((one.name for one in [*named, *fitting]), "")


def _at(line: Line, link: str) -> Line:
    if line.link == link:
        return line
    return Line(
        number=line.number, at_s=line.at_s, frm=line.frm, to=line.to, protocol=line.protocol,
        kind=line.kind, ident=line.ident, corr=line.corr, link=link, payload=line.payload,
    )  # fmt: skip
