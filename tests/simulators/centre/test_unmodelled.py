"""A scenario in which the centre answered without behaviour proves nothing, however well it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.evidence.verdict import Verdict
from harness.selfcheck import runs
from simulators.centre import simulate, transactions

pytestmark = pytest.mark.slow

SCENARIO = "yb-window"
"""A settlement at the window: 1101, 2201, 2203, 2204, 2206, 2207."""


@pytest.mark.parametrize(
    ("without", "verdict"), [("", Verdict.PASS), ("2203", Verdict.INCONCLUSIVE)]
)
def test_a_verdict_on_an_unmodelled_answer(
    without: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = transactions.handlers

    def some(*args: Any, **named: Any) -> Mapping[str, Any]:
        return {infno: one for infno, one in known(*args, **named).items() if infno != without}

    monkeypatch.setattr(simulate, "handlers", some)
    bound = [one for one in runs.shipped() if one.scenario.id == SCENARIO]
    (played,) = runs.play(bound, seed=3)

    assert played.conclusion.verdict is verdict
    assert not played.conclusion.findings
    said = [str(one.get("text", "")) for one in played.records if one["kind"] == "note"]
    assert any(text.startswith("unmodelled 2203") for text in said) is bool(without)
