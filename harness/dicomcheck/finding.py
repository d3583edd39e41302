"""What is wrong with an object, where, and by which clause."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule that an object breaks.

    Attributes:
        rule: stable name of the rule.
        path: element, items counted from 1: ``(0040,0275)[1].(0040,0007)``.
        message: for a person.
        clause: of the standard.
        about: the file or the instance.
    """

    rule: str
    path: str
    message: str
    clause: str
    about: str = ""

    def data(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)
