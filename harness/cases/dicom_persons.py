"""Takes persons out of a DIMSE message: structural, element by element, and nothing moves.

Names, numbers, UIDs and dates become those of the other person (``pseudonyms``), the same as in
every other protocol of the case. Every text that is not known to be technical is replaced sign by
sign, so is everything private; pixels and other bulk by ``dicom_fill``. Elements, their order,
padding, lengths and mistakes stay; behind the first spot that cannot be read every letter, digit
and high byte is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace as altered
from typing import Final

from harness.cases import dicom_fill, dicom_text
from harness.cases.dicom_about import WELL_KNOWN, Opened, opened
from harness.cases.identity import Identity
from harness.cases.leaks import can_be_found
from harness.cases.pseudonyms import DATE, Pseudonyms
from harness.link.dicom_data import path_of, tag_of
from harness.wire import dicom_command
from harness.wire.dicom_box import Boxed
from harness.wire.dicom_pdu import Associate
from harness.wire.dicom_tree import Node

Replace = Callable[[bytes], bytes]

_TEXTS: Final = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "UR"})
_BULK: Final = frozenset({"OB", "OW", "OD", "OF", "OL", "OV"})
_CODES: Final = frozenset({"CS", "AE", "IS", "DS"})
_WORDS: Final = frozenset({*_TEXTS, *_CODES, "PN", "TM", "AS"})
_INSTANCES: Final = (dicom_command.AFFECTED_INSTANCE, dicom_command.REQUESTED_INSTANCE)
_WHO: Final = frozenset({0x58, 0x59})
"""User identity of an association: a name with its password, or a ticket (PS3.7 §D.3.3.7)."""

_CREATORS: Final = range(0x10, 0x100)
_HEAD_BYTES: Final = 12
"""Of what cannot be read: the head of the element, which is where the mistake is."""

_DOTTED: Final = re.compile(r"((?:19|20)[0-9]{2})\.([0-9]{2})\.([0-9]{2})")
"""A date as versions before 3.0 wrote it (PS3.5 table 6.2-1)."""


def kind_of(node: Node, identity: Identity) -> str:
    """What an element is.

    One of ``names``, ``numbers``, ``contacts``, ``texts``, ``uids``, ``dates``, ``bulk``,
    ``private``, ``codes`` and ``keep``.
    """
    known = identity.dicom.get(node.tag)
    if known:
        return known
    if (node.tag >> 16) & 1:
        return "keep" if node.tag & 0xFFFF in _CREATORS else "private"
    if node.vr in _TEXTS:
        return "texts"
    if node.vr in _BULK:
        return "bulk"
    if node.vr in _CODES:
        return "codes"
    return {"PN": "names", "UI": "uids", "DA": "dates", "DT": "dates", "UN": "private"}.get(
        node.vr, "keep"
    )


def named(payload: bytes, identity: Identity) -> set[str]:
    """Every text of a message that tells who somebody is."""
    found: set[str] = set()
    message = opened(payload)
    for node, tree, _ in message.tree.walk():
        if node.items or not node.value:
            continue
        kind = kind_of(node, identity)
        if kind in {"names", "numbers", "contacts", "uids"}:
            text = dicom_text.plain(node.value, message.sets(tree))
            found |= set(_said(text.strip(" \0"), kind))
    found |= {uid for number in _INSTANCES if (uid := _own(message.box.command.get(number)))}
    return found


_PATIENT: Final = frozenset({tag_of("PatientID"), tag_of("OtherPatientIDs")})
"""Numbers of persons; those of their examinations are minted anew for each replay."""


def who(payload: bytes, identity: Identity) -> Iterator[tuple[str, str]]:
    """Everybody whom a message names: tag, and a name or the number of a person."""
    message = opened(payload)
    for node, tree, _ in message.tree.walk():
        names = kind_of(node, identity) == "names"
        if not names and node.tag not in _PATIENT:
            continue
        text = dicom_text.plain(node.value, message.sets(tree)).strip(" \0")
        for one in re.split(r"[\\=]" if names else r"\\", text):
            if one.strip(" ^*?0"):
                yield path_of(node.tag), one


def _own(value: dicom_command.Value | None) -> str:
    return value if isinstance(value, str) and value and not value.startswith(WELL_KNOWN) else ""


def _said(text: str, kind: str) -> Iterator[str]:
    """What one value says; half a character says nothing."""
    for value in text.split("\\"):
        if any("\udc80" <= sign <= "\udcff" for sign in value):
            continue
        if kind != "names":
            one = value.strip(" \0")
            if one and not one.startswith(WELL_KNOWN) and one.strip("0*?. "):
                yield one
            continue
        for group in value.split("="):
            parts = [one.strip() for one in group.split("^")]
            whole = {group.strip().strip("^"), *parts}
            if not group.isascii():
                whole.add("".join(parts))
            yield from (one for one in whole if one and not set(one) & set("*?"))


def rewritten(
    payload: bytes, pseudonyms: Pseudonyms, replace: Replace, identity: Identity
) -> bytes:
    """A message of other persons.

    Args:
        payload: the message as a file.
        pseudonyms: the other persons.
        replace: does to plain bytes what is done to every message of the case.
        identity: what stands where beyond the value representations.
    """
    message = opened(payload)
    shape = dicom_fill.shape_of(message.tree)
    for node, tree, depth in list(message.tree.walk()):
        if isinstance(node.body, bytes) and node.body:
            sets = message.sets(tree)
            kind = kind_of(node, identity)
            if kind == "bulk":
                same = shape if depth == 0 else dicom_fill.shape_of(tree)
                dicom_fill.fill(node, same, message.box.syntax, pseudonyms.key, depth)
            else:
                node.body = _value(node, kind, sets, pseudonyms, replace)
    for tree in message.tree.rests():
        tree.rest = _unread(tree.rest, pseudonyms)
    return Opened(_boxed(message.box, pseudonyms), message.tree, message.deflated).encode()


def _value(
    node: Node, kind: str, sets: list[str], pseudonyms: Pseudonyms, replace: Replace
) -> bytes:
    raw = node.value
    match kind:
        case "names":
            return dicom_text.changed(raw, sets, lambda text: _names(text, pseudonyms))
        case "numbers" | "contacts" | "uids":
            return dicom_text.changed(raw, sets, lambda text: _each(text, pseudonyms))
        case "texts":
            return dicom_text.changed(raw, sets, lambda text: _free(text, pseudonyms))
        case "dates":
            return dicom_text.changed(raw, sets, lambda text: _days(text, pseudonyms))
        case "codes":
            return replace(raw)
        case "private":
            return _private(node, sets, pseudonyms)
    return raw


def _names(text: str, pseudonyms: Pseudonyms) -> str:
    groups = re.split(r"([\\=])", text)
    groups[::2] = [_name(one, pseudonyms) if one.strip(" ^") else one for one in groups[::2]]
    return "".join(groups)


def _name(group: str, pseudonyms: Pseudonyms) -> str:
    """One component group; of a key with a wildcard, what the other name has in that place."""
    core = group.strip(" ")
    begin = group.index(core)
    bare = core.strip("^")
    wild = bool(set(bare) & set("*?"))
    made = _pattern(bare, pseudonyms) if wild else _other(bare, pseudonyms)
    core = core.replace(bare, made, 1)
    return group[:begin] + core + group[begin + len(group.strip(" ")) :]


def _pattern(pattern: str, pseudonyms: Pseudonyms) -> str:
    """``王*`` finds the same person as before: the beginning of that person's other name."""
    begin = re.split(r"[*?]", pattern)[0]
    for known, other in sorted(pseudonyms.known.items()):
        if begin and known.startswith(begin) and len(known) == len(other):
            rest = pattern[len(begin) :]
            return other[: len(begin)] + "".join(
                one if one in "*?^" else pseudonyms.scrambled(one) for one in rest
            )
    return "".join(one if one in "*?^" else pseudonyms.scrambled(one) for one in pattern)


