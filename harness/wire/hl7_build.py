r"""Messages from Python values: escaped exactly once, encoded exactly once.

A segment is a sequence whose entry n is field n, so that the code reads like the standard:

>>> build([header_row(type="ADT^A08", control_id="7"), ["PID", "1", None, ["77", None, "H&C"]]])
b'MSH|^~\\&|||||||ADT^A08|7|P|2.5.1\rPID|1||77^^H\\T\\C\r'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import InputError
from harness.wire.hl7_escape import STANDARD, Delimiters, escape
from harness.wire.hl7_layout import HEADERS


@dataclass(frozen=True, slots=True)
class Raw:
    """Text that goes out as it is: escapes and separators are the caller's."""

    text: str


ComponentSpec = str | Raw | None | Sequence[str | Raw | None]
"""A component: text, nothing, or its subcomponents."""

RepetitionSpec = str | Raw | None | Sequence[ComponentSpec]
"""One value of a field: text, nothing, or its components."""


@dataclass(frozen=True, slots=True)
class Rep:
    """A field with several repetitions."""

    values: Sequence[RepetitionSpec]


FieldSpec = RepetitionSpec | Rep
"""A field: text, nothing, a sequence of components, or ``Rep``."""


def build(
    segments: Sequence[Sequence[FieldSpec]],
    encoding: str = "utf-8",
    delimiters: Delimiters = STANDARD,
) -> bytes:
    """A message from its segments, each terminated by CR (HL7 2.5.1 §2.5.4, §2.6).

    Args:
        segments: entry 0 of each is its name, entry n its field n. In MSH, FHS and BHS the
            entries 1 and 2 are None: the separators come from ``delimiters``.
        encoding: Python's name of the codec; MSH-18 is the caller's, and may well say otherwise.
        delimiters: the separators to write.

    Raises:
        InputError: text that ``encoding`` cannot hold, or a header that brings separators.
    """
    text = "".join(_segment(segment, delimiters) + "\r" for segment in segments)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise InputError(
            f"{text[error.start : error.end]!r} cannot be written in {encoding}",
            remedy="choose an encoding that holds every character, such as gb18030 or utf-8",
        ) from error


def _segment(segment: Sequence[FieldSpec], signs: Delimiters) -> str:
    name = segment[0]
    if not isinstance(name, str):
        raise InputError(f"a segment begins with its name, not with {name!r}")
    fields = [_field(field, signs) for field in segment[1:]]
    if name in HEADERS:
        if any(fields[:2]):
            raise InputError(f"{name}-1 and {name}-2 come from the delimiters: leave them None")
        return signs.field.join([name, signs.encoding_characters, *fields[2:]])
    return signs.field.join([name, *fields])


def _field(field: FieldSpec, signs: Delimiters) -> str:
    if isinstance(field, Rep):
        return signs.repetition.join(_repetition(value, signs) for value in field.values)
    return _repetition(field, signs)


def _repetition(value: RepetitionSpec, signs: Delimiters) -> str:
    if value is None or isinstance(value, str | Raw):
        return _leaf(value, signs)
    return signs.component.join(_component(component, signs) for component in value)


def _component(value: ComponentSpec, signs: Delimiters) -> str:
    if value is None or isinstance(value, str | Raw):
        return _leaf(value, signs)
    return signs.subcomponent.join(_leaf(part, signs) for part in value)


def _leaf(value: str | Raw | None, signs: Delimiters) -> str:
    if value is None:
        return ""
    return value.text if isinstance(value, Raw) else escape(value, signs)


def header_row(
    *,
    type: str,  # noqa: A002 - the name that MSH-9 has in ``Hl7Header``
    control_id: str,
    time: str = "",
    sending_app: str = "",
    sending_facility: str = "",
    receiving_app: str = "",
    receiving_facility: str = "",
    structure: str = "",
    processing_id: str = "P",
    version: str = "2.5.1",
    accept_ack: str = "",
    application_ack: str = "",
    country: str = "",
    charset: str = "",
) -> list[FieldSpec]:
    """An MSH segment for ``build``, with the names of ``Hl7Header`` (HL7 2.5.1 §2.15.9).

    Args:
        type: MSH-9.1 and MSH-9.2, such as ``ORU^R01``.
        control_id: MSH-10, unique for the sender.
        time: MSH-7, such as ``20260105080000+0800``.
        sending_app: MSH-3, and so on to MSH-6.
        structure: MSH-9.3, such as ``ORU_R01``.
        processing_id: MSH-11.
        version: MSH-12.
        accept_ack: MSH-15.
        application_ack: MSH-16.
        country: MSH-17.
        charset: MSH-18, such as ``UNICODE UTF-8`` or ``GBK``.
    """
    kind = [*type.split("^"), *([structure] if structure else [])]
    row: list[FieldSpec] = ["MSH", None, None]
    row += [sending_app, sending_facility, receiving_app, receiving_facility, time, None]
    row += [kind, control_id, processing_id, version, None, None]
    row += [accept_ack, application_ack, country, charset]
    while not row[-1]:
        row.pop()
    return row
