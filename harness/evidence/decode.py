"""Reading one field of a trace record, whatever its protocol.

Judges name fields by the path of their protocol; this room hides which codec reads it. The codecs
here are those of ``wire``; what the simulators encode with is built from other tables.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from harness.digits import whole_number
from harness.errors import PeerError
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.wire.astm_records import AstmMessage
from harness.wire.hl7 import Hl7Message
from harness.wire.json_exact import decode, dumps, loads

_CACHE = 512
"""Messages kept parsed: more than one scenario has, so that polling judges parse each once."""


@lru_cache(maxsize=_CACHE)
def _hl7(raw: str) -> Hl7Message:
    return Hl7Message.parse(unpack(raw))


@lru_cache(maxsize=_CACHE)
def _astm(raw: str, encoding: str) -> AstmMessage:
    return AstmMessage.parse(unpack(raw), encoding)


def dotted(record: Record, path: str) -> Any:
    """A value of the record itself: ``corr.barcode`` walks down the mappings; None if not there."""
    value: Any = record
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


ENCODING = "@encoding"
"""Path of the encoding of an HTTP body: ``ascii``, ``utf-8`` or ``gb18030``."""

CHARSET = "@charset"
"""Path of the answer to: is the message written in the character set that it declares?"""


def field(record: Record, path: str) -> str | None:
    """A field of the message that ``record`` holds, or None where it is absent.

    ``@charset`` is ``as declared``, or ``declared GBK, written in utf-8``. Of an HTTP message a
    path that begins with a slash is a JSON pointer into its body.
    """
    if path == CHARSET:
        return _charset(record)
    if record["protocol"] == "hl7":
        return _hl7(record["raw"]).get(path)
    if record["protocol"] == "astm":
        return _astm(record["raw"], record.get("encoding") or "utf-8").get(path)
    if record["protocol"] == "http" and path.startswith(("/", ENCODING)):
        return _member(record["raw"], path)
    value = dotted(record, path)
    return None if value is None else str(value)


@lru_cache(maxsize=_CACHE)
def _json(raw: str) -> tuple[Any, str]:
    """The body and how it was written; a JSON text inside a JSON text is read once more."""
    payload = unpack(raw)
    try:
        decoded = decode(payload)
        value = loads(decoded.value) if isinstance(decoded.value, str) else decoded.value
    except PeerError:
        return None, ""
    return value, "ascii" if payload.isascii() else decoded.encoding


def _member(raw: str, path: str) -> str | None:
    """What a pointer (RFC 6901) leads to: a scalar as JSON has it, else ``object``, ``array``."""
    value, encoding = _json(raw)
    if path == ENCODING:
        return encoding or None
    for part in path.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and (at := whole_number(name)) is not None and at < len(value):
            value = value[at]
        else:
            return None
    if isinstance(value, dict | list):
        return "array" if isinstance(value, list) else "object"
    return dumps(value)


def _charset(record: Record) -> str | None:
    if record["protocol"] != "hl7":
        return None
    message = _hl7(record["raw"])
    if any(finding.code == "hl7.encoding-declared-differs" for finding in message.findings):
        return f"declared {message.declared}, written in {message.encoding}"
    return "as declared"


def count(record: Record, segment: str) -> int:
    """How many segments or records of that name the message holds."""
    if record["protocol"] == "hl7":
        return _hl7(record["raw"]).count(segment)
    if record["protocol"] == "astm":
        return _astm(record["raw"], record.get("encoding") or "utf-8").count(segment)
    return 0
