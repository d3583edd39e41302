"""STOW-RS of the built-in PACS (PS3.18 §10.5): objects in parts, each with an outcome of its own.

What is refused over DIMSE is refused here, for the same reason and with the same code; what is
acknowledged is on the disk before the answer leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.errors import PeerError
from harness.link.dicom import Request
from harness.link.dicom_data import decode
from harness.link.dicom_file import File, read_file
from harness.link.dicom_scp import Session
from harness.wire import multipart
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.multipart import Part
from simulators.hospital.pacs import AE_TITLE, STORAGE, SYNTAXES, Pacs
from simulators.hospital.pacs_web_answers import BASE, DICOM, Refused, as_json, sequence

SENDER: Final = "STOW"
"""Who stored an instance that came over the web; there is no AE title."""

CANNOT, MISMATCH, PROCESSING = 0xC000, 0xA900, 0x0110
NO_CLASS, NO_SYNTAX = 0x0122, 0xC122
"""Failure reasons (PS3.18 table I.2-2)."""

SHORT_BOUNDARY: Final = 40
"""Longest boundary that a defect reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one part.

    Attributes:
        sop_class: of the object; empty where it could not be read.
        sop: its instance.
        study: of the object.
        series: of the object.
        status: 0 where it is kept, else the failure reason.
    """

    sop_class: str = ""
    sop: str = ""
    study: str = ""
    series: str = ""
    status: int = 0


@dataclass(slots=True)
class Taker:
    """Answers to stores.

    Args:
        pacs: decides about each object, and keeps it.
        defects: that are switched on.
    """

    pacs: Pacs
    defects: set[str]

    def store(self, request: HttpRequest, study: str) -> HttpResponse:
        """All parts of one request.

        Args:
            request: with its parts.
            study: the one that the path names; empty for any.

        Raises:
            Refused: no such media type (415), or a body that cannot be read (400).
        """
        found = [self._one(part, study) for part in self._parts(request)]
        if not found:
            raise Refused(400, "no part")
        failed = [one for one in found if one.status]
        status = 200 if not failed else 409 if len(failed) == len(found) else 202
        if "pacs-web-hides-failures" in self.defects:
            status = 200
        return as_json(self._told(found, study), status)

    def _parts(self, request: HttpRequest) -> Sequence[Part]:
        said = request.header("content-type")
        try:
            media = multipart.media(said)
        except PeerError as error:
            raise Refused(400, error.message) from error
        if media.kind != "multipart/related" or media.of("type").lower() not in {DICOM, ""}:
            raise Refused(415, f'only multipart/related; type="{DICOM}" is taken')
        boundary = media.of("boundary")
        plain = "pacs-web-reads-quotes-as-text" in self.defects and f'"{boundary}"' in said
        if plain or ("pacs-web-short-boundary" in self.defects and len(boundary) > SHORT_BOUNDARY):
            raise Refused(400, "the boundary never comes")
        body = request.payload
        try:
            return multipart.parse(body, boundary)
        except PeerError as error:
            mended = body + f"\r\n--{boundary}--".encode("latin-1", "replace")
            if "pacs-web-keeps-cut-parts" in self.defects and f"--{boundary}".encode() in body:
                return multipart.parse(mended, boundary)
            raise Refused(400, error.message) from error

    def _one(self, part: Part, study: str) -> Outcome:
        try:
            if part.header("content-type") and part.media.kind != DICOM:
                return Outcome(status=CANNOT)
            file = self._file(part)
            data = file.data()
        except PeerError:
            return Outcome(status=CANNOT)
        about = Outcome(
            sop_class=data.text("SOPClassUID"), sop=data.text("SOPInstanceUID"),
            study=data.text("StudyInstanceUID"), series=data.text("SeriesInstanceUID"),
        )  # fmt: skip
        return replace(about, status=self._status(file, about, study))

    def _file(self, part: Part) -> File:
        file = read_file(part.body)
        if "pacs-web-keeps-cut-parts" not in self.defects:
            return file
        return File(meta=file.meta, body=_whole_elements(file.body))

    def _status(self, file: File, about: Outcome, study: str) -> int:
        if about.sop_class not in STORAGE:
            return NO_CLASS
        if file.syntax not in SYNTAXES:
            return NO_SYNTAX
        if study and about.study != study:
            return MISMATCH
        request = Request(
            kind="C-STORE", sop_class=about.sop_class, payload=file.body, syntax=file.syntax,
            sop_instance=file.meta.text("MediaStorageSOPInstanceUID"),
        )  # fmt: skip
        session = Session(calling=SENDER, called=AE_TITLE, host="")
        if "pacs-web-repeats-fail" in self.defects and self.pacs.archive.find("sop", [about.sop]):
            return PROCESSING
        answer = self.pacs.take(request, session)
        return PROCESSING if answer is None else answer.status

    def _told(self, found: Sequence[Outcome], study: str) -> dict[str, Any]:
        """The Store Instances Response Module (PS3.18 §I.2)."""
        kept, failed, unread = [], [], []
        for one in found:
            names: dict[str, Any] = {
                "00081150": {"vr": "UI", "Value": [one.sop_class]},
                "00081155": {"vr": "UI", "Value": [one.sop]},
            }
            if not one.status or "pacs-web-hides-failures" in self.defects:
                url = f"{BASE}/studies/{one.study}/series/{one.series}/instances/{one.sop}"
                kept.append({**names, "00081190": {"vr": "UR", "Value": [url]}})
            elif one.sop:
                failed.append({**names, "00081197": {"vr": "US", "Value": [one.status]}})
            else:
                unread.append({"00081197": {"vr": "US", "Value": [one.status]}})
        studies = {one.study for one in found if one.study}
        about = study or (studies.pop() if len(studies) == 1 else "")
        head = {"00081190": {"vr": "UR", "Value": [f"{BASE}/studies/{about}"]}} if about else {}
        return {
            **head,
            **sequence("00081198", failed),
            **sequence("00081199", kept),
            **sequence("0008119A", unread),
        }


def _whole_elements(body: bytes) -> bytes:
    """What a defect makes of an object that is cut off: the elements that are whole."""
    at = len(body)
    try:
        decode(body, explicit=True)
    except PeerError as error:
        at = error.offset
    for head in (0, 8, 12):  # the error names where a value begins; before it stands its head
        try:
            decode(body[: max(0, at - head)], explicit=True)
        except PeerError:
            continue
        return body[: max(0, at - head)]
    return b""
