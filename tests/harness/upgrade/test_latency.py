"""Percentiles of answers by nearest rank, counted by hand."""

from __future__ import annotations

import pytest

from harness.upgrade.latency import percentile


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.9, 9), (0.99, 10), (0.0, 1)])
def test_a_percentile_is_a_sample(share: float, value: float) -> None:
    assert percentile([3, 1, 2, 10, 9, 8, 7, 6, 5, 4], share) == value
