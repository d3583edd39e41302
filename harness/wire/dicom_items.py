"""The items inside an association request or acceptance (PS3.8 §9.3.2, §9.3.3, PS3.7 annex D).

What is read keeps everything: an item that no one knows stays as it is, a value that is wrong is
reported and kept. What is written may be wrong on purpose: nothing is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
"""The only one there is (PS3.7 annex A)."""

ITEMS_MAX: Final = 4096
"""Items of one association: 128 contexts with all their syntaxes, and ample room."""

_HEAD: Final = Struct(">BxH")

_APPLICATION, _USER = 0x10, 0x50
_ABSTRACT, _TRANSFER = 0x30, 0x40
_MAX_LENGTH, _CLASS_UID, _ASYNC, _ROLE, _VERSION, _EXTENDED = 0x51, 0x52, 0x53, 0x54, 0x55, 0x56


class ItemError(ValueError):
    """An item that cannot be read; ``offset`` is counted from the first item."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One presentation context, proposed or answered (PS3.8 §9.3.2.2, §9.3.3.2).

    Attributes:
        id: odd, 1 to 255.
        abstract_syntax: SOP class; empty in an answer.
        transfer_syntaxes: what is offered; the one that was chosen in an answer.
        result: 0 accepted, 1 user, 2 no reason, 3 abstract syntax, 4 transfer syntaxes; None in a
            proposal.
    """

    id: int
    abstract_syntax: str = ""
    transfer_syntaxes: Sequence[str] = ()
    result: int | None = None

    def encode(self) -> bytes:
        """The item."""
        answered = self.result is not None
        parts = [] if answered else [item(_ABSTRACT, self.abstract_syntax.encode("ascii"))]
        parts += [item(_TRANSFER, uid.encode("ascii")) for uid in self.transfer_syntaxes]
        head = bytes((self.id & 0xFF, 0, self.result or 0, 0))
        return item(0x21 if answered else 0x20, head + b"".join(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """SCP/SCU role selection of one SOP class (PS3.7 §D.3.3.4)."""

    sop_class: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInformation:
    """What both sides say about themselves (PS3.7 annex D.3.3).

    Attributes:
        max_length: largest P-DATA-TF that this side takes, in bytes; 0 is without limit; None
            leaves the item out.
        class_uid: implementation class UID; empty leaves it out, which some servers refuse.
        version: implementation version name.
        window: operations invoked and performed asynchronously; 0 is without limit.
        roles: role selection.
        extended: SOP class and its extended negotiation.
        others: further sub-items as they stand: type and value.
    """

    max_length: int | None = 16382
    class_uid: str = ""
    version: str = ""
    window: tuple[int, int] | None = None
    roles: Sequence[Role] = ()
    extended: Sequence[tuple[str, bytes]] = ()
    others: Sequence[tuple[int, bytes]] = ()

    def encode(self) -> bytes:
        """The user information item."""
        parts: list[bytes] = []
        if self.max_length is not None:
            parts.append(item(_MAX_LENGTH, (self.max_length & 0xFFFFFFFF).to_bytes(4, "big")))
        if self.class_uid:
            parts.append(item(_CLASS_UID, self.class_uid.encode("ascii")))
        if self.window is not None:
            parts.append(item(_ASYNC, b"".join(n.to_bytes(2, "big") for n in self.window)))
        for role in self.roles:
            flags = bytes((role.scu, role.scp))
            parts.append(item(_ROLE, _counted(role.sop_class) + flags))
        if self.version:
            parts.append(item(_VERSION, self.version.encode("ascii")))
        parts += [item(_EXTENDED, _counted(uid) + data) for uid, data in self.extended]
        parts += [item(kind, value) for kind, value in self.others]
        return item(_USER, b"".join(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The variable part of an association request or acceptance."""

    application_context: str = APPLICATION_CONTEXT
    contexts: Sequence[Context] = ()
    user: UserInformation = UserInformation()
    others: Sequence[tuple[int, bytes]] = ()

    def encode(self) -> bytes:
        """All items in the order of the standard."""
        parts = []
        if self.application_context:
            parts.append(item(_APPLICATION, self.application_context.encode("ascii")))
        parts += [context.encode() for context in self.contexts]
        parts.append(self.user.encode())
        parts += [item(kind, value) for kind, value in self.others]
        return b"".join(parts)


