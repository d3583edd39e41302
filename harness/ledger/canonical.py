"""The canonical row of a settlement, as SQL over the text (or the typed columns) of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money, when
from harness.ledger.columns import AMOUNTS, FLAG, KEYS, SHORT, TIME
from harness.ledger.sides import Part, Side

_IDS: Final = ("setl_id", "msgid", "mdtrt_id", "psn_no", "medins_setl_id", "init_setl_id")
_NARROW: Final = 10**12
"""Yuan below which an amount takes the fast way."""

_BEGINS_NO_NUMBER: Final = "NOT ({0} >= '0' AND {0} < ':')"
_PLAIN_ID: Final = r"\s*[0-9A-Za-z._:/-]*\s*"
_USUAL_ID: Final = r"[0-9A-Z](?:[\x00-\x7f]*[!-\x7f])?"
"""ASCII that begins with a digit or capital and does not end in white space: most ids."""
_NO_ID: Final = frozenset({"", "null", "none", "nan", "\\n", "-", "无"})
_YES: Final = ("1", "Y", "YES", "T", "TRUE", "是", "退", "退费")
_NOTHING: Final = ("", "NULL", "NONE", "NAN", "-")


def _choice(
    cell: str, words: tuple[str, ...], then: str, otherwise: str, *, brief: bool = False
) -> str:
    """SQL: one value where the cell is one of a few words.

    Not ``IN``: from a handful of words on, the engine joins with a table of them instead, for
    every column of the view and even where nobody reads it; that was most of the run. Where it
    plans nothing, and that is for few rows, ``IN`` takes a quarter of the time.
    """
    if brief:
        listed = ", ".join(f"'{one}'" for one in words)
        return f"CASE WHEN {cell} IN ({listed}) THEN {then} ELSE {otherwise} END"
    whens = " ".join(f"WHEN '{one}' THEN {then}" for one in words)
    return f"CASE {cell} {whens} ELSE {otherwise} END"


def word(text: str) -> str | None:
    """An identifier or code tidied: half-width, upper case, nothing around it."""
    plain = money.tidy(text)
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    plain = plain.lstrip("'`").strip().upper()
    return None if plain.lower() in _NO_ID or not plain.strip("0") else plain


def odd_condition(name: str, cell: str, *, brief: bool = False) -> str:
    """SQL: this cell is written in a way that Python has to read.

    Args:
        name: canonical name of the column.
        cell: SQL of the cell.
        brief: told as shortly as can be, for few rows: the other text runs quicker.
    """
    if name in AMOUNTS:
        return f"{cell} IS NOT NULL AND NOT regexp_full_match({cell}, '{money.PLAIN_SQL}')"
    if name == TIME:
        return f"{cell} IS NOT NULL AND NOT regexp_full_match({cell}, '{when.PLAIN_SQL}')"
    if name in _IDS and brief:
        return f"NOT regexp_full_match({cell}, '{_USUAL_ID}|{_PLAIN_ID}')"
    if name in _IDS:
        # The same as _USUAL_ID says.
        usual = (
            f"strlen({cell}) = length({cell}) AND {cell} >= '0' AND {cell}[-1] > ' '"
            f" AND ({cell} < ':' OR ({cell} >= 'A' AND {cell} < '['))"
        )
        strange = f"NOT regexp_full_match({cell}, '{_PLAIN_ID}')"
        return f"{cell} IS NOT NULL AND CASE WHEN {usual} THEN FALSE ELSE {strange} END"
    return f"{cell} IS NOT NULL AND strlen({cell}) <> length({cell})"


def typed(by_name: dict[str, str], types: dict[str, str]) -> bool:
    """Whether every amount and time has a type, so that no text has to be read."""
    columns = [by_name[name] for name in (*AMOUNTS, TIME) if name in by_name]
    return all(types[column] != "VARCHAR" for column in columns)


def _money(name: str, cell: str, kind: str, odd: str) -> str:
    if kind == "VARCHAR":
        usual = f"CAST(CAST({cell} AS DECIMAL(18,2)) * 100 AS BIGINT)"
        plain = f"regexp_full_match({cell}, '{money.PLAIN_SQL}')"
        return f"CASE WHEN {plain} THEN {usual} ELSE {odd}.fen END" if odd else usual
    if kind.startswith("DECIMAL"):
        # The product of the narrow type still fits 64 bits; of the wide one it takes 128.
        small = "CAST(100 AS DECIMAL(3,0))"
        fits = f"{cell} > {-_NARROW} AND {cell} < {_NARROW}"
        wide = f"CAST({cell} * 100 AS BIGINT)"
        if not kind.endswith(",2)"):
            return wide
        return (
            f"CASE WHEN {fits} THEN CAST(CAST({cell} AS DECIMAL(15,2)) * {small} AS BIGINT)"
            f" ELSE {wide} END"
        )
    if "INT" in kind:
        return f"CAST({cell} AS BIGINT) * 100"
    raise InputError(
        tr("{column} has type {kind}: amounts need an exact type", column=name, kind=kind),
        remedy=tr("export the column as text or as DECIMAL(16,2)"),
    )


def _time(cell: str, kind: str, odd: str) -> str:
    if kind != "VARCHAR":
        return f"CAST({cell} AS TIMESTAMP)"
    usual = f"TRY_CAST({cell} AS TIMESTAMP)"
    if not odd:
        return usual
    return (
        f"CASE WHEN regexp_full_match({cell}, '{when.PLAIN_SQL}') THEN {usual}"
        f" ELSE TRY_CAST({odd}.word AS TIMESTAMP) END"
    )


def _word(name: str, cell: str, kind: str, odd: str, *, brief: bool = False) -> str:
    text = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    plain = f"UPPER(TRIM({text}))"
    # An id of zeros only is what programs write where they have none.
    usual = _choice(plain, _NOTHING, "NULL", plain, brief=brief)
    if name in _IDS:
        # What begins with another digit or letter is neither zeros nor a word for nothing, and
        # ASCII without a blank needs no trimming; most ids are so, and this is cheap.
        begins = f"{text} >= '1' AND {text} < '[' AND ({text} < 'N' OR {text} >= 'O')"
        easy = f"{begins} AND NOT contains({text}, ' ') AND strlen({text}) = length({text})"
        zeros = f"CASE WHEN LTRIM({plain}, '0') = '' THEN NULL ELSE {usual} END"
        empty = f"regexp_full_match({plain}, '{'|'.join(('0*', *_NOTHING))}')"
        usual = f"CASE WHEN {easy} THEN UPPER({text}) ELSE {zeros} END"
        if brief:
            usual = f"CASE WHEN {empty} THEN NULL ELSE {plain} END"
    return (
        f"CASE WHEN {odd_condition(name, cell)} THEN {odd}.word ELSE {usual} END" if odd else usual
    )


def _flag(cell: str, kind: str, *, brief: bool) -> str:
    """1 where the row says that it is a refund."""
    if "INT" in kind:
        return f"CASE WHEN {cell} = 1 THEN 1 ELSE 0 END"
    return _choice(f"UPPER(TRIM(CAST({cell} AS VARCHAR)))", _YES, "1", "0", brief=brief)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the rows of one file are written as canonical rows.

    Args:
        listed: every column and its SQL over ``t``.
        stored: those that have to be computed, where the rows are kept.
        again: every column over the rows that were kept.
        table: what holds the file.
        joins: the tables of unusual spellings.
        number: SQL of the row number in ``table``.
    """

    listed: str
    stored: str
    again: str
    table: str
    joins: str
    number: str

    def every(self) -> str:
        """SELECT of all rows."""
        return f"SELECT {self.listed} FROM {self.table} t {self.joins}"

    def some(self, condition: str) -> str:
        """SELECT of the rows whose number fulfils ``condition``; others are not tidied at all."""
        rows = f"(SELECT * FROM {self.table} WHERE {self._chosen(condition)})"
        return f"SELECT {self.listed} FROM {rows} t {self.joins}"

    def _chosen(self, condition: str) -> str:
        # A filter on the plain column reaches the reader of the file; one on a sum does not.
        column, _, before = self.number.partition(" + ")
        if not condition.startswith("IN ("):
            return f"{self.number} {condition}"
        return f"{column} IN (SELECT r - ({before}) FROM ({condition[4:-1]}) q(r))"

    def kept(self) -> str:
        """SELECT of what has to be kept of every row."""
        return f"SELECT {self.stored} FROM {self.table} t {self.joins}"


