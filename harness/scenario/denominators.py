"""What coverage is counted against: the requirements and the interfaces that ship with the project.

``fixtures/requirements.toml`` has ``[[requirement]]`` entries with ``id``, ``name``, ``pillar``,
``source`` and ``interface``; ``fixtures/interfaces.toml`` has ``[[interface]]`` entries with
``id``, ``name``, ``from``, ``to``, ``protocol`` and ``pillar``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness import input_files, resources
from harness.errors import InputError, InputErrors
from harness.i18n import tr

PILLARS = ("lab", "feeds", "imaging", "insurance", "ledger")

_REQUIREMENT_KEYS = ("id", "name", "pillar", "source", "interface")
_INTERFACE_KEYS = ("id", "name", "from", "to", "protocol", "pillar")
_REQUIREMENT_ID = re.compile(r"REQ-[A-Z0-9]+(?:-[A-Z0-9]+)*")
_INTERFACE_ID = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that the interfaces of a hospital must do.

    Attributes:
        id: such as ``REQ-LAB-001``; scenarios carry it as a tag.
        name: in Chinese.
        pillar: one of ``PILLARS``.
        source: the clause or document that asks for it.
        interface: the interface that it is about; empty where it crosses several.
    """

    id: str
    name: str
    pillar: str
    source: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface between two roles.

    Attributes:
        id: such as ``LIS-ASTM``; scenarios carry it as ``@接口-LIS-ASTM``.
        name: in Chinese.
        sender: role that sends (``from`` in the file).
        receiver: role that receives (``to`` in the file).
        protocol: such as ``astm``.
        pillar: one of ``PILLARS``.
    """

    id: str
    name: str
    sender: str
    receiver: str
    protocol: str
    pillar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Denominators:
    """Both lists, by id, in the order of the files."""

    requirements: Mapping[str, Requirement]
    interfaces: Mapping[str, Interface]


def load_denominators(folder: Path | None = None) -> Denominators:
    """Read both files.

    Args:
        folder: where they are; the fixtures that ship where left out.

    Raises:
        InputErrors: everything that is wrong in them.
    """
    base = resources.fixtures_folder() if folder is None else folder
    return _read(base, tuple(_state(base / name) for name in ("interfaces", "requirements")))


def _state(path: Path) -> tuple[int, int, int]:
    """By what a list that was read before is known to be the same still; zeros if it is gone."""
    try:
        found = path.with_suffix(".toml").stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _read(base: Path, _state: tuple[tuple[int, int, int], ...]) -> Denominators:
    """Read once as long as nobody writes: every feature file is checked against both lists."""
    problems: list[InputError] = []
    interfaces = {
        entry["id"]: Interface(
            id=entry["id"],
            name=entry["name"],
            sender=entry["from"],
            receiver=entry["to"],
            protocol=entry["protocol"],
            pillar=entry["pillar"],
        )
        for entry in _entries(
            base / "interfaces.toml", "interface", _INTERFACE_KEYS, _INTERFACE_ID, problems
        )
    }
    requirements = {
        entry["id"]: Requirement(**entry)
        for entry in _entries(
            base / "requirements.toml", "requirement", _REQUIREMENT_KEYS, _REQUIREMENT_ID, problems
        )
    }
    problems += [
        InputError(
            tr("{id} names an unknown interface: {name}", id=one.id, name=one.interface),
            where=str(base / "requirements.toml"),
        )
        for one in requirements.values()
        if interfaces and one.interface and one.interface not in interfaces
    ]
    if problems:
        raise InputErrors(problems)
    return Denominators(requirements=requirements, interfaces=interfaces)


def _entries(
    path: Path,
    kind: str,
    keys: tuple[str, ...],
    pattern: re.Pattern[str],
    problems: list[InputError],
) -> list[dict[str, str]]:
    """Entries of one file that are as they must be; problems about the others."""
    try:
        data = input_files.toml_of(path)
    except InputError as error:
        problems.append(error)
        return []
    entries = data.get(kind, [])
    if set(data) - {kind} or not isinstance(entries, list) or not entries:
        message = tr("the list must hold [[{kind}]] entries and nothing else", kind=kind)
        problems.append(InputError(message, where=str(path)))
        return []
    good: dict[str, dict[str, str]] = {}
    for number, entry in enumerate(entries, 1):
        wrong = _wrong(entry, keys, pattern, good)
        if wrong:
            message = tr(
                "entry {number} of [[{kind}]]: {wrong}", number=number, kind=kind, wrong=wrong
            )
            problems.append(InputError(message, where=str(path)))
        else:
            good[entry["id"]] = entry
    return list(good.values())


def _wrong(
    entry: Any, keys: tuple[str, ...], pattern: re.Pattern[str], known: Mapping[str, object]
) -> str:
    if not isinstance(entry, dict) or set(entry) != set(keys):
        return tr("it must have exactly: {keys}", keys=" ".join(keys))
    blank = [key for key in keys if not isinstance(entry[key], str) or not entry[key]]
    if blank and blank != ["interface"]:
        return tr("this must be text: {keys}", keys=" ".join(blank))
    if not isinstance(entry.get("interface", ""), str):
        return tr("this must be text: {keys}", keys="interface")
    if not pattern.fullmatch(entry["id"]):
        return tr("the id must look like {pattern}", pattern=pattern.pattern)
    if entry["id"] in known:
        return tr("the id stands twice: {id}", id=entry["id"])
    if entry["pillar"] not in PILLARS:
        return tr("the pillar must be one of: {pillars}", pillars=" ".join(PILLARS))
    return ""
