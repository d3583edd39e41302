"""Messages of recordings, whatever they were recorded by: traces, network captures, serial logs."""

from __future__ import annotations

import gc
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.captures.astm import read_astm
from harness.captures.hl7 import read_hl7
from harness.captures.http import read_http
from harness.captures.network import Talk, is_network, talks
from harness.captures.reading import Reading
from harness.captures.sources import Stream, read_file, streams
from harness.cases import dicom_about, framing_mllp, recorded_dicom
from harness.cases.framing import WIRE, sessions, text_of
from harness.cases.kept import COMMAND
from harness.cases.recorded_dicom import OfTrace, Talked, moment
from harness.cases.recorded_wire import Covered, WireOfTrace
from harness.cases.unread import Unread
from harness.errors import InputError
from harness.evidence import correlate, correlate_http, trace
from harness.evidence.correlate import Summary
from harness.i18n import tr

_SUMMARIES = {"hl7": correlate.hl7, "astm": correlate.astm, "dicom": dicom_about.summary}
_ABOUT = {
    "patient_id": "patient",
    "barcode": "barcode",
    "placer": "placer",
    "visit": "visit",
    "bill_no": "bill",
    "setl_id": "setl_id",
    "accession": "accession",
    "study": "study",
    "sps_id": "step",
}
"""Arguments of a command that say what it is about, and which key they are."""

MALFORMED = "sessions whose framing is not as it should be; --framing keeps it"
MISFRAMED = "spots in HL7 whose framing is not as it should be; --framing keeps them"
ENCRYPTED = "encrypted connections (TLS): nothing in them can be read"

_READERS = {"hl7": read_hl7, "astm": read_astm, "http": read_http}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One message.

    Attributes:
        source: file that it comes from.
        at_s: seconds since 1970; 0 where the recording has no times.
        frm: who sent it, as the recording names it.
        to: to whom.
        protocol: ``hl7``, ``astm``, ``http``, ``dicom``.
        kind: type of the message, number of the transaction.
        ident: control id, msgid.
        corr: what it is about.
        payload: its bytes, without framing.
        link: name of the endpoint that it went over, where the recording says.
    """

    source: str
    at_s: float
    frm: str
    to: str
    protocol: str
    kind: str
    ident: str
    corr: dict[str, str]
    payload: bytes
    link: str = ""


@dataclass(slots=True)
class Recording:
    """Everything of some files.

    Attributes:
        left_out: what could not be taken, with its number: protocols, damage, kept bytes.
        framing: ASTM sessions and what is wrong in HL7's framing are taken byte for byte.
        unread: associations of DICOM that nobody has asked for yet.
    """

    left_out: dict[str, int] = field(default_factory=dict)
    framing: bool = False
    unread: Unread[Recorded] = field(default_factory=Unread)
    _parts: list[list[Recorded] | int] = field(default_factory=list)

    def add(self, messages: Iterable[Recorded]) -> None:
        """What was read, behind all that is there."""
        self._parts.append(list(messages))

    def later(self) -> None:
        """The association that was put to the unread ones last stands behind all that is there."""
        self._parts.append(len(self.unread) - 1)

    @property
    def messages(self) -> list[Recorded]:
        """All messages by time; nothing stays unread."""
        self.unread.between(float("-inf"), float("inf"))
        return self.known

    @property
    def known(self) -> list[Recorded]:
        """By time, without the associations that nobody has asked for."""
        found = [
            one
            for part in self._parts
            for one in (self.unread.was_read(part) if isinstance(part, int) else part)
        ]
        found.sort(key=lambda one: one.at_s)
        return found

    def __len__(self) -> int:
        """How many messages there are, read or not."""
        read = sum(len(part) for part in self._parts if not isinstance(part, int))
        return read + self.unread.messages

    @property
    def untimed(self) -> int:
        """How many of them have no time; each association has one."""
        parts = [part for part in self._parts if not isinstance(part, int)]
        return sum(not one.at_s for part in parts for one in part)

    def miss(self, why: str, count: int = 1) -> None:
        """Count something that is not among the messages."""
        if count:
            self.left_out[why] = self.left_out.get(why, 0) + count


@contextmanager
def _uncollected() -> Iterator[None]:
    """A recording is a million small objects and no cycle: looking for one takes a third longer."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def read(paths: Sequence[Path], port: int = 0, *, framing: bool = False) -> Recording:
    """All messages of traces (``.jsonl``), network captures and serial captures.

    Args:
        paths: files.
        port: of network captures only the connections with it.
        framing: take ASTM sessions, and HL7 whose framing is not as it should be, byte for byte.

    Raises:
        InputError: a file cannot be read, or there is no message in any.
    """
    found = Recording(framing=framing)
    with _uncollected():
        for path in paths:
            if path.suffix == ".jsonl":
                _trace(path, found)
            elif is_network(path):
                found.add(_network(path, port, found))
            else:
                found.add(_serial(path, found))
    if not len(found):
        raise InputError(
            tr("no message in these recordings"), where=", ".join(str(one) for one in paths),
            remedy=", ".join(f"{tr(why)}: {count}" for why, count in found.left_out.items()),
        )  # fmt: skip
    return found


