"""对码 before and after: what a catalogue update or an upgrade changed, with its cost in fen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from harness.ledger.mapping import Finding, Match, Used, ordered, plain, whole_fen


def compare(
    before: Sequence[Match], after: Sequence[Match], bills: Mapping[str, Used]
) -> list[Finding]:
    """Changes from one state of the matches to the next, the costliest first within each kind."""
    old, new = _by_code(before), _by_code(after)
    found: list[Finding] = []
    for code in sorted({*old, *new}):
        found += _changes(old.get(code, []), new.get(code, []), bills.get(code, Used()))
    return ordered(found)


def _by_code(matches: Sequence[Match]) -> dict[str, list[Match]]:
    groups: dict[str, list[Match]] = defaultdict(list)
    for one in matches:
        groups[one.code].append(one)
    return groups


def _changes(old: Sequence[Match], new: Sequence[Match], used: Used) -> list[Finding]:
    if not old:
        return [_finding("added", new[0], used, "", _codes(new))]
    if not new:
        return [_finding("removed", old[0], used, _codes(old), "", used.fen)]
    if _codes(old) != _codes(new):
        return [_finding("code_changed", new[0], used, _codes(old), _codes(new))]
    found = []
    for was, now in zip(_sorted(old), _sorted(new), strict=False):
        found += _row(was, now, used)
    if len(old) != len(new):
        found.append(_finding("validity_changed", new[0], used, str(len(old)), str(len(new))))
    return found


def _row(was: Match, now: Match, used: Used) -> list[Finding]:
    found = []
    if was.level != now.level:
        found.append(_finding("level_changed", now, used, was.level, now.level))
    if was.ratio != now.ratio:
        effect = None
        if was.ratio is not None and now.ratio is not None:
            effect = whole_fen(Decimal(used.fen) * (now.ratio - was.ratio))
        found.append(
            _finding("ratio_changed", now, used, plain(was.ratio), plain(now.ratio), effect)
        )
    if was.limit != now.limit:
        effect = whole_fen(_over(used, now.limit) - _over(used, was.limit))
        found.append(
            _finding("limit_changed", now, used, plain(was.limit), plain(now.limit), effect)
        )
    if _validity(was) != _validity(now):
        found.append(_finding("validity_changed", now, used, _validity(was), _validity(now)))
    return found


def _over(used: Used, limit: Decimal | None) -> Decimal:
    """What of the bills lies above a limit, in fen."""
    if limit is None:
        return Decimal(0)
    return max(Decimal(0), Decimal(used.fen) - used.cnt * limit * 100)


def _finding(
    kind: str, match: Match, used: Used, his: str, centre: str, effect_fen: int | None = None
) -> Finding:
    return Finding(
        kind=kind,
        code=match.code,
        name=match.name,
        his=his,
        centre=centre,
        used_fen=used.fen,
        effect_fen=effect_fen,
        lines=used.lines,
    )


def _codes(matches: Sequence[Match]) -> str:
    return " + ".join(sorted({one.national for one in matches}))


def _sorted(matches: Sequence[Match]) -> list[Match]:
    return sorted(matches, key=lambda one: (one.national, str(one.begin), str(one.end), one.line))


def _validity(match: Match) -> str:
    dates = f"{match.begin or ''}..{match.end or ''}"
    return dates if match.valid else f"{dates} (0)"
