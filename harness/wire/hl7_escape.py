r"""Delimiters and escape sequences (HL7 2.5.1 §2.5.4, §2.7).

Text is unescaped exactly once when it is read and escaped exactly once when it is written.
Formatting sequences (``\.br\``, ``\H\``, ``\N\``, ``\Zxx\``, ``\Cxxyy\``, ``\Mxxyyzz\``) have no
plain text that they could stand for: reading keeps them, and writing leaves them as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

from harness.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

DELIMITER_SETS_CACHED: Final = 64
"""Patterns kept compiled; a site has a handful of delimiter sets."""

_FORMATTING: Final = (
    r"\.(?:br|fi|nf|ce)|\.(?:sp|sk|in|ti) ?[+-]?\d{0,4}|[HN]"
    r"|C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{2})?"
)
_LOCAL: Final = r"Z[0-9A-Za-z_.+-]{0,32}"
"""Locally defined sequences; bounded, so that two stray escape characters in text do not pair."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The separators of one message, each one ASCII character, or empty where it has none.

    Attributes:
        field: MSH-1.
        component: first character of MSH-2, and so on in the order of the standard.
        truncation: fifth character of MSH-2 (2.7 and later, but seen before).
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @classmethod
    def of_header(cls, segment: bytes) -> tuple[Self, str]:
        """Those that a header segment names, and the code of what is wrong with them, if any.

        Where MSH-1 is unusable the standard's own are taken, so that the rest can be read.
        """
        head = segment[3:4]
        if not _usable(head):
            return cls(), "hl7.delimiters-missing"
        characters = segment[4:].partition(head)[0]
        problem = ""
        if not _usable(characters):
            field = head.decode("ascii")
            others = ("|" if sign == field else sign for sign in "^~\\&")
            return cls(field, *others), "hl7.delimiters-missing"
        if len(set(head + characters[:5])) < 1 + len(characters[:5]):
            problem = "hl7.delimiters-duplicated"
        elif not 4 <= len(characters) <= 5:
            problem = "hl7.delimiters-short" if len(characters) < 4 else "hl7.delimiters-long"
        named = [*characters[:5].decode("ascii"), "", "", "", ""][
            :5
        ]  # what is not named is not used
        return cls(head.decode("ascii"), *named), problem

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


def _usable(characters: bytes) -> bool:
    """Printable ASCII that cannot be mistaken for data: HL7 2.5.1 §2.5.4 suggests punctuation."""
    return bool(re.fullmatch(rb"[!-/:-@\[-`{-~]+", characters))


STANDARD: Final = Delimiters()


@dataclass(frozen=True, slots=True)
class _Rules:
    known: re.Pattern[str]
    """Every sequence that means something; group 1 one letter, group 2 hexadecimal data."""
    special: re.Pattern[str]
    """What writing must replace; group 1 is formatting, which it keeps."""
    suspect: re.Pattern[str]
    """What each of these begins with: a text without it stays as it is."""
    meaning: dict[str, str]
    letters: dict[str, str]


@lru_cache(maxsize=DELIMITER_SETS_CACHED)
def _rules(delimiters: Delimiters) -> _Rules:
    escape = re.escape(delimiters.escape)
    meaning = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent or "&",
        "R": delimiters.repetition or "~",
        "E": delimiters.escape,
        "P": delimiters.truncation or "#",
    }
    written = {
        delimiters.field: "F",
        delimiters.component: "S",
        delimiters.subcomponent: "T",
        delimiters.repetition: "R",
        delimiters.escape: "E",
        delimiters.truncation: "P",
    }
    letters = {character: letter for character, letter in written.items() if character}
    characters = re.escape("".join(letters))
    keep = f"{escape}(?:{_FORMATTING}|{_LOCAL}){escape}" if escape else "(?!)"  # nothing
    return _Rules(
        known=re.compile(f"{escape}(?:([FSTREP])|X([0-9A-Fa-f]+)|{_FORMATTING}|{_LOCAL}){escape}"),
        special=re.compile(f"({keep})|[{characters}\\x00-\\x1f]"),
        suspect=re.compile(f"[{characters}\\x00-\\x1f]"),
        meaning=meaning,
        letters=letters,
    )


def unescape(text: str, delimiters: Delimiters, codec: str) -> str:
    r"""Plain text of a leaf; hexadecimal data is decoded with ``codec``.

    What is no escape sequence, such as the lone backslash of ``4\5``, stays as it is.

    >>> unescape(r"A\T\B \.br\ 4\5", STANDARD, "ascii")
    'A&B \\.br\\ 4\\5'
    """
    if not delimiters.escape or delimiters.escape not in text:
        return text
    rules = _rules(delimiters)

    def plain(match: re.Match[str]) -> str:
        if match[1]:
            return rules.meaning[match[1]]
        if match[2]:
            decoded = _from_hex(match[2], codec)
            return match[0] if decoded is None else decoded
        return match[0]

    return rules.known.sub(plain, text)


def escape(text: str, delimiters: Delimiters) -> str:
    r"""Plain text as it stands in a leaf.

    Control characters become hexadecimal data, so that a line break cannot end the segment.
    ``InputError`` for text that must be escaped in a message without an escape character.

    >>> escape("A&B|C", STANDARD)
    'A\\T\\B\\F\\C'
    """
    rules = _rules(delimiters)
    sign = delimiters.escape
    if rules.suspect.search(text) is None:
        return text
    if not sign:
        raise InputError(f"{text!r} needs an escape character, and the message names none")

    def written(match: re.Match[str]) -> str:
        if match[1]:
            return match[0]
        letter = rules.letters.get(match[0])
        return f"{sign}{letter}{sign}" if letter else f"{sign}X{ord(match[0]):02X}{sign}"

    return rules.special.sub(written, text)


def _from_hex(digits: str, codec: str) -> str | None:
    try:
        return bytes.fromhex(digits).decode(codec)
    except ValueError:  # an odd number of digits, or bytes that are no text of the codec
        return None


@lru_cache(maxsize=DELIMITER_SETS_CACHED)
def _suspects(delimiters: Delimiters) -> re.Pattern[bytes]:
    sign = re.escape(delimiters.escape)
    return re.compile(
        f"{sign}(?:[FSTREP]|(X[0-9A-Fa-f]+)|{_FORMATTING}|{_LOCAL}){sign}|({sign})".encode("ascii")
    )


def escape_problems(
    data: bytes, begin: int, delimiters: Delimiters, codec: str
) -> Iterator[tuple[str, int]]:
    """Code and offset of every escape character in ``data`` from ``begin`` that is misused."""
    if not delimiters.escape:
        return
    for match in _suspects(delimiters).finditer(data, begin):
        if match[2]:
            yield "hl7.lone-escape", match.start()
        elif match[1] and _from_hex(match[1][1:].decode("ascii"), codec) is None:
            yield "hl7.escape-malformed", match.start()
