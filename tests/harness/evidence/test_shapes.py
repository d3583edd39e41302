"""What the records of a trace are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.evidence.shapes import FIELDS, NEEDED, fits
from harness.evidence.trace import KINDS

RECORD: dict[str, Any] = {
    "n": 7, "t": 1.5, "w": "2026-03-02T09:30:00.000+08:00", "kind": "message", "link": "oru",
    "interface": "LIS-ORU", "conn": "oru#1", "frm": "LIS", "to": "HIS", "protocol": "hl7",
    "type": "ORU^R01", "id": "M1", "corr": {"barcode": "2603020017"}, "raw": "TVNI",
}  # fmt: skip


def test_every_kind_and_every_needed_field_is_known() -> None:
    assert set(NEEDED) == KINDS
    assert {name for names in NEEDED.values() for name in names} <= set(FIELDS)


@pytest.mark.parametrize(
    "feature",
    ["feeds/orders", "insurance/outpatient", "imaging/worklist", "lab/upload", "reconcile/dates"],
)
def test_whatever_a_run_writes_fits(tmp_path: Path, feature: str) -> None:
    """Otherwise a run that was killed would be read to its first odd record, and no further."""
    name = f"scenarios/{feature}.feature"
    cli.main(["run", "--profile", "memory", "--out", str(tmp_path), name])

    lines = [one for path in tmp_path.rglob("*.jsonl") for one in path.read_bytes().splitlines()]
    assert len(lines) > 50
    odd = [one for one in map(json.loads, lines) if not fits(one)]
    assert not odd


@pytest.mark.parametrize(
    "edit",
    [
        {"t": True}, {"t": "1"}, {"t": float("inf")}, {"t": float("nan")}, {"t": 10**400},
        {"n": 7.0}, {"n": 10**400}, {"w": ""}, {"w": "2026-03-02T09:30:00"}, {"w": 5},
        {"kind": ["message"]}, {"kind": "letter"}, {"link": None}, {"frm": ["LIS"]},
        {"raw": "TVN"}, {"raw": "\u4e2d"}, {"raw": 1}, {"corr": {"barcode": 1}}, {"corr": []},
        {"size": "3"}, {"blob": 1}, {"encoding": None},
    ],
)  # fmt: skip
def test_an_edited_field_does_not_fit(edit: dict[str, Any]) -> None:
    assert fits(RECORD)
    assert not fits(RECORD | edit)


@pytest.mark.parametrize("name", sorted(RECORD.keys() - {"corr"}))
def test_a_field_that_was_taken_out_is_missed(name: str) -> None:
    assert not fits({key: value for key, value in RECORD.items() if key != name})


def test_parts_of_a_list_are_looked_at() -> None:
    times = {"n": 1, "t": 0.0, "w": RECORD["w"]}
    head = {**times, "kind": "open", "format": 1, "systems": [{"role": "LIS", "mode": "real"}]}
    judged = {**times, "kind": "judgement", "expectation": "e", "verdict": "pass", "cited": [3],
              "findings": [{}], "reasons": [""]}  # fmt: skip

    assert fits(head)
    assert not fits(head | {"systems": [{"role": "LIS"}]})
    assert fits(judged)
    for edit in ({"cited": ["3"]}, {"findings": ["x"]}, {"reasons": [None]}):
        assert not fits(judged | edit)


def test_a_note_names_what_it_likes() -> None:
    note = {"n": 1, "t": 0.0, "w": RECORD["w"], "kind": "note", "line": "text", "raw": 3}

    assert fits(note)
    assert not fits(note | {"text": 3})