def _each(text: str, pseudonyms: Pseudonyms) -> str:
    """Every value of several; nothing where there is nothing to know."""
    return "\\".join(_one(value, pseudonyms) for value in text.split("\\"))


def _one(value: str, pseudonyms: Pseudonyms) -> str:
    core = value.strip(" \0")
    if not core or core.startswith(WELL_KNOWN) or not core.strip("0*?. "):
        return value
    return value.replace(core, _other(core, pseudonyms), 1)


def _other(text: str, pseudonyms: Pseudonyms) -> str:
    """As in every other protocol: what is too short to be searched for is replaced in its place."""
    if DATE.fullmatch(text):
        return pseudonyms.shifted(text)
    return pseudonyms.of(text) if can_be_found(text) else pseudonyms.scrambled(text)


def _free(text: str, pseudonyms: Pseudonyms) -> str:
    """Sign by sign; signs of two bytes too, which may be Han characters under another name."""
    made = "\\".join(pseudonyms.scrambled(value) for value in text.split("\\"))
    noise = iter(dicom_fill.noise(text.encode("utf-8", "surrogateescape"), pseudonyms.key))
    return "".join(
        chr(0xE0 + next(noise) % 0x17) if "\x80" <= one <= "\u07ff" and not one.isalnum() else one
        for one in made
    )