def form(
    side: Side,
    part: Part,
    types: dict[str, str],
    *,
    odd: tuple[str, ...],
    at_once: bool = False,
    brief: bool = False,
) -> Form:
    """The canonical rows of one file, the columns of the whole side in one order.

    Args:
        side: whose columns.
        part: the file.
        types: type of each column.
        odd: columns with unusual spellings, which are looked up.
        at_once: rows get their number where they are kept, not where they come from.
        brief: told as shortly as can be, for few rows.
    """
    listed = _terms(side, part, types, odd, brief=brief)
    by_name = dict(zip(part.names, part.columns, strict=True))
    joins = " ".join(
        f"LEFT JOIN odd_{part.offset} o_{n}"
        f" ON o_{n}.kind = '{n}' AND o_{n}.text = t.\"{by_name[n]}\""
        for n in odd
    )
    # A constant is worth no column of its own, and a line follows from the row number.
    held = {name: value for name, value in listed.items() if "t." not in value}
    held["source"] = listed["source"]
    if not part.straightened:
        held["raw_line"] = f"CAST(rid + {part.header - part.offset} AS BIGINT)"
    if at_once:
        held["rid"] = f"{part.number} + 1 + {part.offset}"
        held["raw_line"] = f"CAST({part.number} + 1 + {part.header} AS BIGINT)"
    return Form(
        listed=", ".join(f"{value} AS {name}" for name, value in listed.items()),
        stored=", ".join(f"{text} AS {name}" for name, text in listed.items() if name not in held),
        again=", ".join(f"{held[name]} AS {name}" if name in held else name for name in listed),
        table=part.table,
        joins=joins,
        number=f"{part.number} + 1 + {part.offset}",
    )


