"""A scenario in which nobody asks for a defect plays alike with it: it need not be played again."""

from functools import partial

import pytest

from harness.faults.plan import keyed
from harness.selfcheck import runs
from harness.selfcheck.defect_matrix import asked_in
from harness.selfcheck.revision import commit
from simulators.hospital.defects import DEFECTS
from simulators.hospital.switches import EVERYTHING, Noted, switched_on, watched

SAMPLED = 12
"""Scenarios of a commit; each with one defect that it does not ask for."""


def test_nobody_pays_for_notes_that_nobody_reads():
    assert type(switched_on(["a"])) is set


def test_each_question_is_noted_whatever_the_answer():
    with watched() as asked:
        found = switched_on(["a"])
        assert "a" in found
        assert "b" not in found
        assert found & {"a", "c"} == {"a"}
        assert not found & {"d"}
    assert asked == {"a", "b", "c", "d"}


@pytest.mark.parametrize("look", [list, len, bool, set, frozenset, sorted, lambda on: on | {"x"}])
def test_whoever_looks_at_all_of_them_may_find_any(look):
    asked = set()
    look(Noted(["a"], asked))
    assert EVERYTHING in asked


def test_the_watch_ends():
    with watched():
        pass
    assert type(switched_on(())) is set


def _sampled():
    everything = [one for one in runs.shipped() if "extended" not in one.scenario.tags]
    return sorted(everything, key=lambda one: keyed(commit(), one.scenario.id))[:SAMPLED]


def _least_likely(one, defect):
    """First those that the scenario is meant for: there a question that was missed would show."""
    elsewhere = defect.requirement != one.scenario.requirement
    return elsewhere, keyed(commit(), one.scenario.id, defect.id)


@pytest.mark.slow
def test_with_a_defect_that_nobody_asks_for_all_is_as_without_it():
    scenarios = _sampled()
    asked = asked_in(tuple(one.scenario.id for one in scenarios), 1)
    compared = 0
    for one in scenarios:
        ident = one.scenario.id
        unasked = [each for each in DEFECTS if each.id not in asked[ident]]
        if EVERYTHING in asked[ident] or not unasked:
            continue
        chosen = min(unasked, key=partial(_least_likely, one)).id
        (plain,) = runs.play([one], seed=1)
        (changed,) = runs.play([one], seed=1, defects=[chosen])
        assert changed.conclusion == plain.conclusion, (ident, chosen)
        assert changed.stores_hash == plain.stores_hash, (ident, chosen)
        compared += 1
    assert compared
