"""The model that the guide shows is a whole one: the built-in LIS stores what it uploads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulators.analyzer import generate
from simulators.analyzer.model import load_model
from tests.simulators.test_every_model import ITEMS, Lab

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "how-to"


@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_the_guides_model_uploads_into_the_built_in_lis(tmp_path: Path, language: str) -> None:
    page = (GUIDES / f"write-an-analyzer-model{language}.md").read_text(encoding="utf-8")
    found = re.search(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    path = tmp_path / "my-analyzer.toml"
    path.write_text(found[1], encoding="utf-8")
    model = load_model(str(path))
    tested = generate.run(7, model)
    lab = Lab(tmp_path)
    try:
        lab.order(tested)
        lab.set_up(model, tested)
        lab.play(model, tested)
        lab.pump.wait(lambda: len(lab.stored(tested.barcode)) >= len(tested.results), 600)
        stored = lab.stored(tested.barcode)
    finally:
        lab.store.close()

    assert [row[:2] for row in stored] == sorted((one.item, one.value) for one in tested.results)
    assert {row[0] for row in stored} <= set(ITEMS)
