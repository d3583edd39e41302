"""``run --night DIR``: exactly what the plan found room for, in its order."""

import json

import pytest
from night_walk import FEATURE, NIGHT, SCENARIOS, rows_of

from harness import i18n
from harness.cli import main
from harness.errors import InputErrors
from harness.scenario import nightly
from harness.scenario.command import Request


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


@pytest.fixture
def night(tmp_path):
    """The plan of a night in which the last scenario does not fit: 20 s each, in a minute."""
    paths = []
    for ident, tags in SCENARIOS.items():
        paths.append(tmp_path / f"{ident}.feature")
        paths[-1].write_text(FEATURE.format(ident=ident, tags=tags).replace(" \n", "\n"), "utf-8")
    out = tmp_path / "night"
    words = ["plan", *map(str, paths), "--profile", "memory", "--budget", "1m", "--out", str(out)]
    assert main(words) == 0
    assert [one["scenario"] for one in rows_of(out / "night.csv")] == NIGHT
    return out


def run(night, *words):
    out = night.parent / "run"
    return main(["run", "--night", str(night), "--profile", "memory", "--out", str(out), "--lang",
                 "en", *words])  # fmt: skip


def test_exactly_what_fits_runs_in_the_order_of_the_plan(night):
    assert run(night) == 0
    folder = night.parent / "run"
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in plan["scenarios"]] == NIGHT[:3]
    begun = [json.loads(path.read_text(encoding="utf-8").splitlines()[0])["w"]
             for path in (folder / "traces" / f"{one}.jsonl" for one in NIGHT[:3])]  # fmt: skip
    assert begun == sorted(begun)
    assert plan["command"][:3] == ["medharness", "run", "--night"]


def test_a_run_that_was_broken_off_goes_on_in_that_order(night):
    assert run(night) == 0
    folder = night.parent / "run"
    for ident in NIGHT[1:3]:
        (folder / "traces" / f"{ident}.jsonl").unlink()
    asked, again = Request(profile="memory", resume=str(folder)).going_on()
    assert list(asked.order) == list(again) == NIGHT[1:3]
    assert main(["run", "--resume", str(folder), "--profile", "memory"]) == 0


@pytest.mark.parametrize(("words", "says"), [
    (["scenarios"], "--night"), (["--tags", "@冒烟"], "--night"), (["--jobs", "2"], "order"),
])  # fmt: skip
def test_nothing_else_is_chosen_beside_it(night, capsys, words, says):
    assert run(night, *words) == 2
    assert says in capsys.readouterr().err
    assert not (night.parent / "run").exists()


def test_a_run_that_goes_on_takes_no_other_list(night, capsys):
    words = ["run", "--resume", str(night), "--night", str(night), "--lang", "en"]
    assert main(words) == 2
    assert "--night" in capsys.readouterr().err


def test_every_scenario_that_is_not_there_any_more_is_named(night, capsys):
    work = night.parent
    (work / "night-smoke.feature").unlink()
    assert run(night) == 2
    assert "night-smoke" in capsys.readouterr().err
    (work / "night-smoke.feature").write_text(
        FEATURE.format(ident="night-other", tags="@冒烟"), encoding="utf-8"
    )
    path = work / "night-identity.feature"
    path.write_text(path.read_text(encoding="utf-8").replace("night-identity", "x"), "utf-8")
    assert run(night) == 2
    said = capsys.readouterr().err
    assert "night-smoke" in said
    assert "night-identity" in said
    assert "night.csv:3" in said
    assert not (work / "run").exists()


def test_a_scenario_that_moved_in_its_file_is_still_meant(night):
    path = night.parent / "night-smoke.feature"
    text = path.read_text(encoding="utf-8").replace("功能:", "\n\n功能:")
    path.write_text(text, encoding="utf-8")
    assert nightly.chosen(night).order == tuple(NIGHT[:3])


HEAD = "stage,scenario,name,place,minutes,cards,fits\n"


@pytest.mark.parametrize("text", [
    None,
    "scenario,place\n",
    HEAD,
    HEAD + "rest,a,x,a.feature:1,1,0,no\n",
    HEAD + "rest,a,x,a.feature:1,1,0,maybe\n",
    HEAD + "rest,,x,a.feature:1,1,0,yes\n",
    HEAD + "rest,a,x\n",
    HEAD + "rest,a,x,a.feature:1,1,0,yes\n" * 2,
])  # fmt: skip
def test_a_list_that_is_none_runs_nothing(tmp_path, text):
    if text is not None:
        (tmp_path / nightly.NAME).write_text(text, encoding="utf-8")
    with pytest.raises(InputErrors):
        nightly.listed(tmp_path)


def test_a_list_that_a_spreadsheet_saved_is_read(tmp_path):
    text = HEAD + "rest,'-a,一行,夜/a.feature:1,1,0,Yes\nrest,b,二,b.feature,1,0,no\n"
    (tmp_path / nightly.NAME).write_bytes(text.encode("gb18030"))
    (one,) = nightly.listed(tmp_path)
    assert (one.ident, one.place) == ("-a", "夜/a.feature:1")


def test_the_order_holds_where_one_file_has_scenarios_of_several_stages(tmp_path):
    one, other = tmp_path / "one.feature", tmp_path / "other.feature"
    rest = FEATURE.format(ident="night-rest", tags="").replace(" \n", "\n")
    smoke = FEATURE.format(ident="night-smoke", tags="@冒烟").partition("  @REQ")
    one.write_text(rest + "\n" + smoke[1] + smoke[2], encoding="utf-8")
    text = FEATURE.format(ident="night-identity", tags="").replace(" \n", "\n")
    other.write_text(text, encoding="utf-8")
    out = tmp_path / "night"
    words = ["plan", str(one), str(other), "--profile", "memory", "--out", str(out)]
    assert main(words) == 0
    assert run(out) == 0
    plan = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in plan["scenarios"]] == NIGHT[:3]
