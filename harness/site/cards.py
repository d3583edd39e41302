"""Cards: what a person is asked to do at a system that cannot be commanded, and how it is seen.

A card never says itself that it is done. It is done when a message passed, or a row appeared, that
was not there before the card was handed out.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness import resources
from harness.errors import InputError
from harness.evidence import decode
from harness.evidence.trace import Record
from harness.i18n import tr
from harness.model import Outcome

CARDS_MAX = 1_000
"""Cards of one file: every menu of a HIS, several times over."""

EITHER, INSIDE = "|", "~"
"""In what a card wants: alternatives, and text that stands somewhere in a field."""

HOLE = re.compile(r"\{([a-z_]+)\}")

Interfaces = Mapping[str, Sequence[str]]
"""Interfaces that each link carries."""

Words = Annotated[dict[str, str], Field(max_length=50)]


class Form(BaseModel):
    """One kind of card, from a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    command: str
    workstation: str
    text: str
    fields: Words
    interface: str = ""
    """The message must pass on this interface; or ``probe``."""
    probe: str = ""
    """A probe of the profile whose rows show that it is done."""
    ask: Words = Field(default_factory=dict)
    """Arguments of that probe; ``{argument}`` is filled in."""
    match: Annotated[Words, Field(min_length=1)]
    ids: Words = Field(default_factory=dict)
    gone: bool = False
    """The probe shows it by what is no longer there: it must have been there before."""
    undo: str = ""
    """How what it leaves is taken back."""

    @model_validator(mode="after")
    def _one_way(self) -> Form:
        if bool(self.interface) == bool(self.probe):
            raise ValueError(tr("a card needs one of interface and probe"))
        if self.gone and (not self.probe or self.ids):
            raise ValueError(tr("“gone” is of a card that a probe proves, and gives no ids"))
        return self

    def filled(self, args: Mapping[str, str]) -> dict[str, str]:
        """What a row must show where every argument is known."""
        return {path: HOLE.sub(lambda hole: args.get(hole[1], ""), text)
                for path, text in self.match.items()}  # fmt: skip


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal[1]
    card: Annotated[list[Form], Field(max_length=CARDS_MAX)]


