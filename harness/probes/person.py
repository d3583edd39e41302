"""Asking a person: a card says what to look at, and what is read there is typed into the page.

It is the only probe that sees what a screen or a sheet of paper shows. The card has a token that is
typed along, so that what somebody saw for another question is not taken for this one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from harness import limits
from harness.errors import InputError
from harness.i18n import tr
from harness.model import Outcome
from harness.probes.asking import Row, answered, filled, refused, silent
from harness.probes.probe import Answer

TOKEN: Final = "mh_token"  # noqa: S105 - the name of a field
TOKEN_BYTES: Final = 2
"""Four signs: enough to tell the cards of a night apart, and short enough to be typed."""

NOTHING: Final = frozenset({"-", "无", "没有", "none"})
"""What is typed into a field that is empty; into every field where there is nothing to see."""

LOOK_S: Final = 0.2
"""How often the page is looked at."""


class Question(Protocol):
    """One card of a person."""

    @property
    def operator(self) -> str:
        """Who took it; empty where nobody said so."""
        ...

    @property
    def typed(self) -> Mapping[str, str]:
        """What was typed so far, by field."""
        ...

    def withdraw(self) -> None:
        """Take it off the page."""
        ...


Pose = Callable[[str, Sequence[tuple[str, str]]], Question]
"""Shows a card: its text, and the fields to be typed with their labels."""


@dataclass(slots=True)
class PersonProbe:
    """A probe whose eyes are somebody's.

    Args:
        name: in the profile.
        role: whose screen it is.
        question: what the card says, with holes.
        columns: our name of a column and what the field is called on the card.
        wait_s: how long the answer may take.
        fresh_s: an answer serves for so long after it came; a later question is asked anew.
        reach: how far it sees.
        pose: shows the card; None where no page is there.
        now: seconds that only grow.
        pause: waits a little; a test has no need to.
    """

    name: str
    role: str
    question: str
    columns: Mapping[str, str]
    wait_s: float = 1800.0
    fresh_s: float = limits.PROBE_TIMEOUT_S
    reach: str = "displayed"
    pose: Pose | None = None
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    by_hand: bool = True
    _known: dict[tuple[tuple[str, str], ...], tuple[float, Answer]] = field(default_factory=dict)

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Show the card, and wait until it is filled in."""
        key = tuple(sorted(args.items()))
        if key in self._known and self.now() - self._known[key][0] < self.fresh_s:
            return self._known[key][1]
        if self.pose is None:
            return silent(tr("nobody can be asked: there is no page"))
        token = secrets.token_hex(TOKEN_BYTES).upper()
        try:
            text = filled(self.question, args, str)
        except InputError as error:
            return refused(str(error))
        told = tr("{question} (token {token})", question=text, token=token)
        card = self.pose(told, [*self.columns.items(), (TOKEN, tr("token of the card"))])
        try:
            answer = self._await(card, token, args)
        finally:
            card.withdraw()
        if answer.outcome is Outcome.OK:
            self._known[key] = (self.now(), answer)
        return answer

    def close(self) -> None:
        """Nothing is held."""

    def _await(self, card: Question, token: str, args: Mapping[str, str]) -> Answer:
        until = self.now() + self.wait_s
        wanted = {*self.columns, TOKEN}
        while not wanted <= set(card.typed):
            if self.now() >= until:
                return silent(tr("nobody answered within {limit:g} s", limit=self.wait_s))
            self.pause(LOOK_S)
        said = {name: card.typed[name].strip() for name in wanted}
        if said.pop(TOKEN).upper() != token:
            why = tr("it answers another question: its token is not {token}", token=token)
            return refused(why)
        if not card.operator:
            return refused(tr("nobody said who looked"))
        rows: list[Row] = []
        if not all(value.lower() in NOTHING for value in said.values()):
            # The card said whom and what it is about; what was seen stands beside it.
            seen = {name: "" if one.lower() in NOTHING else one for name, one in said.items()}
            rows = [{**args, **seen}]
        return replace(answered(rows, 1), by=card.operator)
