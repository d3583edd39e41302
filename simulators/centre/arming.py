"""Arming: the next unknown card, credential or token from a terminal stands for a test person.

At a real site nobody has a card that our centre knows. Whoever stands at the terminal holds some
card or phone; for one read it is taken for a person of our books. What is shown is not kept, save
for a token, which the HIS shows again while it pays; every arming and what became of it stays in
the books, and each use leaves a note in the trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from simulators.centre.credential import TOKEN, TOKEN_MINUTES
from simulators.centre.ids import fresh
from simulators.centre.ledger import Row, one
from simulators.centre.persons import find
from simulators.centre.rules import Refusal, text
from simulators.centre.transaction import Books, Call, Handled, Handler, Statement
from simulators.store import Store, insert

MARK: Final = "arming: "
"""How every note about an arming begins."""

USED, REPLACED, WITHDRAWN = "used", "replaced", "withdrawn"
OPEN, EXPIRED = "open", "expired"
"""States of an arming; the last two follow from the time."""

MINUTES_DEFAULT: Final = 10
MINUTES_MAX: Final = 120
"""Longer than any patient is dealt with at a window; a forgotten arming must not last the night."""

TERMINAL_CHARS_MAX: Final = 100
"""``dev_no`` of the envelope is C100."""

_STANDING: Final = (
    "SELECT a.*, COALESCE(e.how, '') AS how, COALESCE(e.infno, '') AS infno,"
    " COALESCE(e.msgid, '') AS msgid, COALESCE(e.kind, '') AS kind"
    " FROM armings a LEFT JOIN arming_ends e ON e.arm_id = a.arm_id"
)
_FORMAT: Final = "%Y-%m-%d %H:%M:%S"


def resolve(books: Books, named: str) -> Row:
    """The person of the books by number, identity card, card, or a name that only one has.

    Raises:
        InputError: nobody, or several.
    """
    for column in ("psn_no", "certno", "card_no", "psn_name"):
        rows = books.rows(f"SELECT * FROM persons WHERE {column} = ? ORDER BY psn_no", (named,))
        if len(rows) > 1:
            raise InputError(
                tr("{count} persons of the centre are called “{name}”", count=len(rows),
                   name=named), remedy=tr("name the number of the person"))  # fmt: skip
        if rows:
            return rows[0]
    raise InputError(
        tr("the centre knows nobody as “{name}”", name=named),
        remedy=tr("take test persons in with medharness centre import --persons"),
    )


def arm(
    books: Books,
    seed: int,
    named: str,
    terminal: str,
    at: datetime,
    *,
    minutes: int = MINUTES_DEFAULT,
    again: bool = False,
) -> tuple[Row, list[Statement]]:
    """Arm a person for a terminal: the row, and what is written.

    Args:
        books: of the centre.
        seed: from which ids are made.
        named: the person, as ``resolve`` takes it.
        terminal: ``dev_no`` or ``opter`` of the messages of that terminal.
        at: civil time of the centre.
        minutes: how long it waits for something unknown.
        again: put it in the place of one that still stands.

    Raises:
        InputError: no such person or terminal, or the terminal is armed already.
    """
    terminal = terminal.strip()
    if not 0 < len(terminal) <= TERMINAL_CHARS_MAX:
        raise InputError(
            tr("no terminal is named like that: “{name}”", name=terminal[:120]),
            remedy=tr("dev_no of its messages, or opter where that is empty"),
        )
    if not 1 <= minutes <= MINUTES_MAX:
        raise InputError(tr("an arming lasts from 1 to {most} minutes", most=MINUTES_MAX))
    who = resolve(books, named)
    now = f"{at:{_FORMAT}}"
    statements: list[Statement] = []
    for standing in _open(books, now, terminal):
        if not again:
            raise InputError(
                tr("terminal {terminal} is armed already, for {person} until {until}",
                   terminal=terminal, person=standing["psn_no"], until=standing["until"]),
                remedy=tr("wait, or say --replace"))  # fmt: skip
        statements.append(_ended(standing, REPLACED, now))
    row = {
        "arm_id": fresh(books, "armings", "arm_id", seed, terminal, who["psn_no"], now),
        "psn_no": who["psn_no"],
        "terminal": terminal,
        "armed_time": now,
        "until": f"{at + timedelta(minutes=minutes):{_FORMAT}}",
    }
    return {**row, "psn_name": who["psn_name"]}, [*statements, insert("armings", row)]


def withdraw(books: Books, terminal: str, at: datetime) -> list[Statement]:
    """Take back what stands for a terminal.

    Raises:
        InputError: nothing does.
    """
    now = f"{at:{_FORMAT}}"
    found = _open(books, now, terminal.strip())
    if not found:
        raise InputError(tr("nothing is armed for terminal {terminal}", terminal=terminal))
    return [_ended(one_, WITHDRAWN, now) for one_ in found]


def listed(books: Books, at: datetime) -> list[Row]:
    """Every arming with its ``state``, the oldest first."""
    now = f"{at:{_FORMAT}}"
    rows = books.rows(f"{_STANDING} ORDER BY a.armed_time, a.arm_id")
    return [
        {**row, "state": row["how"] or (EXPIRED if row["until"] < now else OPEN)} for row in rows
    ]


def _open(books: Books, now: str, terminal: str) -> list[Row]:
    where = " WHERE e.arm_id IS NULL AND a.until >= ? AND a.terminal = ? ORDER BY a.armed_time"
    return books.rows(_STANDING + where, (now, terminal))


def awaited(call: Call, books: Books) -> bool:
    """Whether the terminal of a call is armed, or this very message has used it already."""
    terminals = {str(call.envelope.get("dev_no") or ""), call.opter} - {""}
    if not any(_ever(books, "terminal", one_) for one_ in terminals):
        return False
    now = f"{call.at:{_FORMAT}}"
    return any(
        _same(row, call) or (not row["how"] and row["until"] >= now)
        for row in books.rows(_STANDING)
        if row["terminal"] in terminals
    )


def was_used(books: Books, psn_no: str) -> bool:
    """Whether something unknown was once taken for this person."""
    where = " WHERE a.psn_no = ? AND e.how = ?"
    return _ever(books, "psn_no", psn_no) and bool(books.rows(_STANDING + where, (psn_no, USED)))


def _ever(books: Books, column: str, value: str) -> bool:
    """Whether anything was ever armed there: asked with every call, and mostly not so."""
    return bool(books.rows(f"SELECT arm_id FROM armings WHERE {column} = ?", (value,)))


def _ended(row: Row, how: str, now: str, call: Call | None = None, kind: str = "") -> Statement:
    infno, msgid = (call.infno, call.msgid) if call is not None else ("", "")
    values = {"arm_id": row["arm_id"], "how": how, "infno": infno, "msgid": msgid,
              "kind": kind, "at": now}  # fmt: skip
    return insert("arming_ends", values)


# -- a call that shows something unknown -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a call shows: ``kind`` as notes name it, the node, its value and whose it says it is."""

    kind: str
    node: str
    value: str
    psn_no: str


