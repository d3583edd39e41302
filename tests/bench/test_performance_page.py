"""The page of figures is what renders from the file of figures, and nothing else."""

import json

import pytest
import render


def test_the_page_is_rendered_from_the_figures() -> None:
    figures = json.loads(render.FIGURES.read_text("utf-8"))

    assert render.PAGE.read_text("utf-8") == render.page(figures)


@pytest.mark.parametrize("number", range(len(render.TARGETS)))
def test_a_target_is_kept_on_its_line_and_missed_beside_it(number: int) -> None:
    target = render.TARGETS[number]
    group, _, name = target.name.partition(".")
    beside = -1 if target.least else 1

    on = render._target(target, {group: {name: target.limit}})
    off = render._target(target, {group: {name: target.limit + beside * target.limit / 10}})

    assert on.endswith("| kept |")
    assert off.endswith("| **not kept** |")


def test_the_figures_say_where_they_come_from() -> None:
    figures = json.loads(render.FIGURES.read_text("utf-8"))

    assert {"commit", "command", "date", "machine"} <= set(figures)
    assert figures["machine"]["processor"]
