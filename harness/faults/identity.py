"""The business identity of what goes over a link: what a fault decision is keyed by.

It names the matter (message type, specimen, patient), never a control id or a time that is minted
anew in each run. An acknowledgement has the identity of what it acknowledges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.wire.core import Unit

_POCT = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?P<root>[A-Z]{3}\.R\d\d)\b")
_POCT_SPECIMEN = re.compile(rb"<(?:SPC\.specimen_id|CTC\.lot_number)\s+V=\"([^\"]*)\"")

TEXT_BYTES_MAX = 400
"""Of a frame in columns that make its identity: the specimen stands in its beginning."""

REMEMBERED_MAX = 10_000
"""Control ids remembered for their acknowledgements; the oldest is forgotten first."""


@dataclass(slots=True)
class Identities:
    """Reads identities of the units of one link, both directions."""

    _by_control_id: dict[bytes, str] = field(default_factory=dict)
    _specimens: dict[str, str] = field(default_factory=dict)

    def of(self, conn: str, unit: Unit) -> str:
        """The identity of a unit; its kind where it carries none (control characters)."""
        payload = unit.payload
        if payload.startswith(b"MSH") or b"\rMSH" in payload[:64]:
            return self._of_hl7(payload)
        if _POCT.match(payload):
            return _of_poct(payload)
        if unit.kind == "frame":
            if b"|" not in payload:
                return _of_text(payload)
            return self._of_record(conn, payload)
        return unit.kind

    def _of_hl7(self, payload: bytes) -> str:
        payload = payload[payload.find(b"MSH") :]
        separator = payload[3:4] or b"|"
        lines = payload.replace(b"\n", b"\r").split(b"\r")  # of twenty megabytes, too
        segments = [line.split(separator) for line in lines]
        found = {fields[0]: fields for fields in reversed(segments) if fields}
        header = found.get(b"MSH", [])
        control_id = _at(header, 9)
        acknowledged = _at(found.get(b"MSA", []), 2)
        if acknowledged:
            return f"ACK|{self._by_control_id.get(acknowledged, '')}"
        component = payload[4:5] or b"^"
        kind = "^".join(part.decode("latin-1") for part in _at(header, 8).split(component)[:2])
        keys = (
            _at(found.get(b"SPM", []), 2),
            _at(found.get(b"OBR", []), 3),
            _at(found.get(b"OBR", []), 2),
            _at(found.get(b"PID", []), 3),
        )
        key = next((one for one in keys if one), b"").decode("latin-1")
        identity = f"{kind}|{key}"
        self._by_control_id.pop(control_id, None)
        self._by_control_id[control_id] = identity
        if len(self._by_control_id) > REMEMBERED_MAX:
            del self._by_control_id[next(iter(self._by_control_id))]
        return identity

    def _of_record(self, conn: str, payload: bytes) -> str:
        fields = payload.lstrip(b"\x0201234567").split(b"|")
        letter = fields[0][-1:].upper()
        if letter == b"O":
            self._specimens[conn] = _at(fields, 2).split(b"^")[0].decode("latin-1")
        elif letter == b"H":
            self._specimens.pop(conn, None)
        sequence = _at(fields, 1).decode("latin-1") if letter not in b"H" else ""
        return f"{letter.decode('latin-1')}.{sequence}|{self._specimens.get(conn, '')}"


def _of_poct(payload: bytes) -> str:
    """Kind and specimen of a POCT1-A2 message; one without a specimen is its kind."""
    head, specimen = _POCT.match(payload), _POCT_SPECIMEN.search(payload)
    root = head["root"].decode("ascii") if head is not None else ""
    return f"{root}|{specimen[1].decode('latin-1') if specimen else ''}"


def _of_text(payload: bytes) -> str:
    """A frame that is no record: columns and slips have no keys, so the text itself is one."""
    return payload[:TEXT_BYTES_MAX].decode("latin-1")


def _at(fields: list[bytes], index: int) -> bytes:
    return fields[index] if len(fields) > index else b""