def _days(text: str, pseudonyms: Pseudonyms) -> str:
    dotted = _DOTTED.sub(r"\1-\2-\3", text)
    moved = pseudonyms.shifted(dotted)
    return moved if dotted == text else moved.replace("-", ".")


def _private(node: Node, sets: list[str], pseudonyms: Pseudonyms) -> bytes:
    """Nobody knows what it says: words sign by sign, UIDs and dates as such, all else by noise."""
    raw = node.value
    if node.vr == "UI":
        return dicom_text.changed(raw, sets, lambda text: _each(text, pseudonyms))
    if node.vr in {"DA", "DT"}:
        return dicom_text.changed(raw, sets, lambda text: _days(text, pseudonyms))
    if node.vr == "UN" and _is_text(raw):
        return _signs(raw, pseudonyms)
    if node.vr in _WORDS:
        return dicom_text.changed(raw, sets, lambda text: _free(text, pseudonyms))
    return dicom_fill.noise(raw, pseudonyms.key)


def _is_text(raw: bytes) -> bool:
    core = raw.rstrip(b"\0")
    return bool(core) and all(one >= 0x20 or one in b"\t\r\n\x1b" for one in core)


def _unread(rest: bytes, pseudonyms: Pseudonyms) -> bytes:
    """The head as it is; behind it letters, digits and high bytes by others of their kind."""
    return rest[:_HEAD_BYTES] + _signs(rest[_HEAD_BYTES:], pseudonyms)


def _signs(raw: bytes, pseudonyms: Pseudonyms) -> bytes:
    signs = iter(dicom_fill.noise(raw, pseudonyms.key))
    return bytes(_sign(one, next(signs)) for one in raw)


def _sign(one: int, chance: int) -> int:
    if 0x30 <= one <= 0x39:
        return 0x30 + chance % 10
    if 0x41 <= one <= 0x5A:
        return 0x41 + chance % 26
    if 0x61 <= one <= 0x7A:
        return 0x61 + chance % 26
    return 0x80 + chance % 0x7F if one >= 0x80 else one


def _boxed(box: Boxed, pseudonyms: Pseudonyms) -> Boxed:
    """The command set and the association of other persons."""
    command = dict(box.command)
    for number in _INSTANCES:
        uid = _own(command.get(number))
        if uid:
            command[number] = pseudonyms.of(uid)
    comment = command.get(dicom_command.COMMENT)
    if isinstance(comment, str):
        command[dicom_command.COMMENT] = pseudonyms.scrambled(comment)
    return altered(box, command=command, asked=_nobody(box.asked))


def _nobody(asked: Associate | None) -> Associate | None:
    """A request for an association without who asks."""
    if asked is None:
        return None
    user = asked.items.user
    others = [one for one in user.others if one[0] not in _WHO]
    return altered(asked, items=altered(asked.items, user=altered(user, others=others)))
