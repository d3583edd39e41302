"""Where the rules of the interface engine come from: a file of the site, or the one that ships."""

from __future__ import annotations

from pathlib import Path

from harness import input_files, resources


def text_of(path: str) -> str:
    """The text of a rule file; of the one that ships where ``path`` is empty.

    Raises:
        InputError: it cannot be read.
    """
    where = Path(path) if path else resources.fixture("engine", "hospital.toml")
    return input_files.text_of(where)
