"""What an HTTP message of the settlement interface is about: number, msgid, and how it ended.

Only for finding records again, as in ``correlate``. The keys are ASCII in every encoding that a
body may have, so they are searched as bytes: also in a body that is cut off, in GB 18030, or a
string inside a string, where each quote has backslashes before it.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from harness.evidence.correlate import Summary
from harness.wire.http1_events import HttpRequest, HttpResponse

DONE: Final = "0"
"""``infcode`` of success, however it was written: ``0``, ``"0"``, ``"00"``."""

FILE: Final = "file"
"""Instead of an ``infcode``, where an answer is a file."""

OK_STATUS: Final = 200

_KEYS: Final = (("psn_no", "patient"), ("mdtrt_id", "visit"), ("setl_id", "setl_id"))
"""Field of a body, and which key it is."""

_IN_PATH: Final = re.compile(r"(?:^|[/_])(\d{4,6}[A-Z]?)$")
"""The number of a transaction at the end of a path: of its own, or behind a name."""

_INFCODE: Final = re.compile(rb'\\*"infcode\\*"\s*:\s*(?:\\*"([^"\\]{0,20})\\*"|(-?[\d.]{1,20}))')


@lru_cache(maxsize=16)
def _text_of(name: str) -> re.Pattern[bytes]:
    """A member with text or a number, at any depth of quoting."""
    quoted = rb'\\*"%b\\*"\s*:\s*(?:\\*"([^"\\]{1,64})\\*"|(\d{1,30}))' % name.encode("ascii")
    return re.compile(quoted)


def member(body: bytes, name: str) -> str:
    """The first member of that name anywhere in a body; empty where there is none."""
    found = _text_of(name).search(body)
    return "" if found is None else (found[1] or found[2]).decode("latin-1")


def numbers(body: bytes) -> set[str]:
    """Numbers of all transactions that stand in a body, or in several one after the other."""
    found = _text_of("infno").finditer(body)
    return {(one[1] or one[2]).decode("latin-1") for one in found}


def request(event: HttpRequest) -> Summary:
    """Number, msgid and keys of a request; without a number its path is its type."""
    path = event.target.partition("?")[0]
    inside = _IN_PATH.search(path)
    number = member(event.payload, "infno") or (inside[1] if inside else "")
    return Summary(
        type=number or path, id=member(event.payload, "msgid"), corr=keys_of(event.payload)
    )


def response(event: HttpResponse, asked: Summary | None) -> Summary:
    """An answer stands with what was asked on its connection: an answer names no msgid itself.

    ``code`` is the ``infcode``; where there is none, the status, and the outcome is unknown.
    """
    keys = keys_of(event.payload)
    if asked is not None:
        keys = {name: value for name, value in asked.corr.items() if name != "setl_id"} | keys
        keys["acknowledges"] = asked.id
    keys["code"] = _code(event)
    ident = member(event.payload, "inf_refmsgid")
    return Summary(type=asked.type if asked else "", id=ident, corr=keys)


def keys_of(body: bytes) -> dict[str, str]:
    """What a body is about, by the keys of ``Summary.corr``."""
    found = {key: member(body, name) for name, key in _KEYS}
    return {key: value for key, value in found.items() if value}


def _code(event: HttpResponse) -> str:
    if event.status != OK_STATUS:
        return f"HTTP {event.status}"
    if "octet-stream" in event.header("Content-Type"):
        return FILE
    return code_of(event.payload)


def code_of(body: bytes) -> str:
    """The ``infcode`` of a body, as ``response`` tells it."""
    found = _INFCODE.search(body)
    text = "" if found is None else (found[1] or found[2] or b"").decode("latin-1").strip()
    if not text:
        return "no infcode"
    try:
        return DONE if Decimal(text) == 0 else text
    except InvalidOperation:
        return text
