"""The list of a night: what ``medharness plan`` found room for, in the order in which it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import input_files
from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.scenario.files import LINE, find, shown
from harness.scenario.gherkin import gather

NAME: Final = "night.csv"

COLUMNS: Final = ("scenario", "place", "fits")

FITS: Final = {"yes": True, "no": False}

MARK: Final = "'"
"""Stands before a cell that a spreadsheet would take for a formula."""

BYTES_MAX: Final = 16 * 1024 * 1024
"""Fifty thousand scenarios of three hundred bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One scenario of the list.

    Attributes:
        ident: of the scenario.
        place: ``FILE:LINE`` as the plan saw it.
        where: line of the table.
    """

    ident: str
    place: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a night runs.

    Attributes:
        paths: its feature files.
        order: ids, in the order of the list.
    """

    paths: tuple[str, ...]
    order: tuple[str, ...]


def chosen(folder: Path) -> Chosen:
    """The scenarios of a night's list that fit, in its order.

    Args:
        folder: that ``medharness plan`` wrote.

    Raises:
        InputErrors: there is no such list, or each scenario of it that is not there any more.
    """
    wanted = listed(folder)
    files: dict[Path, None] = {}
    problems: list[InputError] = []
    for one in wanted:
        match = LINE.match(one.place)
        try:
            files[find(match[1] if match else one.place).resolve()] = None
        except InputError as error:
            problems.append(InputError(
                tr("{id} is not there any more: {why}", id=one.ident, why=error.message),
                where=one.where, remedy=_again(),
            ))  # fmt: skip
    if not problems:
        features, unread = gather(list(files))
        if unread:
            raise InputErrors(list(unread))
        there = {scenario.id for feature in features for scenario in feature.scenarios}
        problems = [
            InputError(tr("{id} is not there any more: {why}", id=one.ident, why=one.place),
                       where=one.where, remedy=_again())
            for one in wanted if one.ident not in there
        ]  # fmt: skip
    if problems:
        raise InputErrors(problems)
    return Chosen(
        paths=tuple(shown(path) for path in files), order=tuple(one.ident for one in wanted)
    )


def _again() -> str:
    return tr("plan the night again: medharness plan")


def listed(folder: Path) -> list[Listed]:
    """The rows of the list that fit.

    Raises:
        InputErrors: the table is missing or wrong, names a scenario twice, or nothing fits.
    """
    path = folder / NAME
    try:
        if path.stat().st_size > BYTES_MAX:
            raise InputErrors([InputError(tr("the file is too large"), where=str(path))])
        data = path.read_bytes()
    except OSError as error:
        raise InputErrors(
            [InputError(tr("no plan of a night: {why}", why=error.strerror or error),
                        where=str(path), remedy=_again())]
        ) from None  # fmt: skip
    table = [(line, row) for line, row in input_files.rows_of(_text(data), str(path)) if row]
    heads = table[0][1] if table else []
    if not set(COLUMNS) <= set(heads):
        raise InputErrors([InputError(tr("these columns are missing, or stand twice: {names}",
                                         names=", ".join(COLUMNS)), where=str(path))])  # fmt: skip
    found: dict[str, Listed] = {}
    problems: list[InputError] = []
    for line, cells in table[1:]:
        where, row = f"{path}:{line}", dict(zip(heads, cells, strict=False))
        ident, place, fits = (_cell(row.get(name)) for name in COLUMNS)
        if fits.lower() not in FITS or not ident or not place:
            problems.append(InputError(tr("a row needs scenario, place, and yes or no in fits"),
                                       where=where))  # fmt: skip
        elif FITS[fits.lower()]:
            if ident in found:
                problems.append(InputError(
                    tr("the id {id} stands twice, also at {other}", id=ident,
                       other=found[ident].where), where=where))  # fmt: skip
            found.setdefault(ident, Listed(ident=ident, place=place, where=where))
    if problems:
        raise InputErrors(problems)
    if not found:
        raise InputErrors([InputError(tr("nothing of this night fits"), where=str(path),
                                      remedy=_again())])  # fmt: skip
    return list(found.values())


def _text(data: bytes) -> str:
    """A spreadsheet of a Chinese Windows saves GB 18030."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _cell(value: str | None) -> str:
    text = (value or "").strip()
    return text.removeprefix(MARK)
