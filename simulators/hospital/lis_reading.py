"""What an ASTM message of an analyzer says, before the LIS makes anything of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from harness.digits import whole_number
from harness.wire.astm_records import AstmMessage, Record
from simulators.hospital.lis_driver import Driver

CONTROL_KINDS: Final = {"Q": "control", "QR": "control", "CR": "calibration", "T": "training",
                        "D": "training"}  # fmt: skip
"""H.12 that is no production (LIS02-A2 §6.12: P, T, D, Q); QR and CR are a vendor's own."""

COMMENT_MAX: Final = 2_000
"""Characters of comments that are kept with one result."""

_PLACE = re.compile(r"(?:P\.)?[1-9]\d?(?:\.[1-9]\d?)?")
_OF_PATIENT = "P."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One result, with the specimen above it; texts as they came."""

    barcode: str
    kind: str
    instrument: str
    patient_name: str = ""
    channel: str
    aspect: str = ""
    value: str
    unit: str = ""
    flag: str = ""
    status: str = ""
    tested_at: str = ""
    comment: str = ""

    def with_comment(self, text: str) -> Reading:
        """This result with one more comment."""
        joined = f"{self.comment}; {text}" if self.comment else text
        return replace(self, comment=joined[:COMMENT_MAX])


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What a maker sends beside results: a curve, a histogram, an image.

    Attributes:
        data: what the size and the hash are taken of: for M records everything after field 2, in
            the bytes of the analyzer's character set; for HL7 images the decoded data.
    """

    barcode: str
    kind: str
    instrument: str
    name: str
    data: bytes


@dataclass(slots=True)
class Readings:
    """Everything that one message brings."""

    results: list[Reading] = field(default_factory=list)
    attached: list[Attached] = field(default_factory=list)


def sender_of(message: AstmMessage) -> str:
    """Who sends: H.5.1, or H.10.1 where an analyzer leaves H.5 empty."""
    for place in ("H.5.1", "H.10.1"):
        name = (message.get(place) or "").strip()
        if name:
            return name
    return ""


def readings(message: AstmMessage, driver: Driver, defects: set[str]) -> Readings:
    """The results and attachments of a message, comments with the result before them."""
    walk = _Walk(driver, defects, sender_of(message), message.get("H.12") or "")
    for record in message.records:
        walk.record(record)
    found = walk.found
    if "lis-loses-last-result" in defects and len(found.results) > 1:
        found.results.pop()
    return found


@dataclass(slots=True)
class _Walk:
    """Where in the hierarchy of LIS02-A2 §4 we are."""

    driver: Driver
    defects: set[str]
    instrument: str
    processing: str
    found: Readings = field(default_factory=Readings)
    name: str = ""
    barcode: str = ""
    kind: str = "patient"
    typed: str = ""
    """What the operator of a bedside device typed in place of a tube."""

    def record(self, record: Record) -> None:
        """One record further."""
        match record.type:
            case "P":
                self.name = record.get("6") or ""
                place = self._place(self.driver.id_place, "3.1")
                if place.startswith(_OF_PATIENT):
                    self.typed = record.get(place.removeprefix(_OF_PATIENT)) or ""
            case "O":
                self._specimen(record)
            case "R" if self._channel(record) or record.get("4"):
                self.found.results.append(self._result(record))
            case "C":
                self._comment(record)
            case "M":
                self._attached(record)

    def _specimen(self, record: Record) -> None:
        place = self._place(self.driver.id_place, "3.1")
        raw = self.typed if place.startswith(_OF_PATIENT) else record.get(place) or ""
        self.barcode = raw if "lis-keeps-padding" in self.defects else self.driver.stripped(raw)
        if "lis-barcode-as-number" in self.defects:
            self.barcode = self.barcode.lstrip("0")
        self.kind = CONTROL_KINDS.get(self.processing, "") or self.driver.kind_of(self.barcode)
        if record.get("12") == "Q":
            self.kind = "control"

    def _result(self, record: Record) -> Reading:
        aspect, place = "", self.driver.aspect_place
        if (component := whole_number(place)) is not None:
            aspect = record.get(f"3.{component or 1}") or ""
        elif _PLACE.fullmatch(place):
            aspect = record.get(place) or ""
        return Reading(
            barcode=self.barcode,
            kind=self.kind,
            instrument=self.instrument,
            patient_name=self.name,
            channel=self._channel(record),
            aspect=aspect,
            value=record.get(self._place(self.driver.value_place, "4")) or "",
            unit=record.get("5") or "",
            flag=record.get("7") or "",
            status=record.get("9") or "",
            tested_at=record.get("13") or "",
        )

    def _channel(self, record: Record) -> str:
        place = self._place(self.driver.code_place, "3.4")
        return record.get(place) or ("" if self.driver.code_place else record.get("3.1")) or ""

    def _place(self, configured: str, usual: str) -> str:
        return configured if _PLACE.fullmatch(configured) else usual

    def _comment(self, record: Record) -> None:
        text = (record.get("4") or "").strip(" ^")
        if not self.found.results or not text or "lis-drops-comments" in self.defects:
            return
        last = self.found.results[-1]
        if last.barcode != self.barcode:
            return
        self.found.results[-1] = last.with_comment(text)

    def _attached(self, record: Record) -> None:
        if not self.barcode:
            return
        data = record.signs.field.join(record.fields[2:]).encode(record.encoding, "replace")
        self.found.attached.append(Attached(
            barcode=self.barcode, kind="M", instrument=self.instrument,
            name=record.get("3") or "", data=data,
        ))  # fmt: skip
