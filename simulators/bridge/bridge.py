"""The local bridge that many HIS call: fills envelope and signature, and calls the centre for them.

It keeps nothing. While the HIS waits for its answer the bridge waits for the centre's, no longer
than its own patience; so a settlement may stand of which the bridge only says that time ran out.
``retry`` is what such agents do then: nothing, the same message once more, or a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from harness.clock import Clock
from harness.errors import PeerError
from harness.link import actor as act
from harness.wire.core import Core
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import (
    HttpBroken,
    HttpExhausted,
    HttpRefusal,
    HttpRequest,
    HttpResponse,
)
from harness.wire.json_exact import JsonError, decode
from simulators.bridge import call as wording
from simulators.bridge.call import BridgeCall, CallError, read_call
from simulators.bridge.caller import Caller

RETRIES: Final = ("none", "same", "new")
"""After no whole answer: nothing; the same message once more; a new message with a new msgid."""

OK_STATUS: Final = 200
UNAUTHORIZED: Final = 401

FAR: Final = "bridge-"
"""Connections to the centre begin with it."""

ANSWER_S: Final = 20.0
"""The bridge's patience with the centre, in seconds; one field client has as much."""


@dataclass(slots=True)
class _Job:
    """One call under way."""

    near: str
    call: BridgeCall
    msgid: str = ""
    tries: int = 0
    renewed: bool = False
    token: bool = False


