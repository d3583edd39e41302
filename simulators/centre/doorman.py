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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.identity import card_numbers
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

RECORDS: Final[Mapping[str, str]] = {"mdtrt_id": "visits", "setl_id": "settlements"}
"""Members that name a record of the books, and the table of it."""

_NOBODYS_CARD: Final = re.compile(rf"{REGION_PREFIX}[0-9]{{15}}[0-9X]")
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
    found: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """Of our people whose numbers the call shows."""
    unheard: bool = False
    """A number of our namespace that the books do not have: they will say so, whoever it is."""

    def foreign(self) -> str:
        """The first place that names a stranger."""
        self.found = list(_members(self.call.input))
        armed = self._armed()
        numbers = {"psn_no", "psnno"}
        who = {value for name, value in self.found if name in numbers}
        once = bool(who) and self._was_armed(who)
        loose = set(HOLDER) if armed and self.call.infno == READS_CARD else set()
        for name, value in self.found:
            shown = KINDS.get(name) == "shown"
            if name in loose or (shown and (armed or once)) or name in NAMES | OWN_NUMBERS:
                continue
            if not self._number(name, value):
                return name
        for name, value in self.found:
            if name in NAMES - loose and not self._name(value):
                return name
        ours = bool(self.names) or self.unheard or armed
        for name, value in self.found:
            if name in OWN_NUMBERS and not ours and not self._number(name, value):
                return name
        return ""

    def _armed(self) -> bool:
        """Whether an unknown card of this terminal stands for one of our people."""
        return any(KINDS.get(name) == "shown" for name, _ in self.found) and arming.awaited(
            self.call, self.books
        )

    def _was_armed(self, numbers: set[str]) -> bool:
        """A HIS shows the card that was read again, beside the number that it was given."""
        return any(arming.was_used(self.books, number) for number in numbers)

    def _number(self, name: str, value: str) -> bool:
        rows = self._rows(name, value)
        if rows:
            ours = all(self.door.signed(row) for row in rows)
            self.names |= {_plain(row["psn_name"]) for row in rows} if ours else set()
            return ours
        if name in RECORDS:
            return True  # nobody's: the books refuse it
        known = bool(_GENERATED.fullmatch(value.upper())) or self.door.listed(value)
        self.unheard = self.unheard or known
        return known

    def _rows(self, name: str, value: str) -> list[Row]:
        """Whom a number of a call means in the books."""
        if name in RECORDS:
            sql = (f"SELECT p.* FROM {RECORDS[name]} r JOIN persons p ON p.psn_no = r.psn_no"
                   f" WHERE r.{name} = ?")  # fmt: skip
            return self.books.rows(sql, (value,))
        for column in ("psn_no", "certno", "card_no"):
            if rows := self.books.rows(f"SELECT * FROM persons WHERE {column} = ?", (value,)):
                return rows
        if KINDS.get(name) != "shown":
            return []
        token = value.removeprefix("A") if name == "authno" else value
        sql = ("SELECT p.* FROM persons p JOIN tokens t ON t.psn_no = p.psn_no"
               " WHERE t.ec_token = ?")  # fmt: skip
        return self.books.rows(sql, (token,)) or self.books.rows(
            "SELECT * FROM persons WHERE card_sn = ?", (value,)
        )

    def _name(self, value: str) -> bool:
        """A name is ours where one of our people is called so, or goes with an unheard number."""
        if _plain(value) in self.names or self.door.listed(value):
            return True
        sql = "SELECT psn_name, certno FROM persons WHERE psn_name = ?"
        if any(self.door.signed(row) for row in self.books.rows(sql, (value,))):
            return True
        return self.unheard and not self.names


def _members(value: Any) -> Iterator[tuple[str, str]]:
    """Every member of an input that may tell who somebody is; small names, values as text."""
    if isinstance(value, list):
        for one in value:
            yield from _members(one)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            if isinstance(one, Mapping | list):
                yield from _members(one)
            else:
                yield from _member(str(name).lower(), one)


def _member(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None or isinstance(value, bytes):
        return
    text = str(value).strip()
    if not text or KINDS.get(name) in {"birth", "terminal", "asked"}:
        return
    if name in KINDS or name in RECORDS:
        yield name, text
    elif not is_staff(name):
        for number in card_numbers(text):
            yield name, number


def _plain(text: str) -> str:
    """As people write it, without blanks."""
    return re.sub(r"\s+", "", text).upper()
