"""The stages as a list of statements: the texts in ``*.sql`` with their macros put in.

Inputs of the stages are two tables ``h`` (hospital) and ``c`` (centre) with one row a settlement:
``rid`` (line), ``k`` setl_id, ``g`` msgid, ``m`` visit, ``p`` person, ``bill`` the hospital's own
id, ``ok`` id of the original of a refund, ``rf`` 1 for a refund, ``fee fund acct cash`` in fen,
``ts`` epoch seconds, ``dd`` day number, and the codes ``ins clr opt sopt``. What a side does not
have is NULL (0 for amounts) on both, so it is not compared.

An engine provides four functions: ``FP(text)`` and ``FP2(text, integer)``, fingerprints that are
NULL where the text is, ``POWER_OF_TWO(n)``, and ``NO_ZEROS(text)`` without leading zeros (LTRIM has
its arguments in another order in Spark), beside ``BIT_COUNT`` and ``LEVENSHTEIN``.

Outputs: ``plain`` (pairs that the exact key closes and nothing else touches: more than 99 % of a
usual ledger, and never in a table of their own); of all other rows ``hs`` and ``cs``, ``pair`` (hr,
cr, d, stage, weak), ``claim`` (side, rid, cls, stage) and ``edge``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from harness.ledger import columns

_FOLDER: Final = Path(__file__).resolve().parent
_MARK: Final = "-- @"
_DAY_S: Final = 86_400

_CODES: Final = ((64, "ins"), (128, "clr"), (256, "opt"), (512, "sopt"))
_PARTS: Final = ((1, "fee"), (2, "fund"), (4, "acct"), (8, "cash"))

_SAME: Final = "h.fee = c.fee AND h.fund = c.fund AND h.acct = c.acct AND h.cash = c.cash"

_FAR: Final = "ABS(h.ts - c.ts)"
_BUCKET: Final = (
    f"CASE WHEN h.ts IS NULL OR c.ts IS NULL THEN 4 WHEN {_FAR} <= {columns.SKEW_S} THEN 0"
    f" WHEN {_FAR} <= {columns.NEAR_S} THEN 1 WHEN h.dd = c.dd THEN 2 ELSE 3 END"
)
"""How far apart in time, coarsely: two candidates within one step are equally good."""

_SKELETON: Final = (
    "NO_ZEROS(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE({k},"
    " 'O', '0'), 'I', '1'), 'L', '1'), '-', ''), ' ', ''), '_', ''), '.', ''))"
)
"""An id without what typing and spreadsheets do to it: O for 0, lost leading zeros, dashes."""


def _when(bit: int, condition: str) -> str:
    return f"CASE WHEN {condition} THEN {bit} ELSE 0 END"


def _diff(*, signed: bool) -> str:
    """Bits of everything in which the rows ``h`` and ``c`` differ; NULL differs from nothing."""
    side = "{0}.{1}" if signed else "ABS({0}.{1})"
    terms = [_when(b, f"{side.format('h', n)} <> {side.format('c', n)}") for b, n in _PARTS]
    terms.append(_when(16, "h.p <> c.p"))
    terms.append(_when(32, "h.rf <> c.rf"))
    terms += [_when(bit, f"h.{name} <> c.{name}") for bit, name in _CODES]
    terms.append(_when(columns.BIT_DAY, "h.dd <> c.dd"))
    terms.append(_when(columns.BIT_SKEW, f"{_FAR} > {columns.SKEW_S}"))
    terms.append(_when(columns.BIT_SWAPPED, _swapped()))
    return " + ".join(terms)


def difference() -> str:
    """SQL of the bits in which the rows ``h`` and ``c`` differ, counted only where any does."""
    # Equal seconds lie on one day and need no allowance: the day is then not even computed.
    names = (*(n for _, n in _PARTS), "p", "rf", *(n for _, n in _CODES), "ts")
    terms = [f"h.{name} <> c.{name}" for name in names]
    return f"CASE WHEN {' OR '.join(terms)} THEN {_diff(signed=True)} ELSE 0 END"


def _swapped() -> str:
    """Two parts have changed places and everything else is equal."""
    found = []
    for one, other, third in (
        ("fund", "acct", "cash"),
        ("fund", "cash", "acct"),
        ("acct", "cash", "fund"),
    ):
        found.append(
            f"(h.{one} = c.{other} AND h.{other} = c.{one} AND h.{one} <> h.{other}"
            f" AND h.{third} = c.{third})"
        )
    return f"h.fee = c.fee AND ({' OR '.join(found)})"


def _order(prefix: str = "") -> str:
    """A total order by content; the line comes last, so that equal rows may change places."""
    texts = ("g", "m", "p", "bill", "ins", "clr", "opt")
    keys = [f"COALESCE({prefix}ts, 0)"]
    keys += [f"COALESCE({prefix}{name}, '')" for name in texts]
    return ", ".join((*keys, f"{prefix}rid"))


def _net(table: str, link: str) -> str:
    """Rows of ``table`` that settle and reverse each other to zero, each with one mate."""
    zero = " AND ".join(f"a.{n} + b.{n} = 0" for n in ("fee", "fund", "acct", "cash"))
    ranked = (
        "SELECT a.rid AS x, b.rid AS y,"
        f" ROW_NUMBER() OVER (PARTITION BY a.rid ORDER BY {_order('b.')}) AS i,"
        f" ROW_NUMBER() OVER (PARTITION BY b.rid ORDER BY {_order('a.')}) AS j"
        f" FROM {table} a JOIN {table} b ON {link} WHERE a.rf = 0 AND b.rf = 1 AND {zero}"
    )
    both = f"({ranked}) z WHERE i = 1 AND j = 1"
    return (
        f"SELECT x AS rid, y AS mate FROM {both} UNION ALL SELECT y AS rid, x AS mate FROM {both}"
    )


def _harmless(alias: str) -> str:
    return f"{alias}.d & 1023 = 0"


def _weak(tolerance_days: int, tail_chars: int) -> tuple[tuple[str, str], ...]:
    """Condition and score of each weaker stage; see ``weak.sql``."""
    days = f"(h.ts IS NULL OR c.ts IS NULL OR {_FAR} <= {tolerance_days * _DAY_S})"
    person = "(h.p = c.p OR h.p IS NULL OR c.p IS NULL)"
    skeletons = f"{_SKELETON.format(k='h.k')} = {_SKELETON.format(k='c.k')}"
    unsure = "(h.m = c.m OR h.m IS NULL OR c.m IS NULL)"
    near_key = (
        f"LENGTH(h.k) >= {8 + tail_chars} AND LENGTH(c.k) >= {8 + tail_chars}"
        f" AND LEVENSHTEIN(h.k, c.k) <= 2 AND h.fee <> 0 AND {_FAR} <= {columns.NEAR_S}"
    )
    near = f"({skeletons} OR ({near_key} AND {_SAME}))"
    return (
        ("h.g = c.g AND h.rf = c.rf", f"CASE WHEN {_SAME} THEN 0 ELSE 10 END + {_BUCKET}"),
        (f"h.m = c.m AND h.rf = c.rf AND {_SAME} AND {person} AND {days}", _BUCKET),
        (f"h.p = c.p AND h.rf = c.rf AND {_SAME} AND {unsure} AND {days}", _BUCKET),
        (
            f"h.rf = c.rf AND h.fee = c.fee AND {person} AND {days} AND {near}",
            _BUCKET,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One step: ``kind`` is ``table`` or ``view`` (worth no table), ``select`` its contents."""

    kind: str
    name: str
    select: str


