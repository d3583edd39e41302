"""Every reader of a file that a person hands over, with good files to begin from.

A reader takes the path of one file. It returns, or raises ``InputError``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from harness import permit, profile_load, subjects
from harness.captures import command as captures
from harness.cases import identity
from harness.contract.model import Snapshot
from harness.dialect import profile_file
from harness.fingerprint import outlets, sheet
from harness.labmap import read as labmap
from harness.ledger import channel_bills, column_names, detail_read, layouts
from harness.night import plan as night
from harness.probes import carried
from harness.report import leftover
from harness.report.model import Run, parse
from harness.scenario import disturbing
from harness.site import cards
from harness.upgrade import approvals, severity
from harness.xmldoc import rules, waivers
from simulators import rule_file
from simulators.analyzer import model as analyzers
from simulators.centre import calc_benefits, provinces, schema
from simulators.hospital import interface_engine_rules as engine
from simulators.load import plan as load
from simulators.modality import model as modalities

FIXTURES: Final = Path(__file__).resolve().parents[2] / "fixtures"
CORPUS: Final = Path(__file__).resolve().parents[1] / "corpus" / "files"


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Args:
        read: takes the path.
        seeds: good files, as patterns below ``fixtures`` or the corpus of files.
        name: what the file has to be called; empty: as the seed.
        placed: what it refuses names the file.
    """

    read: Callable[[Path], object]
    seeds: tuple[str, ...]
    name: str = ""
    placed: bool = True

    def good(self) -> list[Path]:
        """The good files."""
        return sorted(
            path for one in self.seeds for top in (FIXTURES, CORPUS) for path in top.glob(one)
        )


def _own_bill(path: str) -> object:
    """As ``reconcile --columns`` reads it."""
    told = column_names.names_of(path)
    column_names.renames_of(told, path)
    return channel_bills.bills(told.get("channel_bill"))


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


DAY: Final = date(2026, 1, 5)

READERS: Final[dict[str, Reader]] = {
    "profile": Reader(profile_load.load_profile, ("profiles/[!e]*.toml",)),
    "permit": Reader(permit.read_permit, ("permit/*.toml",)),
    "subjects": Reader(lambda path: subjects.read_subjects(path, _sha(path)), ("people/*.csv",)),
    "load-plan": Reader(load.load_plan, ("load/*.toml",)),
    "severity": Reader(severity.read, ("severity.toml",)),
    "approvals": Reader(approvals.read, ("approvals/*.toml",)),
    "analyzer": Reader(lambda path: analyzers.load_model(str(path)), ("analyzers/*.toml",)),
    "analyzer-layout": Reader(lambda path: captures.layout_of(str(path)), ("analyzers/*.toml",)),
    "modality": Reader(lambda path: modalities.load_model(str(path)), ("modalities/*.toml",)),
    "province": Reader(
        lambda path: provinces.load_province(str(path)), ("centre/provinces/*.toml",)
    ),
    "province-layout": Reader(
        lambda path: layouts.province(str(path)), ("centre/provinces/*.toml",)
    ),
    "specification": Reader(lambda path: schema.load_any(str(path)), ("centre/schema/*.json",)),
    "benefits": Reader(calc_benefits.load, ("centre/policy/*.toml",)),
    "identity": Reader(identity.load, ("cases/identity.toml",)),
    "documents": Reader(lambda path: rules.load(str(path)), ("documents/*.toml",)),
    "waivers": Reader(lambda path: waivers.read_waivers(path, DAY), ("waivers/*.toml",)),
    "cards": Reader(cards.read_forms, ("site/cards.toml",)),
    "disturbing": Reader(disturbing.rules, ("disturbing.toml",)),
    "engine-rules": Reader(
        lambda path: engine.read_rules(rule_file.text_of(str(path)), str(path)), ("engine/*.toml",)
    ),
    "column-names": Reader(
        lambda path: column_names.renames_of(column_names.names_of(str(path)), str(path)),
        ("columns/*.toml",),
    ),
    "channel-bill": Reader(lambda path: _own_bill(str(path)), ("columns/*.toml",), placed=False),
    "detail": Reader(lambda path: list(detail_read.read_table(path)), ("ledger/demo/*.csv",)),
    "carried": Reader(carried.read_table, ("ledger/demo/*.csv",)),
    "item-map": Reader(labmap.read_map, ("catalogues/item_maps/*",)),
    "dialect": Reader(profile_file.read_profile, ("dialect/*.toml",)),
    "sheet": Reader(sheet.read_sheet, ("sheet/*.json",)),
    "shown": Reader(
        lambda path: list(outlets.of_file(path, "1")), ("sheet/*.json", "ledger/demo/*.csv")
    ),
    "run": Reader(lambda path: parse(Run, path), ("run/*.json",)),
    "run-seconds": Reader(lambda path: night.measured_of(path.parent), ("run/*.json",), "run.json"),
    "leftover": Reader(lambda path: leftover.read(path.parent), ("leftover/*.csv",), leftover.NAME),
    "snapshot": Reader(Snapshot.read, ("snapshot/*.json",)),
}
