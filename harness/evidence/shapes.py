"""What the fields of a trace record are made of, so that an edited one is told from ours.

A sealed trace is as it was written and needs no look at its parts. Where the seal does not hold, or
none is asked for, a record of another shape was made by somebody else, and nothing is read from it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

Check = Callable[[Any], bool]

_NUMBER_MAX: Final = 2**53
"""Beyond it no number is exact everywhere."""


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return type(value) is int and abs(value) <= _NUMBER_MAX


def _seconds(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _NUMBER_MAX  # no NaN passes, either


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _with(parts: Mapping[str, Check]) -> Check:
    """An object that has these parts, and perhaps more."""
    return lambda value: (
        isinstance(value, dict)
        and all(name in value and check(value[name]) for name, check in parts.items())
    )


def _base64(value: Any) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return False
    return True


def _moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (ValueError, TypeError):
        return False


FIELDS: Final[Mapping[str, Check]] = {
    "n": _whole, "t": _seconds, "w": _moment, "kind": _text, "corr": _texts_by_name,
    "format": _whole, "seed": _whole, "scenario": _object, "profile": _object,
    "harness_version": _text, "transport": _text,
    "systems": _list_of(_with({"role": _text, "mode": _text})),
    "sentences": _list_of(_with({"keyword": _text, "text": _text, "line": _whole})),
    "index": _whole, "keyword": _text, "text": _text, "line": _whole,
    "event": _text, "link": _text, "interface": _text, "conn": _text, "frm": _text, "to": _text,
    "reason": _text, "raw": _base64, "before": _base64, "after": _base64, "blob": _text,
    "size": _whole, "protocol": _text, "type": _text, "id": _text, "encoding": _text,
    "code": _text, "message": _text, "clause": _text,
    "role": _text, "name": _text, "args": _object, "outcome": _text,
    "fault_class": _text, "layer": _text, "action": _text, "identity": _text, "detail": _text,
    "probe": _text, "rows": _list_of(_object), "error": _text, "ask": _text,
    "sentence": _whole, "limit_s": _seconds, "spec": _object,
    "expectation": _text, "verdict": _text, "cited": _list_of(_whole),
    "findings": _list_of(_object), "reasons": _list_of(_text), "sha256": _text,
}  # fmt: skip
"""A field is the same in every kind that has it."""

_OF_A_NOTE: Final = {name: FIELDS[name] for name in ("n", "t", "w", "text", "verdict")}
"""A note has names of its own choosing."""

_LINE: Final = ("link", "interface", "conn", "frm", "to")

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("format",),
    "step": ("index", "keyword", "text", "line"),
    "link": (*_LINE, "event", "reason"),
    "bytes": (*_LINE, "raw"),
    "message": (*_LINE, "protocol", "type", "id", "raw"),
    "violation": (*_LINE, "code", "message", "clause", "raw"),
    "command": ("role", "name", "args", "outcome"),
    "fault": ("event", "id", "fault_class", "layer", "action", "link"),
    "probe": ("probe", "role", "args", "outcome", "rows", "error"),
    "expectation": ("id", "sentence", "limit_s", "spec"),
    "judgement": ("expectation", "verdict", "cited", "findings", "reasons"),
    "note": (),
    "seal": ("verdict", "sha256"),
}
"""Fields that a record of a kind always has, beside ``n``, ``t``, ``w`` and ``kind``."""


def fits(record: Mapping[str, Any]) -> bool:
    """Whether a record is one that a trace can hold."""
    kind = record.get("kind")
    if not isinstance(kind, str) or kind not in NEEDED:
        return False
    if not all(name in record for name in ("n", "t", "w", *NEEDED[kind])):
        return False
    return typed(record, _OF_A_NOTE if kind == "note" else FIELDS)


def typed(record: Mapping[str, Any], known: Mapping[str, Check] = FIELDS) -> bool:
    """Whether every field that has a known name is what that field is made of."""
    return all(known[name](value) for name, value in record.items() if name in known)
