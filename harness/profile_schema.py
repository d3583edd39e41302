"""The JSON Schema of the site profile, for editors: completion and red underlines in TOML.

It is written by ``write_schema``; a test keeps ``docs/reference/profile.schema.json`` current.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.profile_model import Profile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """The schema as it stands in ``docs/reference/profile.schema.json``."""
    schema = Profile.model_json_schema(by_alias=True)
    head = {"$schema": DIALECT, "title": "medharness site profile"}
    return json.dumps(head | {key: value for key, value in schema.items() if key != "title"},
                      ensure_ascii=False, indent=2) + "\n"  # fmt: skip


def write_schema(path: Path) -> None:
    """Write the schema."""
    path.write_text(schema_text(), encoding="utf-8", newline="\n")
