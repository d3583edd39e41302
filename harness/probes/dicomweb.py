"""DICOMweb of a PACS as its client sees it (PS3.18 §10): search, retrieve, store.

``Web`` asks and reads; the two probes look through it. Each request has a connection of its own,
every byte of it is watched, and every whole request and answer is told.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from harness import limits
from harness.digits import whole_number
from harness.errors import HarnessError, PeerError
from harness.evidence.reach import STORED
from harness.link.dicom_data import DataSet
from harness.link.dicom_file import File, read_file, write_file
from harness.link.dicom_json import text_of
from harness.link.http_call import UnansweredError
from harness.model import Outcome
from harness.probes import probe
from harness.probes.dicom import Row, fingerprint, shown
from harness.wire import multipart
from harness.wire.http1_events import HttpRequest, HttpResponse

JSON: Final = "application/dicom+json"
DICOM: Final = "application/dicom"
BYTES: Final = "application/octet-stream"

WILD: Final = "*?,"
"""Signs of keys that a query may hold as they are (RFC 3986 §3.4); some servers decode nothing."""

NO_ANSWER: Final = 0
"""Status where no whole answer came."""

Send = Callable[[HttpRequest, float], HttpResponse]
"""Carries one request out; the number is the share of its bytes that leaves before a cut."""

Told = Callable[[str, HttpRequest, HttpResponse | None], None]
"""Told of each request with its service, and of its answer; None where none came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the server says of one store.

    Attributes:
        status: of HTTP; 0 where no whole answer came.
        kept: instances that it names as stored.
        failed: failure reasons by instance; those that it could not read have no name.
    """

    status: int
    kept: tuple[str, ...] = ()
    failed: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Web:
    """One server.

    Args:
        send: carries requests out.
        base: path where its services begin.
        told: told of each request and its answer.
    """

    send: Send
    base: str = "/dicom-web"
    told: Told | None = None

    def ask(
        self,
        service: str,
        path: str,
        *,
        accept: str = "",
        body: bytes = b"",
        content: str = "",
        share: float = 1.0,
    ) -> HttpResponse:
        """One request; a body makes it a POST.

        Raises:
            UnansweredError: no whole answer came.
        """
        headers = (("Accept", accept),) if accept else ()
        if content:
            headers = (*headers, ("Content-Type", content))
        request = HttpRequest(method="POST" if content else "GET", target=self.base + path,
                              headers=headers, payload=body)  # fmt: skip
        try:
            answer = self.send(request, share)
        except UnansweredError:
            if self.told is not None:
                self.told(service, request, None)
            raise
        if self.told is not None:
            self.told(service, request, answer)
        return answer

    # ---- search

    def search(self, path: str, keys: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Answers of QIDO-RS; none for 204.

        Raises:
            PeerError: an answer that is no list of objects.
            UnansweredError: no whole answer came.
        """
        query = urllib.parse.urlencode(keys, safe=WILD, quote_via=urllib.parse.quote)
        answer = self.ask("QIDO", f"{path}?{query}" if query else path, accept=JSON)
        if answer.status == 204:
            return []
        return objects_of(answer)

    # ---- retrieve

    def files(self, path: str, accept: str = "") -> list[File]:
        """Objects of WADO-RS, each read from its part; none for 404.

        Raises:
            PeerError: an answer that is no multipart body of files.
            UnansweredError: no whole answer came.
        """
        answer = self.ask("WADO", path, accept=accept or multipart_of(DICOM))
        if answer.status == 404:
            return []
        return [read_file(part.body) for part in parts_of(answer, DICOM)]

    def metadata(self, path: str) -> list[dict[str, Any]]:
        """Metadata of WADO-RS; as ``search``."""
        return objects_of(self.ask("WADO", f"{path}/metadata", accept=JSON))

    def frames(self, path: str, numbers: Sequence[int], accept: str = "") -> list[bytes]:
        """Frames of one instance; as ``files``."""
        listed = ",".join(str(one) for one in numbers)
        answer = self.ask("WADO", f"{path}/frames/{listed}", accept=accept or multipart_of(BYTES))
        return [part.body for part in parts_of(answer, "")]

    # ---- store

    def store(self, body: bytes, content: str, study: str = "", share: float = 1.0) -> Stored:
        """Outcome of STOW-RS; status 0 where no whole answer came."""
        path = f"/studies/{study}" if study else "/studies"
        try:
            answer = self.ask("STOW", path, accept=JSON, body=body, content=content, share=share)
        except UnansweredError:
            return Stored(status=NO_ANSWER)
        return stored_of(answer)


def multipart_of(kind: str, syntax: str = "") -> str:
    """What a client accepts that takes parts of one type."""
    return f'multipart/related; type="{kind}"' + (f"; transfer-syntax={syntax}" if syntax else "")


