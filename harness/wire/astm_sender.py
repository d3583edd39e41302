"""The sending half's bookkeeping: one message on its way, frame by frame (LIS01-A2 §8.3, §8.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Outcome
from harness.wire.astm_config import AstmLinkConfig, NumberPolicy
from harness.wire.astm_events import FailReason, SendFailed
from harness.wire.astm_frame import Piece, build_frame, checksum, cut, number_after
from harness.wire.core import Unit


@dataclass(slots=True)
class Transfer:
    """One message until it is delivered or given up.

    Attributes:
        payload: the whole message.
        bids: ENQs sent for it in a row.
        transmissions: of the frame at hand.
    """

    payload: bytes
    bids: int = 0
    transmissions: int = 0
    _pieces: Sequence[Piece] = ()
    _index: int = 0
    _awaited: bool = False
    _doubtful: bool = False

    def begin(self, config: AstmLinkConfig) -> None:
        """The bid was accepted: start with the first frame."""
        self._pieces = cut(self.payload, config)
        self._index = 0
        self.bids = self.transmissions = 0

    @property
    def piece(self) -> Piece | None:
        """The content of the frame at hand; None when all are acknowledged."""
        return self._pieces[self._index] if self._index < len(self._pieces) else None

    @property
    def at_last(self) -> bool:
        """The frame at hand is the last one."""
        return self._index == len(self._pieces) - 1

    def frame(self, piece: Piece, number: int, config: AstmLinkConfig) -> Unit:
        """The frame at hand, to be sent now for the first time or again."""
        unit = Unit(
            kind="frame",
            data=build_frame(number, piece, config),
            payload=piece.text,
            attempt=self.transmissions,
        )
        self.transmissions += 1
        self._awaited = True
        return unit

    def plain_frame(self, piece: Piece, number: int) -> bytes:
        """As ``frame`` in the standard's own dialect, where nobody looks at units."""
        self.transmissions += 1
        self._awaited = True
        body = b"%d%b%b" % (number, piece.text, piece.end)
        return b"\x02%b%b\r\n" % (body, checksum(body))

    def refused(self, *, certain: bool) -> None:
        """A reply that is no acknowledgement; ``certain`` if it is a plain NAK."""
        self._awaited = False
        self._doubtful = self._doubtful or (self.at_last and not certain)

    def next(self, number: int, policy: NumberPolicy) -> int:
        """The frame at hand is acknowledged; returns the number of the next one."""
        piece = self._pieces[self._index]
        self._index += 1
        self.transmissions = 0
        self._awaited = False
        return number_after(number, policy, record=piece.record_ends, message=piece.message_ends)

    def failure(self, reason: FailReason) -> SendFailed:
        """What to report when the message is given up here.

        Without its last frame a message cannot have been taken. Once that frame is out, only plain
        refusals of every transmission say that it was not.
        """
        unknown = self._doubtful or (self.at_last and self._awaited)
        outcome = Outcome.UNKNOWN if unknown else Outcome.FAILED
        return SendFailed(payload=self.payload, reason=reason, outcome=outcome)
