"""Files that a person hands over: read whole, or refused with the place and the next action.

A reader that opens such a file by itself forgets a case: a file that an editor saved in GBK, a
table where a text is wanted, brackets in brackets without end.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import re
import tomllib
import warnings
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.errors import InputError, InputErrors
from harness.i18n import tr

BYTES_MAX: Final = 256 * 1024 * 1024
"""A hundred times the ``run.json`` of all scenarios that ship."""

PROBLEMS_MAX: Final = 20
"""Named at once: who corrects these looks again."""

DAMAGED_ZIP: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, OSError, EOFError,
    NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
"""All that the library raises over an archive that is cut off, damaged, encrypted or of a kind that
it does not know."""

T = TypeVar("T")


def bytes_of(path: Path, most: int) -> bytes:
    """What a file of at most ``most`` bytes holds.

    Raises:
        InputError: it is not there, or longer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(tr("cannot be read: {why}", why=why), where=str(path)) from error
    if len(data) > most:
        raise InputError(tr("the file is longer than {most} bytes", most=most), where=str(path))
    return data


def text_of(path: Path) -> str:
    """The text of a file in UTF-8, with or without its mark.

    Raises:
        InputError: it is not there, too long, or in another encoding; with the line.
    """
    data = bytes_of(path, BYTES_MAX)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            tr("the file is not UTF-8"), where=f"{path}:{line}", remedy=tr("save the file as UTF-8")
        ) from error


def toml_of(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        InputError: it cannot be read, or is no TOML; with the line.
    """
    return toml_in(text_of(path), str(path))


def toml_in(text: str, where: str) -> dict[str, Any]:
    """The tables of a text; ``where`` it comes from.

    Raises:
        InputError: it is no TOML; with the line.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        place = f"{where}:{line[1]}" if line else where
        raise InputError(tr("is not TOML: {why}", why=error), where=place) from error


def json_of(path: Path) -> Any:
    """What a JSON file says.

    Raises:
        InputError: it cannot be read, or is no JSON.
    """
    return json_in(text_of(path), str(path))


def json_in(text: str, where: str) -> Any:
    """What a text says; ``where`` it comes from.

    Raises:
        InputError: it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(tr("is not JSON: {why}", why=error), where=where) from error


def rows_of(text: str, where: str) -> list[tuple[int, list[str]]]:
    """The rows of a table with commas, each with the number of its last line; blank lines too.

    Raises:
        InputError: a cell is longer than any is; with the line.
    """
    reader, rows = csv.reader(io.StringIO(text, newline="")), []
    try:
        for row in reader:
            rows.append((reader.line_num, row))  # noqa: PERF401 - the line is that of this moment
    except csv.Error as error:
        place = f"{where}:{reader.line_num}"
        raise InputError(tr("cannot be read: {why}", why=error), where=place) from error
    return rows


def pattern_in(text: str, where: str) -> re.Pattern[str]:
    """The regular expression that a text is; ``where`` it comes from.

    Raises:
        InputError: it is none.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        told = tr("this is no regular expression: {why}", why=error)
        raise InputError(told, where=where) from error


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Made once for each kind: that takes a thousand times as long as to look at a table."""
    return TypeAdapter(kind)


def shaped(kind: type[T], data: object, where: str) -> T:
    """What a file says as a ``kind``: a dataclass, or any type that pydantic knows.

    Raises:
        InputErrors: a key is missing, or holds something else; each with its key.
    """
    known: Any = kind  # mypy takes no type variable for hashable
    checker: TypeAdapter[T] = _adapter(known)
    try:
        return checker.validate_python(data)
    except ValidationError as error:
        problems = [
            (".".join(str(part) for part in one["loc"]), one["msg"])
            for one in error.errors(include_url=False)[:PROBLEMS_MAX]
        ]
        told = [InputError(f"{key}: {why}" if key else why, where=where) for key, why in problems]
        raise InputErrors(told) from error
