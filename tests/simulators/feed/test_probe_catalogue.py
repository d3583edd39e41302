"""The catalogue of probes: nothing that can be sent is missing, and nothing in it is not sent."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from harness import resources
from scenarios.steps.feeds_play import ANSWERS
from scenarios.steps.feeds_probes import PHONES
from simulators.feed.payloads import TO_HIS, TO_LIS
from simulators.feed.variants import WAYS

PROBES: list[dict[str, Any]] = tomllib.loads(
    resources.fixture("feed_probes.toml").read_text(encoding="utf-8")
)["probes"]
CLASSES = {
    row["id"]
    for group in tomllib.loads(
        resources.fixture("fault_catalogue.toml").read_text(encoding="utf-8")
    )["groups"]
    for row in group.get("rows", ())
}


def blocks() -> dict[str, str]:
    """Each scenario's text, by its id."""
    found = {}
    for path in (resources.scenarios_folder() / "feeds").glob("*.feature"):
        for block in re.split(r"(?=^  @)", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if ident := re.search(r"@id-([a-z0-9-]+)", block):
                found[ident[1]] = block
    return found


BLOCKS = blocks()


def words(pack: str) -> set[str]:
    return {one["word"] for one in PROBES if one["pack"] == pack}


def test_every_word_that_a_sentence_knows_is_a_probe() -> None:
    assert words("registration") == {*WAYS}
    assert words("answers") == {*ANSWERS}
    assert words("orders") == {*TO_LIS, *TO_HIS}
    assert words("null") == {*PHONES, "缺省"}


def test_ids_are_unique_and_say_their_pack() -> None:
    idents = [one["id"] for one in PROBES]
    assert len({*idents}) == len(idents)
    assert all(one["id"].startswith(one["pack"]) for one in PROBES)


@pytest.mark.parametrize("probe", PROBES, ids=lambda one: one["id"])
def test_a_probe_is_sent_by_the_scenario_that_it_names(probe: dict[str, Any]) -> None:
    assert probe["why"]
    assert probe["expected"]
    assert {*probe["classes"]} <= CLASSES
    words_there = set(re.split(r"[“”|\s：、]+", BLOCKS[probe["scenario"]]))
    assert probe["word"] in words_there
