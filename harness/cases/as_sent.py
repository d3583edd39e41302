"""Whether a system gives back what it was given: the signature of a fault in pixels.

No word can say what should stand in an image, and de-identification puts other pixels in its place.
``PACS C-STORE-RQ PixelData = as-sent`` holds each object that comes back beside the one that was
sent in the same replay under the same instance. Pixels that come in another syntax are decoded
first, both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from harness.cases import dicom_about
from harness.cases.dicom_about import opened
from harness.cases.dicom_fill import END, PIXELS, shape_of
from harness.cases.dicom_ready import filled
from harness.cases.kept import Line
from harness.cases.slots import Slots
from harness.errors import HarnessError, PeerError
from harness.link import dicom_pixels

AS_SENT: Final = "as-sent"
"""Wanted of a fault: what stands there is what was sent."""

STORE: Final = "C-STORE-RQ"
_DIGEST: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{16}(?![0-9A-Za-z])")


class Said(Protocol):
    """One message of the system."""

    @property
    def protocol(self) -> str:
        """Only ``dicom`` has instances."""
        ...

    @property
    def payload(self) -> bytes:
        """Its bytes."""
        ...


def sent_of(lines: Iterable[Line], system: str, slots: Slots) -> Mapping[str, Line]:
    """Stores to a system, by the instance that they have in a replay."""
    return {
        slots.text(one.corr.get("sop", "")): one
        for one in lines
        if one.to == system and one.protocol == "dicom" and one.kind == STORE
    }


def comparing(sent: Mapping[str, Line], slots: Slots) -> Callable[[Said, str], str | None]:
    """What stands at a place of a message: ``as-sent``, or what else; None where nobody sent it."""

    def look(one: Said, place: str) -> str | None:
        if one.protocol != "dicom":
            return None
        line = sent.get(opened(one.payload, whole=False).box.instance)
        if line is None:
            return None
        then = filled(line.payload, slots)
        now_values, then_values = (dicom_about.values(raw, place) for raw in (one.payload, then))
        if not then_values:
            return None  # what was sent has no such place: nothing could come back
        if now_values == then_values or _same_pixels(one.payload, then, place):
            return AS_SENT
        return " ".join(now_values)

    return look


def _same_pixels(now: bytes, then: bytes, place: str) -> bool:
    """Whether both hold the same image, each in its own syntax."""
    if dicom_about.tag(place) != PIXELS:
        return False
    decoded = [_decoded(one) for one in (now, then)]
    return None not in decoded and decoded[0] == decoded[1]


def _decoded(payload: bytes) -> bytes | None:
    """Native pixels; None where they cannot be told."""
    message = opened(payload)
    node, shape = message.tree.find(PIXELS), shape_of(message.tree)
    if node is None or shape is None:
        return None
    native = message.box.syntax in dicom_pixels.NATIVE
    value = node.value if native or node.value.endswith(END) else node.value + END
    try:
        return dicom_pixels.decode(value, shape, message.box.syntax)
    except (HarnessError, PeerError):
        return None


def mapped(text: str, before: Sequence[bytes], after: Sequence[bytes]) -> str:
    """A fault that names bulk by its digest, with that of what stands there now.

    Args:
        text: as it was reported.
        before: objects of the recording.
        after: the same, without their persons.
    """
    if not _DIGEST.search(text):
        return text
    table: dict[str, str] = {}
    for old, new in zip(before, after, strict=True):
        pairs = zip(dicom_about.digests(old), dicom_about.digests(new), strict=False)
        table.update(pair for pair in pairs if pair[0] != pair[1])
    return _DIGEST.sub(lambda match: table.get(match[0], match[0]), text)