def _trace(path: Path, found: Recording) -> None:
    read_trace = trace.read(path)
    found.miss(read_trace.damage, bool(read_trace.damage))
    images, wire = OfTrace(), WireOfTrace() if found.framing else None
    said = _of_records(path, read_trace.records, images, found, wire)
    found.add(said if wire is None else _with_framing(path, said, wire))
    for talked in images.talks():
        read = partial(_images, path, talked, found)
        if found.unread.add(talked.talk, frozenset((talked.client, talked.server)), read):
            found.later()
        else:
            found.add(read())


def _of_records(
    path: Path, records: Iterable[trace.Record], images: OfTrace, found: Recording,
    wire: WireOfTrace | None,
) -> Iterator[Recorded]:  # fmt: skip
    systems: set[str] = set()
    for record in records:
        kind = record["kind"]
        if kind == "bytes":
            images.take(record)
            if wire is not None:
                wire.take(record)
        elif kind == "open":
            systems = {str(one["role"]) for one in record.get("systems", ())}
        elif kind == COMMAND and record["role"] in systems and record["args"]:
            yield _command(path, record)
        elif kind == "message":
            protocol = str(record["protocol"])
            if protocol == recorded_dicom.PROTOCOL:
                continue  # it says what was seen; the message itself stands in the bytes
            if protocol not in _READERS:
                found.miss(f"{protocol}: not taken into cases")
                continue
            yield _message(path, record, protocol)


def _with_framing(path: Path, said: Iterable[Recorded], wire: WireOfTrace) -> Iterator[Recorded]:
    """The messages, and in the place of those that came with their framing what was on the line."""
    messages, framed = list(said), list(wire.framed())
    covered = Covered(framed)
    for one in messages:
        if not covered.has(one.protocol, one.link, one.frm, one.payload):
            yield one
    for it in framed:
        ends = it.side.frm, it.side.to
        yield _piece(path, it.protocol, it.data, it.text, ends, it.at_s, link=it.side.link)


def _message(path: Path, record: trace.Record, protocol: str) -> Recorded:
    payload = trace.unpack(record["raw"])
    more = dicom_about.of_order(payload) if protocol == "hl7" else {}
    return Recorded(
        source=path.name,
        at_s=moment(record["w"]),
        frm=record["frm"],
        to=record["to"],
        protocol=protocol,
        kind=record["type"],
        ident=record["id"],
        corr=more | dict(record.get("corr", {})),
        payload=payload,
        link=str(record.get("link", "")),
    )


def _images(path: Path, talked: Talked, found: Recording) -> list[Recorded]:
    """The messages of one association."""
    heard, lost = talked.read()
    found.miss("bytes of no message", lost)
    return [_image(path, one) for one in heard]


def _image(path: Path, heard: recorded_dicom.Heard) -> Recorded:
    about = dicom_about.summary(heard.payload)
    return Recorded(
        source=path.name, at_s=heard.at_s, frm=heard.frm, to=heard.to,
        protocol=recorded_dicom.PROTOCOL, kind=about.type, ident=about.id, corr=about.corr,
        payload=heard.payload, link=heard.link,
    )  # fmt: skip


def _command(path: Path, record: dict[str, Any]) -> Recorded:
    """What a user did at a screen: a system under test acts on that as on a message."""
    args: dict[str, str] = {name: str(value) for name, value in record["args"].items()}
    return Recorded(
        source=path.name,
        at_s=moment(record["w"]),
        frm="user",
        to=record["role"],
        protocol=COMMAND,
        kind=record["name"],
        ident="",
        corr={key: args[name] for name, key in _ABOUT.items() if args.get(name)},
        payload=json.dumps(args, ensure_ascii=False).encode(),
    )


