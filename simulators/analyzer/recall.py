"""The host asks the instrument for results (LIS02-A2 §11): what it kept goes out once more.

Each tube is answered with a message of its own, its results marked as sent before and the report as
an answer (R.9, O.26); a tube that the instrument does not know is answered with L.3 = I.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.wire.astm_build import AstmBuilder
from harness.wire.astm_records import AstmMessage, parse_path
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.model_astm import HostQuery
from simulators.analyzer.model_link import RECORD_ENDS
from simulators.analyzer.upload import Tested, Writer, message


def again(model: AnalyzerModel, tested: Tested, *, control_id: str, time: str) -> bytes:
    """The message that answers a host's question for one tube; empty where none is answered."""
    dialect = model.host_query
    if dialect is None:
        return b""
    values = dialect.values | {"status": dialect.status, "report": dialect.report}
    answering = model.model_copy(update={
        "marks": {**model.marks, "resent": model.of_mark("resent") | values},
        "records": model.records.model_copy(update={"terminator": dialect.terminator}),
    })  # fmt: skip
    return message(answering, [tested], control_id=control_id, time=time, mark="resent")


def nothing(model: AnalyzerModel, dialect: HostQuery, *, control_id: str, time: str) -> bytes:
    """H and L: the instrument has nothing for the question (L.3 = I)."""
    writer, records = Writer(model, control_id=control_id, time=time), model.records
    writer.add("H", records.header, writer.base)
    built = writer.build()
    last = AstmBuilder(model.encoding, records.signs, RECORD_ENDS[records.record_end])
    return built + last.add("L", {3: dialect.nothing}).build()


@dataclass(slots=True)
class Memory:
    """What the instrument measured and still has.

    Args:
        model: whose dialect says how many tubes it keeps.
    """

    model: AnalyzerModel | None
    _kept: dict[str, bytes] = field(default_factory=dict)
    _answers: int = 0

    def keep(self, answers: Mapping[str, Any]) -> None:
        """Answers by tube, as hex; the oldest tubes go first."""
        dialect = None if self.model is None else self.model.host_query
        if dialect is None:
            return
        for barcode, payload in answers.items():
            self._kept.pop(str(barcode), None)
            self._kept[str(barcode)] = bytes.fromhex(str(payload))
            while len(self._kept) > dialect.tubes_max:
                del self._kept[next(iter(self._kept))]

    def measured(self, tested: Tested, *, time: str) -> None:
        """A run of its own."""
        if self.model is not None and self.model.host_query is not None:
            answer = again(self.model, tested, control_id=f"A-{tested.barcode}", time=time)
            self.keep({tested.barcode: answer.hex()})

    def answers(self, payload: bytes, *, time: str) -> list[bytes] | None:
        """Messages that answer a host's question; None for a message that asks nothing."""
        model = self.model
        if model is None or model.host_query is None:
            return None
        asked = AstmMessage.parse(payload, model.encoding)
        if not asked.of("Q"):
            return None
        dialect = model.host_query
        place = parse_path(dialect.barcode)
        wanted = [
            (record.components(place.field or 3, number) + [""] * 9)[(place.component or 1) - 1]
            for record in asked.of("Q")
            for number in range(1, len(record.repeats(place.field or 3)) + 1)
        ]
        if any(record.get(dialect.all_place) == "ALL" for record in asked.of("Q")):
            wanted = list(self._kept)
        found = [self._kept[one.strip()] for one in wanted if one.strip() in self._kept]
        self._answers += 1
        none = nothing(model, dialect, control_id=f"N{self._answers}", time=time)
        return found or [none]
