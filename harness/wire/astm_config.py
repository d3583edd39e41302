"""What can be agreed or set about a LIS01-A2 link: the side, the timers, and every known dialect.

The defaults are the standard's. Each switch names a point where real instruments and hosts differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from harness import limits

TEXT_MAX_E1381: Final = 240
"""Text of a frame: 247 characters with 7 of overhead (E1381-95, LIS1-A)."""

TEXT_MAX_A2: Final = 63_993
"""Text of a large frame: 64 000 characters with 7 of overhead (LIS01-A2)."""

QUEUE_MAX: Final = 1_000
"""Messages that wait in a core for the line: a day's work of an instrument."""

Side = Literal["instrument", "host"]


class CutPolicy(StrEnum):
    """How a message becomes frames."""

    ONE_RECORD_A_FRAME = "one-record-a-frame"
    """A record is never cut below the 63 993 characters of LIS01-A2."""
    RECORDS_CUT = "cut-at-240"
    """A record starts a new frame and is cut at ``frame_text_max`` (LIS01-A2 §8.3.1)."""
    WHOLE_MESSAGE = "whole-message-cut"
    """The whole text is cut at ``frame_text_max``, wherever records end; only the last is ETX."""


class BlockEnd(StrEnum):
    """Where ETX stands in place of ETB."""

    RECORD = "record"
    """On the last frame of a record (LIS01-A2 §8.3.1)."""
    MESSAGE = "message"
    """Only on the frame that ends the message, as on some chemistry analyzers."""


class NumberPolicy(StrEnum):
    """When the frame number starts at 1 again."""

    SESSION = "session"
    """After every ENQ (LIS01-A2 §8.3.2)."""
    RECORD = "record"
    MESSAGE = "message"
    NEVER = "never"


class ChecksumKind(StrEnum):
    """What the two digits are the sum of."""

    STANDARD = "standard"
    """Frame number through ETB or ETX (LIS01-A2 §8.3.3)."""
    WITHOUT_END = "without-end"
    """ETB or ETX left out, as some vendor documents have it."""
    WITH_START = "with-start"
    """STX counted too."""
    LOWER_CASE = "lower-case"
    """The standard's, written with ``a`` to ``f``."""
    ABSENT = "absent"
    """No digits at all."""


class Trailer(StrEnum):
    """What follows the checksum."""

    CR_LF = "cr-lf"
    CR = "cr"
    NONE = "none"

    @property
    def data(self) -> bytes:
        """The bytes."""
        return {Trailer.CR_LF: b"\r\n", Trailer.CR: b"\r", Trailer.NONE: b""}[self]


class InterruptPolicy(StrEnum):
    """What a sender does about EOT in place of ACK (LIS01-A2 §8.3.5)."""

    IGNORE = "ignore"
    GRANT = "grant"


