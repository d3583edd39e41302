"""The plan of a load run: which users, how many, how often, and what is still good enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from harness import input_files, resources
from harness.errors import InputError
from harness.i18n import tr
from simulators.load.arrivals import Arrivals

KINDS: Final = ("analyzer", "modality", "feed", "settlement")

ROLES: Final = {"analyzer": "LIS", "modality": "PACS", "feed": "LIS", "settlement": "centre"}
"""Whom each kind meets."""

SHIPPED: Final = ("load", "hospital.toml")

_GROUP: Final = {"users", "per_s", "p95_s", "p99_s"}
_WHOLE: Final = {"seconds", "seed", *KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Users of one kind.

    Attributes:
        kind: one of ``KINDS``.
        users: how many.
        per_s: actions a second of all of them together.
        p95_s, p99_s: within which so many percent of the actions must be done, counted from
            the intended start.
    """

    kind: str
    users: int
    per_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """All groups, and for how long."""

    seconds: float
    seed: int
    groups: tuple[Group, ...]

    def data(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data`` wrote."""
        groups = tuple(Group(**one) for one in data["groups"])
        return cls(seconds=data["seconds"], seed=data["seed"], groups=groups)

    def roles(self, part: int, parts: int) -> list[str]:
        """The kind of each user that one of several processes plays; at least one of each kind."""
        return [
            one.kind
            for one in self.groups
            for _ in range(max(1, len(range(part, one.users, parts))))
        ]

    def arrivals(self) -> dict[str, Arrivals]:
        """The intended starts, by kind."""
        return {
            one.kind: Arrivals(kind=one.kind, users=one.users, per_s=one.per_s,
                               seconds=self.seconds, seed=self.seed)
            for one in self.groups
        }  # fmt: skip

    def judged_by(self, limits: Mapping[str, Mapping[str, float]]) -> LoadPlan:
        """With the limits of a site's profile: ``load_KIND_p95_s`` of the role that is met."""
        groups = []
        for one in self.groups:
            own = limits.get(ROLES[one.kind], {})
            p95_s = float(own.get(f"load_{one.kind}_p95_s", one.p95_s))
            p99_s = float(own.get(f"load_{one.kind}_p99_s", one.p99_s))
            groups.append(replace(one, p95_s=p95_s, p99_s=p99_s))
        return replace(self, groups=tuple(groups))

    def changed(self, *, seconds: float = 0.0, scale: float = 1.0, seed: int = 0) -> LoadPlan:
        """For another time, with all users and rates multiplied by ``scale``."""
        groups = tuple(
            replace(one, users=max(1, round(one.users * scale)), per_s=one.per_s * scale)
            for one in self.groups
        )
        return LoadPlan(seconds=seconds or self.seconds, seed=seed or self.seed, groups=groups)


def load_plan(path: Path | None) -> LoadPlan:
    """Read a plan; without a path the one that ships.

    Raises:
        InputError: it cannot be read, or says something that is not known, missing or no number.
    """
    path = path or resources.fixture(*SHIPPED)
    where, data = str(path), input_files.toml_of(path)
    _known(data, _WHOLE, where)
    groups = [_group(kind, data[kind], f"{where} [{kind}]") for kind in KINDS if kind in data]
    if not groups:
        raise InputError(tr("the plan names no users"), where=where, remedy=", ".join(KINDS))
    seed = input_files.shaped(int, data.get("seed", 1), f"{where} seed")
    return LoadPlan(seconds=_number(data, "seconds", where), seed=seed,
                    groups=tuple(groups)).changed()  # fmt: skip


def _group(kind: str, data: Any, where: str) -> Group:
    if not isinstance(data, dict):
        raise InputError(tr("is no table"), where=where)
    _known(data, _GROUP, where)
    numbers = {name: _number(data, name, where) for name in sorted(_GROUP)}
    users = numbers.pop("users")
    if users != int(users):
        raise InputError(tr("{name} is no whole number", name="users"), where=where)
    return Group(kind=kind, users=int(users), **numbers)


def _known(data: Mapping[str, Any], names: set[str], where: str) -> None:
    for name in data:
        if name not in names:
            raise InputError(
                tr("unknown key {name}", name=name), where=where, remedy=", ".join(sorted(names))
            )


def _number(data: Mapping[str, Any], name: str, where: str) -> float:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise InputError(tr("{name} must be a number above 0", name=name), where=where)
    return float(value)
