"""A card that asks instead of telling what to do: somebody looks, and types what stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.i18n import tr
from harness.probes.person import Pose, Question
from harness.site.board import Board
from harness.site.cards import Card, Form

COMMAND: Final = "look"
"""What the card of a question is called; no system is told to do anything."""


@dataclass(slots=True)
class Asked:
    """One question on the board."""

    board: Board
    card: Card

    @property
    def operator(self) -> str:
        """Who took it."""
        return self.card.operator

    @property
    def typed(self) -> Mapping[str, str]:
        """What was typed so far, as it stands on the page now."""
        with self.board.lock:
            return dict(self.card.captured)

    def withdraw(self) -> None:
        """Take it off the page."""
        self.board.drop(self.card)


def pose_of(board: Board, role: str, say: Callable[[str], None]) -> Pose:
    """How the board asks about a role.

    Args:
        board: with the page.
        role: whose screen is looked at.
        say: shows the card on the terminal.
    """

    def pose(text: str, fields: Sequence[tuple[str, str]]) -> Question:
        form = Form(
            role=role,
            command=COMMAND,
            workstation=tr("look at {role}", role=role),
            text=text,
            fields=dict(fields),
            probe=COMMAND,
            match={COMMAND: COMMAND},
        )
        card = Card(
            number=board.next_number(),
            form=form,
            args={},
            workstation=form.workstation,
            minted=frozenset(),
            typed=frozenset(name for name, _ in fields),
            since=0,
            opened=board.stamp(),
        )
        board.put(card)
        say(board.text(card))
        return Asked(board, card)

    return pose
