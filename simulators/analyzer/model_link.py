"""The transport and link part of an analyzer model: cables, sockets, frames, timers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.wire.astm_link import (
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
from simulators.analyzer.model_base import Part

TransportKind = Literal["serial", "tcp-client", "tcp-server"]
"""Which end opens a socket is seen from the instrument."""

RECORD_ENDS = {"cr": "\r", "cr-lf": "\r\n", "lf": "\n", "cr-cr": "\r\r"}
"""LIS02-A2 §5.1 has CR; the others were seen."""


class Serial(Part):
    """Serial settings as the instrument leaves the factory (LIS01-A2 §5.2 has 9600 8N1)."""

    baud: int = Field(default=9600, ge=50, le=921_600)
    bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    stop: Literal[1, 2] = 1
    flow: Literal["none", "xon-xoff", "rts-cts", "dtr-dsr"] = "none"


class Transport(Part):
    """How the instrument is reached; the first kind is its usual one."""

    kinds: tuple[TransportKind, ...] = Field(default=("tcp-client",), min_length=1)
    serial: Serial = Serial()


class Timers(Part):
    """Waits in seconds that differ from LIS01-A2; see ``AstmTimers``."""

    enq_reply_s: float | None = Field(default=None, gt=0, le=3600)
    nak_backoff_s: float | None = Field(default=None, ge=0, le=3600)
    contention_instrument_s: float | None = Field(default=None, ge=0, le=3600)
    frame_reply_s: float | None = Field(default=None, gt=0, le=3600)
    receive_s: float | None = Field(default=None, gt=0, le=3600)
    interrupt_s: float | None = Field(default=None, gt=0, le=3600)
    after_no_answer_s: float | None = Field(default=None, ge=0, le=3600)
    gap_s: float | None = Field(default=None, ge=0, le=3600)


class Link(Part):
    """The dialect of LIS01-A2; every key has the meaning of its namesake in ``AstmLinkConfig``."""

    cut: CutPolicy = CutPolicy.RECORDS_CUT
    frame_text_max: int = Field(default=240, ge=1, le=64_000)
    block_end: BlockEnd = BlockEnd.RECORD
    numbers: NumberPolicy = NumberPolicy.SESSION
    check_numbers: bool = True
    checksum: ChecksumKind = ChecksumKind.STANDARD
    check_checksum: bool = True
    trailer: Trailer = Trailer.CR_LF
    record_end_in_frame: bool = True
    transmissions_max: int = Field(default=6, ge=1, le=100)
    bids_max: int | None = Field(default=None, ge=1, le=10_000)
    junk_is_refusal: bool = True
    on_interrupt: InterruptPolicy = InterruptPolicy.GRANT
    on_enq: EnqPolicy = EnqPolicy.RESTART
    timers: Timers = Timers()

    def config(self, record_end: str) -> AstmLinkConfig:
        """The instrument's side of the link; what the file leaves out is the standard's."""
        given: dict[str, Any] = {
            name: getattr(self, name) for name in self.model_fields_set - {"timers"}
        }
        waits: dict[str, Any] = self.timers.model_dump(exclude_none=True)
        timers, end = AstmTimers(**waits), record_end.encode("ascii")
        return AstmLinkConfig(side="instrument", timers=timers, record_end=end, **given)
