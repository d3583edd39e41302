"""Retrievals that the system under test asks of us: which recorded stores belong to each of them.

The answer to a C-MOVE is more than its responses: the objects go to their destination over an
association of their own, between the responses (PS3.4 §C.4.2); of a C-GET they go back on the same
association (§C.4.3). A C-STORE says itself for whom it is, with the title and the message id of
whoever asked for the move (PS3.7 table 9.1-1); where it does not, the open move to that title
has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.cases.kept import Line
from harness.wire import dicom_command
from harness.wire.dicom_box import Boxed, decode

PROTOCOL: Final = "dicom"
STORE: Final = "C-STORE-RQ"
MOVE: Final = "C-MOVE-RQ"
GET: Final = "C-GET-RQ"
ASKING: Final = frozenset({"C-FIND-RQ", MOVE, GET})
"""What a system asks by itself, and gets more than a word for."""

_LAST: Final = ("C-MOVE-RSP", "C-GET-RSP")
_PENDING: Final = "^FF"


@dataclass(slots=True)
class _Open:
    """One retrieval of the recording."""

    line: Line
    box: Boxed
    over: bool = False

    def fits(self, line: Line, box: Boxed) -> int:
        """Whether a store is one of its sub-operations: 2 by its own word, 1 by all else, or 0."""
        if line.frm != self.line.to:
            return 0
        if self.line.kind == GET:
            return int(not self.over and association(line) == association(self.line))
        ident = box.command.get(dicom_command.ORIGINATOR_ID)
        mine = calling(self.box) in {"", box.text(dicom_command.ORIGINATOR).strip()}
        if mine and ident == self.box.command.get(dicom_command.MESSAGE_ID):
            return 2
        return int(not self.over and title(box) in {"", destination(self.box)})


def association(line: Line) -> str:
    """Name of the association that a request went over."""
    return line.ident.partition("/")[0]


def destination(box: Boxed) -> str:
    """Title to which a move sends; empty where it names none."""
    return box.text(dicom_command.DESTINATION).strip()


def title(box: Boxed) -> str:
    """Title that was called; empty where nobody saw it."""
    return box.asked.called.decode("latin-1").strip(" \0") if box.asked else ""


def calling(box: Boxed) -> str:
    """Title of the caller; empty where nobody saw it."""
    return box.asked.calling.decode("latin-1").strip(" \0") if box.asked else ""


def sub_operations(lines: Sequence[Line], system: str) -> dict[int, int]:
    """Number of each store that a retrieval of a system led to, and number of that retrieval.

    Args:
        lines: of the case, in the order of the recording.
        system: role under test, which asks.
    """
    open_: list[_Open] = []
    found: dict[int, int] = {}
    for line in lines:
        if line.protocol != PROTOCOL or system not in {line.frm, line.to}:
            continue
        if line.frm == system and line.kind in {MOVE, GET}:
            open_.append(_Open(line, decode(line.payload)))
        elif line.to == system and line.kind == STORE and open_:
            box = decode(line.payload)
            # The same message id may come again on a later association: the newest has it.
            best = max(enumerate(open_), key=lambda one: (one[1].fits(line, box), one[0]))[1]
            if best.fits(line, box):
                found[line.number] = best.line.number
        elif line.to == system and line.kind.startswith(_LAST) and _PENDING not in line.kind:
            for one in open_:
                one.over = one.over or line.answers == one.line.ident
    return found


def renamed(box: Boxed, recorded: Boxed, now: tuple[str, int]) -> Boxed:
    """A store that names whoever asked now, where it named who asked then; else as it was.

    Args:
        box: the store.
        recorded: the retrieval of the recording.
        now: title and message id of the one that it is sent for.
    """
    command = dict(box.command)
    if command.get(dicom_command.ORIGINATOR_ID) == recorded.command.get(dicom_command.MESSAGE_ID):
        command[dicom_command.ORIGINATOR_ID] = now[1]
    if box.text(dicom_command.ORIGINATOR).strip() == calling(recorded) != "":
        command[dicom_command.ORIGINATOR] = now[0]
    if command == box.command:
        return box
    command.pop(dicom_command.GROUP_LENGTH, None)
    return Boxed(association=box.association, context=box.context, command=command,
                 syntax=box.syntax, body=box.body, asked=box.asked)  # fmt: skip
