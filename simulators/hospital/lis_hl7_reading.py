"""What an HL7 message of an analyzer says: ORU^R01 (2.3.1 dialect and plain), OUL^R21 to R24.

In the 2.3.1 dialect MSH-16 tells sample, calibration and quality control apart, OBR-2 is the
barcode, OBX-3 the channel, OBX-8 always N, and one number stands for "no value". Elsewhere the
specimen is SPM-2, else OBR-3, else OBR-2.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.wire.hl7 import Hl7Message, Segment
from simulators.hospital.lis_driver import Driver
from simulators.hospital.lis_reading import Attached, Reading, Readings

SENTINELS: Final = frozenset({"-0x0fffffff", "-268435455", "-268435455.000000"})
"""OBX-5 of the 2.3.1 dialect that means "look at OBX-9"."""

DIALECT: Final = "2.3.1"
"""MSH-12 of the dialect."""

MARKS: Final = ({"1": "control"}, {"1": "calibration", "2": "control"})
"""MSH-16 that is no acknowledgement condition (HL7 table 0155) but a kind of result: elsewhere, and
in the dialect."""

CONTROL_MODES: Final = frozenset({"S", "LJ", "XB"})
"""MSH-11.2 of a maker that names the rule of its control there."""

ARROWS: Final = {"\N{UPWARDS ARROW}": "H", "\N{DOWNWARDS ARROW}": "L"}
"""OBX-8 as some instruments print it."""

ZONE: Final = timedelta(hours=8)
"""Civil time of China."""

_TIME = re.compile(r"(\d{14})(?:\.\d+)?([+-])(\d\d)(\d\d)", re.ASCII)


def sender_of(message: Hl7Message) -> str:
    """Who sends: MSH-3, or MSH-4 where MSH-3 is empty."""
    return (message.get("MSH-3.1") or "").strip() or (message.get("MSH-4.1") or "").strip()


def readings(message: Hl7Message, driver: Driver, defects: set[str]) -> Readings:
    """The results and attachments of a message, segment by segment."""
    walk = _Walk(message, driver, defects, sender_of(message))
    for segment in message.segments():
        walk.segment(segment)
    return walk.found


def civil_time(text: str, defects: set[str]) -> str:
    """A time as digits of civil time of China; one without offset is civil time already."""
    found = _TIME.fullmatch(text)
    if found is None:
        return text
    if "lis-reads-digits-as-utc" in defects:
        offset = timedelta()
    else:
        offset = timedelta(hours=int(found[3]), minutes=int(found[4]))
        offset = -offset if found[2] == "-" else offset
    try:
        digits = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        moment = digits - offset + ZONE
    except (ValueError, OverflowError):
        return text
    return moment.strftime("%Y%m%d%H%M%S")


@dataclass(slots=True)
class _Walk:
    message: Hl7Message
    driver: Driver
    defects: set[str]
    instrument: str
    found: Readings = field(default_factory=Readings)
    name: str = ""
    barcode: str = ""
    kind: str = "patient"
    tested_at: str = ""
    by_specimen: bool = False

    @property
    def _dialect(self) -> bool:
        return self.message.get("MSH-12") == DIALECT

    def segment(self, segment: Segment) -> None:
        """One segment further."""
        match segment.name:
            case "PID":
                self.name = segment.get("5.1") or ""
            case "SPM":
                self.by_specimen = True
                self._specimen(segment.get("2.1") or "", role=segment.get("11.1") or "")
            case "OBR":
                self._request(segment)
            case "OBX":
                self._observation(segment)
            case "NTE":
                self._note(segment)

    def _specimen(self, raw: str, role: str = "") -> None:
        self.barcode = raw if "lis-keeps-padding" in self.defects else self.driver.stripped(raw)
        self.kind = self.driver.kind_of(self.barcode)
        if role == "Q" or (self.message.get("MSH-11.1") or "") == "Q":
            self.kind = "control"
        if (self.message.get("MSH-11.2") or "") in CONTROL_MODES:
            self.kind = "control"
        marks = MARKS[self._dialect]
        self.kind = marks.get(self.message.get("MSH-16") or "", self.kind)

    def _request(self, segment: Segment) -> None:
        self.tested_at = civil_time(segment.get("7") or "", self.defects)
        if not self.by_specimen:
            second, third = segment.get("2.1") or "", segment.get("3.1") or ""
            self._specimen(second or third if self._dialect else third or second)
        if self._dialect and self.kind == "control" and segment.get("20"):
            self.found.results.append(Reading(
                barcode=segment.get("14") or "", kind="control", instrument=self.instrument,
                channel=segment.get("2.1") or "", value=segment.get("20") or "",
                unit=segment.get("21") or "", tested_at=civil_time(
                    segment.get("8") or segment.get("6") or "", self.defects),
            ))  # fmt: skip

    def _observation(self, segment: Segment) -> None:
        if (segment.get("2") or "") == "ED":
            self._image(segment)
            return
        # A maker packs all results of a specimen into one OBX: codes, values, units repeat.
        for at in range(1, max(len(segment.repetitions(3)), 1) + 1):
            self._result(segment, at)

    def _result(self, segment: Segment, at: int) -> None:
        _, _, component = self.driver.value_place.partition(".")
        value = segment.get(f"5[{at}].{component or 1}") or ""
        if self._dialect and value in SENTINELS:
            value = segment.get("9") or value
        flag = (segment.repetitions(8) or [""])[0]
        flag = ARROWS.get(flag, flag)
        if self._dialect and flag == "N":  # always there, whatever the value
            flag = ""
        tested_at = segment.get("14") or segment.get("19") or ""
        self.found.results.append(Reading(
            barcode=self.barcode, kind=self.kind, instrument=self.instrument,
            patient_name=self.name, channel=segment.get(f"3[{at}].1") or "", value=value,
            unit=segment.get(f"6[{at}]") or "", flag=flag, status=segment.get("11") or "",
            tested_at=civil_time(tested_at, self.defects) or self.tested_at,
        ))  # fmt: skip

    def _image(self, segment: Segment) -> None:
        """ED: the data is the last component, in Base64 (HL7 2.5.1 §2.A.24)."""
        text = segment.get("5.5") or ""
        try:
            data = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            data = text.encode("utf-8", "replace")
        self.found.attached.append(Attached(
            barcode=self.barcode, kind="image", instrument=self.instrument,
            name=segment.get("3.1") or "", data=data,
        ))  # fmt: skip

    def _note(self, segment: Segment) -> None:
        text = segment.get("3") or ""
        results = self.found.results
        if not results or not text or "lis-drops-comments" in self.defects:
            return
        last = results[-1]
        if last.barcode == self.barcode:
            results[-1] = last.with_comment(text)
