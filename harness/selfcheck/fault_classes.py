"""Which rows of the fault catalogue are provoked and detected, from runs and never from tags.

A row is *provoked* where a fault of its class fired and ``wire_look`` sees on the link what the
fault says it did. It is *detected* where a defect of the built-in hospital that stands for the row
was caught by a finding at its true place that the clean hospital does not show.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from harness import resources
from harness.errors import InputError
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.scenario.denominators import PILLARS
from harness.selfcheck.defect_matrix import Catch
from harness.selfcheck.runs import Played
from harness.selfcheck.wire_classes import shown_classes
from harness.selfcheck.wire_look import happened

PROVOKE, DETECT = "P", "D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One row of the catalogue, ``fixtures/fault_catalogue.toml``.

    Attributes:
        id: such as ``lab-05`` or ``hl7-47``.
        pillar: one of ``PILLARS``.
        group: heading in English, then in Chinese.
        letters: ``P``, ``D`` or both: what can be done about it from outside.
        zh: the fault in Chinese.
        en: the fault in English.
        open: why it does not count yet, where that is known.
    """

    id: str
    pillar: str
    group: tuple[str, str]
    letters: str
    zh: str
    en: str
    open: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the catalogue and what runs showed of it.

    Attributes:
        id: of the row.
        pillar: of the row.
        letters: what can be done.
        provoked_in: scenarios in which a fault of this class was seen on the wire.
        detected_by: defects that stand for the row and were caught.
    """

    id: str
    pillar: str
    letters: str
    provoked_in: tuple[str, ...] = ()
    detected_by: tuple[str, ...] = ()

    @property
    def provoked(self) -> bool:
        """The fault was seen on the wire."""
        return bool(self.provoked_in)

    @property
    def detected(self) -> bool:
        """A finding came with the defect, and not without it."""
        return bool(self.detected_by)

    @property
    def counts(self) -> bool:
        """Every letter of the row holds."""
        holds = {PROVOKE: self.provoked, DETECT: self.detected}
        return all(holds[letter] for letter in self.letters)

    def data(self) -> dict[str, Any]:
        """For ``selfcheck.json``."""
        found = {"provoked": self.provoked, "detected": self.detected, "counts": self.counts}
        return asdict(self) | found


WHOLE, IMAGING = "fault_catalogue.toml", "fault_catalogue_imaging.toml"
"""Imaging stands apart: it is measured over TCP, everything else over memory."""


@lru_cache(maxsize=2)
def catalogue(name: str = WHOLE) -> Mapping[str, Listed]:
    """Every row by id, in the order of the file.

    Raises:
        InputError: the file that ships is damaged.
    """
    path = resources.fixture(name)
    return read_catalogue(path.read_text(encoding="utf-8"), str(path))


def read_catalogue(text: str, where: str) -> Mapping[str, Listed]:
    """Rows by id from the text of a catalogue; ``where`` names it in messages.

    Raises:
        InputError: an id occurs twice, or letters or pillar are unknown.
    """
    rows: dict[str, Listed] = {}
    for group in tomllib.loads(text)["groups"]:
        for row in group["rows"]:
            listed = Listed(pillar=group["pillar"], group=(group["en"], group["zh"]), **row)
            if listed.id in rows:
                raise InputError(tr("the row {row} stands twice", row=listed.id), where=where)
            if listed.letters not in {"P", "D", "PD"} or listed.pillar not in PILLARS:
                raise InputError(
                    tr("the row {row} has unknown letters or pillar", row=listed.id), where=where
                )
            rows[listed.id] = listed
    return rows


def table(played_clean: Sequence[Played], catches: Sequence[Catch]) -> list[Row]:
    """Every row of the catalogue, with what runs showed of it.

    Args:
        played_clean: scenarios on the clean hospital; they are where faults fire, and what a
            finding must be absent from.
        catches: defects, with the scenarios that caught each.

    Raises:
        InputError: a fault or a defect names a row that the catalogue does not have.
    """
    provoked: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for played in played_clean:
        for fault_class in (*provoked_classes(played.records), *shown_classes(played.records)):
            provoked[fault_class][played.bound.scenario.id] = None
    detected: defaultdict[str, list[str]] = defaultdict(list)
    clean = {one.bound.scenario.id: one for one in played_clean}
    for catch in catches:
        if not absent_when_off(catch, clean):
            continue
        own, *brought_out_by = catch.source.split()
        detected[own].append(catch.defect)
        for row in brought_out_by:  # only where it was caught while the wire showed that fault
            if {*provoked.get(row, ())} & {*catch.placed}:
                detected[row].append(catch.defect)
    known = catalogue()
    named = {row for catch in catches for row in catch.source.split()}
    unknown = sorted(({*provoked} | named) - {*known})
    if unknown:
        raise InputError(tr("no such rows in the fault catalogue: {rows}", rows=", ".join(unknown)))
    return [
        Row(
            id=listed.id,
            pillar=listed.pillar,
            letters=listed.letters,
            provoked_in=tuple(provoked[listed.id]),
            detected_by=tuple(detected[listed.id]),
        )
        for listed in known.values()
    ]


def provoked_classes(records: Sequence[Record]) -> list[str]:
    """Classes of the faults that fired in a trace and were seen on the link."""
    fired = [one for one in records if one["kind"] == "fault" and one["event"] == "fired"]
    found = {one["fault_class"]: None for one in fired if happened(one, records)}
    return list(found)


def absent_when_off(catch: Catch, clean: Mapping[str, Played]) -> bool:
    """Some scenario that names the place with the defect passes without it."""
    return any(
        ident in clean
        and clean[ident].conclusion.verdict is Verdict.PASS
        and not {one.place for one in clean[ident].conclusion.findings} & {*catch.places}
        for ident in catch.placed
    )


def counts(rows: Iterable[Row]) -> Mapping[str, Mapping[str, int]]:
    """Rows listed, provoked, detected, and those of which every letter holds, by pillar."""
    found = {
        pillar: dict.fromkeys(("listed", "provoked", "detected", "counting"), 0)
        for pillar in PILLARS
    }
    for row in rows:
        figures = found[row.pillar]
        figures["listed"] += 1
        figures["provoked"] += row.provoked
        figures["detected"] += row.detected
        figures["counting"] += row.counts
    return found


HEAD = """\
# Fault classes

