"""Whether the segments of a message come in the order of its structure (HL7 2.5.1 §2.5.2, §2.12).

A structure is a tree of segments and groups. The walk is greedy, as the standard means it to be
read: a segment belongs to the earliest place that it fits. What fits nowhere is reported and
passed over, so that one stray segment gives one finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANY = "*"
"""Stands in a structure where any segment may (the ``ANYHL7SEGMENT`` and ``Hxx`` of the tables)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A segment or a group of a structure.

    Attributes:
        name: name of the segment or the group.
        required: how often it occurs at least.
        repeat_max: how often at most; None if without end.
        children: what a group holds; empty for a segment.
        choice: one of the children, not all in order.
        first: segments that it can begin with.
        every: segments that occur anywhere in it.
        optional: it can be empty even where it occurs.
    """

    name: str
    required: int = 0
    repeat_max: int | None = None
    children: tuple[Node, ...] = ()
    choice: bool = False
    first: frozenset[str] = field(init=False)
    every: frozenset[str] = field(init=False)
    optional: bool = field(init=False)

    def __post_init__(self) -> None:
        if self.children:
            first, every, optional = _reach(self.children, choice=self.choice)
        else:
            first = every = frozenset({self.name})
            optional = False
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "every", every)
        object.__setattr__(self, "optional", optional)


def _reach(
    children: Sequence[Node], *, choice: bool
) -> tuple[frozenset[str], frozenset[str], bool]:
    every: frozenset[str] = frozenset().union(*(child.every for child in children))
    if choice:
        first = frozenset[str]().union(*(child.first for child in children))
        return first, every, any(child.optional for child in children)
    first = frozenset()
    for child in children:
        first |= child.first
        if child.required and not child.optional:
            return first, every, False
    return first, every, True


@dataclass(frozen=True, slots=True)
class Misplaced:
    """One deviation from a structure.

    Attributes:
        code: ``hl7.structure-segment``, ``-missing`` or ``-repeated``.
        index: which segment of the message it is at, from 0.
        name: the segment or group that is wrong or missing.
    """

    code: str
    index: int
    name: str


def match(structure: Node, names: Sequence[str]) -> list[Misplaced]:
    """Everything that keeps the segments ``names`` from being a message of this structure."""
    walk = _Walk(names)
    walk.group(structure, frozenset())
    walk.pass_over(frozenset())
    return walk.found


class _Walk:
    """The state of one match. ``at`` only grows, so the walk ends."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.at = 0
        self.found: list[Misplaced] = []

    def sees(self, names: frozenset[str]) -> bool:
        """Whether the next segment is one of ``names``."""
        return self.at < len(self.names) and (self.names[self.at] in names or ANY in names)

    def report(self, code: str, name: str) -> None:
        """Note a deviation at the next segment."""
        self.found.append(Misplaced(f"hl7.structure-{code}", self.at, name))

    def pass_over(self, expected: frozenset[str]) -> None:
        """Report and skip segments that can come neither now nor later."""
        while self.at < len(self.names) and not self.sees(expected):
            self.report("segment", self.names[self.at])
            self.at += 1

    def group(self, node: Node, later: frozenset[str]) -> None:
        """Match one occurrence of a group; ``later`` can follow it."""
        if node.choice:
            for child in [each for each in node.children if self.begins(each, later)][:1]:
                self.repeated(child, later)
            return
        for child, following in _with_following(node.children, later):
            self.pass_over(child.every | following)
            self.repeated(child, following)

    def begins(self, node: Node, later: frozenset[str]) -> bool:
        """Whether the next segment opens ``node``, or belongs in it though its head is missing."""
        if self.sees(node.first):
            return True
        return bool(node.children) and self.sees(node.every) and not self.sees(later)

    def repeated(self, node: Node, later: frozenset[str]) -> None:
        """Match all occurrences of a segment or group."""
        count = 0
        begin = -1
        while self.at > begin and self.begins(node, later):
            if node.repeat_max is not None and count >= node.repeat_max:
                if self.sees(later):
                    break  # the next place that it fits
                self.report("repeated", node.name)
            begin = self.at
            if node.children:
                self.group(node, later | node.first)
            else:
                self.at += 1
            count += 1
            if node.repeat_max is None or count < node.repeat_max:
                self.pass_over(node.every | later)
        if count < node.required and not node.optional:
            self.report("missing", node.name)


def _with_following(
    children: Sequence[Node], later: frozenset[str]
) -> Iterator[tuple[Node, frozenset[str]]]:
    """Each child with every segment that can come after it."""
    following = [later]
    for child in reversed(children[1:]):
        following.append(following[-1] | child.every)
    return zip(children, reversed(following), strict=True)
