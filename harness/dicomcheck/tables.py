"""The module tables of PS3.3 as data: which attributes an IOD must have.

``fixtures/dicom`` holds them for 180 SOP classes. They know types 1 and 2; of the conditions of
types 1C and 2C the ones in ``conditions`` are checked. A module that is not mandatory is not asked
for: whether it is there cannot be told from its attributes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness import resources

FOLDER: Final = "dicom"

SECTIONS: Final = {
    "patient": "C.7.1.1", "general-study": "C.7.2.1", "general-series": "C.7.3.1",
    "cr-series": "C.8.1.1", "frame-of-reference": "C.7.4.1", "general-equipment": "C.7.5.1",
    "enhanced-general-equipment": "C.7.5.2", "general-acquisition": "C.7.10.1",
    "general-image": "C.7.6.1", "image-plane": "C.7.6.2", "image-pixel": "C.7.6.3",
    "cine": "C.7.6.5", "multi-frame": "C.7.6.6", "acquisition-context": "C.7.6.14",
    "cr-image": "C.8.1.2", "ct-image": "C.8.2.1", "mr-image": "C.8.3.1",
    "us-image": "C.8.5.6", "sc-equipment": "C.8.6.1", "sc-image": "C.8.6.2",
    "sc-multi-frame-image": "C.8.6.3", "sc-multi-frame-vector": "C.8.6.4",
    "dx-series": "C.8.11.1", "dx-anatomy-imaged": "C.8.11.2", "dx-image": "C.8.11.3",
    "dx-detector": "C.8.11.4", "mammography-series": "C.8.11.6", "mammography-image": "C.8.11.7",
    "waveform": "C.10.9", "waveform-identification": "C.10.8", "synchronization": "C.7.4.2",
    "encapsulated-document-series": "C.24.1", "encapsulated-document": "C.24.2",
    "vl-image": "C.8.12.1", "sop-common": "C.12.1",
}  # fmt: skip
"""Of the modules that our devices send; others are cited by their name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One attribute that must be there, with a value (type 1) or without one (type 2)."""

    path: tuple[int, ...]
    kind: str
    module: str

    @property
    def clause(self) -> str:
        """Where PS3.3 says so."""
        section = SECTIONS.get(self.module)
        return f"PS3.3 §{section}" if section else f"PS3.3, module {self.module}"


def _lines(name: str) -> list[list[str]]:
    text = resources.fixture(FOLDER, f"{name}.txt").read_text("utf-8")
    return [line.split(" ") for line in text.splitlines() if not line.startswith("#")]


@lru_cache(maxsize=1)
def _modules() -> dict[str, list[str]]:
    return {name: rules for name, *rules in _lines("modules")}


@lru_cache(maxsize=1)
def _classes() -> dict[str, tuple[str, list[str]]]:
    return {uid: (name, used) for uid, name, *used in _lines("iods")}


def known_classes() -> list[str]:
    """SOP classes that there are tables for."""
    return list(_classes())


def iod(sop_class: str) -> str:
    """The name of the IOD of a class; empty for one that is not known."""
    return _classes().get(sop_class, ("", []))[0]


@lru_cache(maxsize=64)
def rules(sop_class: str) -> tuple[Rule, ...]:
    """What the mandatory modules of a class ask for; type 1 wins over type 2."""
    found: dict[tuple[int, ...], Rule] = {}
    for used in _classes().get(sop_class, ("", []))[1]:
        usage, _, module = used.partition(":")
        for text in _modules().get(module, []) if usage == "M" else []:
            path, _, kind = text.partition("=")
            tags = tuple(int(part, 16) for part in path.split("."))
            before = found.get(tags)
            if before is None or kind < before.kind:
                found[tags] = Rule(tags, kind, module)
    return tuple(found.values())
