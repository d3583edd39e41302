"""Names of a scenario and their values."""

from __future__ import annotations

import pytest

from harness import i18n
from harness.errors import ScenarioError
from harness.evidence.slots import Slots


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


def test_equal_names_are_equal_values() -> None:
    slots = Slots()
    one = slots.mint("specimen", "管1", lambda index: f"S{index}")
    other = slots.mint("specimen", "管2", lambda index: f"S{index}")

    assert (one, other) == ("S0", "S1")
    assert slots.mint("specimen", "管1", lambda index: f"S{index}") == "S0"
    assert slots.get("specimen", "管2") == "S1"
    assert slots.mint("patient", "管1", lambda index: f"P{index}") == "P0"
    assert slots.names("specimen") == ["管1", "管2"]


def test_a_name_is_prepared_once() -> None:
    slots = Slots()
    slots.bind("specimen", "管1", "S1")

    with pytest.raises(ScenarioError, match="specimen “管1” is prepared twice"):
        slots.bind("specimen", "管1", "S2")


def test_two_names_never_get_the_same_value() -> None:
    slots = Slots()
    slots.bind("specimen", "管1", "S1")

    with pytest.raises(ScenarioError, match="specimen “管2” would be the same as “管1”: S1"):
        slots.mint("specimen", "管2", lambda index: "S1")
    slots.bind("patient", "管2", "S1")


def test_unknown_names_come_with_the_known_ones() -> None:
    slots = Slots()
    with pytest.raises(ScenarioError, match="“管9” was not prepared in this scenario; known: -"):
        slots.get("specimen", "管9")
    slots.bind("specimen", "管1", "S1")
    slots.bind("specimen", "管2", "S2")
    with pytest.raises(ScenarioError, match="known: 管1、管2"):
        slots.get("specimen", "管9")
