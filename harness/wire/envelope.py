"""The envelope of the national settlement interface: one JSON object around every transaction.

Request: ``infno``, ``msgid``, region codes, operator, ``input``. Response: ``infcode``, ids and
times, ``err_msg``, ``output``. Which members a province requires, renames or adds is data of its
profile; this room knows the baseline and its representations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from harness.errors import PeerError
from harness.wire.json_exact import (
    NUMBER_CHARS_MAX,
    JsonError,
    decode,
    dumps,
    encode,
    loads,
)

REQUEST_LENGTHS: Final[Mapping[str, int]] = {
    "infno": 10,
    "msgid": 30,
    "mdtrtarea_admvs": 6,
    "insuplc_admdvs": 6,
    "recer_sys_code": 10,
    "dev_no": 100,
    "dev_safe_info": 2000,
    "cainfo": 1024,
    "signtype": 10,
    "infver": 6,
    "opter_type": 3,
    "opter": 30,
    "opter_name": 50,
    "inf_time": 19,
    "fixmedins_code": 12,
    "fixmedins_name": 200,
    "sign_no": 30,
}
"""Members of a request and how long each may be. ``infno`` is declared as 4 though numbers of 5 and
6 characters exist, and ``fixmedins_name`` as 20 though names are longer: both are widened here."""

_LENGTHS: Final = tuple(REQUEST_LENGTHS.items())

REQUIRED: Final = (
    "infno",
    "msgid",
    "mdtrtarea_admvs",
    "recer_sys_code",
    "infver",
    "opter_type",
    "opter",
    "opter_name",
    "inf_time",
    "fixmedins_code",
    "fixmedins_name",
    "input",
)
"""What the baseline requires of a request."""

MSGID_LENGTH: Final = 30
"""Institution (12), time (14), sequence (4)."""


class EnvelopeError(PeerError):
    """The body is JSON and yet no envelope.

    Args:
        message: what is wrong.
        code: stable id, such as ``envelope.member-missing``.
        member: which member; empty for the whole.
    """

    def __init__(self, message: str, *, code: str, member: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.member = member


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came.

    Attributes:
        members: every member but ``input``, by baseline name; text is text, numbers are exact.
        input: the nodes of the transaction.
        input_text: ``input`` as it stood, where it was a string; else empty.
        encoding: of the body.
    """

    members: Mapping[str, Any]
    input: Mapping[str, Any] = field(default_factory=dict)
    input_text: str = ""
    encoding: str = "utf-8"

    def text(self, name: str) -> str:
        """A member as text; null and absence are empty, numbers are written out."""
        return as_text(self.members.get(name))


def as_text(value: Any) -> str:
    """A scalar as text: ``18`` and ``"18"`` are the same, ``null`` is empty."""
    if type(value) is str:
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return dumps(value)


