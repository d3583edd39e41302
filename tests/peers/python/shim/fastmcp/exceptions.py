"""The one error that the peer's own errors are derived from."""

from __future__ import annotations


class ToolError(Exception):
    """As the peer's package has it."""
