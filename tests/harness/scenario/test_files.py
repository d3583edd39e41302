"""Names of feature files: short, portable, and found again."""

from pathlib import Path

import pytest

from harness import resources
from harness.errors import InputError, InputErrors
from harness.scenario import files

SHIPPED = resources.scenarios_folder() / "lab" / "upload.feature"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    for name in ("sub/a.feature", "sub/b.feature", "../beside.feature"):
        Path(name).write_text("x", encoding="utf-8")
    return tmp_path


def test_a_file_below_the_current_folder_is_named_from_there(here):
    assert files.shown(Path("sub/a.feature")) == "sub/a.feature"
    assert files.shown(here / "here" / "sub" / "a.feature") == "sub/a.feature"


def test_a_file_that_ships_has_one_name_everywhere():
    assert files.shown(SHIPPED) == "scenarios/lab/upload.feature"
    assert files.find("scenarios/lab/upload.feature") == SHIPPED


def test_a_file_here_comes_before_one_that_ships():
    own = Path("scenarios/lab/upload.feature")
    own.parent.mkdir(parents=True)
    own.write_text("x", encoding="utf-8")
    assert files.find("scenarios/lab/upload.feature") == own
    assert files.shown(own) == "scenarios/lab/upload.feature"
    assert files.shown(SHIPPED) != "scenarios/lab/upload.feature"
    assert Path(files.shown(SHIPPED)).resolve() == SHIPPED


def test_a_file_elsewhere_is_named_by_the_way_to_it():
    assert files.shown(Path("../beside.feature")) == "../beside.feature"


def test_the_name_of_a_file_is_another_from_another_folder(here, monkeypatch):
    file = here / "here" / "sub" / "a.feature"
    assert files.shown(file) == "sub/a.feature"
    monkeypatch.chdir(here / "here" / "sub")
    assert files.shown(file) == "a.feature"


def test_another_drive_has_no_way_to_it(monkeypatch, here):
    def relpath(*_):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(files.os.path, "relpath", relpath)
    assert files.shown(here / "beside.feature") == (here / "beside.feature").as_posix()


@pytest.mark.parametrize("name", ["none.feature", "scenarios/none.feature", "scenarios2/lab", ""])
def test_a_name_that_leads_nowhere(name):
    if name:
        with pytest.raises(InputError, match=r"none|scenarios2"):
            files.find(name)
    else:
        assert files.find(name) == Path()


def test_nothing_given_is_everything_that_ships():
    chosen = files.choose([])
    assert SHIPPED in chosen
    assert set(chosen.values()) == {()}


def test_folders_files_and_lines():
    a, b = (Path(f"sub/{name}.feature").resolve() for name in "ab")
    assert files.choose(["sub"]) == {a: (), b: ()}
    assert files.choose(["sub/a.feature:9", "sub/a.feature:3", "sub/a.feature:9"]) == {a: (3, 9)}
    assert files.choose(["sub/a.feature:9", "sub"]) == {a: (), b: ()}
    assert files.choose(["sub/b.feature", "sub/a.feature", "sub/b.feature"]) == {b: (), a: ()}


def test_every_argument_that_leads_nowhere_is_told():
    with pytest.raises(InputErrors) as caught:
        files.choose(["one", "sub", "two.feature:3"])
    assert [problem.where for problem in caught.value.problems] == ["one", "two.feature"]


def test_a_file_that_only_looks_like_one_is_told():
    Path("sub/c.feature.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputErrors, match="txt"):
        files.choose(["sub"])
