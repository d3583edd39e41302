"""Load on the real processes of the built-in hospital, by threads alone and by Locust."""

from __future__ import annotations

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

pytestmark = pytest.mark.slow

LOCUST = Path(__file__).parents[2] / "peers" / "python" / "locust"

SMALL = ("--seconds", "4", "--scale", "0.05", "--lang", "en", "--json")


def run(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> dict[str, Any]:
    code = main(["load", *SMALL, "--out", str(folder), *words])
    told: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert told["exit_code"] == code
    return told


def scenarios(folder: Path) -> dict[str, Any]:
    data = json.loads((folder / "run.json").read_text("utf-8"))
    return {one["id"]: one for one in data["scenarios"]}


def test_a_hospital_that_loses_results_is_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = run(capsys, tmp_path / "run", "--plain", "--defect", "lis-loses-last-result")

    assert (told["verdict"], told["exit_code"]) == ("fail", 1)
    found = scenarios(tmp_path / "run")
    places = [one["place"] for one in found["load-analyzer"]["findings"]]
    assert any("missing" in place for place in places)
    others = ("load-modality", "load-feed", "load-settlement")
    assert [found[one]["verdict"] for one in others] == ["pass"] * 3
    assert {len(one["sentences"]) for one in found.values()} == {5, 6}
    assert (tmp_path / "run" / "stores" / "lis.sqlite").is_file()


@pytest.fixture
def _locust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the peers were installed; it is never imported here, where it would patch sockets."""
    if LOCUST.is_dir():
        monkeypatch.syspath_prepend(str(LOCUST))
        monkeypatch.setenv("PYTHONPATH", str(LOCUST))
    elif find_spec("locust") is None:
        assert not os.environ.get("MEDHARNESS_REQUIRE_PEERS"), "Locust is not installed"
        pytest.skip("Locust is not installed")


def test_without_locust_it_is_said_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.load.command.LOCUST", "no_such_package")

    assert main(["load", *SMALL, "--out", str(tmp_path / "run")]) == 2
    assert "install medharness[load], or say --plain" in capsys.readouterr().err


@pytest.mark.usefixtures("_locust")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_locust_carries_out_the_same_actions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    told = run(capsys, tmp_path / "run", "--workers", workers)

    assert told["verdict"] == "pass"
    assert set(scenarios(tmp_path / "run")) == {
        "load-analyzer", "load-modality", "load-feed", "load-settlement",
    }  # fmt: skip
    assert not (tmp_path / "run" / "stores").exists()
    if workers == "1":  # what a worker counted last may not reach its master's statistics
        log = (tmp_path / "run" / "locust.log").read_text("utf-8")
        assert re.search(r"Aggregated +45 +0\(0\.00%\)", log), log
