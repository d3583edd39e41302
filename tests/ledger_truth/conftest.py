"""The truth is told by the way that many rows go; the short way of few rows has a test of its own."""

import pytest

from harness.ledger import columns


@pytest.fixture(autouse=True)
def _as_many_rows(monkeypatch):
    monkeypatch.setattr(columns, "FEW_ROWS", -1)