def _shown(call: Call) -> _Shown | None:
    for name, rows in call.input.items():
        row = rows[0] if isinstance(rows, list) and rows else rows
        if not isinstance(row, Mapping):
            continue
        psn_no = text(row, "psn_no") or text(row, "psnNo")
        if call.infno == "6101" and text(row, "businessInfo"):
            return _Shown("code", name, text(row, "businessInfo"), psn_no)
        if value := text(row, "ecToken"):
            return _Shown("token", name, value, psn_no)
        kind = text(row, "mdtrt_cert_type")
        if kind == TOKEN:
            return _Shown("token", name, text(row, "mdtrt_cert_no"), psn_no)
        if kind and call.infno == "1101":
            return _Shown("card", name, text(row, "mdtrt_cert_no"), psn_no)
    return None


def _known(books: Books, call: Call, shown: _Shown) -> bool:
    if shown.kind == "token":
        return one(books, "SELECT 1 FROM tokens WHERE ec_token = ?", shown.value) is not None
    if shown.kind == "code":
        return any(find(books, cert, shown.value, "") for cert in ("02", "03"))
    row = _node(call, shown)
    cert = text(row, "mdtrt_cert_type")
    return find(books, cert, shown.value, text(row, "certno")) is not None


def again(call: Call, store: Store, handler: Handler, refused: Handled) -> Handled:
    """What a refused call leads to where a person is armed for its terminal; else the refusal.

    A card is taken for the person's own for this one call. A token goes into the books as the
    person's, for as long as any token is good. The same message, sent again, is the same read.
    """
    try:
        shown = _shown(call)
        if shown is None or not shown.value or _known(store, call, shown):
            return refused
        return _looked_up(call, store, handler, refused, shown)
    except Refusal:  # a field that is no text: it was refused for that already
        return refused


