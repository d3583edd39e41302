"""``selfcheck.html``: what a self-check found, for the screen and for paper.

A matrix of defects and scenarios for each pillar, and beside it the other figures. One file without
a script, rendered from ``selfcheck.json`` and from nothing else; in Chinese and in English.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness import i18n
from harness.i18n import tr

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"

NAMES: Final = {"zh-CN": "selfcheck.html", "en": "selfcheck.en.html"}
"""The page of each language."""

LISTED_MAX: Final = 300
"""Lines of one list that are shown; ``selfcheck.json`` has all."""


def write(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the page in every language; returns where."""
    written = []
    for lang, name in NAMES.items():
        path = folder / name
        path.write_text(render(document, lang=lang), encoding="utf-8")
        written.append(path)
    return written


def render(document: Mapping[str, Any], *, lang: str) -> str:
    """The page in one language.

    Args:
        document: what ``selfcheck.json`` says.
        lang: ``zh-CN`` or ``en``.
    """
    before = i18n.current()
    i18n.use(lang)
    try:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template("selfcheck.html.j2").render(
            tr=tr,
            lang=lang,
            document=document,
            figures=figures(document),
            matrices=matrices(document.get("defects", ())),
            lists=lists(document),
        )
    finally:
        i18n.use(before)


def figures(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of every figure that was measured; one that was not is left out."""
    found: list[tuple[str, str]] = []
    if defects := document.get("defects"):
        caught = sum(one["caught"] for one in defects)
        found.append((tr("defects caught at their place by a scenario meant for them"),
                      f"{caught} / {len(defects)}"))  # fmt: skip
    if seeds := document.get("seeds"):
        alarms = sum(len(one["false_alarms"]) for one in seeds)
        runs = sum(one["seeds"] for one in seeds)
        found.append((tr("false alarms of runs on the clean hospital"), f"{alarms} / {runs}"))
    if idle := document.get("idle"):
        unknown = sum(not why for one in idle for why in one["passed"].values())
        plays = sum(one["plays"] for one in idle)
        found.append((tr("scenarios that pass with systems that do nothing, without a reason"),
                      f"{unknown} / {plays}"))  # fmt: skip
    if flakes := document.get("flakes"):
        found.append((tr("runs in random order that come to something else"),
                      f"{len(flakes['flaky'])} / {flakes['runs']}"))  # fmt: skip
    if oracles := document.get("oracles"):
        found.append((tr("mutated traces that are noticed"),
                      f"{oracles['killed']} / {oracles['mutants']}"))  # fmt: skip
        found.append((tr("judgements that rest on nothing"), str(len(oracles["vacuous"]))))
    titles = {
        "link": tr("mutants of links caught, of those that are felt"),
        "store": tr("edits of stores caught, of those that are felt"),
    }
    for name, title in titles.items():
        if one := document.get(f"{name}_mutants"):
            found.append((title, f"{one['caught']} / {one['felt']}"))
    return found


def lists(document: Mapping[str, Any]) -> list[tuple[str, Sequence[str]]]:
    """What did not come out well, by name."""
    oracles = document.get("oracles") or {"survivors": (), "vacuous": ()}
    found = [
        (tr("targets missed"), document["failures"]),
        (tr("mutated traces that nobody noticed"), oracles["survivors"]),
        (tr("judgements that rest on nothing"), oracles["vacuous"]),
        (
            tr("mutants that survive"),
            [
                name
                for where in ("link", "store")
                for name in (document.get(f"{where}_mutants") or {"survivors": ()})["survivors"]
            ],
        ),
        (
            tr("runs in random order that come to something else"),
            [
                f"{one['scenario']}: {one['verdict']} {' '.join(one['reasons'])}"
                for one in (document.get("flakes") or {"flaky": ()})["flaky"]
            ],
        ),
    ]
    return [(name, tuple(lines)[:LISTED_MAX]) for name, lines in found if lines]


def matrices(defects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One matrix for each group of defects; columns are the scenarios that failed at one of them.

    A cell says how the scenario failed: ``placed`` where it is meant for the defect and names its
    place, ``meant`` where it names another, ``luck`` where it is meant for something else.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for one in defects:
        groups.setdefault(_group(one["defect"]), []).append(one)
    return [_matrix(name, found) for name, found in groups.items()]


def _group(defect: str) -> str:
    """The system whose defect it is; those of the settlement stand apart."""
    role = defect.partition("-")[0]
    return "his-yb" if defect.startswith("his-yb-") else role


def _matrix(name: str, defects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    columns = sorted({ident for one in defects for ident in one["caught_by"]})
    return {
        "name": name,
        "columns": columns,
        "rows": [
            {
                "defect": one["defect"],
                "source": one["source"],
                "caught": one["caught"],
                "cells": [_cell(one, ident) for ident in columns],
            }
            for one in defects
        ],
    }


def _cell(defect: Mapping[str, Any], ident: str) -> str:
    for name, key in (("placed", "placed"), ("meant", "intended"), ("luck", "caught_by")):
        if ident in defect[key]:
            return name
    return ""
