"""What changed between two item maps, and what each change does to a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.labmap.model import FIELDS, ItemMap, ItemRow
from harness.labmap.prove import sample

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference.

    Attributes:
        channel: which row.
        kind: ``added``, ``removed`` or ``changed``.
        field: which field of a changed row; empty otherwise.
        before: what it said; empty if the row is new.
        after: what it says; empty if the row is gone.
        sent: a value as the analyzer would send it.
        stored_before: what the LIS made of it, with its unit; empty if nothing.
        stored_after: what it makes of it now.
        where: line of the newer map, or of the older one for what is gone.
    """

    channel: str
    kind: str
    field: str = ""
    before: str = ""
    after: str = ""
    sent: str = ""
    stored_before: str = ""
    stored_after: str = ""
    where: str = ""


def compare(before: ItemMap, after: ItemMap) -> list[Difference]:
    """All differences: by row of the newer map, then what is gone."""
    found: list[Difference] = []
    old = before.by_channel
    for row in after.rows:
        was = old.get(row.channel)
        where = f"{after.name}:{row.line}"
        if was is None:
            sent = sample(row)
            found.append(Difference(
                channel=row.channel, kind=ADDED, after=_row(row), sent=sent,
                stored_after=stored(row, sent), where=where,
            ))  # fmt: skip
            continue
        found += _changes(was, row, where)
    new = after.by_channel
    for row in before.rows:
        if row.channel not in new:
            sent = sample(row)
            found.append(Difference(
                channel=row.channel, kind=REMOVED, before=_row(row), sent=sent,
                stored_before=stored(row, sent), where=f"{before.name}:{row.line}",
            ))  # fmt: skip
    return found


def stored(row: ItemRow, sent: str) -> str:
    """Item, value and unit as the LIS keeps them."""
    return " ".join(part for part in (row.item, row.expected(sent), row.unit) if part)


def _changes(was: ItemRow, now: ItemRow, where: str) -> Iterator[Difference]:
    for name in FIELDS:
        before, after = was.shown(name), now.shown(name)
        if name == "texts" and dict(was.texts) == dict(now.texts):  # their order means nothing
            continue
        if before == after:
            continue
        sent = _text_that_differs(was, now) if name == "texts" else sample(was, now)
        yield Difference(
            channel=now.channel, kind=CHANGED, field=name, before=before, after=after, sent=sent,
            stored_before=stored(was, sent), stored_after=stored(now, sent), where=where,
        )  # fmt: skip


def _text_that_differs(was: ItemRow, now: ItemRow) -> str:
    old, new = dict(was.texts), dict(now.texts)
    return next(sent for sent in [*old, *new] if old.get(sent) != new.get(sent))


def _row(row: ItemRow) -> str:
    return ", ".join(f"{name} {row.shown(name)}" for name in FIELDS if row.shown(name))
