"""Makes ``sample`` importable in every import mode of pytest, and one rendered run for all."""

import sys
from pathlib import Path

import pytest

from harness import i18n

sys.path.insert(0, str(Path(__file__).resolve().parent))

import sample  # the path above makes it importable


@pytest.fixture(autouse=True)
def english(_language):
    """Tests read English, whatever the machine speaks."""
    i18n.use("en")


@pytest.fixture
def folder(tmp_path):
    """A run folder with one scenario of every kind, not yet reported."""
    return sample.write_folder(tmp_path / "run")
