"""Messages of recordings, whatever they were recorded by: traces, network captures, serial logs."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.captures.astm import read_astm
from harness.captures.hl7 import read_hl7
from harness.captures.http import read_http
from harness.captures.network import Talk, is_network, talks
from harness.captures.reading import Reading
from harness.captures.sources import Stream, read_file, streams
from harness.cases import dicom_about, recorded_dicom
from harness.cases.framing import WIRE, sessions, text_of
from harness.cases.kept import COMMAND
from harness.cases.recorded_dicom import OfTrace
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
        messages: by time.
        left_out: what could not be taken, with its number: protocols, damage, kept bytes.
        framing: ASTM sessions of captures are taken byte for byte.
    """

    messages: list[Recorded] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    framing: bool = False

    def miss(self, why: str, count: int = 1) -> None:
        """Count something that is not among the messages."""
        if count:
            self.left_out[why] = self.left_out.get(why, 0) + count


def read(paths: Sequence[Path], port: int = 0, *, framing: bool = False) -> Recording:
    """All messages of traces (``.jsonl``), network captures and serial captures.

    Args:
        paths: files.
        port: of network captures only the connections with it.
        framing: take ASTM sessions of captures with their framing, byte for byte.

    Raises:
        InputError: a file cannot be read, or there is no message in any.
    """
    found = Recording(framing=framing)
    for path in paths:
        if path.suffix == ".jsonl":
            found.messages += _trace(path, found)
        elif is_network(path):
            found.messages += _network(path, port, found)
        else:
            found.messages += _serial(path, found)
    if not found.messages:
        raise InputError(
            tr("no message in these recordings"), where=", ".join(str(one) for one in paths),
            remedy=", ".join(f"{tr(why)}: {count}" for why, count in found.left_out.items()),
        )  # fmt: skip
    found.messages.sort(key=lambda one: one.at_s)
    return found


def _trace(path: Path, found: Recording) -> Iterator[Recorded]:
    read_trace = trace.read(path)
    found.miss(read_trace.damage, bool(read_trace.damage))
    systems: set[str] = set()
    images = OfTrace()
    for record in read_trace.records:
        if record["kind"] == "bytes":
            images.take(record)
        if record["kind"] == "open":
            systems = {str(one["role"]) for one in record.get("systems", ())}
        if record["kind"] == COMMAND and record["role"] in systems and record["args"]:
            yield _command(path, record)
        if record["kind"] != "message":
            continue
        protocol = str(record["protocol"])
        if protocol == recorded_dicom.PROTOCOL:
            continue  # it says what was seen; the message itself stands in the bytes
        if protocol not in _READERS:
            found.miss(f"{protocol}: not taken into cases")
            continue
        payload = trace.unpack(record["raw"])
        more = dicom_about.of_order(payload) if protocol == "hl7" else {}
        yield Recorded(
            source=path.name,
            at_s=datetime.fromisoformat(record["w"]).timestamp(),
            frm=record["frm"],
            to=record["to"],
            protocol=protocol,
            kind=record["type"],
            ident=record["id"],
            corr=more | dict(record.get("corr", {})),
            payload=payload,
            link=str(record.get("link", "")),
        )
    for heard, lost in images.messages():
        found.miss("bytes of no message", lost)
        yield from (_image(path, one) for one in heard)


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
        at_s=datetime.fromisoformat(record["w"]).timestamp(),
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
        # Only both sides together tell what an association says: it was read with the capture.
        reading = talk.reading or _READERS[talk.protocol](talk.stream)
        yield from _messages(path, talk.protocol, reading, found, (frm, to), talk)


def _serial(path: Path, found: Recording) -> Iterator[Recorded]:
    for stream in streams(read_file(path)):
        protocol = "hl7" if b"MSH" in stream.data else "astm"
        if protocol == "astm" and _in_frames(stream, found):
            yield from _sessions(path, stream.data, (stream.direction, ""), None)
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
        about = correlate.astm(text_of(one.data))
        yield Recorded(
            source=path.name, at_s=_at(talk, one.offset), frm=ends[0], to=ends[1], protocol=WIRE,
            kind="session", ident=about.id, corr=about.corr, payload=one.data,
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
