"""对码: the HIS catalogue against the centre's, and what each fault costs on real bills.

Inputs are the rows of 3301 or 1317 (the hospital's own matches), 1316 (national to insurance
list), 1318 (price limits) and 1319 (self-pay ratios). Amounts are integer fen; a ratio is a
fraction (0.1 = 10 %). Where several rows of a code are valid on the day, the latest begins last
and counts; the lowest limit and the highest ratio count where a person type or region would
decide, and the finding names the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from harness.i18n import tr

KINDS: Final = (
    "unmapped",
    "deleted",
    "expired",
    "not_yet_valid",
    "one_to_many",
    "many_to_one",
    "code_differs",
    "level_differs",
    "ratio_differs",
    "over_limit",
    "added",
    "removed",
    "code_changed",
    "level_changed",
    "ratio_changed",
    "limit_changed",
    "validity_changed",
)
"""Findings in the order in which they are listed; from ``added`` on they are of a comparison."""

CENT: Final = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A row of the HIS catalogue."""

    code: str
    name: str = ""
    national: str = ""
    level: str = ""
    ratio: Decimal | None = None
    price: Decimal | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A row of 1317 or 3301: hospital code to national code, within its dates."""

    code: str
    national: str
    name: str = ""
    level: str = ""
    ratio: Decimal | None = None
    limit: Decimal | None = None
    begin: date | None = None
    end: date | None = None
    valid: bool = True
    line: int = 0

    def on(self, day: date) -> bool:
        """Whether it counts on a day; both dates are included."""
        return self.valid and (self.begin or day) <= day <= (self.end or day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A row of 1316, 1318 or 1319; ``value`` is the limit in yuan or the ratio."""

    key: str
    to: str = ""
    level: str = ""
    value: Decimal | None = None
    begin: date | None = None
    end: date | None = None
    valid: bool = True

    def on(self, day: date) -> bool:
        """Whether it counts on a day; both dates are included."""
        return self.valid and (self.begin or day) <= day <= (self.end or day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How an item was billed: quantity, and amount in fen."""

    cnt: Decimal = Decimal(0)
    fen: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault of the mapping.

    Attributes:
        kind: one of ``KINDS``.
        code: hospital code.
        name: its name.
        his: what HIS (or the earlier state) has.
        centre: what the centre (or the later state) has.
        used_fen: what was billed for the item in the bills given.
        effect_fen: how much of it changes hands; None where the bills cannot tell.
        lines: bill lines.
    """

    kind: str
    code: str
    name: str = ""
    his: str = ""
    centre: str = ""
    used_fen: int = 0
    effect_fen: int | None = None
    lines: int = 0

    def to_json(self) -> dict[str, Any]:
        """As ``mapping.json`` has it."""
        return {
            "kind": self.kind,
            "kind_name": kind_name(self.kind),
            "code": self.code,
            "name": self.name,
            "his": self.his,
            "centre": self.centre,
            "used_fen": self.used_fen,
            "effect_fen": self.effect_fen,
            "lines": self.lines,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What the centre has: each list is optional, and what was not given is not judged."""

    matches: Sequence[Match] = ()
    national: Sequence[Listed] | None = None
    limits: Sequence[Listed] = ()
    ratios: Sequence[Listed] = ()


@dataclass(slots=True)
class _Index:
    """The centre's lists by key."""

    matches: dict[str, list[Match]] = field(default_factory=lambda: defaultdict(list))
    national: dict[str, list[Listed]] | None = None
    limits: dict[str, list[Listed]] = field(default_factory=lambda: defaultdict(list))
    ratios: dict[str, list[Listed]] = field(default_factory=lambda: defaultdict(list))


def kind_name(kind: str) -> str:
    """A finding in the language in use."""
    return {
        "unmapped": tr("not mapped"),
        "deleted": tr("code deleted"),
        "expired": tr("mapping expired"),
        "not_yet_valid": tr("mapping not yet valid"),
        "one_to_many": tr("one hospital code, several national codes"),
        "many_to_one": tr("several hospital codes, one national code"),
        "code_differs": tr("HIS and centre map to different codes"),
        "level_differs": tr("level differs"),
        "ratio_differs": tr("self-pay ratio differs"),
        "over_limit": tr("price over the limit"),
        "added": tr("mapping added"),
        "removed": tr("mapping removed"),
        "code_changed": tr("national code changed"),
        "level_changed": tr("level changed"),
        "ratio_changed": tr("self-pay ratio changed"),
        "limit_changed": tr("price limit changed"),
        "validity_changed": tr("validity changed"),
    }[kind]


def lint(
    items: Sequence[Item], centre: Catalogue, day: date, bills: Mapping[str, Used]
) -> list[Finding]:
    """Faults of the mapping on a day, the costliest first within each kind."""
    index = _indexed(centre)
    found: list[Finding] = []
    live: dict[str, list[str]] = defaultdict(list)
    for item in items:
        current = [one for one in index.matches[item.code] if one.on(day)]
        for national in {one.national for one in current}:
            live[national].append(item.code)
        found += _unmatched(item, index.matches[item.code], current, day, bills)
        if current:
            found += _checked(item, current, index, day, bills)
    names = {item.code: item for item in items}
    for national, codes in live.items():
        if len(codes) > 1:
            found += [
                _finding("many_to_one", names[code], bills, " + ".join(sorted(codes)), national)
                for code in codes
            ]
    return ordered(found)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """By kind, then by cost, then by code."""
    return sorted(
        findings,
        key=lambda one: (
            KINDS.index(one.kind),
            -abs(one.used_fen if one.effect_fen is None else one.effect_fen),
            one.code,
        ),
    )


def _indexed(centre: Catalogue) -> _Index:
    index = _Index()
    for match in centre.matches:
        index.matches[match.code].append(match)
    if centre.national is not None:
        index.national = defaultdict(list)
        for row in centre.national:
            index.national[row.key].append(row)
    for rows, into in ((centre.limits, index.limits), (centre.ratios, index.ratios)):
        for row in rows:
            into[row.key].append(row)
    return index


def _finding(
    kind: str,
    item: Item,
    bills: Mapping[str, Used],
    his: str,
    centre: str,
    effect_fen: int | None = None,
) -> Finding:
    used = bills.get(item.code, Used())
    return Finding(
        kind=kind,
        code=item.code,
        name=item.name,
        his=his,
        centre=centre,
        used_fen=used.fen,
        effect_fen=effect_fen,
        lines=used.lines,
    )


def _unmatched(
    item: Item,
    every: Sequence[Match],
    current: Sequence[Match],
    day: date,
    bills: Mapping[str, Used],
) -> list[Finding]:
    """Why an item has no mapping on the day; the whole amount then falls to the patient."""
    if current:
        return []
    if not every:
        kind, centre = "unmapped", ""
    elif not any(one.valid for one in every):
        kind, centre = "deleted", every[-1].national
    elif any(one.valid and one.end and one.end < day for one in every):
        last = max(one.end for one in every if one.valid and one.end and one.end < day)
        kind, centre = "expired", last.isoformat()
    else:
        first = min(one.begin for one in every if one.valid and one.begin)
        kind, centre = "not_yet_valid", first.isoformat()
    return [_finding(kind, item, bills, item.national, centre, bills.get(item.code, Used()).fen)]


def _checked(
    item: Item,
    current: Sequence[Match],
    index: _Index,
    day: date,
    bills: Mapping[str, Used],
) -> list[Finding]:
    codes = sorted({one.national for one in current})
    found = []
    if len(codes) > 1:
        found.append(_finding("one_to_many", item, bills, item.national, " + ".join(codes)))
    elif item.national and item.national != codes[0]:
        found.append(_finding("code_differs", item, bills, item.national, codes[0]))
    if index.national is not None:
        found += [
            _finding("deleted", item, bills, item.national, code, bills.get(item.code, Used()).fen)
            for code in codes
            if not any(one.on(day) for one in index.national.get(code, ()))
        ]
    keys = _keys(codes, index, day)
    found += _level(item, current, keys, index, day, bills)
    found += _ratio(item, current, keys, index, day, bills)
    found += _limit(item, current, keys, index, day, bills)
    return found


def _keys(codes: Sequence[str], index: _Index, day: date) -> list[str]:
    """Keys of the price and ratio lists: insurance list codes (1316), or the national code."""
    lists = [
        row.to
        for code in codes
        for row in (index.national or {}).get(code, ())
        if row.on(day) and row.to
    ]
    return [*lists, *codes]


def _level(
    item: Item,
    current: Sequence[Match],
    keys: Sequence[str],
    index: _Index,
    day: date,
    bills: Mapping[str, Used],
) -> list[Finding]:
    levels = {one.level for one in current if one.level}
    for key in keys:
        levels |= {one.level for one in (index.national or {}).get(key, ()) if one.on(day)}
    levels.discard("")
    if item.level and levels and levels != {item.level}:
        return [_finding("level_differs", item, bills, item.level, " + ".join(sorted(levels)))]
    return []


def _ratio(
    item: Item,
    current: Sequence[Match],
    keys: Sequence[str],
    index: _Index,
    day: date,
    bills: Mapping[str, Used],
) -> list[Finding]:
    ratios = [one.ratio for one in current if one.ratio is not None]
    ratios += _values(index.ratios, keys, day)
    if item.ratio is None or not ratios or item.ratio in ratios:
        return []
    used, ratio = bills.get(item.code, Used()), max(ratios)
    effect = whole_fen(Decimal(used.fen) * (ratio - item.ratio))
    return [_finding("ratio_differs", item, bills, plain(item.ratio), plain(ratio), effect)]


def _limit(
    item: Item,
    current: Sequence[Match],
    keys: Sequence[str],
    index: _Index,
    day: date,
    bills: Mapping[str, Used],
) -> list[Finding]:
    limits = [one.limit for one in current if one.limit is not None]
    limits += _values(index.limits, keys, day)
    if item.price is None or not limits or item.price <= min(limits):
        return []
    used, limit = bills.get(item.code, Used()), min(limits)
    effect = whole_fen(used.cnt * (item.price - limit) * 100)
    return [_finding("over_limit", item, bills, plain(item.price), plain(limit), effect)]


def _values(lists: Mapping[str, Sequence[Listed]], keys: Sequence[str], day: date) -> list[Decimal]:
    """Values of the first key that has rows on the day."""
    for key in keys:
        found = [one.value for one in lists.get(key, ()) if one.on(day) and one.value is not None]
        if found:
            return found
    return []


def whole_fen(value: Decimal) -> int:
    """Half up, as amounts of the interface are rounded."""
    return int(value.quantize(CENT, rounding=ROUND_HALF_UP))


def plain(value: Decimal | None) -> str:
    """A number as people write it."""
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
