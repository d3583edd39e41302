"""Members of bodies, arguments of commands, frames of sessions: what a search can leave out.

A body that is no whole JSON stays as it is: where it breaks may be the fault. One of which nothing
goes keeps its bytes; of the others the numbers stay as they were written.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.cases.framing import WIRE, pieces
from harness.cases.kept import COMMAND, Line
from harness.cases.score import Score, Turn
from harness.errors import PeerError
from harness.wire.json_exact import decode, encode

Place = tuple[int, tuple[str | int, ...]]
"""Number of a line, and the way to a member in its body."""

_GONE: Final = object()


def places(score: Score) -> list[Place]:
    """Every scalar, and every empty container, of what is sent and answered over HTTP."""
    return [
        (line.number, way)
        for line in _bodies(score)
        for way in _ways(_value(line), ())
        if way
    ]  # fmt: skip


def only(score: Score, kept: Sequence[Place]) -> Score:
    """The same with these members alone; a container that lost all of its own goes as well."""
    chosen: dict[int, set[tuple[str | int, ...]]] = {}
    for number, way in kept:
        chosen.setdefault(number, set()).add(way)

    def body(line: Line) -> Line:
        value = _value(line)
        if line.protocol != "http" or value is _GONE:
            return line
        wanted = chosen.get(line.number, set())
        if len(wanted) == sum(1 for way in _ways(value, ()) if way):
            return line
        left = _left(value, (), wanted)
        encoding = decode(line.payload).encoding
        payload = encode({} if left is _GONE else left, encoding)
        return dataclasses.replace(line, payload=payload)

    return _changed(score, body)


def arguments(score: Score) -> list[tuple[int, str]]:
    """Every argument of every command."""
    return [
        (one.line.number, name)
        for one in score.turns
        if one.move == "command"
        for name in json.loads(one.line.payload)
    ]


def with_arguments(score: Score, kept: Sequence[tuple[int, str]]) -> Score:
    """The same with these arguments alone."""
    chosen = set(kept)

    def command(line: Line) -> Line:
        if line.protocol != COMMAND:
            return line
        args = json.loads(line.payload)
        left = {name: value for name, value in args.items() if (line.number, name) in chosen}
        if left == args:
            return line
        return dataclasses.replace(line, payload=json.dumps(left, ensure_ascii=False).encode())

    return _changed(score, command)


def frames(score: Score) -> list[tuple[int, int]]:
    """Every piece of every session with its framing: line, and number of the piece in it."""
    return [
        (one.line.number, at)
        for one in score.turns
        if one.move == "send" and one.line.protocol == WIRE
        for at in range(len(pieces(one.line.payload)))
    ]


def with_frames(score: Score, kept: Sequence[tuple[int, int]]) -> Score:
    """The same with these pieces alone, byte for byte."""
    chosen = set(kept)

    def session(line: Line) -> Line:
        if line.protocol != WIRE:
            return line
        parts = pieces(line.payload)
        left = [one for at, one in enumerate(parts) if (line.number, at) in chosen]
        if left == parts:
            return line
        return dataclasses.replace(line, payload=b"".join(left))

    return _changed(score, session)


def _changed(score: Score, change: Callable[[Line], Line]) -> Score:
    """The same with other lines in what is sent, told and answered; what is heard stays."""
    turns = [one if one.move == "hear" else Turn(one.move, change(one.line)) for one in score.turns]
    replies = {key: [change(one) for one in each] for key, each in score.replies.items()}
    return Score(system=score.system, turns=turns, replies=replies, left_out=score.left_out)


def _bodies(score: Score) -> Iterator[Line]:
    """In the order of the recording; each line once."""
    said = {one.line.number: one.line for one in score.turns if one.move == "send"}
    said |= {one.number: one for each in score.replies.values() for one in each}
    for number in sorted(said):
        if said[number].protocol == "http":
            yield said[number]


def _value(line: Line) -> Any:
    try:
        return decode(line.payload).value
    except PeerError:
        return _GONE


def _ways(value: Any, way: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The ways to all scalars and empty containers; none of what could not be read."""
    if value is _GONE:
        return
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _ways(one, (*way, name))
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            yield from _ways(one, (*way, number))
    else:
        yield way


def _left(value: Any, way: tuple[str | int, ...], kept: set[tuple[str | int, ...]]) -> Any:
    """A value with what is kept of it; ``_GONE`` where nothing is."""
    if isinstance(value, Mapping) and value:
        members = {name: _left(one, (*way, name), kept) for name, one in value.items()}
        found = {name: one for name, one in members.items() if one is not _GONE}
        return found or _GONE
    if isinstance(value, list) and value:
        listed = [_left(one, (*way, number), kept) for number, one in enumerate(value)]
        return [one for one in listed if one is not _GONE] or _GONE
    return value if way in kept else _GONE
