"""The signed list of real test patients: read whole, or refused whole."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import date, datetime
from pathlib import Path

from harness.errors import InputError, InputErrors, ProfileError
from harness.i18n import tr
from harness.model import Person
from harness.people import id_card_problem

COLUMNS = ("patient_id", "name", "sex", "birth", "id_card")
"""Header of the list."""

SUBJECTS_MAX = 1_000
"""Real test patients of one site; a longer list is no list of test patients."""

BYTES_MAX = 1024 * 1024
"""A thousand lines of a hundred characters, ten times over."""


def read_subjects(path: Path, sha256: str) -> tuple[Person, ...]:
    """The people of a list whose hash was signed for.

    Args:
        path: UTF-8 CSV with the header of ``COLUMNS``, with or without a BOM.
        sha256: of the file's bytes, as it stands in the profile.

    Raises:
        InputErrors: the file is not the one that was signed, or rows of it cannot be used.
    """
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise _problems(path, tr("cannot be read: {why}", why=error.strerror)) from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise _problems(
            path,
            tr("the list of test patients is not the one that was signed; it has {hash}",
               hash=digest),
        )  # fmt: skip
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError:
        raise _problems(path, tr("save the file as UTF-8")) from None
    except csv.Error as error:
        raise _problems(path, tr("cannot be read: {why}", why=error)) from None
    return _people(path, rows)


def _people(path: Path, rows: list[list[str]]) -> tuple[Person, ...]:
    if not rows or tuple(cell.strip() for cell in rows[0]) != COLUMNS:
        raise _problems(path, tr("the first line must be {header}", header=",".join(COLUMNS)))
    if len(rows) - 1 > SUBJECTS_MAX:
        raise _problems(path, tr("more than {most} test patients", most=SUBJECTS_MAX))
    found: dict[str, Person] = {}
    problems: list[InputError] = []
    for line, row in enumerate(rows[1:], 2):
        if not row:
            continue
        cells = [cell.strip() for cell in row]
        problem = _row_problem(cells)
        if not problem and cells[0] in found:
            problem = tr("the patient number {number} stands twice", number=cells[0])
        if problem:
            problems.append(ProfileError(problem, where=f"{path}:{line}"))
            continue
        found[cells[0]] = Person(**dict(zip(COLUMNS, cells, strict=True)))
    if problems:
        raise InputErrors(problems)
    return tuple(found.values())


def _row_problem(cells: list[str]) -> str:
    if len(cells) != len(COLUMNS):
        return tr("this line has {count} columns, not {wanted}", count=len(cells),
                  wanted=len(COLUMNS))  # fmt: skip
    patient_id, name, sex, birth, id_card = cells
    if not patient_id or not name:
        return tr("a patient number and a name are needed")
    if sex not in {"M", "F", "U"}:
        return tr("sex must be M, F or U")
    if not _is_date(birth):
        return tr("birth must be a date as YYYYMMDD")
    return id_card_problem(id_card, sex=sex, birth=birth) if id_card else ""


def _is_date(text: str) -> bool:
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        return False
    try:
        day = datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return False
    return day > date(1850, 1, 1)


def _problems(path: Path, message: str) -> InputErrors:
    return InputErrors([ProfileError(message, where=str(path))])
