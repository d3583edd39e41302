"""The reference names what the program has: no more and no less."""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

import pytest

from harness import cli, i18n
from harness.evidence.trace import KINDS
from harness.evidence.verdict import EXIT_CODES, Verdict
from harness.faults.catalogue import ACTIONS
from harness.report.words import verdict_name
from scenarios.steps.faults import FRAME_FAULTS, MESSAGE_FAULTS

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next one of its level."""
    level = title.split(maxsplit=1)[0]
    found = re.search(
        rf"^{re.escape(title)}\n(.*?)(?=^{level} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, title
    return found[1]


def first_cells(text: str) -> list[str]:
    """The first column of the tables of a text, headers left out."""
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    return [
        cell
        for cell, below in zip(rows, [*rows[1:], ""], strict=True)
        if not set(cell) <= {"-"} and not (below and set(below) <= {"-"})
    ]


# -- dependencies ------------------------------------------------------------------------------


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~; ]", requirement, maxsplit=1)[0]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = page("dependencies.md")
    extras = project["project"]["optional-dependencies"]
    groups = project["dependency-groups"]

    def told(title: str) -> list[str]:
        return [cell.strip("`") for cell in first_cells(section(text, title))]

    assert told("## To run") == sorted(map(name_of, project["project"]["dependencies"]))
    assert told("## Optional") == [name_of(one) for group in extras.values() for one in group]
    assert told("## To develop") == sorted(map(name_of, groups["dev"]))
    assert told("## Peers") == sorted(map(name_of, groups["peers"]))


# -- commands ----------------------------------------------------------------------------------


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = cli.build_parser()
    (action,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return dict(action.choices)


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its own, and those of its sub-commands."""
    found: list[argparse.Action] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [one for inner in action.choices.values() for one in options(inner)]
        else:
            found.append(action)
    return found


def test_every_command_is_described() -> None:
    titles = re.findall(r"^## (\S+)$", page("commands.md"), re.MULTILINE)

    assert titles == list(commands())


@pytest.mark.parametrize("name", list(commands()))
def test_every_option_is_described(name: str) -> None:
    text = section(page("commands.md"), f"## {name}")
    common = page("commands.md").partition("\n## ")[0]
    for action in options(commands()[name]):
        for option in action.option_strings:
            assert f"`{option}" in text + common or f"[{option}" in text, option
        if not action.option_strings:
            assert str(action.metavar or action.dest) in text or "{" in text, action.dest


@pytest.mark.parametrize("name", list(commands()))
def test_no_option_is_made_up(name: str) -> None:
    text = section(page("commands.md"), f"## {name}")
    known = {one for action in options(commands()[name]) for one in action.option_strings}
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))

    assert {one for one in told if not one.startswith("--medharness-")} <= known


# -- words -------------------------------------------------------------------------------------


def test_exit_codes_are_those_of_the_verdicts() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| (\d+) \|$", page("exit-codes.md"), re.MULTILINE)

    assert {word: int(code) for word, code in rows} == {
        str(verdict): code for verdict, code in EXIT_CODES.items()
    }


def test_every_verdict_is_described() -> None:
    head = page("verdicts.md").partition("\n## ")[0]

    assert sorted(first_cells(head)) == sorted(str(verdict) for verdict in Verdict)


def test_verdicts_have_the_chinese_names_of_the_report() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| (\S+) \| (\S+) \|", page("verdicts.md"), re.MULTILINE)
    before = i18n.current()
    i18n.use("zh-CN")
    try:
        names = {verdict: verdict_name(verdict) for verdict, _, _ in rows}
    finally:
        i18n.use(before)

    assert {verdict: chinese for verdict, _, chinese in rows} == names


def test_every_kind_of_record_is_described() -> None:
    kinds = [cell.strip("`") for cell in first_cells(section(page("trace.md"), "## Kinds"))]

    assert sorted(kinds) == sorted(KINDS)


def test_every_action_of_faults_is_described() -> None:
    told = re.findall(
        r"`([a-z-]+)`", "".join(first_cells(section(page("fault-planning.md"), "## Actions")))
    )

    assert sorted(told) == sorted(ACTIONS)


def test_every_fault_of_sentences_is_described() -> None:
    rows = re.findall(
        r"^\| (\S+) \| .* \| ((?:lab|hl7)-\d+) \|$",
        section(page("fault-planning.md"), "## What sentences can say"),
        re.MULTILINE,
    )
    known = [*FRAME_FAULTS.items(), *MESSAGE_FAULTS.items()]

    assert sorted(rows) == sorted((word, kind.fault_class) for word, kind in known)
