"""``medharness objects PATH...``: DICOM files checked offline, each finding with its clause."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness import input_files
from harness.dicomcheck.across import across, carried
from harness.dicomcheck.check import check
from harness.dicomcheck.finding import Finding
from harness.dicomcheck.second import SecondOpinion
from harness.errors import InputError, PeerError
from harness.i18n import tr
from harness.link.dicom_data import DataSet, read
from harness.link.dicom_file import read_file

SHOWN_MAX: Final = 200
"""Lines on the screen; the JSON has them all."""

DIRECTORY: Final = "1.2.840.10008.1.3.10"
"""Media Storage Directory (PS3.4 annex I, PS3.10 §8.6)."""

FILE_BYTES_MAX: Final = 1024 * 1024 * 1024


def files(paths: Sequence[str]) -> Iterator[Path]:
    """The files of paths; of a folder every file below it, in the order of their names.

    Raises:
        InputError: nothing is there.
    """
    for one in paths:
        path = Path(one)
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        elif path.is_file():
            yield path
        else:
            raise InputError(tr("no such file"), where=one)


def load(path: Path) -> tuple[DataSet, str]:
    """One object and its transfer syntax.

    Raises:
        PeerError: it is no DICOM file, a directory of such, or cannot be read.
        InputError: it cannot be opened, or is too long.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InputError(tr("the file is too long"), where=str(path))
        found = read_file(path.read_bytes())
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path)) from error
    if found.meta.text("MediaStorageSOPClassUID") == DIRECTORY:
        raise PeerError(tr("a directory of a file-set (DICOMDIR): it names objects and is none"),
                        clause="PS3.10 §8.6")  # fmt: skip
    return read(found.body, found.syntax), found.syntax


def _worklist(path: str) -> dict[str, str]:
    found = input_files.json_of(Path(path))
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise InputError(tr("not an object of texts by keyword"), where=path)
    return found


def run(
    paths: Sequence[str],
    worklist: str = "",
    *,
    as_json: bool = False,
    second: SecondOpinion | None = None,
) -> int:
    """Check files, each by itself and all against each other.

    Args:
        paths: files and folders.
        worklist: JSON file with the entry that the objects were made for, values by keyword.
        as_json: end with one JSON object.
        second: looks at each object too; what it says decides nothing. None asks nobody.

    Returns:
        0 where nothing was found, 1 where something was, 3 where nothing was read.

    Raises:
        InputError: a path does not exist (exit code 2).
    """
    entry = _worklist(worklist) if worklist else {}
    objects: list[tuple[str, DataSet]] = []
    findings: list[Finding] = []
    unread = 0
    for path in files(paths):
        try:
            data, syntax = load(path)
        except PeerError as error:
            unread += 1
            findings.append(Finding(rule="unreadable", path=f"@{max(error.offset, 0)}",
                                    message=error.message, clause=error.clause or "PS3.10 §7",
                                    about=str(path)))  # fmt: skip
            continue
        objects.append((str(path), data))
        findings += [replace(one, about=str(path)) for one in check(data, syntax)]
        if second is not None and second.program:
            second.ask(path)
    findings += across(objects)
    findings += carried(objects, entry)
    _show(findings)
    if second is not None:
        _show(second.findings)
        for name, why in second.silent.items():
            print(tr("{file}: no second opinion: {why}", file=name, why=why))
        print(second.summary())
    print(tr("{objects} objects checked, {unread} not readable, {findings} findings",
             objects=len(objects), unread=unread, findings=len(findings)))  # fmt: skip
    code = 1 if findings else 0 if objects else 3
    if as_json:
        told = {"objects": len(objects), "unreadable": unread, "exit_code": code,
                "findings": [one.data() for one in findings]}  # fmt: skip
        if second is not None:
            told["second_opinion"] = second.data()
        print(json.dumps(told, ensure_ascii=False))
    return code


def _show(findings: Sequence[Finding]) -> None:
    """A line a finding, up to a limit."""
    for one in findings[:SHOWN_MAX]:
        print(f"{one.about}: {one.path} {one.message} [{one.clause}]")
    if len(findings) > SHOWN_MAX:
        print(tr("and {count} more", count=len(findings) - SHOWN_MAX))
