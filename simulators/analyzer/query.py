"""The host query of an ASTM instrument: H, Q, L as its model has them (LIS02-A2 §11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.wire.astm_build import AstmBuilder, Components, FieldValue
from simulators.analyzer.astm_template import FieldTemplate, field_value
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.model_astm import Query
from simulators.analyzer.model_link import RECORD_ENDS
from simulators.analyzer.orders import Answer, Order
from simulators.analyzer.upload import Writer

NO_TIME: Final = "20000101000000"
"""Where nobody says what time it is: the clock of an instrument that was never set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an instrument asks for: tubes, a place in a rack, or everything.

    Attributes:
        barcodes: tubes; empty for one of the others.
        rack: of the place.
        position: of the place, or of the one tube.
    """

    barcodes: tuple[str, ...] = ()
    rack: str = ""
    position: str = ""
    every: bool = False


def query_message(
    model: AnalyzerModel, asked: Asked, *, control_id: str, time: str, status: str = ""
) -> bytes:
    """The bytes of one query.

    Args:
        model: the instrument.
        asked: what for.
        control_id: H.3.
        time: ``YYYYMMDDHHMMSS``.
        status: ``{query_status}`` in place of the model's, to take a query back.

    Raises:
        InputError: the instrument does not ask, or not so.
    """
    query = model.query
    if query is None:
        raise InputError(tr("{name} never asks for orders", name=model.name))
    fields = _fields(model.name, query, asked)
    writer = Writer(model, control_id=control_id, time=time or NO_TIME)
    given = {"rack": asked.rack, "position": asked.position, "query_status": status}
    values = writer.base | query.values | {name: text for name, text in given.items() if text}
    records = model.records
    builder = AstmBuilder(model.encoding, records.signs, RECORD_ENDS[records.record_end])
    header = query.header if query.header is not None else records.header
    builder.add("H", _filled(model, header, values, ("",)))
    builder.add("Q", _filled(model, fields, values, asked.barcodes or ("",)))
    last = query.terminator if query.terminator is not None else records.terminator
    builder.add("L", _filled(model, last, values, ("",)))
    end = RECORD_ENDS[records.message_end] if records.message_end else ""
    return builder.build() + end.encode("ascii")


def belongs(answer: Answer, asked: Asked) -> bool:
    """An answer is for one of the tubes asked for, or says that there is nothing."""
    if answer.refused:
        return False
    if not asked.barcodes or not answer.orders:
        return True
    return any(one.barcode in asked.barcodes for one in answer.orders)


def answered(answer: Answer, asked: Asked, foreign: Sequence[Order]) -> dict[str, Any]:
    """What the host said to a query, as plain values.

    Args:
        answer: its message.
        asked: what for.
        foreign: orders for other tubes that came before the answer.
    """
    tubes = set(asked.barcodes)
    others = [one for one in answer.orders if tubes and one.barcode not in tubes]
    return {
        "orders": [one.as_dict() for one in answer.orders],
        "nothing": answer.nothing,
        "terminator": answer.terminator,
        "missing": sorted(tubes - {one.barcode for one in answer.orders}),
        "foreign": [one.as_dict() for one in (*foreign, *others)],
        "findings": list(answer.findings),
    }


def _fields(name: str, query: Query, asked: Asked) -> Mapping[int, FieldTemplate]:
    fields = query.barcode
    if not asked.barcodes:
        other = query.every if asked.every else query.position
        if other is None:
            raise InputError(tr("{name} asks for tubes only, by barcode", name=name))
        fields = other
    if len(asked.barcodes) > query.barcodes_max:
        raise InputError(tr("{name} asks for at most {most} tubes at once", name=name,
                            most=query.barcodes_max))  # fmt: skip
    return fields


def _filled(
    model: AnalyzerModel,
    fields: Mapping[int, FieldTemplate],
    values: Mapping[str, str],
    barcodes: Sequence[str],
) -> dict[int, FieldValue]:
    """The field with the barcode repeats for each tube; the others stand once."""
    written: dict[int, FieldValue] = {}
    for number, template in fields.items():
        many = any(hole.name == "barcode" for hole in template.holes)
        repeats: list[Components] = []
        for barcode in barcodes if many else barcodes[:1]:
            repeats += template.each({**values, "barcode": barcode})
        escaped = model.records.escapes == "standard"
        written[number] = field_value(repeats, model.records.signs, escaped=escaped)
    return written
