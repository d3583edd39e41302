"""LIS01-A2 (E1381), the link of lab analyzers, as a pure machine for both sides and both roles.

The table of the standard is in ``astm_states.py``, the machine that walks it in
``astm_machine.py``; here bytes, time and the owner's wishes become its inputs. What the standard
leaves open is a switch of ``AstmLinkConfig``. Where it is silent:

* Control characters are taken one by one, however they are glued into reads; but our own bid waits
  until a read is used up, so that ENQ right after EOT is answered, not collided with.
* A frame in Idle and bytes that mean nothing are ignored, and reported as one violation a run.
* EOT in Idle or Line bid is ignored: it follows a bid that we never saw, or ended for us by time.
* While a frame waits for its owner, what the peer sends waits too, up to ``BACKLOG_BYTES_MAX``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.errors import LocalProtocolError
from harness.wire.astm_config import (
    QUEUE_MAX,
    AstmLinkConfig,
    AstmTimers,
    BlockEnd,
    ChecksumKind,
    CutPolicy,
    EnqPolicy,
    InterruptPolicy,
    NumberPolicy,
    Trailer,
)
from harness.wire.astm_events import (
    Accept,
    BidRefused,
    Busy,
    Contention,
    Delivered,
    DuplicateFrame,
    FrameReceived,
    FrameRepeated,
    Interrupt,
    Interrupted,
    MessageIncomplete,
    MessageReceived,
    RecordReceived,
    Refuse,
    ReplyOverdue,
    ReplyTooLate,
    SendFailed,
    SessionEnded,
    SessionOpened,
    violation,
)
from harness.wire.astm_frame import ACK, ENQ, EOT, checksum
from harness.wire.astm_machine import LinkMachine
from harness.wire.astm_noise import Noise
from harness.wire.astm_outlet import Mutated, Outlet
from harness.wire.astm_quick import may_be_short
from harness.wire.astm_reader import FrameReader, Token, TokenKind
from harness.wire.astm_sender import Transfer
from harness.wire.astm_states import CONTROLS, MEANT, REPLIES, Input, State
from harness.wire.core import Event, Message, unchanged

__all__ = [
    "Accept", "AstmLinkConfig", "AstmLinkCore", "AstmTimers", "BidRefused", "BlockEnd", "Busy",
    "ChecksumKind", "Contention", "CutPolicy", "Delivered", "DuplicateFrame", "EnqPolicy",
    "FrameReceived", "FrameRepeated", "Interrupt", "InterruptPolicy", "Interrupted",
    "MessageIncomplete", "MessageReceived", "NumberPolicy", "RecordReceived", "Refuse",
    "ReplyOverdue", "ReplyTooLate", "SendFailed", "SessionEnded", "SessionOpened", "State",
    "Trailer", "checksum",
]  # fmt: skip

BACKLOG_BYTES_MAX: Final = 128_000
"""Input that waits while a frame waits for its owner: two frames of the largest size."""


@dataclass(slots=True)
class AstmLinkCore(Mutated):
    r"""One side of one link; see ``harness.wire.core.Core``.

    ``send`` takes ``Message`` (queued whole, sent when the line is free; an empty one makes a
    session without frames), ``Accept``, ``Refuse``, ``Interrupt`` and ``Busy``.

    Args:
        config: side, timers, dialect.

    >>> core = AstmLinkCore(AstmLinkConfig(side="instrument"))
    >>> core.send(Message(payload=b"H|\\^&\rL|1|N\r"), now=0.0)
    >>> core.data_to_send()
    b'\x05'
    >>> core.next_deadline()
    15.0
    """

    config: AstmLinkConfig
    protocol: str = "astm"
    _outlet: Outlet = field(default_factory=Outlet)
    _machine: LinkMachine = field(init=False)
    _reader: FrameReader = field(init=False)
    _noise: Noise = field(default_factory=Noise)
    _settle_at: float | None = None
    _closed: bool = False
    _short: bool = field(init=False)
    _offset: int = 0  # of the first byte that is not used up
    _dropped: int = 0
    _backlog: bytes = b""

    def __post_init__(self) -> None:
        self._machine = LinkMachine(self.config, self._outlet.put)
        self._reader = FrameReader(self.config)
        self._short = may_be_short(self.config)

    @property
    def state(self) -> State:
        """Where in appendix A the link stands."""
        return self._machine.state

    # ---- input from the wire

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        self._catch_up()
        self._machine.now = now
        plain = self._short and self._outlet.mutator is unchanged and not self._noise.size
        if plain and self._take_plain(data):
            return
        if self._machine.state is State.SAVE_FRAME_DATA:
            self._wait(data)
        else:
            self._use_up(data)
            self._machine.bid_if_free()

    def answer_at_once(self, data: bytes, now: float) -> bytes | None:
        """See ``harness.wire.core.Answering``: ACK to a bid or a record, or the next frame."""
        machine = self._machine
        run = machine.run
        if run.take(data, now):
            return ACK
        if not self._short or self._outlet.mutator is not unchanged or self._noise.size:
            return None
        answer: bytes | None = None
        if machine.state is State.WAIT_RECEIVE_FRAME:
            if run.wanted is not None:  # what ends the run is no record within it
                if size := machine.end_message(data, now):
                    self._offset += size
                    self._outlet.waiting.append(ACK)
                    return b""
                self._offset += machine.end_run()
            elif data != EOT and not self.config.parts_reported and self._reader.outside:
                answer = machine.ack_inner(data, now)
            if answer is None:
                machine.now = now
                return b"" if self._take_plain(data) else None
        elif machine.state is State.WAIT_TRANSMIT_REPLY:
            answer = machine.after_ack(now) if data == ACK else None
        elif machine.state is State.IDLE and data == ENQ and machine.may_ack_bid(now):
            answer = None if self.config.parts_reported else machine.ack_bid(now)
        if answer is not None:
            self._settle_at = None
            self._offset += len(data)
        return answer

    def _take_plain(self, data: bytes) -> bool:
        """Take a frame or the end of a session that came alone, nothing odd about it, directly."""
        machine = self._machine
        if machine.state is not State.WAIT_RECEIVE_FRAME or not self._reader.outside:
            return False
        if data == EOT:
            machine.end_session()
            self._machine.bid_if_free()
        elif data == EOT + ENQ and not self.config.parts_reported:
            if not machine.may_ack_bid(machine.now):
                return False
            machine.end_session()
            self._outlet.waiting.append(machine.ack_bid(machine.now))
        elif machine.take_plain(data):
            self._outlet.waiting.append(ACK)
        else:
            return False
        self._settle_at = None
        self._offset += len(data)
        return True

    def _catch_up(self) -> None:
        """End the run of records that are acknowledged, if there is one."""
        if self._machine.run.wanted is not None:
            self._offset += self._machine.end_run()

    def _wait(self, data: bytes) -> None:
        """Keep input until the frame before it is answered; once some is lost, so is the rest."""
        room = 0 if self._dropped else BACKLOG_BYTES_MAX - len(self._backlog)
        if len(data) > room and not self._dropped:
            self._report("astm.input-while-waiting", self._offset + len(self._backlog), data)
        self._dropped += max(0, len(data) - room)
        self._backlog += data[:room]

    def _use_up(self, data: bytes) -> None:
        """Read until nothing is left, or a frame waits for its owner; each turn gets on."""
        self._backlog = b""
        base, at, size = self._offset, 0, len(data)
        while at < size and self._machine.state is not State.SAVE_FRAME_DATA:
            at = self._read(data, at, base)
        self._offset = base + at
        if at < size:
            self._wait(data[at:])
        else:
            self._offset, self._dropped = self._offset + self._dropped, 0

    def _read(self, data: bytes, at: int, base: int) -> int:
        """Use up one or more bytes as the state has it; returns where to go on."""
        machine = self._machine
        if machine.state is State.WAIT_RECEIVE_FRAME:
            return self._read_frame(data, at, base)
        if machine.state is State.WAIT_TRANSMIT_REPLY:
            self._reply(data[at : at + 1], base + at)
            return at + 1
        found = MEANT[machine.state].search(data, at)
        end = len(data) if found is None else found.start()
        if end > at:
            self._add_noise(data[at:end], base + at)
            return end
        self._judge_noise()
        given = CONTROLS[data[at : at + 1]]
        early = given is Input.ENQ and machine.now < machine.peer_may_bid_at
        if early and machine.state is State.IDLE:
            self._report("astm.bid-too-soon", base + at, ENQ)
        machine.step(given)
        return at + 1

    def _reply(self, byte: bytes, offset: int) -> None:
        """A byte while a frame waits for its reply: ACK, EOT, or as good as NAK (§8.3.4)."""
        given = CONTROLS.get(byte)
        if given in REPLIES:
            self._judge_noise()
            self._machine.step(given)
        elif self.config.junk_is_refusal:
            self._report("astm.unexpected-reply", offset, byte)
            self._machine.step(Input.UNEXPECTED)
        else:
            self._add_noise(byte, offset)

    def _read_frame(self, data: bytes, at: int, base: int) -> int:
        """Take the next token of a session that we receive."""
        machine, timers = self._machine, self.config.timers
        if self.config.restart_receive_timer:
            machine.timer = machine.now + timers.receive_s
        at, token = self._reader.next(data, at, base)
        if token is not None:
            self._take(token)
        if self._reader.unsettled or self._noise.size:
            self._settle_at = machine.now + timers.settle_s
        return at

    def _take(self, token: Token) -> None:
        if token.kind is TokenKind.NOISE:
            self._add_noise(token.body, token.offset)
            return
        self._judge_noise()
        self._settle_at = None
        machine = self._machine
        match token.kind:
            case TokenKind.FRAME:
                machine.step(machine.receiver.judge(token, machine.events))
            case TokenKind.BROKEN_BY_START:
                self._report("astm.start-inside-frame", token.offset, token.body)
            case TokenKind.BROKEN_BY_CONTROL:
                self._report("astm.control-inside-frame", token.offset, token.body)
            case TokenKind.EOT:
                machine.step(Input.EOT)
            case _:
                self._report("astm.enq-while-receiving", token.offset, ENQ)
                if self.config.on_enq is EnqPolicy.RESTART:
                    machine.step(Input.ENQ)

    def receive_eof(self, now: float) -> None:
        """The peer closed its side: what is open can never be completed."""
        self._catch_up()
        self._machine.now = now
        self._judge_noise()
        if self._machine.receives:
            self._report("astm.eof-inside-session", self._offset, self._reader.partial)
        self._machine.lost()
        self._reader.reset()
        self._closed, self._settle_at, self._backlog = True, None, b""

    # ---- input from the owner

    def send(self, event: Event, now: float) -> None:
        """Queue a message, answer the frame that waits, or change what bids meet.

        Raises:
            LocalProtocolError: the event is not for this link, the queue is full, or the
                connection is gone.
        """
        self._catch_up()
        self._machine.now = now
        match event:
            case Message():
                self._enqueue(event.payload)
            case Accept():
                self._answer(Input.ACCEPT, event.hold)
            case Refuse():
                self._answer(Input.REFUSE, event.hold)
            case Interrupt():
                self._answer(Input.WANT_LINE, event.hold)
            case Busy():
                self._machine.busy = event.on
            case _:
                raise LocalProtocolError(f"ASTM cannot send {type(event).__name__}")

    def _enqueue(self, payload: bytes) -> None:
        if self._closed:
            raise LocalProtocolError("the connection is gone")
        queue = self._machine.queue
        if len(queue) >= QUEUE_MAX or len(payload) > self.config.message_bytes_max:
            raise LocalProtocolError("more than an ASTM link can hold")
        queue.append(Transfer(payload))
        self._machine.bid_if_free()

    def _answer(self, reply: Input, hold: int | None) -> None:
        waits = self.state is State.SAVE_FRAME_DATA
        if not waits or hold not in {None, self._machine.receiver.hold}:
            self._machine.events.append(ReplyTooLate(hold=hold))
            return
        self._go_on(reply)

    def _go_on(self, given: Input) -> None:
        """Answer the frame that waits, then read what came meanwhile."""
        self._machine.step(given)
        self._use_up(self._backlog)
        self._machine.bid_if_free()

    # ---- output, time and events

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        return self._outlet.taken()

    def next_deadline(self) -> float | None:
        """When ``on_deadline`` is due, or None."""
        if self._machine.run.frames:
            self._catch_up()
        return self._machine.deadline(self._settle_at)

    def on_deadline(self, now: float) -> None:
        """Act on every timer that ran out."""
        self._catch_up()
        self._machine.now = now
        if self._settle_at is not None and now >= self._settle_at:
            self._settle()
        if self._machine.timer is not None and now >= self._machine.timer:
            self._expire()
        self._machine.bid_if_free()

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events, self._machine.events = self._machine.events, []
        return events

    def _settle(self) -> None:
        """Judge what waited for a byte that does not come."""
        self._settle_at = None
        self._judge_noise()
        if self.state is State.WAIT_RECEIVE_FRAME and self._reader.unsettled:
            self._take(self._reader.settle())

    def _expire(self) -> None:
        self._judge_noise()
        machine = self._machine
        if machine.state is State.SAVE_FRAME_DATA:
            machine.events.append(ReplyOverdue(hold=machine.receiver.hold))
            self._go_on(Input.REFUSE)
            return
        if self._reader.partial:
            self._report("astm.frame-incomplete", raw=self._reader.partial)
            self._reader.reset()
        machine.step(Input.TIMER_EXPIRED)

    def _add_noise(self, data: bytes, offset: int) -> None:
        if not self._noise.size:
            self._settle_at = self._machine.now + self.config.timers.settle_s
        self._noise.add(data, offset)

    def _judge_noise(self) -> None:
        """One violation for the whole run."""
        noise = self._noise
        if not noise.size:
            return
        self._noise, self._settle_at = Noise(), None
        code = noise.code(receiving=self.state is State.WAIT_RECEIVE_FRAME)
        self._report(code, noise.offset, noise.raw)

    def _report(self, code: str, offset: int = -1, raw: bytes | bytearray = b"") -> None:
        self._machine.events.append(violation(code, offset, raw))
