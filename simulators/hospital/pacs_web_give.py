"""WADO-RS of the built-in PACS (PS3.18 §10.4): objects, metadata, bulk data and frames.

It has no codec for pixels: a compressed object goes out as it is or is refused (406). Explicit,
implicit and deflated little endian are written from each other, as over DIMSE.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import PeerError
from harness.link.dicom_data import DEFLATED, EXPLICIT, IMPLICIT, DataSet, read, tag_of, written
from harness.link.dicom_file import write_file
from harness.link.dicom_json import to_json
from harness.wire import multipart
from harness.wire.http1_events import HttpResponse
from harness.wire.multipart import Media
from simulators.hospital import pacs_spoil, pacs_web_image
from simulators.hospital.pacs_store import Archive
from simulators.hospital.pacs_web_answers import (
    BASE,
    BYTES,
    DICOM,
    FRAGMENTED,
    JSON,
    Refused,
    as_json,
    parts,
)
from simulators.store import Row

ANY: Final = "*"
PLAIN: Final = (EXPLICIT, IMPLICIT, DEFLATED)
_PIXELS: Final = tag_of("PixelData")
RELATED: Final = "multipart/related"


@dataclass(slots=True)
class Giver:
    """Answers to retrievals.

    Args:
        archive: files and index.
        defects: that are switched on.
    """

    archive: Archive
    defects: set[str]

    # ---- what is asked for

    def rows(self, path: Mapping[str, str]) -> list[Row]:
        """Instances that a path names.

        Raises:
            Refused: there is none (404).
        """
        column, keyword = next(
            (column, keyword)
            for column, keyword in (("sop", "SOPInstanceUID"), ("series", "SeriesInstanceUID"),
                                    ("study", "StudyInstanceUID"))
            if keyword in path
        )  # fmt: skip
        found = self.archive.find(column, [path[keyword]])
        found = [one for one in found if one["study"] == path["StudyInstanceUID"]]
        if not found:
            raise Refused(404, "no such study, series or instance")
        return found

    def _data(self, row: Row) -> DataSet:
        body = self.archive.body(row)
        if body is None:
            raise Refused(410, "the object is in the index, and its file is gone")
        return read(body, row["syntax"])

    # ---- objects

    def objects(self, path: Mapping[str, str], accept: str) -> HttpResponse:
        """Whole objects, in the syntax that was asked for."""
        wanted = _wanted(accept, DICOM)
        found = []
        for row in self.rows(path):
            syntax = self._syntax(row["syntax"], wanted)
            found.append((DICOM, syntax, self._file(row, syntax)))
        if "pacs-web-single-part" in self.defects and "SOPInstanceUID" in path:
            return HttpResponse(status=200, headers=(("Content-Type", DICOM),), payload=found[0][2])
        return parts(found, named="pacs-web-names-no-syntax" not in self.defects)

    def _syntax(self, stored: str, wanted: Sequence[str]) -> str:
        """In which syntax an object goes out (PS3.18 §8.7.3.5.2: explicit unless asked)."""
        for one in wanted:
            syntax = one or EXPLICIT
            if "pacs-web-default-implicit" in self.defects and not one and stored in PLAIN:
                return IMPLICIT
            if syntax == ANY or "pacs-web-ignores-accept" in self.defects:
                return stored
            if syntax == stored or (syntax in PLAIN and stored in PLAIN):
                return syntax
        raise Refused(406, f"stored as {stored}, and there is no codec for what is accepted")

    def _file(self, row: Row, syntax: str) -> bytes:
        body = self.archive.body(row)
        if body is None:
            raise Refused(410, "the object is in the index, and its file is gone")
        data = read(body, row["syntax"])
        if pacs_spoil.sent(data, self.defects) or syntax != row["syntax"]:
            body = written(data, syntax)
        return write_file(body, row["sop_class"], row["sop"], syntax)

    # ---- metadata and bulk data

    def metadata(self, path: Mapping[str, str], accept: str) -> HttpResponse:
        """Everything but the large values, as JSON."""
        kinds = {one.kind for one in multipart.accepted(accept or JSON)}
        if not kinds & {JSON, "application/json", "*/*", "application/*"}:
            raise Refused(406, f"metadata is {JSON}")
        return as_json([self._metadata(row) for row in self.rows(path)])

    def _metadata(self, row: Row) -> dict[str, object]:
        data = self._data(row)
        pacs_spoil.sent(data, self.defects)
        if "pacs-web-metadata-as-latin1" in self.defects:
            data.set("SpecificCharacterSet", "ISO_IR 100")
        above = (f"{BASE}/studies/{row['study']}/series/{row['series']}"
                 f"/instances/{row['sop']}/bulkdata/")  # fmt: skip
        return to_json(data, lambda path: above + path)

    def bulk(self, path: Mapping[str, str], where: Sequence[str]) -> HttpResponse:
        """One large value, by the tags and item numbers of its link."""
        row = self.rows(path)[0]
        data = self._data(row)
        try:
            for name, number in zip(where[:-1:2], where[1::2], strict=True):
                data = data.items(int(name, 16))[int(number) - 1]
            value = data.elements[int(where[-1], 16)][1]
        except (ValueError, LookupError) as error:
            raise Refused(404, "no such value") from error
        if not isinstance(value, bytes):
            raise Refused(404, "no large value")
        return parts([(BYTES, "", value)])

    # ---- frames

    def frames(self, path: Mapping[str, str], numbers: str, accept: str) -> HttpResponse:
        """Some frames of one object, each a part, in the order of the request."""
        row = self.rows(path)[0]
        frames = self._frames(row)
        wanted = numbers.replace("%2C", ",").split(",")
        if not all(one.isascii() and one.isdigit() and len(one) < 7 for one in wanted):
            raise Refused(400, "a list of frames has whole numbers from 1")
        if not all(1 <= int(one) <= len(frames) for one in wanted):
            raise Refused(404, f"the object has {len(frames)} frames")
        kind = FRAGMENTED.get(row["syntax"], BYTES)
        allowed = multipart.accepted(accept or RELATED)
        if not any(_takes(one, kind, row["syntax"]) for one in allowed):
            raise Refused(406, f"the frames are {kind} in {row['syntax']}")
        shift = 1 if "pacs-web-frames-from-zero" in self.defects and len(frames) > 1 else 0
        chosen = [frames[(int(one) - 1 + shift) % len(frames)] for one in wanted]
        return parts([(kind, row["syntax"] if kind != BYTES else EXPLICIT, one) for one in chosen])

    def _frames(self, row: Row) -> list[bytes]:
        data = self._data(row)
        raw = data.raw(_PIXELS)
        count = max(1, data.number("NumberOfFrames", 1))
        if not raw:
            raise Refused(404, "the object has no pixels")
        if row["syntax"] not in PLAIN:
            return fragments(raw, count)
        bits = data.number("Rows") * data.number("Columns") * data.number("SamplesPerPixel", 1)
        size = bits * data.number("BitsAllocated", 8) // 8
        if not size or len(raw) < size * count:
            raise Refused(500, "the pixels are shorter than the header says")
        return [raw[size * index : size * (index + 1)] for index in range(count)]

    # ---- pictures

    def rendered(self, path: Mapping[str, str], accept: str) -> HttpResponse:
        """The first frame as a picture (PS3.18 §10.4.1.1.3); PNG is all that we write."""
        row = self.rows(path)[0]
        kinds = {one.kind for one in multipart.accepted(accept or "image/png")}
        if not kinds & {"image/png", "image/*", "*/*"}:
            raise Refused(406, "pictures are image/png")
        if "pacs-web-rendered-fails" in self.defects:
            raise Refused(500, "the cache of pictures was purged")
        data = self._data(row)
        if row["syntax"] not in PLAIN:
            raise Refused(406, "there is no codec for this object")
        body = pacs_web_image.png(data, self._frames(row)[0])
        return HttpResponse(status=200, headers=(("Content-Type", "image/png"),), payload=body)


def fragments(raw: bytes, count: int) -> list[bytes]:
    """The frames of encapsulated pixels (PS3.5 §A.4): one fragment each, or all for one frame.

    Raises:
        PeerError: fragments and frames do not agree.
    """
    found, at = [], 0
    while at + 8 <= len(raw):
        group, number, length = struct.unpack_from("<HHI", raw, at)
        if (group, number) != (0xFFFE, 0xE000):
            break
        found.append(raw[at + 8 : at + 8 + length])
        at += 8 + length
    pieces = found[1:]  # the first item is the table of offsets
    if count == 1:
        return [b"".join(pieces)]
    if len(pieces) != count:
        raise PeerError(f"{len(pieces)} fragments for {count} frames", clause="PS3.5 §A.4")
    return pieces


def _wanted(accept: str, kind: str) -> list[str]:
    """Transfer syntaxes that a client takes, the most wanted first; empty for the default.

    Raises:
        Refused: it takes nothing of this kind (406).
    """
    found = []
    for one in multipart.accepted(accept or f'{RELATED}; type="{kind}"'):
        inner = one.of("type").lower()
        if one.kind == "*/*" or (one.kind == RELATED and inner in {kind, ""}):
            found.append(one.of("transfer-syntax"))
    if not found:
        raise Refused(406, f'only {RELATED}; type="{kind}" is offered')
    return found


def _takes(one: Media, kind: str, syntax: str) -> bool:
    if one.kind == "*/*":
        return True
    same = one.kind == RELATED and one.of("type").lower() in {kind, "*/*", ""}
    asked = one.of("transfer-syntax")
    return same and (asked in {"", ANY, syntax} or (asked == EXPLICIT and kind == BYTES))