def _looked_up(
    call: Call, store: Store, handler: Handler, refused: Handled, shown: _Shown
) -> Handled:
    now = f"{call.at:{_FORMAT}}"
    found = [row for row in store.rows(f"{_STANDING} ORDER BY a.armed_time")
             if not row["how"] or _same(row, call)]  # fmt: skip
    if not found:
        return refused
    terminals = [name for name in (text(call.envelope, "dev_no"), call.opter) if name]
    here = [row for name in terminals for row in found if row["terminal"] == name]
    armed = next((row for row in here if row["how"] == USED or row["until"] >= now), None)
    if armed is None:
        return replace(refused, note=_why_not(call, shown, terminals, here, found, now))
    if shown.psn_no not in {"", armed["psn_no"]}:
        told = f"{MARK}{armed['psn_no']} is not used: {_what(call, shown)} names another person"
        return replace(refused, note=told)
    statements = _token(call, shown, armed)
    if armed["how"] != USED:
        statements.append(_ended(armed, USED, now, call, shown.kind))
    store.commit(statements)
    note = f"{MARK}{armed['psn_no']} stands for {_what(call, shown)} at {armed['terminal']}"
    return replace(handler(_instead(call, store, shown, armed), store), note=note)


def _same(row: Row, call: Call) -> bool:
    return row["how"] == USED and (row["msgid"], row["infno"]) == (call.msgid, call.infno)


def _token(call: Call, shown: _Shown, armed: Row) -> list[Statement]:
    if shown.kind != "token":
        return []
    until = f"{call.at + timedelta(minutes=TOKEN_MINUTES):{_FORMAT}}"
    return [insert("tokens", {"ec_token": shown.value, "psn_no": armed["psn_no"],
                              "business": "armed", "until": until})]  # fmt: skip


def _instead(call: Call, store: Store, shown: _Shown, armed: Row) -> Call:
    """The call with the person's own identity card in the place of what was shown."""
    if shown.kind == "token":
        return call  # the books know it by now
    (who,) = store.rows("SELECT certno FROM persons WHERE psn_no = ?", (armed["psn_no"],))
    own = {"mdtrt_cert_type": "02", "mdtrt_cert_no": who["certno"], "certno": "", "psn_name": ""}
    changed = {"businessInfo": who["certno"]} if shown.kind == "code" else own
    return replace(call, input={**call.input, shown.node: {**_node(call, shown), **changed}})


def _node(call: Call, shown: _Shown) -> Mapping[str, Any]:
    rows = call.input[shown.node]
    row: Mapping[str, Any] = rows[0] if isinstance(rows, list) else rows
    return row


def _what(call: Call, shown: _Shown) -> str:
    """Without what is shown itself: it is somebody's."""
    return f"an unknown {shown.kind} in {call.infno} {call.msgid}"


def _why_not(
    call: Call, shown: _Shown, terminals: list[str], here: list[Row], found: list[Row], now: str
) -> str:
    if here:
        return f"{MARK}that of {here[-1]['terminal']} ended at {here[-1]['until']}: not used"
    standing = sorted({row["terminal"] for row in found if row["until"] >= now})
    if not standing:
        return ""
    return (f"{MARK}{_what(call, shown)} from {' / '.join(terminals) or 'no terminal'};"
            f" armed are {', '.join(standing)}")  # fmt: skip
