"""What a trace tells about the messages on the wire: decoded, with what stood around them.

The bytes are decoded by the codecs of ``harness.wire``, which share no table with what the
simulators encode with; orders, maps and rules are read from the records of who set them up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.evidence.line import unpack
from harness.evidence.trace import Record as TraceRecord
from harness.wire.astm_records import AstmMessage, Record
from harness.wire.hl7 import Hl7Message

ANALYZER = "analyzer"
ASTM_LINK, HL7_LINK = "analyzer-lis", "analyzer-lis-hl7"

_FRAME = re.compile(rb"\x02[0-7]([^\x02\x03\x17]*)([\x03\x17])[0-9A-Fa-f]{2}")
"""A frame (LIS01-A2 §8.3.1)."""


@dataclass(frozen=True)
class Upload:
    """One ASTM message of an analyzer.

    Attributes:
        n: number of its record in the trace.
        wall: when it was on the wire, ISO 8601.
        raw: its bytes, without framing.
        message: decoded.
    """

    n: int
    wall: str
    raw: bytes
    message: AstmMessage

    @cached_property
    def results(self) -> list[Result]:
        """Every R record with the specimen that it stands under."""
        found: list[Result] = []
        specimen = ""
        for record in self.message.records:
            if record.type == "O":
                specimen = specimen_of(record)
            elif record.type == "R":
                found.append(Result(upload=self, specimen=specimen, record=record))
        return found

    @property
    def sender(self) -> str:
        """H.5.1 without blanks."""
        return (self.message.get("H.5.1") or "").strip()


@dataclass(frozen=True)
class Result:
    """One R record."""

    upload: Upload
    specimen: str
    record: Record

    def text(self, place: str) -> str:
        """A field of it, empty where it is absent."""
        return self.record.get(place) or ""

    @property
    def code(self) -> str:
        """R.3.4, or R.3.1 where that is empty."""
        return self.text("3.4") or self.text("3.1")

    @property
    def value(self) -> str:
        """R.4."""
        return self.text("4").strip()


def specimen_of(record: Record) -> str:
    """The specimen id of an O record: O.3.1, or the longest part of O.4 where O.3 is empty."""
    ident = (record.get("3.1") or "").strip()
    if ident:
        return ident
    return max((part.strip() for part in record.components(4)), key=len, default="")


@dataclass(frozen=True)
class Story:
    """A trace, as far as fault classes are about it."""

    records: Sequence[TraceRecord]

    @cached_property
    def uploads(self) -> list[Upload]:
        """ASTM messages of analyzers, in order."""
        return [
            Upload(one["n"], one.get("w", ""), unpack(one["raw"]), _astm(one))
            for one in self._messages("astm")
            if one["frm"] == ANALYZER
        ]

    @cached_property
    def downloads(self) -> list[AstmMessage]:
        """ASTM messages to analyzers, in order."""
        return [_astm(one) for one in self._messages("astm") if one["to"] == ANALYZER]

    @cached_property
    def results(self) -> list[Result]:
        """Every R record of every upload, in order."""
        return [result for upload in self.uploads for result in upload.results]

    @cached_property
    def hl7(self) -> list[tuple[TraceRecord, Hl7Message]]:
        """HL7 messages of every link, with their records."""
        return [(one, Hl7Message.parse(unpack(one["raw"]))) for one in self._messages("hl7")]

    def opened(self, link: str) -> int:
        """Connections over a link that came about."""
        return sum(
            one["kind"] == "link" and one["event"] == "opened" and one.get("link") == link
            for one in self.records
        )

    def bytes_of(self, link: str, sender: str) -> dict[str, bytes]:
        """What one role sent over a link, by connection."""
        found: dict[str, bytes] = {}
        for one in self.records:
            if one["kind"] == "bytes" and one.get("link") == link and one.get("frm") == sender:
                found[one["conn"]] = found.get(one["conn"], b"") + unpack(one["raw"])
        return found

    @cached_property
    def frames(self) -> list[tuple[bytes, bool]]:
        """Texts of the frames of ASTM analyzers, and whether another one follows (ETB)."""
        return [
            (found[1], found[2] == b"\x17")
            for data in self.bytes_of(ASTM_LINK, ANALYZER).values()
            for found in _FRAME.finditer(data)
        ]

    def hl7_of(self, sender: str, kind: str = "") -> list[tuple[TraceRecord, Hl7Message]]:
        """HL7 messages of one sender, of one type."""
        return [
            (record, message)
            for record, message in self.hl7
            if record["frm"] == sender and record.get("type", "").startswith(kind)
        ]

    @cached_property
    def orders(self) -> dict[str, list[tuple[str, str]]]:
        """By specimen: control code and patient of each order that the HIS sent."""
        found: dict[str, list[tuple[str, str]]] = {}
        for record, message in self.hl7_of("HIS", "OML"):
            corr: Mapping[str, str] = record.get("corr", {})
            patient = message.get("PID-3[1].1") or ""
            row = (message.get("ORC-1") or "", patient)
            found.setdefault(corr.get("barcode", ""), []).append(row)
        return found

    @cached_property
    def commands(self) -> list[TraceRecord]:
        """What users did."""
        return [one for one in self.records if one["kind"] == "command"]

    def commanded(self, name: str) -> Iterator[TraceRecord]:
        """Commands of one name."""
        return (one for one in self.commands if one["name"] == name)

    @cached_property
    def drivers(self) -> dict[str, Driver]:
        """What the LIS was told about each analyzer, by its sender name; the fullest of each."""
        found: dict[str, Driver] = {}
        for one in self.commanded("configure_analyzer"):
            args: Mapping[str, str] = one["args"]
            rows = _rows(args.get("items", "[]"))
            driver = Driver(settings=dict(args), items={row["channel"]: row for row in rows})
            before = found.get(args["sender"])
            if before is None or len(driver.settings) >= len(before.settings):
                found[args["sender"]] = driver
        return found

    @cached_property
    def critical_rules(self) -> list[Mapping[str, Any]]:
        """Every rule of critical values that the LIS was told, in order."""
        told = [_rows(one["args"]["rules"]) for one in self.commanded("critical_rules")]
        return [rule for some in told for rule in some]

    @cached_property
    def critical_items(self) -> dict[str, Mapping[str, Any]]:
        """Items with a rule of critical values."""
        return {rule["item"]: rule for rule in self.critical_rules}

    def _messages(self, protocol: str) -> Iterator[TraceRecord]:
        return (
            one
            for one in self.records
            if one["kind"] == "message" and one.get("protocol") == protocol
        )


@dataclass(frozen=True)
class Driver:
    """What the LIS was told about an analyzer."""

    settings: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def marked(self, setting: str, specimen: str) -> bool:
        """The id begins with one of the prefixes of a setting."""
        prefixes = tuple(filter(None, self.settings.get(setting, "").split(",")))
        return bool(prefixes) and specimen.startswith(prefixes)


def _rows(given: Any) -> list[dict[str, Any]]:
    """A list of rows, given as it is or as JSON."""
    rows: list[dict[str, Any]] = json.loads(given) if isinstance(given, str) else list(given)
    return rows


def _astm(record: TraceRecord) -> AstmMessage:
    return AstmMessage.parse(unpack(record["raw"]), record.get("encoding") or "utf-8")
