"""Pages that are printed by the program: current, and written again by running this file.

``python tests/docs/test_generated.py`` writes them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness import i18n, resources
from harness.scenario import catalogue
from harness.scenario.denominators import load_denominators
from harness.scenario.steps import load_libraries
from simulators.analyzer.model import known_models
from simulators.hospital.defects import DEFECTS

REFERENCE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"

HOW: Final = "<!-- Generated: python tests/docs/test_generated.py -->\n\n"


def steps(language: str) -> str:
    """What ``medharness steps`` prints."""
    before = i18n.current()
    i18n.use(language)
    try:
        return HOW + catalogue.markdown(load_libraries()).rstrip("\n") + "\n"
    finally:
        i18n.use(before)


def defects() -> str:
    """The defects that ``--defect`` takes."""
    requirements = load_denominators().requirements
    lines = [
        "# Defects of the built-in hospital",
        "",
        f"{len(DEFECTS)} defects. Switch one on with `medharness run --defect ID`; see",
        "[turn a defect on](../how-to/turn-a-defect-on.md). The first place is where the defect is,",
        "the others are where it also shows.",
        "",
        "| id | what is wrong | requirement | places | fault class |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{one.id}` | {one.what.replace('|', chr(92) + '|')} "
        f"| {one.requirement} {requirements[one.requirement].name} "
        f"| {', '.join(f'`{place}`' for place in one.places)} | {one.source} |"
        for one in DEFECTS
    ]
    return HOW + "\n".join(lines) + "\n"


TABLES: Final = {
    "astm": "ASTM speakers",
    "hl7": "HL7 speakers",
    "framed": "Framings of their own",
    "poct": "POCT1-A",
}
"""Headings of the table of instruments."""


def analyzers() -> str:
    """Which instruments are known, and which model plays each."""
    rows = tomllib.loads(resources.fixture("instruments.toml").read_text("utf-8"))["rows"]
    shipped = known_models()
    lines = [
        "# Analyzer models",
        "",
        f"{len(shipped)} model files ship in `fixtures/analyzers/`. Each of them uploads a generated",
        "specimen to the built-in LIS in `tests/simulators/test_every_model.py`; the two whose bytes",
        "no LIS may accept are shown to be refused. What a file says stands in",
        "[write an analyzer model](../how-to/write-an-analyzer-model.md); its `source` says which of",
        "its facts are assumptions.",
    ]
    for table, title in TABLES.items():
        lines += ["", f"## {title}", "", "| instrument | what is its own | model | remark |"]
        lines.append("|---|---|---|---|")
        lines += [
            f"| {row['instrument']} | {row['kind']} "
            f"| {', '.join(f'`{name}`' for name in row['models']) or 'none'} "
            f"| {row.get('reason', '')} |"
            for row in rows
            if row["table"] == table
        ]
    named = {name for row in rows for name in row["models"]}
    others = ", ".join(f"`{name}`" for name in shipped if name not in named)
    lines += ["", f"Of no maker, for scenarios that need nothing special: {others}."]
    return HOW + "\n".join(lines) + "\n"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "steps.md": lambda: steps("zh-CN"),
    "steps.en.md": lambda: steps("en"),
    "defects.md": defects,
    "analyzers.md": analyzers,
}


def current(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")

    assert written == PAGES[name](), "run: python tests/docs/test_generated.py"


def test_chinese_step_catalogue_is_current() -> None:
    current("steps.md")


def test_english_step_catalogue_is_current() -> None:
    current("steps.en.md")


def test_list_of_defects_is_current() -> None:
    current("defects.md")


def test_table_of_instruments_is_current() -> None:
    current("analyzers.md")


if __name__ == "__main__":
    for page, render in PAGES.items():
        (REFERENCE / page).write_text(render(), encoding="utf-8", newline="\n")
