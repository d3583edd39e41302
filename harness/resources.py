"""Where the files that ship are: in a checkout, and inside an installed wheel."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import harness
from harness.errors import InputError


def fixtures_folder() -> Path:
    """Folder of the fixtures that ship."""
    package = Path(harness.__file__).resolve().parent
    for folder in (package / "shipped" / "fixtures", package.parent / "fixtures"):
        if folder.is_dir():
            return folder
    raise InputError("the fixtures that ship with medharness are missing", remedy="install again")


def fixture(*parts: str) -> Path:
    """One file below the fixtures that ship."""
    path = fixtures_folder().joinpath(*parts)
    if not path.exists():
        raise InputError(f"no such fixture: {'/'.join(parts)}", where=str(path))
    return path


def scenarios_folder() -> Path:
    """Folder of the scenarios that ship."""
    spec = importlib.util.find_spec("scenarios")
    if spec is None or spec.origin is None:
        raise InputError("the scenarios that ship are missing", remedy="install medharness again")
    return Path(spec.origin).resolve().parent


def pytest_configuration() -> Path:
    """The pytest configuration of a run: our own, so that no project around it has a say."""
    return Path(harness.__file__).resolve().parent / "scenario" / "run.ini"
