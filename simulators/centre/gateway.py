"""From a request on the wire to a ``Call``, and from an ``Answer`` back to the wire.

The gateway knows signatures, envelope and schema, and no money. Whatever it turns away never
reaches a handler, so the books stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from harness.wire import envelope
from harness.wire.envelope import EnvelopeError, Request
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import JsonError, decode, encode
from simulators.centre import protection, refusals, representation, uploads
from simulators.centre.provinces import Province
from simulators.centre.schema import Specification, Transaction
from simulators.centre.schema_check import check_input
from simulators.centre.signatures import Doorkeeper, GatewayRefusal
from simulators.centre.transaction import OK, Answer, Call

UNMODELLED: Final = "X-Medharness-Unmodelled"
"""Header of an answer that only its schema was checked for: no verdict can rest on it."""

FILE_PARTS: Final = ("file", "in")
"""Names of the binary part of an upload, as clients send them."""

JSON_PARTS: Final = ("jsonStr", "json")
"""Names of its text part."""


class Turned(Exception):  # noqa: N818 - a decision, and no error of ours
    """A request ends at the gateway, with this response."""

    def __init__(self, response: HttpResponse, cause: str) -> None:
        super().__init__(cause)
        self.response = response
        self.cause = cause


@dataclass(slots=True)
class Gateway:
    """The front of one centre.

    Args:
        province: its rules.
    """

    province: Province
    doorkeeper: Doorkeeper = field(init=False)
    spec: Specification = field(init=False)
    _path: re.Pattern[str] = field(init=False)
    _sequence: int = 0

    def __post_init__(self) -> None:
        self.doorkeeper = Doorkeeper(self.province.gateway)
        self.spec = self.province.spec()
        pattern = re.escape(self.province.gateway.path).replace(r"\{infno\}", r"(?P<infno>\w{4,6})")
        self._path = re.compile(pattern)

    # -- in ------------------------------------------------------------------------------------

    def admit(self, request: HttpRequest, at: datetime) -> Call:
        """Verify, read and check a request.

        Raises:
            Turned: it ends here.
        """
        infno = self._route(request, at)
        try:
            self.doorkeeper.verify(request, at)
        except GatewayRefusal as refusal:
            raise self._denied(refusal.cause) from refusal
        read = self._read(request, at)
        return self._call(read, infno, at)

    def _route(self, request: HttpRequest, at: datetime) -> str:
        if request.target == self.province.gateway.path and request.method == "POST":
            return request.header("_api_name")  # a path that leaves no number open
        path = request.target.partition("?")[0]
        if self.province.gateway.family == "oauth2" and path == self.province.gateway.token_path:
            raise self._token(request, at)
        found = self._path.fullmatch(path)
        if found is None:
            text = self._text("path")
            raise Turned(refusals.gateway_error(404, 404, text), "path")
        if request.method != "POST":
            text = self._text("method")
            raise Turned(refusals.gateway_error(405, 405, text), "method")
        return found.groupdict().get("infno") or request.header("_api_name")

    def _token(self, request: HttpRequest, at: datetime) -> Turned:
        try:
            body = self.doorkeeper.token(request, at)
        except GatewayRefusal as refusal:
            return self._denied(refusal.cause)
        answer = HttpResponse(headers=(refusals.JSON_TYPE,), payload=encode(body))
        return Turned(answer, "token-issued")

    def _denied(self, cause: str) -> Turned:
        return Turned(refusals.gateway_error(401, 401, self._text(cause)), cause)

    def _read(self, request: HttpRequest, at: datetime) -> Request:
        """The envelope; of a multipart upload its text part, with the bytes put into ``input``."""
        boundary = uploads.boundary_of(request.header("Content-Type"))
        try:
            if not boundary:
                return envelope.read_request(request.payload, self.province.envelope.renames)
            found = uploads.parts(request.payload, boundary)
            text = next((found[name] for name in JSON_PARTS if name in found), b"")
            file = next((found[name] for name in FILE_PARTS if name in found), b"")
            return _with_file(envelope.read_request(text, self.province.envelope.renames), file)
        except JsonError as error:
            raise self._failed("json", at, detail=error.message) from error
        except (EnvelopeError, ValueError) as error:
            raise self._failed("envelope", at, detail=str(error)) from error

    def _call(self, read: Request, expected: str, at: datetime) -> Call:
        wrong = envelope.problems(read, self.province.envelope.required)
        if wrong:
            raise self._failed("members", at, detail=refusals.member_text(wrong))
        infno = read.text("infno")
        transaction = self.spec.transactions.get(infno)
        if transaction is None:
            raise self._failed("infno", at, infno=infno)
        if expected and expected != infno:
            raise self._failed("infno_differs", at, infno=infno)
        try:
            nodes = protection.open_request(self.province.protection, read)
        except GatewayRefusal as refusal:
            raise self._failed(refusal.cause, at) from refusal
        except (JsonError, EnvelopeError) as error:
            raise self._failed("envelope", at, detail=error.message) from error
        checked = check_input(
            self.spec, transaction, self._renamed(infno, nodes), self.province.validation
        )
        if checked.problems:
            detail = refusals.field_text(checked.problems, self.province.texts)
            raise self._failed("schema", at, detail=detail)
        return Call(
            infno=infno,
            msgid=read.text("msgid"),
            fixmedins_code=read.text("fixmedins_code"),
            insuplc_admdvs=read.text("insuplc_admdvs"),
            mdtrtarea_admvs=read.text("mdtrtarea_admvs"),
            opter=read.text("opter"),
            sign_no=read.text("sign_no"),
            input=checked.nodes,
            at=at,
            envelope=read.members,
        )

    def _renamed(self, infno: str, nodes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Nodes and fields by the names of the baseline."""
        names, fields = self.province.nodes.get(infno), self.province.fields.get(infno)
        if names:
            nodes = {names.get(name, name): value for name, value in nodes.items()}
        if not fields:
            return nodes
        return {
            name: {fields.get(key, key): one for key, one in value.items()}
            if isinstance(value, Mapping)
            else value
            for name, value in nodes.items()
        }

    def transaction(self, infno: str) -> Transaction:
        """What the specification says about a transaction that was let in."""
        return self.spec.transactions[infno]

    # -- out -----------------------------------------------------------------------------------

    def respond(self, answer: Answer, call: Call | None, at: datetime) -> HttpResponse:
        """An answer as this province writes it."""
        extra: tuple[tuple[str, str], ...] = ()
        if not answer.modelled and call is not None:
            extra = ((UNMODELLED, call.infno),)
        if answer.file is not None and answer.infcode == OK:
            kind = ("Content-Type", "application/octet-stream")
            return HttpResponse(headers=(kind, *extra), payload=answer.file)
        return HttpResponse(
            headers=(self._content_type(), *extra), payload=self.body(answer, call, at)
        )

    def body(self, answer: Answer, call: Call | None, at: datetime) -> bytes:
        """The envelope of an answer."""
        rules = self.province.envelope
        code: int | str = answer.infcode
        if answer.infcode < 0:
            code = rules.infcode_failed
        self._sequence += 1
        stamp = envelope.stamp14(at)
        whole = envelope.response(
            infcode=str(code) if rules.infcode_as == "text" else code,
            refmsgid=f"{rules.division_code}{stamp}{self._sequence % 10**10:010d}",
            received=at if call is None else call.at,
            responded=at,
            err_msg=answer.err_msg,
            output=self._represented(answer.output),
        )
        if self.province.protection.answers and answer.infcode == OK:
            nodes = whole.pop("output")
            whole = protection.seal(self.province.protection, whole, nodes, by="centre")
        elif answer.written is not None and answer.written.value is whole["output"]:
            whole["output"] = answer.written
        return encode(whole, rules.encoding)

    def _represented(self, output: Any) -> Any:
        """The same values in the habits of this province."""
        rules = self.province.envelope
        if output is None:
            return None
        if rules.numbers_as == "text":
            output = representation.numbers_as_text(output)
        if rules.empty_as != "text":
            null = rules.empty_as == "null"
            change = representation.empties_as_null if null else representation.nothing_as_word
            output = change(output)
        return representation.rows_as_lists(output) if rules.rows_as == "lists" else output

    def _content_type(self) -> tuple[str, str]:
        if self.province.envelope.encoding == "utf-8":
            return refusals.JSON_TYPE
        return ("Content-Type", "application/json;charset=GB18030")

    def _text(self, cause: str, **holes: object) -> str:
        return refusals.text(self.province.texts, cause, **holes)

    def refusal(self, cause: str, at: datetime, **holes: object) -> HttpResponse:
        """A refusal in the envelope of the centre."""
        answer = Answer(infcode=-1, err_msg=self._text(cause, **holes))
        return self.respond(answer, None, at)

    def _failed(self, cause: str, at: datetime, **holes: object) -> Turned:
        return Turned(self.refusal(cause, at, **holes), cause)


def _with_file(read: Request, file: bytes) -> Request:
    """The upload as if its bytes had stood in the JSON."""
    nodes = dict(read.input)
    if not nodes:  # some clients send the two fields alone, without a node
        nodes = {name: read.members[name] for name in ("filename",) if name in read.members}
    node = dict(nodes.get("fsUploadIn") or nodes)
    node["in"] = file
    node.setdefault("fixmedins_code", read.text("fixmedins_code"))
    return Request(members=read.members, input={"fsUploadIn": node}, encoding=read.encoding)


def answer_members(body: bytes) -> Mapping[str, Any]:
    """The members of an answer, for whoever wants to spoil one."""
    value = decode(body).value
    return value if isinstance(value, dict) else {}
