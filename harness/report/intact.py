"""Whether ``run.json`` is still what the run wrote.

``evidence.zip`` holds its SHA-256 (in ``manifest.json``, which also lies in a folder that was
unpacked from one). Without either the run is derived again from its plan and its traces, which
carry seals of their own; where that cannot be done either, nobody can tell, and that is said.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.errors import HarnessError
from harness.i18n import tr
from harness.report import evidence_zip
from harness.report.run import build, load

HASHED: Final = ("run.json", "plan.json")


def damage(folder: Path) -> str:
    """Why the folder cannot be trusted; empty where it is as it was written."""
    found = manifest(folder)
    if found is None:
        return _derived(folder)
    listed = [*found.get("files", ()), *found.get("withheld", ())]
    wanted = {str(one.get("path")): one.get("sha256") for one in listed}
    if "run.json" not in wanted:
        return tr("its manifest does not name {name}", name="run.json")
    for name in HASHED:
        path = folder / name
        if name in wanted and path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != wanted[name]:
                return tr("{name} was edited after the run: its SHA-256 differs", name=name)
    return ""


def manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the evidence; empty where it cannot be read, None where there is none."""
    try:
        archive, plain = folder / evidence_zip.NAME, folder / evidence_zip.MANIFEST
        if archive.is_file():
            with zipfile.ZipFile(archive) as opened:
                text = opened.read(evidence_zip.MANIFEST).decode("utf-8")
        elif plain.is_file():
            text = plain.read_text(encoding="utf-8")
        else:
            return None
        data = json.loads(text)
    except (KeyError, *input_files.DAMAGED_ZIP):
        return {}
    return data if isinstance(data, dict) else {}


def _derived(folder: Path) -> str:
    unknown = tr("there is no evidence.zip, so nobody can tell whether run.json was edited")
    if not (folder / "plan.json").is_file():
        return unknown
    try:
        written, derived = load(folder), build(folder)
        # What people have taken back since then is no edit of what the run saw.
        derived = replace(derived, cleanup=written.cleanup, conditional=written.conditional)
        text = derived.text().encode("utf-8", "backslashreplace")
    except HarnessError as error:
        return error.message
    if text != (folder / "run.json").read_bytes():
        return tr("run.json does not say what its traces say")
    return ""
