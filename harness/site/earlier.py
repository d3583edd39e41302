"""Cards that were done in an earlier attempt of this run.

A run that goes on hands out the cards of scenarios that had not ended once more: same seed, same
person. What the journal of the earlier attempt proves is not asked for again where a probe still
shows it; a message passed once and is over, so there the card says that the person is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.evidence.trace import read
from harness.i18n import tr
from harness.model import Outcome
from harness.report import attempts
from harness.site.cards import Form

MOMENTS: Final = frozenset({"date", "time"})
"""Arguments that follow the clock: another day makes no other person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A card that was done.

    Attributes:
        attempt: its number.
        record: of its trace that tells so.
        cut: the attempt was broken off, so nobody judged what came of it.
        args: of the card, with the numbers that were known in the end.
        captured: numbers that the system gave, by argument.
        operator: who did it; empty where nobody said so.
        at: civil time at which it was seen.
    """

    attempt: str
    record: int
    cut: bool
    args: Mapping[str, str]
    captured: Mapping[str, str]
    operator: str
    at: str

    def told(self, form: Form) -> str:
        """For whoever gets the card again."""
        numbers = ", ".join(f"{form.fields.get(name, name)} {value}"
                            for name, value in self.captured.items())  # fmt: skip
        who = " ".join(filter(None, [self.at, self.operator, numbers]))
        return tr("done before, in attempt {attempt} ({who}): the person is there already; choose"
                  " it and save once more, and enter nobody twice",
                  attempt=self.attempt, who=who)  # fmt: skip

    def proof(self, probe: str) -> str:
        """Why nobody is asked again."""
        return tr("record {number} of attempt {attempt}; the probe {name} still shows it",
                  number=self.record, attempt=self.attempt, name=probe)  # fmt: skip


Remember = Callable[[str, Form, Mapping[str, str], frozenset[str]], Past | None]
"""By scenario, kind of card, arguments, and those of them that the system gives."""


def nothing(
    _scenario: str, _form: Form, _args: Mapping[str, str], _minted: frozenset[str]
) -> Past | None:
    """A run that began anew."""
    return None


@dataclass(slots=True)
class Earlier:
    """What the journals of earlier attempts tell of cards.

    Args:
        folder: of the run.
    """

    folder: Path
    _found: dict[str, list[tuple[str, bool, Mapping[str, Any]]]] = field(default_factory=dict)

    def find(
        self, scenario: str, form: Form, args: Mapping[str, str], minted: frozenset[str]
    ) -> Past | None:
        """The latest time that this card was done, each told once; None where it never was."""
        if scenario not in self._found:
            self._found[scenario] = self._read(scenario)
        known = self._found[scenario]
        for at, (attempt, cut, record) in enumerate(known):
            if _same(record, form, args, minted):
                del known[at]
                return Past(
                    attempt=attempt,
                    record=int(record["n"]),
                    cut=cut,
                    args=dict(record.get("args", {})),
                    captured=dict(record.get("captured", {})),
                    operator=str(record.get("operator", "")),
                    at=str(record.get("closed", "")),
                )
        return None

    def _read(self, scenario: str) -> list[tuple[str, bool, Mapping[str, Any]]]:
        found: list[tuple[str, bool, Mapping[str, Any]]] = []
        for folder in reversed(attempts.folders(self.folder)):
            path = folder / "traces" / f"{scenario}.jsonl"
            try:
                trace = read(path)
            except InputError:  # it had not begun then
                continue
            found += [
                (folder.name, not trace.sealed, record) for record in trace.records
                if record["kind"] == "command" and record.get("card")
                and record.get("outcome") == Outcome.OK.value
            ]  # fmt: skip
        return found


def _same(
    record: Mapping[str, Any], form: Form, args: Mapping[str, str], minted: frozenset[str]
) -> bool:
    """Whether a record is of the same card for the same person."""
    if (record.get("role"), record.get("name")) != (form.role, form.command):
        return False
    told = record.get("args", {})
    names = set(args) - set(minted) - MOMENTS
    return bool(names) and all(told.get(name) == args[name] for name in names)
