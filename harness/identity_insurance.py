"""Where identity stands in what a HIS and the insurance centre say to each other (医保).

Bodies are JSON, JSON in a string of JSON, XML, or XML around JSON, and a connection may bring them
in pieces. So members are found in the text wherever they stand, by name, and not by a parser that a
body must please; the settlement interface's own codecs are not used here.

Looked at: numbers ``psn_no``, ``psnNo``, ``certno``, ``cert_no``, ``idNo``, ``patn_id``; what is
shown, ``mdtrt_cert_no``, ``card_sn``, ``ecToken``, ``authNo``, ``businessInfo``; names
``psn_name``, ``psnName``, ``patn_name``, ``patient_name``, ``userName``; births ``brdy``,
``birthday``. Who works at the hospital (``opter``, ``dr_name`` and the like) is nobody's patient.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Final

from harness.identity_readers import Claim

KINDS: Final[Mapping[str, str]] = {
    "psn_no": "text", "psnno": "text", "certno": "text", "cert_no": "text", "idno": "text",
    "patn_id": "text", "psn_name": "text", "psnname": "text", "patn_name": "text",
    "patient_name": "text", "username": "text",
    "brdy": "birth", "birthday": "birth",
    "mdtrt_cert_no": "shown", "card_sn": "shown", "ectoken": "shown", "authno": "shown",
    "businessinfo": "shown",
    "dev_no": "terminal", "opter": "terminal", "infno": "asked",
}  # fmt: skip
"""What each member tells; ``shown`` is a card or code that somebody held to a reader, ``asked`` the
transaction."""

READS_CARD: Final = "1101"
"""The one transaction that asks who holds a card or code."""

NAMES: Final = frozenset({"psn_name", "psnname", "patn_name", "patient_name", "username"})
HOLDER: Final = NAMES | {"certno", "cert_no", "idno", "brdy", "birthday"}
"""What a card tells about its holder."""

_STAFF: Final = re.compile(r"(?:phar|prsc_dr|prac_psn|dr)_?cert_?no")


def is_staff(name: str) -> bool:
    """Whether a member tells who works at the hospital."""
    return _STAFF.fullmatch(name.lower()) is not None


_MEMBERS: Final = "|".join(sorted(KINDS, key=len, reverse=True))
_JSON: Final = re.compile(
    rf'"(?P<name>{_MEMBERS})"\s*:\s*'
    r'(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<number>[0-9]+)(?=\s*[,}\]]))',
    re.IGNORECASE,
)
_XML: Final = re.compile(
    rf"<(?:\w+:)?(?P<name>{_MEMBERS})(?:\s[^<>]*)?>(?P<text>[^<]*)</", re.IGNORECASE
)
_CODE: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")
_ESCAPED: Final = re.compile(r'\\(["\\/])')

DEPTH_MAX: Final = 3
"""JSON in a string in JSON in a string: bridges of vendors wrap twice."""


def insurance_claims(text: str) -> Iterator[Claim]:
    """Every identity in a request or answer of the settlement interface, in any wrapping."""
    seen: set[tuple[str, str]] = set()
    for _ in range(DEPTH_MAX + 1):
        for found in (*_JSON.finditer(text), *_XML.finditer(text)):
            name = found["name"].lower()
            value = _plain(found["text"] or found.groupdict().get("number") or "")
            if KINDS[name] == "birth":
                value = re.sub(r"\D", "", value)[:8]
            if value and (name, value) not in seen:
                seen.add((name, value))
                yield Claim(place=found["name"], kind=KINDS[name], value=value)
        inner = _ESCAPED.sub(r"\1", html.unescape(text))
        if inner == text:
            return
        text = inner


def _plain(value: str) -> str:
    """A value as a person would write it."""
    return html.unescape(_CODE.sub(lambda code: chr(int(code[1], 16)), value)).strip()
