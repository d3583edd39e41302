"""Messages of recordings, whatever they were recorded by: traces, network captures, serial logs."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from harness.captures.layout import Layout
from harness.captures.network import is_network
from harness.cases import dicom_about, framing_maker, recorded_dicom
from harness.cases.kept import COMMAND
from harness.cases.recorded_capture import READERS, network, serial
from harness.cases.recorded_dicom import OfTrace, Talked, moment
from harness.cases.recorded_maker import PROTOCOLS as MAKERS
from harness.cases.recorded_maker import UNSOUND, MakersOfTrace
from harness.cases.recorded_wire import Covered, WireOfTrace
from harness.cases.recording import (
    MISFRAMED,
    NO_MODEL,
    Recorded,
    Recording,
    maker_piece,
    piece,
)
from harness.errors import InputError
from harness.evidence import trace
from harness.i18n import tr

__all__ = ["MISFRAMED", "Recorded", "Recording", "read"]

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


def read(
    paths: Sequence[Path], port: int = 0, *, framing: bool = False, layout: Layout | None = None
) -> Recording:
    """All messages of traces (``.jsonl``), network captures and serial captures.

    Args:
        paths: files.
        port: of network captures only the connections with it.
        framing: take ASTM sessions, and HL7 whose framing is not as it should be, byte for byte.
        layout: of an instrument with a framing of its own; what speaks nothing else is read by it.

    Raises:
        InputError: a file cannot be read, or there is no message in any.
    """
    found = Recording(framing=framing, layout=layout)
    with _uncollected():
        for path in paths:
            if path.suffix == ".jsonl":
                _trace(path, found)
            elif is_network(path):
                found.add(network(path, port, found))
            else:
                found.add(serial(path, found))
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
    makers = MakersOfTrace(found.layout)
    said = list(_of_records(path, read_trace.records, images, found, (makers, wire)))
    pieces = list(makers.pieces())
    if pieces:  # many records have the same millisecond: their order is that of the trace
        said += [(number, maker_piece(path, one, link)) for number, link, one in pieces]
        said.sort(key=lambda one: one[0])
        found.miss(UNSOUND, sum(not one.sound for _, _, one in pieces))
    messages = (one for _, one in said)
    found.add(messages if wire is None else _with_framing(path, messages, wire))
    for talked in images.talks():
        read = partial(_images, path, talked, found)
        if found.unread.add(talked.talk, frozenset((talked.client, talked.server)), read):
            found.later()
        else:
            found.add(read())


def _of_records(
    path: Path, records: Iterable[trace.Record], images: OfTrace, found: Recording,
    lines: tuple[MakersOfTrace, WireOfTrace | None],
) -> Iterator[tuple[int, Recorded]]:  # fmt: skip
    """Messages with the numbers of their records."""
    makers, wire = lines
    systems: set[str] = set()
    for record in records:
        kind = record["kind"]
        if kind == "bytes":
            images.take(record)
            makers.take(record)
            if wire is not None:
                wire.take(record)
        elif kind == "open":
            systems = {str(one["role"]) for one in record.get("systems", ())}
        elif kind == COMMAND and record["role"] in systems and record["args"]:
            yield int(record["n"]), _command(path, record)
        elif kind == "message":
            protocol = str(record["protocol"])
            if protocol == recorded_dicom.PROTOCOL:
                continue  # it says what was seen; the message itself stands in the bytes
            if protocol in MAKERS:
                if protocol == framing_maker.WIRE and found.layout is None:
                    found.miss(NO_MODEL)
                continue  # they come from the bytes as well
            if protocol not in READERS:
                found.miss(f"{protocol}: not taken into cases")
                continue
            yield int(record["n"]), _message(path, record, protocol)


def _with_framing(path: Path, said: Iterable[Recorded], wire: WireOfTrace) -> Iterator[Recorded]:
    """The messages, and in the place of those that came with their framing what was on the line."""
    messages, framed = list(said), list(wire.framed())
    covered = Covered(framed)
    for one in messages:
        if not covered.has(one.protocol, one.link, one.frm, one.payload):
            yield one
    for it in framed:
        ends = it.side.frm, it.side.to
        yield piece(path, it.protocol, it.data, it.text, ends, it.at_s, link=it.side.link)


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
    args: dict[str, str] = {name: _text(value) for name, value in record["args"].items()}
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


def _text(value: Any) -> str:
    """An argument as a user types it; a table as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
