"""How an instrument with a framing of its own writes one field, as its model says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from simulators.analyzer.model_framed import Channel, Field_, FramedSection
from simulators.analyzer.upload import Result

_NUMBER: Final = re.compile(r"(?P<sign>[<>]=?)? ?(?P<digits>-?\d+(?:\.\d+)?)")

Context = Mapping[str, str]
"""What the sources of fields stand for in one frame."""


def channel_of(section: FramedSection, item: str) -> Channel:
    """The instrument's test for an item of the LIS.

    Raises:
        InputError: the instrument has no such test; to leave a result out would test nothing.
    """
    if item not in section.channels:
        raise InputError(
            tr("this instrument has no channel for {item}", item=item),
            remedy=tr("use one of: {known}", known=", ".join(section.channels)),
        )
    return section.channels[item]


def result_context(section: FramedSection, channel: Channel, result: Result | None) -> Context:
    """What the sources about a result stand for; None is a test without a result."""
    value = result.value if result is not None else ""
    return {
        "code": channel.code,
        "label": channel.label or channel.code,
        "value": _measured(value, channel) if value else section.not_measured,
        "unit": channel.unit or (result.unit if result is not None else ""),
        "flag": result.flag if result is not None else "",
    }


def _measured(text: str, channel: Channel) -> str:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    number = Decimal(match["digits"]).scaleb(channel.factor)
    if channel.decimals is not None:
        number = number.quantize(Decimal(1).scaleb(-channel.decimals), ROUND_HALF_UP)
    return f"{match['sign'] or ''}{number:f}"


def written(spec: Field_, context: Context, time: datetime) -> str:
    """One field in its columns.

    Raises:
        InputError: a number that does not fit, or a sign where there is no room for one.
    """
    if spec.source == "text":
        text = spec.text
    elif spec.source == "time":
        text = time.strftime(spec.format)
    else:
        text = context.get(spec.source, "")
        text = spec.words.get(text, text) or spec.text
    if spec.source == "value":
        text = _in_columns(text, spec)
    if spec.width:
        if spec.source == "barcode" and len(text) > spec.width:  # another tube's, perhaps
            raise InputError(
                tr("{value} does not fit into {width} columns", value=text, width=spec.width)
            )
        text = text[: spec.width]
        text = text.ljust(spec.width, spec.pad) if spec.align == "left" else text.rjust(
            spec.width, spec.pad
        )  # fmt: skip
    return text


def _in_columns(text: str, spec: Field_) -> str:
    """A number as it may stand in columns: a number that is cut is another number."""
    match = _NUMBER.fullmatch(text)
    if match is not None and spec.implied:
        if match["sign"] or text.startswith("-"):
            raise InputError(tr("the instrument has no way to write {value}", value=text))
        text = text.replace(".", "")
    if match is not None and spec.width and len(text) > spec.width:
        raise InputError(
            tr("{value} does not fit into {width} columns", value=text, width=spec.width)
        )
    return text
