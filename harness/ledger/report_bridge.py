"""The bridge from HIS total to centre total: one arrow a class, and what is left over.

Amounts are integer fen. The levels are computed from the rows themselves; the totals that
reconciliation took from the raw bytes stand beside them, and the residual is what lies between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.i18n import tr
from harness.ledger.class_words import word
from harness.ledger.report_read import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One step of a bridge.

    Attributes:
        code: class, or a code of the period bridge.
        name: in the language of the report.
        fen: what it adds.
        rows: how many rows it stands for.
        note: what the rows are, or why nothing is known.
        level: stated or listed total reached here; None for a step between two totals.
    """

    code: str
    name: str
    fen: int
    rows: int
    note: str = ""
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """From one total to the other; ``residual_fen`` is 0 where every fen is accounted for."""

    arrows: tuple[Arrow, ...]
    residual_fen: int

    @property
    def start(self) -> Arrow:
        """The total that it starts from."""
        return self.arrows[0]

    @property
    def end(self) -> Arrow:
        """The total that it arrives at."""
        return self.arrows[-1]


def bridge(
    buckets: Sequence[Bucket], *, his_fen: int | None = None, centre_fen: int | None = None
) -> Bridge:
    """HIS total to centre total through the classes that add or take something.

    Args:
        buckets: counts and sums by class.
        his_fen: total of the HIS file as read from its raw bytes; None takes the rows' own sum.
        centre_fen: the same for the centre's file.
    """
    own_his = sum(one.fen.get("his", 0) for one in buckets)
    own_centre = sum(one.fen.get("centre", 0) for one in buckets)
    start = own_his if his_fen is None else his_fen
    end = own_centre if centre_fen is None else centre_fen
    steps = [
        Arrow(
            code=one.code,
            name=word(one.code).name,
            fen=-one.effect_fen,
            rows=one.rows.get("his", 0) + one.rows.get("centre", 0),
        )
        for one in buckets
        if one.effect_fen
    ]
    return Bridge(
        arrows=(
            _total("his", start, sum(one.rows.get("his", 0) for one in buckets)),
            *steps,
            _total("centre", end, sum(one.rows.get("centre", 0) for one in buckets)),
        ),
        residual_fen=end - start - sum(one.fen for one in steps),
    )


def _total(side: str, fen: int, rows: int) -> Arrow:
    name = tr("HIS total") if side == "his" else tr("centre total")
    return Arrow(code=side, name=name, fen=0, rows=rows, level=fen)
