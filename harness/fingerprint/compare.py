"""Two fingerprints of one interface, before and after: which leaf lands elsewhere or otherwise.

Leaves are compared by path, not by token, so the two may have been made with different seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import InputError
from harness.fingerprint.search import TokenMap
from harness.fingerprint.sheet import FORMAT, Sheet
from harness.i18n import tr

KIND = "fingerprint map"

LOST, NEW, CHANGED = "lost", "new", "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Attributes:
        path: the leaf that was filled.
        outlet: where it shows.
        place: where in it.
        kind: ``lost``, ``new`` or ``changed``.
        before: how it landed before; empty if it did not.
        after: how it lands now; empty if it does not.
    """

    path: str
    outlet: str
    place: str
    kind: str
    before: str
    after: str


def map_data(one: TokenMap) -> dict[str, Any]:
    """A map as plain values."""
    return {
        "format": FORMAT,
        "kind": KIND,
        "sheet": one.sheet.data(),
        "outlets": dict(sorted(one.outlets.items())),
        "landings": {path: [list(each) for each in where] for path, where in one.landings.items()},
        "missing": list(one.missing),
    }


def map_of(data: Mapping[str, Any]) -> TokenMap:
    """Read back what ``map_data`` wrote.

    Raises:
        InputError: something is missing in it.
    """
    try:
        return TokenMap(
            sheet=Sheet.of(data["sheet"]),
            landings={
                path: tuple((outlet, place, how) for outlet, place, how in where)
                for path, where in data["landings"].items()
            },
            outlets=dict(data["outlets"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(tr("cannot be read: {why}", why=error)) from error


def compare(before: TokenMap, after: TokenMap) -> list[Change]:
    """Every difference, in the order of the message.

    Raises:
        InputError: they are of different message types, or an outlet of before shows nothing now:
            silence is not a loss.
    """
    if before.sheet.type != after.sheet.type:
        raise InputError(tr("{before} cannot be compared with {after}",
                            before=before.sheet.type, after=after.sheet.type))  # fmt: skip
    silent = sorted(set(before.outlets) - set(after.outlets))
    if silent:
        raise InputError(
            tr("the map of after has nothing of {outlets}", outlets=", ".join(silent)),
            remedy=tr("search the same outlets as before"),
        )
    filled = {token.path for token in after.sheet.searched}
    paths = [token.path for token in before.sheet.searched if token.path in filled]
    return [change for path in paths for change in _changes(path, before, after)]


def _changes(path: str, before: TokenMap, after: TokenMap) -> Sequence[Change]:
    old, new = (_places(one, path) for one in (before, after))
    changes = []
    for key in sorted(old.keys() | new.keys()):
        was, is_now = old.get(key, ""), new.get(key, "")
        if was == is_now:
            continue
        kind = LOST if not is_now else NEW if not was else CHANGED
        changes.append(
            Change(path=path, outlet=key[0], place=key[1], kind=kind, before=was, after=is_now)
        )
    return changes


def _places(one: TokenMap, path: str) -> dict[tuple[str, str], str]:
    return {(outlet, place): how for outlet, place, how in one.landings.get(path, ())}
