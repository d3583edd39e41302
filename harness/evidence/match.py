"""Content matching: one expected value against one actual one, and all mismatches at once.

A matcher is data, so that it stands in the trace and a sealed run can be judged again without the
code of the step that made it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Self

OPERATORS = frozenset(
    {"equals", "decimal", "time", "one_of", "present", "empty", "absent", "pattern", "same", "any"}
    | {"at_most"}
)

TIME_DIGITS = {"year": 4, "month": 6, "day": 8, "minute": 12, "second": 14}
"""Digits of an HL7 or ASTM time stamp at each precision (HL7 2.5.1 §2.A.77, LIS02-A2 §5.6.2)."""

SHOWN_MAX: Final = 2_000
AROUND: Final = 100
"""Characters that a finding shows of a value; of a longer one so many on either side of the first
difference. A text of 20 MB would stand five times in the files of a run, and nobody reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What one value should be.

    Attributes:
        op: ``equals`` (code point by code point), ``decimal`` (numerically equal within
            ``tolerance``; the written form is free), ``at_most`` (numerically not above it),
            ``time`` (equal to ``precision``), ``one_of`` (``expected`` holds the choices, one a
            line), ``present`` (there and not empty), ``empty`` (there and empty), ``absent`` (not
            there at all), ``pattern`` (a regular expression that must match whole), ``same`` (equal
            to every other value of the same ``slot`` in this judgement), ``any`` (only read).
        expected: the value; empty for operators without one.
        unit: the unit that must stand behind the value in the same text (``5.2 mmol/L``); empty
            where it has a field of its own, which another check judges.
        tolerance: for ``decimal``, as decimal text.
        precision: for ``time``, a key of ``TIME_DIGITS``.
        slot: for ``same``, the name that ties values together.
    """

    op: str = "equals"
    expected: str = ""
    unit: str = ""
    tolerance: str = "0"
    precision: str = "second"
    slot: str = ""

    def __post_init__(self) -> None:
        if self.op not in OPERATORS:
            raise ValueError(f"unknown operator {self.op!r}")
        tolerance = number(self.tolerance) if self.tolerance != "0" else 0
        if tolerance is None or tolerance < 0:
            raise ValueError(f"a tolerance is a number and not negative, not {self.tolerance!r}")
        if self.op == "time" and len(_digits(self.expected)) < TIME_DIGITS[self.precision]:
            raise ValueError(f"{self.expected!r} is no time to the {self.precision}")
        if self.op == "same" and not self.slot:
            raise ValueError("equal values are tied together by a slot")
        if self.op == "pattern":
            re.compile(self.expected)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data()`` wrote."""
        return cls(**{key: str(value) for key, value in data.items()})

    def data(self) -> dict[str, str]:
        """Only what differs from the defaults, for the trace."""
        own = {name: getattr(self, name) for name in self.__slots__}
        return {"op": self.op} | {
            name: value for name, value in own.items() if value != _BLANK[name]
        }

    def mismatch(self, actual: str | None, slots: dict[str, str]) -> str:
        """Why ``actual`` does not match, in a few words; empty if it does.

        Args:
            actual: None where the value is absent.
            slots: values bound by ``same`` so far in this judgement; extended here.
        """
        if self.op in {"any", "absent"}:
            return "" if self.op == "any" or actual is None else "should be absent"
        if actual is None:
            return "absent"
        if self.op == "same":
            return "" if slots.setdefault(self.slot, actual) == actual else "differs from the other"
        if self.unit:
            if not actual.endswith(self.unit):
                return "another unit"
            actual = actual.removesuffix(self.unit).rstrip(" ")
        return _JUDGES[self.op](self, actual)

    def shown(self, slots: Mapping[str, str]) -> str:
        """The expectation as a report shows it."""
        if self.op == "same":
            return slots.get(self.slot, f"<{self.slot}>")
        if self.op in {"present", "empty", "absent", "any"}:
            return f"({self.op})"
        if self.op == "at_most":
            return f"≤ {self.expected}"
        return f"{self.expected} {self.unit}".strip()


_BLANK: Final = {one.name: one.default for one in fields(Value)}
"""What each part of a value is where nothing is said."""


def beside(expected: str, actual: str) -> tuple[str, str]:
    """Both texts as a finding shows them: of long ones what stands around their first difference.

    Behind a piece stands where it is from and how long the whole is, in characters.
    """
    if max(len(expected), len(actual)) <= SHOWN_MAX:
        return expected, actual
    alike, unlike = 0, min(len(expected), len(actual)) + 1
    while unlike - alike > 1:  # so many characters at the beginning are the same
        middle = (alike + unlike) // 2
        if expected[:middle] == actual[:middle]:
            alike = middle
        else:
            unlike = middle
    begin = max(0, alike - AROUND)
    return _piece(expected, begin), _piece(actual, begin)


def _piece(text: str, begin: int) -> str:
    if len(text) <= 2 * AROUND:
        return text
    begin = min(begin, len(text))
    end = min(len(text), begin + 2 * AROUND)
    lead, tail = "…" if begin else "", "…" if end < len(text) else ""
    return f"{lead}{text[begin:end]}{tail} [{begin + 1}-{end}/{len(text)}]"


def _equals(value: Value, actual: str) -> str:
    return "" if actual == value.expected else "differs"


def _decimal(value: Value, actual: str) -> str:
    wanted, got = number(value.expected), number(actual)
    if wanted is None:
        return "" if actual == value.expected else "differs"
    if got is None:
        return "not a number"
    return "" if abs(wanted - got) <= Decimal(value.tolerance) else "differs"


def _at_most(value: Value, actual: str) -> str:
    limit, got = number(value.expected), number(actual)
    if limit is None or got is None:
        return "not a number"
    return "" if got <= limit else "above the limit"


def _time(value: Value, actual: str) -> str:
    digits = TIME_DIGITS[value.precision]
    return "" if _digits(value.expected)[:digits] == _digits(actual)[:digits] else "differs"


def _digits(time: str) -> str:
    """The time stamp without fraction and zone."""
    return re.match(r"[0-9]*", time)[0]  # type: ignore[index] # it always matches


def _one_of(value: Value, actual: str) -> str:
    return "" if actual in value.expected.split("\n") else "none of the choices"


def _present(_: Value, actual: str) -> str:
    return "" if actual else "empty"


def _empty(_: Value, actual: str) -> str:
    return "should be empty" if actual else ""


def _pattern(value: Value, actual: str) -> str:
    return "" if re.fullmatch(value.expected, actual) else "does not match the pattern"


_JUDGES = {
    "equals": _equals,
    "decimal": _decimal,
    "at_most": _at_most,
    "time": _time,
    "one_of": _one_of,
    "present": _present,
    "empty": _empty,
    "pattern": _pattern,
}


def number(text: str) -> Decimal | None:
    """``text`` as an exact finite decimal, or None where it is not one."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
