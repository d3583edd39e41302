"""A file is written beside other work: the file is there at the end, or the error is."""

import threading

import duckdb
import pytest

from harness.ledger.writing import Writing


@pytest.fixture
def con():
    with duckdb.connect() as one:
        yield one


def copy(path, what="range(100000)"):
    return f"COPY (SELECT * FROM {what}) TO '{path}' (FORMAT csv)"


def lines(path):
    return path.read_text(encoding="utf-8").count("\n")


def test_the_file_is_whole_when_the_block_ends(con, tmp_path):
    path = tmp_path / "all.csv"
    with Writing() as writing:
        writing.begin(con.cursor(), ["CREATE TABLE t AS FROM range(70000)", copy(path, "t")])
    assert lines(path) == 70_001
    assert not [one for one in threading.enumerate() if one.name.startswith("writing")]


def test_what_keeps_the_file_from_being_written_is_raised(con, tmp_path):
    with pytest.raises(duckdb.Error, match="in disorder"), Writing() as writing:
        writing.begin(con.cursor(), [copy(tmp_path / "x.csv", "(SELECT error('in disorder'))")])
    with pytest.raises(duckdb.Error), Writing() as writing:
        writing.begin(con.cursor(), [copy(tmp_path / "no" / "folder.csv")])


def test_an_error_meanwhile_is_told_and_the_file_is_whole(con, tmp_path):
    path = tmp_path / "all.csv"
    with pytest.raises(KeyError), Writing() as writing:
        writing.begin(con.cursor(), [copy(path)])
        raise KeyError
    assert lines(path) == 100_001
    con.close()  # nobody uses it any more


def test_where_nothing_was_begun_nothing_is_waited_for():
    with Writing() as writing:
        writing.settle()
