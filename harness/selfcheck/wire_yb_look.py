"""What a trace shows of the calls between a HIS and the centre: HTTP and JSON read anew.

Nothing here is shared with what wrote the bytes: messages are cut by the text of RFC 9112, and the
standard library reads the JSON, where the simulators write with ``harness.wire``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from harness.digits import whole_number
from harness.evidence.line import unpack
from harness.evidence.trace import Record

INTERFACE: Final = "HIS-YB"
CENTRE: Final = "centre"
HEAD_END: Final = b"\r\n\r\n"
SETTLING: Final = frozenset({"2102", "2207", "2304"})
REVERSING: Final = frozenset({"2103", "2208", "2305"})
UNDO: Final = "2601"

_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d+)[ \t]*\r?$")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


@dataclass(frozen=True)
class Answer:
    """The bytes that came back for one request, as far as they came.

    Attributes:
        pieces: seconds of the run, and bytes, in the order in which they came.
        raw: all of them.
    """

    pieces: tuple[tuple[float, bytes], ...]

    @cached_property
    def raw(self) -> bytes:
        """Everything that came."""
        return b"".join(data for _, data in self.pieces)

    @property
    def head(self) -> bytes:
        """Status and headers; empty where they are not whole."""
        head, found, _ = self.raw.partition(HEAD_END)
        return head if found else b""

    @property
    def body(self) -> bytes:
        """What stands behind the headers."""
        return self.raw.partition(HEAD_END)[2]

    @property
    def whole(self) -> bool:
        """As many bytes came as the headers announce."""
        size = _LENGTH.search(self.head)
        return size is not None and len(self.body) >= int(size[1])

    @property
    def status(self) -> int:
        """Of HTTP; 0 where none came."""
        found = _STATUS.match(self.raw)
        return int(found[1]) if found else 0

    @cached_property
    def value(self) -> Mapping[str, Any] | None:
        """The object that a strict client reads: UTF-8, no byte order mark; None otherwise."""
        return _object(self.body, "utf-8") if self.whole else None

    @cached_property
    def lenient(self) -> Mapping[str, Any]:
        """The object that a patient client reads, in whatever encoding; empty where none."""
        if not self.whole:
            return {}
        read = (_object(self.body, one) for one in ("utf-8-sig", "gb18030", "utf-16-le"))
        return next((one for one in read if one), {})

    @property
    def code(self) -> str:
        """``infcode`` as text; empty where there is none."""
        value = self.lenient.get("infcode")
        return "" if value is None else str(value)

    @property
    def done(self) -> bool:
        """It says that the call was carried out."""
        return whole_number(self.code) == 0

    @property
    def refused(self) -> bool:
        """It says that the call was not carried out."""
        return bool(self.code) and not self.done

    @property
    def said(self) -> str:
        """``err_msg``."""
        return str(self.lenient.get("err_msg") or "")

    @property
    def output(self) -> Mapping[str, Any]:
        """The nodes; empty where there are none."""
        found = self.lenient.get("output")
        if isinstance(found, str):
            found = _object(found.encode(), "utf-8")
        return found if isinstance(found, dict) else {}

    def node(self, name: str) -> Mapping[str, Any]:
        """The first row of a node."""
        return first_row(self.output.get(name))


@dataclass(frozen=True)
class Call:
    """One request, and what came of it.

    Attributes:
        n: number of the record with which the request was whole.
        at: seconds of the run then.
        sender: who asked.
        value: the request.
        answer: what came back.
        closed_by: the role that ended the connection, empty where it was left open.
        closed_at: seconds of the run then.
        reset: the connection was reset.
    """

    n: int
    at: float
    sender: str
    value: Mapping[str, Any]
    answer: Answer
    closed_by: str = ""
    closed_at: float = 0.0
    reset: bool = False

    @property
    def infno(self) -> str:
        """Number of the transaction."""
        return str(self.value.get("infno", ""))

    @property
    def msgid(self) -> str:
        """Of the request."""
        return str(self.value.get("msgid", ""))

    @cached_property
    def row(self) -> Mapping[str, Any]:
        """The first row of the first node of the input."""
        nodes = self.value.get("input")
        return first_row(next(iter(nodes.values()), None)) if isinstance(nodes, dict) else {}

    def rows(self, node: str) -> list[Mapping[str, Any]]:
        """Rows of a node of the input."""
        nodes = self.value.get("input")
        found = nodes.get(node) if isinstance(nodes, dict) else None
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def text(self, name: str) -> str:
        """A value of the first row, as text."""
        return str(self.row.get(name, ""))

    @property
    def unanswered(self) -> bool:
        """Nothing that says what became of it arrived."""
        return not self.answer.code


class Talk:
    """A trace, as far as settlement is about it."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records

    @cached_property
    def calls(self) -> list[Call]:
        """Requests that were whole on the wire, by whoever asked, in order."""
        found = [call for conn in self._connections.values() for call in conn.calls()]
        return sorted(found, key=lambda call: call.n)

    def of(self, *infnos: str) -> list[Call]:
        """Calls of these transactions."""
        return [call for call in self.calls if call.infno in infnos]

    def by_msgid(self, msgid: str) -> Call | None:
        """The call with this id."""
        return next((call for call in self.calls if call.msgid == msgid), None)

    @cached_property
    def books(self) -> list[Mapping[str, str]]:
        """Rows that anybody read from the ledger of the centre."""
        return [dict(row) for one in self._probes("centre-ledger") for row in one["rows"]]

    @property
    def books_at_last(self) -> list[Mapping[str, str]]:
        """Rows of the latest look for each person."""
        latest = {str(one["args"]): one["rows"] for one in self._probes("centre-ledger")}
        return [dict(row) for rows in latest.values() for row in rows]

    def seen_by(self, psn_no: str) -> bool:
        """Somebody looked into the ledger for this person, or for everybody."""
        asked = [one["args"].get("psn_no") for one in self._probes("centre-ledger")]
        return psn_no in asked or None in asked

    def fired(self, action: str) -> Iterator[Record]:
        """Faults that say that they fired."""
        return (
            one
            for one in self.records
            if one["kind"] == "fault" and one["event"] == "fired" and one.get("action") == action
        )

    def hit(self, action: str) -> list[Call]:
        """The calls that these faults say they hit."""
        names = [str(one.get("detail", "")).replace("|", " ").split() for one in self.fired(action)]
        return [call for call in self.calls if any(call.msgid in some for some in names)]

    @cached_property
    def commands(self) -> list[Record]:
        """What users did."""
        return [one for one in self.records if one["kind"] == "command"]

    @property
    def dead_connections(self) -> list[tuple[str, bool]]:
        """Connections on which the centre gave no byte and ended: who asked, reset or not."""
        return [
            (conn.sender, conn.reset)
            for conn in self._connections.values()
            if not conn.back and conn.closed_by == CENTRE
        ]

    @cached_property
    def _connections(self) -> dict[str, _Connection]:
        found: dict[str, _Connection] = {}
        for one in self.records:
            if one.get("interface") != INTERFACE or one["kind"] not in {"bytes", "link"}:
                continue
            conn = found.setdefault(one["conn"], _Connection())
            if one["kind"] == "bytes":
                conn.add(one)
            else:
                conn.note(one)
        return found

    def _probes(self, name: str) -> Iterator[Record]:
        return (one for one in self.records if one["kind"] == "probe" and one["probe"] == name)