def item(kind: int, value: bytes) -> bytes:
    """One item: type, reserved byte, length, value."""
    return _HEAD.pack(kind, min(len(value), 0xFFFF)) + value


def _counted(uid: str) -> bytes:
    data = uid.encode("ascii")
    return len(data).to_bytes(2, "big") + data


def split(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Type, value and offset of each item.

    Raises:
        ItemError: an item reaches beyond the end, or there are more than ``ITEMS_MAX``.
    """
    position = count = 0
    while position < len(data):
        if len(data) - position < _HEAD.size:
            raise ItemError("an item ends inside its head", position)
        kind, size = _HEAD.unpack_from(data, position)
        begin = position + _HEAD.size
        if begin + size > len(data):
            raise ItemError(f"item {kind:02X}H is longer than what holds it", position)
        count += 1
        if count > ITEMS_MAX:
            raise ItemError(f"more than {ITEMS_MAX} items", position)
        yield kind, data[begin : begin + size], position
        position = begin + size


def decode(data: bytes) -> Items:
    """Read all items.

    Raises:
        ItemError: what cannot be read, and where.
    """
    application, contexts, user = "", list[Context](), UserInformation(max_length=None)
    others: list[tuple[int, bytes]] = []
    for kind, value, offset in split(data):
        if kind == _APPLICATION:
            application = text(value)
        elif kind in {0x20, 0x21}:
            contexts.append(_context(kind, value, offset))
        elif kind == _USER:
            user = _user(value, offset)
        else:
            others.append((kind, value))
    return Items(application_context=application, contexts=contexts, user=user, others=others)


def text(value: bytes) -> str:
    """A UID or name as it stands, without the padding that some peers add."""
    return value.rstrip(b"\0 ").decode("latin-1")


def _context(kind: int, value: bytes, offset: int) -> Context:
    if len(value) < 4:
        raise ItemError("a presentation context is shorter than its head", offset)
    abstract, syntaxes = "", list[str]()
    for inner, content, at in _inside(value[4:], offset + 8):
        if inner == _ABSTRACT:
            abstract = text(content)
        elif inner == _TRANSFER:
            syntaxes.append(text(content))
        else:
            raise ItemError(f"item {inner:02X}H inside a presentation context", at)
    result = value[2] if kind == 0x21 else None
    return Context(
        id=value[0], abstract_syntax=abstract, transfer_syntaxes=tuple(syntaxes), result=result
    )


def _inside(data: bytes, offset: int) -> Iterator[tuple[int, bytes, int]]:
    try:
        for kind, value, at in split(data):
            yield kind, value, offset + at
    except ItemError as error:
        raise ItemError(str(error), offset + error.offset) from error


def _user(value: bytes, offset: int) -> UserInformation:
    max_length: int | None = None
    window: tuple[int, int] | None = None
    names = {_CLASS_UID: "", _VERSION: ""}
    roles, extended, others = list[Role](), list[tuple[str, bytes]](), list[tuple[int, bytes]]()
    for kind, content, at in _inside(value, offset + _HEAD.size):
        if kind == _MAX_LENGTH and len(content) == 4:
            max_length = int.from_bytes(content, "big")
        elif kind in names:
            names[kind] = text(content)
        elif kind == _ASYNC and len(content) == 4:
            window = int.from_bytes(content[:2], "big"), int.from_bytes(content[2:], "big")
        elif kind in {_ROLE, _EXTENDED}:
            uid, rest = _uid(content, at)
            if kind == _EXTENDED:
                extended.append((uid, rest))
            elif len(rest) == 2:
                roles.append(Role(sop_class=uid, scu=bool(rest[0]), scp=bool(rest[1])))
            else:
                raise ItemError("role selection of a wrong length", at)
        else:
            others.append((kind, content))
    return UserInformation(
        max_length=max_length, class_uid=names[_CLASS_UID], version=names[_VERSION], window=window,
        roles=tuple(roles), extended=tuple(extended), others=tuple(others),
    )  # fmt: skip


def _uid(content: bytes, offset: int) -> tuple[str, bytes]:
    size = int.from_bytes(content[:2], "big")
    if len(content) < 2 + size:
        raise ItemError("a UID is longer than what holds it", offset)
    return text(content[2 : 2 + size]), content[2 + size :]
