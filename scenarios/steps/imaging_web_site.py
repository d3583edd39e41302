"""The web side of one scenario: requests to DICOMweb with their answers in the trace, and looks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import Blocked, HarnessError, PeerError
from harness.evidence.line import pack
from harness.i18n import tr
from harness.link.dicom_data import DataSet
from harness.link.dicom_json import Json, flat, text_of, to_json
from harness.link.http_call import Caller
from harness.model import Outcome, Place
from harness.probes import probe
from harness.probes.dicom import Row
from harness.probes.dicomweb import (
    Web,
    WebFindProbe,
    WebRetrieveProbe,
    file_of,
    multipart_of,
    stored_of,
)
from harness.scenario.world import World
from harness.wire.http1_events import HttpRequest, HttpResponse
from scenarios.steps.imaging_site import SHOWN, STUDY_COLUMNS, site
from simulators.hospital.pacs_web_answers import BASE
from simulators.modality.modality import Modality
from simulators.modality.systems import BESIDE

LINK: Final = BESIDE["PACS"]
INTERFACE: Final = "PACS-WEB"

PROBES: Final = ("pacs-web-studies", "pacs-web-instances", "pacs-web-default", "pacs-web-metadata",
                 "pacs-web-frames")  # fmt: skip

UNLIKE: Final = ("(0002,", "(0008,0005)", "(FFFC,FFFC)")
"""What metadata need not have as it was sent: of the file, of the coding, or saying nothing."""


def web_place(path: str) -> Place:
    """Where something over DICOMweb is reported."""
    return Place(interface=INTERFACE, protocol="dicom", path=path)


def web_of(world: World) -> Web:
    """The DICOMweb services of the PACS in this scenario, with their probes.

    Raises:
        Blocked: the profile has no link to them.
    """
    found: Web | None = world.state.get("imaging web")
    if found is not None:
        return found
    here = site(world)
    spec = world.bench.specs.get(LINK)
    if spec is None:
        raise Blocked(tr("the profile has no link to the {role}", role="PACS DICOMweb"),
                      remedy=f"[endpoints.{LINK}] host = …, port = …")  # fmt: skip
    address = here.secured_web or world.bench.addresses.get(LINK)
    address = address or here.systems().address("PACS", LINK)
    caller = Caller(address=address, watcher=world.bench.switch.watcher, guard=world.guard)
    count = 0

    def send(request: HttpRequest, share: float) -> HttpResponse:
        nonlocal count
        count += 1
        return caller.call(spec.connection(f"{LINK}#{count}", client=True), request, share)

    def told(service: str, request: HttpRequest, answer: HttpResponse | None) -> None:
        _tell(world, f"{LINK}#{count}", service, request, answer)

    found = world.state["imaging web"] = Web(send, spec.path or BASE, told)
    world.at_end.append(lambda: _look_away(world))
    _look(world, found)
    return found


def _tell(
    world: World, conn: str, service: str, request: HttpRequest, answer: HttpResponse | None
) -> None:
    """One whole request and its answer, for the judges and the report."""
    head: dict[str, Any] = {"link": LINK, "interface": INTERFACE, "conn": conn,
                            "protocol": "dicomweb", "raw": pack(b""), "corr": {}}  # fmt: skip
    world.trace.add("message", **head, frm="modality", to="PACS", type=f"{service}-RQ",
                    method=request.method, target=request.target,
                    bytes=len(request.payload))  # fmt: skip
    if answer is None:
        world.trace.add("message", **head, frm="PACS", to="modality", type=f"{service}-RSP",
                        status="none", kept="0", failed="0", reasons="")  # fmt: skip
        return
    more: dict[str, str] = {}
    if service == "STOW":
        stored = stored_of(answer)
        reasons = sorted({f"{reason:04X}" for _, reason in stored.failed})
        more = {"kept": str(len(stored.kept)), "failed": str(len(stored.failed)),
                "reasons": " ".join(reasons)}  # fmt: skip
    world.trace.add("message", **head, frm="PACS", to="modality", type=f"{service}-RSP",
                    status=str(answer.status), content=answer.header("content-type")[:200],
                    bytes=len(answer.payload), **more)  # fmt: skip


def _look(world: World, web: Web) -> None:
    probes: Any = world.bench.probes
    probes["pacs-web-studies"] = WebFindProbe(
        "pacs-web-studies", "PACS", web, "studies", STUDY_COLUMNS
    )
    probes["pacs-web-instances"] = WebRetrieveProbe(
        "pacs-web-instances", "PACS", web, multipart_of("application/dicom", "*"), SHOWN
    )
    probes["pacs-web-default"] = WebRetrieveProbe(
        "pacs-web-default", "PACS", web, multipart_of("application/dicom"), SHOWN
    )
    probes["pacs-web-metadata"] = MetadataProbe(web)
    probes["pacs-web-frames"] = FramesProbe(web)


def _look_away(world: World) -> None:
    probes: Any = world.bench.probes
    for name in PROBES:
        probes.pop(name, None)


# ---- looks that compare with what was sent


def metadata_row(found: Mapping[str, Any]) -> Row:
    """An object in the JSON model: who it is about, and a hash of all its values."""
    kept = {path: value for path, value in flat(found).items() if not path.startswith(UNLIKE)}
    text = json.dumps(kept, ensure_ascii=True, sort_keys=True)
    row: Row = {name: text_of(found, name) or "" for name in SHOWN}
    row["SOPInstanceUID"] = text_of(found, "SOPInstanceUID")
    row["header"] = hashlib.sha256(text.encode("ascii")).hexdigest()[:32]
    return row


def sent_metadata(data: DataSet) -> Json:
    """An object that was sent, in the JSON model: long values by a link, as a server does."""
    return to_json(data, lambda path: path)


@dataclass(slots=True)
class MetadataProbe:
    """WADO-RS metadata of a study: one row an instance."""

    web: Web
    name: str = "pacs-web-metadata"
    role: str = "PACS"

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once: the study ``StudyInstanceUID``."""
        try:
            found = self.web.metadata(f"/studies/{args['StudyInstanceUID']}")
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        return probe.Answer(outcome=Outcome.OK, rows=[metadata_row(one) for one in found])

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class FramesProbe:
    """WADO-RS frames of a study: each instance is asked for its frames backwards."""

    web: Web
    name: str = "pacs-web-frames"
    role: str = "PACS"

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once: the study ``StudyInstanceUID``."""
        try:
            study = f"/studies/{args['StudyInstanceUID']}"
            rows = [self._row(study, one) for one in self.web.metadata(study)]
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        return probe.Answer(outcome=Outcome.OK, rows=rows)

    def _row(self, study: str, found: Mapping[str, Any]) -> Row:
        sop, series = text_of(found, "SOPInstanceUID"), text_of(found, "SeriesInstanceUID")
        count = int(text_of(found, "NumberOfFrames") or "1")
        path = f"{study}/series/{series}/instances/{sop}"
        frames = self.web.frames(path, range(count, 0, -1))
        whole = b"".join(reversed(frames))
        return {
            "SOPInstanceUID": sop,
            "NumberOfFrames": str(len(frames)),
            "pixels": pixel_hash(whole),
        }

    def close(self) -> None:
        """Nothing is held."""


def pixel_hash(raw: bytes) -> str:
    """As ``fingerprint`` has it of a whole object, without the byte that makes it even."""
    return hashlib.sha256(raw).hexdigest()[:32]


def frames_row(data: DataSet) -> Row:
    """What the frames of an object that was sent must show."""
    raw = data.raw("PixelData")
    size = data.number("Rows") * data.number("Columns") * data.number("SamplesPerPixel", 1)
    count = data.number("NumberOfFrames", 1) or 1
    whole = raw[: size * data.number("BitsAllocated", 8) // 8 * count]
    return {"SOPInstanceUID": data.text("SOPInstanceUID"), "NumberOfFrames": str(count),
            "pixels": pixel_hash(whole)}  # fmt: skip


def files_of(modality: Modality, objects: list[DataSet]) -> list[bytes]:
    """Objects as the files that STOW carries, in the first syntax of the device."""
    found = []
    for data in objects:
        request = modality.request_for(data)
        found.append(file_of(data, request.payload, request.syntax))
    return found
