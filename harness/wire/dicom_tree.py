"""A data set as a tree of its own bytes: what can be read is read, what cannot stays as it is.

For those who change a few values and nothing else (PS3.5 §7): what was not touched is written as it
came, with its padding, its undefined lengths and its mistakes; where a value becomes longer or
shorter, the lengths around it follow. Behind the first spot that cannot be read nothing is guessed:
it is the ``rest`` of its data set.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

UNDEFINED: Final = 0xFFFFFFFF
DEPTH_MAX: Final = 16
"""Sequences in sequences; deeper ones are not read."""

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""Written with a length of four bytes (PS3.5 table 7.1-1)."""

_SHORT: Final = struct.Struct("<H")
_WHOLE: Final = struct.Struct("<I")

VrOf = Callable[[int], str]
"""Value representation of a tag, for those that are written without one."""


@dataclass(slots=True)
class Node:
    """One element.

    Attributes:
        tag: group and number.
        vr: as written, or as the dictionary has it.
        head: its bytes up to the value, with the length.
        body: the value; of a sequence its items; of pixels in fragments all of these.
        tail: delimiter behind the value; empty where there is none.
        fragments: the value is one of fragments (PS3.5 §A.4).
        short: its length has two bytes.
    """

    tag: int
    vr: str
    head: bytes
    body: bytes | list[Item]
    tail: bytes = b""
    fragments: bool = False
    short: bool = False

    @property
    def value(self) -> bytes:
        """The value; empty of a sequence."""
        return self.body if isinstance(self.body, bytes) else b""

    @property
    def items(self) -> list[Item]:
        """The items of a sequence; none of anything else."""
        return [] if isinstance(self.body, bytes) else self.body

    def encode(self) -> bytes:
        """The element with what stands in it now."""
        body = self.body
        data = body if isinstance(body, bytes) else b"".join(one.encode() for one in body)
        return _headed(self.head, len(data), short=self.short) + data + self.tail


@dataclass(slots=True)
class Tree:
    """The elements of one data set.

    Attributes:
        nodes: in their order.
        rest: what could not be read, to the end.
    """

    nodes: list[Node] = field(default_factory=list)
    rest: bytes = b""

    def encode(self) -> bytes:
        """The data set with what stands in it now."""
        return b"".join(one.encode() for one in self.nodes) + self.rest

    def find(self, tag: int) -> Node | None:
        """The first element of a tag, not inside of sequences."""
        return next((one for one in self.nodes if one.tag == tag), None)

    def walk(self, depth: int = 0) -> Iterator[tuple[Node, Tree, int]]:
        """Every element, those inside of sequences as well, with its data set and its depth."""
        for node in self.nodes:
            yield node, self, depth
            for item in node.items:
                yield from item.tree.walk(depth + 1)

    def rests(self) -> Iterator[Tree]:
        """Every data set in it that could not be read to its end."""
        if self.rest:
            yield self
        for node in self.nodes:
            for item in node.items:
                yield from item.tree.rests()


@dataclass(slots=True)
class Item:
    """One item of a sequence: ``head`` and ``tail`` as of an element."""

    head: bytes
    tree: Tree
    tail: bytes = b""

    def encode(self) -> bytes:
        """The item with what stands in it now."""
        data = self.tree.encode()
        return _headed(self.head, len(data), short=False) + data + self.tail


def _headed(head: bytes, size: int, *, short: bool) -> bytes:
    """A head with the length that is right now; one that has none keeps none."""
    form = _SHORT if short else _WHOLE
    begin = len(head) - form.size
    (before,) = form.unpack_from(head, begin)
    if before == size or (before == UNDEFINED and not short):
        return head
    return head[:begin] + form.pack(size)


def parse(data: bytes, vr_of: VrOf, *, explicit: bool) -> Tree:
    """Read a data set; never raises."""
    return _Reader(data, vr_of).dataset(0, len(data), 0, explicit=explicit, closed=True)[0]


class _Broken(Exception):  # noqa: N818 - ends the reading of one data set, not an error
    """Here it cannot be read any further."""


