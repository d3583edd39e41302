"""What is told shortly for few rows says the same as what runs quickly over many."""

import types

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.ledger import canonical

CELLS = st.lists(
    st.text("019ANUOLZaz[@_-.:/,= \t\n\r\x1f~\x7fé中０", max_size=8)
    | st.sampled_from(["", "NULL", "none", "NaN", "-", "000", "0A", " A1 ", "A1\n", "N1", "[x"]),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as one:
        yield one


def said(con, terms, cells):
    """What these terms make of each cell ``c``, and of a cell that is not there."""
    text = f"SELECT {', '.join(terms)} FROM (SELECT unnest(?) AS c UNION ALL SELECT NULL) t"
    return con.execute(text, [cells]).fetchall()


@pytest.mark.parametrize("name", ["setl_id", "psn_no", "insutype", "medfee_sumamt", "setl_time"])
@given(cells=CELLS)
@example(cells=["0, ", "A,\t", "A,", "a,", "é", "", " A1 ", "0\n"])
def test_the_same_cells_are_odd(con, name, cells):
    terms = [
        f"COALESCE({canonical.odd_condition(name, 'c', brief=brief)}, FALSE)"
        for brief in (False, True)
    ]
    for cell, (usual, brief) in zip([*cells, None], said(con, terms, cells), strict=True):
        assert usual == brief, cell


@pytest.mark.parametrize("name", ["setl_id", "insutype"])
@given(cells=CELLS)
def test_words_are_tidied_alike(con, name, cells):
    terms = [canonical._word(name, "c", "VARCHAR", "", brief=brief) for brief in (False, True)]
    for cell, (usual, brief) in zip([*cells, None], said(con, terms, cells), strict=True):
        assert usual == brief, cell


@pytest.mark.parametrize("words", [canonical._NOTHING, canonical._YES])
@given(cells=CELLS)
@example(cells=[*canonical._NOTHING, *canonical._YES, "退 费", "yes"])
def test_one_of_a_few_words_is_the_same_one(con, words, cells):
    terms = [canonical._choice("c", words, "1", "0", brief=brief) for brief in (False, True)]
    for cell, (usual, brief) in zip([*cells, None], said(con, terms, cells), strict=True):
        assert usual == brief == int(cell in words), cell


@given(cells=CELLS | st.lists(st.sampled_from(canonical._YES).map(lambda one: f" {one.lower()}")))
def test_refunds_are_the_same_rows(con, cells):
    terms = [canonical._flag("c", "VARCHAR", brief=brief) for brief in (False, True)]
    for cell, (usual, brief) in zip([*cells, None], said(con, terms, cells), strict=True):
        assert usual == brief, cell


def test_a_row_that_cannot_be_read_is_the_same_one(con):
    names = {"medfee_sumamt": "a", "setl_time": "b"}
    kinds = dict.fromkeys(names.values(), "VARCHAR")
    part = types.SimpleNamespace(straightened=False)
    terms = [
        canonical._fault(part, names, kinds, 'TRY_CAST(t."b" AS TIMESTAMP)', lambda _: "",
                         brief=brief)
        for brief in (False, True)
    ]  # fmt: skip
    cells = ["", "NULL", "none", "-", "1.00", "2026-01-01 00:00:00", "2026-13-01", " nan ", "x"]
    rows = con.execute(
        f"SELECT {', '.join(terms)} FROM (SELECT x.c AS a, y.c AS b FROM"
        " (SELECT unnest(?) AS c UNION ALL SELECT NULL) x,"
        " (SELECT unnest(?) AS c UNION ALL SELECT NULL) y) t",
        [cells, cells],
    ).fetchall()
    assert len(rows) == (len(cells) + 1) ** 2
    assert {usual == brief for usual, brief in rows} == {True}
    assert {str(usual).partition(":")[0] for usual, _ in rows} == {"None", *names}
