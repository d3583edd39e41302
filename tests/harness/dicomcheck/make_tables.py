"""Makes ``fixtures/dicom/*.txt`` from the tables in a wheel of highdicom (MIT).

``python make_tables.py HIGHDICOM_WHEEL``: nothing is installed. The wheel holds PS3.3's module
tables as JSON of 23 MB; kept is what a check without conditions needs: which modules an IOD has, and
which attributes of a module are of type 1 or 2, also inside of sequences.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

from pydicom.datadict import tag_for_keyword

FOLDER: Final = Path(__file__).parents[3] / "fixtures" / "dicom"
SKIPPED: Final = "multi-frame-functional-groups"
"""Each macro stands either in the shared or in the per-frame groups: a condition, not a type."""


def _tag(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    return "" if tag is None else f"{tag:08X}"


def modules(tables: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A line a module: its name, then ``TAG[.TAG]*=TYPE`` for each attribute of type 1 or 2."""
    lines = []
    for name in sorted(tables):
        if name.endswith(SKIPPED):
            continue
        found = []
        for one in tables[name]:
            tags = [_tag(part) for part in [*one["path"], one["keyword"]]]
            if one["type"] in {"1", "2"} and all(tags):
                found.append(f"{'.'.join(tags)}={one['type']}")
        if found:
            lines.append(" ".join([name, *dict.fromkeys(found)]))
    return lines


def iods(classes: dict[str, str], tables: dict[str, list[dict[str, str]]]) -> list[str]:
    """A line a SOP class: its UID, the name of its IOD, then ``USAGE:module``."""
    lines = []
    for uid, name in sorted(classes.items()):
        if name in tables:
            used = [f"{one['usage'][:1]}:{one['key']}" for one in tables[name]]
            lines.append(" ".join([uid, name, *dict.fromkeys(used)]))
    return lines


def main() -> None:
    """Write both files."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        read = {
            name: json.loads(wheel.read(f"highdicom/_standard/{name}.json"))
            for name in ("module_attribute_map", "iod_module_map", "sop_class_iod_map")
        }
    head = (
        f"# From PS3.3 by way of the tables in {Path(sys.argv[1]).name} (MIT); see make_tables.py"
    )
    FOLDER.mkdir(exist_ok=True)
    for name, lines in (
        ("modules", modules(read["module_attribute_map"])),
        ("iods", iods(read["sop_class_iod_map"], read["iod_module_map"])),
    ):
        text = "\n".join([head, *lines]) + "\n"
        (FOLDER / f"{name}.txt").write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
