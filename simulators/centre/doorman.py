"""Who stands before a centre in the foreground: only test persons come in, whatever the books hold.

A real HIS calls ``simulate centre``. A person is let in who is generated (``harness.people``), is
on the signed list of the site's profile, or holds the card that a terminal was armed for. Books do
not decide: a person who got into them by any other way is a stranger, and so is one whose visit or
settlement they hold.

Looked at, in the input after the gateway has opened and checked it: what
``harness.identity_insurance`` lists, identity card numbers in any text, and whose visit
(``mdtrt_id``) or settlement (``setl_id``) is meant. Not looked at: files, pictures, and birth
dates, which tell nobody apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from harness.identity import ID_CARD_CHARS, card_numbers
from harness.identity_insurance import HOLDER, KINDS, NAMES, READS_CARD, is_staff
from harness.model import Person
from harness.people import ID_DIGITS, PREFIX, REGION_PREFIX
from simulators.centre import arming
from simulators.centre.ledger import Row
from simulators.centre.transaction import Books, Call, Statement
from simulators.store import insert

ALARM: Final = "alarm: "
"""How every note about a stranger begins."""

OWN_NUMBERS: Final = frozenset({"patn_id"})
"""Numbers that a HIS gives itself."""

_LATER: Final = NAMES | OWN_NUMBERS
"""Looked at once it is known whose numbers the call shows."""

RECORDS: Final[Mapping[str, str]] = {"mdtrt_id": "visits", "setl_id": "settlements"}
"""Members that name a record of the books, and the table of it."""

_NOBODYS_CARD: Final = re.compile(rf"{REGION_PREFIX}[0-9]{{15}}[0-9X]")
_TELLING: Final = frozenset(
    {name for name, kind in KINDS.items() if kind in {"text", "shown"}} | RECORDS.keys()
)
"""Members whose value means somebody, whatever it is."""

_PERSON: Final = frozenset({"psn_no", "psnno"})
_SHOWN: Final = frozenset(name for name, kind in KINDS.items() if kind == "shown")

_COLUMNS: Final = ("psn_no", "card_no", "certno")
"""Numbers of a person in the books."""

_GENERATED: Final = re.compile(
    rf"(?:{PREFIX}C?[0-9A-Z]{{{ID_DIGITS}}}|T?{REGION_PREFIX}[0-9]{{15}}[0-9X])"
)
"""A number of the reserved namespaces: a person, the card of one, or one of an import."""


@dataclass(slots=True)
class Doorman:
    """Knows who may be spoken of.

    Args:
        subjects: the signed test patients of the site's profile.
    """

    subjects: Sequence[Person] = ()
    _signed: frozenset[tuple[str, str]] = field(init=False)
    _known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._signed = frozenset((one.name, one.id_card) for one in self.subjects if one.id_card)
        self._known = frozenset(
            _plain(text) for one in self.subjects
            for text in (one.patient_id, one.name, one.id_card) if text
        )  # fmt: skip

    def stranger(self, call: Call, books: Books) -> str:
        """Where a call names somebody who is not ours; empty where it does not."""
        return _Look(self, call, books).foreign()

    def signed(self, row: Row) -> bool:
        """Whether a person of the books is one that may be spoken of."""
        card = str(row["certno"]).upper()
        return bool(_NOBODYS_CARD.fullmatch(card)) or (row["psn_name"], card) in self._signed

    def listed(self, value: str) -> bool:
        """Whether a signed test patient has this number, card or name."""
        return _plain(value) in self._known


def alarm(call: Call, place: str) -> tuple[str, Statement]:
    """The note and the row in the books: where and when, never who."""
    row = {
        "at": f"{call.at:%Y-%m-%d %H:%M:%S}",
        "fixmedins_code": call.fixmedins_code,
        "infno": call.infno,
        "msgid": call.msgid,
        "terminal": str(call.envelope.get("dev_no") or call.opter),
        "place": place,
    }
    told = (f"{ALARM}{place} of {call.infno} {call.msgid} from {row['terminal'] or 'no terminal'}"
            " names somebody who is no test person; nothing was done")  # fmt: skip
    return told, insert("alarms", row)


@dataclass(slots=True)
class _Look:
    """One call, looked at."""

    door: Doorman
    call: Call
    books: Books
    seen: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    """Persons of the books by what was asked: a call names the same one several times."""
    names: set[str] = field(default_factory=set)
    """Of our people whose numbers the call shows."""
    unheard: bool = False
    """A number of our namespace that the books do not have: they will say so, whoever it is."""

    def foreign(self) -> str:
        """The first place that names a stranger."""
        told = _members(self.call.input)
        shows = any(name in _SHOWN for name, _ in told)
        armed = shows and arming.awaited(self.call, self.books)
        spared = _SHOWN if armed or (shows and self._was_armed(told)) else frozenset()
        loose = HOLDER if armed and self.call.infno == READS_CARD else frozenset()
        later = []
        for name, value in told:
            if name in _LATER:
                later.append((name, value))
            elif name not in loose and name not in spared and not self._number(name, value):
                return name
        for name, value in later:
            if name in NAMES and name not in loose and not self._name(value):
                return name
        ours = bool(self.names) or self.unheard or armed
        for name, value in later:
            if name in OWN_NUMBERS and not ours and not self._number(name, value):
                return name
        return ""

    def _was_armed(self, told: Iterable[tuple[str, str]]) -> bool:
        """A HIS shows the card that was read again, beside the number that it was given."""
        return any(
            arming.was_used(self.books, value) for name, value in told if name in _PERSON
        )  # fmt: skip

    def _number(self, name: str, value: str) -> bool:
        rows = self._rows(name, value)
        if rows:
            for row in rows:
                if not self.door.signed(row):
                    return False
            self.names.update([_plain(row["psn_name"]) for row in rows])
            return True
        if name in RECORDS:
            return True  # nobody's: the books refuse it
        known = bool(_GENERATED.fullmatch(value.upper())) or self.door.listed(value)
        self.unheard = self.unheard or known
        return known

    def _rows(self, name: str, value: str) -> list[Row]:
        """Whom a number of a call means in the books."""
        # In the words of those who answer the call: what they ask next is read already.
        if name in RECORDS:
            found = self.books.rows(f"SELECT * FROM {RECORDS[name]} WHERE {name} = ?", (value,))
            numbers = dict.fromkeys(row["psn_no"] for row in found)
            return [row for number in numbers for row in self._persons("psn_no", number)]
        for column in _COLUMNS if name in _PERSON else _COLUMNS[::-1]:
            if rows := self._persons(column, value):
                return rows
        if name not in _SHOWN:
            return []
        token = value.removeprefix("A") if name == "authno" else value
        sql = ("SELECT p.* FROM persons p JOIN tokens t ON t.psn_no = p.psn_no"
               " WHERE t.ec_token = ?")  # fmt: skip
        return self.books.rows(sql, (token,)) or self.books.rows(
            "SELECT * FROM persons WHERE card_sn = ?", (value,)
        )

    def _persons(self, column: str, value: str) -> list[Row]:
        found = self.seen.get((column, value))
        if found is None:
            found = self.books.rows(f"SELECT * FROM persons WHERE {column} = ?", (value,))
            self.seen[column, value] = found
        return found

    def _name(self, value: str) -> bool:
        """A name is ours where one of our people is called so, or goes with an unheard number."""
        if _plain(value) in self.names or self.door.listed(value):
            return True
        sql = "SELECT psn_name, certno FROM persons WHERE psn_name = ?"
        if any(self.door.signed(row) for row in self.books.rows(sql, (value,))):
            return True
        return self.unheard and not self.names


def _members(value: Any) -> dict[tuple[str, str], None]:
    """Every member of an input that may tell who somebody is, once; small names, values as text."""
    found: dict[tuple[str, str], None] = {}
    _gather(value, found)
    return found


def _gather(value: Any, found: dict[tuple[str, str], None]) -> None:
    if isinstance(value, list):
        for one in value:
            _gather(one, found)
    elif isinstance(value, Mapping):
        for given, one in value.items():
            if isinstance(one, str):  # first: nearly every member is one
                text = one
            elif one is None or isinstance(one, bytes):
                continue
            elif isinstance(one, (dict, list, Mapping)):
                _gather(one, found)
                continue
            else:
                text = str(one)
            name = _sort(given)
            if name:
                if text := text.strip():
                    found[name, text] = None
            elif name is None and len(text) >= ID_CARD_CHARS:
                small = given.lower()
                found |= dict.fromkeys((small, number) for number in card_numbers(text))


@lru_cache(maxsize=8192)
def _sort(given: str) -> str | None:
    """The small name of a member that tells somebody; None of one whose text may, else empty."""
    name = given.lower()
    if name in _TELLING:
        return name
    return "" if name in KINDS or is_staff(name) else None


def _plain(text: str) -> str:
    """As people write it, without blanks."""
    return "".join(text.split()).upper()
