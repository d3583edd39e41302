"""One DICOM association as a pure machine: the upper layer without sockets (PS3.8 §9.2).

It knows both sides. What it is told to send it sends, also where the state forbids it: a bad peer
is what it plays. What the other side does wrong comes out as a ``Violation`` with its clause, and
is answered by an abort as the standard says (PS3.8 table 9-10, AA-8), unless the core is told to
be ``patient`` and only to look.

Codes: ``dicom.pdu`` (cannot be read), ``dicom.pdu-unexpected`` (not in this state),
``dicom.pdu-too-long`` (beyond what is assembled), ``dicom.longer-than-announced`` (the peer was
told a smaller maximum), ``dicom.context`` (data on a context that was not accepted),
``dicom.fragment`` (command and data mixed up), ``dicom.command`` (command set cannot be read),
``dicom.eof`` (the connection closed in the middle), ``dicom.artim`` (nothing came in time).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from harness import limits
from harness.wire import dicom_command
from harness.wire.core import Event, Mutator, Unit, Violation, unchanged
from harness.wire.dicom_events import DimseReceived, PduReceived, SendDimse, SendPdu, cut
from harness.wire.dicom_pdu import (
    HEAD,
    Abort,
    Associate,
    Data,
    Pdu,
    PduError,
    PduType,
    Pdv,
    RawPdu,
    Reject,
    Release,
    decode_pdu,
)

ARTIM_S: Final = 30.0
"""The association request, or the close after the last word, must come within this (PS3.8 §9.1.5
leaves the value open; the common toolkits take 30 s)."""

PDU_BYTES_MAX: Final = 1024 * 1024
"""Longest PDU that is assembled, whatever was announced: common peers offer 256 KiB at most."""

RAW_BYTES_MAX: Final = 256
"""Offending bytes kept in a violation."""

_HANDSHAKE: Final = "PS3.8 §9.2.3"


class State(Enum):
    """Where an association is; the standard's states in brackets."""

    IDLE = auto()
    """Nothing was said yet (Sta1, Sta2)."""
    ASKED = auto()
    """A request came and is not answered (Sta3)."""
    ASKING = auto()
    """A request went out (Sta5)."""
    OPEN = auto()
    """Data may flow (Sta6)."""
    RELEASING = auto()
    """We asked for the release (Sta7)."""
    LEAVING = auto()
    """The peer asked for it (Sta8)."""
    OVER = auto()
    """The last word is spoken; the connection is to close (Sta13)."""


@dataclass(slots=True)
class _Partial:
    """A message that is being assembled."""

    context: int = 0
    command: dict[int, dicom_command.Value] | None = None
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    fragments: int = 0


