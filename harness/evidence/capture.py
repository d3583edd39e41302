"""The journal of a load run: written as it comes, made into a trace when somebody wants to read it.

Under load the time of a trace goes into rendering its lines, not into what they say. So a load run
keeps what a ``Recorder`` would be told, byte for byte and with its time, and ``expand`` tells it to
one afterwards. Nothing is left out: every byte, every message that our own cores saw, every
connection. What belongs to one turn of an actor is one write, and nothing that it led to leaves
before it.

The file: ``MAGIC``, then records of a head (``HEAD``: kind, connection, monotonic seconds, size)
and a body. A run that is killed leaves a file that reads to its last whole record.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from pathlib import Path
from struct import Struct
from typing import IO, Any, Final

from harness import limits
from harness.clock import Clock
from harness.errors import HarnessError, InputError
from harness.evidence.recorder import MESSAGES, STATES, Recorder
from harness.evidence.trace import FORMAT, Trace
from harness.i18n import tr
from harness.link.tap import Connection
from harness.wire.core import Event, Message, Violation

MAGIC: Final = b"MEDHARNESS-CAPTURE 1\n"

HEAD: Final = Struct("<BIdI")

BODY_BYTES_MAX: Final = 2 * limits.MESSAGE_BYTES_MAX
"""A longer body is damage: no core assembles more."""

FRAME: Final = b"\x0b%b\x1c\r"
"""A message in exactly one frame in one read or write is kept once (HL7 2.5.1 §C.4.3)."""

_START: Final = FRAME[:1]

_CONNECTION_FIELDS: Final = tuple(one.name for one in fields(Connection))

_pack: Final = HEAD.pack

_OPENED, _CONNECTION, _LINK, _NOTE, _VIOLATION, _CLOSED = range(6)
_BYTES, _MESSAGE, _FRAMED = 6, 8, 10
"""With 1 added where it was sent by us."""
_SENT: Final = _BYTES + 1


@lru_cache(maxsize=256)
def _link_body(event: str, reason: str) -> bytes:
    return json.dumps({"event": event, "reason": reason}).encode("ascii")


@lru_cache(maxsize=256)
def _ends(*ends: object) -> bytes:
    """What the connections of one link have in common: all but the id."""
    return json.dumps(dict(zip(_CONNECTION_FIELDS[1:], ends, strict=True))).encode("ascii")[1:]


def _about(one: Connection) -> bytes:
    ends = _ends(one.link, one.interface, one.local, one.peer, one.client)
    return b'{"id": %b, %b' % (encode_basestring_ascii(one.id).encode("ascii"), ends)


@dataclass(slots=True)
class Capture:
    """The watcher of a load run: a ``Watcher`` of the links, for ``Threads(settle=...)``.

    Args:
        path: the file; its folder must exist.
        clock: gives the times.
    """

    path: Path
    clock: Clock
    _file: IO[bytes] = field(init=False)
    _numbers: dict[str, tuple[Connection, int]] = field(default_factory=dict)
    _introduced: int = 0
    _pending: list[bytes] = field(default_factory=list)
    _came: tuple[Connection, bytes] | None = None
    _leaves: tuple[Connection, bytes] | None = None
    _last: tuple[Connection, int] | None = None
    _now: Callable[[], float] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _settling: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._file = self.path.open("wb", buffering=0)
        self._now = self.clock.now
        self._pending.append(MAGIC)
        self._json(_OPENED, 0, {"wall": self.clock.wall().isoformat()})
        self.settle()

    def settle(self) -> None:
        """Write what was told so far; when it returns, all of it is with the operating system."""
        with self._settling:  # held while writing: what another thread took is not written yet
            if data := self._taken():
                self._write(data)

    def _taken(self) -> bytes:
        """What was told and is not written."""
        with self._lock:
            if self._came is not None or self._leaves is not None:
                self._release()
            data = b"".join(self._pending)
            self._pending.clear()
            return data

    def _write(self, data: bytes) -> None:
        if self._file.write(data) != len(data):
            raise HarnessError("a capture could not be written whole", where=str(self.path))

    def close(self) -> None:
        """Write the rest, say that it is all, and let go of the file."""
        with self._lock:
            self._release()
            self._json(_CLOSED, 0, {})
        self.settle()
        self._file.close()

    # -- Watcher -------------------------------------------------------------------------------

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection opened, closed, was refused or failed."""
        with self._lock:
            self._release()
            self._add(_LINK, self._number(connection), _link_body(event, reason))
            if event in {"closed", "failed", "refused"}:
                self._numbers.pop(connection.id, None)
                self._last = None

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes went over the wire; those that a message accounts for are not kept again."""
        with self._lock:
            leaves = self._leaves
            if leaves is not None or self._came is not None:
                if sent and leaves and leaves[0] is connection and data == FRAME % leaves[1]:
                    self._leaves = None
                    self._put(_FRAMED + 1, connection, leaves[1])
                    return
                self._release()
            if not sent and data[:1] == _START:
                self._came = (connection, data)
            else:
                self._put(_BYTES + sent, connection, data)

    def exchanged(self, connection: Connection, data: bytes, answer: bytes, now: float) -> None:
        """As ``data`` of what came, of the answer that it led to, and ``settle``."""
        with self._settling:  # nothing is on its way to the file now
            last = self._last
            if self._pending or self._came or self._leaves or not last or last[0] is not connection:
                self.data(connection, data, sent=False)
                self.data(connection, answer, sent=True)
                whole = self._taken()
            else:
                number = last[1]
                head, then = (
                    _pack(_BYTES, number, now, len(data)),
                    _pack(_SENT, number, now, len(answer)),
                )
                whole = b"".join((head, data, then, answer))
            self._write(whole)

    def replied(self, connection: Connection, payload: bytes, answer: bytes, now: float) -> None:
        """As ``data`` and ``event`` of a message and of its answer, each one frame by itself."""
        with self._lock:
            if self._came is not None or self._leaves is not None:
                self._release()
            last = self._last
            number = last[1] if last and last[0] is connection else self._number(connection)
            head = _pack(_FRAMED, number, now, len(payload))
            then = _pack(_FRAMED + 1, number, now, len(answer))
            self._pending.append(b"".join((head, payload, then, answer)))

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A core reported or was asked to send a protocol event."""
        with self._lock:
            if not isinstance(event, Message) or protocol != "mllp" or not event.payload:
                self._release()
                self._other(connection, protocol, event, sent=sent)
                return
            payload, came = event.payload, self._came
            if sent:
                self._release()
                self._leaves = (connection, payload)
            elif came and came[0] is connection and came[1] == FRAME % payload:
                self._came = None
                self._put(_FRAMED, connection, payload)
            else:
                self._release()
                self._message(connection, protocol, payload, sent=False)

    def note(self, role: str, text: str) -> None:
        """An actor has something worth reading in the journal."""
        with self._lock:
            self._release()
            self._json(_NOTE, 0, {"role": role, "text": text})

    # -- writing -------------------------------------------------------------------------------

    def _release(self) -> None:
        """What waited for its counterpart stands by itself."""
        leaves, self._leaves = self._leaves, None
        if leaves is not None:
            self._message(leaves[0], "mllp", leaves[1], sent=True)
        came, self._came = self._came, None
        if came is not None:
            self._put(_BYTES, came[0], came[1])

    def _other(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """As a ``Recorder`` tells them apart."""
        name, payload = type(event).__name__, getattr(event, "payload", b"")
        if isinstance(event, Violation):
            told = asdict(event) | {"raw": event.raw.hex()}
            self._json(_VIOLATION, self._number(connection), told)
        elif name in MESSAGES:
            if payload and not (sent and protocol == "relay"):
                self._message(connection, protocol, payload, sent=sent)
        elif name in STATES and not sent:
            body = _link_body(name, str(getattr(event, "reason", "")))
            self._add(_LINK, self._number(connection), body)

    def _message(
        self, connection: Connection, protocol: str, payload: bytes, *, sent: bool
    ) -> None:
        self._put(_MESSAGE + sent, connection, protocol.encode("ascii") + b"\n" + payload)

    def _put(self, kind: int, connection: Connection, body: bytes) -> None:
        last = self._last
        number = last[1] if last and last[0] is connection else self._number(connection)
        self._pending.append(_pack(kind, number, self._now(), len(body)) + body)

    def _add(self, kind: int, number: int, body: bytes) -> None:
        self._pending.append(_pack(kind, number, self._now(), len(body)) + body)

    def _json(self, kind: int, number: int, told: dict[str, Any]) -> None:
        self._add(kind, number, json.dumps(told).encode("ascii"))

    def _number(self, connection: Connection) -> int:
        known = self._numbers.get(connection.id)
        if known is None or known[0] is not connection:
            self._introduced += 1
            known = self._numbers[connection.id] = (connection, self._introduced)
            self._add(_CONNECTION, self._introduced, _about(connection))
        self._last = known
        return known[1]


@dataclass(slots=True)
class _Then:
    """The clock of a run that is over; it stands at the record that is told."""

    begin: float
    wall_begin: datetime
    at: float

    def now(self) -> float:
        return self.at

    def wall(self) -> datetime:
        return self.wall_begin + timedelta(seconds=self.at - self.begin)


_DAMAGED: Final = (
    ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip
"""What a record that is none of ours ends in."""


def expand(capture: Path, trace: Path) -> str:
    """Make the trace of a load run from its capture; returns why it is not whole, or nothing.

    A capture that is not whole gives a trace without a seal, as a killed run does.

    Raises:
        InputError: the file is no capture.
    """
    with capture.open("rb") as file:
        records = _records(file, capture.stat().st_size)
        if file.read(len(MAGIC)) != MAGIC or (first := next(records, None)) is None:
            raise InputError(tr("not a capture of a load run"), where=str(capture))
        clock = _Then(first[2], _begun(first[3], capture), first[2])
        journal = Trace(clock, trace, keep=False)
        try:
            journal.add("open", format=FORMAT)
            whole = _tell(records, clock, Recorder(journal))
            if whole:
                journal.seal("pass")  # with the time of the last record, which may be none
        except _DAMAGED as error:
            journal.close()
            raise InputError(
                tr("the capture is damaged: {why}", why=error), where=str(capture)
            ) from error
    if whole:
        return ""
    journal.close()
    return tr("the capture is cut off: the run was killed")


def _begun(body: bytes, capture: Path) -> datetime:
    try:
        return datetime.fromisoformat(json.loads(body)["wall"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(tr("not a capture of a load run"), where=str(capture)) from error


_Read = tuple[int, int, float, bytes]
"""Kind, number of the connection, time, body."""


def _records(file: IO[bytes], size: int) -> Iterator[_Read]:
    """Whole records; the last one is ``_CLOSED`` unless the file is cut off."""
    while len(head := file.read(HEAD.size)) == HEAD.size:
        kind, number, at, length = HEAD.unpack(head)
        if length > min(BODY_BYTES_MAX, size - file.tell()):
            return
        yield kind, number, at, file.read(length)


def _tell(records: Iterator[_Read], clock: _Then, recorder: Recorder) -> bool:
    """Tell all of it to a recorder; says whether the last record was there."""
    connections: dict[int, Connection] = {}
    for kind, number, clock.at, body in records:
        if kind == _CLOSED:
            return True
        if kind >= _BYTES:
            _tell_bytes(recorder, connections[number], kind, body)
            continue
        told = json.loads(body)
        if kind == _CONNECTION:
            connections[number] = Connection(**told)
        elif kind == _LINK:
            recorder.link(connections[number], told["event"], told["reason"])
        elif kind == _NOTE:
            recorder.note(told["role"], told["text"])
        elif kind == _VIOLATION:
            event = Violation(**told | {"raw": bytes.fromhex(told["raw"])})
            recorder.event(connections[number], "", event, sent=False)
    return False


def _tell_bytes(recorder: Recorder, connection: Connection, kind: int, body: bytes) -> None:
    sent = bool(kind & 1)
    kind -= sent
    if kind == _BYTES:
        recorder.data(connection, body, sent=sent)
        return
    if kind == _MESSAGE:
        name, _, payload = body.partition(b"\n")
        recorder.message(connection, name.decode("ascii"), payload, sent=sent)
        return
    if not sent:
        recorder.data(connection, FRAME % body, sent=False)
    recorder.message(connection, "mllp", body, sent=sent)
    if sent:
        recorder.data(connection, FRAME % body, sent=True)
