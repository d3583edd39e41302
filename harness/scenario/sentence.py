"""One sentence of a scenario: its kind, and the one form that all its spellings share.

People type with a Chinese input method: ``“``, ``：``, ``，``, full-width digits, a space round a
number or none. ``canonical`` removes these differences, in feature files and in step definitions
alike, so that they never decide whether a sentence is known. Text in quotes is data: untouched.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class StepKind(StrEnum):
    """What a sentence is for."""

    GIVEN = "given"
    """假如: prepares."""
    WHEN = "when"
    """当: commands a role."""
    THEN = "then"
    """那么: judges."""


STEP_KEYWORDS: dict[str, StepKind | None] = {
    "假如": StepKind.GIVEN,
    "假设": StepKind.GIVEN,
    "假定": StepKind.GIVEN,
    "当": StepKind.WHEN,
    "那么": StepKind.THEN,
    "而且": None,
    "并且": None,
    "同时": None,
    "但是": None,
    "*": None,
}
"""Every keyword of the zh-CN dialect; None takes the kind of the sentence before it."""

KEYWORD_OF = {StepKind.GIVEN: "假如", StepKind.WHEN: "当", StepKind.THEN: "那么"}
"""The keyword that messages and the catalogue show for a kind."""

ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
"""Characters that nobody sees; chat programs and web pages leave them in copied text."""

QUOTES = '"“”＂'

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|[“”＂][^"“”＂]*[“”＂"]')
_ASCII_WIDE = {
    chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"()'
}
_OUTSIDE = str.maketrans({**_ASCII_WIDE, "(": "（", ")": "）", "\u3000": " ", "\xa0": " "})
_SPACES = re.compile(r"\s+")
_NEEDLESS_SPACE = re.compile(
    r"(?<![A-Za-z0-9])\s|\s(?![A-Za-z0-9])"
    r"|(?<=[0-9])\s(?=[A-Za-z])|(?<=[A-Za-z])\s(?=[0-9])"
)
_HOLE_OR_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|\{[^{}]*\}|\d+(?:\.\d+)?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One line under 场景 or 背景, with its table or text block.

    Attributes:
        keyword: as written, such as ``而且``.
        kind: what it is for; 而且, 并且, 同时, 但是 and ``*`` take it from the sentence before.
        text: canonical text without the keyword.
        raw: text as written.
        line: 1-based line in the file.
        table: header and rows as cells, or None.
        table_lines: line of each row of ``table``.
        doc: text block, or None.
    """

    keyword: str
    kind: StepKind
    text: str
    line: int
    raw: str = ""
    table: tuple[tuple[str, ...], ...] | None = None
    table_lines: tuple[int, ...] = ()
    doc: str | None = None


def canonical(text: str) -> str:
    """The one form of a sentence: what stands in a feature file is compared in this form only.

    Quotes become ``"``; outside quotes, full-width letters, digits and punctuation become plain,
    round brackets become full-width, spaces beside Chinese text and numbers go; a colon or full
    stop at the end goes. A quote that is never closed stays as it is: see ``open_quote``.

    >>> canonical("在 １０ 秒内，LIS收到“HGB”：")
    '在10秒内,LIS收到"HGB"'
    """
    parts: list[str] = []
    end = 0
    for match in _QUOTED.finditer(text):
        parts.append(_outside(text[end : match.start()]))
        parts.append(f'"{match[0][1:-1]}"')
        end = match.end()
    parts.append(_outside(text[end:]))
    return "".join(parts).lstrip(",: ").rstrip(",。: ")


def _outside(text: str) -> str:
    text = _SPACES.sub(" ", text.translate(_OUTSIDE)).strip()
    return _NEEDLESS_SPACE.sub("", text) if " " in text else text


def open_quote(text: str) -> bool:
    """Whether a quote in ``text`` is never closed."""
    rest = _QUOTED.sub("", text)
    return any(quote in rest for quote in QUOTES)


def split_keyword(line: str) -> tuple[str, str]:
    """Keyword and rest of a line; an empty keyword where it begins with none."""
    line = line.strip()
    for keyword in STEP_KEYWORDS:
        if line.startswith(keyword):
            return keyword, line[len(keyword) :].strip()
    return "", line


def features_of(text: str) -> Counter[str]:
    """Pairs of neighbouring characters of a canonical sentence, its values and holes left out."""
    bare = _HOLE_OR_VALUE.sub("", text)
    padded = f"^{bare}$"
    return Counter(padded[index : index + 2] for index in range(len(padded) - 1))


def likeness(left: Counter[str], right: Counter[str]) -> float:
    """How alike two sentences are: 1.0 the same pairs of characters, 0.0 none in common (Dice)."""
    return 2.0 * (left & right).total() / (left.total() + right.total())
