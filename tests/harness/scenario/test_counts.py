"""What counts: from the last whole self-check, and from nothing else."""

import json
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.scenario.counts import counts, table
from harness.scenario.denominators import PILLARS

TOTALS = {"lab": 7, "feeds": 9}

RESULT = {
    "whole": True,
    "counts": {
        "scenarios": {"lab": {"counting": 5}},
        "fault_classes": {"lab": {"listed": 20, "provoked": 12, "detected": 11}},
    },
}


@pytest.fixture
def result(tmp_path):
    path = tmp_path / "selfcheck.json"

    def write(data):
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        return path

    return write


def test_without_a_self_check_nothing_counts_and_it_says_so(tmp_path):
    told = counts(TOTALS, tmp_path / "none.json")
    assert told["scenarios"]["lab"] == {"total": 7, "counting": 0}
    assert told["fault_classes"]["lab"] == {"listed": 0, "provoked": 0, "detected": 0}
    assert list(told["scenarios"]) == list(told["fault_classes"]) == list(PILLARS)
    assert "none.json" in told["note"]


def test_figures_come_from_the_last_whole_self_check(result):
    told = counts(TOTALS, result(RESULT))
    assert told["scenarios"]["lab"] == {"total": 7, "counting": 5}
    assert told["scenarios"]["feeds"] == {"total": 9, "counting": 0}
    assert told["scenarios"]["ledger"] == {"total": 0, "counting": 0}
    assert told["fault_classes"]["lab"] == {"listed": 20, "provoked": 12, "detected": 11}
    assert "note" not in told


@pytest.mark.parametrize(
    "data",
    [RESULT | {"whole": False}, {"counts": RESULT["counts"]}, {"whole": True}, [], 5],
)
def test_a_slice_does_not_count(result, data):
    told = counts(TOTALS, result(data))
    assert told["scenarios"]["lab"] == {"total": 7, "counting": 0}
    assert "note" in told


@pytest.mark.parametrize(
    "found",
    [
        {"scenarios": {"lab": {"counting": "5"}}},
        {"scenarios": {"lab": {"counting": -1}}},
        {"scenarios": {"lab": {"counting": True}}},
        {"scenarios": {"lab": 5}},
        {"scenarios": []},
        {"fault_classes": {"feeds": {"listed": None}}},
    ],
)
def test_a_damaged_figure_is_refused(result, found):
    with pytest.raises(InputError):
        counts(TOTALS, result({"whole": True, "counts": found}))


def test_a_damaged_file_is_refused(result):
    with pytest.raises(InputError, match="selfcheck"):
        counts(TOTALS, result("{"))


def test_a_person_reads_a_line_a_pillar(result):
    lines = table(counts(TOTALS, result(RESULT))).splitlines()
    assert len(lines) == len(PILLARS)
    assert all(figure in lines[0] for figure in ("lab", "7", "5", "20", "12", "11"))
    assert len(table(counts(TOTALS, Path("none.json"))).splitlines()) == len(PILLARS) + 1
