"""Ledgers of few rows go a shorter way: half of the tests go the way of many rows."""

import zlib

import pytest

from harness.ledger import columns


@pytest.fixture(autouse=True)
def _way(request, monkeypatch):
    if zlib.crc32(request.node.nodeid.encode()) & 1:
        monkeypatch.setattr(columns, "FEW_ROWS", -1)