@lru_cache(maxsize=8)
def statements(*, tolerance_days: int, tail_chars: int = 0) -> tuple[Statement, ...]:
    """Every table and view, in order; ``tail_chars`` of each id name its hospital."""
    macros = {
        "diff": _diff(signed=True),
        "diff_fast": difference(),
        "diff_state": _diff(signed=False),
        "order": _order(),
        "order_r": _order("r."),
        "order_y": _order("y."),
        "same_amounts": _SAME,
        "near": str(columns.NEAR_S),
        "no_harm": _harmless("pair"),
        "no_harm_op": _harmless("op"),
        "family": _family(""),
        "family_h": _family("h."),
        "family_c": _family("c."),
        "net_h0": _net("y2h", "(a.k = b.k OR b.ok = a.k)"),
        "net_c0": _net("y2c", "(a.k = b.k OR b.ok = a.k)"),
        "net_h1": _net("l5h", "a.m = b.m"),
        "net_c1": _net("l5c", "a.m = b.m"),
    }
    found = list(_read("stages.sql", macros))
    for number, (condition, score) in enumerate(_weak(tolerance_days, tail_chars), 1):
        own = {"n": str(number), "next": str(number + 1), "on": condition, "score": score}
        found += _read("weak.sql", macros | own)
    return (*found, *_read("families.sql", macros))


def _family(of: str) -> str:
    """The visit of a row, or what it is tied to, and the person: two persons share no money."""
    return f"COALESCE({of}m, {of}ok, {of}k) || '|' || COALESCE({of}p, '')"


def _read(name: str, macros: dict[str, str]) -> Iterator[Statement]:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    for part in text.split(_MARK)[1:]:
        head, _, body = part.partition("\n")
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        kind, _, table = head.strip().partition(" ")
        select = "\n".join(lines).strip()
        for macro, value in macros.items():
            table = table.replace("{" + macro + "}", value)
            select = select.replace("{" + macro + "}", value)
        yield Statement(kind=kind, name=table, select=select)
