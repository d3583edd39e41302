"""What is there afterwards, against what the users were told: nothing lost, nothing double.

Each row is one book: how much was confirmed, what of it is missing, what is there twice or more,
what has another value, and what nobody brought. What a user could not know (no answer came) may be
there or not, but not twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from simulators.centre.calc_money import yuan
from simulators.load.users import ITEMS, Confirmed
from simulators.load.ward import CENTRE, PACS, Ward
from simulators.load.windows import AMOUNTS
from simulators.store import Store

REST_S: Final = 120.0
"""How long the LIS gets to bring its last results to the HIS."""

Told = Mapping[str, Confirmed]
"""What the users of each kind were told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One comparison.

    Attributes:
        kind: of the users who brought it.
        name: of the store and table.
        confirmed: keys that were confirmed.
        found: rows that are there.
        missing, double, other, unasked: keys of each, at most the first ten.
    """

    kind: str
    name: str
    confirmed: int
    found: int
    missing: tuple[str, ...] = ()
    double: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, str]:
        """For the trace."""
        lists = {name: getattr(self, name) for name in ("missing", "double", "other", "unasked")}
        counts = {"confirmed": str(self.confirmed), "found": str(self.found)}
        told = {name: " ".join(keys) for name, keys in lists.items()}
        return {"kind": self.kind, "book": self.name, **counts, **told}


SHOWN: Final = 10
POLL_S: Final = 0.2


def compare(kind: str, name: str, confirmed: Confirmed, rows: Iterable[tuple[str, Any]]) -> Book:
    """Compare keys with their values, each once, with what was confirmed."""
    counts: Counter[str] = Counter()
    other = []
    for key, value in rows:
        counts[key] += 1
        wanted = confirmed.keys.get(key)
        if wanted is not None and wanted != value:
            other.append(key)
    known = confirmed.keys.keys() | confirmed.unknown
    return Book(
        kind=kind,
        name=name,
        confirmed=len(confirmed.keys),
        found=counts.total(),
        missing=_some(key for key in confirmed.keys if not counts[key]),
        double=_some(key for key, count in counts.items() if count > 1),
        other=_some(other),
        unasked=_some(key for key in counts if key not in known),
    )


def _some(keys: Iterable[str]) -> tuple[str, ...]:
    found = sorted(keys)
    more = (f"+{len(found) - SHOWN}",) if len(found) > SHOWN else ()
    return (*found[:SHOWN], *more)


def settle(ward: Ward) -> None:
    """Let the LIS bring its results to the HIS; what does not come in time is missing there."""
    until = time.monotonic() + REST_S
    while ward.pending("LIS") and time.monotonic() < until:
        time.sleep(POLL_S)


def all_books(ward: Ward, told: Told) -> list[Book]:
    """Every book of the kinds that took part."""
    return [book for kind in _BOOKS if kind in told for book in _BOOKS[kind](ward, told)]


def _rows(ward: Ward, role: str, sql: str) -> list[dict[str, Any]]:
    store: Store = ward.books(role)
    with closing(store):
        return store.rows(sql)


def _orders(ward: Ward, told: Told) -> list[Book]:
    """Each order with all of its items."""
    rows = _rows(ward, "LIS", "SELECT placer, COUNT(*) AS items FROM orders GROUP BY placer")
    before = told["ordered"].keys
    brought = ((row["placer"], row["items"]) for row in rows if row["placer"] not in before)
    return [compare("feed", "LIS orders", told["feed"], brought)]


def _results(ward: Ward, told: Told) -> list[Book]:
    """Each result of each tube, in the LIS and in the HIS."""
    brought = told["analyzer"]
    wanted = Confirmed(
        keys={f"{tube}/{item}": values[item] for tube, values in brought.keys.items()
              for item in ITEMS},
        unknown={f"{tube}/{item}" for tube in brought.unknown for item in ITEMS},
    )  # fmt: skip
    books = []
    for role in ("LIS", "HIS"):
        rows = _rows(ward, role, "SELECT barcode, item, value FROM results ORDER BY id")
        found = ((f"{row['barcode']}/{row['item']}", row["value"]) for row in rows)
        books.append(compare("analyzer", f"{role} results", wanted, found))
    return books


def _images(ward: Ward, told: Told) -> list[Book]:
    rows = _rows(ward, PACS, "SELECT sop FROM instances")
    found = ((row["sop"], None) for row in rows)
    return [compare("modality", "PACS instances", told["modality"], found)]


def _settlements(ward: Ward, told: Told) -> list[Book]:
    """Each settlement by the centre's number, with visit and every amount to the fen."""
    brought = told["settlement"]
    rows = _rows(
        ward, CENTRE,
        f"SELECT setl_id, mdtrt_id, {', '.join(AMOUNTS)} FROM settlements WHERE vali_flag = '1'",
    )  # fmt: skip
    doubted = {row["setl_id"] for row in rows if row["mdtrt_id"] in brought.unknown}
    wanted = Confirmed(keys=brought.keys, unknown=doubted)
    found = [
        (row["setl_id"], [row["mdtrt_id"], *(str(yuan(row[name])) for name in AMOUNTS)])
        for row in rows
    ]
    visits = Confirmed(
        keys=dict.fromkeys(values[0] for values in brought.keys.values()), unknown=brought.unknown
    )
    return [
        compare("settlement", "centre settlements", wanted, found),
        compare("settlement", "centre visits", visits, ((row["mdtrt_id"], None) for row in rows)),
    ]


_BOOKS: Final[Mapping[str, Callable[[Ward, Told], list[Book]]]] = {
    "feed": _orders,
    "analyzer": _results,
    "modality": _images,
    "settlement": _settlements,
}
