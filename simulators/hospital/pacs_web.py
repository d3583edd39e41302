"""The web side of the built-in PACS: DICOMweb (PS3.18 §10) over HTTP/1.1, beside its DIMSE side.

Both sides share one archive and one decision about each object. This is an actor: the drivers of
``harness.link`` move its bytes, and ``harness.wire.http1`` reads its requests.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness import limits
from harness.errors import HarnessError, PeerError
from harness.link import actor as act
from harness.wire.core import Core
from harness.wire.http1 import HttpLimits, HttpServerCore
from harness.wire.http1_events import HttpExhausted, HttpRefusal, HttpRequest, HttpResponse
from simulators import trouble
from simulators.hospital import pacs_web_find
from simulators.hospital.pacs import Pacs
from simulators.hospital.pacs_web_answers import BASE, Refused, refused
from simulators.hospital.pacs_web_give import Giver
from simulators.hospital.pacs_web_take import Taker

LINK: Final = "modality-pacs-web"

BODY_BYTES_MAX: Final = 256 * limits.MIB
"""One STOW request: a series of 500 slices of 512 by 512."""

_LEVELS: Final = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID",
                  "instances": "SOPInstanceUID"}  # fmt: skip


@dataclass(slots=True)
class PacsWeb:
    """The actor.

    Args:
        pacs: the service whose archive is served.
    """

    pacs: Pacs
    role: str = "PACS"
    _giver: Giver = field(init=False)
    _taker: Taker = field(init=False)

    def __post_init__(self) -> None:
        self._giver = Giver(self.pacs.archive, self.pacs.defects)
        self._taker = Taker(self.pacs, self.pacs.defects)

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP, as the server."""
        return HttpServerCore(limits=HttpLimits(body_bytes_max=BODY_BYTES_MAX))

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """One request at a time a connection."""
        match event:
            case act.Received(conn=conn, event=HttpRequest() as request):
                return [act.Send(conn=conn, event=self.answer(request))]
            case act.Received(conn=conn, event=HttpRefusal() as refusal):
                return [act.Send(conn=conn, event=refused(refusal.status, refusal.message))]
            case act.Received(conn=conn, event=HttpExhausted()):
                return [act.Close(conn=conn)]
            case act.Commanded():
                return [act.Reply(ident=event.ident, error="the web side takes no commands")]
        return []

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to one request, whatever it is; a request must not end the PACS."""
        try:
            return self._answer(request)
        except Refused as refusal:
            return refused(refusal.status, refusal.text)
        except PeerError as error:
            return refused(400, error.message)
        except (HarnessError, OSError, ValueError, LookupError) as error:
            trouble.tell(self.role, error)
            return refused(500, f"{type(error).__name__}")

    def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        if not path.startswith(f"{BASE}/"):
            raise Refused(404, f"the services begin at {BASE}")
        uids, rest = _read_path(path.removeprefix(BASE).strip("/").split("/"))
        if request.method == "POST":
            if rest != ["studies"] and (rest or list(uids) != ["StudyInstanceUID"]):
                raise Refused(405, "objects are stored at studies")
            return self._taker.store(request, uids.get("StudyInstanceUID", ""))
        if request.method != "GET":
            raise Refused(405, "GET and POST are all")
        if len(rest) == 1 and rest[0] in _LEVELS:
            return pacs_web_find.find(self.pacs.archive, rest[0], uids, query, self.pacs.defects)
        if "StudyInstanceUID" not in uids:
            raise Refused(404, "no such resource")
        return self._retrieve(uids, rest, request.header("accept"))

    def _retrieve(self, uids: Mapping[str, str], rest: Sequence[str], accept: str) -> HttpResponse:
        give = self._giver
        one = "SOPInstanceUID" in uids
        match list(rest):
            case []:
                return give.objects(uids, accept)
            case ["metadata"]:
                return give.metadata(uids, accept)
            case ["frames", numbers] if one:
                return give.frames(uids, numbers, accept)
            case ["rendered"] if one:
                return give.rendered(uids, accept)
            case ["bulkdata", *where] if one:
                return give.bulk(uids, where)
        raise Refused(404, "no such resource")


def _read_path(pieces: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """UIDs by keyword, in the order of the hierarchy, and what stands behind them."""
    uids: dict[str, str] = {}
    rest = [urllib.parse.unquote(one) for one in pieces]
    for name, keyword in _LEVELS.items():
        if len(rest) > 1 and rest[0] == name and rest[1] not in _LEVELS:
            uids[keyword] = rest[1]
            rest = rest[2:]
    return uids, rest
