"""The machine that walks the table of ``astm_states.py`` and carries its actions out.

Inputs come in through ``step``; units, events and the timer of the state at hand come out. It sees
no byte stream: ``astm_link.py`` turns bytes, time and the owner's wishes into inputs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from operator import attrgetter
from typing import Final

from harness.wire.astm_config import AstmLinkConfig, InterruptPolicy, NumberPolicy
from harness.wire.astm_events import (
    BidRefused,
    Contention,
    Delivered,
    EndReason,
    FrameRepeated,
    Interrupted,
    MessageReceived,
    SessionEnded,
    SessionOpened,
    violation,
)
from harness.wire.astm_frame import ACK, ENQ, EOT, NAK
from harness.wire.astm_receiver import Receiver
from harness.wire.astm_run import TEXT_MAX, Run
from harness.wire.astm_sender import Transfer
from harness.wire.astm_states import TABLE, Action, Input, State
from harness.wire.core import Event, Unit


@dataclass(slots=True)
class LinkMachine:
    """Both halves of one side of a link.

    Args:
        config: side, timers, dialect.
        put: takes each unit that goes out.

    Attributes:
        now: the time of the input at hand, in seconds.
        state: where in appendix A the link stands.
        timer: when the state at hand has waited long enough, or None.
        link_free_at: no bid of ours before this.
        peer_may_bid_at: the standard allows the peer no bid before this.
        queue: messages to send; the first is on its way once a bid went out.
        busy: refuse bids.
        run: records that are acknowledged already; see ``astm_run.py``.
    """

    config: AstmLinkConfig
    put: Callable[[Unit], None]
    now: float = 0.0
    state: State = State.IDLE
    timer: float | None = None
    link_free_at: float = -inf
    peer_may_bid_at: float = -inf
    queue: deque[Transfer] = field(default_factory=deque)
    busy: bool = False
    events: list[Event] = field(default_factory=list)
    run: Run = field(default_factory=Run)
    receiver: Receiver = field(init=False)
    _number: int = 1  # of the frame to send

    def __post_init__(self) -> None:
        self.busy = self.config.busy
        self.receiver = Receiver(self.config)

    def step(self, first: Input) -> None:
        """Go through the table until a state rests; the longest way has four steps."""
        given: Input | None = first
        while given is not None:
            found = TABLE.get((self.state, given))
            if found is None:  # the state ignores it
                return
            _ACTIONS[found.action](self)
            self.state = found.next
            given = self._decide()
        self._arm()

    def _decide(self) -> Input | None:
        """The input that a passing state takes at once; None where the state rests."""
        match self.state:
            case State.FRAME_DATA_TO_SEND:
                return Input.NO_DATA if self.queue[0].piece is None else Input.MORE_DATA
            case State.TRANSMIT_ERROR:
                spent = self.queue[0].transmissions >= self.config.transmissions_max
                return Input.RETRIES_SPENT if spent else Input.RETRY
            case State.INTERRUPT_REQUEST:
                grant = self.config.on_interrupt is InterruptPolicy.GRANT
                return Input.GRANT if grant else Input.IGNORE
            case State.BID_REQUEST:
                return Input.BUSY if self.busy else Input.READY
            case State.SAVE_FRAME_DATA if self.config.auto_accept:
                wants = self.config.request_interrupt and self.queue
                return Input.WANT_LINE if wants else Input.ACCEPT
            case State.RECEIVE_ERROR | State.TIMEOUT_ERROR:
                return Input.DONE
        return None

    def _arm(self) -> None:
        """Set the timer of the state that rests (§8.5.2)."""
        waits = _WAITS.get(self.state)
        self.timer = None if waits is None else self.now + waits(self.config.timers)

    def bid_if_free(self) -> None:
        """Begin to send what waits, where the line is free."""
        if self.state is State.IDLE and self.queue and self.now >= self.link_free_at:
            self.step(Input.DATA_TO_SEND)

    def deadline(self, settle_at: float | None) -> float | None:
        """When something is to be done: as the state has it, or at ``settle_at`` if that is due."""
        waits = self.state is State.IDLE and self.queue
        if settle_at is None and not waits:
            return self.timer
        due = (self.timer, settle_at, self.link_free_at if waits else None)
        return min((at for at in due if at is not None), default=None)

    # ---- the short way; see ``astm_quick.py``

    def take_plain(self, data: bytes) -> bool:
        """As ``GOOD_FRAME`` and ``ACCEPT`` while a frame is awaited, where ``data`` is a plain one.

        Returns:
            False where it is not, with nothing done. The ACK is left to the caller.
        """
        if not self.receiver.take_plain(data, self.events):
            return False
        self.timer = self.now + self.config.timers.receive_s
        return True

    def ack_inner(self, data: bytes, now: float) -> bytes | None:
        """The same for a record that ends no message: ACK, or None with nothing done."""
        receiver = self.receiver
        if not receiver.take_inner(data):
            return None
        self.now = now
        self.timer = now + self.config.timers.receive_s
        self.begin_run()
        return ACK

    def end_run(self) -> int:
        """Put the records of the run in their places; returns how many bytes they came in."""
        run = self.run
        if not (frames := run.end()):
            return 0
        self.now = run.at
        self.timer = run.at + self.config.timers.receive_s
        return self.receiver.take_run(frames)

    def end_message(self, data: bytes, now: float) -> int:
        """As ``end_run``, then ``take_plain`` of the last record; 0 where ``data`` is none."""
        run = self.run
        if not run.ends_with(data):
            return 0
        frames = [*run.end(), data]
        self.events.append(MessageReceived(payload=self.receiver.whole(frames)))
        self.now = now
        self.timer = now + self.config.timers.receive_s
        return sum(map(len, frames))

    def end_session(self) -> None:
        """As ``EOT`` while a frame is awaited."""
        self._end_session()
        self.state, self.timer = State.IDLE, None

    def may_ack_bid(self, now: float) -> bool:
        """Whether ENQ in Idle is answered with ACK, and that is all there is to it."""
        return not self.busy and now >= self.peer_may_bid_at

    def ack_bid(self, now: float) -> bytes:
        """As ``ENQ`` in Idle, where that may be done."""
        self.now = now
        self.peer_may_bid_at = -inf
        self.receiver.open()
        self.state = State.WAIT_RECEIVE_FRAME
        self.timer = now + self.config.timers.receive_s
        self.begin_run(first=True)
        return ACK

    def begin_run(self, *, first: bool = False) -> None:
        """What follows may be records that are only looked at together."""
        if self.config.receive_text_max >= TEXT_MAX:
            self.run.begin(self.receiver.expected, self.receiver.room, first=first)

    def after_ack(self, now: float) -> bytes | None:
        """As ``ACK`` while a reply is awaited: the next frame, or None where it was the last.

        Without a next frame nothing has been done.
        """
        transfer = self.queue[0]
        if transfer.at_last:
            return None
        self._number = transfer.next(self._number, self.config.numbers)
        piece = transfer.piece
        assert piece is not None, "it was not at its last frame"
        self.now = now
        self.timer = now + self.config.timers.frame_reply_s
        return transfer.plain_frame(piece, self._number)

    @property
    def receives(self) -> bool:
        """Whether the peer's session is open."""
        return self.state is State.WAIT_RECEIVE_FRAME or self.state is State.SAVE_FRAME_DATA

    def lost(self) -> None:
        """The connection is gone: nothing that is open can be completed."""
        if self.receives:
            self._end("connection-lost")
        while self.queue:
            self.events.append(self.queue.popleft().failure("connection-lost"))
        self.state, self.timer = State.IDLE, None

    # ---- actions of the sending half

    def _pass_on(self) -> None:
        """Nothing to do but to go on."""

    def _bid(self) -> None:
        """ENQ (§8.2)."""
        transfer = self.queue[0]
        self.peer_may_bid_at = -inf
        self.put(Unit(kind="enq", data=ENQ, attempt=transfer.bids))
        transfer.bids += 1

    def _begin_transfer(self) -> None:
        """The bid was accepted: numbers begin at 1 (§8.3.2)."""
        self.queue[0].begin(self.config)
        if self.config.numbers is not NumberPolicy.NEVER:
            self._number = 1

    def _back_off(self) -> None:
        """NAK to ENQ: the peer is busy for at least 10 s (§8.2)."""
        bids = self.queue[0].bids
        self.events.append(BidRefused(attempt=bids))
        self.link_free_at = self.now + self.config.timers.nak_backoff_s
        if self.config.bids_max is not None and bids >= self.config.bids_max:
            self.events.append(self.queue.popleft().failure("enq-nak-limit"))

    def _contend(self) -> None:
        """ENQ met ENQ: the instrument bids again after 1 s, the host waits 20 s (§8.2.7)."""
        timers = self.config.timers
        ours, theirs = timers.contention_host_s, timers.contention_instrument_s
        if self.config.side == "instrument":
            ours, theirs = theirs, ours
        self.link_free_at, self.peer_may_bid_at = self.now + ours, self.now + theirs
        self.events.append(Contention(until=self.link_free_at))

    def _give_up_bid(self) -> None:
        """No answer to ENQ: EOT, and the line stays free for a moment (§8.5.2)."""
        self.events.append(violation("astm.no-answer-to-enq"))
        self._eot()
        self.link_free_at = self.now + self.config.timers.after_no_answer_s
        self.events.append(self.queue.popleft().failure("enq-timeout"))

    def _send_frame(self) -> None:
        """A frame for the first time, or again with its number (§8.3.1, §8.5.1)."""
        transfer = self.queue[0]
        piece = transfer.piece
        assert piece is not None, "a frame is sent only while there is more data"
        self.put(transfer.frame(piece, self._number, self.config))

    def _resend(self) -> None:
        self.events.append(FrameRepeated(number=self._number, attempt=self.queue[0].transmissions))
        self._send_frame()

    def _refused(self) -> None:
        self.queue[0].refused(certain=True)

    def _doubted(self) -> None:
        self.queue[0].refused(certain=False)

    def _next_frame(self) -> None:
        """The frame was taken (§8.3.2)."""
        self._number = self.queue[0].next(self._number, self.config.numbers)

    def _ignore_interrupt(self) -> None:
        self.events.append(Interrupted(granted=False))
        self._next_frame()

    def _finish(self) -> None:
        """Everything is acknowledged: EOT ends the session (§8.4)."""
        self._eot()
        self.events.append(Delivered(payload=self.queue.popleft().payload))

    def _abort(self) -> None:
        """One frame was refused too often (§8.5.1)."""
        self._eot()
        self.events.append(self.queue.popleft().failure("six-refusals"))

    def _give_up_frame(self) -> None:
        """No answer to a frame (§8.5.2)."""
        self.events.append(violation("astm.no-answer-to-frame"))
        self._eot()
        self.events.append(self.queue.popleft().failure("frame-timeout"))

    def _grant_interrupt(self) -> None:
        """EOT, and silence for 15 s, or until the peer has sent (§8.3.5)."""
        self._next_frame()
        self._eot()
        self.link_free_at = self.now + self.config.timers.interrupt_s
        transfer = self.queue.popleft()
        self.events.append(Interrupted(granted=True))
        done = transfer.piece is None
        self.events.append(
            Delivered(payload=transfer.payload) if done else transfer.failure("interrupted")
        )

    def _eot(self) -> None:
        self.put(Unit(kind="eot", data=EOT))
        self.link_free_at = self.now + self.config.timers.gap_s

    # ---- actions of the receiving half

    def _refuse_bid(self) -> None:
        """NAK: the peer waits at least 10 s (§8.2)."""
        self.peer_may_bid_at = self.now + self.config.timers.nak_backoff_s
        self.put(Unit(kind="nak", data=NAK))

    def _accept_bid(self) -> None:
        self.peer_may_bid_at = -inf
        self.receiver.open()
        if self.config.parts_reported:
            self.events.append(SessionOpened())
        self.put(Unit(kind="ack", data=ACK))

    def _save(self) -> None:
        self.receiver.save(self.events)

    def _ack_frame(self) -> None:
        self.receiver.accept()
        self.put(Unit(kind="ack", data=ACK))

    def _ack_repeat(self) -> None:
        """Our ACK was lost: the frame is acknowledged again and not saved again (§8.5.1)."""
        self.put(Unit(kind="ack", data=ACK))

    def _ask_for_line(self) -> None:
        """EOT in place of ACK (§8.3.5)."""
        self.receiver.accept()
        self.put(Unit(kind="eot", data=EOT))

    def _take_back(self) -> None:
        self.receiver.take_back()

    def _nak_frame(self) -> None:
        self.put(Unit(kind="nak", data=NAK))

    def _end_session(self) -> None:
        """EOT, which is not answered: the line is free (§8.4)."""
        self._end("eot")

    def _restart(self) -> None:
        """ENQ during a transfer: the peer began anew."""
        self._end("restarted")

    def _discard(self) -> None:
        """Nothing came in time (§8.5.2)."""
        self.events.append(violation("astm.receive-timeout"))
        self._end("timeout")

    def _end(self, reason: EndReason) -> None:
        self.events += self.receiver.end(reason)
        self.events.append(SessionEnded(reason=reason, frames=self.receiver.frames))
        self.link_free_at = self.now + self.config.timers.gap_s


_WAITS: Final = {
    State.LINE_BID: attrgetter("enq_reply_s"),
    State.WAIT_TRANSMIT_REPLY: attrgetter("frame_reply_s"),
    State.WAIT_RECEIVE_FRAME: attrgetter("receive_s"),
    State.SAVE_FRAME_DATA: attrgetter("reply_max_s"),
}
"""How long a state waits; the others wait for ever (§8.5.2)."""

_ACTIONS: Final[dict[Action, Callable[[LinkMachine], None]]] = {
    action: getattr(LinkMachine, f"_{action.value}") for action in Action
}
"""Each action of the table is the method of its name."""
