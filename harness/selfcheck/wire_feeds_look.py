"""HL7 between HIS and LIS as the wire shows it: frames and fields, cut from the bytes by hand.

Nothing of ``harness.wire`` is used: what built the messages must not say what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from harness.evidence.line import unpack
from harness.evidence.trace import Record

LINKS: Final = frozenset(
    {"his-lis", "lis-his", "his-engine", "his-engine-tls", "engine-lis", "lis-engine",
     "engine-his", "engine-ris", "engine-pacs", "engine-sender"}
)  # fmt: skip
"""Between HIS and LIS, and by way of the interface engine."""

BOM: Final = b"\xef\xbb\xbf"

_GB = re.compile(r"GB|CP936", re.IGNORECASE)
_UTF8 = re.compile(r"UTF|UNICODE", re.IGNORECASE)


@dataclass(frozen=True)
class Sent:
    """One message as it was sent.

    Attributes:
        n: number of its record.
        t: seconds since the run began.
        conn: its connection.
        frm: who sent it.
        to: to whom.
        raw: its bytes, without framing.
    """

    n: int
    t: float
    conn: str
    frm: str
    to: str
    raw: bytes

    @cached_property
    def signs(self) -> str:
        """MSH-1 and MSH-2: the separators."""
        head = self.raw.removeprefix(BOM).decode("latin-1")
        found = re.match(r"MSH(.)([^\r\n]*?)\1", head, re.DOTALL)
        return found[1] + found[2] if found else ""

    @cached_property
    def declared(self) -> str:
        """MSH-18, first repetition."""
        head = re.split(rb"[\r\n]", self.raw.removeprefix(BOM), maxsplit=1)[0]
        fields = head.decode("latin-1").split(self.signs[:1] or "|")
        return fields[17].split("~")[0] if len(fields) > 17 else ""

    @cached_property
    def text(self) -> str:
        """Decoded as declared, where that is possible, and as one of the two usual ways if not."""
        data = self.raw.removeprefix(BOM)
        first = ["utf-8"] if _UTF8.search(self.declared) else []
        first += ["gb18030"] if _GB.search(self.declared) else []
        for codec in [*first, "utf-8", "gb18030"]:
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                continue
        return data.decode("latin-1")

    @cached_property
    def rows(self) -> list[list[str]]:
        """Segments, each as its fields; that of MSH are shifted so that field n has number n."""
        rows = [row for row in re.split(r"[\r\n]+", self.text) if row]
        split = [row.split(self.signs[:1] or "|") for row in rows]
        return [[row[0], "", *row[1:]] if row[0] == "MSH" else row for row in split]

    def all(self, name: str, number: int) -> list[str]:
        """A field of every segment of a name; empty text where it is absent."""
        return [row[number] if number < len(row) else "" for row in self.rows if row[0] == name]

    def one(self, name: str, number: int) -> str:
        """A field of the first segment of a name."""
        return next(iter(self.all(name, number)), "")

    def part(self, name: str, number: int, component: int) -> str:
        """A component of it."""
        parts = self.one(name, number).split(self.signs[1:2] or "^")
        return parts[component - 1] if component <= len(parts) else ""

    @property
    def event(self) -> str:
        """MSH-9.2."""
        return self.part("MSH", 9, 2)

    @property
    def kind(self) -> str:
        """MSH-9.1."""
        return self.part("MSH", 9, 1)

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.one("MSH", 10)

    @property
    def is_answer(self) -> bool:
        """It acknowledges another one."""
        return bool(self.all("MSA", 1))

    @property
    def patient(self) -> str:
        """PID-2."""
        return self.one("PID", 2)


@dataclass(frozen=True)
class Exchange:
    """What a trace shows of HIS and LIS."""

    records: Sequence[Record]

    @cached_property
    def all(self) -> list[Sent]:
        """Messages and answers, in order."""
        return [
            Sent(one["n"], one["t"], one["conn"], one["frm"], one["to"], unpack(one["raw"]))
            for one in self.records
            if one["kind"] == "message"
            and one.get("protocol") == "hl7"
            and one.get("link") in LINKS
        ]

    @cached_property
    def sent(self) -> list[Sent]:
        """Messages that are no answers."""
        return [one for one in self.all if not one.is_answer]

    @cached_property
    def answers(self) -> list[Sent]:
        """Answers."""
        return [one for one in self.all if one.is_answer]

    def of(self, kind: str) -> Iterator[Sent]:
        """Messages of one MSH-9.1."""
        return (one for one in self.sent if one.kind == kind)

    @cached_property
    def reads(self) -> list[tuple[Record, bytes]]:
        """What went over each connection, read by read, also inside TLS."""
        return [
            (one, unpack(one["raw"]))
            for one in self.records
            if one["kind"] == "bytes" and one.get("link") in LINKS
        ]

    @cached_property
    def secured(self) -> Mapping[str, bytes]:
        """What went over each connection that began with a record of TLS (RFC 8446 §5.1)."""
        first: dict[str, bytes] = {}
        for record, data in self.reads:
            line = record["conn"].rstrip(">")
            first[line] = first.get(line, b"") + data
        return {line: data for line, data in first.items() if data.startswith(b"\x16\x03")}

    @cached_property
    def chunks(self) -> list[tuple[Record, bytes]]:
        """What went over each connection in the clear: a cipher may look like anything."""
        return [one for one in self.reads if one[0]["conn"].rstrip(">") not in self.secured]

    @cached_property
    def line(self) -> list[Record]:
        """Reads, and beginnings and ends of connections, in order."""
        return [
            one
            for one in self.records
            if one["kind"] in {"bytes", "link"}
            and one.get("link") in LINKS
            and not (one["kind"] == "bytes" and one["conn"].rstrip(">") in self.secured)
        ]

    @cached_property
    def ended(self) -> list[Record]:
        """Ends of connections."""
        return [one for one in self.links if one["event"] != "opened"]

    @cached_property
    def links(self) -> list[Record]:
        """Connections that opened, failed or ended."""
        return [one for one in self.records if one["kind"] == "link" and one.get("link") in LINKS]


def same_line(first: str, second: str) -> bool:
    """Two names of one connection: before and behind the relay."""
    return first.rstrip(">") == second.rstrip(">")
