"""How the cashier writes its messages and reads answers: directly or through a local bridge.

Encodings, numbers as text, ``null`` and lists are habits of a HIS that change nothing in what it
means; the centre has to take them. The other way round the cashier takes whatever a centre writes:
every reader here is where a defect of reading has its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import PeerError
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import decode, dumps, encode, loads
from simulators.centre import representation

BRIDGE_PATH: Final = "/api/YiBao/HIS_{infno}"
"""Where a local bridge takes a call."""

CHARSETS: Final = {"utf-8": "utf-8", "gb18030": "GBK"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """The habits of one HIS.

    Attributes:
        bridge: whether a local bridge stands in between.
        encoding: of bodies.
        numbers: ``number``, or ``text``: amounts are written as text.
        empty: ``text``, ``null`` or ``word``: how nothing is written.
        rows: ``declared``, or ``lists``: one row goes out as a list of one.
    """

    bridge: bool = False
    encoding: str = "utf-8"
    numbers: str = "number"
    empty: str = "text"
    rows: str = "declared"

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Manner:
        """As a command gives it."""
        return cls(
            bridge=args.get("bridge", "") == "yes",
            encoding=args.get("encoding", "utf-8"),
            numbers=args.get("numbers", "number"),
            empty=args.get("empty", "text"),
            rows=args.get("rows", "declared"),
        )

    # -- out -----------------------------------------------------------------------------------

    def nodes(self, nodes: Any) -> Any:
        """The input as this HIS writes it."""
        if self.numbers == "text":
            nodes = representation.numbers_as_text(nodes)
        if self.empty != "text":
            nodes = _with_nothing(nodes)
            null = self.empty == "null"
            change = representation.empties_as_null if null else representation.nothing_as_word
            nodes = change(nodes)
        return representation.rows_as_lists(nodes) if self.rows == "lists" else nodes

    def body(self, value: Any) -> tuple[bytes, str]:
        """A body, and what its header says of it."""
        kind = f"application/json;charset={CHARSETS.get(self.encoding, self.encoding)}"
        return encode(value, self.encoding), kind

    def call(
        self, infno: str, members: Mapping[str, Any], nodes: Any, defects: set[str]
    ) -> HttpRequest:
        """The same message as a call of the bridge, which fills envelope and signature."""
        names = ("msgid", "insuplc_admdvs", "opter_type", "opter", "opter_name")
        text = dumps(nodes)
        if "his-yb-bridge-escapes-twice" in defects:
            text = dumps(text)
        body, kind = self.body({name: members[name] for name in names} | {"input": text})
        headers = (("Host", "bridge"), ("Content-Type", kind))
        return HttpRequest(target=BRIDGE_PATH.format(infno=infno), headers=headers, payload=body)

    # -- in ------------------------------------------------------------------------------------

    def payload(self, response: HttpResponse, defects: set[str]) -> bytes:
        """The centre's answer, whatever it was wrapped in.

        Raises:
            PeerError: it cannot be read.
        """
        payload = response.payload
        if "his-yb-answer-utf8-only" in defects:
            _utf8(payload)
        if not self.bridge:
            return payload
        told = decode(payload).value
        if isinstance(told, str) and "his-yb-bridge-one-unwrap" not in defects:
            told = loads(told)
        if not isinstance(told, Mapping):
            raise _UnreadableError("the bridge's answer holds no object")
        return encode(told)

    def failed(self, response: HttpResponse, defects: set[str]) -> bool:
        """The bridge says itself that it failed: for all that it knows the centre did its part."""
        if not self.bridge or "his-yb-bridge-error-is-failure" not in defects:
            return False
        return b"errorCode" in response.payload


class _UnreadableError(PeerError):
    """An answer that this HIS cannot read."""


def check_readable(members: Mapping[str, Any], output: Any, defects: set[str]) -> None:
    """What a HIS may stumble over in an answer that says what it should.

    Raises:
        PeerError: this HIS cannot read it.
    """
    if "his-yb-null-unread" in defects and _holds(output, lambda one: one is None):
        raise _UnreadableError("null")
    if "his-yb-text-amount-unread" in defects and _text_amounts(output):
        raise _UnreadableError("an amount is text")
    if "his-yb-list-unread" in defects and isinstance(output, Mapping):
        info = output.get("setlinfo")
        if isinstance(info, list):
            raise _UnreadableError("setlinfo is a list")
    if "his-yb-text-output-unread" in defects and isinstance(members.get("output"), str):
        raise _UnreadableError("output is text")


def refuses(members: Mapping[str, Any], defects: set[str]) -> bool:
    """Whether this HIS takes the answer for a refusal though ``infcode`` is nought."""
    return "his-yb-text-code-is-failure" in defects and isinstance(members.get("infcode"), str)


def _text_amounts(output: Any) -> bool:
    info = output.get("setlinfo") if isinstance(output, Mapping) else None
    row = info[0] if isinstance(info, list) and info else info
    return isinstance(row, Mapping) and isinstance(row.get("medfee_sumamt"), str)


def _holds(value: Any, found: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds(one, found) for one in value.values())
    if isinstance(value, list):
        return any(_holds(one, found) for one in value)
    return bool(found(value))


def _utf8(payload: bytes) -> None:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _UnreadableError("not UTF-8") from error


def _with_nothing(nodes: Any) -> Any:
    """Each row of an input with an optional field that says nothing."""
    if not isinstance(nodes, Mapping):
        return nodes
    return {name: _row_with_nothing(node) for name, node in nodes.items()}


def _row_with_nothing(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {"exp_content": "", **node}
    if isinstance(node, list):
        return [_row_with_nothing(one) for one in node]
    return node
