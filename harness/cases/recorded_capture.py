"""Messages out of network captures and captures of serial lines."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from harness.captures.astm import read_astm
from harness.captures.hl7 import read_hl7
from harness.captures.http import read_http
from harness.captures.network import Talk, talks
from harness.captures.reading import Reading
from harness.captures.serial_log import OPPOSITE
from harness.captures.sources import Stream, read_file, streams
from harness.cases import framing_mllp, recorded_dicom, recorded_maker
from harness.cases.framing import WIRE, sessions, text_of
from harness.cases.recorded_maker import Piece, Spoken
from harness.cases.recording import (
    ENCRYPTED,
    MALFORMED,
    MISFRAMED,
    Recorded,
    Recording,
    about_of,
    maker_piece,
    piece,
)
from harness.clock import CHINA

DEVICE, HOST = "device", "host"
"""The ends of a serial line whose capture does not tell them apart."""

READERS = {"hl7": read_hl7, "astm": read_astm, "http": read_http}


def network(path: Path, port: int, found: Recording) -> Iterator[Recorded]:
    """Every message of a network capture."""
    heard, skipped = talks(path, port)
    for why, count in skipped.items():
        found.miss(why, count)
    for number, sides in enumerate(_conversations(heard), 1):
        spoken = [Spoken(*_ends(one), one.stream.data, partial(_at, one)) for one in sides]
        pieces = recorded_maker.pieces(spoken, found.layout, f"conversation-{number}")
        for talk in sides:
            lost = sum(one.code == "net.gap" for one in talk.findings)
            found.miss("gaps in the capture", lost)
            if not pieces:
                yield from _talk(path, talk, found)
        yield from _of_maker(path, pieces, found)


def _conversations(heard: Sequence[Talk]) -> Iterator[list[Talk]]:
    """Both sides of each, as they stand one behind the other."""
    held: list[Talk] = []
    for one in heard:
        if held and _ends(held[0]) != _ends(one)[::-1]:
            yield held
            held = []
        held.append(one)
        if len(held) == 2:
            yield held
            held = []
    if held:
        yield held


def _ends(talk: Talk) -> tuple[str, str]:
    frm, _, to = talk.stream.direction.partition(" > ")
    return frm, to


def _talk(path: Path, talk: Talk, found: Recording) -> Iterator[Recorded]:
    """One side of a connection."""
    if talk.protocol not in READERS and talk.reading is None:
        sealed = talk.protocol == "tls"
        found.miss(ENCRYPTED if sealed else f"{talk.protocol}: not taken into cases")
        return
    # Only both sides together tell what an association says: it was read with the capture.
    yield from _side(path, talk, found, talk.reading)


def serial(path: Path, found: Recording) -> list[Recorded]:
    """Every message of a capture of a serial line, in the order of its lines.

    A log of both directions tells them apart, and many have times: the order of the lines counts
    either way.
    """
    given = streams(read_file(path), day_s=_day_of(path))
    times = {line: at_s for one in given for _, line, at_s in one.marks}
    said = [_line(one, given) for one in given]
    spoken = [Spoken(*_ends(one), one.stream.data, partial(_at, one)) for one in said]
    pieces = recorded_maker.pieces(spoken, found.layout, "conversation-1")
    heard = list(_of_maker(path, pieces, found))
    if not pieces:
        heard = [each for one in said for each in _side(path, one, found, None)]
    heard.sort(key=lambda one: one.at_s)  # of their lines, so far
    return [dataclasses.replace(one, at_s=times.get(int(one.at_s), 0.0)) for one in heard]


def _day_of(path: Path) -> float:
    """The day on which a log was written last: what its times of day are taken to be of."""
    written = datetime.fromtimestamp(path.stat().st_mtime, CHINA)
    return written.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _line(stream: Stream, given: Sequence[Stream]) -> Talk:
    """One direction of a serial log, between its two ends; for times it has numbers of lines."""
    others = [one.direction for one in given if one is not stream and one.direction]
    frm = stream.direction or DEVICE
    to = OPPOSITE.get(frm, "") or (others[0] if len(others) == 1 else HOST)
    protocol = "hl7" if b"MSH" in stream.data else "astm"
    moments = [(offset, float(line)) for offset, line, _ in stream.marks]
    named = Stream(direction=f"{frm} > {to}", data=stream.data, marks=stream.marks)
    return Talk(stream=named, protocol=protocol, findings=[], moments=moments)


def _of_maker(path: Path, pieces: Sequence[Piece], found: Recording) -> Iterator[Recorded]:
    found.miss(recorded_maker.UNSOUND, sum(not one.sound for one in pieces))
    yield from (maker_piece(path, one) for one in pieces)


def _side(path: Path, talk: Talk, found: Recording, reading: Reading | None) -> Iterator[Recorded]:
    """What one side said in a protocol with a standard."""
    ends = _ends(talk)
    if talk.protocol == "astm" and _in_frames(talk.stream, found):
        yield from _sessions(path, talk.stream.data, ends, talk)
    elif talk.protocol == "hl7" and found.framing:
        yield from _framed(path, talk.stream.data, ends, talk)
    else:
        known = reading or READERS[talk.protocol](talk.stream)
        yield from _messages(path, talk.protocol, known, found, ends, talk)


def _in_frames(stream: Stream, found: Recording) -> bool:
    """Whether its sessions are taken byte for byte; if not, how many are not as they should be."""
    if not found.framing:
        found.miss(MALFORMED, sum(not one.sound for one in sessions(stream.data)))
    return found.framing


def _sessions(path: Path, data: bytes, ends: tuple[str, str], talk: Talk) -> Iterator[Recorded]:
    for one in sessions(data):
        yield piece(path, WIRE, one.data, text_of(one.data), ends, _at(talk, one.offset))


def _framed(path: Path, data: bytes, ends: tuple[str, str], talk: Talk) -> Iterator[Recorded]:
    """Messages of HL7; one whose framing is not as it should be comes byte for byte."""
    for one in framing_mllp.parts(data):
        protocol, kept = ("hl7", one.message) if one.sound else (framing_mllp.WIRE, one.data)
        yield piece(path, protocol, kept, one.message, ends, _at(talk, one.offset + one.begin))


def _at(talk: Talk, offset: int) -> float:
    """When a byte of a side came; 0 where nobody knows."""
    at = bisect_right(talk.moments, offset, key=lambda one: one[0]) - 1
    return talk.moments[at][1] if at >= 0 else 0.0


def _messages(
    path: Path,
    protocol: str,
    reading: Reading,
    found: Recording,
    ends: tuple[str, str],
    talk: Talk,
) -> Iterator[Recorded]:
    found.miss("bytes of no message", sum(len(one.data) for one in reading.kept))
    if protocol == "hl7":
        found.miss(MISFRAMED, len(reading.findings))
    for one in reading.messages:
        if protocol == recorded_dicom.PROTOCOL and not one.payload:
            continue  # the words of an association: its requests have them
        about = about_of(protocol, one.payload)
        yield Recorded(
            source=path.name,
            at_s=_at(talk, one.offset),
            frm=ends[0],
            to=ends[1],
            protocol=protocol,
            kind=about.type,
            ident=about.id,
            corr=about.corr,
            payload=one.payload,
        )
