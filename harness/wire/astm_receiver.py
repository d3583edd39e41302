"""The receiving half's judgement: what a frame is and completes (LIS01-A2 §8.3, §8.5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.wire.astm_assembler import Assembler
from harness.wire.astm_config import AstmLinkConfig, ChecksumKind, NumberPolicy
from harness.wire.astm_events import (
    DuplicateFrame,
    EndReason,
    FrameReceived,
    MessageIncomplete,
    MessageReceived,
    violation,
)
from harness.wire.astm_frame import ETB, checksum, number_after, summed
from harness.wire.astm_quick import INNER, PLAIN
from harness.wire.astm_reader import Token
from harness.wire.astm_states import Input
from harness.wire.core import Event

TRANSMISSIONS_MAX: Final = 7
"""Six as the text counts, seven as the diagram does; more is a violation (LIS01-A2 §8.5.1)."""

_NUMBERS: Final = b"01234567"
_DIGITS: Final = tuple(b"%d" % number for number in range(8))
_ETX: Final = 0x03
_ZERO: Final = ord("0")


@dataclass(slots=True)
class Receiver:
    """One side's receiving half; it lives as long as the connection.

    Args:
        config: the dialect.

    Attributes:
        frames: good new ones in this session.
        hold: counts the frames that were saved.
        expected: number of the next frame.
    """

    config: AstmLinkConfig
    frames: int = 0
    hold: int = 0
    expected: int = 1
    _assembler: Assembler = field(init=False)
    _last: tuple[int, bytes] | None = None  # number and text of the frame accepted last
    _at_hand: Token | None = None
    _transmissions: int = 0

    def __post_init__(self) -> None:
        self._assembler = Assembler(self.config)

    def open(self) -> None:
        """A session begins: the first frame has number 1 (§8.3.2)."""
        self.frames = 0
        self._transmissions = 0
        if self.config.numbers is not NumberPolicy.NEVER:
            self.expected = 1
            self._last = None

    def judge(self, token: Token, events: list[Event]) -> Input:
        """What a frame is to the state table; adds what there is to report."""
        refusals = self._defects(token, events)
        number = _NUMBERS.find(token.body[:1]) if len(token.body) > 1 else -1
        strict = self.config.check_numbers
        wrong = number < 0 or (strict and number != self.expected)
        repeated = strict and wrong and self._last is not None and number == self._last[0]
        repeated = repeated and not refusals
        if not refusals and not repeated and wrong:
            events.append(violation("astm.frame-number", token.offset, token.body))
            refusals = True
        if not refusals and not repeated and not self._assembler.fits(token.body):
            events.append(violation("astm.message-too-long", token.offset, token.body))
            refusals = True
        if repeated:
            self._repeated(token, number, events)
            return Input.REPEATED_FRAME
        self._count(token, events)
        if refusals:
            return Input.BAD_FRAME
        self._at_hand = token
        return Input.GOOD_FRAME

    def _defects(self, token: Token, events: list[Event]) -> bool:
        """Report everything that is wrong with a frame; true if it must be refused."""
        refused = False
        if token.too_long:
            events.append(violation("astm.frame-too-long", token.offset, token.body))
            return True
        if token.forbidden:
            events.append(violation("astm.forbidden-character", token.offset, token.body))
            refused = self.config.refuse_forbidden
        if not token.trailer_ok:
            events.append(violation("astm.trailer", token.offset, token.body))
        if self.config.checksum is ChecksumKind.ABSENT or not self.config.check_checksum:
            return refused
        if token.body[-1:] == ETB and not self.config.check_middle_checksum:
            return refused
        right = summed(token.body, self.config.checksum)
        if token.stated == right:
            return refused
        if self.config.checksum is ChecksumKind.LOWER_CASE:  # the standard's own are no fault
            right = right.upper()
            if token.stated == right:
                return refused
        if token.stated.upper() == right:
            events.append(violation("astm.checksum-lower-case", token.offset, token.stated))
            return refused or not self.config.lower_case_checksum
        code = "astm.checksum" if len(token.stated) == 2 else "astm.checksum-missing"
        events.append(violation(code, token.offset, token.body))
        return True

    def _count(self, token: Token, events: list[Event]) -> None:
        """A frame that is not accepted may come so often and no more."""
        self._transmissions += 1
        if self._transmissions == TRANSMISSIONS_MAX + 1:
            events.append(violation("astm.too-many-transmissions", token.offset, token.body))

    def _repeated(self, token: Token, number: int, events: list[Event]) -> None:
        if self._last is not None and token.body[1:] != self._last[1]:
            events.append(violation("astm.repeat-differs", token.offset, token.body))
        events.append(DuplicateFrame(number=number))

    def save(self, events: list[Event]) -> None:
        """Take the good frame at hand; it waits for its reply."""
        token = self._taken
        self.hold += 1
        text = token.body[1:-1]
        last = token.body[-1] == _ETX
        events += self._assembler.take(text, block_ends=last)
        if self.config.parts_reported or not self.config.auto_accept:
            events.append(
                FrameReceived(number=int(token.body[:1]), text=text, last=last, hold=self.hold)
            )

    @property
    def _taken(self) -> Token:
        assert self._at_hand is not None, "a frame is judged good before it is saved"
        return self._at_hand

    def accept(self) -> None:
        """The frame at hand is acknowledged: the next one has the next number."""
        token = self._taken
        number = int(token.body[:1])
        self._last = (number, token.body[1:])
        self.expected = number_after(
            number,
            self.config.numbers,
            record=token.body[-1] == _ETX,
            message=self._assembler.message_ended,
        )
        self.frames += 1
        self._transmissions = 0
        self._at_hand = None

    def take_plain(self, data: bytes, events: list[Event]) -> bool:
        """Judge, save and accept a read that is the next frame and has nothing odd about it.

        Only for a link that ``astm_quick`` lets take the short way.

        Returns:
            False where it is anything else; then nothing has been done.
        """
        number = self.expected
        refused = self._transmissions  # before: how often is the long way's to judge
        if refused or data[1:2] != _DIGITS[number] or PLAIN.fullmatch(data) is None:
            return False
        body, assembler = data[1:-4], self._assembler
        fits = len(body) <= self.config.receive_text_max + 2 and assembler.fits(body)
        if checksum(body) != data[-4:-2] or not fits:
            return False
        text, last = body[1:-1], body[-1] == _ETX
        events += assembler.take(text, block_ends=last)
        self.hold += 1
        if self.config.parts_reported:
            events.append(FrameReceived(number=number, text=text, last=last, hold=self.hold))
        self._last = (number, body[1:])
        self.expected = (number + 1) % 8
        self.frames += 1
        self._transmissions = 0
        return True

    def take_inner(self, data: bytes) -> bool:
        """As ``take_plain`` for a whole record that does not end a message.

        Nothing is reported of it, so it is only for owners who want no parts.
        """
        number = self.expected
        refused = self._transmissions
        if refused or data[1:2] != _DIGITS[number] or INNER.fullmatch(data) is None:
            return False
        body = data[1:-4]
        if checksum(body) != data[-4:-2] or len(body) > self.config.receive_text_max + 2:
            return False
        if not self._assembler.add_record(body[1:-1]):
            return False
        self.hold += 1
        self._last = (number, body[1:])
        self.expected = (number + 1) % 8
        self.frames += 1
        self._transmissions = 0
        return True

    @property
    def room(self) -> int:
        """Bytes that the message at hand may still grow by."""
        return self._assembler.room

    def take_run(self, frames: list[bytes]) -> int:
        """As ``take_inner`` of each of them, which was judged already; returns their bytes."""
        self._assembler.add_records(b"".join([one[2:-5] for one in frames]))
        self._accepted(frames)
        return sum(map(len, frames))

    def whole(self, frames: list[bytes]) -> bytes:
        """The message that ends with the last of these frames, which were judged already."""
        self._accepted(frames)
        return self._assembler.end_with(b"".join([one[2:-5] for one in frames]))

    def _accepted(self, frames: list[bytes]) -> None:
        count, last = len(frames), frames[-1]
        self.hold += count
        self.frames += count
        self._last = (last[1] - _ZERO, last[2:-4])
        self.expected = (self.expected + count) % 8
        self._transmissions = 0

    def take_back(self) -> None:
        """The frame at hand is refused after all; it will come again with its number."""
        self._assembler.take_back()
        self._at_hand = None

    def end(self, reason: EndReason) -> list[Event]:
        """The session is over: a message without its end is discarded, and reported (§8.5.2)."""
        if self._at_hand is not None:
            self.take_back()
        data = self._assembler.give_up()
        self._at_hand = None
        if not data:
            return []
        if reason == "eot" and self.config.eot_ends_message:
            return [MessageReceived(payload=data)]
        return [
            violation("astm.message-incomplete", raw=data),
            MessageIncomplete(data=data, reason=reason),
        ]
