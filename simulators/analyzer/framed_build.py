"""The messages of an instrument with a framing of its own, built from its model and results.

The layout is data: fields, columns and order stand in the model file. Nothing here is used for
reading; ``harness.wire.framings_read`` has its own idea of each layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from simulators.analyzer.framed_values import Context, channel_of, result_context, written
from simulators.analyzer.model_framed import Frame, FramedSection
from simulators.analyzer.upload import Tested


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a tube stands; what query and results name beside the barcode."""

    rack: str = "0001"
    position: str = "01"
    sequence: str = "0001"


def payloads(section: FramedSection, tested: Sequence[Tested], *, time: datetime) -> list[bytes]:
    """The messages of a run, in order, without framing.

    Args:
        section: the instrument.
        tested: specimens in the order of the run.
        time: of every test.

    Raises:
        InputError: a result that the instrument cannot measure or write.
    """
    opening = [_frame(spec, {}, [], time) for spec in section.frames if spec.scope == "open"]
    closing = [_frame(spec, {}, [], time) for spec in section.frames if spec.scope == "close"]
    specimens = [
        _specimen(section, one, number, time) for number, one in enumerate(tested, start=1)
    ]
    if section.message == "frame":
        texts = [*opening, *(text for frames in specimens for text in frames), *closing]
    elif section.message == "specimen":
        texts = ["".join([*opening, *frames, *closing]) for frames in specimens]
    else:
        texts = ["".join([*opening, *(t for frames in specimens for t in frames), *closing])]
    return [text.encode(section.encoding) for text in texts]


def questions(
    section: FramedSection, barcode: str, *, time: datetime, seat: Seat | None = None
) -> list[bytes]:
    """The frames that ask for the orders of one tube; none where the instrument cannot ask."""
    seat = seat or Seat()
    context = {
        "barcode": barcode, "rack": seat.rack, "position": seat.position,
        "sequence": seat.sequence, "kind": "patient",
    }  # fmt: skip
    return [
        _frame(spec, context, [], time).encode(section.encoding)
        for spec in section.frames
        if spec.scope in {"query-open", "query", "query-close"}
    ]


def _specimen(section: FramedSection, one: Tested, number: int, time: datetime) -> list[str]:
    """The frames of one specimen, in the order of the file."""
    results = _results(section, one)
    base = _base(one, number)
    plan: list[tuple[Frame, list[Context]]] = []
    for spec in section.frames:
        if spec.scope == "result":
            plan += [(spec, [result]) for result in results]
        elif spec.scope == "specimen":
            size = spec.each_max or max(len(results), 1)
            parts = [results[at : at + size] for at in range(0, len(results), size)]
            plan += [(spec, part) for part in parts or [[]]]
    frames = []
    for line, (spec, part) in enumerate(plan):
        context = base | {"count": str(len(part)), "line": str(line), "lines": str(len(plan))}
        if spec.scope == "result":
            context |= part[0]
        frames.append(_frame(spec, context, part, time))
    return frames


def _results(section: FramedSection, one: Tested) -> list[Context]:
    channels = [channel_of(section, result.item) for result in one.results]
    if not section.all_channels:
        return [
            result_context(section, channel, result)
            for channel, result in zip(channels, one.results, strict=True)
        ]
    by_item = {result.item: result for result in one.results}
    return [
        result_context(section, channel, by_item.get(item))
        for item, channel in section.channels.items()
    ]


def _base(one: Tested, number: int) -> dict[str, str]:
    seat = Seat()
    person = one.person
    return {
        "barcode": one.barcode,
        "patient": person.patient_id if person else "",
        "name": person.name if person else "",
        "sex": person.sex if person else "",
        "birth": person.birth if person else "",
        "sequence": one.number or f"{number:04d}",
        "rack": one.rack or seat.rack,
        "position": one.position or seat.position,
        "kind": one.what,
    }


def _frame(
    spec: Frame, context: Mapping[str, str], results: Sequence[Context], time: datetime
) -> str:
    """The text of one frame."""
    fields = [written(one, context, time) for one in spec.head]
    for result in results:
        fields += [written(one, {**context, **result}, time) for one in spec.each]
    fields += [written(one, context, time) for one in spec.tail]
    return spec.separator.join(fields) + spec.terminator