@dataclass(slots=True)
class Bridge:
    """The actor.

    Args:
        caller: writes requests for the province.
        clock: of the driver.
        near, far: links to the HIS and to the centre; may have one name.
        answer_s: patience with the centre, in seconds.
        retry: one of ``RETRIES``.
    """

    caller: Caller
    clock: Clock
    near: str = "bridge"
    far: str = "centre"
    answer_s: float = ANSWER_S
    retry: str = "none"
    role: str = "bridge"
    answered: int = 0
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _turn: int = 0

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP both ways."""
        return HttpClientCore() if client else HttpServerCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The whole behaviour."""
        match event:
            case act.Received(conn=conn, event=HttpRequest() as request):
                return self._called(conn, request)
            case act.Received(conn=conn, event=HttpRefusal() as refusal):
                return [act.Send(conn=conn, event=_refused(refusal))]
            case act.Opened(conn=conn) if conn in self._jobs:
                return self._asked(conn, self._jobs[conn], now)
            case act.Received(conn=conn, event=HttpResponse() as response) if conn in self._jobs:
                return self._told(conn, response)
            case act.Received(conn=conn, event=HttpBroken() as broken) if conn in self._jobs:
                return self._lost(conn, broken.message)
            case act.Refused(conn=conn) if conn in self._jobs:
                job = self._jobs.pop(conn)
                return [self._error(job, wording.NO_CENTRE, event.reason)]
            case act.Closed(conn=conn) if conn in self._jobs:
                return self._lost(conn, event.reason or "closed")
            case act.TimerFired(name=conn) if conn in self._jobs:
                return self._lost(conn, "no answer in time")
            case act.Received(conn=conn, event=HttpExhausted()) if not conn.startswith(FAR):
                return [act.Close(conn=conn)]
            case act.Commanded(ident=ident):
                return [act.Reply(ident=ident, value={"answered": self.answered})]
        return []

    # -- from the HIS --------------------------------------------------------------------------

    def _called(self, conn: str, request: HttpRequest) -> list[act.Command]:
        try:
            call = read_call(request)
        except CallError as error:
            note = act.Note(text=f"bridge: bad call: {error.message}")
            told = wording.error(wording.BAD_CALL, "utf-8", error.message)
            return [note, act.Send(conn=conn, event=told)]
        return [self._begun(_Job(conn, call))]

    def _begun(self, job: _Job) -> act.Command:
        self._turn += 1
        conn = f"{FAR}{job.call.infno}#{self._turn}"
        job.token = self.caller.province.gateway.family == "oauth2" and not self.caller.token
        self._jobs[conn] = job
        return act.Open(link=self.far, conn=conn)

    # -- to the centre -------------------------------------------------------------------------

    def _asked(self, conn: str, job: _Job, now: float) -> list[act.Command]:
        timer = act.SetTimer(name=conn, at=now + self.answer_s)
        if job.token:
            return [timer, act.Send(conn=conn, event=self.caller.token_request())]
        at = self.clock.wall()
        given = dict(job.call.members)
        own = given.pop("msgid", "")
        if not job.msgid:
            job.msgid = own or self.caller.msgid(at)
        insuplc = given.pop("insuplc_admdvs", "")
        members = self.caller.members(job.call.infno, job.msgid, at, insuplc) | given
        return [timer, act.Send(conn=conn, event=self.caller.request(members, job.call.nodes, at))]

    def _told(self, conn: str, response: HttpResponse) -> list[act.Command]:
        """The centre's answer goes back as it is; what cannot be one is the bridge's own error."""
        job = self._jobs.pop(conn)
        ended: list[act.Command] = [act.SetTimer(name=conn, at=None), act.Close(conn=conn)]
        if job.token:
            return [*ended, self._admitted(job, response)]
        if response.status == UNAUTHORIZED and self.caller.token and not job.renewed:
            self.caller.token, job.renewed = "", True
            return [*ended, self._begun(job)]
        if response.status != OK_STATUS:
            why = f"HTTP {response.status}"
            return [*ended, self._error(job, wording.BAD_ANSWER, why)]
        if "octet-stream" in response.header("Content-Type"):
            self.answered += 1
            return [*ended, act.Send(conn=job.near, event=response)]  # a file is no JSON
        try:
            decoded = decode(response.payload)
            self._remember(job, decoded.value)
        except JsonError as error:
            return [*ended, self._error(job, wording.BAD_ANSWER, error.message)]
        text = response.payload.decode(decoded.encoding).removeprefix("\ufeff")
        self.answered += 1
        return [*ended, act.Send(conn=job.near, event=wording.answer(text, job.call.encoding))]

    def _admitted(self, job: _Job, response: HttpResponse) -> act.Command:
        try:
            told = decode(response.payload).value if response.status == OK_STATUS else {}
        except PeerError:
            told = {}
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(token, str) or not token:
            return self._error(job, wording.NO_CENTRE, "no token")
        self.caller.token = token
        return self._begun(job)

    def _remember(self, job: _Job, told: Any) -> None:
        """The sign-in number of 9001 stands in every later envelope."""
        output = told.get("output") if isinstance(told, dict) else None
        node = output.get("signinoutb") if isinstance(output, dict) else None
        if job.call.infno == "9001" and isinstance(node, dict) and node.get("sign_no"):
            self.caller.sign_no = str(node["sign_no"])

    def _lost(self, conn: str, why: str) -> list[act.Command]:
        """No whole answer: what became of the message nobody knows."""
        job = self._jobs.pop(conn)
        ended: list[act.Command] = [
            act.SetTimer(name=conn, at=None),
            act.Close(conn=conn, reset=True),
        ]
        if self.retry == "none" or job.tries or job.token:
            return [*ended, self._error(job, wording.NO_ANSWER, why)]
        job.tries += 1
        if self.retry == "new":
            job.msgid = self.caller.msgid(self.clock.wall())
        note = act.Note(text=f"bridge: {job.call.infno} once more as {job.msgid}: {why}")
        return [*ended, note, self._begun(job)]

    def _error(self, job: _Job, code: str, detail: str) -> act.Command:
        return act.Send(conn=job.near, event=wording.error(code, job.call.encoding, detail))


def _refused(refusal: HttpRefusal) -> HttpResponse:
    told = wording.error(wording.BAD_CALL, "utf-8", refusal.code)
    return HttpResponse(status=refusal.status, headers=told.headers, payload=told.payload)
