"""The run as values: what ``plan.json`` says and what ``run.json`` holds.

``run.json`` is an interface: other programs read it. Its JSON Schema is made from these classes
and stands in ``docs/reference/run.schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter

from harness import input_files
from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.i18n import tr

FORMAT = 1
"""Format of ``run.json`` and ``plan.json``; raised when a reader of today would misread it."""

SYNTHETIC_MODES = frozenset({"simulated", "built-in"})
"""Modes whose data we made up ourselves; every other mode may show real persons."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The site profile that a run used."""

    name: str = ""
    hash: str = ""
    environment: str = ""
    transport: str = ""
    plain: str = ""
    """Who accepts that what real systems say is not encrypted; empty where it is, or none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One role of the run, who played it and in which version."""

    role: str
    mode: str
    product: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One known requirement: a denominator, tested or not."""

    id: str
    name: str = ""
    pillar: str = ""
    interface: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One known interface: a denominator, tested or not."""

    id: str
    name: str = ""
    frm: Annotated[str, Field(alias="from")] = ""
    to: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPlan:
    """One scenario that the run was to execute."""

    id: str
    name: str = ""
    feature: str = ""
    file: str = ""
    line: int = 0
    tags: tuple[str, ...] = ()
    requirement: str = ""
    interface: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``plan.json``: written before the first scenario, so that a killed run can be reported."""

    format: int
    harness_version: str = ""
    started: str
    seed: int
    label: str = ""
    lang: str = "zh-CN"
    command: tuple[str, ...] = ()
    profile: Profile = field(default_factory=Profile)
    systems: tuple[System, ...] = ()
    defects: tuple[str, ...] = ()
    scenarios: tuple[ScenarioPlan, ...]
    requirements: tuple[Requirement, ...] = ()
    interfaces: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a scenario and what became of it.

    ``mark`` is ``done`` (carried out), ``not-reached``, or the verdict of what it judges.
    ``reach`` is how far the probes saw on which that verdict rests (``stored``, ``sent``,
    ``displayed``); empty where it rests on messages.
    """

    keyword: str
    text: str
    line: int = 0
    mark: str = "not-reached"
    reach: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEntry:
    """One difference between what was expected and what was seen; ``sentence`` counts from 0."""

    interface: str
    place: str
    expected: str
    actual: str
    message: str
    clause: str = ""
    fault_class: str = ""
    sentence: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEntry:
    """How often one fault was planned, fired and healed."""

    id: str
    fault_class: str = ""
    link: str = ""
    planned: int = 0
    fired: int = 0
    healed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRun:
    """One scenario of the run and what it came to.

    ``seed`` is the scenario's own and null where it never began; ``seconds`` is the time of its
    own clock; ``trace`` is relative to the run folder and empty where there is none.
    """

    id: str
    name: str
    feature: str
    file: str
    line: int
    tags: tuple[str, ...]
    requirement: str
    interface: str
    owner: str
    seed: int | None
    verdict: Verdict
    seconds: float
    reasons: tuple[str, ...]
    findings: tuple[FindingEntry, ...]
    faults: tuple[FaultEntry, ...]
    trace: str
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """What ``cleanup.csv`` of the run folder says was left in systems that are not ours.

    ``problem`` says why the table cannot be read; then nobody knows what is open.
    """

    rows: int = 0
    open: int = 0
    problem: str = ""

    @property
    def settled(self) -> bool:
        """Everything was taken back by somebody with a name, or nothing was left."""
        return not self.open and not self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``run.json``: everything that a report needs beside the traces.

    ``conditional``: the verdict holds on the condition that what the run left in systems that are
    not ours is taken back; ``cleanup`` counts it.
    """

    format: int
    harness_version: str
    started: str
    seconds: float
    seed: int
    label: str
    profile: Profile
    systems: tuple[System, ...]
    verdict: Verdict
    counts: Mapping[str, int]
    scenarios: tuple[ScenarioRun, ...]
    lang: str = "zh-CN"
    command: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    conditional: bool = False
    cleanup: Cleanup = field(default_factory=Cleanup)

    @property
    def masked(self) -> bool:
        """Real persons may be in the traces, so pages hide names and identity numbers."""
        return not self.systems or any(one.mode not in SYNTHETIC_MODES for one in self.systems)

    def text(self) -> str:
        """``run.json`` as it is written: UTF-8, two spaces, one final line feed."""
        data = TypeAdapter(Run).dump_python(self, mode="json", by_alias=True)
        return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def parse(kind: type[T], path: Path) -> T:
    """Read ``plan.json`` or ``run.json``.

    Raises:
        InputError: the file is missing, or is not of this format.
        InputErrors: fields are wrong; each with its key.
    """
    data = input_files.json_of(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else None
        raise InputError(
            tr("format {format} cannot be read by this version", format=found), where=str(path)
        )
    return input_files.shaped(kind, data, str(path))


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``run.json``."""
    made = TypeAdapter(Run).json_schema(by_alias=True, mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "medharness run.json",
    }


def schema_text() -> str:
    """What ``docs/reference/run.schema.json`` must hold."""
    return json.dumps(schema(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
