"""Rows of the imaging catalogue that stand beside DICOM in a trace: certificates and orders.

Certificates are taken apart by their DER tags, HL7 by its separators: neither shares anything with
what wrote them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.selfcheck.imaging_read import Look
from harness.selfcheck.seeds import CERTIFICATE

TLS, ORDERS = "PACS-TLS", "RIS-ORD"
_UTC_TIME: Final = re.compile(rb"\x17\x0d(\d{12})Z\x17\x0d(\d{12})Z")
"""The validity of a certificate: two UTCTime values (RFC 5280 §4.1.2.5)."""


def _certificates(records: Sequence[Record]) -> list[bytes]:
    """Certificates that were shown, as DER; empty for none."""
    found = []
    for record in records:
        if record["kind"] == "message" and record.get("type") == CERTIFICATE:
            lines = unpack(record["raw"]).decode("ascii").splitlines()
            found.append(base64.b64decode("".join(one for one in lines if "-----" not in one)))
    return found


def _bad_certificates(look: Look) -> bool:
    """One that is expired, or none where one was due."""
    shown = _certificates(look.records)
    return b"" in shown or any(map(_expired, shown))


def _expired(certificate: bytes) -> bool:
    match = _UTC_TIME.search(certificate)
    if match is None:
        return False
    last = datetime.strptime(match[2].decode(), "%y%m%d%H%M%S").replace(tzinfo=UTC)
    return last < datetime.now(UTC)


def _segments(records: Sequence[Record]) -> list[list[str]]:
    """Segments of the orders that the HIS sent, cut at their separators."""
    streams: dict[str, bytes] = {}
    for record in records:
        if record["kind"] == "bytes" and record.get("interface") == ORDERS:
            conn = f"{record['conn']} {record['frm']}"
            streams[conn] = streams.get(conn, b"") + unpack(record["raw"])
    text = "\r".join(one.decode("latin-1") for one in streams.values())
    return [line.lstrip("\x0b").split("|") for line in text.split("\r")]


def _owed_notice(look: Look) -> bool:
    """An examination that was ordered over HL7 was completed: its HIS is owed a notice."""
    ordered = any(one[0] == "ORC" and one[1:2] == ["NW"] for one in _segments(look.records))
    ended = [str(one.data.get("PerformedProcedureStepStatus", "")) for one in look.asked("N-SET")]
    return ordered and "COMPLETED" in ended


ROWS: Final[Mapping[str, Callable[[Look], bool]]] = {
    "img-N15": _bad_certificates,
    "img-K8": _owed_notice,
}
"""Rows, and what shows each."""


def shown_rows(look: Look) -> list[str]:
    """Rows that a trace shows."""
    return [row for row, shows in ROWS.items() if shows(look)]
