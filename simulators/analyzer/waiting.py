"""What waits in an ASTM instrument: messages for the line, and the one query that may be open."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.analyzer.measure import Run
from simulators.analyzer.orders import Order
from simulators.analyzer.query import Asked


@dataclass(slots=True)
class Upload:
    """One message for the line; nobody waits for it where ``ident`` is 0."""

    ident: int
    payload: bytes
    tries: int = 0
    query: OpenQuery | None = None
    run: Run | None = None


@dataclass(slots=True)
class OpenQuery:
    """One query that is open (LIS02-A2 §11: only one may be).

    Attributes:
        waits: its message is through, and the answer is awaited.
        foreign: orders that came meanwhile for tubes that were not asked for.
    """

    ident: int
    asked: Asked
    payload: bytes
    cancel: bytes
    retries: int
    tries: int = 0
    waits: bool = False
    foreign: list[Order] = field(default_factory=list)
