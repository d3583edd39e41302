"""Played drivers and a client folder, one of each a test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from played_drivers import Driver

from harness import i18n
from harness.databases import oracle_client


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    before = i18n.current()
    i18n.use("en")
    monkeypatch.setattr(oracle_client, "_loaded", [])
    yield
    i18n.use(before)


@pytest.fixture
def played(monkeypatch):
    """Puts a played driver where the real one would be."""

    def put(name, answers=None, **words):
        driver = Driver(name, answers, **words)
        monkeypatch.setitem(sys.modules, name, driver)
        return driver

    return put
