"""Keys: the terminal takes what is typed or scanned, where no browser is at hand.

A scanner is a keyboard that presses Enter. A bare line is a value for the one open card that asks
for one; ``#3 VALUE`` names the card, ``#3`` says that its work is taken up, ``@NAME`` who works.
As on the page, nothing that is typed here completes a card.
"""

from __future__ import annotations

import contextvars
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TextIO

from harness.i18n import tr
from harness.site.board import TYPED_CHARS_MAX, Board
from harness.site.cards import Card

_CARD = re.compile(r"#\s*(\d{1,9})(?:\s+(.*))?")


@dataclass(slots=True)
class Keys:
    """What is typed at the terminal of a run.

    Args:
        board: with the open cards.
        operator: who works; as said last.
    """

    board: Board
    operator: str = ""

    def take(self, line: str) -> str:
        """Carry one line out; what is to be said about it, empty for an empty line."""
        line = line.strip()
        if not line:
            return ""
        if line.startswith("@"):
            self.operator = line[1:].strip()[:TYPED_CHARS_MAX]
            return tr("working: {name}", name=self.operator or "-")
        with self.board.lock:
            named = _CARD.fullmatch(line)
            if named is None:
                return self._scanned(line)
            card = self.board.find(named[1])
            if card is None:
                return tr("card {number} is not open", number=named[1])
            if not named[2]:
                return self._taken(card)
            asked = card.wants_typed()
            if not asked:
                return tr("card {number} asks for nothing that is typed", number=card.number)
            return self._typed(card, asked[0], named[2].strip())

    def _scanned(self, value: str) -> str:
        asking = [(card, one) for card in self.board.cards for one in card.wants_typed()[:1]]
        if not asking:
            return tr("no open card asks for anything that is typed")
        if len(asking) > 1:
            listed = ", ".join(f"#{card.number} {label}" for card, (_, label) in asking)
            return tr("several cards ask: {cards}; write #NUMBER before it", cards=listed)
        return self._typed(*asking[0], value)

    def _typed(self, card: Card, asked: tuple[str, str], value: str) -> str:
        name, label = asked
        if not self.board.type_in(card, name, value):
            return tr("that is too long for {label}", label=label)
        self._taken(card)
        return tr("card {number}: {label} is {value}", number=card.number, label=label, value=value)

    def _taken(self, card: Card) -> str:
        if not self.operator:
            return tr("say who you are: @NAME")
        self.board.take_up(card, self.operator)
        return tr("card {number}: {name}", number=card.number, name=self.operator)


def follow(lines: Iterable[str], keys: Keys, say: Callable[[str], None]) -> None:
    """Carry out line by line, and say what became of each."""
    for line in lines:
        if told := keys.take(line):
            say(told)


def listen(board: Board, stream: TextIO | None, say: Callable[[str], None]) -> bool:
    """Follow a terminal for as long as the program runs; False where nobody sits at one.

    Nothing can end a read from a keyboard on every system, so its thread ends with the program.
    """
    if stream is None or not stream.isatty():
        return False
    here = contextvars.copy_context()  # with the language of the run
    thread = threading.Thread(
        target=here.run, args=(follow, stream, Keys(board), say), name="keys", daemon=True
    )
    thread.start()
    return True
