"""``run.json`` and ``plan.json`` as values."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
import sample

from harness.errors import InputError
from harness.report.model import Plan, Run, System, parse, schema_text
from harness.report.run import build

SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "run.schema.json"


def test_the_schema_that_ships_is_current():
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_run_json_has_what_the_contract_names(folder):
    data = json.loads(build(folder).text())

    assert {
        "format",
        "harness_version",
        "started",
        "seed",
        "label",
        "profile",
        "systems",
        "verdict",
        "counts",
        "scenarios",
    } <= set(data)
    assert {"name", "hash"} <= set(data["profile"])
    assert {"role", "mode", "version"} <= set(data["systems"][0])
    failed = data["scenarios"][2]
    assert {
        "id",
        "name",
        "file",
        "line",
        "tags",
        "requirement",
        "interface",
        "seed",
        "verdict",
        "seconds",
        "findings",
        "faults",
        "trace",
    } <= set(failed)
    assert {"interface", "place", "expected", "actual", "clause", "message"} <= set(
        failed["findings"][0]
    )
    assert {"id", "planned", "fired", "healed"} <= set(failed["faults"][0])
    assert data["interfaces"][0]["from"] == "analyzer"


def test_the_schema_names_every_field_of_the_run():
    properties = json.loads(schema_text())["properties"]

    assert set(properties) == {one.name for one in fields(Run)}


def test_what_was_written_reads_back_the_same(folder, tmp_path):
    run = build(folder)
    (tmp_path / "run.json").write_text(run.text(), encoding="utf-8")

    assert parse(Run, tmp_path / "run.json") == run


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "format None"),
        ('{"format": 99}', "format 99"),
        ('{"format": 1}', "started"),
        ('{"format": 1, "started": "x", "seed": "y", "scenarios": [{}]}', "scenarios.0.id"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(tmp_path, text, told):
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=told) as caught:
        parse(Plan, path)

    assert str(path) in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        parse(Plan, tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("modes", "masked"),
    [
        (["simulated", "simulated"], False),
        (["simulated", "built-in"], False),
        (["simulated", "real"], True),
        (["observed"], True),
        (["something new"], True),
        ([], True),
    ],
)
def test_pages_are_masked_unless_all_data_is_ours(folder, modes, masked):
    systems = tuple(System(role="LIS", mode=mode) for mode in modes)
    data = json.loads(build(folder).text())
    data["systems"] = [{"role": one.role, "mode": one.mode} for one in systems]
    (folder / "run.json").write_text(json.dumps(data), encoding="utf-8")

    assert parse(Run, folder / "run.json").masked is masked


def test_the_sample_plan_is_a_plan(folder):
    assert parse(Plan, folder / "plan.json").seed == sample.plan([])["seed"]
