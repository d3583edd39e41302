"""HL7 paths: ``SEG[n]-field[rep].component.subcomponent``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from harness.errors import InputError

PATHS_CACHED: Final = 4096
"""Distinct paths kept parsed: more than a large site's scenarios and masks name together."""

_PATH = re.compile(
    r"([A-Z][A-Z0-9]{2})(?:\[([1-9]\d{0,5})\])?"
    r"(?:-([1-9]\d{0,4})(?:\[([1-9]\d{0,5})\])?(?:\.([1-9]\d{0,3})(?:\.([1-9]\d{0,3}))?)?)?"
)


class Hl7Path(NamedTuple):
    """A parsed path; what it does not name is None. All numbers count from 1.

    Attributes:
        segment: segment name.
        number: which segment of that name.
        field: field, as the standard numbers it (MSH-1 is the field separator).
        repetition: which repetition of the field.
        component: component of the repetition.
        subcomponent: subcomponent of the component.
    """

    segment: str
    number: int | None = None
    field: int | None = None
    repetition: int | None = None
    component: int | None = None
    subcomponent: int | None = None

    def __str__(self) -> str:
        text = self.segment
        if self.number is not None:
            text += f"[{self.number}]"
        if self.field is not None:
            text += f"-{self.field}"
            if self.repetition is not None:
                text += f"[{self.repetition}]"
            if self.component is not None:
                text += f".{self.component}"
                if self.subcomponent is not None:
                    text += f".{self.subcomponent}"
        return text


@lru_cache(maxsize=PATHS_CACHED)
def parse_path(text: str) -> Hl7Path:
    """Read a path; ``InputError`` if it is none.

    >>> parse_path("OBX[2]-5.1").component
    1
    """
    match = _PATH.fullmatch(text)
    if match is None:
        raise InputError(
            f"not an HL7 path: {text!r}",
            remedy="write SEG[n]-field[rep].component.subcomponent, such as OBX[2]-5.1",
        )
    segment, *numbers = match.groups()
    return Hl7Path(segment, *(None if number is None else int(number) for number in numbers))
