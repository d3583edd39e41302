"""The state table of LIS01-A2 appendix A, with the standard's own names.

Everything that moves a link from one state to another stands in ``TABLE``. The table knows neither
bytes nor time nor the side: which input applies is decided in ``astm_link.py``, which carries the
actions out. A passing state takes its next input at once; a resting one waits for the wire, a
timer or the owner.

Three rows are not in the diagram: a repeated frame is acknowledged without being saved (§8.5.1),
ENQ during a transfer, about which the standard is silent, begins a new session, and a frame that
the owner cannot take is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Final, NamedTuple

from harness.wire.astm_frame import ACK, ENQ, EOT, NAK


class State(StrEnum):
    """States of appendix A."""

    __hash__ = str.__hash__  # of C, not of ``Enum``: a table is asked for each byte

    IDLE = "Idle"
    LINE_BID = "Line bid"
    FRAME_DATA_TO_SEND = "Frame data to send"
    WAIT_TRANSMIT_REPLY = "Wait transmit reply"
    TRANSMIT_ERROR = "Transmit error"
    INTERRUPT_REQUEST = "Interrupt request"
    BID_REQUEST = "Bid request"
    WAIT_RECEIVE_FRAME = "Wait receive frame"
    SAVE_FRAME_DATA = "Save frame data"
    RECEIVE_ERROR = "Receive error"
    TIMEOUT_ERROR = "Timeout error"


class Input(Enum):
    """What a state can meet: bytes, timers, and what is decided on the way through."""

    __hash__ = object.__hash__

    DATA_TO_SEND = auto()
    ENQ = auto()
    ACK = auto()
    NAK = auto()
    EOT = auto()
    UNEXPECTED = auto()
    TIMER_EXPIRED = auto()
    MORE_DATA = auto()
    NO_DATA = auto()
    RETRY = auto()
    RETRIES_SPENT = auto()
    IGNORE = auto()
    GRANT = auto()
    BUSY = auto()
    READY = auto()
    GOOD_FRAME = auto()
    REPEATED_FRAME = auto()
    BAD_FRAME = auto()
    ACCEPT = auto()
    REFUSE = auto()
    WANT_LINE = auto()
    DONE = auto()


class Action(StrEnum):
    """What is done on the way; each is a method of ``LinkMachine`` of this name."""

    __hash__ = str.__hash__

    NONE = "pass_on"
    BID = "bid"
    BEGIN_TRANSFER = "begin_transfer"
    BACK_OFF = "back_off"
    CONTEND = "contend"
    GIVE_UP_BID = "give_up_bid"
    SEND_FRAME = "send_frame"
    NEXT_FRAME = "next_frame"
    FINISH = "finish"
    RESEND = "resend"
    REFUSED = "refused"
    DOUBTED = "doubted"
    IGNORE_INTERRUPT = "ignore_interrupt"
    ABORT = "abort"
    GIVE_UP_FRAME = "give_up_frame"
    GRANT_INTERRUPT = "grant_interrupt"
    REFUSE_BID = "refuse_bid"
    ACCEPT_BID = "accept_bid"
    SAVE = "save"
    ACK_REPEAT = "ack_repeat"
    END_SESSION = "end_session"
    RESTART = "restart"
    ACK_FRAME = "ack_frame"
    ASK_FOR_LINE = "ask_for_line"
    TAKE_BACK = "take_back"
    NAK_FRAME = "nak_frame"
    DISCARD = "discard"


class Transition(NamedTuple):
    """What to do, and where it leads."""

    action: Action
    next: State


_S, _I, _A, _T = State, Input, Action, Transition

TABLE: Final[Mapping[tuple[State, Input], Transition]] = {
    # sending half
    (_S.IDLE, _I.DATA_TO_SEND): _T(_A.BID, _S.LINE_BID),
    (_S.IDLE, _I.ENQ): _T(_A.NONE, _S.BID_REQUEST),
    (_S.LINE_BID, _I.ACK): _T(_A.BEGIN_TRANSFER, _S.FRAME_DATA_TO_SEND),
    (_S.LINE_BID, _I.NAK): _T(_A.BACK_OFF, _S.IDLE),
    (_S.LINE_BID, _I.ENQ): _T(_A.CONTEND, _S.IDLE),
    (_S.LINE_BID, _I.TIMER_EXPIRED): _T(_A.GIVE_UP_BID, _S.IDLE),
    (_S.FRAME_DATA_TO_SEND, _I.MORE_DATA): _T(_A.SEND_FRAME, _S.WAIT_TRANSMIT_REPLY),
    (_S.FRAME_DATA_TO_SEND, _I.NO_DATA): _T(_A.FINISH, _S.IDLE),
    (_S.WAIT_TRANSMIT_REPLY, _I.ACK): _T(_A.NEXT_FRAME, _S.FRAME_DATA_TO_SEND),
    (_S.WAIT_TRANSMIT_REPLY, _I.EOT): _T(_A.NONE, _S.INTERRUPT_REQUEST),
    (_S.WAIT_TRANSMIT_REPLY, _I.NAK): _T(_A.REFUSED, _S.TRANSMIT_ERROR),
    (_S.WAIT_TRANSMIT_REPLY, _I.UNEXPECTED): _T(_A.DOUBTED, _S.TRANSMIT_ERROR),
    (_S.WAIT_TRANSMIT_REPLY, _I.TIMER_EXPIRED): _T(_A.GIVE_UP_FRAME, _S.IDLE),
    (_S.TRANSMIT_ERROR, _I.RETRY): _T(_A.RESEND, _S.WAIT_TRANSMIT_REPLY),
    (_S.TRANSMIT_ERROR, _I.RETRIES_SPENT): _T(_A.ABORT, _S.IDLE),
    (_S.INTERRUPT_REQUEST, _I.IGNORE): _T(_A.IGNORE_INTERRUPT, _S.FRAME_DATA_TO_SEND),
    (_S.INTERRUPT_REQUEST, _I.GRANT): _T(_A.GRANT_INTERRUPT, _S.IDLE),
    # receiving half
    (_S.BID_REQUEST, _I.BUSY): _T(_A.REFUSE_BID, _S.IDLE),
    (_S.BID_REQUEST, _I.READY): _T(_A.ACCEPT_BID, _S.WAIT_RECEIVE_FRAME),
    (_S.WAIT_RECEIVE_FRAME, _I.GOOD_FRAME): _T(_A.SAVE, _S.SAVE_FRAME_DATA),
    (_S.WAIT_RECEIVE_FRAME, _I.BAD_FRAME): _T(_A.NONE, _S.RECEIVE_ERROR),
    (_S.WAIT_RECEIVE_FRAME, _I.EOT): _T(_A.END_SESSION, _S.IDLE),
    (_S.WAIT_RECEIVE_FRAME, _I.TIMER_EXPIRED): _T(_A.NONE, _S.TIMEOUT_ERROR),
    (_S.SAVE_FRAME_DATA, _I.ACCEPT): _T(_A.ACK_FRAME, _S.WAIT_RECEIVE_FRAME),
    (_S.SAVE_FRAME_DATA, _I.WANT_LINE): _T(_A.ASK_FOR_LINE, _S.WAIT_RECEIVE_FRAME),
    (_S.RECEIVE_ERROR, _I.DONE): _T(_A.NAK_FRAME, _S.WAIT_RECEIVE_FRAME),
    (_S.TIMEOUT_ERROR, _I.DONE): _T(_A.DISCARD, _S.IDLE),
    # not in the diagram
    (_S.WAIT_RECEIVE_FRAME, _I.REPEATED_FRAME): _T(_A.ACK_REPEAT, _S.WAIT_RECEIVE_FRAME),
    (_S.WAIT_RECEIVE_FRAME, _I.ENQ): _T(_A.RESTART, _S.BID_REQUEST),
    (_S.SAVE_FRAME_DATA, _I.REFUSE): _T(_A.TAKE_BACK, _S.RECEIVE_ERROR),
}
"""``(state, input)`` to action and next state; what is not here is ignored in that state."""

MEANT: Final = {
    State.IDLE: re.compile(rb"[\x04\x05]"),
    State.LINE_BID: re.compile(rb"[\x04\x05\x06\x15]"),
}
"""What is more than noise while no frame is expected (LIS01-A2 §8.2)."""

CONTROLS: Final = {EOT: Input.EOT, ENQ: Input.ENQ, ACK: Input.ACK, NAK: Input.NAK}
REPLIES: Final = frozenset({Input.ACK, Input.NAK, Input.EOT})
