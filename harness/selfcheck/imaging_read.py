"""What a trace shows of DICOM, read by other means than it was written by.

The devices write PDUs with pynetdicom or with ``harness.wire``, and data sets with
``harness.link.dicom_data``. Here PDUs are cut apart by a reader of its own (PS3.8 §9.3), command
sets and data sets are read by pydicom: no encoder vouches for itself.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from harness.evidence.line import unpack
from harness.evidence.trace import Record

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
RLE: Final = "1.2.840.10008.1.2.5"
INFLATED_MAX: Final = 64 * 1024 * 1024
REQUEST, ACCEPT, REJECT, DATA, RELEASE, RELEASED, ABORT = range(1, 8)
"""Types of PDUs (PS3.8 §9.3.1)."""

KINDS: Final = {
    0x0001: "C-STORE", 0x0010: "C-GET", 0x0020: "C-FIND", 0x0021: "C-MOVE", 0x0030: "C-ECHO",
    0x0100: "N-EVENT-REPORT", 0x0120: "N-SET", 0x0130: "N-ACTION", 0x0140: "N-CREATE",
}  # fmt: skip
"""Command fields (PS3.7 table E.1-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdu:
    """One PDU: where it stands in the trace, who sent it, and what it is."""

    n: int
    t: float
    conn: str
    frm: str
    kind: int
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An association request or its acceptance.

    Attributes:
        pdu: what it was read from.
        called: called AE title as it stands in its 16 bytes.
        calling: calling AE title.
        contexts: by id: class, syntaxes, and the result of an answer.
        user: type and value of the items of the user information.
    """

    pdu: Pdu
    called: bytes
    calling: bytes
    contexts: Mapping[int, tuple[str, tuple[str, ...], int]]
    user: Sequence[tuple[int, bytes]]

    @property
    def classes(self) -> set[str]:
        """Classes that are proposed."""
        return {abstract for abstract, _, _ in self.contexts.values()}

    def value(self, kind: int) -> bytes | None:
        """The first user item of a type."""
        return next((value for item, value in self.user if item == kind), None)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One whole message."""

    n: int
    t: float
    conn: str
    frm: str
    kind: str
    answer: bool
    command: Dataset
    raw: bytes
    syntax: str

    @cached_property
    def data(self) -> Dataset:
        """The data set; empty where none was sent or it cannot be read."""
        raw = self.raw
        if self.syntax == DEFLATED:
            try:
                raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw, INFLATED_MAX)
            except zlib.error:
                return Dataset()
        return parsed(raw, implicit=self.syntax == IMPLICIT)

    @property
    def status(self) -> int:
        """Of an answer; -1 where it has none."""
        return int(self.command.get("Status", -1))

    @property
    def sop(self) -> str:
        """The instance that it is about."""
        names = ("AffectedSOPInstanceUID", "RequestedSOPInstanceUID")
        return next((str(self.command.get(name)) for name in names if self.command.get(name)), "")

    @property
    def sop_class(self) -> str:
        """The class that it is about."""
        names = ("AffectedSOPClassUID", "RequestedSOPClassUID")
        return next((str(self.command.get(name)) for name in names if self.command.get(name)), "")


