"""Messages of segments or records as a search cuts them (HL7 2.4 §2.5, LIS02-A2 §5)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Final

from harness.cases.kept import Line
from harness.cases.score import Score, Turn

HEADS: Final = frozenset({b"MSH", b"BHS", b"FHS", b"H", b"L"})
"""Without these a message is none of its protocol."""

RECORDS: Final = frozenset({"hl7", "astm"})
"""Protocols whose messages are segments or records, with fields between signs."""


def of_records(turn: Turn) -> bool:
    """Whether a message of segments or records is sent."""
    return turn.move == "send" and turn.line.protocol in RECORDS


def changed(score: Score, payload: Callable[[Line], bytes]) -> Score:
    """The same with other payloads in the messages of segments or records that are sent."""

    def line(one: Line) -> Line:
        made = payload(one) if one.protocol in RECORDS else one.payload
        return one if made == one.payload else dataclasses.replace(one, payload=made)

    return replaced(score, line, moves=("send",))


def replaced(
    score: Score, line: Callable[[Line], Line], moves: tuple[str, ...] = ("send", "command")
) -> Score:
    """The same with other lines in some of the moves."""
    turns = [Turn(one.move, line(one.line)) if one.move in moves else one for one in score.turns]
    return Score(system=score.system, turns=turns, replies=score.replies, left_out=score.left_out)


def split(payload: bytes) -> list[bytes]:
    """Segments or records; what is malformed inside them stays as it is."""
    return [one for one in re.split(rb"\r\n?", payload) if one]


def name_of(text: bytes) -> bytes:
    """Of a segment or the letter of a record, as far as it can be read."""
    found = re.match(rb"[\x00-\x20\xef\xbb\xbf]*([A-Z][A-Z0-9]{2}|[A-Z])(?![A-Za-z0-9])", text)
    return found[1] if found else text[:3]


def sign_of(line: Line) -> bytes:
    """The field separator that a message names."""
    at = line.payload.find(b"MSH") + 3 if line.protocol == "hl7" else 1
    return line.payload[at : at + 1] or b"|"