class _Connection:
    """One connection: what each side sent, and how it ended."""

    def __init__(self) -> None:
        self.sender = ""
        self.sent: list[tuple[int, float, bytes]] = []
        self.back: list[tuple[int, float, bytes]] = []
        self.closed_by = ""
        self.closed_at = 0.0
        self.reset = False

    def add(self, record: Record) -> None:
        self.sender = self.sender or record["frm"]
        side = self.sent if record["frm"] == self.sender else self.back
        side.append((record["n"], record["t"], unpack(record["raw"])))

    def note(self, record: Record) -> None:
        """Link records are those of the side that was called, and so is its ``us``."""
        self.sender = self.sender or record["frm"]
        if record["event"] in {"closed", "refused", "failed"} and not self.closed_by:
            ours = "by us" in record["reason"] or record["event"] == "refused"
            self.closed_by = record["to"] if ours else record["frm"]
            self.closed_at = record["t"]
            self.reset = "reset" in record["reason"] or record["event"] == "refused"

    def calls(self) -> Iterator[Call]:
        """Requests in order, each with the bytes that came before the next one."""
        heard, begun = b"", []
        for n, at, data in self.sent:
            heard += data
            while (cut := _message_end(heard)) is not None:
                body, heard = heard[:cut].partition(HEAD_END)[2], heard[cut:]
                begun.append((n, at, _object(body, "utf-8") or {}))
        for index, (n, at, value) in enumerate(begun):
            until = begun[index + 1][0] if index + 1 < len(begun) else sys.maxsize
            pieces = tuple((when, data) for m, when, data in self.back if n < m < until)
            yield Call(
                n=n, at=at, sender=self.sender, value=value, answer=Answer(pieces),
                closed_by=self.closed_by, closed_at=self.closed_at, reset=self.reset,
            )  # fmt: skip


def _message_end(data: bytes) -> int | None:
    head, found, body = data.partition(HEAD_END)
    if not found:
        return None
    size = _LENGTH.search(head + b"\r\n")
    length = int(size[1]) if size else 0
    return len(head) + len(HEAD_END) + length if len(body) >= length else None


def _object(data: bytes, encoding: str) -> dict[str, Any] | None:
    try:
        value = json.loads(data.decode(encoding), parse_float=Decimal)
    except (ValueError, RecursionError):  # not of this encoding, or not JSON
        return None
    return value if isinstance(value, dict) else None


def first_row(node: object) -> Mapping[str, Any]:
    """A node that is a row, or the first of its rows."""
    if isinstance(node, list):
        node = node[0] if node else None
    return node if isinstance(node, dict) else {}


def number(value: object) -> Decimal | None:
    """An amount however it is written; None where it is none."""
    try:
        return Decimal(str(value).strip())
    except ArithmeticError:
        return None
