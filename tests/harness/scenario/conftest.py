"""Makes ``small_features`` importable, and keeps the language of one test from the next."""

import sys
from pathlib import Path

import pytest

from harness import i18n

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(autouse=True)
def _language():
    """A command that is run in a test chooses a language for itself."""
    before = i18n.current()
    yield
    i18n.use(before)
