"""Parts of a DIMSE message that may go: elements of its data set, then those inside sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.cases.dicom_about import opened
from harness.cases.kept import Line
from harness.cases.score import Score, Turn
from harness.link.dicom_data import CHARACTER_SET
from harness.wire import dicom_command
from harness.wire.dicom_tree import Node, Tree

PROTOCOL: Final = "dicom"

Path = tuple[int, ...]
"""Number of an element in its data set; then number of an item, number of an element in that."""


def paths(payload: bytes, fixed: Callable[[bytes], bool], *, deep: bool) -> list[Path]:
    """What may go out of a message.

    Args:
        payload: the message.
        fixed: whether a value must stay.
        deep: what stands inside of sequences, else what does not. Character sets always stay:
            without them another text would stand there.
    """
    found = _paths(opened(payload).tree, (), fixed)
    return [path for path in found if (len(path) > 1) is deep]


Part = frozenset[tuple[int, Path]]
"""Elements that go together: number of a line, and what of it."""

LEVELS: Final = (("tags", False, True), ("tags in sequences", True, True),
                 ("elements", False, False), ("elements in sequences", True, False))  # fmt: skip
"""Name of a level, whether it is inside of sequences, and whether a tag goes everywhere at once.

An image that is sent twice is the same image only as long as both lose the same.
"""


def elements(
    score: Score, fixed: Callable[[bytes], bool], *, deep: bool, together: bool
) -> list[Part]:
    """What may go out of everything that is sent; see ``paths``."""
    lines = {one.line.number: one.line for one in score.turns if _sent(one)}
    groups: dict[object, set[tuple[int, Path]]] = {}
    for number, line in lines.items():
        tree = opened(line.payload).tree
        for path in paths(line.payload, fixed, deep=deep):
            key = _tags(tree, path) if together else (number, path)
            groups.setdefault(key, set()).add((number, path))
    return [frozenset(one) for one in groups.values()]


def _tags(tree: Tree, path: Path) -> tuple[int, ...]:
    """The tags on the way to an element, whatever item it stands in."""
    found = []
    for at in range(0, len(path), 2):
        node = tree.nodes[path[at]]
        found.append(node.tag)
        if at + 1 < len(path):
            tree = node.items[path[at + 1]].tree
    return tuple(found)


def _sent(turn: Turn) -> bool:
    return turn.move == "send" and turn.line.protocol == PROTOCOL


def dropping(score: Score, parts: Sequence[Part]) -> Callable[[Sequence[Part]], Score]:
    """Makes a score in which of these elements only some are left."""

    def made(some: Sequence[Part]) -> Score:
        left = set(some)
        gone: dict[int, set[Path]] = {}
        for number, path in (each for part in parts if part not in left for each in part):
            gone.setdefault(number, set()).add(path)

        def line(one: Line) -> Line:
            if one.number not in gone:
                return one
            return replace(one, payload=without(one.payload, frozenset(gone[one.number])))

        turns = [Turn(one.move, line(one.line)) if _sent(one) else one for one in score.turns]
        return replace(score, turns=turns)

    return made


def _paths(tree: Tree, above: Path, fixed: Callable[[bytes], bool]) -> Iterator[Path]:
    for number, node in enumerate(tree.nodes):
        path = (*above, number)
        if node.tag != CHARACTER_SET and not _held(node, fixed):
            yield path
        for at, item in enumerate(node.items):
            yield from _paths(item.tree, (*path, at), fixed)


def _held(node: Node, fixed: Callable[[bytes], bool]) -> bool:
    """Whether what must stay stands in an element, or somewhere inside of it."""
    inner = (one for item in node.items for one, _, _ in item.tree.walk())
    return any(fixed(one.value) for one in (node, *inner) if one.value)


def without(payload: bytes, gone: frozenset[Path]) -> bytes:
    """A message without some of its elements; without any it has no data set."""
    message = opened(payload)
    _drop(message.tree, (), gone)
    if not message.tree.nodes and not message.tree.rest:
        command = {**message.box.command, dicom_command.DATA_SET_TYPE: dicom_command.NO_DATA_SET}
        message.box = replace(message.box, command=command)
        message.deflated = False
    return message.encode()


def _drop(tree: Tree, above: Path, gone: frozenset[Path]) -> None:
    kept = []
    for number, node in enumerate(tree.nodes):
        path = (*above, number)
        if path in gone:
            continue
        kept.append(node)
        for at, item in enumerate(node.items):
            _drop(item.tree, (*path, at), gone)
    tree.nodes = kept
