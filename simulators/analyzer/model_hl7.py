"""What an HL7 instrument is, as data: the ``[hl7]`` table of a model file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

Dialect = Literal["mindray", "law", "oul", "oru"]
"""How messages look: Mindray 2.3.1, IHE LAW 2.5.1, OUL^R22 streams, plain ORU^R01."""

QcMark = Literal["msh-16", "msh-11", "spm-11", "obr-15"]
"""Where a message says that it is about quality control."""


class Channel(BaseModel):
    """One test as the instrument names it.

    Attributes:
        code: what the LIS matches on (OBX-3.1, or OBR-2 in Mindray QC messages).
        name: the instrument's name of the test.
        system: coding system (OBX-3.3), such as ``LN`` or ``99MRC``.
        unit: unit that replaces the one of the result; empty keeps it.
        decimals: decimals that the instrument writes; None keeps the text of the result.
        exponent: power of ten that stands inside the unit; the value is divided by it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str = ""
    system: str = ""
    unit: str = ""
    decimals: NonNegativeInt | None = None
    exponent: NonNegativeInt = 0


class Extra(BaseModel):
    """An OBX that is no result: mode, reference group, or a picture.

    Attributes:
        code: OBX-3.1.
        name: OBX-3.2.
        system: OBX-3.3.
        kind: OBX-2; ``ED`` is a picture of ``image_bytes`` bytes, made by the simulator.
        value: OBX-5 of all but pictures.
        image_bytes: size of the picture before base64.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str = ""
    system: str = ""
    kind: Literal["IS", "ST", "NM", "ED"] = "IS"
    value: str = ""
    image_bytes: NonNegativeInt = Field(default=0, le=256 * 1024)


class Hl7Section(BaseModel):
    """The ``[hl7]`` table.

    Attributes:
        dialect: see ``Dialect``.
        message_type: MSH-9 of results in place of the dialect's, such as ``OUL^R24``.
        version: MSH-12.
        side: who opens the connection for results: the instrument (``client``) or the LIS.
        sending_app: MSH-3; and so on to MSH-6.
        processing_id: MSH-11 of patient results.
        accept_ack: MSH-15; ``NE`` on both and ``wait = false`` is a stream without answers.
        application_ack: MSH-16, unless the dialect keeps the kind of result there.
        charset: MSH-18 as declared; empty declares nothing.
        codec: Python's name of the codec that the bytes really have.
        wait: whether the instrument waits for an answer before the next message.
        ack_s: how long it waits.
        on_silence: what follows when no answer comes: the next message, or the same again.
        on_refusal: what follows AE or AR.
        repeats: further sends of one message after silence or refusal.
        grouping: one message a specimen, or one a result.
        results_max: results that fit into a message; more are split.
        qc_mark: where quality control is marked.
        qc_word: what marks it there in place of the dialect's, such as ``1`` or ``P^LJ``.
        qc_type: MSH-9 of quality control, where it differs from that of patients.
        query: how the instrument asks for orders.
        query_s: how long it waits for each part of the answer.
        segment_end: what ends a segment.
        lead_noise: hexadecimal bytes before the first start block of a connection.
        cut_trailer: blocks end with CR CR and without FS.
        clock_utc: MSH-7 holds UTC digits with the local offset behind them.
        dashes_in_time: MSH-7 is ``YYYYMMDD hh:mm.ss``.
        null_value: OBX-5 when the instrument has no number.
        value_suffix: text behind each value in OBX-5, such as an empty component.
        raw_signal: the raw signal stands before the value, as a component of its own.
        flags: the instrument's signs for H, L and so on, such as arrows.
        empty_type: OBX-2 is left empty.
        pack_values: all results of a specimen stand in one OBX-5 as repetitions.
        rack_as_id: OBR-3 holds the position in the carousel and no specimen id.
        specimen_suffix: text behind the id in SPM-2, such as ``^^``.
        maker: OBR-4 or OBX-18.
        instrument: model name in OBR-4 or OBX-18.
        channels: item of the LIS to the instrument's test; others go out under their own name.
        extras: OBX rows beside the results.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dialect: Dialect
    message_type: str = Field(default="", pattern=r"^([A-Z]{3}\^[A-Z]\d\d)?$")
    version: str = "2.3.1"
    side: Literal["client", "server"] = "client"
    sending_app: str = ""
    sending_facility: str = ""
    receiving_app: str = ""
    receiving_facility: str = ""
    processing_id: str = "P"
    accept_ack: str = ""
    application_ack: str = ""
    charset: str = "ASCII"
    codec: str = "gb18030"
    wait: bool = True
    ack_s: NonNegativeFloat = Field(default=10.0, le=600)
    on_silence: Literal["go-on", "repeat"] = "go-on"
    on_refusal: Literal["repeat", "drop"] = "repeat"
    repeats: NonNegativeInt = Field(default=2, le=20)
    grouping: Literal["specimen", "result"] = "specimen"
    results_max: PositiveInt = 80
    qc_mark: QcMark = "msh-16"
    qc_word: str = ""
    qc_type: str = Field(default="", pattern=r"^([A-Z]{3}\^[A-Z]\d\d)?$")
    query: Literal["none", "qry", "orm", "law"] = "none"
    query_s: NonNegativeFloat = Field(default=10.0, le=600)
    segment_end: Literal["cr", "cr-lf", "none"] = "cr"
    lead_noise: str = Field(default="", pattern=r"^([0-9A-Fa-f]{2}){0,64}$")
    cut_trailer: bool = False
    clock_utc: bool = False
    dashes_in_time: bool = False
    null_value: str = ""
    value_suffix: str = ""
    raw_signal: bool = False
    flags: dict[str, str] = Field(default_factory=dict)
    empty_type: bool = False
    pack_values: bool = False
    rack_as_id: bool = False
    specimen_suffix: str = ""
    maker: str = ""
    instrument: str = ""
    channels: dict[str, Channel] = Field(default_factory=dict)
    extras: tuple[Extra, ...] = ()
