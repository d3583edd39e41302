"""Where persons stand in messages: what ships, and what a site adds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness import input_files, resources
from harness.captures.layout import Layout
from harness.errors import InputError
from harness.i18n import tr
from harness.link.dicom_data import tag_of

KINDS: Final = ("names", "numbers", "contacts", "texts")
KEEP: Final = "keep"
"""Of DICOM: a text that is technical, and stays."""

PROTOCOLS: Final = frozenset({"hl7", "astm", "json", "xml", "dicom"})
FORMAT: Final = 1
_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")


@dataclass(frozen=True, slots=True)
class Identity:
    """Places of persons by protocol: a field or member, and of which kind it is.

    Attributes:
        hl7: ``PID-5`` and so on.
        astm: ``P.6`` and so on.
        json: members at any depth.
        text_types: of OBX-2, where OBX-5 is free text.
        dicom: tags at any depth; ``keep`` is a kind, too.
        xml: elements and attributes at any depth, beside the members of JSON.
        layout: of the instrument with a framing of its own: its columns say where persons stand.
    """

    hl7: Mapping[str, str]
    astm: Mapping[str, str]
    json: Mapping[str, str]
    text_types: frozenset[str] = field(default_factory=frozenset)
    dicom: Mapping[int, str] = field(default_factory=dict)
    xml: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None

    @property
    def elements(self) -> Mapping[str, str]:
        """Places in XML: what a member of JSON is called, an element is called as well."""
        return {**self.json, **self.xml}


def load(extra: Path | None = None) -> Identity:
    """What ships, and what a site's file has beyond it.

    Raises:
        InputError: a file that is no such list.
    """
    shipped = resources.fixture("cases", "identity.toml")
    return _shipped(shipped) if extra is None else _whole([_read(shipped), _read(extra)])


@lru_cache(maxsize=4)
def _shipped(path: Path) -> Identity:
    """Each replay looks at everything that it sends: the list is read once."""
    return _whole([_read(path)])


def _whole(tables: list[dict[str, Any]]) -> Identity:
    return Identity(
        hl7=_places(tables, "hl7"),
        astm=_places(tables, "astm"),
        json=_places(tables, "json"),
        text_types=frozenset(
            one for table in tables for one in table.get("hl7", {}).get("text_types", ())
        ),
        xml=_places(tables, "xml"),
        dicom={_tag(name): kind for name, kind in _places(tables, "dicom").items()},
    )


def _read(path: Path) -> dict[str, Any]:
    table = input_files.toml_of(path)
    problem = _problem(table) or _no_tag(table.get("dicom", {}))
    if problem:
        text = tr("not a list of places of persons: {reason}", reason=problem)
        raise InputError(text, where=str(path))
    return table


def _no_tag(places: Mapping[str, Sequence[str]]) -> str:
    """What is neither a keyword of the dictionary nor a tag."""
    for name in (one for names in places.values() for one in names):
        try:
            _tag(name)
        except InputError as error:
            return error.message
    return ""


def _problem(table: Mapping[str, Any]) -> str:
    if table.get("format") != FORMAT:
        return f"format = {FORMAT}"
    for protocol in table.keys() - {"format"}:
        if protocol not in PROTOCOLS or not isinstance(table[protocol], dict):
            return str(protocol)
        for kind, places in table[protocol].items():
            if kind not in {*KINDS, KEEP, "text_types"} or not (
                isinstance(places, list) and all(isinstance(one, str) for one in places)
            ):
                return f"{protocol}.{kind}"
    return ""


def _places(tables: list[dict[str, Any]], protocol: str) -> dict[str, str]:
    return {
        place: kind
        for table in tables
        for kind in (*KINDS, KEEP)
        for place in table.get(protocol, {}).get(kind, ())
    }


def _tag(name: str) -> int:
    """``PatientID`` or ``(0010,0020)``.

    Raises:
        InputError: neither a keyword of the dictionary nor a tag.
    """
    found = _TAG.fullmatch(name)
    return int(found[1] + found[2], 16) if found else tag_of(name)