@dataclass(slots=True)
class UpperLayerCore:
    """Both directions of one association; see ``harness.wire.core.Core``.

    Args:
        server: we listen: the peer must ask within ``artim_s``.
        patient: look, report, and go on; never abort by itself.
        artim_s: how long silence is borne where an answer or a close is due.
        max_pdu_bytes: longest PDU that is assembled.
        max_message_bytes: longest message that is assembled.
    """

    server: bool = False
    patient: bool = False
    artim_s: float = ARTIM_S
    max_pdu_bytes: int = PDU_BYTES_MAX
    max_message_bytes: int = limits.MESSAGE_BYTES_MAX
    mutator: Mutator = unchanged
    protocol: str = "dicom"
    state: State = State.IDLE
    announced: int = 0
    """Maximum length that we told the peer; 0 is without limit."""
    peer_takes: int = 0
    """Maximum length that the peer told us."""
    accepted: set[int] = field(default_factory=set)
    """Context ids that may be used; filled by acceptances of either side."""
    _buffer: bytearray = field(default_factory=bytearray)
    _offset: int = 0
    _out: list[bytes] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _partial: _Partial = field(default_factory=_Partial)
    _deadline: float | None = None
    _started: bool = False

    # ---- receiving

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        if self.state is State.OVER and not self.patient:
            return  # AA-6, AA-7: whatever comes is ignored
        self._buffer += data
        while len(self._buffer) >= HEAD.size:
            kind, length = HEAD.unpack_from(self._buffer)
            if kind not in PduType.__members__.values():
                self._give_up("dicom.pdu", f"no PDU has the type {kind:02X}H", "PS3.8 §9.3.1", now)
                return
            if length > self.max_pdu_bytes:
                message = f"a PDU of {length} bytes; at most {self.max_pdu_bytes} are taken"
                self._give_up("dicom.pdu-too-long", message, "PS3.8 §9.3.1", now)
                return
            end = HEAD.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEAD.size : end])
            del self._buffer[:end]
            self._one(kind, body, now)
            self._offset += end
            if self.state is State.OVER and not self.patient:
                self._buffer.clear()
                return

    def _one(self, kind: int, body: bytes, now: float) -> None:
        try:
            pdu = decode_pdu(kind, body)
        except PduError as error:
            self._violate("dicom.pdu", str(error), error.clause, body, error.offset)
            self._abort(now, reason=6)
            return
        self._events.append(PduReceived(pdu=pdu, size=HEAD.size + len(body)))
        if kind not in _EXPECTED[self.state]:
            message = f"{PduType(kind).name} in state {self.state.name}"
            self._violate("dicom.pdu-unexpected", message, _HANDSHAKE, body)
            self._abort(now, reason=2)
            return
        self._step(pdu, now)

    def _step(self, pdu: Pdu, now: float) -> None:
        match pdu:
            case Associate():
                self._agree(pdu)
                self.peer_takes = pdu.items.user.max_length or 0
                self._enter(State.OPEN if pdu.accepted else State.ASKED, now)
            case Data():
                self._data(pdu, now)
            case Release(answer=False):
                self._enter(State.LEAVING, now)
            case Release() | Reject() | Abort():
                self._enter(State.OVER, now)

    def _agree(self, pdu: Associate) -> None:
        if pdu.accepted:
            self.accepted = {each.id for each in pdu.items.contexts if each.result == 0}

    def _data(self, pdu: Data, now: float) -> None:
        size = sum(len(value.data) + 6 for value in pdu.values)
        if self.announced and size > self.announced:
            message = f"{size} bytes in a P-DATA-TF; {self.announced} were announced"
            self._violate("dicom.longer-than-announced", message, "PS3.8 §D.1", b"")
        for value in pdu.values:
            if value.context not in self.accepted:
                message = f"data on context {value.context}, which was not accepted"
                self._violate("dicom.context", message, "PS3.8 §9.3.5.1", value.data)
            if not self._fragment(value):
                self._partial = _Partial()
                self._abort(now, reason=6)
                return

    def _fragment(self, value: Pdv) -> bool:
        """Take one fragment; says whether it fits."""
        partial = self._partial
        fresh = partial.command is None
        if value.command is not fresh or (partial.fragments and partial.context != value.context):
            self._violate("dicom.fragment", "command and data sets are mixed up", "PS3.8 §E.2",
                          value.data)  # fmt: skip
            return False
        partial.context = value.context
        partial.fragments += 1
        partial.pieces.append(value.data)
        partial.size += len(value.data)
        most = dicom_command.COMMAND_BYTES_MAX if fresh else self.max_message_bytes
        if partial.size > most:
            self._violate("dicom.pdu-too-long", f"a message of more than {most} bytes",
                          "PS3.8 §E.2", b"")  # fmt: skip
            return False
        return not value.last or self._whole(b"".join(partial.pieces))

    def _whole(self, data: bytes) -> bool:
        """A command set or a data set is complete."""
        partial = self._partial
        if partial.command is None:
            try:
                partial.command = dicom_command.decode(data)
            except dicom_command.CommandError as error:
                self._violate("dicom.command", str(error), "PS3.7 §6.3.1", data, error.offset)
                return False
            kind = partial.command.get(dicom_command.DATA_SET_TYPE, dicom_command.NO_DATA_SET)
            if kind != dicom_command.NO_DATA_SET:
                partial.pieces, partial.size = [], 0
                return True
            data = b""
        self._events.append(
            DimseReceived(
                context=partial.context,
                command=partial.command,
                payload=data,
                fragments=partial.fragments,
            )
        )
        self._partial = _Partial()
        return True

    def receive_eof(self, now: float) -> None:
        """The peer closed its side."""
        if self._buffer or self.state not in {State.IDLE, State.OVER}:
            message = f"the connection closed in state {self.state.name}"
            self._violate("dicom.eof", message, "PS3.8 §9.2", bytes(self._buffer))
        self._buffer.clear()
        self._enter(State.OVER, now)
        self._deadline = None

    # ---- what is wrong

    def _violate(self, code: str, message: str, clause: str, raw: bytes, offset: int = 0) -> None:
        self._events.append(
            Violation(
                code=code,
                message=message,
                clause=clause,
                offset=self._offset + offset,
                raw=raw[:RAW_BYTES_MAX],
            )
        )

    def _give_up(self, code: str, message: str, clause: str, now: float) -> None:
        """The stream cannot be followed any further, however patient."""
        self._violate(code, message, clause, bytes(self._buffer[:RAW_BYTES_MAX]))
        self._buffer.clear()
        self.patient = False
        self._abort(now, reason=1)

    def _abort(self, now: float, *, reason: int) -> None:
        if not self.patient and self.state is not State.OVER:
            self._put(Abort(source=2, reason=reason), now)

    # ---- sending

    def send(self, event: Event, now: float) -> None:
        """Queue a ``SendPdu`` or ``SendDimse``."""
        if isinstance(event, SendPdu):
            self._put(event.pdu, now)
        elif isinstance(event, SendDimse):
            for piece in cut(event, event.pdu_bytes or self.peer_takes):
                self._queue("data", piece)

    def _put(self, pdu: Pdu, now: float) -> None:
        self._queue(type(pdu).__name__.lower(), pdu.encode())
        match pdu:
            case Associate():
                self._agree(pdu)
                self.announced = pdu.items.user.max_length or 0
                self._enter(State.OPEN if pdu.accepted else State.ASKING, now)
            case Release(answer=False):
                self._enter(State.RELEASING, now)
            case Release() | Reject() | Abort():
                self._enter(State.OVER, now)
            case Data() | RawPdu():
                pass

    def _queue(self, kind: str, data: bytes) -> None:
        if self.mutator is unchanged:
            self._out.append(data)
        else:
            self._out += self.mutator(Unit(kind=kind, data=data, payload=data))

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

    # ---- time and events

    def _enter(self, state: State, now: float) -> None:
        self.state = state
        waiting = state in {State.ASKING, State.RELEASING, State.OVER}
        self._deadline = now + self.artim_s if waiting else None
        self._started = True

    def opened(self, now: float) -> None:
        """The connection is there: a server waits for the request from now on (AE-5)."""
        if self.server and not self._started:
            self._deadline = now + self.artim_s

    def next_deadline(self) -> float | None:
        """When silence has lasted too long, or None."""
        return self._deadline

    def on_deadline(self, now: float) -> None:
        """Nothing came in time (AA-2): the connection is to be closed."""
        if self._deadline is None or now < self._deadline:
            return
        self._deadline = None
        if self.state is not State.OVER:
            message = f"nothing came in state {self.state.name} for {self.artim_s:g} s"
            self._violate("dicom.artim", message, "PS3.8 §9.1.5", b"")
            self.state = State.OVER

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events, self._events = self._events, []
        return events


_ALWAYS: Final = frozenset({PduType.ABORT})
_EXPECTED: Final[dict[State, frozenset[int]]] = {
    State.IDLE: _ALWAYS | {PduType.ASSOCIATE_RQ},
    State.ASKED: _ALWAYS,
    State.ASKING: _ALWAYS | {PduType.ASSOCIATE_AC, PduType.ASSOCIATE_RJ},
    State.OPEN: _ALWAYS | {PduType.DATA, PduType.RELEASE_RQ},
    State.RELEASING: _ALWAYS | {PduType.DATA, PduType.RELEASE_RP, PduType.RELEASE_RQ},
    State.LEAVING: _ALWAYS,
    State.OVER: frozenset(PduType),
}
"""PDUs that the peer may send in each state (PS3.8 table 9-10)."""
