"""The page of figures is what renders from the file of figures, and nothing else."""

import json

import check
import plot
import pytest
import render
import run
from targets import GROUPS

TARGETS = [(name, target) for name, group in GROUPS.items() for target in group.targets]


def written():
    return json.loads(render.FIGURES.read_text("utf-8"))


def nested(name, value):
    """The figures that have one value under a dotted name."""
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def test_the_page_is_rendered_from_the_figures() -> None:
    assert render.PAGE.read_text("utf-8") == render.page(written())
    assert render.PICTURE.read_text("utf-8") == plot.picture(written())


@pytest.mark.parametrize("number", range(len(TARGETS)))
def test_a_target_is_kept_on_its_line_and_missed_beside_it(number: int) -> None:
    _, target = TARGETS[number]
    sized = {} if target.size is None else nested(*target.size)
    step = (target.limit or 10) / 10
    beside = target.limit - step if target.least else target.limit + step

    on = render.verdict(target, nested(target.name, target.limit) | sized)
    off = render.verdict(target, nested(target.name, beside) | sized)

    assert on.endswith("| kept |")
    assert off.endswith("| **not kept** |")


@pytest.mark.parametrize("number", range(len(TARGETS)))
def test_what_was_not_taken_is_never_kept(number: int) -> None:
    _, target = TARGETS[number]

    assert render.verdict(target, {}).endswith("| **not taken** |")


def test_a_figure_of_too_few_rows_is_not_judged() -> None:
    sized = [target for _, target in TARGETS if target.size is not None]
    assert sized
    for target in sized:
        name, least = target.size
        row = render.verdict(target, nested(target.name, target.limit) | nested(name, least - 1))
        assert f"not judged: too few, {least:,} wanted" in row


def test_the_figures_say_where_they_come_from() -> None:
    groups = written()["groups"]

    assert groups
    assert set(groups) <= set(GROUPS)
    for taken in groups.values():
        assert {"commit", "command", "date", "machine", "rounds", "seconds", "figures"} <= set(
            taken
        )
        assert taken["machine"]["processor"]
        assert taken["figures"]


def test_every_group_has_somebody_who_takes_it() -> None:
    assert set(run.MEASURES) == set(GROUPS)
    for name in ("codec", "binding", "lab", "serial", "settlement", "ledger", "relay"):
        assert (render.DOCS.parent / "tests" / "bench" / f"{name}_figures.py").is_file()


def test_one_group_is_taken_alone_and_the_others_stay(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(render, "FIGURES", tmp_path / "figures.json")
    monkeypatch.setattr(render, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(render, "PICTURE", tmp_path / "performance.svg")
    asked = []

    def measure(number):
        def inner(rounds, seconds):
            asked.append((number, rounds, seconds))
            return {"lost": number}

        return inner

    for number, name in enumerate(("serial", "lab", "serial"), 1):
        monkeypatch.setitem(run.MEASURES, name, measure(number))
        monkeypatch.setattr("sys.argv", ["run.py", "--rounds=2", "--seconds=0.5", "--only", name])
        run.main()

    groups = json.loads(render.FIGURES.read_text("utf-8"))["groups"]
    assert asked == [(1, 2, 0.5), (2, 2, 0.5), (3, 2, 0.5)]
    assert list(groups) == ["lab", "serial"]
    assert groups["serial"]["figures"] == {"lost": 3}
    assert groups["lab"]["command"] == "python tests/bench/run.py --only lab"
    page = render.PAGE.read_text("utf-8")
    assert "| messages or bytes lost | 3 | ≤ 0 | **not kept** |" in page
    assert "Not taken yet: `python tests/bench/run.py --only engine`." in page


def ratios():
    return [target for _, target in TARGETS if check.is_ratio(target)]


def test_a_ratio_may_be_15_percent_worse_and_no_more() -> None:
    assert len(ratios()) > 5
    for name, group in GROUPS.items():
        for target in group.targets:
            stored = nested(target.name, 2.0)
            sign = -1 if target.least else 1
            inside, outside = (nested(target.name, 2.0 + sign * by) for by in (0.29, 0.31))
            better = nested(target.name, 2.0 - sign * 1.9)
            assert check.worse(group, stored, inside) == [], name
            assert check.worse(group, stored, better) == [], name
            assert len(check.worse(group, stored, outside)) == check.is_ratio(target), name
            assert len(check.worse(group, stored, {})) == check.is_ratio(target), name


def test_ratios_of_another_size_are_not_compared() -> None:
    stored = {"parquet_rows": 10_000_000, "parquet_of_join_all": 3.0, "csv_stages_of_scan": 4.0}

    assert check.worse(GROUPS["ledger"], stored, {**stored}) == []
    assert check.worse(GROUPS["ledger"], stored, {**stored, "parquet_rows": 1_000_000}) == [
        "parquet_rows: 1000000, 10000000 is stored"
    ]


def test_a_ratio_of_another_machine_says_so() -> None:
    here = {"processor": "P", "cores": 2, "system": "Linux 6", "python": "3.11.7", "load": 0.1}
    assert check.elsewhere(here, here | {"load": 2.0}) == ""
    assert check.elsewhere(here | {"system": "Linux 5"}, here) == " (on another machine: Linux 5)"


def test_a_check_that_compared_nothing_fails(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(render, "FIGURES", tmp_path / "figures.json")
    figures = {"groups": {"lab": {"figures": {"records_of_bare": 0.8}}}}
    (tmp_path / "figures.json").write_text(json.dumps(figures), "utf-8")
    for measured, only, code in ((0.8, "lab", 0), (0.5, "lab", 1), (0.8, "engine", 1)):
        monkeypatch.setitem(
            run.MEASURES, "lab", lambda rounds, seconds, it=measured: {"records_of_bare": it}
        )
        monkeypatch.setattr("sys.argv", ["run.py", "--check", "--only", only])
        assert run.main() == code
    assert "0.50, 0.80 is stored" in capsys.readouterr().out


def test_the_picture_shows_each_figure_on_the_right_side_of_its_line() -> None:
    for target in ratios():
        assert plot.margin(target, target.limit) == 1
        off = target.limit / 2 if target.least else target.limit * 2
        assert plot.margin(target, off) == 0.5
