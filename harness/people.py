"""Generated people: deterministic, recognisable, and no real person's identity.

Everything about a generated person follows from the patient number, and the number from seed and
index. So ``is_generated`` can check a whole person, and no one gets a real name into a payload by
putting our prefix in front of a number.

The reserved namespaces:

* patient numbers and specimen ids begin with ``MH`` (a site that uses this prefix itself must not
  let the project near that system);
* specimen ids that begin with zeros are ``00`` and eight digits, for the one check that needs them;
* identity card numbers begin with ``19``: GB/T 2260 gives 11 to 15 to the north of China and has
  allotted no 16 to 20, so no person can have such a number, while its check digit (GB 11643), its
  birth date and its sex digit hold. A system that checks the region code refuses these numbers;
  there, list real test patients in the profile.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import mul
from typing import Any

from harness import resources
from harness.errors import InputError
from harness.i18n import tr
from harness.model import Person

PREFIX = "MH"
"""Reserved prefix of patient numbers and specimen ids."""

REGION_PREFIX = "19"
"""Province level of GB/T 2260 that is allotted to nobody."""

KINDS = ("ordinary", "trail-byte", "rare", "utf8-alike", "dot", "long")
"""Classes of names; each provokes a character set fault of its own."""

BARCODE_KINDS = ("ordinary", "leading-zeros")
"""Classes of specimen ids."""

ID_DIGITS = 10
"""Characters after the prefix: 32^10 numbers, so a run of a million people meets itself with a
probability below one in a thousand; 12 characters fit the 13 of the shortest barcode field met."""

FIRST_BIRTH, LAST_BIRTH = date(1936, 1, 1), date(2015, 12, 31)
"""Adults and schoolchildren; fixed, so that a seed means the same people next year."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PATIENT_ID = re.compile(rf"{PREFIX}[{_ALPHABET}]{{{ID_DIGITS}}}")
_BARCODE = re.compile(rf"{PREFIX}[{_ALPHABET}]{{{ID_DIGITS}}}(?:-[0-9A-Z]{{1,3}})?|00[0-9]{{8}}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_ID_CARD = re.compile(r"[0-9]{17}[0-9X]")


def generate(seed: int, index: int, *, kind: str = "ordinary") -> Person:
    """The person number ``index`` of a seed.

    Args:
        seed: of the scenario.
        index: 0, 1, ... within it.
        kind: one of ``KINDS``.

    Raises:
        InputError: no such kind.
    """
    _known(kind, KINDS)
    return _derive(PREFIX + _letters("person", seed, index, kind), kind)


def is_generated(person: Person) -> bool:
    """Whether every part of a person comes from the generated namespace."""
    if not _PATIENT_ID.fullmatch(person.patient_id):
        return False
    return any(person == _derive(person.patient_id, kind) for kind in KINDS)


def barcode(seed: int, index: int, *, kind: str = "ordinary") -> str:
    """The specimen id number ``index`` of a seed.

    Raises:
        InputError: no such kind.
    """
    _known(kind, BARCODE_KINDS)
    if kind == "leading-zeros":
        return f"00{_number('specimen', seed, index) % 10**8:08d}"
    return PREFIX + _letters("specimen", seed, index)


def is_barcode(text: str) -> bool:
    """Whether a specimen id lies in a reserved namespace."""
    return _BARCODE.fullmatch(text) is not None


def check_character(first_17: str) -> str:
    """The 18th character of an identity card number (GB 11643-1999 §4.2.4, ISO 7064 MOD 11-2)."""
    if len(first_17) != len(_WEIGHTS):
        raise ValueError(f"an identity card number has {len(_WEIGHTS)} digits before its check")
    total = sum(map(mul, map(int, first_17), _WEIGHTS))
    return _CHECKS[total % 11]


def id_card_problem(id_card: str, *, sex: str, birth: str) -> str:
    """Why an identity card number is not that of a person; empty if it may be."""
    if not _ID_CARD.fullmatch(id_card):
        return tr("an identity card number has 17 digits and a digit or X")
    if check_character(id_card[:17]) != id_card[17]:
        return tr("the check digit of the identity card number does not hold")
    if id_card[6:14] != birth:
        return tr("the identity card number tells another birth date")
    if sex in {"M", "F"} and (int(id_card[16]) % 2 == 1) != (sex == "M"):
        return tr("the identity card number tells another sex")
    return ""


def _known(kind: str, kinds: Sequence[str]) -> None:
    if kind not in kinds:
        raise InputError(
            tr("unknown kind “{kind}”", kind=kind),
            remedy=tr("use one of: {known}", known=", ".join(kinds)),
        )


def _number(*about: object) -> int:
    """A large number that depends on nothing but its arguments."""
    text = "|".join(("medharness", *map(str, about)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def _letters(*about: object) -> str:
    number = _number(*about)
    letters = []
    for _ in range(ID_DIGITS):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def _derive(patient_id: str, kind: str) -> Person:
    draw = _Draw(patient_id, kind)
    sex = draw.one("sex", "MF")
    days = (LAST_BIRTH - FIRST_BIRTH).days + 1
    day = date.fromordinal(FIRST_BIRTH.toordinal() + draw.below("birth", days))
    birth = day.strftime("%Y%m%d")
    sequence = 2 * draw.below("sequence", 499) + (1 if sex == "M" else 2)
    first_17 = f"{REGION_PREFIX}{draw.below('region', 10_000):04d}{birth}{sequence:03d}"
    return Person(
        patient_id=patient_id,
        name=_NAMES[kind](draw, sex),
        sex=sex,
        birth=birth,
        id_card=first_17 + check_character(first_17),
    )


@dataclass(frozen=True, slots=True)
class _Draw:
    """Choices that depend on the person and on what is chosen, never on order."""

    patient_id: str
    kind: str

    def below(self, what: str, bound: int) -> int:
        """A number from 0 to ``bound - 1``."""
        return _number(self.patient_id, self.kind, what) % bound

    def one(self, what: str, choices: Sequence[str]) -> str:
        """One of the choices."""
        return choices[self.below(what, len(choices))]


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Any]:
    with resources.fixture("people", "names.toml").open("rb") as file:
        return tomllib.load(file)


def _given(draw: _Draw, sex: str, count: int) -> str:
    letters = _tables()["given_male" if sex == "M" else "given_female"]
    return "".join(draw.one(f"given {number}", letters) for number in range(count))


def _ordinary(draw: _Draw, sex: str) -> str:
    """Two, three or four characters, as nearly all names in China have."""
    length = draw.below("length", 10)
    if length == 0:
        compound: str = draw.one("surname", _tables()["compound_surnames"])
        return compound + _given(draw, sex, 1 + draw.below("given", 2))
    surname: str = draw.one("surname", _tables()["surnames"])
    return surname + _given(draw, sex, 1 if length <= 3 else 2)


def _trail_byte(draw: _Draw, sex: str) -> str:
    """A character whose second GBK byte is a delimiter of HL7 or ASTM."""
    table = _tables()["trail_byte"]
    letters = table[draw.one("delimiter", sorted(table))]
    surname = draw.one("surname", _tables()["surnames"])
    return surname + draw.one("trail", letters) + _given(draw, sex, 1)


def _rare(draw: _Draw, sex: str) -> str:
    """A character outside GBK that takes four bytes in GB 18030, sometimes one of two bytes too."""
    table = _tables()["rare"]
    last = draw.one("two", table["two_byte"]) if draw.below("both", 3) == 0 else ""
    surname = draw.one("surname", _tables()["surnames"])
    return surname + draw.one("four", table["four_byte"]) + (last or _given(draw, sex, 1))


def _utf8_alike(draw: _Draw, sex: str) -> str:  # noqa: ARG001 - one signature for all kinds
    """GBK bytes that are valid UTF-8 as well, so that a guess at the character set goes wrong."""
    table = _tables()["utf8_alike"]
    given = "".join(draw.one(f"given {number}", table["given"]) for number in range(2))
    return draw.one("surname", table["surnames"]) + given


def _dot(draw: _Draw, sex: str) -> str:
    """A name with the middle dot U+00B7."""
    table = _tables()["dot"]
    first = table["first_male" if sex == "M" else "first_female"]
    return f"{draw.one('first', first)}·{draw.one('second', table['second'])}"


def _long(draw: _Draw, sex: str) -> str:  # noqa: ARG001 - one signature for all kinds
    """Longer than the 20 characters or 40 bytes of the fixed columns that are met most."""
    parts = _tables()["long"]["parts"]
    return "·".join(draw.one(f"part {number}", parts) for number in range(4))


_NAMES = {
    "ordinary": _ordinary,
    "trail-byte": _trail_byte,
    "rare": _rare,
    "utf8-alike": _utf8_alike,
    "dot": _dot,
    "long": _long,
}
