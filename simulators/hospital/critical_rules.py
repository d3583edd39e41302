"""When a value is critical, and how long each step of the 危急值 loop may take.

No national limit in minutes is known, so each is a parameter of the site; the defaults here are
only there so that a loop runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from harness.digits import whole_number
from harness.errors import InputError
from simulators.hospital.outbox import Statement
from simulators.store import Store, insert, upsert

MINUTES: Final = {"notify": 10, "receive": 15, "handle": 30}
"""Detected to notified (counts for the timely rate), notified to received, received to handled."""

MINUTES_MAX: Final = 7 * 24 * 60
"""A limit beyond a week is a mistake."""

RULES_MAX: Final = 2_000
"""Items with a rule."""

CONDITIONS: Final = ("sex", "ward", "age_from", "age_below")
"""What a rule may ask of the patient; empty asks nothing."""

_AGE = re.compile(r"\d{1,3}[yd]", re.ASCII)
_VALUE = re.compile(r"([<>≤≥]=?)?\s*([+-]?\d{1,20}(?:\.\d{1,20})?)", re.ASCII)
_LIMIT = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?", re.ASCII)

Row = dict[str, Any]


def level(row: Row, rule: Row, defects: set[str]) -> str:
    """``HH``, ``LL`` or ``AA`` if the value is critical under the rule, else empty.

    A limit itself is not critical. ``<x`` is if x is at or below the low limit, ``>x`` if x is at
    or above the high one. An analyzer's own HH or LL counts for an item that has a rule.
    """
    value = str(row["value"])
    if value in [one for one in rule["texts"].split(",") if one]:
        return "AA"
    if row["flag"] in {"HH", "LL"}:
        return str(row["flag"])
    found = _VALUE.fullmatch(value.strip())
    if found is None:
        return ""
    if found[1] and "lis-critical-ignores-comparator" in defects:
        return ""
    low, high = rule["low"], rule["high"]
    if "lis-critical-as-text" in defects:
        return "LL" if low and found[2] < low else "HH" if high and found[2] > high else ""
    number, below, above = Decimal(found[2]), (found[1] or "")[:1] in {"<", "≤"}, bool(found[1])
    if low and (number < Decimal(low) or (below and number <= Decimal(low))):
        return "LL"
    over = above and not below
    if high and (number > Decimal(high) or (over and number >= Decimal(high))) and not below:
        return "HH"
    return ""


def rule_of(
    store: Store, item: str, patient: Mapping[str, Any], time: str, defects: set[str]
) -> Row | None:
    """The rule of an item for a patient: of those that fit, the one with the most conditions.

    Args:
        store: of the LIS.
        item: code of the LIS.
        patient: sex, birth and ward as the HIS told them.
        time: now, 14 digits; the age is the one of this day.
        defects: that are switched on.
    """
    rows = store.rows("SELECT * FROM critical_rule WHERE item = ?", (item,))
    if "lis-critical-one-rule-for-all" in defects:
        return min(rows, key=_conditions, default=None)
    fit = [row for row in rows if _fits(row, patient, time)]
    return max(fit, key=_conditions, default=None)


def _conditions(rule: Row) -> int:
    return sum(bool(rule[name]) for name in CONDITIONS)


def _fits(rule: Row, patient: Mapping[str, Any], time: str) -> bool:
    """Whether every condition holds; one about what is not known of the patient does not."""
    if rule["sex"] and rule["sex"] != patient.get("sex"):
        return False
    if rule["ward"] and rule["ward"] != patient.get("ward"):
        return False
    if not rule["age_from"] and not rule["age_below"]:
        return True
    try:
        birth, today = _day(str(patient.get("birth") or "")), _day(time)
    except ValueError:
        return False
    old_enough = not rule["age_from"] or _reached(birth, today, rule["age_from"])
    too_old = bool(rule["age_below"]) and _reached(birth, today, rule["age_below"])
    return old_enough and not too_old


def _day(stamp: str) -> date:
    return date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:8]))


def _reached(birth: date, today: date, age: str) -> bool:
    """Whether an age (``18y``, ``28d``) has been reached; one is a year older on the birthday."""
    count = int(age[:-1])
    if age.endswith("d"):
        return (today - birth).days >= count
    return (today.year - count, today.month, today.day) >= (birth.year, birth.month, birth.day)


def minutes(store: Store, name: str) -> int:
    """A limit in minutes."""
    rows = store.rows("SELECT minutes FROM critical_setting WHERE name = ?", (name,))
    return int(rows[0]["minutes"]) if rows else MINUTES[name]


def configure(args: Mapping[str, Any]) -> list[Statement]:
    """The statements of command ``critical_rules``.

    Args:
        args: ``rules``: a list (or its JSON) of ``item``, ``low``, ``high``, ``texts`` (a list),
            ``recheck``, and the conditions ``sex``, ``ward``, ``age_from`` and ``age_below``
            (``18y``, ``28d``); ``notify_minutes``, ``receive_minutes``, ``handle_minutes``.

    Raises:
        InputError: a rule or a limit that cannot be used.
    """
    given = args.get("rules", [])
    rules = json.loads(given) if isinstance(given, str) else given
    if not isinstance(rules, list) or len(rules) > RULES_MAX:
        raise InputError("rules is a list of rules")
    statements: list[Statement] = [("DELETE FROM critical_rule", ())]
    statements += [insert("critical_rule", _rule(one)) for one in rules]
    for name in MINUTES:
        text = str(args.get(f"{name}_minutes", MINUTES[name]))
        minutes = whole_number(text)
        if not minutes or minutes > MINUTES_MAX:
            raise InputError(f"{name}_minutes is no number from 1 to {MINUTES_MAX}")
        row = {"name": name, "minutes": minutes}
        statements.append(upsert("critical_setting", ["name"], row))
    return statements


def _rule(one: Any) -> Row:
    if not isinstance(one, Mapping) or not one.get("item"):
        raise InputError("a rule needs its item")
    names = ("item", "low", "high", *CONDITIONS)
    row: Row = {name: str(one.get(name) or "") for name in names}
    for name in ("age_from", "age_below"):
        if row[name] and not _AGE.fullmatch(row[name]):
            raise InputError(f"{name} of {row['item']} is no age such as 18y or 28d")
    for name in ("low", "high"):
        if row[name] and not _LIMIT.fullmatch(row[name]):
            raise InputError(f"{name} of {row['item']} is no number")
    texts = one.get("texts") or []
    joined = texts if isinstance(texts, str) else ",".join(str(text) for text in texts)
    wanted = str(one.get("recheck") or "") in {"1", "True", "true", "yes"}
    return row | {"texts": joined, "recheck": int(wanted)}
