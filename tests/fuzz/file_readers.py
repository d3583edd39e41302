"""Every reader of a file that a person hands over, with good files to begin from.

A reader takes the path of one file. It returns, or raises ``InputError``.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from harness import permit, profile_load, subjects
from harness.captures import command as captures
from harness.cases import identity, kept
from harness.contract import files as contract_files
from harness.contract import workstation
from harness.contract.model import Snapshot
from harness.dialect import profile_file
from harness.dialect import sources as traffic
from harness.dicomcheck import command as dicomcheck
from harness.errors import InputError, PeerError
from harness.evidence import capture
from harness.fingerprint import outlets, sheet
from harness.labmap import read as labmap
from harness.ledger import (
    carry,
    channel_bills,
    column_names,
    control,
    detail_read,
    evidence,
    evidence_text,
    layouts,
    sniff,
    sources,
    uploads_model,
    uploads_read,
)
from harness.model import Outcome
from harness.night import plan as night
from harness.probes import carried
from harness.probes.files import FilesProbe
from harness.report import evidence_zip, leftover
from harness.report.model import Run, parse
from harness.scenario import disturbing, nightly, resume
from harness.signoff import material
from harness.site import cards
from harness.upgrade import approvals, severity
from harness.xmldoc import rules, waivers
from simulators import rule_file
from simulators.analyzer import model as analyzers
from simulators.centre import calc_benefits, imports, imports_kinds, provinces, schema
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
        beside: it also reads what stands beside the file.
    """

    read: Callable[[Path], object]
    seeds: tuple[str, ...]
    name: str = ""
    placed: bool = True
    beside: bool = False

    def good(self) -> list[Path]:
        """The good files."""
        return sorted(
            path for one in self.seeds for top in (FIXTURES, CORPUS) for path in top.glob(one)
        )


FIELD_CHARS: Final = 128 * 1024
"""What Python takes for a cell unasked."""


def refusal(reader: Reader, good: Path, data: bytes) -> str:
    """Why a reader refuses ``data`` in the place of a good file; empty where it takes it."""
    csv.field_size_limit(FIELD_CHARS)  # some readers raise it for the whole process
    with tempfile.TemporaryDirectory() as folder:  # models are known by their path, and kept
        path = Path(folder) / (reader.name or good.name)
        if reader.beside:
            shutil.copytree(good.parent, folder, dirs_exist_ok=True)
        path.write_bytes(data)
        try:
            reader.read(path)
        except InputError as error:
            assert not reader.placed or path.name in str(error), "it does not say which file"
            return str(error) or repr(error)
    return ""


def _own_bill(path: str) -> object:
    """As ``reconcile --columns`` reads it."""
    told = column_names.names_of(path)
    column_names.renames_of(told, path)
    return channel_bills.bills(told.get("channel_bill"))


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _signed(path: Path, **more: Path) -> object:
    """As ``signoff`` reads what stands beside a run."""
    run = CORPUS / "run"
    named = {"before": None, "comparison": None, "contract": None, "facts": None, **more}
    return material.read(run, reconciled=(), **named)


def _dicom(path: Path) -> None:
    with contextlib.suppress(PeerError):  # what the file holds is judged, and told so
        dicomcheck.load(path)


def _feeds(path: Path) -> tuple[list[sources.Feed], Path]:
    work = path.parent / "work"
    work.mkdir()
    return sources.feeds(str(path), query="", work=work), work


def _ledger(path: Path) -> None:
    for feed in _feeds(path)[0]:
        if not feed.parquet:
            dialect = sniff.look(feed.path, label=feed.label, renames={})
            control.control(feed.path, dialect, feed.label)


def _uploads(path: Path) -> None:
    work = path.parent / "work"
    with duckdb.connect() as con:
        kind = uploads_model.KINDS["visits"]
        uploads_read.read(con, kind, "his_visits", str(path), query="", renames={}, work=work)


def _export(path: Path) -> None:
    """A look never raises: what it could not read is its answer."""
    probe = FilesProbe(name="p", role="LIS", folder=path.parent, names="*.*",
                       line=r"(?P<barcode>\S+)\t(?P<value>.*)")  # fmt: skip
    answer = probe.ask({})
    if answer.outcome is not Outcome.OK:
        raise InputError(answer.error, where=str(path))


def _bill(path: Path) -> None:
    found, work = _feeds(path)
    channel_bills.prepare(found, None, work)


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
    "case": Reader(
        lambda path: kept.load(path.parent), ("cases/*/manifest.toml",), placed=False, beside=True
    ),
    "timeline": Reader(
        lambda path: kept.load(path.parent), ("cases/*/timeline.jsonl",), placed=False, beside=True
    ),
    "evidence": Reader(evidence_zip.verify, ("evidence/*.zip",)),
    "facts": Reader(lambda path: _signed(path, facts=path), ("facts/*.toml",)),
    "doctor": Reader(lambda path: _signed(path, doctor=path), ("doctor/*.json",)),
    "resumed": Reader(
        lambda path: resume.resumed(path.parent, "memory", rerun_failed=True),
        ("plan/plan.json",),
        placed=False,
    ),
    "exported": Reader(
        lambda path: imports.read_export(imports_kinds.KINDS["institution"], path),
        ("exports/*.csv",),
    ),
    "log": Reader(lambda path: evidence.read([path]), ("logs/*",)),
    "dicom": Reader(_dicom, ("dicom-files/*.dcm",), placed=False),
    "ledger": Reader(_ledger, ("ledger/demo/*.csv", "ledgers/*")),
    "bill": Reader(_bill, ("bills/*.csv",), placed=False),
    "traffic": Reader(lambda path: list(traffic.messages([path])), ("traces/*.jsonl",)),
    "night-list": Reader(lambda path: nightly.listed(path.parent), ("night/*.csv",), nightly.NAME),
    "workstation": Reader(lambda path: workstation.items(path.parent), ("stations/*",)),
    "chain": Reader(lambda path: carry.chain(path.parent), ("chain/*.json",), carry.CHAIN),
    "load-journal": Reader(
        lambda path: capture.expand(path, path.with_name("trace.jsonl")), ("captures/*.capture",)
    ),
    "worklist": Reader(lambda path: dicomcheck._worklist(str(path)), ("worklist/*.json",)),
    "log-pattern": Reader(
        lambda path: evidence_text.pattern_of(f"@{path}"), ("patterns/*.txt",), placed=False
    ),
    "definitions": Reader(contract_files.items, ("definitions/*",)),
    "uploads": Reader(_uploads, ("uploads/*.csv",)),
    "export": Reader(_export, ("exports-text/*",)),
    "snapshot": Reader(Snapshot.read, ("snapshot/*.json",)),
}
