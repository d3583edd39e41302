"""``medharness init``: a commented site profile to start from."""

from __future__ import annotations

from pathlib import Path

from harness import resources
from harness.errors import InputError
from harness.i18n import tr


def write_template(path: Path) -> Path:
    """Write the commented profile, in Chinese, and return where it is.

    Raises:
        InputError: the file exists, or cannot be written.
    """
    text = resources.fixture("profiles", "template.toml").read_text(encoding="utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # "x": a profile that somebody has filled in is never written over.
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(
            tr("the file exists already"), where=str(path), remedy=tr("choose another name")
        ) from None
    except OSError as error:
        raise InputError(
            tr("cannot be written: {why}", why=error.strerror or error), where=str(path)
        ) from None
    return path