class EnqPolicy(StrEnum):
    """What a receiver does about ENQ during a transfer; the standard does not say."""

    RESTART = "restart"
    """The sender began anew: what is incomplete is dropped, ACK, frame number 1."""
    IGNORE = "ignore"
    """Noise before STX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AstmTimers:
    """All waits of a link in seconds; the defaults are the standard's.

    Attributes:
        enq_reply_s: sender after ENQ (§8.5.2).
        nak_backoff_s: sender after NAK to its ENQ, at least (§8.2).
        contention_instrument_s: instrument after ENQ met ENQ (§8.2.7).
        contention_host_s: host after ENQ met ENQ: it waits for the instrument (§8.2.7).
        frame_reply_s: sender after the last byte of a frame (§8.5.2).
        receive_s: receiver after each of its replies (§8.5.2).
        interrupt_s: sender after it granted an interrupt (§8.3.5).
        reply_max_s: our own limit to answer a frame; must stay below the 15 s of the sender.
        after_no_answer_s: the line stays free after a bid without answer (appendix A).
        gap_s: the line stays free after a session; not in the standard, many hosts add 1 to 2.
        settle_s: noise, or a frame without its CR LF, is judged after this; not in the standard.
    """

    enq_reply_s: float = 15.0
    nak_backoff_s: float = 10.0
    contention_instrument_s: float = 1.0
    contention_host_s: float = 20.0
    frame_reply_s: float = 15.0
    receive_s: float = 30.0
    interrupt_s: float = 15.0
    reply_max_s: float = 14.0
    after_no_answer_s: float = 1.0
    gap_s: float = 0.0
    settle_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AstmLinkConfig:
    """One side of a link.

    Attributes:
        side: instruments have priority in contention (§8.2.7).
        timers: see ``AstmTimers``.
        cut: how we cut messages into frames.
        frame_text_max: longest text that we send in one frame.
        receive_text_max: a longer text that we get is refused.
        message_bytes_max: longest message in either direction; a longer one is refused.
        block_end: where our ETX stands.
        numbers: when frame numbers start again, in both directions.
        check_numbers: refuse a frame whose number is not next; most open hosts do not.
        checksum: what the digits sum, in both directions.
        check_checksum: refuse a frame whose digits do not fit.
        check_middle_checksum: the same for frames that end with ETB; some hosts check ETX alone.
        lower_case_checksum: take ``a`` to ``f``; reported all the same.
        trailer: what follows the checksum, in both directions.
        record_end: what ends a record, in both directions.
        record_end_in_frame: a record ends with CR before ETX; without it, the end is implied.
        refuse_forbidden: refuse a frame that holds characters of §8.6; else it is only reported.
        transmissions_max: one frame is sent so often at most: 6 as the text counts, 7 as the
            diagram of appendix A does.
        bids_max: give a message up after so many refused bids; None tries for ever.
        junk_is_refusal: any reply but ACK and EOT counts as NAK (§8.3.4); else it is noise.
        on_interrupt: what we do about an interrupt request.
        request_interrupt: answer EOT in place of ACK while own data waits (needs ``auto_accept``).
        on_enq: what we do about ENQ during a transfer.
        eot_ends_message: EOT completes a message that has no L record.
        restart_receive_timer: any byte of a frame restarts the 30 s; else only our replies do.
        auto_accept: acknowledge at once; else each good frame waits for ``Accept`` and the like.
        busy: refuse every bid from the start, until ``Busy(on=False)``.
        parts_reported: report openings of sessions, records, and frames that are acknowledged at
            once; without it an owner who takes whole messages is spared what leads to them.
    """

    side: Side
    timers: AstmTimers = field(default_factory=AstmTimers)
    cut: CutPolicy = CutPolicy.RECORDS_CUT
    frame_text_max: int = TEXT_MAX_E1381
    receive_text_max: int = TEXT_MAX_A2
    message_bytes_max: int = limits.MESSAGE_BYTES_MAX
    block_end: BlockEnd = BlockEnd.RECORD
    numbers: NumberPolicy = NumberPolicy.SESSION
    check_numbers: bool = True
    checksum: ChecksumKind = ChecksumKind.STANDARD
    check_checksum: bool = True
    check_middle_checksum: bool = True
    lower_case_checksum: bool = True
    trailer: Trailer = Trailer.CR_LF
    record_end: bytes = b"\r"
    record_end_in_frame: bool = True
    refuse_forbidden: bool = False
    transmissions_max: int = 6
    bids_max: int | None = None
    junk_is_refusal: bool = True
    on_interrupt: InterruptPolicy = InterruptPolicy.GRANT
    request_interrupt: bool = False
    on_enq: EnqPolicy = EnqPolicy.RESTART
    eot_ends_message: bool = False
    restart_receive_timer: bool = False
    auto_accept: bool = True
    busy: bool = False
    parts_reported: bool = True

    def __post_init__(self) -> None:
        if self.frame_text_max < 1 or self.transmissions_max < 1 or not self.record_end:
            raise ValueError("frame_text_max, transmissions_max and record_end must not be empty")