def objects_of(answer: HttpResponse) -> list[dict[str, Any]]:
    """The objects of a JSON answer.

    Raises:
        PeerError: it is none, or an error.
    """
    kind = multipart.media(answer.header("content-type") or "text/plain").kind
    if answer.status != 200 or kind not in {JSON, "application/json"}:
        raise PeerError(f"{answer.status} {kind}", clause="PS3.18 §10.6.3")
    try:
        found = json.loads(answer.payload)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PeerError(f"no JSON: {error}", clause="PS3.18 annex F") from error
    if not (isinstance(found, list) and all(isinstance(one, dict) for one in found)):
        raise PeerError("no list of objects", clause="PS3.18 annex F")
    return found


def parts_of(answer: HttpResponse, kind: str) -> list[multipart.Part]:
    """The parts of a multipart answer, all of one media type where one is named.

    Raises:
        PeerError: it is none, or an error, or one of its parts is something else.
    """
    media = multipart.media(answer.header("content-type") or "text/plain")
    if answer.status not in {200, 206} or media.kind != "multipart/related":
        raise PeerError(f"{answer.status} {media.kind}", clause="PS3.18 §8.7.1")
    found = multipart.parse(answer.payload, media.of("boundary"))
    for part in found:
        if kind and part.media.kind != kind:
            raise PeerError(f"a part is {part.media.kind}", clause="PS3.18 §8.7.1")
    return found


def stored_of(answer: HttpResponse) -> Stored:
    """What the answer to a store says; instances are none where it cannot be read."""
    try:
        found = json.loads(answer.payload)
        items = {tag: found.get(tag, {}).get("Value", [])
                 for tag in ("00081199", "00081198", "0008119A")}  # fmt: skip
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError, RecursionError):
        return Stored(status=answer.status)
    kept = tuple(text_of(one, "ReferencedSOPInstanceUID") or "" for one in items["00081199"])
    failed = tuple(
        (text_of(one, "ReferencedSOPInstanceUID") or "", _reason(text_of(one, "FailureReason")))
        for one in [*items["00081198"], *items["0008119A"]]
    )
    return Stored(status=answer.status, kept=kept, failed=failed)


def _reason(text: str | None) -> int:
    """A reason of failure; 0 where a server writes none, or no number."""
    return whole_number(text or "") or 0


def body_of(files: Sequence[bytes], boundary: str) -> bytes:
    """A STOW body of whole files."""
    head = (("Content-Type", DICOM),)
    return multipart.build([multipart.Part(body=one, headers=head) for one in files], boundary)


def file_of(data: DataSet, body: bytes, syntax: str) -> bytes:
    """The file of an encoded object."""
    return write_file(body, data.text("SOPClassUID"), data.text("SOPInstanceUID"), syntax)


# ---- looks


@dataclass(slots=True)
class WebFindProbe:
    """QIDO-RS: arguments are keys by keyword, columns what is asked for.

    Args:
        name: in sentences.
        role: whose data it shows.
        web: the server.
        level: ``studies``, ``series`` or ``instances``.
        columns: keywords that are asked for.
    """

    reach: ClassVar[str] = STORED
    """An archive says what it holds; what it sent on, or a person sees, it cannot say."""

    name: str
    role: str
    web: Web
    level: str
    columns: Sequence[str]

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once."""
        keys = [*args.items(), *(("includefield", one) for one in self.columns)]
        try:
            found = self.web.search(f"/{self.level}", keys)
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        if len(found) > limits.PROBE_ROWS_MAX:
            return probe.Answer(outcome=Outcome.FAILED, error="too many answers")
        rows = [{name: text_of(one, name) for name in self.columns} for one in found]
        return probe.Answer(outcome=Outcome.OK, rows=rows)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class WebRetrieveProbe:
    """WADO-RS of a study: one row an instance, with its pixels and its header as hashes.

    Args:
        name: in sentences.
        role: whose data it shows.
        web: the server.
        accept: media type and syntax that is asked for; as it is stored where empty.
        columns: keywords that are shown beside the hashes.
    """

    reach: ClassVar[str] = STORED
    """An archive says what it holds; what it sent on, or a person sees, it cannot say."""

    name: str
    role: str
    web: Web
    accept: str = multipart_of(DICOM, "*")
    columns: Sequence[str] = ()

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once: the study ``StudyInstanceUID``."""
        try:
            files = self.web.files(f"/studies/{args['StudyInstanceUID']}", self.accept)
            rows = [self._row(one) for one in files]
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        return probe.Answer(outcome=Outcome.OK, rows=rows)

    def _row(self, file: File) -> Row:
        data = file.data()
        row = fingerprint(data)
        row["syntax"] = file.syntax
        row |= {name: shown(data, name, data.character_sets) for name in self.columns}
        return row

    def close(self) -> None:
        """Nothing is held."""
