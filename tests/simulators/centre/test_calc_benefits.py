"""Reading a benefit plan: what is no plan is said with the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InputError
from simulators.centre.calc_benefits import ENDLESS_FEN, load

GOOD = """
[med_type]
"11" = { kind = "outpatient", clr_type = "11" }
[funds]
"310" = "310100"
[[plan]]
insutype = "310"
kind = "outpatient"
level = "*"
deductibles = ["200.00"]
bands = [["100.00", "0.5"], ["", "0.6000"]]
cap = "2000.00"
civil = "0.3333"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_is_fen_and_ten_thousandths(tmp_path: Path) -> None:
    plan = load(written(tmp_path, GOOD)).plan("310", "outpatient", "2")
    assert plan is not None
    assert plan.deductibles == (20000,)
    assert plan.bands == ((10000, 5000), (ENDLESS_FEN, 6000))
    assert (plan.cap, plan.civil, plan.aid) == (200000, 3333, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('cap = "2000.00"', "cap = 2000.0"),
        ('cap = "2000.00"', 'cap = "-1"'),
        ('cap = "2000.00"', 'cap = "0.001"'),
        ('cap = "2000.00"', 'cap = "many"'),
        ('cap = "2000.00"', ""),
        ('civil = "0.3333"', 'civil = "0.33333"'),
        ('civil = "0.3333"', 'civil = "1.0001"'),
        ('["", "0.6000"]', '["300.00", "0.6000"]'),
        ('["100.00", "0.5"], ', '["100.00", "0.5"], ["50.00", "0.5"], '),
        ('deductibles = ["200.00"]', "deductibles = []"),
        ("[funds]", "[found]"),
        ("[med_type]", "[med_type"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_file(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(path) in str(caught.value)
