"""What an instrument with a framing of its own is, as data: the ``[framed]`` table."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from harness.wire.framings import FramingConfig
from harness.wire.framings_blocks import BlocksConfig
from harness.wire.framings_checks import CheckKind, control_bytes

Source = Literal[
    "text", "barcode", "patient", "name", "sex", "birth", "sequence", "rack", "position",
    "time", "count", "line", "lines", "kind", "code", "label", "value", "unit", "flag",
]  # fmt: skip
"""What a field is filled with; ``text`` is the same in every frame. ``count`` is the number of
results of the specimen, ``line`` the frame's place among the specimen's frames from 0, ``lines``
how many there are."""

FRAMES_MAX: Final = 20
"""Kinds of frame that one model may have."""


def _is_control(text: str) -> str:
    control_bytes(text)
    return text


Control = Annotated[str, AfterValidator(_is_control)]
"""Bytes as text: ``<STX>``, ``<CR><LF>``, ``<h1B>``, or plain ASCII."""


class Field_(BaseModel):  # noqa: N801 - ``Field`` is pydantic's
    """One field of a frame.

    Attributes:
        source: what fills it.
        text: the text itself; with another source, what stands where there is nothing to say.
        width: columns; 0 is as long as it needs. Longer texts are cut, numbers never.
        align: side on which the text stands.
        pad: what fills the rest.
        implied: numbers lose their decimal mark; the channel says how many decimals there are.
        format: ``strftime`` of a time.
        words: replaces values, such as flags or sexes, by the instrument's own words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Source = "text"
    text: str = ""
    width: NonNegativeInt = Field(default=0, le=1024)
    align: Literal["left", "right"] = "left"
    pad: str = Field(default=" ", min_length=1, max_length=1)
    implied: bool = False
    format: str = "%Y%m%d%H%M%S"
    words: dict[str, str] = Field(default_factory=dict)


class Frame(BaseModel):
    """One kind of frame, or of part of one.

    Attributes:
        scope: how often it is sent: once a run (``open``, ``close``), once a ``specimen`` or once
            a ``result``; ``query-open``, ``query`` and ``query-close`` ask for orders.
        head: fields before the results.
        each: fields of every result of the specimen.
        tail: fields after the results.
        separator: stands between fields.
        terminator: stands after the frame's text.
        each_max: results that fit into a frame; more make further frames. 0 is no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Literal["open", "specimen", "result", "close", "query-open", "query", "query-close"]
    head: tuple[Field_, ...] = ()
    each: tuple[Field_, ...] = ()
    tail: tuple[Field_, ...] = ()
    separator: str = ""
    terminator: str = ""
    each_max: NonNegativeInt = 0


class Channel(BaseModel):
    """One test as the instrument writes it.

    Attributes:
        code: the instrument's code.
        label: the name that it prints.
        decimals: decimals that it writes or implies; None keeps the text of the result.
        factor: power of ten between the unit of the LIS and that of the instrument.
        unit: unit that replaces the one of the result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    label: str = ""
    decimals: NonNegativeInt | None = Field(default=None, le=9)
    factor: int = Field(default=0, ge=-12, le=12)
    unit: str = ""


class Framing(BaseModel):
    """How bytes are cut into frames; see ``harness.wire.framings``.

    Attributes:
        kind: ``delimited`` by control bytes, numbered ``blocks`` of one size, or ``fixed`` records.
        start: begins a frame; empty is line by line.
        end: ends it.
        part_end: ends a part that another frame goes on with.
        part_bytes: text of one part; longer messages are cut. 0 cuts nothing.
        trailer: follows the end and the check.
        check: how the check is computed.
        check_place: before the end, or after it.
        check_form: one raw byte, or two digits.
        check_start: the check covers the start.
        check_end: the check covers the end.
        replies: whether each frame is answered with ACK or NAK.
        reply_s: how long the sender waits for it.
        sends_max: transmissions of one frame.
        give_up: what the sender says when it has given up.
        block_bytes: data of one block.
        fixed_bytes: size of what the instrument is sent, such as the poll byte.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["delimited", "blocks", "fixed"] = "delimited"
    start: Control = "<STX>"
    end: Control = "<ETX>"
    part_end: Control = ""
    part_bytes: NonNegativeInt = Field(default=0, le=65536)
    trailer: Control = ""
    check: CheckKind = CheckKind.NONE
    check_place: Literal["before-end", "after-end"] = "after-end"
    check_form: Literal["raw", "hex", "hex-lower"] = "hex"
    check_start: bool = False
    check_end: bool = True
    replies: bool = False
    reply_s: NonNegativeFloat = Field(default=15.0, le=600)
    sends_max: PositiveInt = Field(default=5, le=100)
    give_up: Control = ""
    block_bytes: PositiveInt = Field(default=256, le=65536)
    fixed_bytes: PositiveInt = Field(default=1, le=65536)

    def delimited(self) -> FramingConfig:
        """The framing for the core."""
        return FramingConfig(
            start=control_bytes(self.start),
            end=control_bytes(self.end),
            part_end=control_bytes(self.part_end),
            part_bytes=self.part_bytes,
            trailer=control_bytes(self.trailer),
            check=self.check,
            check_place=self.check_place,
            check_form=self.check_form,
            check_start=self.check_start,
            check_end=self.check_end,
            replies=self.replies,
            reply_s=self.reply_s,
            sends_max=self.sends_max,
            give_up=control_bytes(self.give_up),
        )

    def blocks(self) -> BlocksConfig:
        """The blocks for the core."""
        return BlocksConfig(
            block_bytes=self.block_bytes,
            replies=self.replies,
            reply_s=self.reply_s,
            sends_max=self.sends_max,
        )


class FramedSection(BaseModel):
    """The ``[framed]`` table.

    Attributes:
        framing: how bytes are cut into frames.
        message: what goes into one message: a ``frame`` each, or all of a ``specimen`` or ``run``.
        encoding: of the text.
        side: who opens the connection.
        reader: name of the independent reader in ``harness.wire.framings_read``.
        lis_setup: what the LIS has to be told to read it, such as configured widths.
        query: ``olympus`` asks for orders frame by frame; ``poll`` waits for a poll byte.
        query_s: how long the instrument waits for an order.
        poll: what polls it.
        not_measured: what stands in place of a number that is none.
        all_channels: every channel is sent in the order of the file, also without a result.
        channels: item of the LIS to the instrument's test, in the instrument's order.
        frames: the frames in the order in which they are sent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    framing: Framing = Framing()
    message: Literal["frame", "specimen", "run"] = "frame"
    encoding: str = "ascii"
    side: Literal["client", "server"] = "client"
    reader: str = ""
    lis_setup: dict[str, int | str] = Field(default_factory=dict)
    query: Literal["none", "olympus", "poll"] = "none"
    query_s: NonNegativeFloat = Field(default=10.0, le=600)
    poll: Control = ""
    not_measured: str = ""
    all_channels: bool = False
    channels: dict[str, Channel]
    frames: tuple[Frame, ...] = Field(min_length=1, max_length=FRAMES_MAX)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.query == "olympus" and not any(one.scope == "query" for one in self.frames):
            raise ValueError("query = 'olympus' needs a frame of scope 'query'")
        if self.query == "poll" and not self.poll:
            raise ValueError("query = 'poll' needs 'poll'")
        return self
