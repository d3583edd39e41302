"""``selfcheck settlement``: what it makes of an exploration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import InputError
from harness.selfcheck import settlement

GOOD = {"at once": 3, "day end": 1, "person": 0, "unlisted": 0, "unexplained": 0, "not met": 0}
NONE = dict.fromkeys(GOOD, 0)


def found(**changed: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "seed": 1, "points": 4, "seconds": 1.5, "ways": GOOD, "by_fault": {"F3": GOOD},
        "rows": [{"class": "centre_more", "cause": "lost", "repair": "2601", "points": 1}],
        "not_explored": {"F20": "no callback"}, "unexplained": [], "unlisted": [],
        "visits_left": [], "not_met": [],
    }  # fmt: skip
    return base | changed


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, result: dict[str, Any], *more: str) -> int:
    asked: dict[str, Any] = {}

    def explore(**args: Any) -> dict[str, Any]:
        asked.update(args)
        return result

    monkeypatch.setattr(settlement, "explorer", lambda: explore)
    code = main(["selfcheck", "settlement", "--lang", "en", "--out", str(folder), *more])
    assert asked["seed"] == 5 or "--seed" not in more
    return code


def test_all_explained(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    assert run(monkeypatch, tmp_path, found(), "--seed", "5", "--json") == 0

    said = capsys.readouterr().out.splitlines()
    assert "F3\t3\t1\t0\t0\t0\t0" in said
    assert any("0 unexplained" in line for line in said)
    assert json.loads(said[-1])["exit_code"] == 0
    document = json.loads((tmp_path / "settlement.json").read_text("utf-8"))
    assert document["points"] == 4
    assert document["failures"] == []


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"unexplained": [{"point": "a | 2207#1", "why": ["left: his"]}]}, "2207#1"),
        ({"visits_left": [{"point": "b | 2201#1", "visits": ["x"]}]}, "2201#1"),
        ({"by_fault": {"F3": GOOD, "F9": NONE | {"not met": 2}}}, "F9"),
        ({"points": 2, "ways": NONE | {"not met": 2}, "by_fault": {}}, "no point"),
    ],
)
def test_what_is_wrong_is_said_and_fails(
    monkeypatch: Any, tmp_path: Path, capsys: Any, changed: dict[str, Any], word: str
) -> None:
    assert run(monkeypatch, tmp_path, found(**changed)) == 1
    assert word in capsys.readouterr().out


def test_without_an_exploration_it_says_so(monkeypatch: Any) -> None:
    monkeypatch.setattr(settlement, "entry_points", lambda group: [])
    with pytest.raises(InputError):
        settlement.explorer()