def read_forms(path: Path | None = None) -> dict[tuple[str, str], Form]:
    """The cards that ship, and those of a site over them, by role and command.

    Raises:
        InputError: a file cannot be read, or a card of it cannot be used.
    """
    forms: dict[tuple[str, str], Form] = {}
    for one in (resources.fixture("site", "cards.toml"), path):
        if one is None:
            continue
        try:
            read = _File.model_validate(tomllib.loads(one.read_text(encoding="utf-8-sig")))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _unusable(one, f"{where}: {first['msg']}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise _unusable(one, str(error)) from None
        forms |= {(form.role, form.command): form for form in read.card}
    return forms


def _unusable(path: Path, why: str) -> InputError:
    return InputError(
        tr("the cards cannot be used: {why}", why=why),
        where=str(path),
        remedy=tr("see docs/how-to/at-a-real-site.md, “Operator steps”"),
    )


@dataclass(slots=True)
class Attachment:
    """A picture or a page that an operator adds to a card; kept by its hash."""

    name: str
    sha256: str
    size: int

    def data(self) -> dict[str, Any]:
        """For the trace."""
        return {"name": self.name, "sha256": self.sha256, "bytes": self.size}


@dataclass(slots=True)
class Card:
    """One card that was handed out.

    Attributes:
        number: counted through the run; what the page names it by.
        form: its kind.
        args: of the command.
        workstation: where it is done.
        minted: arguments that the system under test gives, and nobody enters.
        typed: of them, those that are typed or scanned into the page.
        since: number of the trace record before it was handed out.
        after: number of the open card that is to bring an argument, by argument.
        before: rows that the probe showed before, so that an old row is no proof.
        opened: civil time at which it was handed out.
        scenario: whose card it is; empty for a question.
        operator: who took it; empty where nobody said so.
        attachments: what was added.
        captured: ids that the system under test minted, by argument.
        earlier: that it was done in an earlier attempt of this run, in words.
        seen: what proved it: ``record 17`` or ``probe NAME``; empty while it is open.
    """

    number: int
    form: Form
    args: dict[str, str]
    workstation: str
    minted: frozenset[str]
    typed: frozenset[str]
    since: int
    opened: str
    scenario: str = ""
    after: Mapping[str, int] = field(default_factory=dict)
    before: Sequence[Mapping[str, str | None]] = ()
    operator: str = ""
    taken: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    captured: dict[str, str] = field(default_factory=dict)
    earlier: str = ""
    seen: str = ""

    def shown(self) -> list[tuple[str, str]]:
        """What to enter, in the order of the form; nothing that the system mints."""
        return [
            (label, self.args[name])
            for name, label in self.form.fields.items()
            if self.args.get(name) and name not in self.minted
        ]

    def first(self) -> list[int]:
        """Cards that must be done before: what they bring is not known yet.

        Whoever enters this one now takes somebody else of the same name for its person.
        """
        return sorted({number for name, number in self.after.items() if name in self.minted})

    def wants_typed(self) -> list[tuple[str, str]]:
        """Ids that are still to be typed or scanned: argument and label."""
        return [
            (name, self.form.fields.get(name, name))
            for name in sorted(self.typed)
            if name not in self.captured
        ]

    def wanted(self, aliases: Mapping[str, str]) -> dict[str, str]:
        """What must stand in the message or row; empty while that cannot be told.

        A field with an id that this very card captures is left out. One with an id that the system
        gives on another card is known only once that card is done.
        """
        found = {}
        for path, text in self.form.match.items():
            holes = [name for name in HOLE.findall(text) if name in self.args]
            if len(holes) < len(HOLE.findall(text)) or self._captures(holes, aliases):
                continue
            if any(name in self.minted and self.args[name] not in aliases for name in holes):
                return {}
            found[path] = HOLE.sub(
                lambda hole: aliases.get(self.args[hole[1]], self.args[hole[1]]), text
            )
        return found

    def _captures(self, names: Sequence[str], aliases: Mapping[str, str]) -> bool:
        return any(
            name in self.minted and name in self.form.ids and self.args[name] not in aliases
            for name in names
        )

    def proves(self, record: Record, wanted: Mapping[str, str], interfaces: Interfaces) -> bool:
        """Whether a record of the trace shows that this card was carried out.

        Args:
            record: of the trace.
            wanted: what must stand in it.
            interfaces: those that the link of a record carries, by link.
        """
        if record["kind"] != "message" or record["n"] <= self.since:
            return False
        if self.form.interface not in interfaces.get(record.get("link", ""), ()):
            return False
        if record.get("frm") != self.form.role:
            return False
        return all(fits(_at(record, path), value) for path, value in wanted.items())

    def learn(self, aliases: Mapping[str, str]) -> None:
        """Show what another card brought: from then on it is entered like anything else."""
        own = self.captured
        known = {one for one in self.minted if one not in own and self.args[one] in aliases}
        self.args |= {name: aliases[self.args[name]] for name in known}
        self.minted -= known

    def take_ids(self, read: Any) -> None:
        """Keep the ids that the system minted: ``read`` gives a field of what proved the card."""
        for name, path in self.form.ids.items():
            if name in self.minted and name not in self.typed:
                value = next(filter(None, (read(one) for one in path.split(EITHER))), None)
                if value:
                    self.captured[name] = str(value)

    @property
    def done(self) -> bool:
        """Seen, with every id that the system was to mint and that was to be typed."""
        return bool(self.seen) and not self.missing and not self.wants_typed()

    def told(self, closed: str) -> dict[str, Any]:
        """For the trace: what a person did, the ids that came of it, and how it is taken back.

        The words go in as well: who reads the run later need not have the site's file of cards.
        """
        return {
            "role": self.form.role,
            "name": self.form.command,
            "args": dict(self.args),
            "outcome": (Outcome.OK if self.done else Outcome.UNKNOWN).value,
            "value": None,
            "card": self.number,
            "text": self.form.text,
            "undo": self.form.undo,
            "workstation": self.workstation,
            "operator": self.operator,
            "opened": self.opened,
            "taken": self.taken,
            "closed": closed,
            "seen": self.seen,
            "captured": dict(self.captured),
            "attachments": [one.data() for one in self.attachments],
        }

    def named(self) -> str:
        """It in words, with what it lacks."""
        missing = [*self.missing, *(label for _, label in self.wants_typed())] if self.seen else []
        lacks = tr(" (not captured: {names})", names=", ".join(missing)) if missing else ""
        return tr("card {number} at {workstation}: {text}", number=self.number,
                  workstation=self.workstation, text=self.form.text) + lacks  # fmt: skip

    @property
    def missing(self) -> list[str]:
        """Minted ids of this card that were not captured."""
        return [
            name for name in sorted(self.minted & set(self.form.ids)) if name not in self.captured
        ]


def fits(found: str | None, wanted: str) -> bool:
    """Whether a field holds what a card wants: one of ``A|B``, or ``~text`` somewhere in it."""
    if found is None:
        return False
    if wanted.startswith(INSIDE):
        return wanted.removeprefix(INSIDE) in found
    return found == wanted or found in wanted.split(EITHER)


def row_fits(row: Mapping[str, str | None], wanted: Mapping[str, str]) -> bool:
    """Whether a row of a probe shows what a card wants."""
    return all(fits(row.get(column), value) for column, value in wanted.items())


def _at(record: Record, path: str) -> str | None:
    if path in {"type", "id"}:
        return str(record.get(path, ""))
    value = decode.field(record, path)
    if value is not None and record["protocol"] == "http" and value.startswith('"'):
        return str(json.loads(value))  # text as it is, not as JSON writes it
    return value


def field_of(record: Record, path: str) -> str | None:
    """A field of a message record, as the ``ids`` of a card name it."""
    return _at(record, path)
