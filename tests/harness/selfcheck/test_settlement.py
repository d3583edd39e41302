"""``selfcheck settlement``: what it makes of an exploration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import InputError
from harness.selfcheck import settlement

GOOD = {"at once": 3, "day end": 1, "person": 0, "unlisted": 0, "unexplained": 0, "never fired": 0,
        "no power cut": 0}  # fmt: skip
NONE = dict.fromkeys(GOOD, 0)


def found(**changed: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "seed": 1, "points": 4, "seconds": 1.5, "ways": GOOD, "by_fault": {"F3": GOOD},
        "rows": [{"class": "centre_more", "cause": "lost", "repair": "2601", "points": 1}],
        "unexplained": [], "unlisted": [], "visits_left": [], "never_fired": [], "jobs": 1,
        "shown": {"fired": 4, "cut": 2, "loose": 1, "named": 1, "converged": 1},
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
    assert "F3\t3\t1\t0\t0\t0\t0\t0" in said
    assert any("0 unexplained" in line for line in said)
    assert json.loads(said[-1])["exit_code"] == 0
    document = json.loads((tmp_path / "settlement.json").read_text("utf-8"))
    assert document["points"] == 4
    assert document["failures"] == []


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"unexplained": [{"point": "a | 2207#1", "why": ["left: his"]}]}, "2207#1"),
        ({"unlisted": [{"point": "b | 2201#1", "why": ["not listed: his"]}]}, "2201#1"),
        ({"by_fault": {"F3": GOOD, "F9": NONE | {"never fired": 2}}}, "F9"),
        (
            {"points": 2, "ways": NONE | {"never fired": 1, "no power cut": 1}, "by_fault": {}},
            "no point",
        ),
        ({"shown": {"fired": 4, "cut": 2, "loose": 1, "named": 0, "converged": 1}}, "named"),
        ({"shown": {"fired": 0, "cut": 2, "loose": 1, "named": 1, "converged": 1}}, "fired"),
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


def test_points_that_explored_nothing_are_said(
    monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    assert (
        run(monkeypatch, tmp_path, found(never_fired=["a | 5203#1 | F9 | -"]), "--jobs", "2") == 0
    )
    assert "a | 5203#1 | F9 | -" in capsys.readouterr().out


def test_a_slice_need_not_show_everything(monkeypatch: Any, tmp_path: Path) -> None:
    little = {"fired": 1, "cut": 0, "loose": 0, "named": 0, "converged": 0}
    assert run(monkeypatch, tmp_path, found(shown=little), "--quick") == 0
    assert run(monkeypatch, tmp_path, found(shown=little)) == 1
