"""One switchable defect of the built-in hospital."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One switchable defect.

    Attributes:
        id: begins with its system.
        source: row of the fault catalogue that it was taken from; after it, parted by blanks, rows
            of the faults that bring it out.
        places: where it truly is as findings name it, the first one being the place itself.
        requirement: what is broken.
        what: in one line.
    """

    id: str
    source: str
    places: tuple[str, ...]
    requirement: str
    what: str


def make(ident: str, source: str, requirement: str, what: str, *places: str) -> Defect:
    """A defect, in the order that a table of them reads best."""
    return Defect(id=ident, source=source, places=places, requirement=requirement, what=what)
