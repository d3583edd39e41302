"""One result for every row of a map, and what the LIS must store for it.

The numbers are chosen so that a lost factor, lost decimals and cutting in place of rounding show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

from harness.labmap.model import ItemMap, ItemRow

PLACES: Final = 2
"""Decimal places of a sample where a row does not say how many it keeps."""

ROUND_MAX: Final = 40
"""Results of one specimen: what a large panel has."""

STEPS_MAX: Final = 1_000
"""Candidates that are tried for one sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One result to send.

    Attributes:
        channel: test code to send it under.
        sent: value to send.
        item: what the LIS must store it under.
        expected: the value that it must store.
        unit: the unit that it must store; empty: the one that was sent.
        line: row of the map.
    """

    channel: str
    sent: str
    item: str
    expected: str
    unit: str
    line: int


def sample(*rows: ItemRow, nth: int = 0) -> str:
    """A number that rounds up under every one of these rows, and is fine enough for the finest."""
    kept = max(PLACES if row.decimals is None else row.decimals for row in rows)
    shift = max(0, *(row.factor.adjusted() for row in rows)) if rows else 0
    places = kept + shift + 1
    first = Decimal(12 + nth % 80) + Decimal("0.3")
    for step in range(1, STEPS_MAX):
        number = first + Decimal(step).scaleb(-places)
        if all(_rounds_up(row, number) for row in rows):
            break
    return format(number, "f")


def _rounds_up(row: ItemRow, number: Decimal) -> bool:
    """Would cutting store something else than rounding?"""
    if row.decimals is None:
        return True
    places = Decimal(1).scaleb(-row.decimals)
    product = number * row.factor
    return product.quantize(places, ROUND_DOWN) != product.quantize(places, ROUND_HALF_UP)


def proofs(item_map: ItemMap, *, texts: bool = True, signs: bool = False) -> list[Proof]:
    """One number a row, in the order of the map.

    Args:
        item_map: the map.
        texts: also one result for every text that a row maps.
        signs: also one result with ``<`` for every row.
    """
    return [
        proof
        for nth, row in enumerate(item_map.rows)
        for proof in _of_row(row, nth, texts=texts, signs=signs)
    ]


def rounds(item_map: ItemMap) -> list[list[Proof]]:
    """The proofs, one specimen a round: an item occurs once in each, and at most ``ROUND_MAX``."""
    found: list[list[Proof]] = []
    begin: dict[str, int] = {}
    for one in proofs(item_map):
        at = begin.get(one.item, 0)
        while at < len(found) and len(found[at]) >= ROUND_MAX:
            at += 1
        if at == len(found):
            found.append([])
        found[at].append(one)
        begin[one.item] = at + 1
    return found


def _of_row(row: ItemRow, nth: int, *, texts: bool, signs: bool) -> Iterator[Proof]:
    yield _proof(row, sample(row, nth=nth))
    if signs:
        yield _proof(row, f"<{sample(row, nth=nth + 1)}")
    if texts:
        for sent, _ in row.texts:
            yield _proof(row, sent)


def _proof(row: ItemRow, sent: str) -> Proof:
    return Proof(
        channel=row.channel,
        sent=sent,
        item=row.item,
        expected=row.expected(sent),
        unit=row.unit,
        line=row.line,
    )
