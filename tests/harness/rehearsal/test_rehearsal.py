"""What the version changes and what the configuration; a recorded day in place of a run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from harness import cli, input_files
from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.rehearsal import day
from harness.report import evidence_zip
from harness.signoff import results

Play = Callable[..., Path]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Runs of one feature over memory, each with a version written into it."""
    done: dict[tuple[str, ...], Path] = {}

    def run(version: str, *defects: str) -> Path:
        words = (version, *defects)
        if words not in done:
            folder = tmp_path_factory.mktemp("run")
            switches = [word for one in defects for word in ("--defect", one)]
            cli.main(["run", "--profile", "memory", "--out", str(folder), "--lang", "en", *switches,
                      "--tags", "@id-feed-result-message",
                      "scenarios/feeds/results.feature"])  # fmt: skip
            data = json.loads((folder / "run.json").read_text("utf-8"))
            for system in data["systems"]:
                system["version"] = version
            (folder / "run.json").write_text(json.dumps(data), "utf-8")
            evidence_zip.pack(folder)
            done[words] = folder
        return done[words]

    return run


@pytest.mark.slow
def test_a_difference_is_of_the_version_or_of_the_configuration(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = play("1"), play("2", "lis-sends-no-unit")
    live = play("2", "lis-sends-no-unit", "lis-sends-no-flag")

    code = cli.main(["compare", "--rehearsal", str(before), str(after), "--production", str(live),
                     "--out", str(tmp_path), "--json", "--lang", "en"])  # fmt: skip

    assert code == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["production_is"] == "after"
    origins = {
        one["path"]: one["origin"] for one in told["signatures"] if one["class"] == "missing"
    }
    assert origins["OBX-6"] == "version"
    assert origins["OBX-8"] == "configuration"
    assert "OBX-8" in (tmp_path / "rehearsal.html").read_text("utf-8")


@pytest.mark.slow
def test_production_before_the_upgrade_is_held_against_the_old_version(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--rehearsal", str(play("1")), str(play("2", "lis-sends-no-unit"))]
    cli.main(["compare", *words, "--production", str(play("1", "lis-sends-no-flag")), "--out",
              str(tmp_path), "--json", "--lang", "en"])  # fmt: skip

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["production_is"] == "before"
    assert {one["origin"] for one in told["signatures"] if one["path"] == "OBX-8"} == {
        "configuration"
    }


@pytest.mark.slow
def test_versions_that_fit_neither_are_refused(play: Play, tmp_path: Path) -> None:
    def told(*runs: Path) -> int:
        before, after, live = map(str, runs)
        return cli.main(["compare", "--rehearsal", before, after, "--production", live, "--out",
                         str(tmp_path), "--lang", "en"])  # fmt: skip

    assert told(play("1"), play("2", "lis-sends-no-unit"), play("3")) == 2
    assert told(play("1"), play("1", "lis-sends-no-flag"), play("1")) == 2


@pytest.mark.parametrize(
    "words",
    [["--rehearsal", "a", "b"], ["--production", "c"], [], ["a"], ["--day", "a"],
     ["--rehearsal", "a", "b", "--production", "c", "--day", "d"], ["--day", "a", "b", "c"]],
)  # fmt: skip
def test_options_that_do_not_belong_together(words: list[str]) -> None:
    assert cli.main(["compare", *words]) == 2


# -- a recorded day


def message(number: int, unit: str = "mmol/L", flag: str = "N", charset: str = "") -> bytes:
    """Typed from HL7 2.4 §7.4."""
    text = (
        f"MSH|^~\\&|LIS|L|HIS|H|2026010508{number:04d}||ORU^R01|M{number}|P|2.4||||||{charset}\r"
        f"PID|1||P{number}||人{number}\rOBR|1||B{number}\r"
        f"OBX|1|NM|K||{4 + number / 10:.1f}|{unit}||{flag}|||F\r"
    )
    return b"\x0b" + text.encode("gb18030") + b"\x1c\r"


def recorded(path: Path, count: int = 60, **words: str) -> Path:
    path.mkdir()
    (path / "lis-his.hl7").write_bytes(b"".join(message(n, **words) for n in range(count)))
    return path


def found(before: Path, after: Path) -> list[tuple[str, str]]:
    result = day.compare(day.read(before), day.read(after), [], date(2026, 1, 1))
    return [(one.first.cls, one.first.path) for one in result.signatures.values()]


def test_two_equal_days_differ_in_nothing_and_a_smaller_one_in_its_count(tmp_path: Path) -> None:
    before = recorded(tmp_path / "a")

    assert found(before, recorded(tmp_path / "b")) == []
    assert found(before, recorded(tmp_path / "c", 66)) == []
    assert found(before, recorded(tmp_path / "d", 20)) == [("count", "")]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ({"unit": ""}, ("missing", "OBX-6 @field")),
        ({"flag": "正常"}, ("value", "OBX-8.1 @codes")),
        ({"charset": "UNICODE UTF-8"}, ("value", "@charset")),
    ],
)
def test_what_a_day_tells_of_its_dialect(
    tmp_path: Path, words: dict[str, str], wanted: tuple[str, str]
) -> None:
    before, after = recorded(tmp_path / "a"), recorded(tmp_path / "b", **words)

    assert wanted in [(cls, path) for cls, path in found(before, after)]


def test_the_conclusion_says_what_it_rests_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = recorded(tmp_path / "a"), recorded(tmp_path / "b")
    out = tmp_path / "out"
    words = ["compare", "--day", str(before), str(after), "--out", str(out), "--lang", "en"]

    assert cli.main(words) == 3  # no contract was looked at
    told = capsys.readouterr().out
    assert "recorded ordinary working day" in told
    data = input_files.json_of(out / "compare.json")
    assert input_files.shaped(results.Comparison, data, "-").basis == "recorded day"
    assert "recorded ordinary working day" in (out / "compare.html").read_text("utf-8")
    for one in (before, after):
        cli.main(["contract", "snapshot", "--traffic", f"day={one}", "--out", str(one)])
    assert cli.main(words) == 0


@pytest.mark.slow
def test_a_run_after_a_recorded_day(play: Play, tmp_path: Path) -> None:
    before = tmp_path / "day"
    shutil.copytree(play("1") / "traces", before)

    result = day.compare(day.read(before), day.read(play("2", "lis-sends-no-unit")), [],
                         date(2026, 1, 1))  # fmt: skip

    assert result.verdict is Verdict.FAIL
    first = [one.first for one in result.signatures.values()]
    assert any(one.cls == "missing" and one.path == "OBX-6 @field" for one in first)
    assert any("counts" in text or "次数" in text for text in result.coverage)


def test_what_holds_no_traffic_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(InputError):
            day.read(path)
