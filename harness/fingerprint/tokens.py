"""Tokens: values of a legal type that can be told apart wherever they turn up again.

A text token is ``Q``, four characters that no other token of the message has, and a tail by which
a loss shows: letters of both cases, a Chinese character whose second GBK byte is a delimiter, and
a micro sign. Numbers, dates and times are unique in themselves. A coded leaf has to hold a code of
its HL7 table, which other leaves hold, too: it is ``shared`` and never searched for.

The tables of the dictionary give no lengths, so the usual maxima of the types are kept
(HL7 2.5.1 chapter 2A): 20 characters for IS, 16 for NM, 4 for SI, 199 for ST.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1, which people and optical readers take for each other."""

CODE_CHARACTERS: Final = 4
CODES: Final = len(ALPHABET) ** CODE_CHARACTERS
"""Tokens that one message can hold: above 900,000, far more than any structure has leaves."""

TAIL: Final = "kT錦µ9"
"""Behind the code of free text: both cases, a GBK hazard (E5 5C), a sign that is often folded."""

PLAIN_TAIL: Final = "kT9"
"""Behind the code where only ASCII is wanted."""

DATES: Final = frozenset({"DT"})
TIMES: Final = frozenset({"TM"})
STAMPS: Final = frozenset({"TS", "DTM"})
NUMBERS: Final = frozenset({"NM"})
SEQUENCES: Final = frozenset({"SI"})
CODED: Final = frozenset({"ID", "IS"})
PADDED: Final = frozenset({"TX", "FT"})
"""Leading blanks count in them (HL7 2.5.1 §2.A.74, §2.A.31): the token begins with one."""
PHONES: Final = frozenset({"TN"})

PRIMITIVE: Final = DATES | TIMES | STAMPS | NUMBERS | SEQUENCES | CODED | PADDED | PHONES | {"ST"}

FIRST_DAY: Final = datetime(1951, 1, 1)  # noqa: DTZ001 - a made-up civil time without a zone
SECONDS_A_DAY: Final = 86_400
STEP_S: Final = 90_061
"""Between two stamps: a day, an hour, a minute and a second, so that every part differs."""

NUMBER_FIRST: Final = 2_000_000
"""Numbers begin here: seven digits, which no set id, age or amount of a test has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The value of one leaf.

    Attributes:
        path: such as ``PID[1]-5[1].1``.
        text: what stands there, unescaped.
        data_type: as the dictionary names it.
        shared: other leaves hold the same: it cannot be searched for.
    """

    path: str
    text: str
    data_type: str
    shared: bool = False


@dataclass(slots=True)
class Mint:
    """Makes tokens, each once.

    Args:
        seed: another seed gives other tokens for the same leaves.
        chinese: free text holds characters outside ASCII.
    """

    seed: int = 1
    chinese: bool = True
    _made: int = 0

    def text(self, data_type: str) -> str:
        """A token of a primitive type; anything unknown is written as text."""
        number, self._made = self._made, self._made + 1
        if data_type in NUMBERS:
            return f"{NUMBER_FIRST + self._moved(number, 1_000_000)}.50"
        if data_type in PHONES:
            return f"021-{50_000_000 + self._moved(number, 1_000_000)}"
        if data_type in DATES:
            day = FIRST_DAY + timedelta(days=self._moved(number, 25_000))
            return day.strftime("%Y%m%d")
        if data_type in TIMES:
            second = 3_661 + 7 * self._moved(number, SECONDS_A_DAY // 7 - 600)
            return f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
        if data_type in STAMPS:
            moment = FIRST_DAY + timedelta(seconds=STEP_S * self._moved(number, 25_000))
            return moment.strftime("%Y%m%d%H%M%S")
        blank = " " if data_type in PADDED else ""
        tail = TAIL if self.chinese and data_type not in CODED else PLAIN_TAIL
        return f"{blank}Q{self._code(number)}{tail}"

    def _moved(self, number: int, size: int) -> int:
        return (number + self.seed * 7_919) % size

    def _code(self, number: int) -> str:
        """The ``number``-th code; neighbours differ in every character."""
        rest = (number * 348_557 + self.seed * 7_919) % CODES
        code = ""
        for _ in range(CODE_CHARACTERS):
            rest, digit = divmod(rest, len(ALPHABET))
            code += ALPHABET[digit]
        return code
