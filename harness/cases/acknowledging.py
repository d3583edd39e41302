"""Recorded answers that name what was asked just now, also where the same is asked again."""

from __future__ import annotations

import re
from typing import Final

_ACKNOWLEDGED: Final = re.compile(
    rb"(<(?:\w+:)?ACK\.ack_control_id\b[^<>]*?\bV\s*=\s*[\"'])[^\"']*"
)


def acknowledging_device(payload: bytes, ident: str) -> bytes:
    """An ACK.R01 of POCT1-A2 that acknowledges a message of that control id."""
    return _ACKNOWLEDGED.sub(
        lambda match: match[1] + ident.encode("latin-1", "replace"), payload, count=1
    )


def acknowledging(payload: bytes, ident: str) -> bytes:
    """An answer of HL7 with that id in MSA-2; what has no MSA stays."""
    start = payload.find(b"\rMSA")
    sign = payload[start + 4 : start + 5]
    end = payload.find(b"\r", start + 1)
    end = len(payload) if end < 0 else end
    fields = payload[start + 1 : end].split(sign) if start >= 0 and sign else []
    if len(fields) < 3:
        return payload
    fields[2] = ident.encode("latin-1", "replace")
    return payload[: start + 1] + sign.join(fields) + payload[end:]