def parsed(raw: bytes, *, implicit: bool) -> Dataset:
    """A data set by pydicom; what cannot be read is left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd character sets, which are sent on purpose
            return read_dataset(BytesIO(raw), implicit, True, bytelength=len(raw))  # noqa: FBT003 - the library's
    except (ValueError, KeyError, EOFError, struct.error, NotImplementedError, OSError):
        return Dataset()


def value(data: Dataset, tag: int) -> bytes:
    """The bytes of one element as they came; empty where it is absent or has items."""
    if tag not in data:
        return b""
    found: Any = data.get_item(tag)
    return found.value if isinstance(found.value, bytes) else str(found.value or "").encode()


def elements(data: Dataset) -> Iterator[tuple[int, str, bytes]]:
    """Tag, value representation and bytes of each element of the first level."""
    for tag in data.keys():  # noqa: SIM118 - its own iteration converts the values
        found: Any = data.get_item(tag)
        yield int(tag), str(found.VR or ""), value(data, int(tag))


@dataclass
class Look:
    """What one trace shows.

    Args:
        records: of the trace.
    """

    records: Sequence[Record]
    pdus: list[Pdu] = field(init=False)

    def __post_init__(self) -> None:
        self.pdus = list(_pdus(self.records))

    @cached_property
    def requests(self) -> list[Proposal]:
        """Requests for associations."""
        return [found for pdu in self.pdus if pdu.kind == REQUEST and (found := _proposal(pdu))]

    @cached_property
    def acceptances(self) -> list[Proposal]:
        """Acceptances of associations."""
        return [found for pdu in self.pdus if pdu.kind == ACCEPT and (found := _proposal(pdu))]

    @cached_property
    def messages(self) -> list[Message]:
        """Whole messages, in the order of their ends."""
        return list(_messages(self.pdus))

    def asked(self, kind: str) -> list[Message]:
        """Requests of one kind."""
        return [one for one in self.messages if one.kind == kind and not one.answer]

    def answered(self, kind: str) -> list[Message]:
        """Answers of one kind."""
        return [one for one in self.messages if one.kind == kind and one.answer]

    @cached_property
    def stored(self) -> list[Message]:
        """Objects that a device sent to an archive."""
        return [one for one in self.asked("C-STORE") if one.frm == "modality"]

    def commanded(self, name: str) -> list[Record]:
        """What was entered at the screen of a system."""
        return [one for one in self.records if one["kind"] == "command" and one["name"] == name]

    def links(self, event: str) -> dict[str, int]:
        """Where connections ``opened`` or ``closed``, by connection."""
        found: dict[str, int] = {}
        for one in self.records:
            if one["kind"] == "link" and one.get("event") == event:
                found.setdefault(one["conn"], one["n"])
        return found


def _pdus(records: Sequence[Record]) -> Iterator[Pdu]:
    streams: defaultdict[tuple[str, str], bytearray] = defaultdict(bytearray)
    for record in records:
        if record["kind"] != "bytes" or str(record.get("interface")) not in _INTERFACES:
            continue
        stream = streams[record["conn"], record["frm"]]
        stream += unpack(record["raw"])
        while len(stream) >= 6:
            size = int.from_bytes(stream[2:6], "big")
            if len(stream) < 6 + size:
                break
            yield Pdu(n=record["n"], t=record["t"], conn=record["conn"], frm=record["frm"],
                      kind=stream[0], body=bytes(stream[6 : 6 + size]))  # fmt: skip
            del stream[: 6 + size]


_INTERFACES: Final = frozenset({"PACS-DIMSE", "RIS-MWL"})


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        size = int.from_bytes(data[2:4], "big")
        yield data[0], data[4 : 4 + size]
        data = data[4 + size :]


def _uid(raw: bytes) -> str:
    return raw.rstrip(b"\0 ").decode("latin-1")


def _proposal(pdu: Pdu) -> Proposal | None:
    if len(pdu.body) < 68:
        return None
    contexts: dict[int, tuple[str, tuple[str, ...], int]] = {}
    user: list[tuple[int, bytes]] = []
    for kind, raw in _items(pdu.body[68:]):
        if kind in {0x20, 0x21} and len(raw) >= 4:
            inner = list(_items(raw[4:]))
            abstract = "".join(_uid(one) for item, one in inner if item == 0x30)
            syntaxes = tuple(_uid(one) for item, one in inner if item == 0x40)
            contexts[raw[0]] = (abstract, syntaxes, raw[2])
        elif kind == 0x50:
            user += _items(raw)
    return Proposal(pdu=pdu, called=pdu.body[4:20], calling=pdu.body[20:36], contexts=contexts,
                    user=user)  # fmt: skip


def _messages(pdus: Sequence[Pdu]) -> Iterator[Message]:
    syntaxes: dict[tuple[str, int], str] = {}
    parts: defaultdict[tuple[str, str], list[bytes]] = defaultdict(lambda: [b"", b""])
    commands: dict[tuple[str, str], Dataset] = {}
    for pdu in pdus:
        way = (pdu.conn, pdu.frm)
        if pdu.kind in {REQUEST, ABORT}:
            parts.pop(way, None)
            commands.pop(way, None)
        if pdu.kind == ACCEPT and (found := _proposal(pdu)):
            for ident, (_, chosen, _) in found.contexts.items():
                syntaxes[pdu.conn, ident] = "".join(chosen)
        if pdu.kind != DATA:
            continue
        for context, control, piece in _fragments(pdu.body):
            is_command, last = bool(control & 1), bool(control & 2)
            parts[way][not is_command] += piece
            if not last:
                continue
            if is_command:
                commands[way] = parsed(parts[way][0], implicit=True)
                if commands[way].get("CommandDataSetType", 0x0101) != 0x0101:
                    continue
            if way in commands:
                raw = parts.pop(way)[1]
                yield _message(pdu, commands.pop(way), raw, syntaxes.get((pdu.conn, context), ""))


def _fragments(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    while len(body) >= 6:
        size = int.from_bytes(body[:4], "big")
        yield body[4], body[5], body[6 : 4 + size]
        body = body[4 + size :]


def _message(pdu: Pdu, command: Dataset, raw: bytes, syntax: str) -> Message:
    number = int(command.get("CommandField", 0))
    return Message(n=pdu.n, t=pdu.t, conn=pdu.conn, frm=pdu.frm, syntax=syntax, raw=raw,
                   kind=KINDS.get(number & 0x7FFF, f"{number:04X}"), command=command,
                   answer=bool(number & 0x8000))  # fmt: skip