def terms(side: Side, part: Part, types: dict[str, str]) -> dict[str, str]:
    """Every canonical column of a file without unusual spellings, and its SQL over ``t``."""
    return _terms(side, part, types, ())


def _terms(
    side: Side, part: Part, types: dict[str, str], odd: tuple[str, ...], *, brief: bool = False
) -> dict[str, str]:
    """Every canonical column and its SQL."""
    by_name = dict(zip(part.names, part.columns, strict=True))

    def cell(name: str) -> str:
        return f't."{by_name[name]}"'

    def mapped(name: str) -> str:
        return f"o_{name}" if name in odd else ""

    found = {"rid": f"t.{part.number} + 1 + {part.offset}"}
    for name, short in KEYS.items():
        has = name in by_name
        kind = types[by_name[name]] if has else ""
        found[short] = "CAST(NULL AS VARCHAR)"
        if has:
            found[short] = _word(name, cell(name), kind, mapped(name), brief=brief)
    for name in AMOUNTS:
        has = name in by_name
        value = _money(name, cell(name), types[by_name[name]], mapped(name)) if has else "0"
        empty = "NULL" if name == AMOUNTS[0] else "0"
        blank = f"CASE WHEN {cell(name)} IS NULL THEN {empty} ELSE {value} END" if has else value
        found[SHORT[name]] = f"CAST({blank} AS BIGINT)"
    stamp = _time(cell(TIME), types[by_name[TIME]], mapped(TIME)) if TIME in by_name else "NULL"
    found["moment"] = f"CAST({stamp} AS TIMESTAMP)"
    flagged = FLAG in by_name
    found["flag"] = _flag(cell(FLAG), types[by_name[FLAG]], brief=brief) if flagged else "0"
    found["source"] = f"'{part.feed.label.replace(chr(39), chr(39) * 2)}'"
    line = "t.__line" if part.straightened else f"t.{part.number} + 1 + {part.header}"
    found["raw_line"] = f"CAST({line} AS BIGINT)"
    found["fault"] = _fault(part, by_name, types, stamp, mapped, brief=brief)
    found |= _raw(by_name, odd)
    for name in side.further:
        value = f"CAST({cell(name)} AS VARCHAR)" if name in by_name else "CAST(NULL AS VARCHAR)"
        found[f'"x_{name}"'] = value
    return found


def _raw(by_name: dict[str, str], odd: tuple[str, ...]) -> dict[str, str]:
    """The cells as they were written: the id always, amounts only where one is unusual."""
    kept = {"setl_id", *odd} & {*by_name}
    return {
        f'"raw_{n}"': f'CAST(t."{by_name[n]}" AS VARCHAR)' if n in kept else "CAST(NULL AS VARCHAR)"
        for n in ("setl_id", *AMOUNTS)
    }


def _fault(
    part: Part,
    by_name: dict[str, str],
    types: dict[str, str],
    stamp: str,
    mapped: object,
    *,
    brief: bool,
) -> str:
    cases = ["WHEN t.__fault IS NOT NULL AND t.__fault <> '' THEN t.__fault"]
    if not part.straightened:
        cases = []
    for name in AMOUNTS:
        if name not in by_name:
            continue
        cell = f't."{by_name[name]}"'
        kind = types[by_name[name]]
        odd = mapped(name)  # type: ignore[operator]
        if name == AMOUNTS[0]:
            # Only text can be blank in other ways, and no number begins so.
            tidied = f"UPPER(TRIM({cell}))"
            nothing = _choice(tidied, _NOTHING, "TRUE", "FALSE", brief=brief)
            strange = f" OR ({_BEGINS_NO_NUMBER.format(cell)} AND {nothing})"
            blank = strange if kind == "VARCHAR" else ""
            cases.append(f"WHEN {cell} IS NULL{blank} THEN '{name}: '")
        if odd:
            cases.append(f"WHEN {_money(name, cell, kind, odd)} IS NULL THEN '{name}: ' || {cell}")
    if TIME in by_name and types[by_name[TIME]] == "VARCHAR":
        cell = f't."{by_name[TIME]}"'
        tidied = f"lower(trim({cell}))"
        filled = _choice(tidied, ("", "null", "none", "-"), "FALSE", "TRUE", brief=brief)
        cases.append(
            f"WHEN {cell} IS NOT NULL AND ({stamp}) IS NULL AND {filled} THEN '{TIME}: ' || {cell}"
        )
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"
