"""Notes on tools that nobody calls here."""

from __future__ import annotations

from typing import Any


class ToolAnnotations(dict[str, Any]):
    """Takes anything."""

    def __init__(self, **notes: Any) -> None:
        super().__init__(notes)
