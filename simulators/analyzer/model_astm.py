"""The records part of an analyzer model: what stands in which field (LIS02-A2), query, orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from harness.errors import InputError
from harness.i18n import tr
from harness.wire.astm_records import parse_path
from harness.wire.astm_text import Signs
from simulators.analyzer.astm_template import FieldTemplate, read_fields, read_template
from simulators.analyzer.model_base import Part
from simulators.analyzer.model_link import RECORD_ENDS

LINES_MAX: Final = 50
"""Result records of one test: a probe-level molecular result has about twenty."""

PARTS_MAX: Final = 50
"""Parts of one result: a gel card has six to twelve wells, a cartridge up to twenty probes."""

POINTS_MAX: Final = 4_096
"""Points of one curve: a matrix of 64 by 64 is the largest known."""

Kind = Literal["patient", "quality-control", "calibration", "background"]
"""What a specimen is to the instrument."""

Mark = Literal["first", "resent", "rerun", "corrected"]
"""Why results are sent: measured now, sent once more, measured again, changed by a person."""

Fields = Annotated[
    dict[int, FieldTemplate],
    BeforeValidator(read_fields),
    PlainSerializer(lambda fields: {key: one.source for key, one in fields.items()}),
]

Overrides = dict[str, str]
"""Values of holes that a kind of specimen or a mark replaces."""


def _template(raw: object) -> object:
    return read_template(raw) if isinstance(raw, str) else raw


Template = Annotated[FieldTemplate, BeforeValidator(_template)]


def _signs(text: str) -> str:
    if Signs.of_header(f"H{text}") is None:
        raise ValueError(tr("“{text}” are no four different delimiters", text=text))
    return text


def _place(text: str) -> str:
    try:
        path = parse_path(text)
    except InputError as error:
        raise ValueError(error.message) from error
    if path.field is None:
        raise ValueError(tr("a place names record and field, such as {example}", example="O.3.1"))
    return text


Place = Annotated[str, AfterValidator(_place)]
"""Where something stands, as ``LETTER.field.component``."""


class ResultLine(Part):
    """One R record of a test; some instruments send several.

    Attributes:
        role: what the value of this line is; a LIS must store ``main`` and no other as the result.
        fields: of the record.
        when: ``numeric`` lines are left out where the result is no number, ``measured`` lines
            where the test could not be done (status X); ``failed`` lines are sent there alone.
        parts: what lies behind the result, such as wells of a gel card or probes of a cartridge:
            one record for each, with its name as ``{part}`` and its reading as ``{value}``.
        factor: the value of this line is the result times this, as for a ratio or a raw signal.
        decimals: of that product.
    """

    role: Literal["main", "interpretation", "signal", "derived"] = "main"
    fields: Fields
    when: Literal["always", "numeric", "measured", "failed"] = "always"
    parts: tuple[str, ...] = Field(default=(), max_length=PARTS_MAX)
    factor: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")] = "1"
    decimals: int | None = Field(default=None, ge=0, le=6)


class Attached(Part):
    """A C, M or S record that the instrument adds.

    Attributes:
        type: its letter.
        after: the record that it follows.
        when: ``alarm`` only beside a result with an alarm, ``comment`` only beside a comment,
            ``patient`` only for patients.
        fields: of the record.
        images: names of curves; one record for each, with ``{image}`` and ``{image_name}``.
        points: of each curve.
        packing: how ``{image}`` is written.
    """

    type: Literal["C", "M", "S"]
    after: Literal["header", "patient", "order", "result", "last-result"]
    when: Literal["always", "alarm", "comment", "patient"] = "always"
    fields: Fields
    images: tuple[str, ...] = ()
    points: int = Field(default=128, ge=1, le=POINTS_MAX)
    packing: Literal["floats-deflate-base64", "bytes-base64", "numbers"] = "floats-deflate-base64"


def standard_fields(fields: Mapping[int, str]) -> dict[int, FieldTemplate]:
    """Templates of a record as the standard has it."""
    return {number: read_template(text) for number, text in fields.items()}


HEADER: Final = {
    3: "{control_id}", 5: "{sender}^{version}", 12: "{processing}", 13: "{records_version}",
    14: "{time}",
}  # fmt: skip
PATIENT: Final = {3: "{patient_id}", 6: "{name}", 8: "{birth}", 9: "{sex}"}
ORDER: Final = {
    3: "{barcode}", 5: "{tests}", 6: "{priority}", 7: "{ordered}", 12: "{action}", 26: "{report}",
}  # fmt: skip
RESULT: Final = {
    3: "^^^{code}", 4: "{value}", 5: "{unit}", 7: "{flag}", 9: "{status}", 13: "{completed}",
}  # fmt: skip


class Records(Part):
    """The records that the instrument sends; a table that is left out is the standard's.

    Attributes:
        version: H.13.
        delimiters: field, repeat, component and escape, as they stand after H.
        record_end: what ends a record.
        message_end: what follows the last record of a message.
        escapes: ``none`` for an instrument that sends delimiters in plain sight.
        sequence: ``global`` where field 2 counts over the whole message and starts never again.
        trailing: ``keep`` sends empty fields at the end, ``drop`` ends at the last that is filled.
        unencodable: what an instrument does with a character outside its set.
        patient_unknown: the P record of a tube without a person; None for ``P|1``.
        test: one test in O.5; ``{tests}`` is one repeat for each.
        orders: ``a-battery`` has one O for the specimen, ``a-test`` one O for each test.
    """

    version: str = "LIS02-A2"
    delimiters: Annotated[str, AfterValidator(_signs)] = "|\\^&"
    record_end: Literal["cr", "cr-lf", "lf", "cr-cr"] = "cr"
    message_end: Literal["", "cr", "cr-lf"] = ""
    escapes: Literal["standard", "none"] = "standard"
    sequence: Literal["standard", "global"] = "standard"
    trailing: Literal["keep", "drop"] = "drop"
    unencodable: Literal["refuse", "question-mark"] = "refuse"
    orders: Literal["a-battery", "a-test"] = "a-battery"
    header: Fields = standard_fields(HEADER)
    patient: Fields = standard_fields(PATIENT)
    patient_unknown: Fields | None = None
    order: Fields = standard_fields(ORDER)
    test: Template = read_template("^^^{code}")
    results: tuple[ResultLine, ...] = Field(
        default=(ResultLine(fields=standard_fields(RESULT)),), min_length=1, max_length=LINES_MAX
    )
    attached: tuple[Attached, ...] = ()
    terminator: Fields = standard_fields({3: "N"})

    @property
    def signs(self) -> Signs:
        """The delimiters."""
        signs = Signs.of_header(f"H{self.delimiters}")
        assert signs is not None
        return signs

    @property
    def end(self) -> str:
        """The characters that end a record."""
        return RECORD_ENDS[self.record_end]


class Values(Part):
    """How numbers, times and coded values are written.

    Attributes:
        decimal_mark: a point or a comma.
        width: numbers are padded on the left to so many characters.
        fill: with this.
        implied_decimals: the mark is left out and so many digits are decimals: 4.12 is ``412``.
        sign: ``<`` and ``>`` stand before the value, after a blank too, or in the flag alone.
        missing: what stands for a value that was not measured.
        time_format: as ``strftime`` has it.
        birth_format: of a date of birth.
        units: our unit to the instrument's.
        flags: our flag to the instrument's.
        statuses: letter of LIS02-A2 §9.9 to the instrument's.
        sexes: M, F, U to the instrument's.
        priorities: letter of O.6 to the instrument's.
        interpretations: flag to the text in ``{interpretation}``.
        channels: LIS item to the code on the wire; an item that is missing goes out as it is.
        loinc: LIS item to ``{loinc}``, for instruments that send both codes.
        parts: value to the reading of each part of a result, in the order of the line's ``parts``;
            ``*`` is for every other value. A part without a reading is not measured; a value
            without readings is sent without parts.
    """

    decimal_mark: Literal[".", ","] = "."
    width: int = Field(default=0, ge=0, le=40)
    fill: str = Field(default=" ", min_length=1, max_length=1)
    implied_decimals: int | None = Field(default=None, ge=0, le=6)
    sign: Literal["value", "value-blank", "flag"] = "value"
    missing: str = ""
    time_format: str = "%Y%m%d%H%M%S"
    birth_format: str = "%Y%m%d"
    units: dict[str, str] = Field(default_factory=dict)
    flags: dict[str, str] = Field(default_factory=dict)
    statuses: dict[str, str] = Field(default_factory=dict)
    sexes: dict[str, str] = Field(default_factory=dict)
    priorities: dict[str, str] = Field(default_factory=dict)
    interpretations: dict[str, str] = Field(default_factory=dict)
    channels: dict[str, str] = Field(default_factory=dict)
    loinc: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def readings(self, value: str) -> tuple[str, ...]:
        """What each part of a result shows."""
        return self.parts.get(value, self.parts.get("*", ()))

    def item(self, code: str) -> str:
        """The LIS item of a code on the wire."""
        return next((item for item, one in self.channels.items() if one == code), code)


class Query(Part):
    """The query dialect: how the instrument asks for the orders of a tube.

    Attributes:
        barcode: Q fields of a query for tubes.
        position: Q fields of a query for a rack position; None if it cannot ask so.
        every: Q fields of a query for everything; None if it cannot ask so.
        header: H fields of the query; None for those of an upload.
        values: holes that a query fills otherwise than an upload, such as ``processing``.
        terminator: L fields of the query; None for those of an upload.
        barcodes_max: tubes in one query, as repeats of the field that holds the barcode.
        reply_s: how long the instrument waits for the answer, from the end of its own session.
        retries: it asks again so often.
        cancel: status letter of a query that takes back one without an answer; None for none.
    """

    barcode: Fields = standard_fields({3: "^{barcode}", 5: "ALL", 13: "O"})
    position: Fields | None = None
    every: Fields | None = None
    header: Fields | None = None
    values: Overrides = Field(default_factory=dict)
    terminator: Fields | None = None
    barcodes_max: int = Field(default=1, ge=1, le=100)
    reply_s: float = Field(default=10.0, gt=0, le=3600)
    retries: int = Field(default=0, ge=0, le=10)
    cancel: str | None = Field(default=None, min_length=1, max_length=1)


class Orders(Part):
    """The order dialect: what the instrument understands of what the host sends.

    Attributes:
        barcode: where it looks for the tube.
        test: where it looks for a test code, in each repeat.
        rack: where it wants its rack echoed; None if it does not care.
        position: the place in the rack, likewise.
        number: its sample number, likewise.
        pushed: it takes orders that it did not ask for.
        nothing: codes of L.3 that mean that there is no order.
        refusals: codes of O.26 that mean the same for one tube.
        patients_max: a message with more patients is refused as a whole; None for no limit.
        runs: ``told`` waits for the command ``measure``, ``at-once`` runs what is ordered by
            itself.
        run_s: from an order to the results of an instrument that runs by itself.
        unable: an ordered test that cannot be run is left out, or sent with status X.
    """

    barcode: Place = "O.3.1"
    test: Place = "O.5.4"
    rack: Place | None = None
    position: Place | None = None
    number: Place | None = None
    pushed: bool = True
    nothing: tuple[str, ...] = ("I",)
    refusals: tuple[str, ...] = ("Y", "Z", "X")
    patients_max: int | None = Field(default=None, ge=1, le=1000)
    runs: Literal["told", "at-once"] = "told"
    run_s: float = Field(default=60.0, ge=0, le=86_400)
    unable: Literal["left-out", "status-x"] = "left-out"


class HostQuery(Part):
    """The dialect of a question by the host: the instrument sends what it kept once more.

    Attributes:
        barcode: where the instrument looks for the tube in Q.
        all_place: field of Q that holds ``ALL`` where the host wants every tube.
        tubes_max: tubes whose results it keeps.
        status: R.9 of the answer: sent before.
        report: O.26 of the answer: an answer to a query.
        values: further holes that an answer fills otherwise than an upload.
        terminator: L fields of an answer: the question is done.
        nothing: L.3 where it has nothing for the question.
    """

    barcode: Place = "Q.3.2"
    all_place: Annotated[str, Field(pattern=r"^\d{1,2}$")] = "3"
    tubes_max: int = Field(default=1_000, ge=1, le=100_000)
    status: str = "R"
    report: str = "Q"
    values: Overrides = Field(default_factory=dict)
    terminator: Fields = standard_fields({3: "F"})
    nothing: str = "I"