Generated by `medharness selfcheck`; do not edit.

P: a fault of this class fired, and the bytes on the link show it; or the messages themselves show
it, decoded by codecs that share nothing with what encoded them. D: a defect of the built-in
hospital that stands for this row was caught at its true place, and the clean hospital shows no
such finding. A row counts if every letter that it asks for holds. How faults are planned stands in
[planning faults](fault-planning.md). Imaging is measured over TCP and has a
[page of its own](faults-imaging.md).

"""


def render(rows: Sequence[Row], name: str = WHOLE, head: str = "") -> str:
    """``docs/reference/faults.md``: the rows as a table, group by group."""
    parts = [head or HEAD, _summary(rows)]
    known = catalogue(name)
    group: tuple[str, str] | None = None
    for row in rows:
        listed = known[row.id]
        if listed.group != group or _first_of_pillar(rows, row):
            group = listed.group
            title = f"{row.pillar}: {group[0]} / {group[1]}"
            columns = "| id | fault | 故障 | asks | provoked in | detected by | counts |"
            parts.append(f"\n## {title}\n\n{columns}\n|---|---|---|---|---|---|---|\n")
        cells = [
            row.id,
            listed.en,
            listed.zh,
            row.letters,
            _some(row.provoked_in),
            _some(row.detected_by),
            "yes" if row.counts else ": ".join(filter(None, ("no", listed.open))),
        ]
        parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def _first_of_pillar(rows: Sequence[Row], row: Row) -> bool:
    return next(one for one in rows if one.pillar == row.pillar) is row


def _summary(rows: Sequence[Row]) -> str:
    lines = ["| pillar | listed | provoked | detected | counting |", "|---|---|---|---|---|"]
    for pillar, figures in counts(rows).items():
        if figures["listed"]:
            cells = [pillar, *(str(figure) for figure in figures.values())]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


NAMES_SHOWN = 2
"""Names in one cell of the table; ``selfcheck.json`` has all of them."""


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "-"
