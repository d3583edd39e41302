"""What the web side of the PACS answers with, and how its parts are put together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.wire import multipart
from harness.wire.http1_events import Headers, HttpResponse

BASE: Final = "/dicom-web"
"""Where the services begin: the root that most PACS use."""

JSON: Final = "application/dicom+json"
DICOM: Final = "application/dicom"
BYTES: Final = "application/octet-stream"

FRAGMENTED: Final[Mapping[str, str]] = {
    **{f"1.2.840.10008.1.2.4.{number}": kind
       for kind, numbers in (("image/jpeg", (50, 51, 57, 70)), ("image/jls", (80, 81)),
                             ("image/jp2", (90, 91)), ("image/jphc", (201, 202, 203)))
       for number in numbers},
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.102": "video/mp4",
}  # fmt: skip
"""Media type of a compressed frame by its syntax (PS3.18 table 8.7.3-2 and following)."""


class Refused(Exception):  # noqa: N818 - an answer to the client, not an error of ours
    """A request that is answered with an error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def refused(status: int, text: str) -> HttpResponse:
    """An error with its reason as plain text."""
    headers: Headers = (("Content-Type", "text/plain; charset=utf-8"),)
    return HttpResponse(status=status, headers=headers, payload=text.encode("utf-8"))


def as_json(value: object, status: int = 200, more: Headers = ()) -> HttpResponse:
    """An answer in the JSON model."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return HttpResponse(status=status, headers=(("Content-Type", JSON), *more), payload=body)


def parts(found: Sequence[tuple[str, str, bytes]], *, named: bool = True) -> HttpResponse:
    """A multipart answer: media type, transfer syntax and bytes of each part.

    The boundary follows from the content, so equal answers are equal bytes.
    """
    digest = hashlib.sha256()
    made = []
    for kind, syntax, body in found:
        digest.update(body)
        suffix = f"; transfer-syntax={syntax}" if named and syntax else ""
        made.append(multipart.Part(body=body, headers=[("Content-Type", f"{kind}{suffix}")]))
    boundary = f"medharness-{digest.hexdigest()[:24]}"
    head = multipart.related(found[0][0], boundary)
    payload = multipart.build(made, boundary)
    return HttpResponse(status=200, headers=(("Content-Type", head),), payload=payload)


def sequence(name: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One sequence of the JSON model; nothing where it would be empty."""
    return {name: {"vr": "SQ", "Value": list(items)}} if items else {}
