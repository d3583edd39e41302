"""Reading what instruments with framings of their own say: the independent side of each layout.

The simulators write from model files; a reader has its own idea of where things stand, so that a
wrong column in either shows. What has to be configured at the LIS as well (widths, decimals) comes
in as ``setup``. Readers never raise: what they cannot read is named among the problems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SPECIMENS_MAX: Final = 10_000
"""Specimens of one reading: far above a day's work of the fastest of these instruments."""

PROBLEMS_MAX: Final = 1_000
"""Problems that are kept; after that many the set-up is wrong and the rest says nothing new."""

Setup = Mapping[str, int | str]
"""What the LIS was told, such as ``id_width`` or ``decimals``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """One result as it stands on the wire.

    Attributes:
        code: the instrument's code.
        value: digits with their decimal mark, or words; empty where the instrument had none.
        unit: as sent; empty where the layout has none.
        flag: as sent.
    """

    code: str
    value: str
    unit: str = ""
    flag: str = ""


@dataclass(slots=True, kw_only=True)
class ReadSpecimen:
    """One specimen, gathered from as many messages as it took."""

    barcode: str = ""
    sequence: str = ""
    rack: str = ""
    position: str = ""
    control: bool = False
    results: list[ReadResult] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """What a reader made of a run, and what it could not read."""

    specimens: list[ReadSpecimen] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def begin(self, specimen: ReadSpecimen) -> ReadSpecimen:
        """A new specimen, unless there are too many."""
        if len(self.specimens) < SPECIMENS_MAX:
            self.specimens.append(specimen)
        else:
            self.problem("too many specimens")
        return specimen

    def problem(self, text: str) -> None:
        """Note what cannot be read."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)

    @property
    def current(self) -> ReadSpecimen | None:
        """The specimen that the next result belongs to."""
        return self.specimens[-1] if self.specimens else None


Reader = Callable[[str, Setup, Reading], None]
"""Reads one message into a reading."""


def read(
    reader: Reader, messages: Sequence[bytes], setup: Setup, encoding: str = "ascii"
) -> Reading:
    """Everything that a run said.

    Args:
        reader: one of ``harness.wire.framings_readers.READERS``.
        messages: payloads in the order in which they came.
        setup: what the LIS was told.
        encoding: of the text; bytes outside it become question marks and a problem.
    """
    reading = Reading()
    for number, payload in enumerate(messages, 1):
        try:
            text = payload.decode(encoding)
        except UnicodeDecodeError:
            text = payload.decode(encoding, errors="replace")
            reading.problem(f"message {number} holds bytes outside {encoding}")
        reader(text, setup, reading)
    return reading


def implied(digits: str, decimals: int) -> str:
    """``0135`` with one decimal is ``13.5``; text that is no number stays."""
    bare = digits.strip()
    if not bare.isdecimal() or not decimals:
        return bare.lstrip("0") or "0" if bare.isdecimal() else bare
    whole, part = bare[:-decimals].lstrip("0") or "0", bare[-decimals:].rjust(decimals, "0")
    return f"{whole}.{part}"
