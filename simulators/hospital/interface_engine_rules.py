"""The rule file of the interface engine: which messages go where, and what is changed in them.

The file is TOML; ``fixtures/engine/hospital.toml`` explains its words and is the one that the
built-in hospital runs with. What no rule names is passed on byte for byte.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness import input_files
from harness.errors import InputError
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_encoding import codec_of

FORMAT: Final = 1
ACTIONS: Final = frozenset({"set", "copy", "map", "drop"})
ROUTES_MAX: Final = 200
"""Routes of one file: a hospital has some dozens."""

_Z_SEGMENT = re.compile(rb"(?:(?<=\r)|\A)Z[A-Z0-9]{2}[^\r]*\r?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One change; see the head of the shipped rule file."""

    do: str
    field: str = ""
    value: str = ""
    source: str = ""
    segment: str = ""
    table: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Messages of some types that come over one link and go out over another.

    Attributes:
        name: for people.
        frm: link that they come over.
        to: link that they go out over.
        types: MSH-9.1, or MSH-9.1 and MSH-9.2 as ``OML^O21``.
        charset: MSH-18 of what goes out, and its encoding; empty leaves both.
        rules: in order.
    """

    name: str
    frm: str
    to: str
    types: tuple[str, ...]
    charset: str = ""
    rules: tuple[Rule, ...] = ()

    def takes(self, link: str, kind: str) -> bool:
        """Whether a message of ``kind`` (``ADT^A01``) over ``link`` goes this way."""
        return link == self.frm and (kind in self.types or kind.partition("^")[0] in self.types)


def read_rules(text: str, where: str = "") -> tuple[Route, ...]:
    """The routes of a rule file; ``where`` it is.

    Raises:
        InputError: it is no TOML, or says what has no meaning; with the route.
    """
    data = input_files.toml_in(text, where)
    if data.get("format") != FORMAT:
        raise InputError(f"rules of format {data.get('format')}, not {FORMAT}", where=where)
    routes = input_files.shaped(list[dict[str, Any]], data.get("routes", []), f"{where} [[routes]]")
    if not routes or len(routes) > ROUTES_MAX:
        raise InputError(f"{len(routes)} routes; 1 to {ROUTES_MAX} are possible", where=where)
    return tuple(_route(row, f"{where} {row.get('name', '?')}".strip()) for row in routes)


def _route(row: Mapping[str, Any], where: str) -> Route:
    missing = [name for name in ("name", "from", "to", "types") if not row.get(name)]
    if missing:
        raise InputError(f"a route without {', '.join(missing)}", where=where)
    for one in input_files.shaped(list[dict[str, Any]], row.get("rules", []), where):
        if one.get("do") not in [*ACTIONS]:
            raise InputError(f"no rule {one.get('do')}", where=where)
        if unknown := sorted(one.keys() - Rule.__dataclass_fields__):
            raise InputError(f"a rule that cannot be read: {unknown[0]}", where=where)
    told = {"frm" if name == "from" else name: value for name, value in row.items()}
    route = input_files.shaped(Route, told, where)
    if route.charset and codec_of(route.charset) is None:
        raise InputError(f"no character set {route.charset}", where=where)
    return route


def transform(route: Route, payload: bytes, defects: set[str]) -> bytes:
    """What goes out over a route.

    Raises:
        InputError: a rule writes what the character set of the message cannot hold.
    """
    message = Hl7Message.parse(payload)
    for rule in route.rules:
        message = _changed(rule, message)
    raw = message.raw
    if route.charset:
        raw = _recoded(message, route.charset, defects)
    if "engine-loses-z-segments" in defects:
        raw = _Z_SEGMENT.sub(b"", raw)
    if "engine-swaps-identifiers" in defects:
        raw = _identifiers_swapped(raw)
    return raw


def _changed(rule: Rule, message: Hl7Message) -> Hl7Message:
    match rule.do:
        case "set":
            return message.set(rule.field, rule.value)
        case "copy":
            text = message.get(rule.source)
            return message.set(rule.field, text) if text else message
        case "map":
            text = message.get(rule.field) or ""
            return message.set(rule.field, rule.table[text]) if text in rule.table else message
    gone = rule.segment.encode("ascii")
    rows = message.raw.split(b"\r")
    return Hl7Message.parse(b"\r".join(row for row in rows if row[:3] != gone))


def _recoded(message: Hl7Message, charset: str, defects: set[str]) -> bytes:
    """The same text in another character set, which MSH-18 then names."""
    source, target = message.encoding, codec_of(charset) or "utf-8"
    named = message.set("MSH-18", charset).raw
    if "engine-names-charset-only" in defects:
        return named
    text = named.decode(source)
    if "engine-goes-through-gbk" in defects:
        text = text.encode("gbk", "replace").decode("gbk")
    return text.encode(target)


def _identifiers_swapped(raw: bytes) -> bytes:
    """The defect: the repetitions of PID-3 come out in another order than their types."""
    message = Hl7Message.parse(raw)
    first, second = message.get("PID-3[1].1"), message.get("PID-3[2].1")
    if not first or not second:
        return raw
    return message.set("PID-3[1].1", second).set("PID-3[2].1", first).raw


def routes_for(routes: Sequence[Route], link: str, kind: str) -> list[Route]:
    """The routes that a message takes, in the order of the file."""
    return [route for route in routes if route.takes(link, kind)]
