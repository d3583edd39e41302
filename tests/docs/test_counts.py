"""Numbers in the README are those of what ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.analyzer.model import known_models as analyzers
from simulators.centre import provinces, schema, signing_in, transactions
from simulators.modality.model import known_models as modalities

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_what_is_counted_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    known = set(schema.load().transactions)
    modelled = known & {*transactions.HANDLERS, *signing_in.NUMBERS}
    chinese = "zh" in name
    told = {
        "modelled": "{} 个有真实行为" if chinese else "{} of 212 transactions with behaviour",
        "left": "其余 {} 个交易" if chinese else "{} transactions are checked against the schema",
        "devices": "{} 个设备描述" if chinese else "{} device profiles",
    }
    counts = {
        "modelled": len(modelled),
        "left": len(known) - len(modelled),
        "devices": len(modalities()),
    }
    assert len(known) == 212
    assert len(provinces.names()) == 6
    assert [line for key in told if (line := told[key].format(counts[key])) not in text] == []
    lab = ("27 个型号", "36 个型号") if chinese else ("27 models", "36 models")
    assert sum(int(word.split()[0]) for word in lab) == len(analyzers())
    assert all(word in text for word in lab)
