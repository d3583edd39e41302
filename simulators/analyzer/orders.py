"""Orders as an ASTM instrument reads them from its host (LIS02-A2 §7, §8, §12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from harness.wire.astm_records import AstmMessage, Record, parse_path
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.model_astm import Orders

TUBES_MAX: Final = 10_000
"""Tubes in the book; a large line runs some thousand a day."""

CANCEL: Final = "C"
ADD: Final = "A"
KNOWN: Final = frozenset({"X", "P"})
"""Actions that name tests which the instrument has already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One O record of a host, with the P above it."""

    barcode: str
    codes: tuple[str, ...]
    tests: tuple[str, ...]
    action: str = ""
    priority: str = ""
    specimen_type: str = ""
    report: str = ""
    patient_id: str = ""
    name: str = ""
    sex: str = ""
    birth: str = ""
    rack: str = ""
    position: str = ""
    number: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the reply to a command."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name in self.__slots__
            for value in [getattr(self, name)]
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One message of a host.

    Attributes:
        orders: its O records that order something.
        nothing: it says that there is no order.
        terminator: L.3.
        refused: the instrument takes none of it, and why.
        findings: codes of what is not as LIS02-A2 has it.
    """

    orders: tuple[Order, ...] = ()
    nothing: bool = False
    terminator: str = ""
    refused: str = ""
    findings: tuple[str, ...] = ()


def read_orders(model: AnalyzerModel, payload: bytes) -> Answer:
    """What the instrument understands of a message; any bytes will do."""
    dialect = model.orders
    if dialect is None:
        return Answer(refused="takes-no-orders")
    message = AstmMessage.parse(payload, model.encoding)
    findings = tuple(sorted({one.code for one in message.findings}))
    code = (message.get("L.3") or "").strip()
    if dialect.patients_max is not None and message.count("P") > dialect.patients_max:
        return Answer(terminator=code, refused="too-many-patients", findings=findings)
    found: list[Order] = []
    patient: Record | None = None
    for record in message.records:
        if record.type == "P":
            patient = record
        elif record.type == "O":
            found.append(_order(model, dialect, record, patient))
    real = tuple(one for one in found if one.report not in dialect.refusals)
    nothing = code in dialect.nothing or not real
    return Answer(orders=real, nothing=nothing, terminator=code, findings=findings)


def _order(model: AnalyzerModel, dialect: Orders, record: Record, patient: Record | None) -> Order:
    codes = tuple(code for code in _codes(dialect, record) if code)
    return Order(
        barcode=_at(record, dialect.barcode),
        codes=codes,
        tests=tuple(model.values.item(code) for code in codes),
        action=_at(record, "O.12"),
        priority=_at(record, "O.6"),
        specimen_type=_at(record, "O.16.1"),
        report=_at(record, "O.26"),
        patient_id=_at(patient, "P.3"),
        name=_at(patient, "P.6"),
        sex=_at(patient, "P.9"),
        birth=_at(patient, "P.8"),
        rack=_at(record, dialect.rack),
        position=_at(record, dialect.position),
        number=_at(record, dialect.number),
    )


def _at(record: Record | None, place: str | None) -> str:
    if record is None or place is None:
        return ""
    return (record.at(parse_path(place)) or "").strip()


def _codes(dialect: Orders, record: Record) -> list[str]:
    path = parse_path(dialect.test)
    assert path.field is not None
    part = path.component or 1
    count = len(record.repeats(path.field))
    rows = [record.components(path.field, repeat) for repeat in range(1, count + 1)]
    return [row[part - 1].strip() if part <= len(row) else "" for row in rows]


@dataclass(slots=True)
class OrderBook:
    """What the instrument is to run, by tube.

    ``C`` takes tests away (all of them where it names none), everything else adds; ``X`` and ``P``
    change nothing, as the tests are known already (LIS02-A2 §8.12). What was run is off the book;
    ordered once more, it is a re-run.
    """

    _tests: dict[str, dict[str, None]] = field(default_factory=dict)
    _done: dict[str, dict[str, None]] = field(default_factory=dict)
    _latest: dict[str, Order] = field(default_factory=dict)

    def take(self, order: Order) -> bool:
        """Note one order; False where the book is full."""
        if order.barcode not in self._tests and len(self._tests) >= TUBES_MAX:
            return False
        tests = self._tests.setdefault(order.barcode, {})
        if order.action == CANCEL:
            for test in order.tests or tuple(tests):
                tests.pop(test, None)
        elif order.action not in KNOWN:
            tests.update(dict.fromkeys(order.tests))
            self._latest[order.barcode] = order
        return True

    def tests(self, barcode: str) -> list[str]:
        """What is ordered for a tube, in the order in which it came."""
        return list(self._tests.get(barcode, ()))

    def latest(self, barcode: str) -> Order | None:
        """The last order that asked to run something of a tube."""
        return self._latest.get(barcode)

    def ran(self, barcode: str, tests: Iterable[str]) -> None:
        """Take tests off the book, as they were run."""
        left = self._tests.get(barcode, {})
        for test in tests:
            left.pop(test, None)
            self._done.setdefault(barcode, {})[test] = None

    def again(self, barcode: str, tests: Iterable[str]) -> bool:
        """Whether any of these tests was run before."""
        return not self._done.get(barcode, {}).keys().isdisjoint(tests)
