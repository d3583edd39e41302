"""One rule that names the cause of a difference; the rules stand in ``explain_table``."""

from __future__ import annotations

from dataclasses import dataclass

Texts = tuple[str, str]
"""Chinese and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One rule.

    Attributes:
        code: as in ``verdicts.csv``.
        number: in the list of 28; 0 for a further one.
        classes: classes that it can explain.
        when: SQL that holds where the evidence decides.
        confidence: high, medium or low.
        name: what it is called.
        proof: what would prove it, or has proven it.
        side: only rows of this side; empty for both.
        log: only where interface logs or traces were given.
    """

    code: str
    number: int
    classes: tuple[str, ...]
    when: str
    confidence: str
    name: Texts
    proof: Texts
    side: str = ""
    log: bool = False
