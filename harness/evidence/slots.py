"""Slots: names in a scenario for values that are minted anew in every run.

A sentence says “管1”; the run gives it a fresh specimen id. Equal names are equal values, and
another name never gets the same value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.errors import ScenarioError
from harness.i18n import tr


@dataclass(slots=True)
class Slots:
    """Values by kind and name."""

    _values: dict[tuple[str, str], str] = field(default_factory=dict)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def bind(self, kind: str, name: str, value: str) -> str:
        """Give a name its value, once."""
        if (kind, name) in self._values:
            raise ScenarioError(
                tr("{kind} “{name}” is prepared twice in this scenario", kind=kind, name=name)
            )
        if (kind, value) in self._names:
            raise ScenarioError(
                tr(
                    "{kind} “{name}” would be the same as “{other}”: {value}",
                    kind=kind,
                    name=name,
                    other=self._names[kind, value],
                    value=value,
                )
            )
        self._values[kind, name] = value
        self._names[kind, value] = name
        return value

    def rebind(self, kind: str, old: str, new: str) -> None:
        """Give the name that has a value another one, which a system under test minted.

        Raises:
            ScenarioError: another name of the scenario has the new value.
        """
        name = self._names.get((kind, old))
        if name is None or old == new:
            return
        if (kind, new) in self._names:
            raise ScenarioError(
                tr("{kind} “{name}” would be the same as “{other}”: {value}", kind=kind,
                   name=name, other=self._names[kind, new], value=new)
            )  # fmt: skip
        del self._names[kind, old]
        self._values[kind, name], self._names[kind, new] = new, name

    def mint(self, kind: str, name: str, make: Callable[[int], str]) -> str:
        """The value of a name; a new one from ``make(index)`` where it has none yet."""
        if (kind, name) in self._values:
            return self._values[kind, name]
        index = sum(1 for one, _ in self._values if one == kind)
        return self.bind(kind, name, make(index))

    def get(self, kind: str, name: str) -> str:
        """The value of a name that was prepared."""
        try:
            return self._values[kind, name]
        except KeyError:
            known = "、".join(one for kind_, one in self._values if kind_ == kind) or "-"
            raise ScenarioError(
                tr(
                    "{kind} “{name}” was not prepared in this scenario; known: {known}",
                    kind=kind,
                    name=name,
                    known=known,
                )
            ) from None

    def names(self, kind: str) -> list[str]:
        """Every name of a kind, in the order of binding."""
        return [name for one, name in self._values if one == kind]
