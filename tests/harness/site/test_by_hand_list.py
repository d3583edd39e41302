"""Every 当 sentence: what it commands has a card by which a person does it, or a reason why not."""

import tomllib

import pytest
from commands_of import commands

from harness.resources import fixture
from harness.scenario.sentence import StepKind
from harness.scenario.steps import load_libraries
from harness.site.cards import read_forms

SYSTEMS = {"HIS", "LIS", "PACS", "RIS", "modality"}


@pytest.fixture(scope="module")
def told():
    """What each 当 sentence may tell a system, by its id."""
    found = {}
    for step in load_libraries().steps:
        if step.kind is StepKind.WHEN:
            function = step.function
            module = function.__module__.rpartition(".")[2]
            found[step.doc.id] = {
                f"{role} {name}" for role, name in commands(module, function.__name__)
            }
    return found


@pytest.fixture(scope="module")
def listed():
    text = fixture("site", "by-hand.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def cards():
    return {f"{role} {command}" for role, command in read_forms()}


def test_each_sentence_is_listed_with_its_cards_or_with_the_reason(told, listed):
    known = {one: {"cards": cards_} for one, cards_ in listed["cards"].items()}
    for reason, idents in listed["without"].items():
        for ident in idents:
            assert ident not in known, f"{ident} is listed twice"
            known[ident] = {"without": reason}
    assert set(told) == set(known), "a new sentence needs its cards, or a reason"
    assert set(listed["without"]) == set(listed["reasons"])


def test_a_card_that_is_listed_ships_and_is_what_the_sentence_asks_for(told, listed):
    for ident, wanted in listed["cards"].items():
        assert wanted, ident
        assert set(wanted) <= cards(), f"{ident}: no such card ships"
        for one in wanted:
            role = one.partition(" ")[0]
            assert told[ident] & {one, f"{role} exam-*", f"{role} *"}, ident


def test_a_sentence_that_tells_a_system_something_is_not_called_a_device(told, listed):
    for reason, idents in listed["without"].items():
        for ident in idents:
            asked = {one for one in told[ident] if one.partition(" ")[0] in SYSTEMS}
            if reason == "ours":
                assert not asked, f"{ident} tells {asked}"
            else:
                assert asked & cards() == set(), f"{ident}: {asked} has a card"


def test_what_a_sentence_may_tell_is_found_in_its_source(told):
    assert told["feeds.merge"] == {"HIS merge"}
    assert told["insurance.settle"] == {"HIS yb-settle"}
    assert told["lab.upload"] == set()
    assert told["imaging.cancel"] >= {"RIS cancel"}
