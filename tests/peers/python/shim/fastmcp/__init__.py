"""Stands in for the face of a peer that is not met here; no protocol of it is in here."""

from __future__ import annotations

from typing import Any


class FastMCP:
    """Never made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError
