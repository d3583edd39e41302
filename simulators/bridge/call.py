"""What a HIS says to a local bridge, and what the bridge says back: JSON inside JSON strings.

The call names the transaction at the end of its path (``/api/YiBao/Settle_2207``) or in the body,
and carries ``input`` as a JSON text; the whole body may be a JSON string once more. The answer is
the centre's answer as a string inside a string. What the bridge itself has to say has no
``infcode``: whoever looks for one finds none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import PeerError
from harness.wire.envelope import as_text
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import JsonError, decode, dumps, encode, loads

PREFIX: Final = "/api/YiBao/"
_NUMBER: Final = re.compile(r"(?:^|[_/])(\d{4,6}[A-Z]?)$")

PASSED: Final = ("msgid", "insuplc_admdvs", "opter_type", "opter", "opter_name", "sign_no")
"""Members of the envelope that a HIS may give itself; the bridge fills the others."""

BAD_CALL, NO_CENTRE, NO_ANSWER, BAD_ANSWER = "B001", "B002", "B003", "B004"
"""The bridge's own errors: the call cannot be read; nobody there; no answer in time, or half of
one; an answer that is no JSON, or not HTTP 200. After the last two nobody knows what happened."""

TEXTS: Final[Mapping[str, str]] = {
    BAD_CALL: "入参格式错误",
    NO_CENTRE: "无法连接医保中心",
    NO_ANSWER: "调用医保中心超时",
    BAD_ANSWER: "医保中心返回内容无法识别",
}


class CallError(PeerError):
    """A call that the bridge cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeCall:
    """One call of a HIS.

    Attributes:
        infno: transaction.
        nodes: its input.
        members: of the envelope, as far as the HIS gives them.
        encoding: of the body; the answer is written in the same.
    """

    infno: str
    nodes: Any
    members: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"


def read_call(request: HttpRequest) -> BridgeCall:
    """Read a call.

    Raises:
        CallError: no transaction is named, or body or ``input`` are no JSON object.
    """
    try:
        decoded = decode(request.payload)
        body = _unwrapped(decoded.value)
        given = body.get("input", body if "infno" not in body else {})
        nodes = _unwrapped(given)
    except JsonError as error:
        raise CallError(error.message) from error
    path = request.target.partition("?")[0].removeprefix(PREFIX)
    named = _NUMBER.search(path)
    infno = as_text(body.get("infno")) or (named[1] if named else "")
    if not infno:
        raise CallError("no transaction is named")
    members = {name: as_text(body[name]) for name in PASSED if as_text(body.get(name))}
    return BridgeCall(infno=infno, nodes=nodes, members=members, encoding=decoded.encoding)


def _unwrapped(value: Any) -> Mapping[str, Any]:
    """An object, or the text of one; a text inside a text was escaped once too often."""
    if isinstance(value, str):
        value = loads(value) if value.strip() else {}
    if not isinstance(value, Mapping):
        raise CallError("no JSON object")
    return value


def answer(text: str, encoding: str) -> HttpResponse:
    """What the centre said, as a JSON string."""
    name = "GBK" if encoding == "gb18030" else encoding
    kind = ("Content-Type", f"application/json;charset={name}")
    return HttpResponse(headers=(kind,), payload=encode(text, encoding))


def error(code: str, encoding: str, detail: str = "") -> HttpResponse:
    """What the bridge has to say itself, wrapped the same way."""
    told = {"success": False, "errorCode": code, "message": TEXTS[code], "detail": detail[:200]}
    return answer(dumps(told), encoding)
