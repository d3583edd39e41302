"""What a search can leave out of lines of instruments: results in columns, elements of POCT1-A2.

Columns stay where they are: of a layout of its own a whole result goes or none. A message in
several parts keeps its length, so nothing of it goes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from harness.captures.layout import Layout
from harness.captures.poct import POCT
from harness.cases.framing_maker import WIRE, changed, units
from harness.cases.kept import Line
from harness.cases.places_xml import is_xml
from harness.cases.records import replaced
from harness.cases.score import Score

Place = tuple[int, int]
"""Number of a line, and which result or element of it."""

Anchored = Callable[[bytes], bool]
Level = tuple[
    str, Callable[[Score], list[Place]], Callable[[Score, list[Place], Sequence[Place]], Score]
]
"""Its name, what may go, and the score without what is not kept."""

_TAG: Final = re.compile(
    rb"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>"
    rb"|<(?P<shut>/)?(?P<name>[A-Za-z_][\w.:-]*)"
    rb"(?P<more>(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*?)(?P<empty>/)?>",
    re.DOTALL,
)
HEADER: Final = b"HDR"


def levels(layout: Layout | None, anchored: Anchored) -> Iterator[Level]:
    """Levels of a search.

    Args:
        layout: of the instrument; None where the case has none.
        anchored: whether a fault speaks of something that stands there.
    """
    if layout is not None:
        yield (
            "results",
            partial(results, layout=layout, anchored=anchored),
            partial(with_results, layout=layout),
        )
    yield "elements of XML", partial(elements, anchored=anchored), with_elements


def results(score: Score, layout: Layout, anchored: Anchored) -> list[Place]:
    """Every result of every frame that is one with its message."""
    return [
        (one.line.number, at)
        for one in score.turns
        if one.move == "send" and one.line.protocol == WIRE
        for at, group in enumerate(_groups(one.line, layout))
        if not anchored(group)
    ]


def with_results(
    score: Score, parts: Sequence[Place], kept: Sequence[Place], layout: Layout
) -> Score:
    """The same without those of the parts that are not kept."""
    gone = set(parts) - set(kept)

    def line(one: Line) -> Line:
        mine = {at for number, at in gone if number == one.number}
        if one.protocol != WIRE or not mine:
            return one
        payload = changed(one.payload, layout, lambda text: _without(text, layout, mine))
        return dataclasses.replace(one, payload=payload)

    return replaced(score, line, moves=("send",))


def _groups(line: Line, layout: Layout) -> list[bytes]:
    framed = [one for one in units(line.payload, layout) if one.kind in {"frame", "open"}]
    if len(framed) != 1:
        return []
    codec, text = layout.decoded(framed[0].text)
    return [
        text[begin:end].encode(codec, "surrogateescape")
        for part in layout.parts(text)[0]
        for begin, end in part.groups
    ]


def _without(raw: bytes, layout: Layout, gone: set[int]) -> bytes:
    codec, text = layout.decoded(raw)
    groups = [one for part in layout.parts(text)[0] for one in part.groups]
    out, done = [], 0
    for at, (begin, end) in enumerate(groups):
        if at in gone:
            out.append(text[done:begin])
            done = end
    return "".join([*out, text[done:]]).encode(codec, "surrogateescape")


def elements(score: Score, anchored: Anchored) -> list[Place]:
    """Every element of every message of XML but its root and its header."""
    return [
        (one.line.number, at)
        for one in score.turns
        if one.move == "send" and _is_xml(one.line)
        for at, (begin, end) in enumerate(spans(one.line.payload))
        if not anchored(one.line.payload[begin:end])
    ]


def with_elements(score: Score, parts: Sequence[Place], kept: Sequence[Place]) -> Score:
    """The same without those of the parts that are not kept."""
    gone = set(parts) - set(kept)

    def line(one: Line) -> Line:
        mine = {at for number, at in gone if number == one.number}
        if not _is_xml(one) or not mine:
            return one
        out, done = [], 0
        for at, (begin, end) in enumerate(spans(one.payload)):
            if at in mine and begin >= done:
                out.append(one.payload[done:begin])
                done = end
        return dataclasses.replace(one, payload=b"".join([*out, one.payload[done:]]))

    return replaced(score, line, moves=("send",))


def _is_xml(line: Line) -> bool:
    return line.protocol == POCT or (line.protocol == "http" and is_xml(line.payload))


def spans(payload: bytes) -> list[tuple[int, int]]:
    """Where each element begins and ends, in the order of the message; malformed ones are none."""
    return sorted(_spans(payload))


def _spans(payload: bytes) -> Iterator[tuple[int, int]]:
    open_: list[tuple[bytes, int]] = []
    for match in _TAG.finditer(payload):
        name = match["name"]
        if name is None:
            continue
        if match["shut"]:
            while open_ and open_[-1][0] != name:
                open_.pop()
            if open_:
                _, begin = open_.pop()
                if open_ and not _of_header(open_, name):
                    yield begin, match.end()
        elif match["empty"]:
            if open_ and not _of_header(open_, name):
                yield match.start(), match.end()
        else:
            open_.append((name, match.start()))


def _of_header(open_: Sequence[tuple[bytes, int]], name: bytes) -> bool:
    return HEADER in {name, *(one for one, _ in open_)}
