"""What the mask hides of bodies of the insurance, XML and images: the values of their members.

Written apart from ``personal.py``, by which a page is searched before it leaves: JSON is read by a
parser where it can be, and by its look where it is broken.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from harness.link.dicom_data import DataSet
from harness.report.hide import HAN_MIN, PHONE_MIN

DEPTH_MAX: Final = 8
"""Of JSON in strings, arrays and objects, beyond which nobody's name stands."""

_WHO: Final = r"(?:psn|patn?|patient|hz|br|user|coner|contacts?|lxr|guardian)"
MEMBER: Final = (
    rf"(?:{_WHO}_?(?:name|xm)|xm|(?:{_WHO}_?)?(?:cert_?no|id_?(?:card|no)(?:_?no)?|sfzh)"
    rf"|(?:{_WHO}_?)?(?:tel|mob|mobile|phone|lxdh)|(?:{_WHO}_?|live_?|home_?)?n?addr(?:ess)?"
    r"|(?:患者|病人|人员|参保人|联系人)?姓名|身份证号?码?|证件号码?|(?:联系)?电话|手机号?码?|(?:家庭)?[住地]址)"
)
"""Members and elements that tell who somebody is (1101, 2201, 2203A, 2401 of the insurance; what
vendors of China call theirs); ``dr_name`` and the like are no patient's."""

TOLD: Final = frozenset({
    "err_msg", "warn_msg", "errmsg", "message", "msg", "hilist_name", "medins_list_name",
    "item_name", "fixmedins_name", "dise_name", "diag_name", "dept_name", "faultstring",
})  # fmt: skip
"""Members whose Chinese stays on a masked page: what went wrong, and what was charged."""

_NAMES: Final = re.compile(MEMBER, re.IGNORECASE)
_GROUPS: Final = frozenset({"Alphabetic", "Ideographic", "Phonetic"})
"""Of a name in DICOM JSON (PS3.18 §F.2.2)."""

_JSON: Final = re.compile(
    rf'(?P<open>(?P<quote>\\{{0,8}}["\'])(?P<name>{MEMBER})(?P=quote)\s*:\s*(?P=quote))'
    r"(?P<value>(?:(?!(?P=quote)).)*)",
    re.IGNORECASE | re.DOTALL,
)
_XML: Final = re.compile(
    rf"(?P<open><(?:[\w.-]+:)?(?P<name>{MEMBER})(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?)"
    r"(?P<value>[^<\]]+)",
    re.IGNORECASE,
)
_ESCAPED_XML: Final = re.compile(
    rf"(?P<open>&lt;(?:[\w.-]+:)?(?P<name>{MEMBER})(?:\s[^<>&]*)?&gt;)(?P<value>(?:(?!&lt;).)+)",
    re.IGNORECASE,
)
_V3: Final = re.compile(
    r"(?P<open><(?:\w+:)?(?P<name>patient|patientPerson|guardianPerson|associatedPerson)\b[^<>]*>"
    r"(?:(?!</(?:\w+:)?(?P=name)>).){0,1000}?<(?:\w+:)?name\b[^<>]*>)(?P<value>[^<]+)",
    re.DOTALL,
)
"""In HL7 v3 and CDA the element ``name`` is a person's by what it stands in."""

_POCT: Final = re.compile(r"(?P<open><(?:\w+:)?(?P<name>PT\.name)\b[^<>]*?\bV\s*=\s*[\"'])"
                          r"(?P<value>[^\"'<>]*)")  # fmt: skip
PLACES: Final = (_JSON, _XML, _ESCAPED_XML, _V3, _POCT)

_TOLD: Final = re.compile(
    rf'\\{{0,8}}"(?:{"|".join(sorted(TOLD))})\\{{0,8}}"\s*:\s*\\{{0,8}}"(?:[^"\\]|\\[^"])*'
    rf"|<(?:\w+:)?(?:{'|'.join(sorted(TOLD))})(?:\s[^<>]*)?>[^<]*",
    re.IGNORECASE,
)


def told(text: str) -> Iterator[tuple[int, int]]:
    """Where a body says what went wrong or what was charged, from left to right."""
    return (found.span() for found in _TOLD.finditer(text))


def of_body(text: str) -> Iterator[str]:
    """Personal values of a body of JSON or XML, in any wrapping."""
    yield from _of_json(text, 0)
    for place in PLACES:
        for found in place.finditer(text):
            yield from _worth(found["name"], _plain(found["value"]))


def _of_json(text: str, depth: int) -> Iterator[str]:
    if text.lstrip()[:1] not in {"{", "["} or depth > DEPTH_MAX:
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _of_value(value, depth)


def _of_value(value: Any, depth: int) -> Iterator[str]:
    if depth > DEPTH_MAX:
        return
    if isinstance(value, Mapping):
        for name, one in value.items():
            if _NAMES.fullmatch(name) or name in _GROUPS:
                who = "name" if name in _GROUPS else name
                yield from _worth(who, str(one) if isinstance(one, str | int) else "")
            yield from _of_value(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _of_value(one, depth + 1)
    elif isinstance(value, str) and value[:1] in {"{", "[", "<"}:
        yield from of_body(value) if value[:1] == "<" else _of_json(value, depth + 1)


def of_columns(rows: Iterable[Any], named: re.Pattern[str]) -> Iterator[str]:
    """Values of the columns or arguments whose names ``named`` finds."""
    for row in rows:
        for name, value in row.items() if isinstance(row, Mapping) else ():
            if named.search(str(name)):
                yield str(value)


def of_data_set(data: DataSet) -> Iterator[str]:
    """Every person's name, telephone and address of a data set, at any depth."""
    yield from _of_elements(data, data.character_sets)


def _of_elements(data: DataSet, sets: list[str]) -> Iterator[str]:
    for tag, (vr, value) in data.elements.items():
        if not isinstance(value, str | bytes | int | float):
            for item in value:
                yield from _of_elements(item, item.character_sets or sets)
        elif vr == "PN":
            for group in re.split(r"[\\=]", data.text(tag, sets)):
                yield group.strip(" \0^")
        elif tag in CONTACTS:
            yield from _worth("tel", data.text(tag, sets).strip(" \0"))


CONTACTS: Final = frozenset({0x00101040, 0x00102154, 0x00102155, 0x00401103})
"""Patient's Address, Telephone Numbers and Telecom Information; Person's Telephone Numbers."""


def _worth(name: str, value: str) -> Iterator[str]:
    """An address of ASCII is one of a machine; a short number is anything."""
    value = value.strip()
    digits = sum(one.isdecimal() for one in value)
    if not value.isascii() and len(value) >= HAN_MIN:
        yield value
    elif "addr" in name.lower():
        return
    elif digits >= PHONE_MIN or (not digits and re.search(r"(?i)name|xm|姓名", name)):
        yield value


def _plain(value: str) -> str:
    """A value as a person would write it."""
    value = re.sub(r"(?:\\{1,8}u[0-9A-Fa-f]{4})+", _unescaped, value)
    return html.unescape(html.unescape(value)).rstrip("\\")


def _unescaped(match: re.Match[str]) -> str:
    units = re.findall(r"u([0-9A-Fa-f]{4})", match[0])
    return bytes.fromhex("".join(units)).decode("utf-16-be", "replace")
