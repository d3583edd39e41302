"""Grades by interface; money and identity never below 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InputError
from harness.upgrade.differences import Difference
from harness.upgrade.severity import read, shipped


def difference(interface: str, path: str, cls: str = "value") -> Difference:
    return Difference(cls=cls, interface=interface, name="n", path=path, place=path, old="a",
                      new="b", scenario="s", position=0)  # fmt: skip


@pytest.mark.parametrize(
    ("interface", "path", "cls", "grade"),
    [
        ("HIS-YB", "/input/x", "value", 2), ("LIS-ORU", "OBX-8", "value", 3),
        ("LIS-ORU", "OBX-8", "added", 4), ("LIS-ORU", "PID-3", "added", 2),
        ("HIS-YB", "/input/fee", "latency", 2), ("LIS-ORU", "", "latency", 3),
        ("HIS-ORD", "", "missing", 2), ("LIS-CRIT", "OBX-5", "value", 2),
    ],
)  # fmt: skip
def test_the_rules_that_ship(interface: str, path: str, cls: str, grade: int) -> None:
    assert shipped().grade(difference(interface, path, cls)) == grade


def test_a_site_writes_its_own_and_money_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('format = 1\n[[rule]]\ninterface = "*"\ngrade = 4\n', "utf-8")

    assert read(path).grade(difference("LIS-ORU", "OBX-8")) == 4
    assert read(path).grade(difference("sql HIS", "row.fund_fen")) == 2


@pytest.mark.parametrize(
    "text",
    ["", "format = 2", "format = 1\nx = 1", 'format = 1\n[[rule]]\ninterface = "*"\ngrade = 9',
     "format = 1\n[[rule]]\ngrade = 3",
     'format = 1\n[[rule]]\ninterface = "*"\ngrade = 3\nclass = ["odd"]'],
)  # fmt: skip
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"s\.toml"):
        read(path)
