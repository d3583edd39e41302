"""How a run names feature files, and how it finds them again.

A report travels, so no path of a machine may stand in it: files below the current folder and the
scenarios that ship are named by a short path with forward slashes, and ``medharness run`` finds
them again by that name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from harness import resources
from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.scenario.gherkin import feature_files

SHIPPED = "scenarios"
"""What the folder of the scenarios that ship is called wherever it is installed."""

LINE = re.compile(r"(.+\.feature):(\d+)$")
"""A scenario by its place: ``FILE.feature:LINE``."""

Chosen = dict[Path, tuple[int, ...]]
"""Files to run, in order, each with the lines that were asked for; none means all of it."""


def shown(path: Path) -> str:
    """A file as plans, traces and reports name it."""
    path, here = _resolved(path, Path.cwd())
    if path.is_relative_to(here):
        return path.relative_to(here).as_posix()
    shipped = resources.scenarios_folder()
    if path.is_relative_to(shipped):
        name = Path(SHIPPED) / path.relative_to(shipped)
        if not name.exists():  # a file of that name here would be found in its place
            return name.as_posix()
    try:
        return Path(os.path.relpath(path, here)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_posix()


@lru_cache(maxsize=1024)
def _resolved(path: Path, here: Path) -> tuple[Path, Path]:
    """Both without links: a run names each of its files once a scenario."""
    return path.resolve(), here.resolve()


def find(name: str) -> Path:
    """A file or folder by the name that a user typed or that a report gives.

    Raises:
        InputError: there is none.
    """
    path = Path(name)
    if path.exists():
        return path
    if path.parts and path.parts[0] == SHIPPED:
        shipped = resources.scenarios_folder().joinpath(*path.parts[1:])
        if shipped.exists():
            return shipped
    raise InputError(tr("no such file or folder: {path}", path=name), where=name)


def choose(given: Sequence[str]) -> Chosen:
    """The feature files of PATH arguments; all that ship where there is none.

    A file that is named as a whole, or lies in a folder that is, runs whole.

    Raises:
        InputErrors: every argument that leads nowhere.
    """
    if not given:
        return _whole([resources.scenarios_folder()])
    problems: list[InputError] = []
    folders: list[Path] = []
    lines: dict[Path, list[int]] = {}
    for argument in given:
        match = LINE.match(argument)
        try:
            path = find(match[1] if match else argument)
        except InputError as error:
            problems.append(error)
            continue
        if match:
            lines.setdefault(path.resolve(), []).append(int(match[2]))
        else:
            folders.append(path)
    if problems:
        raise InputErrors(problems)
    chosen = _whole(folders)
    for path, wanted in lines.items():
        chosen.setdefault(path, tuple(sorted(set(wanted))))
    return chosen


def _whole(folders: Sequence[Path]) -> Chosen:
    files, problems = feature_files(folders)
    if problems:
        raise InputErrors(list(problems))
    return {path.resolve(): () for path in files}