def _network(path: Path, port: int, found: Recording) -> Iterator[Recorded]:
    heard, skipped = talks(path, port)
    for why, count in skipped.items():
        found.miss(why, count)
    for talk in heard:
        frm, _, to = talk.stream.direction.partition(" > ")
        found.miss("gaps in the capture", sum(one.code == "net.gap" for one in talk.findings))
        if talk.protocol not in _READERS and talk.reading is None:
            sealed = talk.protocol == "tls"
            found.miss(ENCRYPTED if sealed else f"{talk.protocol}: not taken into cases")
            continue
        if talk.protocol == "astm" and _in_frames(talk.stream, found):
            yield from _sessions(path, talk.stream.data, (frm, to), talk)
            continue
        if talk.protocol == "hl7" and found.framing:
            yield from _framed(path, talk.stream.data, (frm, to), talk)
            continue
        # Only both sides together tell what an association says: it was read with the capture.
        reading = talk.reading or _READERS[talk.protocol](talk.stream)
        yield from _messages(path, talk.protocol, reading, found, (frm, to), talk)


def _serial(path: Path, found: Recording) -> Iterator[Recorded]:
    for stream in streams(read_file(path)):
        protocol = "hl7" if b"MSH" in stream.data else "astm"
        if protocol == "astm" and _in_frames(stream, found):
            yield from _sessions(path, stream.data, (stream.direction, ""), None)
            continue
        if protocol == "hl7" and found.framing:
            yield from _framed(path, stream.data, (stream.direction, ""), None)
            continue
        reading = _READERS[protocol](stream)
        yield from _messages(path, protocol, reading, found, (stream.direction, ""), None)


def _in_frames(stream: Stream, found: Recording) -> bool:
    """Whether its sessions are taken byte for byte; if not, how many are not as they should be."""
    if not found.framing:
        found.miss(MALFORMED, sum(not one.sound for one in sessions(stream.data)))
    return found.framing


def _sessions(
    path: Path, data: bytes, ends: tuple[str, str], talk: Talk | None
) -> Iterator[Recorded]:
    for one in sessions(data):
        yield _piece(path, WIRE, one.data, text_of(one.data), ends, _at(talk, one.offset))


def _framed(
    path: Path, data: bytes, ends: tuple[str, str], talk: Talk | None
) -> Iterator[Recorded]:
    """Messages of HL7; one whose framing is not as it should be comes byte for byte."""
    for one in framing_mllp.parts(data):
        protocol, kept = ("hl7", one.message) if one.sound else (framing_mllp.WIRE, one.data)
        yield _piece(path, protocol, kept, one.message, ends, _at(talk, one.offset + one.begin))


def _piece(
    path: Path, protocol: str, data: bytes, text: bytes, ends: tuple[str, str], at_s: float,
    link: str = "",
) -> Recorded:  # fmt: skip
    """What was on the line, with what the message in it is about."""
    about = correlate.astm(text) if protocol == WIRE else _about("hl7", text)
    return Recorded(
        source=path.name, at_s=at_s, frm=ends[0], to=ends[1], protocol=protocol,
        kind="session" if protocol == WIRE else about.type, ident=about.id, corr=about.corr,
        payload=data, link=link,
    )  # fmt: skip


def _at(talk: Talk | None, offset: int) -> float:
    """When a byte of a side came; 0 where nobody knows."""
    if talk is None:
        return 0.0
    at = bisect_right(talk.moments, offset, key=lambda one: one[0]) - 1
    return talk.moments[at][1] if at >= 0 else 0.0


def _messages(
    path: Path,
    protocol: str,
    reading: Reading,
    found: Recording,
    ends: tuple[str, str],
    talk: Talk | None,
) -> Iterator[Recorded]:
    found.miss("bytes of no message", sum(len(one.data) for one in reading.kept))
    if protocol == "hl7":
        found.miss(MISFRAMED, len(reading.findings))
    for one in reading.messages:
        if protocol == recorded_dicom.PROTOCOL and not one.payload:
            continue  # the words of an association: its requests have them
        about = _about(protocol, one.payload)
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


def _about(protocol: str, payload: bytes) -> Summary:
    summary = _SUMMARIES.get(protocol)
    if summary is not None:
        about = summary(payload)
        more = dicom_about.of_order(payload) if protocol == "hl7" else {}
        return Summary(type=about.type, id=about.id, corr=more | about.corr) if more else about
    return Summary(
        type=correlate_http.member(payload, "infno"),
        id=correlate_http.member(payload, "msgid")
        or correlate_http.member(payload, "inf_refmsgid"),
        corr=correlate_http.keys_of(payload),
    )