def as_number(value: Any) -> Decimal | None:
    """A number, also where it was written as text; None where there is none.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - one error for every wrong value
    if isinstance(value, int | Decimal):
        return Decimal(value)
    text = as_text(value)
    if not text or text == "null":
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    # Beyond that no arithmetic takes it, and written out it would fill the memory.
    if not number.is_finite() or abs(number.adjusted()) > NUMBER_CHARS_MAX:
        raise ValueError(text)
    return number


def absent(value: Any) -> bool:
    """``null``, ``""``, blanks and the word ``null`` all say: nothing here."""
    return value is None or (isinstance(value, str) and value.strip() in {"", "null"})


def read_request(body: bytes, renames: Mapping[str, str] | None = None) -> Request:
    """Read a request body.

    Args:
        body: as it came; UTF-8 or GB 18030, with or without a byte order mark.
        renames: member names of the province to baseline names.

    Raises:
        JsonError: no JSON that can be trusted.
        EnvelopeError: no object, or ``input`` is neither an object nor text.
    """
    decoded = decode(body)
    whole = decoded.value
    if not isinstance(whole, dict):
        raise EnvelopeError("the body is no JSON object", code="envelope.no-object")
    known = renames or {}
    members = {known.get(key, key): value for key, value in whole.items()} if known else whole
    given = members.pop("input", None)
    text = given if isinstance(given, str) else ""
    return Request(
        members=members,
        input={} if text else _nodes(given),
        input_text=text,
        encoding=decoded.encoding,
    )


def _nodes(given: Any) -> Mapping[str, Any]:
    if given is None or given == "":
        return {}
    if not isinstance(given, dict):
        raise EnvelopeError("input is no object", code="envelope.input", member="input")
    return given


def read_input(text: str) -> Mapping[str, Any]:
    """Read an ``input`` that was sent as a string.

    Raises:
        JsonError, EnvelopeError: as for the envelope.
    """
    return _nodes(loads(text))


def problems(request: Request, required: tuple[str, ...] = REQUIRED) -> list[tuple[str, str]]:
    """What is wrong with the members: pairs of member and ``missing``, ``long`` or ``kind``."""
    found: list[tuple[str, str]] = []
    members = request.members
    if not _looked_at(members, required) and (request.input or request.input_text):
        return found
    for name in required:
        if name == "input":
            if not request.input and not request.input_text:
                found.append((name, "missing"))
        elif absent(request.members.get(name)):
            found.append((name, "missing"))
    for name, length in REQUEST_LENGTHS.items():
        value = request.members.get(name)
        if type(value) is str and len(value) <= length:
            continue  # nearly every member of every request
        if isinstance(value, dict | list):
            found.append((name, "kind"))
        elif len(as_text(value)) > length:
            found.append((name, "long"))
    return found


def _looked_at(members: Mapping[str, Any], required: tuple[str, ...]) -> bool:
    """Whether any member has to be looked at closely; of nearly every request none has to be."""
    get = members.get
    for name in required:
        value = get(name)
        if name != "input" and (type(value) is not str or value.strip() in {"", "null"}):
            return True
    for name, length in _LENGTHS:
        value = get(name)
        if value is not None and (type(value) is not str or len(value) > length):
            return True
    return False


def stamp17(at: datetime) -> str:
    """``yyyyMMddHHmmssSSS``, as response times are written."""
    return f"{stamp14(at)}{at.microsecond // 1000:03d}"


def stamp14(at: datetime) -> str:
    """``yyyyMMddHHmmss``; ``strftime`` takes ten times as long."""
    text = at.isoformat()
    return f"{text[:4]}{text[5:7]}{text[8:10]}{text[11:13]}{text[14:16]}{text[17:19]}"


def msgid(fixmedins_code: str, at: datetime, sequence: int) -> str:
    """The id of a message: institution (12), time (14), sequence (4)."""
    return f"{fixmedins_code[:12]:0<12}{at:%Y%m%d%H%M%S}{sequence % 10_000:04d}"


def request_body(
    members: Mapping[str, Any], nodes: Mapping[str, Any] | str, encoding: str = "utf-8"
) -> bytes:
    """A request as bytes; ``nodes`` as text where the province wants ``input`` as a string."""
    return encode({**members, "input": nodes}, encoding)


def response(
    *,
    infcode: int | str,
    refmsgid: str,
    received: datetime,
    responded: datetime,
    err_msg: str = "",
    output: Any = None,
) -> dict[str, Any]:
    """The members of a response, in the order of the specification."""
    return {
        "infcode": infcode,
        "inf_refmsgid": refmsgid,
        "refmsg_time": stamp17(received),
        "respond_time": stamp17(responded),
        "err_msg": err_msg,
        "output": {} if output is None else output,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response as a client reads it.

    Attributes:
        ok: ``infcode`` compares equal to 0 once written out; None where it is missing, and the
            outcome is unknown.
        infcode: as text.
        err_msg: why not.
        output: the nodes; text is read once more where they came as a string.
        members: everything, for what a province adds.
    """

    ok: bool | None
    infcode: str
    err_msg: str
    output: Any
    members: Mapping[str, Any]


def read_response(body: bytes) -> Response:
    """Read a response body.

    Raises:
        JsonError, EnvelopeError: it is none: the outcome is unknown.
    """
    whole = decode(body).value
    if not isinstance(whole, dict):
        raise EnvelopeError("the answer is no JSON object", code="envelope.no-object")
    code = as_text(whole.get("infcode"))
    output = whole.get("output")
    if isinstance(output, str) and output.lstrip()[:1] in {"{", "["}:
        output = loads(output)
    try:
        ok = None if not code else Decimal(code) == 0
    except InvalidOperation:
        ok = False
    return Response(
        ok=ok,
        infcode=code,
        err_msg=as_text(whole.get("err_msg")),
        output=output,
        members=whole,
    )


def bridge_wrap(body: bytes) -> bytes:
    """A response as a local bridge hands it on: a JSON string inside JSON.

    Many HIS call an agent on their own machine, which calls the centre.
    """
    return encode(body.decode("utf-8"))


def bridge_unwrap(body: bytes, levels: int = 3) -> Any:
    """The object inside a string inside a string, and so on.

    Raises:
        JsonError: no JSON at some level, or no object after ``levels``.
    """
    value = decode(body).value
    for _ in range(levels):
        if not isinstance(value, str):
            return value
        value = loads(value)
    if isinstance(value, str):
        raise JsonError("a string inside too many strings", code="json.too-deep")
    return value