@dataclass(slots=True)
class _Reader:
    data: bytes
    vr_of: VrOf

    def dataset(
        self, at: int, end: int, depth: int, *, explicit: bool, closed: bool
    ) -> tuple[Tree, int, bytes]:
        """Elements up to ``end`` or the delimiter of an item; then where, and that delimiter."""
        tree = Tree()
        while at < end:
            try:
                if not closed and self._tag(at, end) == _ITEM_END:
                    return tree, at + 8, self.data[at : at + 8]
                node, after = self._node(at, end, depth, explicit=explicit)
            except _Broken:
                tree.rest = self.data[at:end]
                return tree, end, b""
            tree.nodes.append(node)
            at = after
        return tree, at, b""

    def _tag(self, at: int, end: int) -> int:
        if at + 8 > end:
            raise _Broken
        group, number = struct.unpack_from("<HH", self.data, at)
        return int(group) << 16 | int(number)

    def _node(self, at: int, end: int, depth: int, *, explicit: bool) -> tuple[Node, int]:
        tag = self._tag(at, end)
        if tag >> 16 == 0xFFFE:
            raise _Broken
        vr, size, begin = self._head(tag, at, end, explicit=explicit)
        head = self.data[at:begin]
        nested = vr == "SQ" or (vr == "UN" and size == UNDEFINED)
        if nested:
            # An unknown one of undefined length is written without value representations (§6.2.2).
            inner = explicit and vr == "SQ"
            items, after, tail = self._items(begin, end, size, depth, explicit=inner)
            return Node(tag, vr, head, items, tail), after
        if size == UNDEFINED:
            after = self._fragments(begin, end)
            return Node(tag, vr, head, self.data[begin : after - 8],
                        self.data[after - 8 : after], fragments=True), after  # fmt: skip
        if begin + size > end:
            raise _Broken
        short = explicit and begin == at + 8 and self.data[at + 4 : at + 6] not in _LONG
        value = self.data[begin : begin + size]
        return Node(tag, vr, head, value, short=short), begin + size

    def _head(self, tag: int, at: int, end: int, *, explicit: bool) -> tuple[str, int, int]:
        """Value representation, length, and where the value begins."""
        if not explicit:
            return self.vr_of(tag), int(struct.unpack_from("<I", self.data, at + 4)[0]), at + 8
        name = self.data[at + 4 : at + 6]
        if not (name.isalpha() and name.isupper()):
            raise _Broken
        if name not in _LONG:
            size = int(struct.unpack_from("<H", self.data, at + 6)[0])
            return name.decode("ascii"), size, at + 8
        if at + 12 > end:
            raise _Broken
        return name.decode("ascii"), int(struct.unpack_from("<I", self.data, at + 8)[0]), at + 12

    def _items(
        self, at: int, end: int, size: int, depth: int, *, explicit: bool
    ) -> tuple[list[Item], int, bytes]:
        if depth >= DEPTH_MAX:
            raise _Broken
        if size != UNDEFINED:
            if at + size > end:
                raise _Broken
            end = at + size
        items: list[Item] = []
        while at < end:
            tag = self._tag(at, end)
            if tag == _SEQUENCE_END and size == UNDEFINED:
                return items, at + 8, self.data[at : at + 8]
            if tag != _ITEM:
                raise _Broken
            length = int(struct.unpack_from("<I", self.data, at + 4)[0])
            head, at = self.data[at : at + 8], at + 8
            closed = length != UNDEFINED
            if closed and at + length > end:
                raise _Broken
            stop = at + length if closed else end
            tree, at, tail = self.dataset(at, stop, depth + 1, explicit=explicit, closed=closed)
            items.append(Item(head, tree, tail))
        return items, at, b""

    def _fragments(self, at: int, end: int) -> int:
        """To behind the delimiter of the fragments."""
        while True:
            tag = self._tag(at, end)
            size = int(struct.unpack_from("<I", self.data, at + 4)[0])
            if tag == _SEQUENCE_END:
                return at + 8
            if tag != _ITEM or at + 8 + size > end:
                raise _Broken
            at += 8 + size
