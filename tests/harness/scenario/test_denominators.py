"""Tests of ``harness/scenario/denominators.py``."""

import pytest

from harness import i18n, resources
from harness.errors import InputErrors
from harness.scenario.denominators import load_denominators

INTERFACES = """
[[interface]]
id = "LIS-ASTM"
name = "检验仪器到LIS"
from = "analyzer"
to = "LIS"
protocol = "astm"
pillar = "lab"
"""
REQUIREMENTS = """
[[requirement]]
id = "REQ-LAB-001"
name = "结果入库"
pillar = "lab"
source = "LIS02-A2 §8"
interface = "LIS-ASTM"

[[requirement]]
id = "REQ-X-1"
name = "跨接口"
pillar = "ledger"
source = "合同"
interface = ""
"""


@pytest.fixture(autouse=True)
def _english():
    i18n.use("en")
    yield
    i18n.use("zh-CN")


def folder(tmp_path, interfaces=INTERFACES, requirements=REQUIREMENTS):
    (tmp_path / "interfaces.toml").write_text(interfaces, "utf-8")
    (tmp_path / "requirements.toml").write_text(requirements, "utf-8")
    return tmp_path


def test_both_lists_are_read(tmp_path):
    known = load_denominators(folder(tmp_path))

    assert known.interfaces["LIS-ASTM"].sender == "analyzer"
    assert known.interfaces["LIS-ASTM"].receiver == "LIS"
    assert known.requirements["REQ-LAB-001"].pillar == "lab"
    assert known.requirements["REQ-X-1"].interface == ""


def test_the_lists_that_ship_are_the_default(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "fixtures_folder", lambda: folder(tmp_path))

    assert list(load_denominators().interfaces) == ["LIS-ASTM"]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"interfaces": "x = ["}, "is not TOML"),
        ({"interfaces": ""}, "must hold [[interface]] entries"),
        ({"interfaces": INTERFACES + "[other]\n"}, "must hold [[interface]] entries"),
        ({"interfaces": "interface = 3\n"}, "must hold [[interface]] entries"),
        ({"interfaces": "interface = [3]\n"}, "must have exactly: id name from to"),
        ({"interfaces": INTERFACES + 'more = "x"\n'}, "must have exactly"),
        ({"interfaces": INTERFACES.replace('"astm"', '""')}, "this must be text: protocol"),
        ({"interfaces": INTERFACES.replace("LIS-ASTM", "检验")}, "the id must look like"),
        ({"interfaces": INTERFACES + INTERFACES}, "entry 2 of [[interface]]: the id stands twice"),
        (
            {"requirements": REQUIREMENTS.replace('"ledger"', '"money"')},
            "the pillar must be one of",
        ),
        ({"requirements": REQUIREMENTS.replace("REQ-X-1", "X-1")}, "the id must look like REQ-"),
        ({"requirements": REQUIREMENTS.replace('interface = ""', "interface = 3")}, "interface"),
        (
            {"requirements": REQUIREMENTS.replace('"LIS-ASTM"', '"LIS-X"')},
            "REQ-LAB-001 names an unknown interface: LIS-X",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, part):
    with pytest.raises(InputErrors) as caught:
        load_denominators(folder(tmp_path, **changes))

    assert part in str(caught.value)
    assert len(caught.value.problems) == 1


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputErrors) as caught:
        load_denominators(tmp_path)

    assert [problem.where for problem in caught.value.problems] == [
        str(tmp_path / "interfaces.toml"),
        str(tmp_path / "requirements.toml"),
    ]
