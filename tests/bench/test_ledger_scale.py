"""The table of costs is what its program wrote from its figures."""

from __future__ import annotations

import json

import ledger_scale


def test_the_table_was_not_edited_by_hand() -> None:
    figures = json.loads(ledger_scale.FIGURES.read_text("utf-8"))
    text = ledger_scale.PAGE.read_text("utf-8")

    assert ledger_scale.page(text, figures) == text
    assert {"100000", "1000000", "10000000"} <= set(figures)


def test_another_figure_is_another_page() -> None:
    figures = json.loads(ledger_scale.FIGURES.read_text("utf-8"))
    figures["1000000"]["cpu_s"] += 10

    assert ledger_scale.page(ledger_scale.PAGE.read_text("utf-8"), figures) != (
        ledger_scale.PAGE.read_text("utf-8")
    )
