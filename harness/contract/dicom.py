"""What an imaging system accepts: every class with every transfer syntax, asked by associating.

A conformance statement says what a version can do; an association says what this installation
does. Each pair is offered in a context of its own (PS3.8 §9.3.2.2), no message is sent, and the
association is released.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dicom_raw import RawPeer
from harness.link.tap import Connection, Guard
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate

CONTEXTS_MAX: Final = 64
"""Of one association; the standard allows 128, and some systems fewer."""

CALLING: Final = b"MEDHARNESS"
CLASS_UID: Final = "1.2.826.0.1.3680043.10.511.9"

CLASSES: Final = {
    "1.2.840.10008.1.1": "Verification",
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.2": "MG",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT",
    "1.2.840.10008.5.1.4.1.1.3.1": "US multi-frame",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR",
    "1.2.840.10008.5.1.4.1.1.6.1": "US",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary capture",
    "1.2.840.10008.5.1.4.1.1.9.1.1": "12-lead ECG",
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.77.1.1.1": "Video endoscopic",
    "1.2.840.10008.5.1.4.1.1.88.11": "Basic text SR",
    "1.2.840.10008.5.1.4.1.1.88.67": "X-ray dose SR",
    "1.2.840.10008.5.1.4.1.1.104.1": "Encapsulated PDF",
    "1.2.840.10008.5.1.4.1.1.128": "PET",
    "1.2.840.10008.1.20.1": "Storage commitment",
    "1.2.840.10008.3.1.2.3.3": "MPPS",
    "1.2.840.10008.5.1.4.31": "Modality worklist",
    "1.2.840.10008.5.1.4.1.2.1.1": "Patient root FIND",
    "1.2.840.10008.5.1.4.1.2.2.1": "Study root FIND",
    "1.2.840.10008.5.1.4.1.2.2.2": "Study root MOVE",
    "1.2.840.10008.5.1.4.1.2.2.3": "Study root GET",
}
"""Service classes (PS3.4, PS3.6 annex A)."""

SYNTAXES: Final = {
    "1.2.840.10008.1.2": "implicit",
    "1.2.840.10008.1.2.1": "explicit",
    "1.2.840.10008.1.2.2": "big endian",
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.57": "JPEG lossless, any predictor",
    "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": "HTJ2K lossless",
    "1.2.840.10008.1.2.4.202": "HTJ2K lossless RPCL",
    "1.2.840.10008.1.2.4.203": "HTJ2K",
    "1.2.840.10008.1.2.4.100": "MPEG-2 main level",
    "1.2.840.10008.1.2.4.101": "MPEG-2 high level",
    "1.2.840.10008.1.2.4.102": "H.264 4.1",
    "1.2.840.10008.1.2.4.103": "H.264 4.1 BD",
    "1.2.840.10008.1.2.4.104": "H.264 4.2 2D",
    "1.2.840.10008.1.2.4.105": "H.264 4.2 3D",
    "1.2.840.10008.1.2.4.106": "H.264 4.2 stereo",
    "1.2.840.10008.1.2.4.107": "HEVC main",
    "1.2.840.10008.1.2.4.108": "HEVC main 10",
}
"""Transfer syntaxes (PS3.6 table A-1); all but the first four are offered for images only."""

_PLAIN: Final = frozenset(list(SYNTAXES)[:4])
_VIDEO: Final = frozenset(list(SYNTAXES)[16:])
"""Offered for classes of several frames only (PS3.5 §8.2.5 to §8.2.8)."""
_IMAGES: Final = "1.2.840.10008.5.1.4.1.1."
_MOVING: Final = frozenset({
    "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.77.1.1.1",
})  # fmt: skip

RESULTS: Final = {
    0: "accepted", 1: "user rejection", 2: "no reason", 3: "class not supported",
    4: "syntaxes not supported",
}  # fmt: skip
"""Table 9-18 of PS3.8."""


def items(
    address: Address, ae_title: str, connection: Connection, guard: Guard | None = None
) -> dict[str, str]:
    """What the system at an address accepts.

    Raises:
        InputError: it takes no association at all.
    """
    found: dict[str, str] = {}
    offers = list(_offers())
    for begin in range(0, len(offers), CONTEXTS_MAX):
        pairs = offers[begin : begin + CONTEXTS_MAX]
        found |= dict(_asked(pairs, address, ae_title, connection, guard))
    return found


def verify(
    address: Address, ae_title: str, connection: Connection, guard: Guard | None = None
) -> None:
    """Associate for verification and release: the system serves, and nothing is stored.

    Raises:
        InputError: it takes no association, or not this class.
    """
    pairs = [("1.2.840.10008.1.1", "1.2.840.10008.1.2")]
    found = dict(_asked(pairs, address, ae_title, connection, guard))
    said = found["context Verification implicit"]
    if said != RESULTS[0]:
        raise InputError(tr("it takes no association: {word}", word=said))


def _offers() -> Iterator[tuple[str, str]]:
    """A SOP class says whether it is an image; a system refuses what is none by itself."""
    for uid, syntax in product(CLASSES, SYNTAXES):
        if (
            syntax in _PLAIN
            or (syntax in _VIDEO and uid in _MOVING)
            or (syntax not in _VIDEO and uid.startswith(_IMAGES))
        ):
            yield uid, syntax


def _asked(
    pairs: Sequence[tuple[str, str]], address: Address, ae_title: str, connection: Connection,
    guard: Guard | None,
) -> Iterator[tuple[str, str]]:  # fmt: skip
    contexts = [
        Context(id=2 * number + 1, abstract_syntax=uid, transfer_syntaxes=[syntax])
        for number, (uid, syntax) in enumerate(pairs)
    ]
    user = UserInformation(class_uid=CLASS_UID, version="MEDHARNESS")
    request = Associate(
        called=ae_title.encode("ascii"), calling=CALLING, items=Items(contexts=contexts, user=user)
    )
    try:
        with RawPeer(address, connection=connection, guard=guard) as peer:
            answer = peer.associate(request)
            if isinstance(answer, Associate):
                peer.release()
    except OSError as error:
        raise InputError(tr("it cannot be reached: {reason}", reason=error)) from error
    if isinstance(answer, str):
        raise InputError(tr("it takes no association: {word}", word=answer))
    results = {one.id: one.result for one in answer.items.contexts}
    for context, (uid, syntax) in zip(contexts, pairs, strict=True):
        result = results.get(context.id)
        said = "not answered" if result is None else RESULTS.get(result, str(result))
        yield f"context {CLASSES[uid]} {SYNTAXES[syntax]}", said
    yield "maximum PDU", str(answer.items.user.max_length)
    yield "implementation", f"{answer.items.user.class_uid} {answer.items.user.version}".strip()
